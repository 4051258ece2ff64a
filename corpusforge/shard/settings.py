"""What a recipe may say in its [shard] section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from corpusforge.errors import RecipeError

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the stream is cut into files."""

    shard_megabytes: float = 512.0
    """Size of a shard in 10^6 bytes; a shard ends at the first document end at or after it."""
    packing: Literal["stream", "best_fit", "one"] = "stream"
    """`stream`: documents end to end (GPT). `best_fit`: fixed sequences of whole documents, padded.
    `one`: one document a sequence, padded."""
    sequence: int = 2048
    """Tokens of a packed sequence; `stream` has no fixed sequences and ignores it."""
    export: tuple[str, ...] = ()
    """Further copies of the tokens: `parquet`, `arrow` (opens with `datasets.load_from_disk`)."""

    def __post_init__(self) -> None:
        if self.shard_megabytes <= 0:
            raise RecipeError(f"shard.shard_megabytes is {self.shard_megabytes}; expected above 0.")
        if self.sequence < 2:
            raise RecipeError(f"shard.sequence is {self.sequence}; expected 2 tokens or more.")
        for name in self.export:
            if name not in ("parquet", "arrow"):
                raise RecipeError(f"shard.export holds {name!r}; expected 'parquet' or 'arrow'.")
