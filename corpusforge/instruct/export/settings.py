"""How rows are exported. Limit: one setting for all forms of an export."""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.errors import RecipeError

__all__ = ["REASONING", "Settings"]

REASONING = ("none", "think", "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The `[export]` table of an instruction data set."""

    reasoning: str = "none"
    """How a row's reasoning joins its answer: none (left out), think (<think>…</think> before it) or
    plain (before it, a blank line between). Parquet and `datasets` keep the field in any case."""

    validation: float = 0.05
    """Share of near-duplicate groups held out for validation, 0 to 0.5; 0 writes no such file."""

    seed: int = 0
    """Seed of the split."""

    name: str = "instructions"
    """Name of the data set in LLaMA-Factory's index and on the card."""

    ask: str = ""
    """Text behind each question of `rlvr`, a blank line between: the form of answer that the reward
    function looks for."""

    data_source: str = ""
    """verl's and OpenRLHF's name of the data set in `rlvr`, by which they pick a reward function; the name
    of the questions' file by default."""

    licence: str = ""
    """Licence on the card. Rows made by a model also carry that model's output licence."""

    def __post_init__(self) -> None:
        if self.reasoning not in REASONING:
            raise RecipeError(
                f"export.reasoning is {self.reasoning!r}; expected one of {', '.join(REASONING)}."
            )
        if not 0.0 <= self.validation <= 0.5:
            raise RecipeError(f"export.validation is {self.validation}; expected 0 to 0.5.")
        if not self.name or not self.name.replace("-", "").replace("_", "").isalnum():
            raise RecipeError(f"export.name is {self.name!r}; use letters, digits, - and _.")
