"""Sections cut in buckets on disk give what supplies in memory give: heads, cuts, any tiling of a stream."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.hashing import id_keys, uniform
from corpusforge.mix import Settings, Supply, head, stream
from corpusforge.mix.buckets import Filed, Held, Section, file_sections, read_sums
from corpusforge.mix.plan import PhasePlan
from corpusforge.mix.repetition import Reach, tally
from corpusforge.mix.sample import COLUMNS, Draws
from corpusforge.mix.stream import leaf_names, segments, stretch

SEED = 7
PHASES = [PhasePlan("one", {"a": 150, "b": 40}), PhasePlan("two", {"a": 260, "b": 0}),
          PhasePlan("three", {"a": 33, "b": 71})]  # fmt: skip


def supply(count: int, salt: int) -> Supply:
    keys = id_keys(f"{salt}-{n}" for n in range(count))
    lengths = (1 + 12 * uniform(keys, 1, "lengths") ** 2).astype(np.int64)
    rows = np.arange(count, dtype=np.int64)
    ids = pa.array([f"{salt}-{n}" for n in range(count)])
    return Supply(keys, lengths, np.full(count, salt, np.int32), rows, rows, ids=ids)


SUPPLIES = {"a": supply(40, 0), "b": supply(9, 1)}


def filed(folder: Path, buckets: int, groups: int, copies: int = 8) -> Filed:
    """The supplies cut in groups of documents, each a file."""
    layout = tuple(
        Section("train", leaf, copy, buckets) for leaf in SUPPLIES for copy in range(copies)
    )
    paths = []
    documents, tokens = [], []
    for group in range(groups):
        own = {
            leaf: have.take(np.arange(group, len(have), groups)) for leaf, have in SUPPLIES.items()
        }
        paths.append(str(folder / f"{group}.arrow"))
        sums = file_sections(paths[-1], layout, {"train": own}, SEED)
        documents.append(sums[0])
        tokens.append(sums[1])
    return Filed(layout, paths, sum(documents), sum(tokens), SEED, "train")


HELD = Held(SUPPLIES, SEED)


@pytest.mark.parametrize("buckets", [1, 4, 16, 64])
@pytest.mark.parametrize("groups", [1, 3])
def test_cuts_and_heads_do_not_depend_on_buckets(tmp_path: Path, buckets: int, groups: int) -> None:
    found = filed(tmp_path, buckets, groups)
    assert segments(found, PHASES) == segments(HELD, PHASES)
    for asked in range(0, 400, 3):
        for settings in (Settings(bytes_per_token=1.0, margin=0.0), Settings(bytes_per_token=2.5)):
            expected = head(HELD, HELD.section("a", 0), asked, settings)
            assert head(found, found.section("a", 0), asked, settings) == expected


def test_every_cut_of_an_epoch(tmp_path: Path) -> None:
    """Ends of documents, of buckets and of epochs among them."""
    found, total = filed(tmp_path, 16, 2), SUPPLIES["a"].tokens
    for asked in range(1, 3 * total + 2):
        phases = [PhasePlan("all", {"a": asked})]
        assert segments(found, phases) == segments(HELD, phases)


def same(draws: list[Draws], whole: Draws) -> None:
    joined = Draws.joined(draws)
    for name in COLUMNS:
        assert np.array_equal(getattr(joined, name), getattr(whole, name)), name


@pytest.mark.parametrize("buckets", [1, 16, 64])
def test_any_tiling_is_the_stream(tmp_path: Path, buckets: int) -> None:
    """Bounds of tiles are also the very places of documents."""
    found, names = filed(tmp_path, buckets, 2), leaf_names(PHASES)
    drawn = segments(found, PHASES)
    whole = stream(SUPPLIES, PHASES, SEED)
    for phase in range(len(PHASES)):
        own = stretch(HELD, drawn, names, phase)
        first = int((whole.phase < phase).sum())
        same([own], whole.slice(first, first + len(own)))
        before = np.zeros(len(names), np.int64)
        places = []
        for leaf, length in zip(own.leaf.tolist(), own.length.tolist(), strict=True):
            asked = PHASES[phase].asked[names[leaf]]
            places.append((2 * before[leaf] + length) / np.float64(2 * asked))
            before[leaf] += length
        assert places == sorted(places)
        for bounds in ([0.0, 0.5, 1.0], [0.0, *(k / 7 for k in range(1, 7)), 1.0],
                       [0.0, *sorted(set(places)), 1.0], [0.0, *sorted(set(places))[::3], 1.0]):  # fmt: skip
            tiles = [
                stretch(found, drawn, names, phase, low, high)
                for low, high in itertools.pairwise(bounds)
            ]
            same(tiles, own)
            assert [
                name for tile in tiles if tile.ids is not None for name in tile.ids.to_pylist()
            ] == [f"{part}-{row}" for part, row in zip(own.part, own.row, strict=True)]


def test_sums_of_groups_are_read_as_they_were_written(tmp_path: Path) -> None:
    from corpusforge.io.parquet import write_table

    for n in range(3):
        table = pa.table({"documents": [n, 1, 2], "tokens": [10 * n, 10, 20]})
        write_table(str(tmp_path / f"{n}.parquet"), table)
    documents, tokens = read_sums([str(tmp_path / f"{n}.parquet") for n in range(3)], 3)
    assert (documents.tolist(), tokens.tolist()) == ([3, 3, 6], [30, 30, 60])


def test_documents_that_were_not_drawn_count_nowhere() -> None:
    names = ("source", "lang", "category", "format", "tier")
    columns = {name: ["x", "x", None] for name in names}
    documents = pa.table(
        {"key": pa.array([1, 2, 3], pa.uint64()), "length": [10, 20, 30], **columns}
    )
    found = tally(documents, np.array([0, 2, 1]), Reach(1, 3, {2: 5}))
    assert found.repetitions == Counter({2: 1, 1: 1})
    assert found.tokens["lang"] == Counter({"x": 35, "unknown": 30})
    assert sum(tally(documents, np.zeros(3, np.int64), Reach(0)).repetitions.values()) == 0
