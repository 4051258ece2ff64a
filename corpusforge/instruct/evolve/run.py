"""From settings to a job: the tasks that evolving starts from, and what its rows depend on.

A start's input is part of its text, since an evolved task has none. Limit: dialogues are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.instruct.accounts import Ask, Made, Origin
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.derived import Derived
from corpusforge.instruct.evolve.make import Task, evolve
from corpusforge.instruct.evolve.settings import Settings
from corpusforge.instruct.export.shapes import prompt as whole
from corpusforge.instruct.inputs import draw_rows, load_rows

__all__ = ["job", "starts"]


def job(settings: Settings) -> Derived:
    """Return the job of these settings; reads its rows. Raises InputError."""
    tasks = starts(settings)
    check = open_check(settings.evaluation, settings.allow)
    names = [f"evol_{one}" for one in settings.operations] + ["evol_answer"]
    names += ["evol_equal"] if settings.equal else []

    def make(ask: Ask, origin: Origin) -> Iterator[Made]:
        for language in settings.languages:
            yield from evolve(tasks[language], settings, ask, origin, check)

    return Derived(
        stage="evol", settings=settings.fixed(), figures=_figures, maker=make,
        inputs=records.fingerprint(records.plain(tasks), check.evaluation),
        prompts=[(name, language) for language in settings.languages for name in names],
    )  # fmt: skip


def starts(settings: Settings) -> dict[str, list[Task]]:
    """Return the tasks to start from by language, each text once. Raises InputError."""
    rows = [row for row in load_rows(settings.rows, settings.languages) if not row.turns]
    tasks: dict[str, list[Task]] = {}
    for language in settings.languages:
        fit = {whole(row): row for row in reversed(rows) if row.language == language}
        if not fit:
            raise InputError(
                f"no single-turn row in {language!r} to evolve: name other --rows, or leave it out for "
                "the built-in seeds."
            )
        first = list(reversed(fit.values()))
        drawn = draw_rows(first, settings.each or len(first), settings.seed, f"evol {language}")
        tasks[language] = [Task(id=row.id, text=whole(row), language=language) for row in drawn]
    return tasks


def _figures(made: Made) -> dict[str, Any]:
    """Rows by operation and by round."""
    operations = Counter(row.flags[0] for row in made.rows)
    rounds = Counter(row.lineage.round + 1 for row in made.rows)
    return {
        "rows by operation": dict(sorted(operations.items())),
        "rows by round": {str(number): count for number, count in sorted(rounds.items())},
    }
