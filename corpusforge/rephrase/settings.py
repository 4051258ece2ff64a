"""What a run of `pipelines.rephrase` may be told, and what each value means."""

from __future__ import annotations

import math
from dataclasses import dataclass

from corpusforge.errors import RecipeError
from corpusforge.instruct.settings import LANGUAGES, check_least, check_names
from corpusforge.models.records import Sampling

__all__ = ["Settings"]

_WRITE = Sampling(temperature=0.7, top_p=0.9, max_tokens=1500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a run."""

    styles: tuple[str, ...] = ("faq", "math", "table", "tutorial")
    """faq, math, table, tutorial, wikipedia, qa, distill, knowledge, dialogue, or names of `prompts`; with
    `=WEIGHT` one is drawn more often or more rarely (faq=2,table=0.5)."""

    each: int = 1
    """Styles drawn for each passage, all different."""

    languages: tuple[str, ...] = ("en", "zh")
    """Languages of the documents that are rewritten, each in its own: en, zh, or both."""

    share: float = 1.0
    """Share of the documents that is rewritten (0..1), drawn by a hash of their ids."""

    passage: int = 600
    """Most tokens of a passage; it ends with a paragraph, else with a sentence."""

    least: int = 80
    """Fewest tokens of a passage; shorter ones are left out."""

    unit: str = "words"
    """What counts as a token: words (each Chinese character is one), a tiktoken name or a tokenizer.json."""

    prompts: tuple[str, ...] = ()
    """Your own prompts, files named NAME.LANGUAGE.vN.txt with the hole {{passage}}; NAME is a style."""

    bounds: str = ""
    """TOML file of bounds in place of the styles' own: [all] and [STYLE] tables."""

    evaluation: str = ""
    """Index of `python -m pipelines.build_eval_index`: rewrites that hold evaluation text are refused."""

    readings: int = 0
    """Times that the model reads each rewrite that passed against its passage, for statements that the
    passage does not hold; 0: never. Worth it with a model that is better than a small writer."""

    seed: int = 0
    """Seed of every draw and of the requests' own seeds."""

    write: Sampling = _WRITE
    """Sampling of the rewriting."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_names(self, "rephrase", languages=LANGUAGES)
        check_least(self, "rephrase", each=1, passage=20, least=1, readings=0)
        if not 0 < self.share <= 1:
            raise RecipeError(f"[rephrase] share = {self.share}: expected 0 < x <= 1.")
        if self.least > self.passage:
            raise RecipeError(
                f"[rephrase] least = {self.least}: expected at most passage, {self.passage}."
            )
        if self.each > len(self.weights):
            raise RecipeError(
                f"[rephrase] each = {self.each}: expected at most {len(self.weights)}, the styles named."
            )

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each style, in the order in which they were named."""
        found: dict[str, float] = {}
        for text in self.styles:
            name, _, weight = text.partition("=")
            try:
                value = float(weight or 1)
            except ValueError:
                value = 0.0
            if not 0 < value < math.inf or name in found:
                raise RecipeError(
                    f"[rephrase] style {text!r}: name each once, with a weight above 0."
                )
            found[name] = value
        return found
