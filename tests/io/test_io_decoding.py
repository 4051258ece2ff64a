"""Text of others becomes values, or one error."""

from __future__ import annotations

import json
import tomllib

import msgspec
import pytest

from corpusforge.errors import InputError
from corpusforge.io.decoding import (
    MAX_DEPTH,
    DecodingError,
    decode_json,
    decode_json_at,
    decode_json_leniently,
    decode_toml,
    read_json,
)

DAMAGED = {
    "empty": b"",
    "cut": b'{"a": [1, 2',
    "two values": b"1 2",
    "no JSON": b"<html>",
    "not UTF-8": b'{"a": "\xff"}',
    "a cut character": '{"a": "é"}'.encode()[:-3],
    "NUL bytes": b"\x00\x00\x00",
    "deep arrays": b"[" * 100_000,
    "deep arrays, closed": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep, behind a long string": b'["' + b"]" * 2000 + b'",' + b"[" * 1000 + b"]" * 1001,
    "deep, behind an escaped quote": b'["\\"' + b"]" * 2000 + b'",' + b"[" * 1000 + b"]" * 1001,
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_whatever_is_wrong_is_one_error_of_one_line(data: bytes) -> None:
    for decode in (decode_json, decode_json_leniently):
        with pytest.raises(DecodingError) as caught:
            decode(data)
        assert isinstance(caught.value, InputError)
        assert isinstance(caught.value, ValueError)
        assert "\n" not in str(caught.value)
        assert str(caught.value)


@pytest.mark.parametrize("decode", [decode_json, decode_json_leniently])
def test_values_are_those_of_the_standard_library(decode) -> None:
    for value in ({"a": [1, 2.5, None, True, "é\U0001f600"]}, [], "x", 0, [[[]]] * 1000):
        text = json.dumps(value)
        assert decode(text) == decode(text.encode()) == value
    assert decode_json(msgspec.Raw(b"[1]"), list[int]) == [1]


def test_the_bound_on_nesting_is_exact_and_does_not_depend_on_the_caller() -> None:
    def below(frames: int, data: bytes) -> object:
        return decode_json(data) if frames == 0 else below(frames - 1, data)

    longest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    for frames in (0, 200):
        assert below(frames, longest) is not None
        with pytest.raises(DecodingError, match="deeper"):
            below(frames, b"[" + longest + b"]")
    # brackets inside strings nest nothing
    assert decode_json(json.dumps(["[" * 2000, '"[{\\' * 2000])) == ["[" * 2000, '"[{\\' * 2000]


def test_a_value_of_another_type_says_where() -> None:
    with pytest.raises(DecodingError, match=r"\$\[0\]"):
        decode_json(b'["a"]', list[int])


def test_only_the_lenient_reader_takes_what_python_writes_and_json_forbids() -> None:
    for text in (b"[NaN, Infinity]", b'["\\ud800"]', b"[1e400]"):
        assert len(decode_json_leniently(text)) > 0
        with pytest.raises(DecodingError):
            decode_json(text)
    with pytest.raises(DecodingError, match="surrogate"):
        decode_json('["\ud800"]')


def test_a_value_within_a_text_is_read_to_its_end() -> None:
    text = 'Here: {"a": ["x\ty"]} and more'
    assert decode_json_at(text, 6) == ({"a": ["x\ty"]}, 20)
    for damaged, place in ((text, 0), (text, 24), ("[" * 100_000, 0), ('["a', 0)):
        with pytest.raises(DecodingError):
            decode_json_at(damaged, place)


def test_toml_is_that_of_the_standard_library_or_one_error() -> None:
    text = 'a.b."c.d" = "e.f"\n[x]\nversions = ["1.0.0"' + ', "1.0.0"' * 300 + "]\n"
    assert decode_toml(text) == tomllib.loads(text)
    deepest = "a." * 90 + "b = 1"
    assert decode_toml(deepest) == tomllib.loads(deepest)
    for damaged in (
        "a = [" + "[" * 100_000,
        "a = " + "{a=" * 100_000,
        "a." * 100_000 + "b = 1",
        "'a' . " * 100_000 + "b = 1",
        "[" + "a." * 100_000 + "b]",
        "a = 1979-13-99",
        "a = 1" + "0" * 5000,
        "a",
    ):
        with pytest.raises(DecodingError):
            decode_toml(damaged)


def test_a_damaged_file_is_named(tmp_path) -> None:
    path = tmp_path / "job.json"
    for data in DAMAGED.values():
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"job\.json: not readable"):
            read_json(str(path))
    path.write_bytes(b'{"a": 1}')
    assert read_json(str(path)) == {"a": 1}
