"""What the shard ledger counts by: a document's first draw is its draw of epoch 0; rows by range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.io.parquet import read_rows, write_table
from corpusforge.mix import Supply, stream
from corpusforge.mix.plan import plan
from corpusforge.mix.settings import Settings


def supply(name: int, count: int) -> Supply:
    rows = np.arange(count, dtype=np.int64)
    return Supply(
        keys=(rows * 7919 + name).astype(np.uint64),
        parts=np.full(count, name, dtype=np.int32),
        rows=rows,
        offsets=rows * 10,
        lengths=5 + rows % 7,
    )


@pytest.mark.parametrize("budget", [200, 1000, 5000])
def test_epoch_0_is_the_first_appearance(budget: int) -> None:
    supplies = {"a": supply(0, 30), "b": supply(1, 90)}
    settings = Settings(weights={"a": 3, "b": 1}, budget=budget, epoch_cap=1000.0)
    planned = plan(settings, {name: int(own.lengths.sum()) for name, own in supplies.items()})
    draws = stream(supplies, planned.phases, 7)
    places = list(zip(draws.part.tolist(), draws.row.tolist(), strict=True))
    first = {place: at for at, place in reversed(list(enumerate(places)))}
    assert sorted(first.values()) == np.flatnonzero(draws.copy == 0).tolist()


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 1), (0, 200_000), (65_535, 65_537), (131_072, 131_080)]
)
def test_rows_by_range(tmp_path: Path, start: int, stop: int) -> None:
    path = str(tmp_path / "t.parquet")
    write_table(path, pa.table({"n": pa.array(np.arange(200_000))}))
    assert read_rows(path, start, stop).column("n").to_pylist() == list(range(start, stop))
