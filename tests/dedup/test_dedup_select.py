from __future__ import annotations

import gzip
import itertools
import json
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from dedup_twins import jaccard

from corpusforge.dedup.parts import BAND_BLOCK, SLICES, KeyFile
from corpusforge.dedup.plan import make_plan
from corpusforge.dedup.ranked import load_corpus
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import sign_part
from corpusforge.errors import InputError

WORDS = [f"word{i}" for i in range(8000)]


def document(start: int, length: int = 120) -> str:
    return " ".join(WORDS[start : start + length])


def batch(rows):
    columns = sorted({name for row in rows for name in row})
    arrays = {
        name: pa.array(
            [row.get(name) for row in rows], pa.large_string() if name == "text" else None
        )
        for name in columns
    }
    return pa.RecordBatch.from_pydict(arrays)


def run(directory, parts, settings=None, texts=True, **options):
    settings = settings or Settings()
    prefixes = [str(directory / f"part-{i}") for i in range(len(parts))]
    for prefix, rows in zip(prefixes, parts, strict=True):
        batches = [batch(rows[i : i + 100]) for i in range(0, len(rows), 100)]
        sign_part(batches, settings, prefix)

    def text_of(part, rows):
        return [parts[part][row]["text"] for row in rows]

    return find_duplicates(prefixes, settings, text_of if texts else None, **options)


def pairs(found):
    rows = [row for part in range(found.parts) for row in found.table(part).to_pylist()]
    return {row["removed"]: row["kept"] for row in rows}


def rows_of(found):
    rows = [row for part in range(found.parts) for row in found.table(part).to_pylist()]
    for row in rows:
        del row["row"]
    return sorted(rows, key=lambda row: row["removed"])


@pytest.fixture(scope="session")
def pages(data):
    with gzip.open(data / "neardup/extractor-outputs.jsonl.gz") as stream:
        return [json.loads(line) for line in stream]


@pytest.fixture(scope="session")
def licences(data):
    with gzip.open(data / "neardup/licensee-fixtures.jsonl.gz") as stream:
        return [json.loads(line) for line in stream]


def as_rows(documents):
    return [{"id": d["id"], "text": d["text"], "source": d["id"][:1]} for d in documents]


def greedy_twin(texts, order, threshold, joined):
    """Sequential greedy by exact Jaccard over candidate pairs: the survivors."""
    kept: list[str] = []
    for name in order:
        near = [k for k in kept if frozenset((name, k)) in joined]
        if not any(jaccard(texts[name], texts[k]) >= threshold for k in near):
            kept.append(name)
    return set(kept)


def shared_buckets(prefixes, settings):
    """Pairs of ids that share a bucket, from the key files."""
    corpus = load_corpus(prefixes, settings)
    names = corpus.ids.to_pylist()
    buckets = defaultdict(set)
    for part, prefix in enumerate(prefixes):
        keys, rows, counts = KeyFile(prefix).read(0, SLICES)
        assert counts.shape == (SLICES, BAND_BLOCK + make_plan(settings).bands)
        blocks = np.repeat(np.tile(np.arange(counts.shape[1]), SLICES), counts.ravel())
        for block, key, row in zip(blocks, keys, rows, strict=True):
            if block >= BAND_BLOCK:
                buckets[block, int(key)].add(names[corpus.bases[part] + row])
    return {
        frozenset(pair) for group in buckets.values() for pair in itertools.combinations(group, 2)
    }


def test_real_near_copies_meet_the_scorers_floors(tmp_path, data, pages):
    scorer = data.parent / "tools" / "score_neardup.py"
    if not scorer.exists():
        pytest.skip("scorer not found beside the data")
    found = run(tmp_path, [as_rows(pages[:200]), as_rows(pages[200:])])
    out = tmp_path / "removed.jsonl"
    out.write_text(
        "".join(json.dumps({"removed": r, "kept": k}) + "\n" for r, k in pairs(found).items())
    )
    base = data / "neardup" / "extractor-outputs"
    command = [sys.executable, scorer, out, f"{base}.jsonl.gz", f"{base}.pairs.jsonl.gz", "--json"]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert figures["recall_0.8"] >= 0.995
    assert figures["recall_0.7"] >= 0.985
    assert figures["precision_0.5"] == 1.0
    assert figures["precision_0.7"] >= 0.99
    assert figures["lost_0.5"] == 0.0
    assert figures["kept_itself_removed"] == 0


@pytest.mark.parametrize("which", ["pages", "licences"])
def test_both_invariants_hold_on_real_documents(tmp_path, request, which):
    documents = request.getfixturevalue(which)
    texts = {d["id"]: d["text"] for d in documents}
    settings = Settings(sigmas=50.0)  # every candidate's text is compared
    found = run(tmp_path, [as_rows(documents)], settings)
    removed = pairs(found)
    assert removed
    for name, kept in removed.items():
        assert kept not in removed
        assert jaccard(texts[name], texts[kept]) >= settings.threshold
    joined = shared_buckets([str(tmp_path / "part-0")], settings)
    survivors = [pair for pair in joined if not pair & removed.keys()]
    for left, right in map(tuple, survivors):
        assert jaccard(texts[left], texts[right]) < settings.threshold


@pytest.mark.parametrize("which", ["pages", "licences"])
def test_selection_equals_the_sequential_twin(tmp_path, request, which):
    documents = request.getfixturevalue(which)
    texts = {d["id"]: d["text"] for d in documents}
    settings = Settings(sigmas=50.0, order=("longest",))
    found = run(tmp_path, [as_rows(documents)], settings)
    # exact copies go first, so that the twin sees the documents that MinHash saw
    exact = {r["removed"] for r in rows_of(found) if r["method"] == "exact"}
    order = sorted(texts.keys() - exact, key=lambda name: (-len(texts[name].encode()), name))
    joined = shared_buckets([str(tmp_path / "part-0")], settings)
    survivors = greedy_twin(texts, order, settings.threshold, joined)
    assert survivors == texts.keys() - pairs(found).keys()


def test_equal_results_for_any_order_and_ranges(tmp_path, pages):
    rows = as_rows(pages)
    expected = rows_of(run(tmp_path, [rows[:150], rows[150:160], rows[160:]]))
    assert len(expected) > 200
    shuffled = sorted(rows, key=lambda row: row["text"][::-1])
    parts = [shuffled[300:], shuffled[:100], [], shuffled[100:300]]
    for options in (
        {},
        {"settings": Settings(ranges=3)},
        {"settings": Settings(ranges=256)},
    ):
        assert rows_of(run(tmp_path, parts, **options)) == expected, options


def test_similarity_is_exact_in_the_zone_and_estimated_outside(tmp_path, pages):
    texts = {d["id"]: d["text"] for d in pages}
    settings = Settings()
    plan = make_plan(settings)
    exact = 0
    for row in rows_of(run(tmp_path, [as_rows(pages)], settings)):
        true = jaccard(texts[row["removed"]], texts[row["kept"]])
        if row["method"] == "minhash" and row["similarity"] < plan.high:
            assert row["similarity"] == pytest.approx(true, abs=1e-6)
            exact += 1
    assert exact > 10


def test_no_chain_removes_an_innocent(tmp_path):
    # each neighbour shares 85 % of its words, the ends share nothing
    chain = [{"id": f"d{i}", "text": document(i * 12)} for i in range(12)]
    found = run(tmp_path, [chain], Settings(order=()))
    removed = pairs(found)
    texts = {row["id"]: row["text"] for row in chain}
    assert removed
    assert all(jaccard(texts[a], texts[b]) >= 0.7 for a, b in removed.items())
    chained = run(tmp_path, [chain], Settings(order=(), selection="components"))
    assert len(pairs(chained)) > len(removed)


def test_a_huge_bucket_of_equal_signatures_costs_one_comparison_each(tmp_path):
    # words in the same order, punctuation differs: content hashes differ, signatures are equal
    rows = [{"id": f"{i:04}", "text": document(0) + "!" * i} for i in range(1000)]
    found = run(tmp_path, [rows])
    assert found.copies == 999
    assert set(pairs(found).values()) == {"0999"}  # the longest survives
    assert found.counts.compared == 999
    assert found.counts.unseen == 0


def test_crowded_buckets_are_bounded_and_counted(tmp_path):
    # 396 of 596 shingles are shared by every two: J = .66, in the zone of .75, never a copy
    shared = document(0, 400)
    rows = [
        {"id": f"{i:03}", "text": shared + " " + document(500 + i * 100, 100)} for i in range(60)
    ]
    free = run(tmp_path, [rows], Settings(threshold=0.75))
    tight = run(tmp_path, [rows], Settings(threshold=0.75, max_kept=2, max_exact=1))
    assert free.copies == tight.copies == 0
    assert free.counts.unseen == free.counts.unchecked == 0
    assert tight.counts.unseen > 0
    assert tight.counts.unchecked > 0
    assert tight.counts.compared < free.counts.compared


def test_exact_copies_across_sources_and_their_survivor(tmp_path):
    text = document(0)
    rows = [
        {"id": "a", "source": "crawl", "text": text},
        {"id": "b", "source": "books", "text": text.upper().replace(" ", "\n")},
        {"id": "c", "source": "crawl", "text": document(500)},
    ]
    settings = Settings(method="exact", sources=("books", "crawl"))
    (row,) = rows_of(run(tmp_path, [rows], settings))
    assert (row["removed"], row["kept"], row["method"], row["similarity"]) == (
        "a",
        "b",
        "exact",
        1.0,
    )
    assert (row["removed_source"], row["kept_source"], row["cluster_size"]) == ("crawl", "books", 2)


@pytest.mark.parametrize(
    ("order", "survivor"),
    [
        (("score",), "high"),
        (("newest",), "new"),
        (("oldest",), "old"),
        (("longest",), "long"),
        (("shortest", "score"), "high"),
        ((), "high"),
    ],
)
def test_survivor_policy(tmp_path, order, survivor):
    text = document(0)
    rows = [
        {"id": "high", "score": 0.9, "date": "2020", "text": text},
        {"id": "new", "score": 0.1, "date": "2024-05-01", "text": text},
        {"id": "old", "score": 0.1, "date": "2011", "text": text},
        {"id": "long", "score": None, "date": None, "text": text + " "},
    ]
    removed = pairs(run(tmp_path, [rows], Settings(order=order)))
    assert set(removed.values()) == {survivor}
    assert len(removed) == 3


@pytest.mark.parametrize(("scope", "removed"), [("global", 3), ("source", 2), ("snapshot", 1)])
def test_scope(tmp_path, scope, removed):
    text = document(0)
    rows = [
        {"id": "a", "source": "x", "snapshot": "1", "text": text},
        {"id": "b", "source": "x", "snapshot": "1", "text": text + " end"},
        {"id": "c", "source": "x", "snapshot": "2", "text": text},
        {"id": "d", "source": "y", "snapshot": "1", "text": text + " fin"},
    ]
    assert len(pairs(run(tmp_path, [rows], Settings(scope=scope)))) == removed


def test_snapshot_scope_needs_the_column(tmp_path):
    with pytest.raises(InputError, match="snapshot"):
        run(tmp_path, [[{"id": "a", "text": "x"}]], Settings(scope="snapshot"))


def test_actions(tmp_path):
    rows = [{"id": "a", "text": document(0)}, {"id": "b", "text": document(0)}]
    rows += [{"id": "c", "text": document(500)}]
    kept = run(tmp_path, [rows])
    assert kept.removed_rows(0).tolist() == [1]
    assert kept.clusters(0).to_pylist() == [
        {"id": "a", "row": 0, "cluster": "a", "cluster_size": 2}
    ]
    mark = run(tmp_path, [rows], Settings(action="mark"))
    assert mark.removed_rows(0).tolist() == []
    assert mark.clusters(0)["id"].to_pylist() == ["a", "b"]
    assert pairs(mark) == {"b": "a"}
    drop = run(tmp_path, [rows], Settings(action="drop_all"))
    assert drop.removed_rows(0).tolist() == [0, 1]
    assert pairs(drop) == {"a": None, "b": None}
    off = run(tmp_path, [rows], Settings(method="off"))
    assert off.copies == 0


def test_equal_urls_only_where_urls_name_documents(tmp_path):
    rows = [
        {
            "id": "a",
            "source": "web",
            "url": "https://www.x.org/p/?utm_source=z#top",
            "text": document(0),
        },
        {"id": "b", "source": "web", "url": "http://x.org/p", "text": "x " + document(500, 99)},
        {"id": "c", "source": "code", "url": "http://x.org/p", "text": document(900)},
    ]
    assert pairs(run(tmp_path, [rows])) == {}
    (row,) = rows_of(run(tmp_path, [rows], Settings(url_sources=("web",), order=())))
    assert (row["removed"], row["method"], row["similarity"]) == ("b", "url", 0.0)
    assert len(pairs(run(tmp_path, [rows], Settings(url_sources=("*",), order=())))) == 2


def test_an_exact_copy_of_a_removed_near_copy_points_to_the_survivor(tmp_path):
    best = document(0, 200)
    near = document(0, 190) + " tail"
    rows = [
        {"id": "a", "score": 3.0, "text": best},
        {"id": "b", "score": 2.0, "text": near},
        {"id": "c", "score": 1.0, "text": near.upper()},
    ]
    rows_found = rows_of(run(tmp_path, [rows]))
    assert [(r["removed"], r["kept"], r["method"]) for r in rows_found] == [
        ("b", "a", "minhash"),
        ("c", "a", "minhash"),
    ]
    assert rows_found[0]["similarity"] == rows_found[1]["similarity"]


def test_texts_without_words_are_only_exact_copies(tmp_path):
    rows = [{"id": "a", "text": "!!!"}, {"id": "b", "text": "???"}, {"id": "c", "text": "!!!"}]
    assert pairs(run(tmp_path, [rows])) == {"c": "a"}


def test_wipe_out_alarm(tmp_path):
    rows = [{"id": f"m{i}", "source": "mirror", "text": document(i * 130)} for i in range(20)]
    rows += [{"id": f"a{i}", "source": "origin", "text": document(i * 130)} for i in range(20)]
    found = run(tmp_path, [rows], Settings(sources=("origin",)))
    (alarm,) = found.alarms
    assert (alarm.source, alarm.seen, alarm.removed) == ("mirror", 20, 20)
    assert "'mirror'" in str(alarm)


def test_an_earlier_index_outranks_everything_and_needs_no_text(tmp_path):
    old = [{"id": "z-old", "score": 0.0, "text": document(0)}]
    sign_part([batch(old)], Settings(), str(tmp_path / "index"))
    new = [
        {"id": "copy", "score": 9.0, "text": document(0)},
        {"id": "near", "score": 9.0, "text": document(0, 118) + " x"},
        {"id": "other", "score": 9.0, "text": document(500)},
    ]
    found = run(tmp_path, [new], index=[str(tmp_path / "index")])
    assert found.parts == 1
    assert pairs(found) == {"copy": "z-old", "near": "z-old"}


def test_without_texts_the_estimate_decides(tmp_path, pages):
    found = run(tmp_path, [as_rows(pages)], texts=False)
    assert found.counts.verified == 0
    rows = [r for r in rows_of(found) if r["method"] == "minhash"]
    assert min(row["similarity"] for row in rows) >= 0.7


def test_no_documents_and_no_parts(tmp_path):
    found = run(tmp_path, [[]])
    assert found.copies == 0
    assert found.table(0).num_rows == 0
    with pytest.raises(InputError, match="no parts"):
        find_duplicates([], Settings())


def test_parts_are_the_same_bytes_for_any_batches(tmp_path, pages):
    rows = as_rows(pages[:50])
    sign_part([batch(rows)], Settings(), str(tmp_path / "one"))
    sign_part([batch(rows[:7]), batch(rows[7:])], Settings(), str(tmp_path / "two"))
    for kind in ("sig", "keys"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_key_ranges_are_slices_of_the_whole(tmp_path, pages):
    sign_part([batch(as_rows(pages))], Settings(), str(tmp_path / "p"))
    file = KeyFile(str(tmp_path / "p"))
    keys, rows, counts = file.read(0, SLICES)
    edges = [0, 1, 100, 101, 256]
    pieces = [file.read(first, last) for first, last in itertools.pairwise(edges)]
    assert np.concatenate([own for own, _, _ in pieces]).tolist() == keys.tolist()
    assert np.concatenate([own for _, own, _ in pieces]).tolist() == rows.tolist()
    assert np.concatenate([own for _, _, own in pieces]).tolist() == counts.tolist()
    first = 0
    for number, blocks in enumerate(counts):
        for count in blocks:
            own = keys[first : first + count]
            assert (own >> np.uint64(56) == number).all()
            assert (own[1:] >= own[:-1]).all()
            first += count
    assert first == len(keys)


def test_wrong_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no column 'id'"):
        sign_part([pa.RecordBatch.from_pydict({"text": ["x"]})], Settings(), str(tmp_path / "p"))
    sign_part([batch([{"id": "a", "text": "x"}])], Settings(), str(tmp_path / "p"))
    (tmp_path / "p.keys").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"p\.keys: not a key file"):
        find_duplicates([str(tmp_path / "p")], Settings())


@pytest.mark.parametrize(
    "order", [(), ("score",), ("newest", "score", "shortest"), ("longest", "oldest")]
)
def test_policy_order_equals_python_sorting(tmp_path, order):
    rows = []
    for i in range(300):
        rows.append(
            {
                "id": f"{'same-start-' * (i % 2)}{(i * 7919) % 300:03}",
                "source": "ab"[i % 2],
                "score": None if i % 11 == 0 else ((i * 37) % 17 - 8) / 4,
                "date": None if i % 7 == 0 else f"20{i % 5:02}-0{1 + i % 9}",
                "text": "x" * (i % 23),
            }
        )
    sign_part([batch(rows)], Settings(), str(tmp_path / "p"))
    corpus = load_corpus([str(tmp_path / "p")], Settings(order=order))
    dates = sorted({row["date"] for row in rows if row["date"]})

    def key(row):
        parts = {
            "score": -row["score"] if row["score"] is not None else float("inf"),
            "newest": -dates.index(row["date"]) if row["date"] else 999,
            "oldest": dates.index(row["date"]) if row["date"] else 999,
            "shortest": len(row["text"]),
            "longest": -len(row["text"]),
        }
        return (*(parts[name] for name in order), row["id"])

    expected = [row["id"] for row in sorted(rows, key=key)]
    assert corpus.ids.take(pa.array(corpus.places)).to_pylist() == expected
