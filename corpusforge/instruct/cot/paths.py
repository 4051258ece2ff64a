"""Which reasoning is the same reasoning: the list of its equations, or its steps where it has none.

Rejection-sampling fine-tuning (Yuan et al. 2023) keeps one path of each list of equations. Ours are
compared as written but for spaces, currency, thousands separators and the sign of multiplication;
text without two equations is compared by its letters and digits. Limit: equations in another order
are another path.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

__all__ = ["equations", "path_key"]

_SIGNS = str.maketrans("×÷−–", "*/--")
_EQUATION = re.compile(
    r"[-(\d.][-+*/()\d.%^]*+(?:(?P<right>=(?:[-+*/().%^=]*+\d)++%?\)?)|=[-+*/().%^=]*+)?"
)
"""An equation where it has a right side; else what has none is passed over, and no part tried again."""
_BETWEEN = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DRESS = re.compile(r"[$€£¥]|<<[^<>]*>>|\\")
_AROUND = re.compile(r"(?:(?<!\s)\s++)?([-+*/=()^%])\s*+")


def equations(reasoning: str) -> tuple[str, ...]:
    """Return the equations of a reasoning in order, without spaces and signs of money."""
    text = _BETWEEN.sub("", reasoning.replace("，", " ； "))
    text = unicodedata.normalize("NFKC", text).replace(r"\times", "×")
    text = re.sub(r"(?<=[\d)%])\s*[xX·]\s*(?=[$(\d.])", "*", _DRESS.sub("", text))
    text = _AROUND.sub(r"\1", text.translate(_SIGNS))
    found = (match for match in _EQUATION.finditer(text) if match["right"])
    return tuple(match[0].strip(".") for match in found)


def path_key(reasoning: str) -> str:
    """Return 16 hex digits that equal reasoning paths share."""
    found = equations(reasoning)
    if len(found) >= 2:
        content = "equations\x00" + "\x00".join(found)
    else:
        plain = unicodedata.normalize("NFKC", reasoning).casefold()
        content = "text\x00" + "".join(c for c in plain if c.isalnum())
    return hashlib.blake2b(content.encode("utf-8", "replace"), digest_size=8).hexdigest()
