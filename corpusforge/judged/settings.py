"""What a run of `classifiers.judged.train` may be told, and what each value means."""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.errors import RecipeError
from corpusforge.instruct.settings import LANGUAGES, check_least, check_names
from corpusforge.models.records import Sampling

__all__ = ["Settings"]

_JUDGE = Sampling(temperature=0.5, top_p=0.9, max_tokens=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a run."""

    languages: tuple[str, ...] = ("en", "zh")
    """Languages of the documents that are judged, each by the rubric in its language: en, zh, or both."""

    rubric: tuple[str, ...] = ("education",)
    """education, or files of your own named NAME.LANGUAGE.vN.txt with the hole {{text}}: 0 to 5 points."""

    sample: int = 500
    """Documents judged, drawn by a hash of their texts."""

    strata: int = 5
    """Groups of the present score (`present`) that give equally many documents; 1 without one."""

    present: str = ""
    """A model of `classifiers` whose score makes the strata; empty: none."""

    passage: int = 500
    """Most words (Chinese characters) of a document that are judged: its first whole paragraphs."""

    samples: int = 2
    """Judgements of each document: the mean counts, and two tell how far the model agrees with itself."""

    threshold: float = 3.0
    """Least mean score of a positive document."""

    held_out: float = 0.2
    """Share of the judged documents that is not trained on and gives the figures."""

    seed: int = 0
    """Seed of every draw and of the requests' own seeds."""

    judge: Sampling = _JUDGE
    """Sampling of the judgements."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_names(self, "judged", languages=LANGUAGES)
        check_least(self, "judged", sample=4, strata=1, passage=20, samples=1)
        if not self.rubric:
            raise RecipeError("[judged] rubric is empty: name education, or your own files.")
        for name, low, high in (("threshold", 0, 5), ("held_out", 0, 0.9)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise RecipeError(f"[judged] {name} = {value}: expected {low} to {high}.")
