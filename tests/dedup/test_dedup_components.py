"""Connected components of all verified pairs, against exact Jaccard over all pairs and scipy's components."""

from __future__ import annotations

import itertools
from collections import defaultdict
from functools import cache
from typing import Any

import numpy as np
import pytest
from dedup_twins import shingles
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from test_dedup_select import as_rows, run

from corpusforge.dedup.settings import Settings

WORDS = [f"w{n:05}" for n in range(4000)]
"""All of one length, as are the words that replace them: policy order then goes by id."""


@cache
def grams(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(shingles(text, 5))


def jaccard(one: str, two: str) -> float:
    left, right = grams(one), grams(two)
    common = len(left & right)
    return common / (len(left) + len(right) - common)


def changed(words: list[str], share: float, at: int) -> list[str]:
    """The words with about a share of their 5-grams changed: words far apart are replaced, from `at`."""
    out = list(words)
    count = round(share * (len(words) - 4) / 5)
    for n in range(count):
        out[(at + n * (len(words) // count)) % len(words)] = f"x{at:02}{n:03}"
    return out


def chain() -> dict[str, str]:
    """A; B = A with 20 % of the 5-grams changed; C = B with another 20 %; and a stranger."""
    a = WORDS[:400]
    b = changed(a, 0.16, 3)
    return {name: " ".join(words) for name, words in
            (("a", a), ("b", b), ("c", changed(b, 0.16, 11)), ("z", WORDS[1000:1400]))}  # fmt: skip


def rows(texts: dict[str, str], **more: Any) -> list[dict[str, Any]]:
    return [{"id": name, "text": text, **more} for name, text in texts.items()]


def partition(found: Any) -> dict[str, set[str]]:
    """The members of each component of two and more, by its name."""
    groups: dict[str, set[str]] = {}
    sizes: dict[str, int] = {}
    for part in range(found.parts):
        ids = found.ids_of(part).to_pylist()
        for row in found.component_rows(part).to_pylist():
            groups.setdefault(row["component"], set()).add(ids[row["row"]])
            assert (
                sizes.setdefault(row["component"], row["component_size"]) == row["component_size"]
            )
    assert {name: len(members) for name, members in groups.items()} == sizes
    return groups


def truth(texts: dict[str, str], threshold: float) -> set[frozenset[str]]:
    names = list(texts)
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for n, name in enumerate(names):
        for gram in grams(texts[name]):
            holders[gram].append(n)
    share = {pair for found in holders.values() for pair in itertools.combinations(found, 2)}
    pairs = [(i, j) for i, j in share if jaccard(texts[names[i]], texts[names[j]]) >= threshold]
    left, right = np.array(pairs).T if pairs else (np.zeros(0, int), np.zeros(0, int))
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(len(names), len(names)))
    labels = connected_components(graph, directed=False)[1]
    groups = [
        frozenset(n for n, own in zip(names, labels, strict=True) if own == k) for k in set(labels)
    ]
    return {group for group in groups if len(group) > 1}


def test_the_chain_is_what_it_is_said_to_be() -> None:
    texts = chain()
    assert jaccard(texts["a"], texts["b"]) >= 0.7
    assert jaccard(texts["b"], texts["c"]) >= 0.7
    assert jaccard(texts["a"], texts["c"]) < 0.7


@pytest.mark.parametrize("order", ["abcz", "zcba", "bacz", "cazb"])
def test_a_pair_that_no_kept_member_shares_joins_too(tmp_path, order: str) -> None:
    texts = chain()
    given = rows({name: texts[name] for name in order})
    mark = run(tmp_path, [given], Settings(action="mark"), components=True)
    assert partition(mark) == {"a": {"a", "b", "c"}}
    assert {row["component_size"] for row in mark.component_rows(0).to_pylist()} == {3}
    clusters = {row["id"]: row["cluster"] for row in mark.clusters(0).to_pylist()}
    assert "c" not in clusters, "selection names no copy of it"


def test_removed_documents_join_those_that_stay(tmp_path) -> None:
    """b leaves; a and c stay, and are of one component."""
    kept = run(tmp_path, [rows(chain())], components=True)
    assert kept.removed_rows(0).tolist() == [1]
    assert partition(kept) == {"a": {"a", "c"}}
    dropped = run(tmp_path, [rows(chain())], Settings(action="drop_all"), components=True)
    assert partition(dropped) == {}, "c alone stays"
    assert run(tmp_path, [rows(chain())]).component_rows(0).num_rows == 0, "not asked for"


@pytest.mark.parametrize(
    ("parts", "ranges", "exact"),
    [(1, 1, True), (3, 3, True), (3, 3, False), (1, 1, False)],
)
def test_chains_stars_and_rings_against_all_pairs(
    tmp_path, parts: int, ranges: int, exact: bool
) -> None:
    texts: dict[str, str] = {}
    for family in range(12):
        words = WORDS[family * 300 : family * 300 + 250]
        names = [f"f{family:02}-{n}" for n in range(2 + family % 5)]
        for n, name in enumerate(names):
            texts[name] = " ".join(words)
            if family % 3 == 0:
                words = changed(words, 0.14, 7 * n + 3)  # a chain
            elif family % 3 == 1:
                words = changed(WORDS[family * 300 : family * 300 + 250], 0.1, 5 * n + 2)  # a star
            # else: equal texts
    every = rows(texts)
    cut = [every[n::parts] for n in range(parts)]
    settings = Settings(action="mark", recall=0.9999, slots=256, ranges=ranges)
    found = run(tmp_path, cut, settings, texts=exact, components=True)
    assert {frozenset(members) for members in partition(found).values()} == truth(texts, 0.7)


@pytest.mark.parametrize("action", ["mark", "keep_one"])
def test_real_near_copies(tmp_path, data, pages_and_licences, action: str) -> None:
    """Every pair of survivors at .7 or more, by exact Jaccard over all pairs, is in one component."""
    documents = pages_and_licences
    given = as_rows(documents)
    settings = Settings(action=action, recall=0.99999, slots=512)
    found = run(tmp_path, [given[:300], given[300:]], settings, components=True)
    of = {name: key for key, members in partition(found).items() for name in members}
    texts = {d["id"]: d["text"] for d in documents}
    gone = {
        found.ids_of(part).to_pylist()[row]
        for part in (0, 1)
        for row in found.removed_rows(part).tolist()
    }
    joined = truth(texts, 0.7)
    for group in joined:
        stay = sorted(group - gone)
        assert len({of.get(name, name) for name in stay}) <= 1, stay
    assert {frozenset(g - gone) for g in joined if len(g - gone) > 1} == {
        frozenset(m) for m in partition(found).values()
    }


@pytest.fixture(scope="session")
def pages_and_licences(data):
    import gzip
    import json

    out = []
    for name in ("extractor-outputs", "licensee-fixtures"):
        with gzip.open(data / f"neardup/{name}.jsonl.gz") as stream:
            out += [json.loads(line) for line in stream]
    return out


def test_copies_by_url_have_texts_of_their_own(tmp_path) -> None:
    """b is a copy of a by its URL alone; c is a copy of b by its text."""
    other = WORDS[2000:2300]
    given = [
        {"id": "a", "url": "http://x/1", "source": "s", "text": " ".join(WORDS[:300])},
        {"id": "b", "url": "http://x/1", "source": "s", "text": " ".join(other)},
        {"id": "c", "url": "http://x/2", "source": "s", "text": " ".join(changed(other, 0.1, 3))},
    ]
    settings = Settings(action="mark", url_sources=("*",))
    found = run(tmp_path, [given], settings, components=True)
    assert partition(found) == {"a": {"a", "b", "c"}}


@pytest.mark.parametrize(
    ("method", "expected"), [("exact", {"a": {"a", "same"}}), ("off", {}), ("fuzzy", None)]
)
def test_what_the_method_does_not_look_for_joins_nothing(
    tmp_path, method: str, expected: Any
) -> None:
    texts = {**chain(), "same": chain()["a"].upper()}
    found = run(tmp_path, [rows(texts)], Settings(action="mark", method=method), components=True)
    assert partition(found) == ({"a": {"a", "b", "c", "same"}} if expected is None else expected)


def test_scopes_are_kept_apart(tmp_path) -> None:
    one, two = (
        rows(chain(), source="x"),
        [{**row, "id": row["id"] + "2"} for row in rows(chain(), source="y")],
    )
    found = run(tmp_path, [one, two], Settings(action="mark", scope="source"), components=True)
    assert partition(found) == {"a": {"a", "b", "c"}, "a2": {"a2", "b2", "c2"}}


def test_a_bucket_of_equal_signatures_costs_a_look_at_each(tmp_path) -> None:
    """Texts that differ in case alone are exact copies; these differ in one word of 400."""
    words = WORDS[:400]
    texts = {f"d{n:04}": " ".join([*words[:399], f"x{n:05}"]) for n in range(600)}
    found = run(tmp_path, [rows(texts)], Settings(action="mark"), components=True)
    assert partition(found) == {"d0000": set(texts)}
    assert found.components.links.compared < 2 * len(texts), "not 600 * 599 / 2"


@pytest.mark.parametrize("bound", ["max_exact", "max_kept"])
def test_what_bounds_leave_out_is_joined_or_counted(tmp_path, bound: str) -> None:
    """Pairs beyond max_exact are joined without a look at their texts; a crowded bucket is counted."""
    base = WORDS[:300]
    texts = {"a": " ".join(base)}
    texts |= {f"n{n}": " ".join(changed(base, 0.2 + 0.01 * (n % 5), 4 * n + 1)) for n in range(12)}
    free = run(tmp_path, [rows(texts)], Settings(action="mark", sigmas=50.0), components=True)
    assert free.components.links.unchecked == free.components.links.unseen == 0
    tight = run(
        tmp_path, [rows(texts)], Settings(action="mark", sigmas=50.0, **{bound: 1}), components=True
    )
    links = tight.components.links
    assert (links.unchecked if bound == "max_exact" else links.unseen) > 0
    if bound == "max_exact":
        for members in partition(free).values():
            assert any(members <= wider for wider in partition(tight).values())


def test_an_index_of_earlier_runs_joins_what_is_new(tmp_path) -> None:
    """c and d are both copies of b, which an earlier run holds; they are no copies of one another."""
    base = WORDS[:400]
    old = {"b": " ".join(base)}
    new = {"c": " ".join(changed(base, 0.16, 3)), "d": " ".join(changed(base, 0.16, 11))}
    assert jaccard(new["c"], new["d"]) < 0.7
    (tmp_path / "old").mkdir()
    run(tmp_path / "old", [rows(old)])
    found = run(tmp_path, [rows(new)], Settings(action="mark"), index=[str(tmp_path / "old" / "part-0")],
                components=True)  # fmt: skip
    assert partition(found) == {"c": {"c", "d"}}
