"""What a recipe may say in its [tokenize] section."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from corpusforge.errors import RecipeError

__all__ = ["Settings"]

SMALLEST_VOCABULARY = 258  # 256 bytes, the end-of-document id, one merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Which tokenizer makes the ids, and how documents are delimited."""

    tokenizer: str = "train"
    """`train` (a byte-level BPE made in the run), a tiktoken name (`gpt2`, `r50k_base`,
    `cl100k_base`, `o200k_base`, …), or a path to a `*.tiktoken` ranks file or `tokenizer.json`."""
    pattern: str = ""
    """How text is cut before merging: `gpt2`, `cl100k`, `o200k` or a regular expression. Empty:
    `gpt2` when training, and for a ranks file the one that belongs to its content or name."""
    vocab_size: int = 32768
    """Ids of a trained tokenizer, the end-of-document id included."""
    train_megabytes: float = 32.0
    """How much text (10^6 bytes, a hash sample of the documents) a tokenizer is trained on."""
    end_token: str = ""
    """The token of a `tokenizer.json` that ends a document; empty: found among the usual names."""
    start_token: bool = False
    """True: each document begins with a start id as well (OPT does so); the end-of-document id
    serves where the vocabulary has no start token."""
    accelerator: Literal["auto", "off", "gigatoken"] = "auto"
    """`auto`: our kernel for the cuts gpt2 and cl100k, tiktoken for others; `off`: tiktoken alone;
    `gigatoken`: that library. Accelerated batches are checked against tiktoken (`check_share`)."""
    check_share: float = 0.01
    """Share of an accelerated batch's documents (at least one) that tiktoken encodes as well."""
    batch_megabytes: float = 4.0
    """Text encoded and written at once, in 10^6 bytes; bounds memory."""

    def __post_init__(self) -> None:
        if not self.tokenizer:
            raise RecipeError(
                "tokenize.tokenizer is empty; write 'train', a tiktoken name or a path."
            )
        if not SMALLEST_VOCABULARY <= self.vocab_size < 2**31:
            raise RecipeError(
                f"tokenize.vocab_size is {self.vocab_size}; expected {SMALLEST_VOCABULARY} to 2^31."
            )
        for key in ("train_megabytes", "batch_megabytes"):
            if not 0 < getattr(self, key) < math.inf:
                raise RecipeError(f"tokenize.{key} is {getattr(self, key)}; expected more than 0.")
        if not 0 < self.check_share <= 1:
            raise RecipeError(
                f"tokenize.check_share is {self.check_share}; expected a share in (0, 1]. "
                "Set accelerator = 'off' to use tiktoken alone."
            )
