"""What a run of `pipelines.tool_calls` may be told, and what each value means.

The threshold is Toolformer's (Schick et al. 2023; 0.5 there for the calculator and translation, so that
enough was left); the other numbers are ours. Limit: one setting for all languages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from corpusforge.errors import RecipeError
from corpusforge.instruct.rules import RULES
from corpusforge.instruct.settings import LANGUAGES, check_least, check_names, without
from corpusforge.instruct.tools.calls import NAMES
from corpusforge.instruct.tools.dates import read_day
from corpusforge.instruct.tools.errors import ToolError
from corpusforge.models.records import Sampling

__all__ = ["Settings"]

_SAMPLE = Sampling(temperature=0.7, top_p=0.95, max_tokens=512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The `[tool_calls]` table."""

    tools: tuple[str, ...] = ("calculator", "calendar", "convert", "search")
    """calculator, calendar, convert, search, python; python also needs --run-code."""

    languages: tuple[str, ...] = ("en",)
    """en, zh, or both."""

    each: int = 100
    """Passages drawn for each language; every tool that may fit one is tried on it."""

    ground: str = ""
    """A run of the pretraining pipeline, or JSON lines with `text`: where texts come from, and what is
    searched."""

    passage: int = 400
    """Most characters of a passage; it ends with a paragraph or sentence."""

    samples: int = 2
    """Replies asked for each passage and tool."""

    threshold: float = 1.0
    """Nats by which a call's result must lower the loss of what follows."""

    most: int = 3
    """Calls kept in one passage, those of the largest gain; calls at one place are one."""

    today: str = ""
    """The day that the calendar calls today, YYYY-MM-DD; without it no call may ask for it."""

    run_code: bool = False
    """Run the code of Python calls (docs/cot.md says how, and what that does not prevent)."""

    seed: int = 0
    """Seed of every draw and of the requests' own seeds."""

    evaluation: str = ""
    """Index of `python -m pipelines.build_eval_index`: rows that hold evaluation text are refused."""

    allow: tuple[str, ...] = ()
    """Names of row rules that are not applied."""

    echo_model: str = ""
    """The model that tells how likely texts are, as its requests name it."""

    sample: Sampling = _SAMPLE
    """Sampling of the step that writes calls."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_names(self, "tool_calls", tools=tuple(NAMES), languages=LANGUAGES, allow=RULES)
        check_least(self, "tool_calls", each=1, passage=40, samples=1, most=1)
        if not 0 <= self.threshold < math.inf:
            raise RecipeError(f"[tool_calls] threshold = {self.threshold}: expected 0 or more.")
        if "python" in self.tools and not self.run_code:
            raise RecipeError(
                "[tool_calls] python runs code that a model wrote: give --run-code as well (docs/cot.md)."
            )
        if self.today:
            try:
                read_day(self.today)
            except ToolError as error:
                raise RecipeError(f"[tool_calls] today = {self.today!r}: {error}.") from error

    def fixed(self) -> dict[str, object]:
        """Return the settings that rows depend on; of paths the contents count, not the names."""
        return without(self, ("ground", "evaluation"))
