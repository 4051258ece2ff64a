"""Lines of JSON: which are read, which are repaired, which are lost, and what each loss is called.

What Python's own json module, or a hand, makes of each line is the truth here.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from corpusforge.errors import InputError
from corpusforge.io.decoding import MAX_DEPTH, DecodingError, decode_json
from corpusforge.io.jsonl import Bad, Row, read_jsonl, read_lines, read_rows, read_value
from corpusforge.io.repair import REPAIRS, repair
from corpusforge.testing.packed import CODINGS, partial, zeros

DEEP = b"[" * 2000 + b"]" * 2000
FULL = MAX_DEPTH - 1
LONG = b"x" * 1000

# line, the value it stands for, what is repaired
REPAIRED = {
    "nan": (b'{"t": "a", "n": NaN}', {"t": "a", "n": None}, "not_a_number"),
    "infinity": (b'{"n": [Infinity, -Infinity, 1.5]}', {"n": [None, None, 1.5]}, "not_a_number"),
    "surrogate at the end": (b'{"t": "cut \\ud83d"}', {"t": "cut \ufffd"}, "half_surrogate"),
    "low surrogate": (b'{"t": "\\ude00 cut"}', {"t": "\ufffd cut"}, "half_surrogate"),
    "surrogates the wrong way round": (b'"\\ude00\\ud83d"', "\ufffd\ufffd", "half_surrogate"),
    "surrogate in a key": (b'{"\\ud83d": 1}', {"\ufffd": 1}, "half_surrogate"),
    "surrogate and a letter": (b'"\\ud83dx \\\\ud83d"', "\ufffdx \\ud83d", "half_surrogate"),
    "overflow": (b'{"n": 1e400, "t": "a"}', {"n": None, "t": "a"}, "number_range"),
    "negative overflow": (b"[-1e999]", [None], "number_range"),
    "digits": (b'{"n": ' + b"9" * 5000 + b"}", {"n": None}, "number_range"),
    "tab": (b'{"t": "a\tb"}', {"t": "a\tb"}, "control_character"),
    "zero inside": (b'{"t": "a\x00b"}', {"t": "a\x00b"}, "control_character"),
    "carriage return": (b'{"t": "a\rb"}', {"t": "a\rb"}, "control_character"),
    "Latin-1 elsewhere": (
        b'{"t": "a", "by": "caf\xe9"}',
        {"t": "a", "by": "caf\ufffd"},
        "bad_bytes",
    ),
    "a half encoded by itself": (b'{"t": "a\xed\xa0\xbdb"}', {"t": "a\ufffdb"}, "half_surrogate"),
    "a pair encoded in halves": (
        b'{"t": "a\xed\xa0\xbd\xed\xb8\x80b"}',
        {"t": "a\U0001f600b"},
        "half_surrogate",
    ),
    "cut character": (
        b'{"t": "' + LONG + b'\xe4\xb8"}',
        {"t": LONG.decode() + "\ufffd"},
        "bad_bytes",
    ),
    "trailing comma": (b'{"t": "a"},', {"t": "a"}, "trailing_comma"),
    "trailing comma and blanks": (b' {"t": "a"} , ', {"t": "a"}, "trailing_comma"),
    "zeros behind": (b'{"t": "a"}\x00\x00\x00\x00', {"t": "a"}, "zero_bytes"),
    "zeros before": (b'\x00\x00{"t": "a"}', {"t": "a"}, "zero_bytes"),
    "two at once": (
        b'{"t": "a\tb", "n": NaN},',
        {"t": "a\tb", "n": None},
        "control_character not_a_number trailing_comma",
    ),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_what_is_repaired(name: str) -> None:
    line, value, reasons = REPAIRED[name]
    with pytest.raises(DecodingError):
        decode_json(line)
    made = repair(line)
    assert decode_json(made.line) == json.loads(made.line) == value
    assert " ".join(made.reasons) == reasons
    assert made.left_over == 0
    assert set(made.reasons) <= set(REPAIRS)
    again = read_value(made.line)
    assert again == (value, ())  # and now it needs none


def test_deep_neighbours_lose_what_is_too_deep() -> None:
    for deep in (DEEP, b"[" * 501 + b"1" + b"]" * 501, b'{"a":' * 600 + b"1" + b"}" * 600):
        made = repair(b'{"t": "kept", "x": ' + deep + b', "y": [1, {"z": "[[["}]}')
        value = decode_json(made.line)
        assert made.reasons == ("nesting",)
        assert (value["t"], value["y"]) == ("kept", [1, {"z": "[[["}])
        assert made.line.count(b"null") == 1
    whole = b'{"t": "kept", "x": ' + b"[" * FULL + b"]" * FULL + b"}"
    assert read_value(whole)[1] == ()  # at the bound nothing is cut
    over = b'{"t": "kept", "x": ' + b"[" * (FULL + 1) + b"]" * (FULL + 1) + b"}"
    assert read_value(over)[1] == ("nesting",)


LOST = {
    "cut": b'{"t": "aaa',
    "cut behind a key": b'{"t": ',
    "no JSON": b"<html>",
    "a word": b"None",
    "single quotes": b"{'t': 'a'}",
    "junk behind": b'{"t": "a"} and more',
    "a second value that is cut": b'{"t": "a"} {"t": ',
    "half of it no UTF-8": b'{"t": "' + b"\xe9a" * 50 + b'"}',
    "2 of 100 bytes no UTF-8": b'{"t": "' + b"\xe9" * 2 + b"a" * 89 + b'"}',
    "deep and not closed": b'{"t": "a", "x": ' + b"[" * 5000,
    "a million brackets": b'{"t": "a", "x": ' + b"[" * 1_000_001 + b"]" * 1_000_001 + b"}",
    "zeros alone": b"\x00" * 100,
    "a comma alone": b",",
    "bytes outside strings": b'{"t": "a"\xff}',
}


@pytest.mark.parametrize("name", LOST)
def test_what_stays_lost(name: str) -> None:
    with pytest.raises(DecodingError):
        repair(LOST[name])
    with pytest.raises(DecodingError):
        read_value(LOST[name])


def test_the_share_of_bad_bytes_on_its_edge() -> None:
    for bad, size, kept in ((1, 50, True), (1, 2000, True), (2, 200, True), (2, 199, False),
                            (10, 1000, True), (10, 999, False)):  # fmt: skip
        line = b'{"t": "' + b"\xe9" * bad
        line += b"a" * (size - len(line) - 2) + b'"}'
        assert len(line) == size
        if kept:
            assert decode_json(repair(line).line)["t"].count("\ufffd") == bad
        else:
            with pytest.raises(DecodingError, match=f"{bad} of {size} bytes"):
                repair(line)


def test_a_second_value_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"t": 1} {"t": 2}\n{"t": 3}{"t": 4}{"t": 5}\n{"t": 6}\n')
    rows = list(read_rows(str(path)))
    assert [row.value for row in rows if isinstance(row, Row)] == [{"t": 1}, {"t": 3}, {"t": 6}]
    bad = [row for row in rows if isinstance(row, Bad)]
    assert [(row.number, row.rule, row.size) for row in bad] == [
        (1, "second_value", 8),
        (2, "second_value", 16),
    ]


def test_rows_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"t": "first"}\r\n\n   \n{"t": "\xe2\x80\xa8"}\n\xef\xbb\xbf[1]\n'
        b'{"t": NaN}\n{oh}\n"last"'
    )
    rows = list(read_rows(str(path)))
    assert [row.number for row in rows] == [1, 4, 5, 6, 7, 8]
    assert rows[0] == Row(1, b'{"t": "first"}', {"t": "first"})
    assert [row.value for row in rows if isinstance(row, Row)] == [
        {"t": "first"}, {"t": "\u2028"}, [1], {"t": None}, "last",
    ]  # fmt: skip
    assert rows[3].repaired == ("not_a_number",)  # type: ignore[union-attr]
    assert isinstance(rows[4], Bad) and not rows[4].cut and "not JSON" in rows[4].error


@pytest.mark.parametrize("limit", [10, 100, 40_000, 100_000])
def test_lines_over_the_limit(tmp_path: Path, limit: int) -> None:
    """The bound on its edge, with lines that end inside and on the pieces that are read."""
    path = tmp_path / "a.jsonl"
    sizes = [limit - 1, limit, limit + 1, 4, 3 * limit, 32_768, 32_767, limit + 1]
    lines = [b'"' + b"x" * (size - 2) + b'"' for size in sizes]
    for end in (b"", b"\n"):
        path.write_bytes(b"\n".join(lines) + end)
        rows = list(read_rows(str(path), limit))
        assert [row.number for row in rows] == list(range(1, 9))
        for size, row in zip(sizes, rows, strict=True):
            if size <= limit:
                assert isinstance(row, Row) and len(row.line) == size
            else:
                assert isinstance(row, Bad) and (row.rule, row.size) == ("record_size", size)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_whole_rows_before_a_cut_and_one_for_the_rest(
    tmp_path: Path, coding: str, share: float
) -> None:
    content = b"".join(b'{"n": %d, "t": "%s"}\n' % (n, b"word " * (n % 40)) for n in range(9000))
    packed = CODINGS[coding](content)
    cut = packed[: int(len(packed) * share)]
    path = tmp_path / f"a.jsonl{coding}"
    path.write_bytes(cut)
    whole = partial(coding, cut).count(b"\n")
    *rows, last = read_rows(str(path))
    assert [row.value["n"] for row in rows] == list(range(whole))  # type: ignore[union-attr]
    assert isinstance(last, Bad) and last.cut and last.number == whole + 1
    assert "ends early" in last.error
    for strict in (read_jsonl, read_lines):
        with pytest.raises(InputError, match=rf"a\.jsonl{coding}:{whole + 1}: .*ends early"):
            list(strict(str(path)))


@pytest.mark.parametrize("coding", CODINGS)
def test_one_endless_line(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"" + CODINGS[coding](b'{"t": "a"}\n') + zeros(coding, 128))
    first, last = read_rows(str(path), 1 << 20)
    assert isinstance(first, Row)
    assert isinstance(last, Bad)
    assert last.cut or last.size == 128 << 20
    with pytest.raises(InputError, match=r"a\.jsonl:2: "):
        list(read_lines(str(path)))


def test_strict_readers_name_file_and_line(tmp_path: Path, capsys) -> None:
    path = tmp_path / "a.jsonl.gz"
    for line, words in (
        (b"{oh}", "not JSON"),
        (b"[1]", "expected an object, got list"),
        (b'{"t": 1} {"t": 2}', "second value"),
    ):
        path.write_bytes(gzip.compress(b'{"t": 0}\n\n' + line + b"\n"))
        with pytest.raises(InputError, match=rf"a\.jsonl\.gz:3: .*{words}"):
            list(read_jsonl(str(path)))
    path.write_bytes(gzip.compress(b'\xef\xbb\xbf{"t": NaN}\n{"t": 1},\n{"t": NaN}'))
    assert list(read_jsonl(str(path))) == [{"t": None}, {"t": 1}, {"t": None}]
    assert (
        capsys.readouterr().err == f"{path}: rows were repaired: not_a_number 2, trailing_comma 1\n"
    )
    assert [line for _, line in read_lines(str(path))][1] == b'{"t": 1},'
