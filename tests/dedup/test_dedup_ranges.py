"""Equal results for any number of key ranges, on real near copies and on random corpora."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from corpusforge.dedup.bitset import Marks
from corpusforge.dedup.buckets import gather
from corpusforge.dedup.lsh_buckets import choose_ranges, read_collisions, write_collisions
from corpusforge.dedup.parts import BAND_BLOCK, CONTENT_BLOCK, SLICES, URL_BLOCK
from corpusforge.dedup.ranked import load_corpus
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import exact_hashes, sign_part
from corpusforge.errors import InputError, RecipeError
from corpusforge.text.urls import url_hashes

RANGES = (1, 3, 16)
COLUMNS = ("id", "source", "url", "date", "snapshot")


def signed(directory, parts, settings):
    prefixes = [str(directory / f"part-{number}") for number in range(len(parts))]
    for prefix, rows in zip(prefixes, parts, strict=True):
        arrays = {name: pa.array([r.get(name) for r in rows], pa.string()) for name in COLUMNS}
        arrays["text"] = pa.array([r["text"] for r in rows], pa.large_string())
        arrays["score"] = pa.array([r.get("score") for r in rows], pa.float32())
        sign_part([pa.RecordBatch.from_pydict(arrays)], settings, prefix)
    return prefixes


def everything(found):
    """All that a selection tells."""
    return {
        "copies": [found.table(part).to_pylist() for part in range(found.parts)],
        "clusters": [found.clusters(part).to_pylist() for part in range(found.parts)],
        "removed": [found.removed_rows(part).tolist() for part in range(found.parts)],
        "counts": asdict(found.counts),
        "alarms": found.alarms,
    }


def by_ranges(prefixes, settings, text_of, **options):
    return [
        everything(find_duplicates(prefixes, replace(settings, ranges=n), text_of, **options))
        for n in RANGES
    ]


@pytest.fixture(scope="module")
def pages(data):
    with gzip.open(data / "neardup/extractor-outputs.jsonl.gz") as stream:
        rows = [json.loads(line) for line in stream]
    for number, row in enumerate(rows):
        row |= {"source": "abc"[number % 3], "snapshot": str(number % 2)}
        row |= {"url": f"http://x.org/{number % 97}" if number % 2 else None}
        row |= {"score": number % 17 / 4 if number % 11 else None}
    copies = [row | {"id": row["id"] + "-copy", "text": row["text"].upper()} for row in rows[::9]]
    return rows + copies


CASES = [
    {},
    {"threshold": 0.5, "max_kept": 1, "max_exact": 1},
    {"scope": "source", "alarm": 0.05, "alarm_minimum": 1},
    {"scope": "snapshot", "action": "drop_all"},
    {"url_sources": ("*",), "order": ("shortest",)},
    {"method": "exact", "url_sources": ("b",)},
    {"method": "off"},
    {"selection": "components"},
    {"spans": "line"},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_real_near_copies(tmp_path, pages, case):
    parts = [pages[:150], [], pages[150:153], pages[153:]]
    settings = Settings(**case)
    prefixes = signed(tmp_path, parts, settings)

    def text_of(part, rows):
        return [parts[part][row]["text"] for row in rows]

    first, *others = by_ranges(prefixes, settings, text_of)
    assert all(other == first for other in others)
    copies = sum(len(table) for table in first["copies"])
    assert (copies > 40) == (case.get("method") != "off")


@pytest.mark.parametrize("step", [1, 40])
def test_little_in_memory_at_once(tmp_path, pages, monkeypatch, step):
    """As with more documents than one slice of all blocks may hold: block after block."""
    prefixes = signed(tmp_path, [pages[:150], [], pages[150:]], Settings())
    whole, small = str(tmp_path / "whole"), str(tmp_path / "small")
    write_collisions(prefixes, Settings(), 0, 1, whole)
    monkeypatch.setattr("corpusforge.dedup.lsh_buckets._STEP", step)
    write_collisions(prefixes, Settings(), 0, 1, small)

    def groups(path):
        return Counter(
            (some.block, tuple(some.numbers[first:last].tolist()))
            for some in read_collisions([path])
            for first, last in pairwise([0, *np.cumsum(some.sizes).tolist()])
        )

    assert len(list(read_collisions([small]))) > len(list(read_collisions([whole])))
    assert groups(small) == groups(whole)


def test_an_index_of_earlier_runs(tmp_path, pages):
    parts = [pages[:200], pages[200:]]
    settings = Settings()
    prefixes = signed(tmp_path, parts, settings)

    def text_of(part, rows):
        return [parts[1 + part][row]["text"] for row in rows]

    first, *others = by_ranges(prefixes[1:], settings, text_of, index=prefixes[:1])
    assert all(other == first for other in others)
    assert first["copies"][0]


WORD = st.sampled_from([f"w{number}" for number in range(12)])
ROW = st.fixed_dictionaries(
    {
        "text": st.lists(WORD, max_size=9).map(" ".join),
        "source": st.sampled_from("ab"),
        "url": st.sampled_from([None, "http://x.org/1", "http://x.org/2"]),
        "score": st.sampled_from([None, 0.5, 1.0]),
        "snapshot": st.sampled_from("12"),
    }
)


@examples(max_examples=60)
@given(
    parts=st.lists(st.lists(ROW, max_size=12), min_size=1, max_size=3),
    case=st.sampled_from(CASES),
    same_ids=st.booleans(),
)
def test_random_corpora(tmp_path_factory, parts, case, same_ids):
    """Short texts of few words: every kind of copy; equal ids too, where rows decide."""
    for part, rows in enumerate(parts):
        for number, row in enumerate(rows):
            row["id"] = f"d{number % 3}" if same_ids else f"d{part}-{number}"
    settings = Settings(ngram=1, slots=32, **case)
    prefixes = signed(tmp_path_factory.mktemp("random"), parts, settings)

    def text_of(part, rows):
        return [parts[part][row]["text"] for row in rows]

    first, *others = by_ranges(prefixes, settings, text_of)
    assert all(other == first for other in others)


def test_groups_are_those_of_equal_keys(tmp_path, pages):
    """Content and URL groups of all ranges against a dictionary; every member stands once."""
    parts = [pages[:100], pages[100:]]
    settings = Settings(url_sources=("*",))
    prefixes = signed(tmp_path, parts, settings)
    paths = [str(tmp_path / f"{number}.groups") for number in range(5)]
    for number, path in enumerate(paths):
        write_collisions(prefixes, settings, number, 5, path)
    found = defaultdict(set)
    for some in read_collisions(paths):
        assert some.sizes.sum() == len(some.numbers)
        for first, last in pairwise([0, *np.cumsum(some.sizes).tolist()]):
            members = some.numbers[first:last].tolist()
            assert len(members) > 1
            assert members == sorted(set(members))
            found[some.block].add(tuple(members))
    for block, keys in (
        (CONTENT_BLOCK, exact_hashes([row["text"] for row in pages]).tolist()),
        (URL_BLOCK, url_hashes([row["url"] for row in pages]).tolist()),
    ):
        expected = defaultdict(list)
        for number, key in enumerate(keys):
            if key:
                expected[key].append(number)
        assert found[block] == {tuple(own) for own in expected.values() if len(own) > 1}
        assert found[block]
    assert max(found) >= BAND_BLOCK


@pytest.mark.parametrize("crowd", [256, 2, 1])
def test_equal_buckets_are_held_once(tmp_path, pages, crowd):
    """Against sets of Python; crowded ones are held as often as they stand in a band."""
    prefixes = signed(tmp_path, [pages], Settings())
    path = str(tmp_path / "0.groups")
    write_collisions(prefixes, Settings(), 0, 1, path)
    groups = [some for some in read_collisions([path]) if some.block >= BAND_BLOCK]
    marks = Marks(len(pages))
    marks.add_all()
    marks.seal()
    corpus = load_corpus(prefixes, Settings(), marks=marks)
    alive = np.arange(corpus.size) % 5 != 0
    found = gather(corpus, alive, groups, marks, crowd)
    held = Counter(
        tuple(found.documents[found.members[first:last]].tolist())
        for first, last in pairwise(found.offsets.tolist())
    )
    every: Counter[tuple[int, ...]] = Counter()
    for some in groups:
        for first, last in pairwise([0, *np.cumsum(some.sizes).tolist()]):
            ranks = sorted(corpus.ranks[some.numbers[first:last]].tolist())
            every[tuple(rank for rank in ranks if alive[rank])] += 1
    every = Counter({key: count for key, count in every.items() if len(key) > 1})
    assert max(every.values()) > 10
    assert held == {key: count if len(key) > crowd else 1 for key, count in every.items()}


def test_only_documents_with_a_neighbour_are_held(tmp_path):
    rows = [{"id": f"d{i}", "text": f"a{i} b{i} c{i} d{i} e{i} f{i}"} for i in range(500)]
    rows[400] = rows[7] | {"id": "copy"}
    prefixes = signed(tmp_path, [rows], Settings())
    found = find_duplicates(prefixes, Settings())
    assert found.counts.documents == found.corpus.documents == found.documents_of(0) == 500
    assert found.corpus.size == 2
    assert found.ids_of(0).to_pylist() == [row["id"] for row in rows]
    (row,) = found.table(0).to_pylist()
    assert (row["removed"], row["kept"], row["row"]) == ("d7", "copy", 7)


@given(
    size=st.integers(1, 300),
    data=st.data(),
)
def test_marks_equal_a_sorted_set(size, data):
    numbers = data.draw(st.lists(st.integers(0, size - 1), max_size=80))
    marks = Marks(size)
    marks.add(np.array(numbers, dtype=np.uint32))
    expected = sorted(set(numbers))
    assert marks.seal() == len(expected)
    asked = np.array(numbers, dtype=np.uint32)
    assert marks.places(asked).tolist() == [expected.index(number) for number in numbers]
    first = data.draw(st.integers(0, size))
    last = data.draw(st.integers(first, size))
    assert marks.rows(first, last).tolist() == [n - first for n in expected if first <= n < last]
    marks.add_all()
    assert marks.seal() == size
    assert marks.rows(0, size).tolist() == list(range(size))


def test_ranges_follow_the_size():
    assert [choose_ranges(Settings(), n) for n in (0, 4 << 20, (4 << 20) + 1)] == [1, 1, 2]
    assert choose_ranges(Settings(), 1 << 31) == SLICES
    assert choose_ranges(Settings(ranges=3), 1 << 31) == 3
    with pytest.raises(RecipeError, match=r"dedup\.ranges"):
        Settings(ranges=257)


def test_a_foreign_file_is_named(tmp_path):
    (tmp_path / "x.groups").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"x\.groups: not a file of collisions"):
        list(read_collisions([str(tmp_path / "x.groups")]))
