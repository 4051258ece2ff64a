"""Settings of an import of rankings: what is refused, what is only flagged, who disagrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from corpusforge.errors import RecipeError, nearest

__all__ = ["REPEATS", "UNTOUCHED", "Settings"]

UNTOUCHED = ("flag", "refuse")
REPEATS = ("latest", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How answers are judged."""

    untouched: str = "flag"
    """An order equal to the presented one that nobody confirmed, or that was given faster than
    `seconds`: `flag` keeps it, unconfirmed and with the flag "untouched"; `refuse` refuses it."""
    seconds: float = 3.0
    """Lead time in seconds under which an order equal to the presented one counts as untouched. Our
    choice: one cannot read two answers in it. A tool that tells no time is not held to it."""
    repeats: str = "latest"
    """Several answers of one rater to one task: `latest` keeps the newest and refuses the others as
    "superseded"; `all` keeps each with the flag "again"."""
    adjudicate: float = 0.5
    """A prompt goes to the adjudication queue where the mean Kendall tau-b between its raters is
    below this (1 is the same order, 0 no relation)."""
    raters: Mapping[str, str] = field(default_factory=dict)
    """The labelling tool's user (id or e-mail) to pseudonym ("r_" and hex). Where it is given, an
    answer by anybody but the task's rater is refused; where not, whoever answered counts as them."""

    def __post_init__(self) -> None:
        for name, known in (("untouched", UNTOUCHED), ("repeats", REPEATS)):
            value = getattr(self, name)
            if value not in known:
                raise RecipeError(f"{name} is {value!r}.{nearest(str(value), known)}")
        if not 0 <= self.seconds < float("inf"):
            raise RecipeError(f"seconds is {self.seconds}; a time of 0 or more.")
        if not -1 <= self.adjudicate <= 1:
            raise RecipeError(f"adjudicate is {self.adjudicate}; tau-b lies between -1 and 1.")
