"""What a run of `pipelines.modes` may be told, and what each value means.

Defaults are those of the papers where they have one; what differs says why. Limit: one setting for all
modes and languages of a run.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.errors import RecipeError
from corpusforge.instruct.forms import Formed, check_form, unless_json
from corpusforge.instruct.rules import RULES
from corpusforge.instruct.settings import LANGUAGES, check_least, check_names, without
from corpusforge.models.records import Sampling

__all__ = ["ASKING", "MODES", "VARIANTS", "Settings"]

ASKING = ("unnatural", "persona", "slots", "recite", "magpie")
"""Modes that always ask a model; xp3 does where prompts are to be translated."""

MODES = ("natural_instructions", "templates", "xp3", *ASKING)
"""Every mode, in the order in which a run makes them."""

VARIANTS = ("english", "native", "translated")
"""Languages of a prompt over data of another language, after xP3 (Muennighoff et al. 2023)."""

_WRITE = Sampling(temperature=0.8, top_p=0.95, max_tokens=700)
_ANSWER = Sampling(max_tokens=700)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Formed):
    """The `[modes]` table."""

    modes: tuple[str, ...] = ("unnatural",)
    """natural_instructions, templates, xp3, unnatural, persona, slots, recite, magpie."""

    languages: tuple[str, ...] = ("en",)
    """en, zh, or both: of the rows' answers."""

    each: int = 100
    """Examples drawn from a task (natural_instructions, templates, xp3), or tasks begun for each mode and
    language (the others); 0 takes all of a task."""

    tasks: tuple[str, ...] = ()
    """natural_instructions: task files of Super-NaturalInstructions, or directories of them."""

    sets: tuple[str, ...] = ()
    """templates, xp3: TOML files of labelled sets and templates."""

    rows: tuple[str, ...] = ()
    """recite: runs, files of rows or seed files to start from; the built-in seeds where empty."""

    examples: str = ""
    """unnatural: file of examples (instruction, input, constraints); the built-in ones where empty."""

    prompts: tuple[str, ...] = ("english", "native")
    """xp3: languages of the prompts: english, native, translated (the English templates by the model)."""

    each_template: int = 1
    """Templates drawn for each example (FLAN: 1); 0 takes all, as T0."""

    per_task: int = 30_000
    """Most rows of a task (FLAN: 30,000); 0 sets no cap."""

    per_task_language: int = 0
    """Most rows of a task in one language; 0 sets no cap."""

    dominant: float = 0.5
    """Share of a language's rows above which a family of tasks (translation, say) is warned of."""

    shots: int = 3
    """Worked examples before a row in the export form `shots`, beside none and one."""

    negatives: int = 0
    """Negative examples of a task shown before these."""

    personas: str = ""
    """persona: file of personas (`persona`, and `language` where it is not told by the text); the built-in
    ones where empty."""

    table: str = ""
    """slots: file of sentences: `text`, `domain`, `entities` (an object, or type：value，type：value)."""

    paraphrases: int = 2
    """unnatural: other wordings asked of each task."""

    pre_query: str = ""
    """magpie: text of the model's chat template up to the user's words, for a server's completions; the
    engine local takes it from the model's own template."""

    form: str = "chat"
    """chat, or json (the server is given a JSON Schema)."""

    seed: int = 0
    """Seed of every draw and of the requests' own seeds."""

    evaluation: str = ""
    """Index of `python -m pipelines.build_eval_index`: rows that hold evaluation text are refused."""

    allow: tuple[str, ...] = ()
    """Names of instance and row rules that are not applied."""

    write: Sampling = _WRITE
    """Sampling of the steps that write tasks, wordings and recitations."""

    answer: Sampling = _ANSWER
    """Sampling of the steps that answer."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_names(self, "modes", modes=MODES, languages=LANGUAGES, prompts=VARIANTS, allow=RULES)
        check_form(self, "modes")
        check_least(
            self, "modes", each=0, each_template=0, per_task=0, per_task_language=0, shots=0,
            negatives=0, paraphrases=0,
        )  # fmt: skip
        if not 0 < self.dominant <= 1:
            raise RecipeError(f"[modes] dominant = {self.dominant}: expected 0 < x <= 1.")
        if "natural_instructions" in self.modes and not self.tasks:
            raise RecipeError("[modes] natural_instructions needs --tasks JSON|DIR.")
        if {"templates", "xp3"} & set(self.modes) and not self.sets:
            raise RecipeError("[modes] templates and xp3 need --sets TOML.")
        if ("slots" in self.modes) != bool(self.table):
            raise RecipeError("[modes] slots needs --table FILE, and --table needs it.")
        if not self.each and set(ASKING) & set(self.modes):
            raise RecipeError("[modes] each = 0: modes that ask a model need a number of tasks.")

    @property
    def asks(self) -> bool:
        """Whether a model is asked anything."""
        return bool(set(ASKING) & set(self.modes)) or self.translates

    @property
    def translates(self) -> bool:
        """Whether templates are translated by a model."""
        others = set(self.languages) - {"en"}
        return bool(others) and "xp3" in self.modes and "translated" in self.prompts

    def fixed(self) -> dict[str, object]:
        """Return the settings that rows depend on; of paths the contents count, not the names."""
        told = ("dominant", "shots", "negatives")  # the report and the export, made anew each time
        paths = ("tasks", "sets", "rows", "examples", "personas", "table", "evaluation")
        return without(self, (*told, *paths, *unless_json(self)))
