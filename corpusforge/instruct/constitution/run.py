"""From settings to a job: rows drawn, examined, revised; steps and preferences written beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.instruct.accounts import Ask, Made, Origin
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.constitution.make import (
    COMPARISONS,
    JUDGEMENTS,
    PROMPTS,
    STEPS,
    make_revisions,
)
from corpusforge.instruct.constitution.preferences import write_preferences
from corpusforge.instruct.constitution.principles import constitution
from corpusforge.instruct.constitution.settings import Settings
from corpusforge.instruct.derived import Derived
from corpusforge.instruct.inputs import digest, draw_rows, load_rows
from corpusforge.instruct.judge import summary

__all__ = ["job"]


def job(settings: Settings) -> Derived:
    """Return the job of these settings; reads its rows. Raises InputError."""
    law = constitution(settings.constitution)
    law.check(settings.languages)
    drawn = {}
    rows = load_rows(settings.rows, settings.languages)
    for language in settings.languages:
        fit = [row for row in rows if row.language == language]
        if not fit:
            raise InputError(f"no row in {language!r}: name other --rows, or leave it out.")
        drawn[language] = draw_rows(fit, settings.each, settings.seed, f"critique {language}")
    check = open_check(settings.evaluation, settings.allow)

    def make(ask: Ask, origin: Origin) -> Iterator[Made]:
        for language, rows in drawn.items():
            yield from make_revisions(language, rows, settings, law, ask, origin, check)

    def finish(output: str, made: Made, origin: Origin) -> Sequence[str]:
        comparisons = made.tables.get(COMPARISONS, [])
        return write_preferences(output, comparisons, law.version, origin.model, settings.seed)

    def figures(made: Made) -> Mapping[str, object]:
        steps = made.tables.get(STEPS, [])
        changed: dict[str, int] = {}
        for step in steps:
            if step.revision and step.revision != step.answer:
                changed[step.principle] = changed.get(step.principle, 0) + 1
        found: dict[str, object] = {
            "examinations": len(steps),
            "revisions by principle": dict(sorted(changed.items())),
            "preferences": len(made.tables.get(COMPARISONS, [])),
        }
        return found | (
            {"judge": summary(made.tables.get(JUDGEMENTS, []))} if settings.judge else {}
        )

    names = [*PROMPTS, *(["judge_pair"] if settings.judge else [])]
    inputs = {language: digest(rows) for language, rows in drawn.items()}
    return Derived(
        stage="critique_revise", settings={**settings.fixed(), "constitution": law.version},
        inputs=records.fingerprint(inputs, check.evaluation),
        prompts=[(name, language) for language in settings.languages for name in names],
        maker=make, own=(STEPS, COMPARISONS, *([JUDGEMENTS] if settings.judge else [])),
        writes=finish, figures=figures,
    )  # fmt: skip
