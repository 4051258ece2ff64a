"""From settings to a job: what each mode reads, and in which order parts are made.

Limit: families are those that task files and sets name; rows of the modes that ask a model have none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from corpusforge import manifest as records
from corpusforge.instruct.accounts import Ask, Check, Made, Origin
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.derived import Derived
from corpusforge.instruct.inputs import digest, load_rows
from corpusforge.instruct.limits import dominant
from corpusforge.instruct.modes import shots
from corpusforge.instruct.modes.asking import Maker
from corpusforge.instruct.modes.labelled import LabelledSet, load_sets
from corpusforge.instruct.modes.magpie import make_magpie
from corpusforge.instruct.modes.natural import natural_rows, note_of, read_task, task_files
from corpusforge.instruct.modes.persona import make_persona, personas_of
from corpusforge.instruct.modes.ready import settled
from corpusforge.instruct.modes.recite import make_recite, starts
from corpusforge.instruct.modes.settings import ASKING, Settings
from corpusforge.instruct.modes.slots import Utterance, make_slots, table_of
from corpusforge.instruct.modes.templated import check_sets, make_templated
from corpusforge.instruct.modes.unnatural import Shown, examples_of, make_unnatural
from corpusforge.instruct.records import Row
from corpusforge.io import files

__all__ = ["job"]

_FROM_FILES = ("natural_instructions", "templates", "xp3")
TABLES = {
    "tasks.jsonl": _FROM_FILES,
    "demonstrations.jsonl": ("natural_instructions",),
    "sequences.jsonl": ("templates",),
}
"""The tables that are written beside rows, by the modes that write them."""


_ASKED = {
    "unnatural": ("unnatural_write",),
    "persona": ("persona_write",),
    "slots": ("slots_write",),
    "recite": ("recite_write", "recite_answer"),
}
"""The prompts of each mode's own."""


def job(settings: Settings) -> Derived:
    """Return the job of these settings; reads its files. Raises InputError, RecipeError."""
    check = open_check(settings.evaluation, settings.allow)
    paths = task_files(settings.tasks) if "natural_instructions" in settings.modes else []
    for path in paths:
        read_task(path)  # a file that does not fit is told before anything is made
    sets = _sets(settings)
    own = _Own.of(settings)
    read = [[files.sha256(path) for path in paths], records.plain(sets), own.digest]

    def make(ask: Ask, origin: Origin) -> Iterator[Made]:
        if "natural_instructions" in settings.modes:
            yield from _natural(paths, settings, check)
        for mode in ("templates", "xp3"):
            if mode in settings.modes:
                yield from make_templated(mode, sets, settings, ask, origin, check)
        for mode in (one for one in ASKING if one in settings.modes):
            for language in settings.languages:
                yield from own.make(mode, Maker(mode, language, settings, ask, origin), check)

    return Derived(
        stage="modes", settings=settings.fixed(), inputs=records.fingerprint(*read, check.evaluation),
        prompts=_prompts(settings), maker=make, own=_tables(settings), asks=settings.asks,
        figures=lambda made: _figures(made, settings), own_forms=("shots",),
        writers=lambda made: {
            "shots": shots.writer(made.tables.get("demonstrations.jsonl", ()), settings)
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Own:
    """What the modes that ask a model start from, by language."""

    shown: Mapping[str, list[Shown]]
    personas: Mapping[str, list[str]]
    tables: Mapping[str, list[Utterance]]
    starts: Mapping[str, list[Row]]
    digest: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read what the settings' modes start from. Raises InputError."""
        modes, tongues = settings.modes, settings.languages
        rows = load_rows(settings.rows, tongues) if "recite" in modes else []
        personas = personas_of(settings.personas, tongues) if "persona" in modes else {}
        begun = {
            one: starts(rows, one, settings.each, settings.seed)
            for one in tongues
            if "recite" in modes
        }
        shown = examples_of(settings.examples, tongues) if "unnatural" in modes else {}
        tables = table_of(settings.table, tongues) if "slots" in modes else {}
        read = records.fingerprint(
            digest(rows), records.plain(shown), personas, records.plain(tables)
        )
        return cls(shown, personas, tables, begun, read)

    def make(self, mode: str, maker: Maker, check: Check) -> Iterator[Made]:
        """Yield the parts of one mode and language."""
        if mode == "unnatural":
            return make_unnatural(maker, self.shown[maker.language], check)
        if mode == "persona":
            return make_persona(maker, self.personas[maker.language], check)
        if mode == "slots":
            return make_slots(maker, self.tables[maker.language], check)
        if mode == "recite":
            return make_recite(maker, self.starts[maker.language], check)
        return make_magpie(maker, check)


def _sets(settings: Settings) -> list[LabelledSet]:
    modes = [mode for mode in ("templates", "xp3") if mode in settings.modes]
    sets = load_sets(settings.sets, settings.languages) if modes else []
    for mode in modes:
        check_sets(mode, sets, settings)
    return sets


def _prompts(settings: Settings) -> list[tuple[str, str]]:
    names = [name for mode in settings.modes for name in _ASKED.get(mode, ())]
    if "unnatural" in settings.modes and settings.paraphrases:
        names.append("unnatural_paraphrase")
    names += ["evol_answer"] if {"unnatural", "persona"} & set(settings.modes) else []
    others = [one for one in settings.languages if one != "en"] if settings.translates else []
    asked = [(name, language) for language in settings.languages for name in names]
    return [*asked, *(("xp3_translate", language) for language in others)]


def _tables(settings: Settings) -> list[str]:
    return [name for name, modes in TABLES.items() if set(modes) & set(settings.modes)]


def _natural(paths: list[str], settings: Settings, check: Check) -> Iterator[Made]:
    for path in paths:
        task, made = read_task(path), Made()
        if task.language in settings.languages:
            rows = natural_rows(task, settings.each, settings.seed, made)
            settled(made, rows, "natural_instructions", settings, check)
        else:
            made.tables["tasks.jsonl"] = [note_of(task)]
        yield made


def _figures(made: Made, settings: Settings) -> dict[str, Any]:
    """Rows by family, tasks in other languages, and a warning for each family that takes over."""
    notes = made.tables.get("tasks.jsonl", ())
    families: Mapping[str, str] = {note.task: note.family for note in notes}
    if not families:
        return {}
    rows = [row for row in made.rows if row.task in families and row.kind in _FROM_FILES]

    def family(row: Row) -> str:
        return families[row.task]

    counts = Counter(family(row) for row in rows)
    others = Counter(note.language for note in notes if note.language not in settings.languages)
    warnings = dominant(rows, family, settings.dominant)
    return {
        "rows by family": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        **({"tasks left out by language": dict(sorted(others.items()))} if others else {}),
        **({"warning": " ".join(warnings)} if warnings else {}),
    }
