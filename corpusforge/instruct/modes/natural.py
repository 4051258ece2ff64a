"""Super-NaturalInstructions: task files read, their instances drawn as rows.

Format: Wang et al. 2022 (github.com/allenai/natural-instructions), read from its files: Definition (text,
or a list of texts), Positive and Negative Examples with explanations, Instances whose output is a list of
references. Of several references one is drawn. Limits: languages other than English and Chinese are left
out and counted; explanations go to the demonstrations alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from corpusforge.errors import InputError
from corpusforge.hashing import make_id, word64
from corpusforge.instruct.accounts import Made
from corpusforge.instruct.modes.ready import MODEL_FREE, drawn
from corpusforge.instruct.modes.records import Demonstration, TaskNote
from corpusforge.instruct.records import Lineage, Row
from corpusforge.instruct.seeds import language_of
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, read_json

__all__ = ["NaturalTask", "natural_rows", "note_of", "read_task", "task_files"]

_CODES = {"english": "en", "chinese": "zh"}
MODE = "natural_instructions"


@dataclass(frozen=True, slots=True, kw_only=True)
class NaturalTask:
    """One task; `family` is its first category, `instances` are (id, input, outputs)."""

    name: str
    definition: str
    language: str
    """Of the outputs: en, zh, or the file's word for another."""
    family: str
    source: str
    licence: str
    positive: tuple[Mapping[str, Any], ...]
    negative: tuple[Mapping[str, Any], ...]
    instances: tuple[tuple[str, str, tuple[str, ...]], ...]


def task_files(sources: tuple[str, ...]) -> list[str]:
    """Return the task files of paths and directories. Raises InputError where there is none."""
    found = files.input_files(sources, "--tasks")
    tasks = [path for path in found if path.endswith(".json")]
    if not tasks:
        raise InputError(f"--tasks {', '.join(sources)}: no .json file among {len(found)} files.")
    names = [PurePosixPath(path).stem for path in tasks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"--tasks: two files named {twice[0]}.json; a task's name is its file's.")
    return tasks


def read_task(path: str) -> NaturalTask:
    """Return the task of a file. Raises InputError naming the key that does not fit."""
    try:
        table = read_json(path)
    except DecodingError as error:
        raise InputError(
            f"{path}: not JSON ({error}). Give the task's file as published."
        ) from error
    if not isinstance(table, dict):
        raise InputError(f"{path}: expected an object with Definition and Instances.")
    definition = "\n".join(_texts(table, "Definition", path))
    instances = [
        _instance(one, path, place) for place, one in enumerate(_list(table, "Instances", path))
    ]
    named = [*_words(table, "Output_language"), *_words(table, "Input_language")]
    language = _CODES.get(named[0].lower(), named[0]) if named else language_of(definition)
    categories = _words(table, "Categories")
    return NaturalTask(
        name=PurePosixPath(path).stem, definition=definition, language=language,
        family=categories[0] if categories else PurePosixPath(path).stem,
        source=", ".join(_words(table, "URL") or _words(table, "Source")),
        licence=", ".join(_words(table, "Instance License")),
        positive=_examples(table, "Positive Examples", path),
        negative=_examples(table, "Negative Examples", path), instances=tuple(instances),
    )  # fmt: skip


def _list(table: Mapping[str, Any], key: str, path: str) -> list[Any]:
    value = table.get(key)
    if not isinstance(value, list) or not value:
        raise InputError(
            f"{path}: `{key}` is {str(value)[:60]!r}; expected a list that is not empty."
        )
    return value


def _words(table: Mapping[str, Any], key: str) -> list[str]:
    """The texts of a key that may be a text, a list of texts, or missing."""
    value = table.get(key)
    several = value if isinstance(value, list) else [value]
    return [one.strip() for one in several if isinstance(one, str) and one.strip()]


def _texts(table: Mapping[str, Any], key: str, path: str) -> list[str]:
    found = _words(table, key)
    if not found:
        raise InputError(
            f"{path}: `{key}` is {str(table.get(key))[:60]!r}; expected a text, or texts."
        )
    return found


def _instance(value: Any, path: str, place: int) -> tuple[str, str, tuple[str, ...]]:
    where = f"{path}: instance {place + 1}"
    if not isinstance(value, dict) or not isinstance(value.get("input"), str):
        raise InputError(f"{where}: expected {{input: text, output: [texts]}}.")
    outputs = tuple(dict.fromkeys(_texts(value, "output", where)))
    return str(value.get("id") or f"{place + 1}"), value["input"].strip(), outputs


def _examples(table: Mapping[str, Any], key: str, path: str) -> tuple[Mapping[str, Any], ...]:
    """Examples with a text as input and output; some files write "-" where they have none."""
    given = table.get(key) or []
    if not isinstance(given, list):
        raise InputError(f"{path}: `{key}` is {type(given).__name__}; expected a list.")
    return tuple(
        one for one in given
        if isinstance(one, dict) and _words(one, "input") and _words(one, "output")
    )  # fmt: skip


def note_of(task: NaturalTask, count: int = 0) -> TaskNote:
    """Return what is said of a task of which `count` instances were drawn."""
    return TaskNote(
        task=task.name, mode=MODE, family=task.family, language=task.language, source=task.source,
        licence=task.licence, examples=len(task.instances), drawn=count,
    )  # fmt: skip


def natural_rows(task: NaturalTask, each: int, seed: int, made: Made) -> Iterator[Row]:
    """Yield the rows of a task's drawn instances; what is said of the task goes into `made`'s tables."""
    ids = [f"{task.name}#{name}" for name, _, _ in task.instances]
    order = drawn(ids, each, seed, MODE)
    made.tables.setdefault("tasks.jsonl", []).append(note_of(task, len(order)))
    made.tables.setdefault("demonstrations.jsonl", []).extend(_demonstrations(task))
    for place in order:
        _, given, outputs = task.instances[place]
        output = outputs[word64(seed, MODE, ids[place]) % len(outputs)]
        yield Row(
            id=make_id(f"instruct.{MODE}", f"{task.name}\x00{given}\x00{output}"), task=task.name,
            instruction=task.definition, input=given, output=output, language=task.language,
            kind=MODE, group=task.name, lineage=Lineage(parents=(ids[place],), engine=MODEL_FREE),
        )  # fmt: skip


def _demonstrations(task: NaturalTask) -> Iterator[Demonstration]:
    for positive, examples in ((True, task.positive), (False, task.negative)):
        for one in examples:
            yield Demonstration(
                task=task.name, language=task.language, positive=positive,
                input="\n".join(_words(one, "input")), output="\n".join(_words(one, "output")),
                explanation="\n".join(_words(one, "explanation")),
            )  # fmt: skip
