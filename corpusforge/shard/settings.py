"""What a recipe may say in its [shard] section."""

from __future__ import annotations

import math
from dataclasses import dataclass

from corpusforge.errors import RecipeError

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the stream is cut into files. Other shapes are made by `pipelines.export_shards`."""

    shard_megabytes: float = 512.0
    """Size of a shard in 10^6 bytes; a shard ends at the first document end at or after it."""

    def __post_init__(self) -> None:
        if not 0 < self.shard_megabytes < math.inf:
            raise RecipeError(f"shard.shard_megabytes is {self.shard_megabytes}; expected above 0.")
