"""Tables of TOML into frozen dataclasses: unknown keys refused, types checked, nothing guessed.

Types understood: str, int, float, bool, tuple[X, ...], dict[str, X], X | None, Literal and nested
dataclasses. An int stands where a float is asked; nothing else is converted.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import math
import textwrap
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from corpusforge.errors import RecipeError, nearest

__all__ = ["build", "descriptions"]

T = TypeVar("T")
_MOST_SHOWN = 200  # characters of a wrong value in its message
LARGEST = 2**63 - 1
"""Largest whole number of a recipe: what TOML promises, and what columns and kernels hold."""
_WORDS = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}


@functools.cache
def descriptions(cls: type[Any]) -> Mapping[str, str]:
    """Return what each field of a settings class means: the string that stands behind it in the class.

    The one description of a setting, from which --help, docs/settings.md and the schemas are made.
    """
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for item, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[item.target.id] = " ".join(text.split())
    return types.MappingProxyType(found)


def build(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """Return `cls(**table)` after checking every key and value; `where` names the table in errors.

    Raises RecipeError naming the key, the value and what was expected.
    """
    hints = typing.get_type_hints(cls)
    known = {field.name: field for field in dataclasses.fields(typing.cast(Any, cls)) if field.init}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise RecipeError(f"{where}.{key} is not a known key.{nearest(key, known)}")
        values[key] = convert(hints[key], value, f"{where}.{key}")
    missing = [
        name
        for name, field in known.items()
        if name not in values
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise RecipeError(f"{where}.{missing[0]} is missing. Set it in the recipe.")
    return cls(**values)


def convert(hint: Any, value: Any, where: str) -> Any:
    """Return `value` as the annotated type `hint`; raises RecipeError where it does not fit."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return build(typing.cast(Any, hint), value, where)
    if origin in (types.UnionType, typing.Union):
        return _union(arguments, value, where)
    if origin is Literal:
        if value not in arguments:
            raise _unfit(where, value, " or ".join(repr(choice) for choice in arguments))
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise _unfit(where, value, "a list")
        return tuple(convert(arguments[0], item, f"{where}[{n}]") for n, item in enumerate(value))
    if origin in (dict, Mapping) or hint is dict:
        if not isinstance(value, Mapping):
            raise _unfit(where, value, "a table")
        inner = arguments[1] if arguments else Any
        return {str(key): convert(inner, item, f"{where}.{key}") for key, item in value.items()}
    return _scalar(hint, value, where)


def _union(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    choices = [choice for choice in arguments if choice is not type(None)]
    for choice in choices:
        try:
            return convert(choice, value, where)
        except RecipeError:
            continue
    words = [_WORDS.get(getattr(choice, "__name__", ""), "a table of keys") for choice in choices]
    raise _unfit(where, value, " or ".join(words))


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if isinstance(value, float) and math.isnan(value):
        raise _unfit(where, value, "a number")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise RecipeError(f"{where} is more than 64 bits hold; expected at most 2^63 - 1.")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) and hint is not bool:
        raise _unfit(where, value, _WORDS.get(getattr(hint, "__name__", ""), "a table of keys"))
    if not isinstance(value, hint):
        raise _unfit(where, value, _WORDS.get(getattr(hint, "__name__", ""), "a table of keys"))
    return value


def _unfit(where: str, value: Any, expected: str) -> RecipeError:
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        shown = "too large to show"
    shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"
    return RecipeError(f"{where} is {shown}; expected {expected}.")
