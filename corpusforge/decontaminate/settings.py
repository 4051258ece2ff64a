"""Settings of decontamination: how an index is built, and what is done with a hit."""

from __future__ import annotations

from dataclasses import dataclass, field

from corpusforge.cputime import CPU_SECONDS, Bound
from corpusforge.errors import RecipeError, nearest

__all__ = [
    "BOUND_RULES",
    "CPU_RULE",
    "MAX_STEPS",
    "RULE_NAMES",
    "SHARE",
    "STEPS_RULE",
    "Settings",
    "unsearched",
]

RULE_NAMES = ("gpt3.v1", "ngram13.v1", "ngram8.v1", "fuzzy.v1")
SHARE = 0.75
MAX_STEPS = 2_000_000_000
STEPS_RULE = "max_steps"
"""Names the bound on the search of one text, where a rule's name stands for a text that reached it."""
CPU_RULE = "cpu_seconds"
"""The same for a text that reached the bound on CPU time."""
BOUND_RULES = (STEPS_RULE, CPU_RULE)


def unsearched(rule: str, settings: Settings) -> str:
    """Return what a failed row says of a text whose search reached the bound of this name."""
    if rule == STEPS_RULE:
        return "fuzzy.v1 reached decontaminate.max_steps: the text was not searched to its end"
    over = Bound("decontaminate.cpu_seconds", settings.cpu_seconds).told(0)
    return f"{over}: the text was not searched to its end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `[decontaminate]` in a recipe may set."""

    sets: dict[str, str] = field(default_factory=dict)
    """Evaluation sets by name: `FILE` or `FILE:field,field` (JSONL; `package:` paths allowed)."""
    index: str = ""
    """A ready index file (`pipelines.build_eval_index`) instead of `sets`."""
    rules: tuple[str, ...] = ("gpt3.v1", "fuzzy.v1")
    """Rules that act, of gpt3.v1, ngram13.v1, ngram8.v1, fuzzy.v1."""
    window: int = 200
    """Characters cut on either side of a hit by gpt3.v1 and fuzzy.v1 (Brown et al. 2020, C)."""
    min_piece: int = 200
    """Pieces between cuts shorter than this many characters are removed (same source)."""
    max_pieces: int = 10
    """A document that falls into more pieces is dropped whole (same source)."""
    max_documents: int = 10
    """gpt3.v1 ignores an n-gram found in more documents of the corpus than this; 0: none."""
    separator: str = "\n\n"
    """Text put where a cut was made between two pieces that stay."""
    fuzzy_share: float = SHARE
    """fuzzy.v1: share of an item's words, numbers apart, that must stand in order in the text."""
    max_steps: int = MAX_STEPS
    """fuzzy.v1: steps that the search of one text may take (a few seconds); such a text fails.
    Counted, not timed, so that the same texts fail on every machine."""
    cpu_seconds: float = CPU_SECONDS
    """CPU time that a text may take by all rules together, for every megabyte begun; over it it fails. A last
    resort behind `max_steps`."""

    def __post_init__(self) -> None:
        if self.sets and self.index:
            raise RecipeError("decontaminate.sets and decontaminate.index are both set: give one.")
        for name in self.rules:
            if name not in RULE_NAMES:
                raise RecipeError(
                    f"decontaminate.rules: {name!r} is unknown.{nearest(name, RULE_NAMES)}"
                )
        for key in ("window", "min_piece", "max_pieces", "max_documents"):
            if getattr(self, key) < 0:
                raise RecipeError(
                    f"decontaminate.{key} = {getattr(self, key)}: expected 0 or more."
                )
        if self.max_steps < 1:
            raise RecipeError(
                f"decontaminate.max_steps = {self.max_steps}: expected 1 or more; the default is "
                f"{MAX_STEPS}."
            )
        if wrong := Bound.check("decontaminate", self.cpu_seconds):
            raise RecipeError(wrong)
        if not 0.5 <= self.fuzzy_share <= 1:
            raise RecipeError(
                f"decontaminate.fuzzy_share = {self.fuzzy_share}: expected 0.5 to 1; lower values "
                "take other texts of the same style for copies."
            )
