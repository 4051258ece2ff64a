"""Files cut in the middle, and files that are no text: what came before the cut is kept."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from corpusforge.ingest import read
from corpusforge.ingest.settings import Settings
from corpusforge.records import Failed, RawDocument

ROWS = [json.dumps({"text": f"line {i} " * (1 + i % 17)}) for i in range(20_000)]
DATA = "\n".join(ROWS).encode()
PACKERS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    ".gz": (
        lambda data: gzip.compress(data, 1),
        lambda cut: zlib.decompressobj(31).decompress(cut),
    ),
    ".bz2": (bz2.compress, lambda cut: bz2.BZ2Decompressor().decompress(cut)),
    ".xz": (
        lambda d: lzma.compress(d, preset=0),
        lambda cut: lzma.LZMADecompressor().decompress(cut),
    ),
}


@pytest.mark.parametrize("suffix", PACKERS)
def test_every_whole_line_before_a_cut_is_read(suffix: str, tmp_path: Path) -> None:
    pack, unpack = PACKERS[suffix]
    packed = pack(DATA)
    cut = packed[: len(packed) * 2 // 3]
    path = tmp_path / f"rows.jsonl{suffix}"
    path.write_bytes(cut)
    rows = list(read("documents", str(path), Settings()))
    assert sum(isinstance(row, RawDocument) for row in rows) == unpack(cut).count(b"\n")
    assert sum(isinstance(row, Failed) for row in rows) == 1


@pytest.mark.parametrize("size", [60, 600, 60_000])
def test_random_bytes_are_no_book(size: int, tmp_path: Path) -> None:
    path = tmp_path / "noise.txt"
    path.write_bytes(np.random.default_rng(size).bytes(size))
    (row,) = read("books", str(path), Settings())
    assert isinstance(row, Failed) and row.error.startswith("not text")
