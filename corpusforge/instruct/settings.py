"""What a Self-Instruct run may be told, and what each value means.

Defaults are the settings of Wang et al. 2023 and of their code, where they have one; what differs
says why. Limit: a method's prompts are chosen by language, not by setting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from corpusforge.errors import RecipeError, nearest
from corpusforge.instruct.forms import Formed
from corpusforge.instruct.rules import RULES
from corpusforge.models.records import Sampling

__all__ = [
    "FORMS",
    "KINDS",
    "LANGUAGES",
    "METHODS",
    "MOVABLE",
    "Settings",
    "check_least",
    "check_names",
    "check_near",
    "defaults",
    "without",
]

LANGUAGES = ("en", "zh")
KINDS = ("any", "classification")
METHODS = ("self_instruct", "alpaca")
FORMS = ("chat", "plain", "json")

MOVABLE = ("target", "max_rounds", "yield_floor", "yield_rounds", "seeds", "evaluation")
"""Settings that a later run of the same directory may change: they say when to stop, and change
nothing in the rounds before, or are paths, of which the contents count."""

_GENERATE = Sampling(temperature=0.7, top_p=0.5, presence_penalty=2.0, max_tokens=1024)
_TRIPLE = Sampling(temperature=1.0, max_tokens=3072)
_CLASSIFY = Sampling(max_tokens=16)
_INSTANCES = Sampling(presence_penalty=1.5, max_tokens=350)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Formed):
    """The `[instruct]` table."""

    languages: tuple[str, ...] = ("en",)
    """en, zh, or both. Each has its own pool and gate; neither changes the other's rows."""

    target: int = 100
    """Finished rows wanted in each language. The round that reaches it is kept whole."""

    method: str = "self_instruct"
    """self_instruct, or alpaca: one request gives whole examples, from seeds alone (`defaults`)."""

    kind: str = "any"
    """any, or classification: only classification seeds and tasks, and no classify step."""

    form: str = "chat"
    """chat, plain (one text to continue, for models without a chat template), or json (the server
    is given a JSON Schema)."""

    seeds: tuple[str, ...] = ()
    """Seed files (JSON lines in Self-Instruct's schema); the built-in sets where empty."""

    seed: int = 0
    """Seed of every random choice, and of the requests' own seeds."""

    human: int = 6
    """Seed tasks shown in a generation prompt. Seeds also stand in for missing machine tasks."""

    machine: int = 2
    """Accepted machine tasks shown in a generation prompt."""

    asked: int = 7
    """New tasks asked for in one prompt (the original's stop string at "16" after 8 examples)."""

    prompts: int = 20
    """Generation prompts per language and round. The original sends 5; more keep an engine that works
    on many requests at once busy. Rows depend on it, never on the engine's concurrency."""

    max_instances: int = 5
    """Instances kept of one task."""

    consistency: int = 0
    """Times that a row with a result (a number, a verdict, a label, a name) is answered anew; the share
    that agrees is kept with the row. 0: never, as in the paper. Recommended for small models: 3."""

    least_agreement: float = 0.5
    """Share of the new answers that must agree with a row's result."""

    judge: bool = False
    """The model reads each row against a rubric: a score from 1 to 5 and a reason, kept with the row."""

    least_score: int = 4
    """Least score of a judged row."""

    numerator: int = 7
    """ROUGE-L F1 above numerator / (denominator / 2) is a near copy: 20·L > 7·(m + n) is 0.7."""

    denominator: int = 20
    """See `numerator`."""

    similar: int = 10
    """Nearest pool members stored with an accepted instruction."""

    allow: tuple[str, ...] = ()
    """Names of instance and row rules that are not applied (docs/instruct.md lists them)."""

    evaluation: str = ""
    """Index of `python -m pipelines.build_eval_index`: rows that hold evaluation text are refused."""

    max_rounds: int = 10_000
    """Rounds after which the run stops."""

    yield_floor: float = 0.05
    """The run stops in a language when rows / candidate instructions falls below this."""

    yield_rounds: int = 5
    """Rounds over which the yield is taken."""

    generate: Sampling = _GENERATE
    """Sampling of the generation step."""

    classify: Sampling = _CLASSIFY
    """Sampling of the classification step. The original's 3 tokens cut "**Yes**" or " Answer: No"."""

    instances: Sampling = _INSTANCES
    """Sampling of the instance step."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        for name, known in (("method", METHODS), ("kind", KINDS), ("form", FORMS)):
            value = getattr(self, name)
            if value not in known:
                raise RecipeError(f"[instruct] {name} = {value!r}.{nearest(value, known)}")
        for rule in self.allow:
            if rule not in RULES:
                raise RecipeError(f"[instruct] allow: no rule {rule!r}.{nearest(rule, RULES)}")
        if not self.languages or len(set(self.languages)) != len(self.languages):
            raise RecipeError(f"[instruct] languages = {self.languages!r}: name each once.")
        for language in self.languages:
            if language not in LANGUAGES:
                raise RecipeError(
                    f"[instruct] language {language!r} has no prompts.{nearest(language, LANGUAGES)}"
                )
        self._check_numbers()
        if self.method == "alpaca" and (self.machine, self.kind, self.structured) != (
            0,
            "any",
            False,
        ):
            raise RecipeError(
                "[instruct] method alpaca shows no machine tasks, makes every kind, and has no JSON "
                f"form; got machine = {self.machine}, kind = {self.kind!r}, form = {self.form!r}."
            )

    def _check_numbers(self) -> None:
        check_least(
            self, "instruct", target=1, asked=1, prompts=1, max_instances=1, max_rounds=1,
            yield_rounds=1, human=1, machine=0, similar=0, consistency=0, least_score=1,
        )  # fmt: skip
        check_near(self, "instruct")
        if not 0 <= self.least_agreement <= 1:
            raise RecipeError(
                f"[instruct] least_agreement = {self.least_agreement}: expected a share, 0 to 1."
            )
        if self.least_score > 5:
            raise RecipeError(f"[instruct] least_score = {self.least_score}: scores end at 5.")
        if not 0 <= self.yield_floor < 1:
            raise RecipeError(f"[instruct] yield_floor = {self.yield_floor}: expected 0 <= x < 1.")

    def fixed(self) -> dict[str, object]:
        """Return the settings that a directory's rounds depend on."""
        return without(self, MOVABLE)


def defaults(method: str) -> Settings:
    """Return a method's own settings. Alpaca's: three seeds, twenty tasks with them, temperature 1."""
    if method == "alpaca":
        return Settings(
            method=method, human=3, machine=0, asked=17, max_instances=1, generate=_TRIPLE
        )
    return Settings(method=method)


def check_names(settings: Any, table: str, **known: Sequence[str] | Mapping[str, Any]) -> None:
    """Raise RecipeError for a list with an unknown name; but `allow`, none may be empty or repeat one."""
    for name, names in known.items():
        given = getattr(settings, name)
        if name != "allow" and (not given or len(set(given)) != len(given)):
            raise RecipeError(f"[{table}] {name} = {given!r}: name each once.")
        for value in given:
            if value not in names:
                raise RecipeError(f"[{table}] {name}: no {value!r}.{nearest(value, names)}")


def check_least(settings: Any, table: str, **least: int) -> None:
    """Raise RecipeError for a number below its least."""
    for name, low in least.items():
        value = getattr(settings, name)
        if value < low:
            raise RecipeError(f"[{table}] {name} = {value}: expected at least {low}.")


def check_near(settings: Any, table: str) -> None:
    """Raise RecipeError where the bound of near copies is no share."""
    check_least(settings, table, numerator=1, denominator=1)
    if 2 * settings.numerator > settings.denominator:
        raise RecipeError(
            f"[{table}] numerator/denominator = {settings.numerator}/{settings.denominator}: the bound "
            "2·numerator/denominator must not be above 1."
        )


def without(settings: Any, names: Collection[str]) -> dict[str, object]:
    """Return the settings by name, without those named."""
    return {item.name: getattr(settings, item.name) for item in fields(settings)
            if item.name not in names}  # fmt: skip
