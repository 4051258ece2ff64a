"""The readers' view of character sets: text from a file's bytes, and whether it is text at all."""

from __future__ import annotations

import re

from corpusforge.text.charset import decode

__all__ = ["controls", "decode"]

_SAMPLE = 1 << 16
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")


def controls(text: str) -> float:
    """Return the share (0..1) of control and replacement characters in the first 65,536.

    Text has none, or a stray few; bytes that are no text have 10 % and more in any character set.
    """
    sample = text[:_SAMPLE]
    return len(_CONTROLS.findall(sample)) / max(1, len(sample))
