"""Draws: exact to the token, epochs in turn, stationary, independent of parts and their order."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.errors import InputError
from corpusforge.hashing import id_keys, uniform
from corpusforge.mix import (
    Draws,
    PhasePlan,
    Settings,
    Supply,
    delivered,
    head,
    held_out,
    plan,
    receipt,
    stream,
)
from corpusforge.mix.buckets import Held
from corpusforge.mix.repetition import times


def supply(name, lengths, part=0, complete=True):
    lengths = np.asarray(lengths, dtype=np.int64)
    return Supply(
        keys=id_keys([f"{name}-{n}" for n in range(len(lengths))]),
        lengths=lengths,
        parts=np.full(len(lengths), part, dtype=np.int32),
        rows=np.arange(len(lengths)),
        offsets=np.cumsum(lengths) - lengths,
        complete=complete,
    )


def lengths_of(seed, count, mean=50):
    u = uniform(id_keys([f"{seed}/{n}" for n in range(count)]), seed, "test lengths")
    return (1 + -mean * np.log1p(-u)).astype(np.int64)


def slow_stream(supplies, asked, seed):
    """The rule as the design page states it: u = (c + h)/e, prefix, v; no shortcut taken."""
    rows = []
    for name, tokens in asked.items():
        source = supplies[name]
        e = tokens / source.tokens
        drawn = []
        for copy in range(int(e) + 2):
            h = uniform(source.keys, seed, "mix", copy)
            drawn += [((copy + h[d]) / e, source.keys[d], d, copy) for d in range(len(source))]
        before = 0
        for _, key, d, copy in sorted(drawn):
            if before >= tokens:
                break
            length = min(int(source.lengths[d]), tokens - before)
            rows.append(((2 * before + length) / (2 * tokens), name, key, d, copy, length))
            before += length
    return [(name, d, copy, length) for _, name, key, d, copy, length in sorted(rows)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 3.6), st.floats(0.1, 3.6))
def test_equals_the_rule_as_stated(seed, first, second):
    supplies = {"a": supply("a", lengths_of(seed, 12)), "b": supply("b", lengths_of(seed + 1, 7))}
    asked = {
        "a": int(first * supplies["a"].tokens) + 1,
        "b": int(second * supplies["b"].tokens) + 1,
    }
    draws = stream(supplies, [PhasePlan("all", asked)], seed)
    got = [
        (draws.names[leaf], row, copy, length)
        for leaf, row, copy, length in zip(
            draws.leaf, draws.row, draws.copy, draws.length, strict=True
        )
    ]
    assert got == slow_stream(supplies, asked, seed)


def test_gpt3_in_miniature_is_exact_to_the_token():
    tokens = {"cc": 410_000, "webtext2": 19_000, "books1": 12_000, "books2": 55_000, "wiki": 3_000}
    weights = {"cc": 60, "webtext2": 22, "books1": 8, "books2": 8, "wiki": 3}
    supplies = {}
    for name, total in tokens.items():
        lengths = lengths_of(len(name), total // 100, mean=90)
        lengths[-1] += total - lengths.sum()
        assert lengths.min() > 0
        supplies[name] = supply(name, lengths)
    made = plan(Settings(weights=weights, budget=300_000), tokens)
    draws = stream(supplies, made.phases, seed=7)
    rows = receipt(made, delivered(draws))
    assert draws.tokens == 300_000
    for share in made.shares:
        row = rows[share.path]
        assert row["asked_tokens"] == row["delivered_tokens"] == share.asked
    assert {name: round(row["epochs"], 3) for name, row in rows.items()} == {
        "cc": 0.435,
        "webtext2": 3.439,
        "books1": 1.980,
        "books2": 0.432,
        "wiki": 2.970,
    }


def test_epochs_come_in_turn_and_hold_every_document_once():
    source = supply("s", lengths_of(3, 40))
    draws = stream({"s": source}, [PhasePlan("all", {"s": 2 * source.tokens + 10})], 5)
    drawn = draws.row
    assert sorted(drawn[:40]) == sorted(drawn[40:80]) == list(range(40))
    assert draws.copy.tolist() == [0] * 40 + [1] * 40 + [2] * (len(drawn) - 80)
    assert draws.length.sum() == 2 * source.tokens + 10
    assert drawn[:40].tolist() != drawn[40:80].tolist()  # another order in each epoch


def test_only_the_last_document_is_cut_and_loses_its_end():
    source = supply("s", [10, 10, 10])
    draws = stream({"s": source}, [PhasePlan("all", {"s": 25})], 1)
    assert draws.length.tolist() == [10, 10, 5]
    assert draws.cut.tolist() == [False, False, True]
    whole = stream({"s": source}, [PhasePlan("all", {"s": 20})], 1)
    assert whole.cut.tolist() == [False, False]


def test_parts_and_their_order_do_not_matter():
    lengths = lengths_of(9, 60)
    whole = supply("s", lengths)
    order = np.argsort(uniform(whole.keys, 1, "shuffle of the test"))
    moved = Supply(
        keys=whole.keys[order],
        lengths=whole.lengths[order],
        parts=np.repeat(np.array([0, 1, 2], dtype=np.int32), 20),
        rows=np.tile(np.arange(20), 3),
        offsets=np.zeros(60, dtype=np.int64),
    )
    other = supply("t", lengths_of(4, 30))
    asked = [PhasePlan("all", {"s": 1500, "t": 900})]
    a = stream({"s": whole, "t": other}, asked, 3)
    b = stream({"t": other, "s": moved}, asked, 3)
    key_a = np.where(a.leaf == 0, whole.keys[a.row % 60], 0)
    key_b = np.where(b.leaf == 0, moved.keys[(b.part * 20 + b.row) % 60], 0)
    assert np.array_equal(key_a, key_b)
    assert np.array_equal(a.length, b.length)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(50, 400), min_size=2, max_size=4),
    weights=st.lists(st.integers(1, 20), min_size=4, max_size=4),
)
def test_any_prefix_has_the_mixture(seed, sizes, weights):
    """In every prefix each source is within one document of its share: v is its own midpoint."""
    supplies = {
        f"s{n}": supply(f"s{n}", lengths_of(seed + n, size)) for n, size in enumerate(sizes)
    }
    budget = 8000
    total = sum(weights[: len(sizes)])
    asked = {name: budget * weights[n] // total for n, name in enumerate(supplies)}
    draws = stream(supplies, [PhasePlan("all", asked)], seed)
    ends = np.cumsum(draws.length)
    for leaf, name in enumerate(draws.names):
        mine = np.cumsum(np.where(draws.leaf == leaf, draws.length, 0))
        longest = max(source.lengths.max() for source in supplies.values())
        # each source is off by at most half a document, and the prefix's own length by as much
        bound = longest * (1 + len(sizes)) / 2
        assert np.abs(mine - ends * (asked[name] / draws.tokens)).max() <= bound


def test_phases_go_on_where_the_last_one_stopped():
    source = supply("s", [10] * 10)
    phases = [PhasePlan("bulk", {"s": 45}), PhasePlan("anneal", {"s": 70})]
    draws = stream({"s": source}, phases, 2)
    assert draws.phase.tolist() == [0] * 5 + [1] * 7
    assert draws.length[draws.phase == 0].sum() == 45
    assert draws.length[draws.phase == 1].sum() == 70
    assert sorted(draws.row[:10]) == list(range(10))
    assert sorted(Counter(draws.row.tolist()).values()) == [1] * 8 + [2] * 2


def test_an_estimated_head_draws_the_same_documents():
    lengths = lengths_of(11, 500)
    whole = supply("s", lengths)
    text_bytes = (lengths - 1) * 3
    held = Held({"s": replace(whole, lengths=text_bytes)}, 4)
    found = head(held, held.section("s", 0), 4000, Settings(bytes_per_token=3.0))
    chosen = times(whole.keys, found.reach, 4) > 0
    assert (found.documents, found.bytes) == (chosen.sum(), text_bytes[chosen].sum())
    assert 0.1 < chosen.mean() < 0.25
    some = Supply(
        keys=whole.keys[chosen],
        lengths=whole.lengths[chosen],
        parts=whole.parts[chosen],
        rows=whole.rows[chosen],
        offsets=whole.offsets[chosen],
        complete=False,
    )
    asked = [PhasePlan("all", {"s": 4000})]
    a, b = stream({"s": whole}, asked, 4), stream({"s": some}, asked, 4)
    assert np.array_equal(a.row, b.row)
    assert np.array_equal(a.length, b.length)
    with pytest.raises(InputError, match=r"raise mix\.margin"):
        stream({"s": some}, [PhasePlan("all", {"s": 9000})], 4)


def test_nothing_asked_gives_an_empty_stream():
    draws = stream({"s": supply("s", [5])}, [PhasePlan("all", {"s": 0})], 1)
    assert (len(draws), draws.tokens, draws.names) == (0, 0, ())
    with pytest.raises(InputError, match="has none"):
        stream({"s": supply("s", [])}, [PhasePlan("all", {"s": 1})], 1)


def test_draws_survive_a_table():
    supplies = {"a": supply("a", [3, 4]), "b": supply("b", [5])}
    draws = stream(supplies, [PhasePlan("all", {"a": 9, "b": 3})], 1)
    again = Draws.from_table(draws.table())
    named = [again.names[leaf] for leaf in again.leaf]
    assert named == [draws.names[leaf] for leaf in draws.leaf]
    for column in ("part", "row", "offset", "length", "copy", "cut", "phase"):
        assert np.array_equal(getattr(again, column), getattr(draws, column))


def test_clusters_are_held_out_whole():
    clusters = id_keys([f"c{n // 3}" for n in range(3000)])
    held = held_out(clusters, 1, 0.1)
    assert all(len(set(held[n : n + 3])) == 1 for n in range(0, 3000, 3))
    assert 0.07 < held.mean() < 0.13  # 1000 clusters: 0.1 within three standard deviations
