"""Settings of decontamination: how an index is built, and what is done with a hit."""

from __future__ import annotations

from dataclasses import dataclass, field

from corpusforge.errors import RecipeError, nearest

__all__ = ["MAX_STEPS", "RULE_NAMES", "SHARE", "STEPS_RULE", "UNSEARCHED", "Settings"]

RULE_NAMES = ("gpt3.v1", "ngram13.v1", "ngram8.v1", "fuzzy.v1")
SHARE = 0.75
MAX_STEPS = 2_000_000_000
UNSEARCHED = "fuzzy.v1 reached decontaminate.max_steps: the text was not searched to its end"

STEPS_RULE = "max_steps"
"""Names the bound on the search of one text, where a rule's name stands for a text that reached it."""


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
        if not 0.5 <= self.fuzzy_share <= 1:
            raise RecipeError(
                f"decontaminate.fuzzy_share = {self.fuzzy_share}: expected 0.5 to 1; lower values "
                "take other texts of the same style for copies."
            )
