"""Files of answers, JSON and tables, cut into rows without holding a file in memory.

Three layouts occur: a JSON array (cut at the commas between its elements by a kernel that follows
strings and brackets), JSON lines (cut at newlines), and one JSON object. A row that is no JSON is
still a row: the caller refuses it. Limit: after an unbalanced quote an array's rest is one row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io.compressed import RefusedError, StreamError, open_stream
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.startup import long_cells
from corpusforge.text.jit import jit

__all__ = ["MAX_ROW", "cells", "decode", "opened", "rows", "utf8"]

MAX_ROW = 256 << 20
"""Bytes after which a row is given up (with the rest of its file) instead of collected."""

LONGEST_CELL = 1 << 28
"""Characters of a table's cell, at most."""

_CHUNK = 1 << 20
_HEAD = 1 << 16
_SPACE = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"


def rows(path: str) -> Iterator[tuple[int, bytes]]:
    """Yield (row number from 1, its bytes) for a JSON array, JSON lines or one object.

    Empty lines and an empty file give no row. Raises InputError where the file cannot be read.
    """
    with opened(path) as stream:
        head = stream.read(_HEAD).removeprefix(_MARK).lstrip(_SPACE)
        if head.startswith(b"["):
            yield from _elements(stream, head[1:])
            return
    with opened(path) as stream:
        opening = head.partition(b"\n")[0].strip(_SPACE)
        yield from _whole(stream) if opening == b"{" else _lines(stream)


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a file, decompressed by its first bytes; damage met while reading raises InputError."""
    try:
        with open_stream(path) as stream:
            yield cast(BinaryIO, stream)
    except (StreamError, RefusedError, OSError) as error:
        raise InputError(
            f"cannot read answers {path!r}: {error}. Ask for the file again; nothing was imported."
        ) from error


def decode(row: bytes) -> Any:
    """Return a row's JSON value, or None where it is none."""
    try:
        return decode_json(row)
    except DecodingError:
        return None


def cells(path: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield (row number from 1, its cells, or in words why it has none) of a CSV or TSV file; no blank rows.

    Bytes that are no UTF-8 stand as half surrogates, so that texts in other encodings can be compared.
    Raises InputError where the file cannot be read.
    """
    long_cells(LONGEST_CELL)
    tabs = ".tsv" in PurePosixPath(path).name.lower()
    with opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        table = csv.reader(text, delimiter="\t" if tabs else ",")
        number = 0
        while True:
            number += 1
            try:
                row = next(table, None)
            except csv.Error as error:
                yield number, str(error)
                continue
            if row is None:
                return
            if any(cell.strip() for cell in row):
                yield number, row


def utf8(cell: str) -> str:
    """Return a cell with U+FFFD for bytes that are no UTF-8."""
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _whole(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield a file that is one object over many lines."""
    yield 1, stream.read(MAX_ROW).removeprefix(_MARK)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(MAX_ROW):
        number += 1
        row = line.removeprefix(_MARK).strip(_SPACE)
        if row:
            yield number, row


def _elements(stream: BinaryIO, head: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of an array whose "[" has been read."""
    state = np.array([1, 0, 0], dtype=np.int64)
    number, pending, chunk = 0, bytearray(), head or stream.read(_CHUNK)
    while chunk and state[0] > 0 and len(pending) <= MAX_ROW:
        start = 0
        for cut in _cuts(np.frombuffer(chunk, dtype=np.uint8), state):
            pending += chunk[start:cut]
            start = int(cut) + 1
            if row := bytes(pending.strip(_SPACE)):
                number += 1
                yield number, row
            pending.clear()
        pending += chunk[start:]
        chunk = stream.read(_CHUNK)
    pending += chunk + stream.read(MAX_ROW)  # after the end, or after a row that never ended
    if pending.strip(_SPACE):
        yield number + 1, bytes(pending)


@jit
def _cuts(text: NDArray[np.uint8], state: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of commas at depth 1 and of the closing bracket; `state` is carried on.

    `state` is (depth, inside a string, after a backslash).
    """
    found = np.empty(text.size, dtype=np.int64)
    count = 0
    depth, quoted, escaped = state[0], state[1], state[2]
    for index in range(text.size):
        byte = text[index]
        if quoted:
            if escaped:
                escaped = 0
            elif byte == 92:  # backslash
                escaped = 1
            elif byte == 34:  # quotation mark
                quoted = 0
        elif byte == 34:
            quoted = 1
        elif byte in (91, 123):  # [ {
            depth += 1
        elif byte in (93, 125):  # ] }
            depth -= 1
            if depth == 0:
                found[count] = index
                count += 1
                break
        elif byte == 44 and depth == 1:  # comma
            found[count] = index
            count += 1
    state[0], state[1], state[2] = depth, quoted, escaped
    return found[:count]
