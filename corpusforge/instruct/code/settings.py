"""What a run of `pipelines.code_tests` may be told, and what each value means; the numbers are ours."""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.errors import RecipeError
from corpusforge.instruct.rules import RULES
from corpusforge.instruct.settings import LANGUAGES, check_least, check_names, without
from corpusforge.models.records import Sampling

__all__ = ["Settings"]

_WRITE = Sampling(temperature=0.8, top_p=0.95, max_tokens=900)
_SOLVE = Sampling(temperature=0.6, top_p=0.95, max_tokens=600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The `[code_tests]` table."""

    languages: tuple[str, ...] = ("en",)
    """en, zh, or both: the language of the problem's words."""

    each: int = 100
    """Problems asked for in each language; topics take turns."""

    samples: int = 4
    """Solutions asked of the problem alone; 0: the problem's own solution is the row's."""

    least_passes: int = 1
    """Samples that must pass the tests; none is asked of them where samples is 0."""

    asserts: int = 3
    """Assertions that the tests must hold at least."""

    pass_at: tuple[str, ...] = ("1", "2", "4")
    """Values of k for pass@k; those above the number of samples are left out."""

    run_code: bool = False
    """Run what the model wrote, without which nothing can be kept (docs/cot.md says how it is held)."""

    seed: int = 0
    """Seed of the requests' own seeds."""

    evaluation: str = ""
    """Index of `python -m pipelines.build_eval_index`: rows that hold evaluation text are refused."""

    allow: tuple[str, ...] = ()
    """Names of row rules that are not applied."""

    write: Sampling = _WRITE
    """Sampling of the step that writes problems."""

    solve: Sampling = _SOLVE
    """Sampling of the step that solves them."""

    def __post_init__(self) -> None:
        """Raise RecipeError for a value that cannot work."""
        check_names(self, "code_tests", languages=LANGUAGES, allow=RULES)
        check_least(self, "code_tests", each=1, samples=0, least_passes=0, asserts=1)
        if self.samples and self.least_passes > self.samples:
            raise RecipeError(
                f"[code_tests] least_passes = {self.least_passes} is more than samples = {self.samples}."
            )
        if not all(k.isdecimal() and int(k) for k in self.pass_at):
            raise RecipeError(
                f"[code_tests] pass_at = {self.pass_at}: expected numbers from 1, as 1,2,4."
            )

    def fixed(self) -> dict[str, object]:
        """Return the settings that rows depend on; of paths the contents count, not the names."""
        return without(self, ("evaluation",))
