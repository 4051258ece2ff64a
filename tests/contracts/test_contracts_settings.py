"""Every number of every settings class: finite, of 64 bits, and negative only where that means something."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pkgutil
import typing
from collections.abc import Iterator
from typing import Any

import pytest

import corpusforge
from corpusforge.errors import RecipeError
from corpusforge.fields import build

MAY_BE_NEGATIVE = {
    "corpusforge.annotate.imports.settings.Settings.adjudicate",  # a correlation
    "corpusforge.ingest.settings.Settings.min_votes",  # votes are up less down
    "corpusforge.ingest.settings.Settings.min_answer_votes",
    "corpusforge.models.settings.Settings.frequency_penalty",  # servers take -2 to 2
    "corpusforge.models.settings.Settings.presence_penalty",
}


def classes() -> Iterator[type[Any]]:
    for module in pkgutil.walk_packages(corpusforge.__path__, "corpusforge."):
        if module.name.endswith(".settings"):
            held = vars(importlib.import_module(module.name)).values()
            yield from (item for item in held if _is_own(item, module.name))


def _is_own(item: object, module: str) -> bool:
    return isinstance(item, type) and dataclasses.is_dataclass(item) and item.__module__ == module


def numbers() -> Iterator[tuple[type[Any], str, type]]:
    for cls in classes():
        hints = typing.get_type_hints(cls)
        for item in dataclasses.fields(cls):
            kinds = typing.get_args(hints[item.name]) or (hints[item.name],)
            plain = typing.get_origin(hints[item.name]) not in (tuple, dict)
            for kind in (int, float):
                if item.init and plain and kind in kinds:
                    yield cls, item.name, kind


NUMBERS = {
    f"{cls.__module__}.{cls.__name__}.{name}": (cls, name, kind) for cls, name, kind in numbers()
}


def with_value(cls: type[Any], name: str, value: object) -> object:
    """The class with one value, and plain ones for what must be given."""
    plain = {str: "x", int: 1, float: 1.0}
    hints = typing.get_type_hints(cls)
    needed = {
        item.name: plain.get(hints[item.name], {"x": 1.0})
        for item in dataclasses.fields(cls)
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    }
    return build(cls, {**needed, name: value}, "section")


def test_there_are_settings_to_look_at() -> None:
    assert len(NUMBERS) > 120


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_or_too_large_is_refused(name: str) -> None:
    cls, key, kind = NUMBERS[name]
    for value in (math.nan, 2**63, -(2**63)) if kind is float else (2**63, 10**5000, 1.5, True):
        with pytest.raises(RecipeError):
            with_value(cls, key, value)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_negative_number_is_refused_where_it_means_nothing(name: str) -> None:
    cls, key, kind = NUMBERS[name]
    if name in MAY_BE_NEGATIVE:
        with_value(cls, key, kind(-1))
    elif key != "seed":  # it is hashed: any whole number is one
        with pytest.raises(RecipeError):
            with_value(cls, key, kind(-1))
