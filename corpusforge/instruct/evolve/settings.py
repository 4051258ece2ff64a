"""What an Evol-Instruct run may be told, and what each value means.

Defaults are those of WizardLM (Xu et al. 2023) where the paper has one. Limit: the paper's operation
"complicate input" (add a table, code or a formula) is left out: it makes inputs nobody checks.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.instruct.forms import Formed, check_form, unless_json
from corpusforge.instruct.rules import RULES
from corpusforge.instruct.settings import LANGUAGES, check_least, check_names, check_near, without
from corpusforge.models.records import Sampling

__all__ = ["MOVABLE", "OPERATIONS", "Settings"]

OPERATIONS = ("constraints", "deepen", "concretise", "reasoning", "widen")
"""Four deepen a task, the last writes a new one beside it."""

MOVABLE = ("rows", "evaluation", "rounds")
"""Settings that a later run of the same directory may change: contents count, or they say when to
stop and change nothing in the rounds before."""

_WRITE = Sampling(temperature=1.0, top_p=0.9, max_tokens=512)
_ANSWER = Sampling(temperature=1.0, top_p=0.9, max_tokens=1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Formed):
    """The `[evolve]` table."""

    languages: tuple[str, ...] = ("en",)
    """en, zh, or both; neither changes the other's rows."""

    rows: tuple[str, ...] = ()
    """Runs, files of rows, or seed files to start from; the built-in seeds where empty."""

    each: int = 0
    """Tasks of each language to start from, drawn by seed; 0 takes all."""

    rounds: int = 4
    """Times that every task is evolved (paper: 4)."""

    operations: tuple[str, ...] = OPERATIONS
    """Ways of evolving; one is drawn for each task and round."""

    form: str = "chat"
    """chat, or json (the server is given a JSON Schema)."""

    seed: int = 0
    """Seed of every draw, and of the requests' own seeds."""

    equal: bool = True
    """Ask the model whether an evolved task says no more than its parent (eliminator, rule 1)."""

    numerator: int = 7
    """A task is a near copy of one that is not its ancestor above ROUGE-L F1
    numerator / (denominator / 2): 20·L > 7·(m + n) is 0.7."""

    denominator: int = 20
    """See `numerator`."""

    write: Sampling = _WRITE
    """Sampling of the evolving step (paper: temperature 1, top_p 0.9)."""

    answer: Sampling = _ANSWER
    """Sampling of the answers (paper: the same)."""

    allow: tuple[str, ...] = ()
    """Names of instance and row rules that are not applied."""

    evaluation: str = ""
    """Index of `python -m pipelines.build_eval_index`: rows that hold evaluation text are refused."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_names(self, "evolve", languages=LANGUAGES, operations=OPERATIONS, allow=RULES)
        check_form(self, "evolve")
        check_least(self, "evolve", each=0, rounds=1)
        check_near(self, "evolve")

    def fixed(self) -> dict[str, object]:
        """Return the settings that a directory's rows depend on."""
        return without(self, (*MOVABLE, *unless_json(self)))
