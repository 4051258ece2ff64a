"""A second, lenient reading of one line of JSON whose strict reading failed, so that a bad neighbour
field does not cost a good text.

What other programs write and the standard (RFC 8259) does not allow is made what it was meant to be, as
little of it as can be, and named: Python's NaN and Infinity, half a surrogate pair (text cut at 16 bits),
numbers beyond a double, raw control characters, a few bytes that are no UTF-8, values nested too deep,
zero bytes or a comma behind the object. Limit: a line that holds no whole object stays unreadable.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from corpusforge.io.decoding import MAX_DEPTH, DecodingError

__all__ = ["REPAIRS", "Repaired", "repair"]

REPAIRS = {
    "bad_bytes": "bytes that are no UTF-8, at most one, or 1 % of the line: U+FFFD each",
    "control_character": "raw control characters inside a string: kept",
    "half_surrogate": "half a surrogate pair: U+FFFD; a pair encoded in halves: its character",
    "nesting": f"a value nested deeper than {MAX_DEPTH} levels: null",
    "not_a_number": "NaN, Infinity, -Infinity: null",
    "null_in_list": "null in a list of texts: left out",
    "number_range": "a number beyond a double, a whole number of more than 4,300 digits: null",
    "trailing_comma": "a comma behind the object: left out",
    "zero_bytes": "zero bytes before or behind the object: left out",
}
"""What is repaired, by the name it is counted under."""

_BLANK = " \t\r\n\x00\ufeff"
_SURROGATE = re.compile("[\ud800-\udfff]")
_ENCODED_SURROGATES = re.compile(rb"(?:\xed[\xa0-\xbf][\x80-\xbf])+")
_MOST_BRACKETS = 1_000_000  # of a line that is looked through for values nested too deep
_MOST_DIGITS = 4300  # Python's own bound on reading a whole number, which takes quadratic time
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Repaired:
    """A line as it should have been: strict JSON of its first object, what was repaired, and how many
    characters of further objects stand behind it."""

    line: bytes
    reasons: tuple[str, ...]
    left_over: int


def repair(line: bytes) -> Repaired:
    """Return a line that `decode_json` reads, or raise DecodingError with what is wrong with it."""
    reasons: set[str] = set()
    text = _shallow(_decoded(line, reasons), reasons)
    value, end = _first(text, reasons)
    left_over = _behind(text[end:], reasons)
    out = _written(value)
    if _SURROGATE.search(out):
        reasons.add("half_surrogate")
        out = _SURROGATE.sub("\ufffd", out)
    return Repaired(out.encode(), tuple(sorted(reasons)), left_over)


def _decoded(line: bytes, reasons: set[str]) -> str:
    whole = _ENCODED_SURROGATES.sub(_joined, line)
    if whole != line:
        reasons.add("half_surrogate")
        line = whole
    text = line.decode("utf-8", "replace")
    bad = text.count("\ufffd") - line.count("\ufffd".encode())
    if bad > max(1, len(line) // 100):
        raise DecodingError(f"{bad} of {len(line)} bytes are no UTF-8")
    if bad:
        reasons.add("bad_bytes")
    start = text.lstrip(_BLANK)
    if "\x00" in text[: len(text) - len(start)]:
        reasons.add("zero_bytes")
    return start


def _joined(found: re.Match[bytes]) -> bytes:
    """Surrogates that were encoded one by one (CESU-8): a pair is its character, a half U+FFFD."""
    text = found[0].decode("utf-8", "surrogatepass")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _first(text: str, reasons: set[str]) -> tuple[Any, int]:
    """Return the first value of a text, and where it ends."""

    def missing(_: str) -> None:
        reasons.add("not_a_number")

    def whole(digits: str) -> int | None:
        if len(digits) <= _MOST_DIGITS:
            return int(digits)
        reasons.add("number_range")
        return None

    def double(digits: str) -> float | None:
        if math.isfinite(number := float(digits)):
            return number
        reasons.add("number_range")
        return None

    for strict in (True, False):
        reader = json.JSONDecoder(
            strict=strict, parse_constant=missing, parse_int=whole, parse_float=double
        )
        try:
            return reader.raw_decode(text)
        except json.JSONDecodeError as error:
            if not strict or not error.msg.startswith("Invalid control character"):
                raise DecodingError(f"not JSON: {error.msg} at character {error.pos}") from error
            reasons.add("control_character")
        except RecursionError:
            break
    raise DecodingError(f"nested deeper than {MAX_DEPTH} levels")


def _behind(rest: str, reasons: set[str]) -> int:
    """Judge what stands behind a value; return the characters of further values."""
    rest = rest.strip(" \t\r\n")
    if not rest.strip(_BLANK + ","):
        if "\x00" in rest:
            reasons.add("zero_bytes")
        if "," in rest:
            reasons.add("trailing_comma")
        return 0
    try:
        json.JSONDecoder(strict=False).raw_decode(rest.lstrip(_BLANK + ","))
    except (ValueError, RecursionError):
        raise DecodingError(f"{len(rest)} characters behind the value are no JSON") from None
    return len(rest)


def _shallow(text: str, reasons: set[str]) -> str:
    """Put null in the place of values that nest deeper than `MAX_DEPTH`."""
    if not MAX_DEPTH < text.count("[") + text.count("{") <= _MOST_BRACKETS:
        return text
    kept: list[str] = []
    depth = done = 0
    for found in _TOKEN.finditer(text):
        sign = found[0]
        if sign in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept.append(text[done : found.start()])
        elif sign in "]}":
            if depth == MAX_DEPTH + 1:
                kept.append("null")
                reasons.add("nesting")
                done = found.end()
            depth -= 1
    return "".join(kept) + text[done:] if kept and depth <= MAX_DEPTH else text


def _written(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:  # fewer frames are left here than there were for reading
        raise DecodingError(f"nested deeper than {MAX_DEPTH} levels") from None
