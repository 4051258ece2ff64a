"""Seed tasks: the built-in English and Chinese sets, or a file in Self-Instruct's schema.

JSON lines, one array, or Parquet: id, name, instruction, instances (a list of {input, output}),
is_classification (schema of Wang et al. 2023, read from their seed file). Their set of expert
tasks (`motivation_app` for `name`) loads as well. Limit: the schema has no language, so a row is
taken as Chinese when at least 3 in 10 of its instruction's letters are Han, unless `language` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any

from corpusforge.errors import InputError
from corpusforge.instruct.records import Instance, Task
from corpusforge.io import files
from corpusforge.io.layouts import objects

__all__ = ["BUILTIN", "language_of", "load", "parse", "parse_task", "read_rows"]

BUILTIN = ("en", "zh")
"""Names of the seed sets that come with the package."""

_HAN_SHARE = 0.3


def load(source: str, language: str = "") -> tuple[Task, ...]:
    """Return the tasks of a built-in set ("en", "zh") or of a JSONL file, in file order.

    Raises InputError naming file and row where a row does not fit the schema or an id comes twice.
    """
    if source in BUILTIN:
        return parse(read_rows(source), f"seeds {source}", source)
    return parse(read_rows(source), source, language)


def read_rows(source: str) -> Iterator[dict[str, Any]]:
    """Yield the raw rows of a built-in set or a file. Raises InputError where there is none."""
    path = source
    if source in BUILTIN:
        path = str(resources.files("corpusforge.instruct").joinpath("seeds", f"{source}.jsonl"))
    if not files.exists(path):
        raise InputError(f"seed file {path!r} does not exist. Built-in: {', '.join(BUILTIN)}.")
    yield from objects(path)


def parse(rows: Iterable[dict[str, Any]], name: str, language: str = "") -> tuple[Task, ...]:
    """Return one task per row; `name` stands in error messages. Raises InputError."""
    tasks: dict[str, Task] = {}
    for number, row in enumerate(rows, 1):
        task = parse_task(row, f"{name}: row {number}", language)
        if task.id in tasks:
            raise InputError(
                f"{name}: row {number}: the id {task.id!r} comes twice; make ids unique"
            )
        tasks[task.id] = task
    return tuple(tasks.values())


def language_of(text: str) -> str:
    """Return "zh" when at least 3 in 10 letters are Han, else "en"."""
    letters = [c for c in text if c.isalpha()]
    han = sum("\u3400" <= c <= "\u9fff" or "\U00020000" <= c <= "\U0003ffff" for c in letters)
    return "zh" if letters and han >= _HAN_SHARE * len(letters) else "en"


def parse_task(row: Mapping[str, Any], where: str, language: str = "") -> Task:
    """Return the task of one row; `where` stands in error messages. Raises InputError."""
    instruction = _text(row, "instruction", where)
    instances = row.get("instances")
    if not isinstance(instances, list) or not instances:
        raise InputError(f"{where}: `instances` must be a list of at least one {{input, output}}")
    is_classification = row.get("is_classification")
    if is_classification is not None and not isinstance(is_classification, bool):
        raise InputError(
            f"{where}: `is_classification` is {is_classification!r}; expected true or false"
        )
    return Task(
        id=_text(row, "id", where),
        instruction=instruction,
        instances=tuple(_instance(one, where) for one in instances),
        is_classification=is_classification,
        name=str(row.get("name") or row.get("motivation_app") or ""),
        language=str(row.get("language") or language or language_of(instruction)),
        origin="seed",
    )


def _instance(value: Any, where: str) -> Instance:
    if not isinstance(value, dict) or not isinstance(value.get("input"), str):
        raise InputError(
            f"{where}: an instance must be {{input: text, output: text}}, got {value!r}"
        )
    return Instance(value["input"], _text(value, "output", where))


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: `{key}` is {value!r}; expected a text that is not empty")
    return value
