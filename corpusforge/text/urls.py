"""Normalised URLs: two spellings of one page's address give one string.

Scheme, "www.", default ports, fragments, a closing slash, index pages' names and parameters that
only track the visitor are dropped; the host is lower-cased and parameters are sorted (the practice
of RFC 3986 section 6 and of web crawlers). Limit: no redirects are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from corpusforge.hashing import id_keys

__all__ = ["normalise_url", "url_hashes"]

_SPLIT = re.compile(r"^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//([^/?#]*)([^?#]*)(?:\?([^#]*))?")
_TRACKING = re.compile(r"^(?:utm_\w*|gclid|fbclid|msclkid|mc_cid|mc_eid|yclid|igshid|ref_src)$")
_INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?|jsp)$", re.IGNORECASE)


def normalise_url(url: str) -> str:
    """Return the URL's normal form; "" for an empty one, the text itself where it has no host."""
    match = _SPLIT.match(url.strip())
    if match is None:
        return url.strip()
    host, path, query = match.group(1), match.group(2), match.group(3) or ""
    host = host.rpartition("@")[2].lower().removesuffix(":80").removesuffix(":443")
    host = host.rstrip(".").removeprefix("www.")
    path = _INDEX.sub("", path).rstrip("/")
    kept = sorted(
        item for item in query.split("&") if item and not _TRACKING.match(item.partition("=")[0])
    )
    return host + path + ("?" + "&".join(kept) if kept else "")


def url_hashes(urls: Iterable[str | None]) -> NDArray[np.uint64]:
    """Return a uint64 for each URL's normal form; 0 where there is none. The result is [urls]."""
    forms = [normalise_url(url) if url else "" for url in urls]
    hashes = id_keys(forms)
    empty = np.fromiter((form == "" for form in forms), dtype=bool, count=len(forms))
    hashes[empty] = 0
    return hashes
