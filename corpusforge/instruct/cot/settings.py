"""What a chain-of-thought run may be told, and what each value means.

Defaults: self-consistency (Wang et al. 2022) samples at 0.5–0.7 and LMs can self-improve (Huang et
al. 2022) at 0.7 with 32 paths; ours are fewer, since every path is paid for. Limit: one set of
temperatures for all questions.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.errors import RecipeError
from corpusforge.instruct.cot.runner import Limits
from corpusforge.instruct.forms import Formed, check_form, unless_json
from corpusforge.instruct.settings import LANGUAGES, check_least, check_names, without

__all__ = ["ALLOWED", "MIX", "MOVABLE", "TRIGGERS", "Settings"]

TRIGGERS = ("few_shot", "zero_shot")
MIX = ("plain", "zero_shot_cot", "few_shot_cot", "zero_shot_direct", "few_shot_direct")
ALLOWED = ("language", "personal_data", "evasion", "leaked_mark", "repetition", "cut_table",
           "cut_code", "placeholder", "hint_leak", "no_reasoning", "copied_prompt", "answer_first",
           "false_equation")  # fmt: skip
"""Rules that `allow` may leave out."""

MOVABLE = ("evaluation", "questions")
"""Settings of which a directory remembers the contents, not the value."""

_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Formed):
    """The `[cot]` table."""

    questions: tuple[str, ...] = ()
    """Files of questions: GSM8K or plain JSON lines, FLAN's TSV."""

    languages: tuple[str, ...] = LANGUAGES
    """Languages of the questions that are asked; a question's own decides its prompts."""

    limit: int = 0
    """Questions taken of each file, the first ones; 0 takes all."""

    form: str = "chat"
    """chat, or json (the server is given a JSON Schema)."""

    seed: int = 0
    """Seed of every choice, and of the requests' own seeds."""

    samples: int = 4
    """Replies per question, trigger and temperature."""

    temperatures: tuple[float, ...] = (0.5, 0.7)
    """Each question is sampled at each. A temperature of 0 gives one reply."""

    triggers: tuple[str, ...] = ("few_shot",)
    """few_shot (worked examples), zero_shot ("step by step"; a second request asks for the answer
    where the first reply states none), or both."""

    top_p: float = 1.0
    """Of the samples."""

    max_tokens: int = 512
    """Of one reply; a reply that ends there is refused as `cut` and does not vote."""

    hints: int = 1
    """Replies with the answer as a hint (STaR), for questions of which no sample is right."""

    keep_wrong: bool = False
    """Keep samples that are wrong, flagged "wrong" (for verifiers and preference pairs)."""

    drop_easy: bool = False
    """Refuse the samples of questions of which every sample is right."""

    most: int = 4
    """Different reasoning paths kept of one question, drawn by seed; 0 keeps all."""

    share: float = 0.5
    """Without a gold answer: the majority's least share of the extracted answers."""

    mix: tuple[str, ...] = ("plain",)
    """Forms in which each kept path becomes rows: plain (the question, reasoning in its own field),
    and the four of LMs can self-improve: with or without reasoning, with or without worked examples
    before the question."""

    shots: int = 2
    """Worked examples in a row of a few-shot format."""

    run_code: bool = False
    """Run the tests of code answers, in processes of their own. Without it code is not judged."""

    limits: Limits = _LIMITS
    """What a process that runs code may use."""

    allow: tuple[str, ...] = ()
    """Names of rules that are not applied."""

    evaluation: str = ""
    """Index of `python -m pipelines.build_eval_index`: questions and rows that hold evaluation text
    are refused."""

    batch: int = 64
    """Questions that are asked together; a stopped run keeps whole batches."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_names(
            self, "cot", languages=LANGUAGES, triggers=TRIGGERS, mix=MIX, allow=ALLOWED
        )  # fmt: skip
        check_form(self, "cot")
        self._check_numbers()

    def _check_numbers(self) -> None:
        check_least(
            self, "cot", limit=0, samples=1, max_tokens=1, hints=0, most=0, shots=1, batch=1
        )  # fmt: skip
        if not 0 <= self.share <= 1:
            raise RecipeError(f"[cot] share = {self.share}: expected 0 to 1.")
        if not 0 < self.top_p <= 1:
            raise RecipeError(f"[cot] top_p = {self.top_p}: expected 0 < p <= 1.")
        if not self.temperatures or len(set(self.temperatures)) != len(self.temperatures):
            raise RecipeError(f"[cot] temperatures = {self.temperatures!r}: name each once.")
        if any(not 0 <= one <= 5 for one in self.temperatures):
            raise RecipeError(f"[cot] temperatures = {self.temperatures!r}: expected 0 to 5.")

    def fixed(self) -> dict[str, object]:
        """Return the settings that a directory's rows depend on."""
        return without(self, (*MOVABLE, *unless_json(self)))
