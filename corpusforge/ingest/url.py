"""One spelling for one address: the RFC 3986 normal form, minus what only tracks visitors.

Lower-case scheme and host, default port, dot segments and fragment removed, percent escapes in
one case and undone where they are not needed, an empty path as "/", query parameters of
advertising campaigns dropped. Limit: parameters are not sorted, since order carries meaning on
some sites.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["normalise_url"]

_PORTS = {"http": "80", "https": "443", "ftp": "21"}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNSAFE = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}]")
_TRACKING = re.compile(
    r"(?:utm_[a-z_]+|fbclid|gclid|dclid|msclkid|yclid|igshid|mc_cid|mc_eid|_hsenc|_hsmi)(?:=|$)",
    re.IGNORECASE,
)


def normalise_url(url: str) -> str:
    """Return the address in normal form; what is no address comes back stripped, unchanged."""
    url = re.sub(r"[\t\r\n]", "", url.strip())
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        return url
    scheme = parts.scheme.lower()
    if not scheme or not host:
        return url
    netloc = _host(host)
    if port is not None and str(port) != _PORTS.get(scheme):
        netloc += f":{port}"
    if "@" in parts.netloc:
        netloc = parts.netloc.rsplit("@", 1)[0] + "@" + netloc
    path = _segments(_escapes(parts.path)) or "/"
    query = "&".join(part for part in _escapes(parts.query).split("&") if not _TRACKING.match(part))
    return f"{scheme}://{netloc}{path}" + (f"?{query}" if query else "")


def _host(host: str) -> str:
    host = host.lower().rstrip(".")
    if ":" in host:
        return f"[{host}]"
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _escapes(text: str) -> str:
    """Percent escapes upper-case, undone for unreserved letters; unsafe characters escaped."""

    def undo(found: re.Match[str]) -> str:
        letter = chr(int(found[1], 16))
        return letter if letter in _UNRESERVED else found[0].upper()

    def escape(found: re.Match[str]) -> str:
        return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))

    return _UNSAFE.sub(escape, _ESCAPE.sub(undo, text))


def _segments(path: str) -> str:
    """The path without "." and ".." segments (RFC 3986, 5.2.4)."""
    if "/." not in path:
        return path
    out: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(out) > 1:
                out.pop()
        elif segment != ".":
            out.append(segment)
    if segments[-1] in (".", ".."):
        out.append("")
    return "/".join(out)
