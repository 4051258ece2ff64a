"""JSON and TOML that others wrote: one function for each, one error each, whatever is wrong.

The libraries beneath raise unrelated classes for bytes that are no such text, for text that is no
UTF-8 and for nesting that is too deep; here all of them are one, which says what is wrong on one
line. How deep a value may nest is a constant, so that what is refused does not depend on the
caller's own depth. Limit: a value is decoded whole, in memory.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import tomllib
from typing import Any, TypeVar, overload

import msgspec

from corpusforge.errors import InputError
from corpusforge.io import files

__all__ = [
    "MAX_DEPTH",
    "DecodingError",
    "decode_json",
    "decode_json_at",
    "decode_json_leniently",
    "decode_toml",
    "read_json",
]

MAX_DEPTH = 500
"""Arrays and objects inside each other; Python's own limit is some 900, less the caller's frames."""
_MAX_PARTS = 100
"""Parts of one dotted key of TOML: `tomllib` takes memory by the square of their number."""

_WITHIN = json.JSONDecoder(strict=False)

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"

T = TypeVar("T")
_BYTES_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_KEY = r"(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+"
_LONG_KEY = re.compile(rf"(?<![\w\"'-])(?:{_KEY}){{{_MAX_PARTS}}}")


class DecodingError(InputError, ValueError):
    """What was given is not such JSON or TOML; the message is one line and names no file."""


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _may_be_deep(data: bytes | str) -> bool:
    """Whether there are brackets enough, in strings or outside, to nest deeper than `MAX_DEPTH`."""
    opened = "[{" if isinstance(data, str) else b"[{"
    return len(data) > MAX_DEPTH < data.count(opened[:1]) + data.count(opened[1:])  # type: ignore[arg-type]


def _check_depth(data: bytes | str) -> None:
    """Raise DecodingError where brackets outside strings nest deeper than `MAX_DEPTH`."""
    if not _may_be_deep(data):
        return
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    brackets = _BYTES_STRING.sub(b"", raw).translate(None, _NO_BRACKET)
    depths = itertools.accumulate(map(_STEP.__getitem__, brackets))
    if max(depths, default=0) > MAX_DEPTH:
        raise DecodingError(_TOO_DEEP)


def _is_deep(value: Any, text: bytes | str) -> bool:
    """Whether the lists and dicts of a value nest deeper than `MAX_DEPTH`.

    A row of a corpus has few containers: to look at them is faster than to pass over its strings.
    """
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for depth in range(MAX_DEPTH + 1):
        if not level or (depth == 1 and not _may_be_deep(text)):
            return False
        level = [
            child
            for item in level
            for child in (item.values() if item.__class__ is dict else item)
            if child.__class__ is dict or child.__class__ is list  # the decoder makes no other kind
        ]
    return True


def _one_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    if isinstance(error, UnicodeEncodeError):
        return f"half a surrogate pair at character {error.start}"
    return " ".join(str(error).split())


@overload
def decode_json(data: bytes | str | msgspec.Raw) -> Any: ...
@overload
def decode_json(data: bytes | str | msgspec.Raw, kind: type[T]) -> T: ...
def decode_json(data: bytes | str | msgspec.Raw, kind: Any = Any) -> Any:
    """Return the value that JSON text stands for, of type `kind` (a record class, a generic).

    Raises DecodingError: no JSON, no UTF-8, nested too deep, of another type.
    """
    text = bytes(data) if isinstance(data, msgspec.Raw) else data
    if kind is not Any:
        _check_depth(text)
    try:
        value = _decoder(kind).decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodingError(_one_line(error)) from error
    if kind is Any and _is_deep(value, text):
        raise DecodingError(_TOO_DEEP)
    return value


def decode_json_leniently(data: bytes | str) -> Any:
    """Return the value as Python's own reader takes it: NaN, Infinity and half surrogates pass.

    Raises DecodingError as `decode_json` does.
    """
    _check_depth(data)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DecodingError(_one_line(error)) from error


def decode_json_at(text: str, place: int) -> tuple[Any, int]:
    """Return the JSON value that begins at `place` of a text, and where it ends.

    Line breaks and tabs may stand in its strings. Raises DecodingError where none begins there.
    """
    try:
        return _WITHIN.raw_decode(text, place)
    except (ValueError, RecursionError) as error:
        raise DecodingError(_one_line(error)) from error


def decode_toml(data: bytes | str) -> dict[str, Any]:
    """Return the tables of TOML text; raises DecodingError, also for keys of over 100 parts."""
    try:
        text = data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise DecodingError(_one_line(error)) from error
    if _LONG_KEY.search(text):
        raise DecodingError(f"a key of more than {_MAX_PARTS} parts")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecodingError(_one_line(error)) from error


@overload
def read_json(path: str) -> Any: ...
@overload
def read_json(path: str, kind: type[T]) -> T: ...
def read_json(path: str, kind: Any = Any) -> Any:
    """Return what a JSON file holds; raises InputError naming the file where it is damaged."""
    try:
        return decode_json(files.read_bytes(path), kind)
    except DecodingError as error:
        raise InputError(
            f"{path}: not readable ({error}). Restore it, or make it again."
        ) from error
