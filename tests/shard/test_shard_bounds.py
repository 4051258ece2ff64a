"""Bounds of shards on their edges, and shards that do not belong together."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.errors import InputError, RecipeError
from corpusforge.io.parquet import read_table
from corpusforge.shard import (
    Settings,
    TokenStream,
    export,
    pack_shard,
    read_idx,
    shard_bounds,
    verify,
    write_shard,
)
from corpusforge.shard.pack import best_fit
from corpusforge.shard.schedule import Schedule, Skipped
from corpusforge.shard.writer import shard_stretches

U16, U32 = np.dtype("<u2"), np.dtype("<u4")
END, PAD = 60_000, 60_001


def write(
    folder: Path, lengths: tuple[int, ...], name: str = "part-00000", dtype: np.dtype = U16
) -> Path:
    """A shard whose ids count up, END behind each document."""
    folder.mkdir(exist_ok=True)
    ids = np.arange(sum(lengths), dtype=dtype)
    ids[np.cumsum(lengths) - 1] = END
    count = len(lengths)
    draws = pa.table(
        {
            **{key: [f"d{n}" for n in range(count)] for key in ("id", "source", "leaf")},
            "part": pa.array([0] * count, pa.int32()),
            "offset": np.cumsum(lengths) - lengths,
            "length": np.array(lengths, dtype=np.int64),
            "copy": pa.array([0] * count, pa.int32()),
            "cut": [False] * count,
            "phase": pa.array([0] * count, pa.int32()),
        }
    )
    write_shard(draws, [ids], str(folder / name), dtype, END)
    return folder


@pytest.mark.parametrize("size", [0, -1.0, math.nan, math.inf, -math.inf])
def test_a_shard_has_a_size(size: float) -> None:
    with pytest.raises(RecipeError, match=r"shard\.shard_megabytes"):
        Settings(shard_megabytes=size)


@pytest.mark.parametrize(
    ("lengths", "bounds"),
    [
        ([], []),
        ([1], [(0, 1)]),
        ([9, 1, 1], [(0, 2), (2, 3)]),  # the tenth id ends the first shard
        ([10, 1], [(0, 1), (1, 2)]),
        ([11, 1], [(0, 1), (1, 2)]),
        ([5, 5, 5, 5], [(0, 2), (2, 4)]),
        ([5, 4, 5, 5], [(0, 3), (3, 4)]),
        ([25, 25], [(0, 1), (1, 2)]),
    ],
)
def test_a_shard_ends_at_the_first_document_end_at_or_after_its_size(lengths, bounds) -> None:
    ten_ids = Settings(shard_megabytes=20e-6)
    assert shard_bounds(np.array(lengths, dtype=np.int64), ten_ids, U16) == bounds
    assert shard_bounds(np.array(lengths, np.int64), Settings(shard_megabytes=40e-6), U32) == bounds


@pytest.mark.parametrize(
    "pieces", [[[5, 5], [5, 5]], [[5], [5], [5], [5]], [[], [5, 5, 5, 5], []], [[10], [10]]]
)
def test_a_shard_may_end_where_a_piece_of_the_stream_does(pieces) -> None:
    ten_ids = Settings(shard_megabytes=20e-6)
    arrays = [np.array(piece, dtype=np.int64) for piece in pieces]
    count = sum(map(len, arrays))
    half = count // 2
    assert list(shard_stretches(arrays, ten_ids, U16)) == [(0, half, 10), (half, count, 10)]


def test_a_size_below_one_id_is_one_id() -> None:
    tiny = Settings(shard_megabytes=1e-9)
    assert shard_bounds(np.array([1, 3, 1]), tiny, U16) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("seq_len", "count"), [(1, 20), (10, 2), (9, 2), (20, 1), (21, 0), (19, 1), (7, 2), (6, 3)]
)
def test_sequences_of_21_ids(tmp_path: Path, seq_len: int, count: int) -> None:
    """Each has one id more than seq_len, the target of its last."""
    stream = TokenStream(write(tmp_path / "s", (5, 16)), seq_len)
    assert len(stream) == count
    assert [len(stream[n]) for n in range(count)] == [seq_len + 1] * count
    for wrong in (count, -count - 1):
        with pytest.raises(IndexError):
            stream[wrong]


@pytest.mark.parametrize(
    ("seq_len", "rank", "world"), [(0, 0, 1), (-1, 0, 1), (1, 1, 1), (1, -1, 1), (1, 0, 0)]
)
def test_a_stream_that_makes_no_sense(tmp_path: Path, seq_len: int, rank: int, world: int) -> None:
    folder = write(tmp_path / "s", (5, 16))
    with pytest.raises(InputError, match=r"seq_len|rank"):
        TokenStream(folder, seq_len, 1, rank, world)


@pytest.mark.parametrize(
    "steps", [0, -1, [], [(1, 4)], [(0, 4), (0, 5)], [(0, 4), (5, 0)], [(0, 2), (5, 3), (4, 1)]]
)
def test_schedules_that_are_refused(steps) -> None:
    with pytest.raises(InputError, match="batch_size"):
        Schedule.of(steps)


@pytest.mark.parametrize(
    ("step", "before"), [(-3, 0), (0, 0), (1, 2), (3, 6), (4, 11), (5, 16), (6, 17), (9, 20)]
)
def test_sequences_before_a_step(step: int, before: int) -> None:
    assert Schedule.of([(0, 2), (3, 5), (5, 1)]).before(step) == before


@pytest.mark.parametrize(
    ("first", "more", "ranges"),
    [
        ((), (3, 5), ((3, 5),)),
        (((3, 5),), (5, 7), ((3, 7),)),  # they touch
        (((3, 5),), (6, 7), ((3, 5), (6, 7))),
        (((3, 5),), (1, 3), ((1, 5),)),
        (((3, 5),), (1, 2), ((1, 2), (3, 5))),
        (((3, 9),), (4, 5), ((3, 9),)),
        (((3, 4), (6, 7)), (4, 6), ((3, 7),)),
        (((3, 5),), (7, 7), ((3, 5),)),  # an empty one
    ],
)
def test_ranges_that_are_skipped(first, more, ranges) -> None:
    found = Skipped(first).add(*more)
    assert found.ranges == ranges
    gone = {n for a, b in ranges for n in range(a, b)}
    left = [n for n in range(40) if n not in gone]
    assert found.number(np.arange(20)).tolist() == left[:20]


def test_steps_below_0_are_refused(tmp_path: Path) -> None:
    stream = TokenStream(write(tmp_path / "s", (5, 16)), 2)
    stream.step = 3
    for call in (stream.restart, stream.skip):
        with pytest.raises(InputError, match="expected 0 or more"):
            call(-1)
    stream.restart(0)
    assert stream.step == 3
    stream.restart(3)
    assert stream.step == 0
    stream.skip(0)
    assert stream.skipped == Skipped()
    good = stream.state_dict()
    for change in ({"step": -1}, {"skipped": [[-1, 2]]}, {"skipped": [[5, 2]]}):
        with pytest.raises(InputError, match="no checkpoint"):
            stream.load_state_dict({**good, **change})
    with pytest.raises(InputError, match="fingerprint"):
        stream.load_state_dict({key: good[key] for key in good if key != "fingerprint"})
    stream.load_state_dict(good)


def test_shards_of_two_runs_are_no_stream(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", (5, 16))
    write(folder, (4, 4), "part-00001", U32)
    with pytest.raises(InputError, match=r"part-00001.*two runs"):
        TokenStream(folder, 4)


@pytest.mark.parametrize("change", [b"", b"\0", b"\0\0"])
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_shard_of_another_size_than_its_index_is_refused(
    tmp_path: Path, cut: int, change: bytes
) -> None:
    folder = write(tmp_path / "s", (5, 16))
    path = folder / "part-00000.bin"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - cut] + change)
    if len(change) == cut:
        assert TokenStream(folder, 4).tokens == 21
    else:
        with pytest.raises(InputError, match="are not the 21 ids of its index"):
            TokenStream(folder, 4)


def test_packed_and_other_shards_are_no_stream(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", (5, 16))
    pack_shard(str(folder / "part-00000"), str(tmp_path / "p"), "one", 16, PAD)
    for path in tmp_path.glob("p.*"):
        shutil.copy(path, folder / f"part-00001{path.suffix}")
    with pytest.raises(InputError, match="several packings"):
        TokenStream(folder, 16)


@pytest.mark.parametrize("sequence", [2, 3, 5, 8, 16, 17, 100])
@pytest.mark.parametrize("packing", ["best_fit", "one"])
def test_documents_as_long_as_a_sequence_and_one_longer(
    tmp_path: Path, packing, sequence: int
) -> None:
    lengths = (1, 8, 9, 16, 17, 2)
    folder = write(tmp_path / "s", lengths)
    receipt = pack_shard(str(folder / "part-00000"), str(tmp_path / "p"), packing, sequence, PAD)
    rows = read_table(str(tmp_path / "p.parquet")).to_pylist()
    ids = np.fromfile(tmp_path / "p.bin", U16)
    assert len(ids) == receipt.tokens
    assert len(ids) % sequence == 0
    assert sum(row["tokens"] for row in rows) == sum(lengths) == len(ids) - receipt.padding
    assert len(rows) == sum(-(-length // sequence) for length in lengths)
    assert sum(not row["cut"] for row in rows) == len(lengths), "one piece of each ends it"
    assert (np.diff(read_idx(str(tmp_path / "p.idx")).pointers) > 0).all()
    shutil.move(tmp_path / "p.bin", folder / "p.bin")
    for row in rows:
        last = ids[row["start"] + row["tokens"] - 1]
        assert (last == END) == (not row["cut"])


@pytest.mark.parametrize(
    ("sequence", "pad", "words"),
    [(1, PAD, "sequences of 1"), (0, PAD, "sequences of 0"), (-4, PAD, "sequences of -4"),
     (8, 65_536, "pad id 65536"), (8, -1, "pad id -1")],
)  # fmt: skip
def test_packing_that_makes_no_sense(tmp_path: Path, sequence: int, pad: int, words: str) -> None:
    folder = write(tmp_path / "s", (5, 16))
    with pytest.raises(InputError, match=words):
        pack_shard(str(folder / "part-00000"), str(tmp_path / "p"), "one", sequence, pad)
    assert not list(tmp_path.glob("p.*"))
    pack_shard(str(folder / "part-00000"), str(tmp_path / "p"), "one", 2, 65_535)


def test_what_would_overwrite_its_source_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", (5, 16))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    one = str(folder / "part-00000")
    with pytest.raises(InputError, match="its own target"):
        pack_shard(one, str(folder / ".." / "s" / "part-00000"), "one", 8, PAD)
    for form in ("parquet", "arrow"):
        with pytest.raises(InputError, match="the shards themselves"):
            export(folder, tmp_path / "s", form)  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    pack_shard(one, str(tmp_path / "p"), "one", 8, PAD)
    with pytest.raises(InputError, match="packed already"):
        pack_shard(str(tmp_path / "p"), str(tmp_path / "q"), "one", 8, PAD)


@pytest.mark.parametrize(
    ("sizes", "bins"),
    [
        ([4, 4, 4], 2),
        ([8], 1),
        ([8, 8], 2),
        ([5, 4, 4, 3], 2),
        ([5, 3], 1),
        ([5, 4], 2),
        ([1] * 8, 1),
        ([1] * 9, 2),
    ],
)
def test_best_fit_fills_a_sequence_to_its_last_place(sizes: list[int], bins: int) -> None:
    found, inside = best_fit(np.array(sizes), 8)
    assert found.max() + 1 == bins
    assert (inside + np.array(sizes)).max() <= 8


def test_verify_on_its_edges(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", (1, 1))
    assert verify(folder, end_id=END) == []
    (folder / "part-00000.bin").write_bytes(b"\x60\xea")
    assert any("end to end" in line for line in verify(folder, end_id=END))
