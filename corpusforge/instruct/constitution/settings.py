"""What a run of `pipelines.critique_revise` may be told, and what each value means.

Four revisions a prompt is what Bai et al. 2022 used; two is ours, since each costs two requests.
Limit: one constitution a run.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.instruct.forms import Formed, check_form, unless_json
from corpusforge.instruct.rules import RULES
from corpusforge.instruct.settings import LANGUAGES, check_least, check_names, without
from corpusforge.models.records import Sampling

__all__ = ["Settings"]

_SAMPLING = Sampling(max_tokens=700)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Formed):
    """The `[critique]` table."""

    languages: tuple[str, ...] = ("en",)
    """en, zh, or both."""

    each: int = 100
    """Rows drawn in each language."""

    rows: tuple[str, ...] = ()
    """Runs, files of rows or seed files; the built-in seeds where empty."""

    constitution: str = "house.v1"
    """A built-in constitution, or a TOML file."""

    rounds: int = 2
    """Principles by which each answer is examined, drawn without repetition."""

    fresh: bool = False
    """Ask the model for the first answer, instead of taking the row's."""

    judge: bool = False
    """Let the model compare the last answer with the first, in both orders."""

    form: str = "chat"
    """chat, or json (the server is given a JSON Schema)."""

    seed: int = 0
    """Seed of every draw."""

    evaluation: str = ""
    """Index of `python -m pipelines.build_eval_index`: rows that hold evaluation text are refused."""

    allow: tuple[str, ...] = ()
    """Names of instance and row rules that are not applied."""

    first: Sampling = _SAMPLING
    """Sampling of the first answer."""

    critique: Sampling = _SAMPLING
    """Sampling of critiques."""

    revise: Sampling = _SAMPLING
    """Sampling of revisions."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_names(self, "critique", languages=LANGUAGES, allow=RULES)
        check_form(self, "critique")
        check_least(self, "critique", each=1, rounds=1)

    def fixed(self) -> dict[str, object]:
        """Return the settings that rows depend on; of paths the contents count, not the names."""
        return without(self, ("rows", "constitution", "evaluation", *unless_json(self)))
