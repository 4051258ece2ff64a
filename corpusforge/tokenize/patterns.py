"""How text is cut into pieces before merging, and which published ranks need which cut.

The expressions are those published with GPT-2 (Radford et al. 2019) and tiktoken. Each stands in
two forms that find the same pieces: portable (Oniguruma, which `tokenizers` uses, reads possessive
quantifiers otherwise) and fast, for tiktoken. Ranks files are known by their SHA-256, as tiktoken
knows them. Limit: an unknown ranks file does not say which cut it was made with.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "END_OF_TEXT",
    "FAST_PATTERNS",
    "KNOWN_RANKS",
    "PATTERNS",
    "START_OF_TEXT",
    "Known",
    "byte_letters",
    "known_by_name",
]

END_OF_TEXT = "<|endoftext|>"
START_OF_TEXT = "<|startoftext|>"

PATTERNS = {
    "gpt2": (r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"),
    "cl100k": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "o200k": (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}
"""Named cuts in portable form."""

FAST_PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ),
    "o200k": PATTERNS["o200k"],
}
"""The same cuts without backtracking, for tiktoken's engine."""


@dataclass(frozen=True, slots=True)
class Known:
    """A published encoding: how its text is cut, and the id that ends a document."""

    name: str
    pattern: str
    end_id: int


_R50K = Known("r50k_base", "gpt2", 50256)
_P50K = Known("p50k_base", "gpt2", 50256)
_CL100K = Known("cl100k_base", "cl100k", 100257)
_O200K = Known("o200k_base", "o200k", 199999)

KNOWN_RANKS = {
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930": _R50K,
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069": _P50K,
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7": _CL100K,
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d": _O200K,
}
"""Published ranks files by the SHA-256 of their bytes."""


def known_by_name(file_name: str) -> Known | None:
    """Return the published encoding whose name a ranks file's name holds, or None."""
    parts = {"r50k": _R50K, "gpt2": _R50K, "p50k": _P50K, "cl100k": _CL100K, "o200k": _O200K}
    lower = file_name.lower()
    return next((known for part, known in parts.items() if part in lower), None)


def byte_letters() -> list[str]:
    """Return the letter by which byte-level BPE files write each byte, 256 strings.

    Printable Latin-1 bytes stand for themselves; the others are numbered from U+0100 up (GPT-2).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [""] * 256
    for byte in printable:
        letters[byte] = chr(byte)
    hidden = (byte for byte in range(256) if not letters[byte])
    for number, byte in enumerate(hidden):
        letters[byte] = chr(0x100 + number)
    return letters
