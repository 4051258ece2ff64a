"""What a run of `pipelines.machine_marks` may be told, and what each value means."""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.errors import RecipeError
from corpusforge.instruct.settings import check_least

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a run."""

    most: int = 3000
    """Characters of a document that the model reads: its beginning."""

    curve: str = ""
    """A curve that --fit made with the same model (curve.json); without it no band is given."""

    fit: str = ""
    """JSON lines with `text` and `machine` (true or false): a curve is fitted to them and written, nothing
    is marked."""

    likelihood: bool = True
    """Ask a model how likely each document is; --no-likelihood looks for a watermark alone."""

    watermark_key: int = 0
    """The watermark's hashing key; 0 looks for none."""

    watermark_gamma: float = 0.25
    """The watermark's share of green tokens."""

    watermark_tokenizer: str = ""
    """Tokenizer of the model that may have written: a tiktoken name or a tokenizer.json."""

    watermark_vocabulary: int = 0
    """Size of that model's output layer; 0: the tokenizer's own, which is often a little smaller."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_least(self, "machine_marks", most=1000, watermark_key=0, watermark_vocabulary=0)
        if not 0 < self.watermark_gamma < 1:
            raise RecipeError(
                f"[machine_marks] watermark_gamma = {self.watermark_gamma}: expected 0 < x < 1."
            )
        if bool(self.watermark_key) != bool(self.watermark_tokenizer):
            raise RecipeError(
                "[machine_marks] a watermark is found by --watermark-key and --watermark-tokenizer "
                "together: give both, or neither."
            )
        if self.fit and (self.curve or not self.likelihood):
            raise RecipeError(
                "[machine_marks] fit makes a curve by likelihoods: leave out --curve."
            )
        if not self.likelihood and not self.watermark_key:
            raise RecipeError("[machine_marks] nothing to look for: give --watermark-key.")
