"""JSON lines, split on the byte \\n only: U+2028 and U+0085 stand inside many real texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import zstandard

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_json

__all__ = ["read_jsonl", "read_lines", "write_jsonl"]


def read_lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without its newline); .gz, .zst, .bz2, .xz are decompressed."""
    with files.open_raw(path) as raw, files.decompress(raw, path) as stream:
        for number, line in enumerate(stream, 1):
            yield number, line.rstrip(b"\r\n")


def read_jsonl(path: str) -> Iterator[dict[str, Any]]:
    """Yield one dict a line; empty lines are passed over.

    Raises InputError naming file and line where a line is no JSON object. A reader of corpora that
    must survive bad lines uses `read_lines` and counts them.
    """
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            row = decode_json(line)
        except DecodingError as error:
            raise InputError(f"{path}:{number}: not JSON ({error}). One object a line.") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number}: expected an object, got {type(row).__name__}.")
        yield row


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
