"""From settings to a job: problems of each language, run under the limits of code answers; mean pass@k."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.instruct.accounts import Ask, Made, Origin
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.code.make import PROBLEMS, Problem, make_problems
from corpusforge.instruct.code.settings import Settings
from corpusforge.instruct.cot.runner import run_tests
from corpusforge.instruct.derived import Derived

__all__ = ["job"]


def job(settings: Settings) -> Derived:
    """Return the job of these settings. Raises InputError."""
    if not settings.run_code:
        raise InputError(
            "problems are kept by their tests, code that a model wrote: give --run-code (docs/cot.md says "
            "how it is held)."
        )
    check = open_check(settings.evaluation, settings.allow)
    names = ["code_problem", *(["code_solve"] if settings.samples else [])]

    def make(ask: Ask, origin: Origin) -> Iterator[Made]:
        for language in settings.languages:
            yield from make_problems(language, settings, run_tests, ask, origin, check)

    return Derived(
        stage="code_tests", settings=settings.fixed(), inputs=records.fingerprint(check.evaluation),
        prompts=[(name, language) for language in settings.languages for name in names],
        maker=make, own=(PROBLEMS,), figures=_figures,
    )  # fmt: skip


def _figures(made: Made) -> dict[str, Any]:
    """Mean pass@k over the problems of each language."""
    problems: Sequence[Problem] = made.tables.get(PROBLEMS, [])
    found: dict[str, Any] = {}
    for language in sorted({one.language for one in problems}):
        own = [one for one in problems if one.language == language and one.pass_at]
        ks = own[0].pass_at if own else {}
        means = {f"pass@{k}": round(sum(one.pass_at[k] for one in own) / len(own), 4) for k in ks}
        found[language] = {"problems": len(own), **means}
    return {"pass@k": found}
