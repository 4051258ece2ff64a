"""What a run of `pipelines.kinds` may be told, and what each value means.

The kinds are those of ChatGPT's announcement and of the seed notes on dialogue data; numbers are ours.
Limit: one setting for all languages.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.errors import RecipeError
from corpusforge.instruct.forms import Formed, check_form, unless_json
from corpusforge.instruct.kinds.checks import KINDS
from corpusforge.instruct.rules import RULES
from corpusforge.instruct.settings import LANGUAGES, check_least, check_names, without
from corpusforge.models.records import Sampling

__all__ = ["MADE", "Settings"]

MADE = (*KINDS, "dialogue", "grounded")
"""Every kind that the pipeline makes."""

_WRITE = Sampling(temperature=0.8, top_p=0.95, max_tokens=700)
_ANSWER = Sampling(max_tokens=700)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Formed):
    """The `[kinds]` table."""

    kinds: tuple[str, ...] = KINDS
    """clarify, admit, premise, refuse, unknown, dialogue, grounded."""

    languages: tuple[str, ...] = ("en",)
    """en, zh, or both."""

    each: int = 100
    """Rows (passages, for grounded) drawn for each kind and language; each gives one new row at most
    (grounded: `questions`)."""

    rows: tuple[str, ...] = ()
    """Runs, files of rows or seed files to start from; the built-in seeds where empty."""

    ground: str = ""
    """A run of the pretraining pipeline, or JSON lines with `text`: where passages come from."""

    form: str = "chat"
    """chat, or json (the server is given a JSON Schema)."""

    seed: int = 0
    """Seed of every draw and of the requests' own seeds."""

    judge: bool = False
    """Ask the model whether each answer is of its kind, after the rules."""

    follow_ups: int = 3
    """User turns added to a dialogue: 1 to this many, drawn; 0 adds none, and asks nothing."""

    distractors: float = 0.2
    """Share of added exchanges that are another row's, off the subject."""

    most: int = 0
    """Size above which a dialogue is cut into pieces between exchanges; 0 cuts none."""

    unit: str = "characters"
    """characters, or a tokenizer that `corpusforge.tokenize` loads, in whose tokens `most` counts."""

    passage: int = 1200
    """Most characters of a passage; it ends with a paragraph or sentence."""

    questions: int = 3
    """Question–answer pairs asked of a passage."""

    evaluation: str = ""
    """Index of `python -m pipelines.build_eval_index`: rows that hold evaluation text are refused."""

    allow: tuple[str, ...] = ()
    """Names of instance and row rules that are not applied."""

    write: Sampling = _WRITE
    """Sampling of the steps that write requests and questions."""

    answer: Sampling = _ANSWER
    """Sampling of the steps that answer."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_names(self, "kinds", kinds=MADE, languages=LANGUAGES, allow=RULES)
        check_form(self, "kinds")
        check_least(self, "kinds", each=1, follow_ups=0, most=0, passage=100, questions=1)
        if not 0 <= self.distractors < 1:
            raise RecipeError(f"[kinds] distractors = {self.distractors}: expected 0 <= x < 1.")
        if ("grounded" in self.kinds) != bool(self.ground):
            raise RecipeError("[kinds] grounded needs --ground RUN|JSONL, and --ground needs it.")

    def fixed(self) -> dict[str, object]:
        """Return the settings that rows depend on; of paths the contents count, not the names."""
        return without(self, ("rows", "ground", "evaluation", *unless_json(self)))
