"""Keys out of texts: what a server sends back may hold what it was sent, and is kept for years.

A key is found as it is, percent-encoded, in hex, and in base64, alone or inside longer text that was
encoded with it (`Basic …` headers); a URL's `user:password` counts as a key, and so does its password.
Limits: words and very short keys (`EMPTY`, `none`, what servers at home are given) are no secrets, and
masking them would change answers; other encodings are not known.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Mask", "credentials", "without_credentials"]

SHORTEST = 6
WORD = 16
"""Letters alone are a key from this length on; shorter ones are words."""
_SHOWN = "[key]"
_LEAST = 6
"""Characters of base64 that are found inside a longer text: fewer are in any text by chance."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Hides keys in texts; hides nothing where there is no key."""

    pattern: re.Pattern[str] | None = None

    @classmethod
    def of(cls, keys: Iterable[str]) -> Mask:
        """Return the mask of all keys that are secrets."""
        forms = {form for key in keys if _is_secret(key) for form in _forms(key)}
        longest = sorted(forms, key=lambda form: (-len(form), form))
        return cls(re.compile("|".join(longest)) if longest else None)

    def hide(self, text: str) -> str:
        """Return the text with `[key]` in place of each key."""
        return self.pattern.sub(_SHOWN, text) if self.pattern else text


def _is_secret(key: str) -> bool:
    return len(key) >= (WORD if key.isalpha() else SHORTEST)


def _forms(key: str) -> Iterator[str]:
    """Yield an expression for each way in which a key may stand in a text."""
    yield re.escape(key)
    yield re.escape(quote(key, safe=""))
    data = key.encode("utf-8", "surrogatepass")
    yield f"(?i:{data.hex()})"
    for shift in range(3):  # how many bytes stand before it in its group of three
        core = _core(data, shift)
        if len(core) >= _LEAST:
            for text in {core, core.replace("+", "-").replace("/", "_")}:
                yield re.escape(text) + "[A-Za-z0-9+/_-]?={0,2}"


def _core(data: bytes, shift: int) -> str:
    """Return the characters of base64 that depend on these bytes alone."""
    text = base64.b64encode(b"\0" * shift + data).decode()
    return text[-(-8 * shift // 6) : 8 * (shift + len(data)) // 6]


def credentials(url: str) -> tuple[str, ...]:
    """Return what of a URL must not be shown: `user:password` and the password, or nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:  # not a URL; whoever opens it says so
        return ()
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return (f"{user}:{password}", password) if password else (user,)


def without_credentials(url: str) -> str:
    """Return the URL without user and password."""
    before, mark, rest = url.partition("//")
    host, slash, path = rest.partition("/")
    return before + mark + host.rpartition("@")[2] + slash + path
