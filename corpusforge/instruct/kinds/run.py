"""From settings to a job: which rows each kind starts from, and in which order parts are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.instruct.accounts import Ask, Check, Made, Origin
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.derived import Derived
from corpusforge.instruct.dialogue.make import CUTS, make_dialogues
from corpusforge.instruct.ground.make import GROUNDS, make_grounded
from corpusforge.instruct.ground.passages import Passage, draw_passages, read_documents
from corpusforge.instruct.inputs import digest, draw_rows, load_rows
from corpusforge.instruct.kinds.checks import KINDS
from corpusforge.instruct.kinds.make import make_kind, prompt_names
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.records import Row

__all__ = ["job"]


def job(settings: Settings) -> Derived:
    """Return the job of these settings; reads its rows. Raises InputError."""
    rows = load_rows(settings.rows, settings.languages)
    own = [kind for kind in settings.kinds if kind in KINDS]
    check = open_check(settings.evaluation, settings.allow)
    passages = _passages(settings)
    names = prompt_names(own, judge=settings.judge)
    names += ["dialogue_user"] if _asks_dialogues(settings) else []
    names += ["grounded_write"] if settings.ground else []

    def make(ask: Ask, origin: Origin) -> Iterator[Made]:
        for kind in own:
            yield from _kind(kind, rows, settings, ask, origin, check)
        if "dialogue" in settings.kinds:
            yield from _dialogues(rows, settings, ask, origin, check)
        for language, drawn in passages.items():
            yield from make_grounded(language, drawn, settings, ask, origin, check)

    read = digest(rows), {name: [one.id for one in p] for name, p in passages.items()}
    return Derived(
        stage="kinds", settings=settings.fixed(), inputs=records.fingerprint(*read, check.evaluation),
        prompts=[(name, language) for language in settings.languages for name in names],
        maker=make, own=_tables(settings),
    )  # fmt: skip


def _asks_dialogues(settings: Settings) -> bool:
    return "dialogue" in settings.kinds and settings.follow_ups > 0


def _tables(settings: Settings) -> list[str]:
    own = {"dialogue": CUTS, "grounded": GROUNDS}
    return [name for kind, name in own.items() if kind in settings.kinds]


def _passages(settings: Settings) -> dict[str, list[Passage]]:
    if not settings.ground:
        return {}
    drawn = draw_passages(
        read_documents(settings.ground), settings.languages, settings.each, settings.passage,
        settings.seed,
    )  # fmt: skip
    for language, found in drawn.items():
        if not found:
            raise InputError(
                f"--ground {settings.ground!r} has no passage in {language!r} of "
                f"{settings.passage // 4} to {settings.passage} characters. Lower --passage, or "
                "leave the language out."
            )
    return drawn


def _dialogues(
    rows: Sequence[Row], settings: Settings, ask: Ask, origin: Origin, check: Check
) -> Iterator[Made]:
    for language in settings.languages:
        fit = [row for row in rows if row.language == language
               and (row.turns or settings.follow_ups)]  # fmt: skip
        if not fit:
            raise InputError(
                f"no row in {language!r} to make dialogues from; with --follow-ups 0 only rows that "
                "are dialogues already are checked and cut. Name other --rows."
            )
        drawn = draw_rows(fit, settings.each, settings.seed, f"dialogue {language}")
        yield from make_dialogues(language, drawn, settings, ask, origin, check)


def _kind(
    kind: str, rows: Sequence[Row], settings: Settings, ask: Ask, origin: Origin, check: Check
) -> Iterator[Made]:
    for language in settings.languages:
        fit = [row for row in rows if row.language == language and not row.turns]
        if not fit:
            raise InputError(
                f"no single-turn row in {language!r} to make {kind!r} from: name other --rows, or "
                "leave it out for the built-in seeds."
            )
        drawn = draw_rows(fit, settings.each, settings.seed, f"{kind} {language}")
        yield from make_kind(kind, language, drawn, settings, ask, origin, check)
