"""Components by rounds against scipy's; selection by component against that of one process."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from test_dedup_ranges import CASES, signed

from corpusforge.dedup import rounds
from corpusforge.dedup.by_component import asked_for, divided, found_tables, neighbours, select
from corpusforge.dedup.lsh_buckets import Groups, find_collisions
from corpusforge.dedup.parts import KeyFile
from corpusforge.dedup.results import total
from corpusforge.dedup.rounds import PAIRS, Round, advance, joined_groups, labels, sent, stars
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.io.slices import read_slice, write_slices
from corpusforge.run import selection
from corpusforge.run.collisions import Stretches

NONE = np.empty(0, dtype=np.uint64)


def packed(left: Any, right: Any) -> np.ndarray:
    left, right = np.array(left, dtype=np.uint64), np.array(right, dtype=np.uint64)
    return np.maximum(left, right) << np.uint64(32) | np.minimum(left, right)


def by_rounds(begun: list[np.ndarray], edges: list[int]) -> tuple[int, dict[int, int]]:
    """The number of rounds, and the least number of the component of each number that has a pair."""
    files = [list(sent(Round(NONE, own, NONE, settled=False), edges)) for own in begun]
    own, turns = [NONE] * (len(edges) - 1), 0

    def received(number: int) -> np.ndarray:
        return np.concatenate([NONE, *(np.asarray(file[number].column(0)) for file in files)])

    while True:
        spans = list(pairwise(edges))
        wave = [advance(received(k), own[k], span) for k, span in enumerate(spans)]
        files = [list(sent(found, edges)) for found in wave]
        own, turns = [found.own for found in wave], turns + 1
        if all(found.settled for found in wave):
            break
    told = [labels(received(k), span) for k, span in enumerate(spans)]
    return turns, {
        n: first for some in told for n, first in zip(*map(np.ndarray.tolist, some), strict=True)
    }


def least(left: Any, right: Any, size: int) -> dict[int, int]:
    """The same by scipy."""
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(size, size))
    of = connected_components(graph, directed=False)[1]
    named = np.unique(np.concatenate([left, right])).tolist()
    firsts: dict[int, int] = {}
    for number in named:
        firsts.setdefault(int(of[number]), number)
    return {number: firsts[int(of[number])] for number in named}


def cut(size: int, count: int) -> list[int]:
    return np.linspace(0, size, count + 1).astype(int).tolist()


SIZE = 3000
_ANY = np.random.default_rng(5)
_SHUFFLED = _ANY.permutation(SIZE)
_WOVEN = np.arange(SIZE).reshape(-1, 60).T.ravel()
GRAPHS = {
    "path": (np.arange(SIZE - 1), np.arange(1, SIZE)),
    "shuffled path": (_SHUFFLED[:-1], _SHUFFLED[1:]),
    "path through all stretches": (_WOVEN[:-1], _WOVEN[1:]),
    "star of the least": (np.zeros(SIZE - 1, int), np.arange(1, SIZE)),
    "star of the last": (np.full(SIZE - 1, SIZE - 1), np.arange(SIZE - 1)),
    "cliques": np.array([(n, m) for n in range(SIZE) for m in range(n % 50, SIZE, 50)]).T[:, :90_000],
    "random": tuple(_ANY.integers(0, SIZE, (2, SIZE // 2))),
    "nothing": (np.empty(0, int), np.empty(0, int)),
}  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 7, 60])
@pytest.mark.parametrize("name", GRAPHS)
def test_components_are_scipys(name: str, count: int) -> None:
    left, right = GRAPHS[name]
    left, right = left[left != right], right[left != right]
    begun = [stars(own) for own in np.array_split(packed(left, right), 3)]
    turns, found = by_rounds(begun, cut(SIZE, count))
    assert found == least(left, right, SIZE)
    assert turns <= count + 2 * (count - 1).bit_length() + 1, "the bound that the module names"
    assert turns == 1 or count > 1


@given(
    pairs=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=60),
    count=st.integers(1, 40),
    tasks=st.integers(1, 5),
)
@examples(max_examples=50, deadline=None)
def test_any_graph(pairs: list[tuple[int, int]], count: int, tasks: int) -> None:
    left = np.array([a for a, b in pairs if a != b], dtype=int)
    right = np.array([b for a, b in pairs if a != b], dtype=int)
    begun = [stars(own) for own in np.array_split(packed(left, right), tasks)]
    assert by_rounds(begun, cut(40, count))[1] == least(left, right, 40)


def test_one_huge_bucket_is_a_star_with_a_pair_per_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that all keys share, held in small steps: n - 1 pairs, each with the least."""
    monkeypatch.setattr(rounds, "_HELD", 1000)
    numbers = np.arange(5, 20_005, dtype=np.uint32)
    bucket = Groups(2, np.array([20_000], dtype=np.uint32), numbers)
    pairs = Groups(3, np.full(10_000, 2, dtype=np.uint32), numbers)
    found = joined_groups([bucket, pairs, bucket])
    assert found.tolist() == [n << 32 | 5 for n in range(6, 20_005)]
    turns, every = by_rounds([found], cut(20_005, 9))
    assert every == dict.fromkeys(range(5, 20_005), 5)
    assert turns <= 4


def test_slices_are_read_apart(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in "ab"]
    for path, some in zip(paths, ([[1], [], [2, 3]], [[], [], [4]]), strict=True):
        batches = (rounds.as_pairs(np.array(own, dtype=np.uint64)) for own in some)
        assert write_slices(path, PAIRS, batches) == sum(map(len, some))
    read = [read_slice(paths, number).column("pair").to_pylist() for number in range(3)]
    assert read == [[1], [], [2, 3, 4]]


def by_tasks(prefixes: list[str], settings: Settings, text_of: Any, count: int) -> dict[str, Any]:
    """What the tasks of a large run find: key ranges, rounds, rows by task, selection by component."""
    bases = np.cumsum([0, *(KeyFile(prefix).documents for prefix in prefixes)])
    begun = [
        joined_groups(find_collisions(prefixes, settings, number, count)) for number in range(count)
    ]
    of = by_rounds(begun, bases.tolist())[1]
    numbers = np.array(sorted(of), dtype=np.int64)
    near = neighbours(prefixes, bases, numbers, settings)
    tables: dict[str, list[Any]] = {"copies": [], "clusters": [], "components": []}
    counts, asked, wanted = [], 0, []
    for batch in divided(near, np.array([of[n] for n in numbers.tolist()]), count):
        rows = pa.Table.from_batches([batch])
        own = rows.column("number").to_numpy()

        def texts(places: Any, own: Any = own) -> Any:
            wanted.append(own[places])
            parts = np.searchsorted(bases, own[places], side="right") - 1
            return pa.array(
                [text_of(p, [n - bases[p]])[0] for p, n in zip(parts, own[places], strict=True)],
                pa.large_string(),
            )

        known = set(own[asked_for(rows, settings, components=True)].tolist())
        found = select(rows, settings, texts, components=True)
        asked += len(set(np.concatenate([*wanted, []]).tolist()) - known)
        wanted.clear()
        for name, some in found_tables(found, 0).items():
            tables[name] += [{**row, "row": int(own[row["row"]])} for row in some.to_pylist()]
        counts.append(found.counts)
    every: dict[str, Any] = {
        name: sorted(some, key=lambda row: row["row"]) for name, some in tables.items()
    }
    return every | {
        "counts": asdict(replace(total(counts), documents=int(bases[-1]))),
        "asked late": asked,
    }


def by_one(prefixes: list[str], settings: Settings, text_of: Any) -> dict[str, Any]:
    found = find_duplicates(prefixes, settings, text_of, components=True)
    bases = found.corpus.bases
    every: dict[str, Any] = {"copies": [], "clusters": [], "components": []}
    for part in range(found.parts):
        for name, some in found_tables(found, part).items():
            every[name] += [{**r, "row": r["row"] + int(bases[part])} for r in some.to_pylist()]
    return every | {"counts": asdict(found.counts)}


@pytest.fixture(scope="module")
def pages(data):
    with gzip.open(data / "neardup/extractor-outputs.jsonl.gz") as stream:
        rows = [json.loads(line) for line in stream]
    for number, row in enumerate(rows):
        row |= {"source": "abc"[number % 3], "snapshot": str(number % 2)}
        row |= {"url": f"http://x.org/{number % 97}" if number % 2 else None}
        row |= {"score": number % 17 / 4 if number % 11 else None}
    return rows + [
        row | {"id": row["id"] + "-copy", "text": row["text"].upper()} for row in rows[::9]
    ]


@pytest.mark.parametrize("case", [case for case in CASES if "spans" not in case], ids=str)
def test_real_near_copies_by_component(tmp_path: Path, pages: Any, case: dict[str, Any]) -> None:
    """All tables and counts of one process, for any number of tasks; texts are asked for beforehand."""
    parts = [pages[:150], [], pages[150:153], pages[153:]]
    settings = Settings(**case)
    prefixes = signed(tmp_path, parts, settings)

    def text_of(part: int, rows: Any) -> list[str]:
        return [parts[part][int(row)]["text"] for row in rows]

    expected = by_one(prefixes, settings, text_of)
    assert (len(expected["copies"]) > 40) == (case.get("method") != "off")
    for count in (3, 16) if case == {} else (3,):
        found = by_tasks(prefixes, settings, text_of, count)
        if "max_exact" not in case:
            assert found["asked late"] == 0
        assert found == expected | {"asked late": found["asked late"]}


WORD = st.sampled_from([f"w{number}" for number in range(12)])
ROW = st.fixed_dictionaries(
    {
        "text": st.lists(WORD, max_size=9).map(" ".join),
        "source": st.sampled_from(["a", "b"]),
        "url": st.sampled_from([None, "http://x/1", "http://x/2"]),
    }
)


@given(
    parts=st.lists(st.lists(ROW, max_size=25), min_size=1, max_size=3),
    count=st.sampled_from([2, 5]),
    case=st.sampled_from([{}, {"max_kept": 1}, {"url_sources": ("*",)}, {"scope": "source"}]),
)
@examples(max_examples=8, deadline=None)
def test_random_corpora_by_component(tmp_path_factory, parts, count, case) -> None:
    """Short texts of few words: equal buckets, chains and empty documents."""
    for part, rows in enumerate(parts):
        for number, row in enumerate(rows):
            row["id"] = f"d{part}-{number}"
    settings = Settings(ngram=1, slots=32, **case)
    prefixes = signed(tmp_path_factory.mktemp("random"), parts, settings)

    def text_of(part: int, rows: Any) -> list[str]:
        return [parts[part][int(row)]["text"] for row in rows]

    expected = by_one(prefixes, settings, text_of)
    found = by_tasks(prefixes, settings, text_of, count)
    found.pop("asked late")
    assert found == expected


def test_texts_that_were_not_asked_for_are_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Any rows of a task, of which any were sent beforehand; others are read from their stretch."""
    draw = np.random.default_rng(4)
    own = Stretches((0, 1, 2, 3), (0, 10, 20, 30))
    work = selection.SelectionTask(Settings(), False, own, 1, ())
    reads: list[int] = []

    def texts(numbers: Any) -> Any:
        return pa.array([f"text {n}" for n in numbers.tolist()], pa.large_string())

    def read(run: str, work: Any, number: int, wanted: Any) -> Any:
        assert ((wanted >= own.numbers[number]) & (wanted < own.numbers[number + 1])).all()
        reads.extend(wanted.tolist())
        return texts(wanted)

    monkeypatch.setattr(selection, "_read", read)
    for share in (0.0, 0.5, 0.5, 0.5, 1.0):
        numbers = np.flatnonzero(draw.random(30) < 0.7)
        known = numbers[draw.random(len(numbers)) < share]
        sent = pa.table([pa.array(known, pa.uint32()), texts(known)], schema=selection._TEXTS)
        monkeypatch.setattr(selection, "read_slice", lambda *_, sent=sent: sent)
        rows = np.flatnonzero(draw.random(len(numbers)) < 0.6)
        reads.clear()
        found = selection._text_of("run", work, numbers)(rows)
        assert found.to_pylist() == texts(numbers[rows]).to_pylist()
        assert reads == sorted(set(numbers[rows].tolist()) - set(known.tolist()))
