"""Three ways to the same shards: gather from maps, two passes over files, a GroupByKey."""

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.hashing import id_keys, uniform
from corpusforge.shard import (
    Settings,
    gather,
    pieces,
    scatter,
    shard_bounds,
    shard_name,
    write_pieces,
    write_shard,
)

U16 = np.dtype("<u2")
END = 60000


@pytest.fixture(scope="module")
def made():
    """A draw of 200 documents from three parts (one empty), repeats and a cut among them."""
    count = 200
    u = uniform(id_keys([str(n) for n in range(count)]), 1, "test")
    parts = [np.arange(5000, dtype=U16), np.zeros(0, dtype=U16), np.arange(5000, 9000, dtype=U16)]
    part = np.where(u < 0.6, 0, 2).astype(np.int32)
    offset = (u * 3900).astype(np.int64)
    length = 1 + np.arange(count) % 37
    table = pa.table(
        {
            "id": [f"d{n}" for n in range(count)],
            "source": ["web"] * count,
            "leaf": ["web"] * count,
            "part": part,
            "offset": offset,
            "length": length,
            "copy": pa.array([0] * count, pa.int32()),
            "cut": [n == 7 for n in range(count)],
            "phase": pa.array([0] * count, pa.int32()),
        }
    )
    return table, parts, shard_bounds(length, Settings(shard_megabytes=0.001), U16)


@pytest.fixture(scope="module")
def expected(made, tmp_path_factory):
    table, parts, bounds = made
    folder = tmp_path_factory.mktemp("maps")
    for number, (start, stop) in enumerate(bounds):
        piece = table.slice(start, stop - start)
        write_shard(piece, parts, str(folder / shard_name(number)), U16, END)
    assert len(bounds) > 5
    ids = np.concatenate([np.fromfile(path, U16) for path in sorted(folder.glob("*.bin"))])
    ends = np.flatnonzero(ids == END)
    assert ends.tolist() == [sum(table.column("length").to_pylist()[:8]) - 1], "of the cut one"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_passes_over_files_give_the_same_bytes(made, expected, tmp_path):
    table, parts, bounds = made
    prefixes = [str(tmp_path / f"pass-{number}") for number in range(len(parts))]
    for number, ids in reversed(list(enumerate(parts))):
        scatter(table, number, ids, bounds, prefixes[number])
    out = tmp_path / "shards"
    out.mkdir()
    for number, (start, stop) in enumerate(bounds):
        own = table.slice(start, stop - start)
        gather(own, number, prefixes[::-1], str(out / shard_name(number)), U16, END)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == expected


def test_a_group_by_key_gives_the_same_bytes(made, expected, tmp_path):
    import apache_beam as beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    table, parts, bounds = made

    def keyed(number):
        for piece in pieces(table, number, parts[number], bounds):
            yield piece.shard, (piece.place, piece.ids)

    def write(group):
        shard, found = group
        start, stop = bounds[shard]
        arrays = [np.frombuffer(ids, dtype=U16) for _, ids in sorted(found)]
        own = table.slice(start, stop - start)
        return write_pieces(own, arrays, str(tmp_path / shard_name(shard)), U16, END).documents

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = (
            pipeline
            | "parts" >> beam.Create([2, 0, 1])
            | "pieces" >> beam.FlatMap(keyed)
            | "by shard" >> beam.GroupByKey()
            | "write" >> beam.Map(write)
        )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == expected
