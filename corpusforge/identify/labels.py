"""One label a language: ISO 639-1 where there is one, else ISO 639-3, as lid.176 spells them.

Engines differ in old codes (iw, in, jw), in script suffixes and in whether a macro language is
meant; everything downstream compares labels, so they are brought to one form here.
"""

from __future__ import annotations

import functools

__all__ = ["UNKNOWN", "canonical"]

UNKNOWN = "und"

_SAME = {
    "in": "id",
    "iw": "he",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
    "nb": "no",
    "fil": "tl",
    "bh": "bh",
    "zzp": UNKNOWN,  # CLD2's pig latin and other jokes
    "zzb": UNKNOWN,
    "zze": UNKNOWN,
    "zzh": UNKNOWN,
    "xxx": UNKNOWN,
    "un": UNKNOWN,
    "": UNKNOWN,
}


@functools.cache
def canonical(code: str) -> str:
    """Return the label for an engine's code: `iw` → `he`, `zh-Hant` → `zh`, `xx-Arab` → `und`."""
    base = code.removeprefix("__label__").lower().replace("_", "-").split("-")[0]
    if base == "xx":
        return UNKNOWN
    return _SAME.get(base, base)
