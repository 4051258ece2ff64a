"""What a recipe may say in its [report] section."""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.errors import RecipeError

__all__ = ["MOST", "Settings"]

MOST = 10_000
"""Texts of one rule are held in memory until their part ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is kept of a run for people who look at it."""

    dropped_samples: int = 2
    """Documents whose text is kept of those that a rule drops, redacted: up to so many for each rule in each
    part of a source, drawn by hash. 0 keeps no text of a dropped document. `corpusforge view` shows them."""

    def __post_init__(self) -> None:
        if not 0 <= self.dropped_samples <= MOST:
            raise RecipeError(
                f"report.dropped_samples is {self.dropped_samples}; expected 0 to {MOST:,}."
            )
