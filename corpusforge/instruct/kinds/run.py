"""From settings to a job: which rows each kind starts from, and in which order parts are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.derived import Job
from corpusforge.instruct.inputs import draw_rows, load_rows
from corpusforge.instruct.kinds.checks import KINDS
from corpusforge.instruct.kinds.make import Plan, make_kind, prompt_names
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.loop import Ask, Check, Origin
from corpusforge.instruct.making import Made
from corpusforge.instruct.records import Row
from corpusforge.instruct.settings import Settings as LoopSettings
from corpusforge.io import files

__all__ = ["job"]


def job(settings: Settings) -> Job:
    """Return the job of these settings; reads its rows. Raises InputError."""
    rows = load_rows(settings.rows, settings.languages)
    own = [kind for kind in settings.kinds if kind in KINDS]
    check = open_check(LoopSettings(evaluation=settings.evaluation, allow=settings.allow))
    evaluation = files.sha256(settings.evaluation) if settings.evaluation else ""
    names = prompt_names(own, judge=settings.judge)

    def make(ask: Ask, origin: Origin) -> Iterator[Made]:
        for kind in own:
            yield from _kind(kind, rows, settings, ask, origin, check)

    return Job(
        stage="kinds", settings=settings.fixed(),
        inputs=records.fingerprint([row.id for row in rows], evaluation),
        prompts=[(name, language) for language in settings.languages for name in names],
        make=make,
    )  # fmt: skip


def _kind(
    kind: str, rows: Sequence[Row], settings: Settings, ask: Ask, origin: Origin, check: Check
) -> Iterator[Made]:
    plan = Plan(
        write=settings.write, answer=settings.answer, seed=settings.seed, judge=settings.judge,
        allow=settings.allow,
    )  # fmt: skip
    for language in settings.languages:
        fit = [row for row in rows if row.language == language and not row.turns]
        if not fit:
            raise InputError(
                f"no single-turn row in {language!r} to make {kind!r} from: name other --rows, or "
                "leave it out for the built-in seeds."
            )
        drawn = draw_rows(fit, settings.each, settings.seed, f"{kind} {language}")
        yield from make_kind(kind, language, drawn, plan, ask, origin, check)
