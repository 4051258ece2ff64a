"""JSON lines, split on the byte \\n only: U+2028 and U+0085 stand inside many real texts.

`read_rows` is the reader of corpora: whatever a line or the file holds, it goes on as long as there is
something to read, and says what is missing. `read_lines` and `read_jsonl` are for files that must be
whole: the first damage raises InputError.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import zstandard

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.compressed import (
    MIB,
    Caps,
    RefusedError,
    Stream,
    StreamError,
    open_stream,
)
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.repair import Repaired, repair
from corpusforge.printing import say

__all__ = [
    "LONGEST",
    "Bad",
    "Row",
    "read_jsonl",
    "read_lines",
    "read_rows",
    "read_value",
    "say_repaired",
    "write_jsonl",
]

LONGEST = 16 * MIB
"""Bytes of a line beyond which it is not collected."""

_MARK = b"\xef\xbb\xbf"
_PIECE = 1 << 15


class Row(NamedTuple):
    """A line that holds a value: its number from 1, its bytes (as repaired), the value, and the names
    (`repair.REPAIRS`) of what was repaired."""

    number: int
    line: bytes
    value: Any
    repaired: tuple[str, ...] = ()


class Bad(NamedTuple):
    """A line that cannot be read, or (`cut`) the place where the rest of the file is lost.

    `rule` names a bound that the line passes (`record_size`), or `second_value`: a further value on a
    line whose first was read; `size` is then its bytes.
    """

    number: int
    error: str
    cut: bool = False
    rule: str = ""
    size: int = 0


def read_rows(path: str, limit: int = LONGEST, caps: Caps | None = None) -> Iterator[Row | Bad]:
    """Yield one `Row` or `Bad` for each line that is not blank, and one `Bad` for damage of the file.

    Lines over `limit` bytes are not collected. Only a file that cannot be opened raises (OSError).
    """
    number = 0
    with open_stream(path, caps) as stream:
        try:
            for number, line in _lines(stream, limit):
                if isinstance(line, int):
                    error = f"a line of {line} bytes, more than {limit}"
                    yield Bad(number, error, rule="record_size", size=line)
                elif line and not line.isspace():
                    yield from _row(number, line)
        except (StreamError, RefusedError, OSError) as error:
            yield Bad(number + 1, " ".join(str(error).split()), cut=True)


def _row(number: int, line: bytes) -> Iterator[Row | Bad]:
    line = line.removeprefix(_MARK).rstrip(b"\r")
    try:
        yield Row(number, line, decode_json(line))
    except DecodingError as strict:
        made = _repaired(line)
        if made is None:
            yield Bad(number, f"not JSON: {strict}")
            return
        yield Row(number, made.line, decode_json(made.line), made.reasons)
        if made.left_over:
            error = "a second value on the line: a line feed is missing"
            yield Bad(number, error, rule="second_value", size=made.left_over)


def _repaired(line: bytes) -> Repaired | None:
    try:
        return repair(line)
    except DecodingError:
        return None


def read_value(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """Return the value of one whole JSON text, and what was repaired; raises DecodingError."""
    try:
        return decode_json(data), ()
    except DecodingError:
        made = _repaired(data)
        if made is None or made.left_over:
            raise
        return decode_json(made.line), made.reasons


def _lines(stream: Stream, limit: int) -> Iterator[tuple[int, bytes | int]]:
    """Yield (number, line without its end), the size alone of a line over `limit` bytes.

    An unfinished line before damage is not a line.
    """
    number = size = 0
    parts: list[bytes] = []
    while piece := stream.read1(_PIECE):
        first, *lines = piece.split(b"\n")
        size += len(first)
        parts.append(first if size <= limit else b"")
        if not lines:
            if size > limit:
                parts.clear()
            continue
        number += 1
        yield number, b"".join(parts) if size <= limit else size
        rest = lines.pop()
        for line in lines:
            number += 1
            yield number, line if len(line) <= limit else len(line)
        parts, size = [rest], len(rest)
    if size:
        yield number + 1, b"".join(parts) if size <= limit else size


def read_lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without its end) of a file that must be whole, packed or not.

    Raises InputError naming file and line where it is damaged, or a line is over 16 MiB.
    """
    number = 0
    with open_stream(path) as stream:
        try:
            for number, line in _lines(stream, LONGEST):
                if isinstance(line, int):
                    raise InputError(
                        f"{path}:{number}: a line of {line} bytes; expected {LONGEST} at most."
                    )
                yield number, line.rstrip(b"\r")
        except (StreamError, RefusedError, OSError) as error:
            raise _damaged(path, number + 1, error) from error


def _damaged(path: str, number: int, error: object) -> InputError:
    return InputError(
        f"{path}:{number}: the file is damaged here ({error}). Fetch or make it again."
    )


def read_jsonl(path: str) -> Iterator[dict[str, Any]]:
    """Yield one dict for each line of a file that must be whole; blank lines are passed over.

    Raises InputError naming file and line where a line is no JSON object. What could be repaired is told
    on standard error. A reader of corpora, which must survive bad lines, uses `read_rows`.
    """
    repaired: Counter[str] = Counter()
    for row in read_rows(path):
        if isinstance(row, Bad):
            if row.cut:
                raise _damaged(path, row.number, row.error)
            raise InputError(f"{path}:{row.number}: {row.error}. One object a line.")
        if not isinstance(row.value, dict):
            kind = type(row.value).__name__
            raise InputError(f"{path}:{row.number}: expected an object, got {kind}.")
        repaired.update(row.repaired)
        yield row.value
    say_repaired(path, repaired)


def say_repaired(path: str, repaired: Mapping[str, int]) -> None:
    """Tell on standard error what was repaired in how many rows of a file; nothing where nothing was."""
    if repaired:
        said = ", ".join(f"{name} {count}" for name, count in sorted(repaired.items()))
        say(f"{path}: rows were repaired: {said}", error=True)


def write_jsonl(path: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as JSON lines atomically (.zst and .gz by the name's ending); return their number."""
    encoder = msgspec.json.Encoder()
    count = 0
    with files.atomic_write(path) as raw:
        stream: Any = raw
        if path.endswith(".zst"):
            stream = zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False)
        elif path.endswith(".gz"):
            import gzip

            stream = gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="")
        for row in rows:
            stream.write(encoder.encode(row) + b"\n")
            count += 1
        if stream is not raw:
            stream.close()
    return count
