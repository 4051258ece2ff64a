"""Receipts, repetition and diversity: figures counted by hand."""

from collections import Counter

import numpy as np
import pytest

from corpusforge.errors import InternalError
from corpusforge.mix import (
    PhasePlan,
    Settings,
    Supply,
    delivered,
    diversity,
    plan,
    receipt,
    repetition_ledger,
    stream,
)
from corpusforge.mix.buckets import Held
from corpusforge.mix.repetition import reaches, times
from corpusforge.mix.settings import Diversity
from corpusforge.mix.stream import segments


def supply(first_key, lengths, part):
    lengths = np.array(lengths, dtype=np.int64)
    return Supply(
        keys=np.arange(first_key, first_key + len(lengths), dtype=np.uint64),
        lengths=lengths,
        parts=np.full(len(lengths), part, dtype=np.int32),
        rows=np.arange(len(lengths)),
        offsets=np.cumsum(lengths) - lengths,
    )


@pytest.fixture
def made():
    supplies = {
        "a": supply(1, [5] * 4, 0),
        "b/x": supply(50, [10] * 3, 1),
        "b/y": supply(90, [7], 2),
    }
    phases = [PhasePlan("all", {"a": 50, "b/x": 20, "b/y": 7})]
    return supplies, stream(supplies, phases, 1)


def test_repetition_is_counted_by_document(made):
    supplies, draws = made
    phases = [PhasePlan("all", {"a": 50, "b/x": 20, "b/y": 7})]
    drawn = segments(Held(supplies, 1), phases)
    reach = reaches(drawn, {path: len(own) for path, own in supplies.items()})
    found = Counter()
    for path, own in supplies.items():
        counted = times(own.keys, reach[path], 1)
        found.update(counted[counted > 0].tolist())
        stands = Counter(draws.row[draws.part == own.parts[0]].tolist())
        assert counted.tolist() == [stands[row] for row in own.rows.tolist()]
    # a: 10 draws of 4 documents, two of them three times; b/x: two of three once; b/y: one once
    assert found == {1: 3, 2: 2, 3: 2}


def test_the_receipt_sums_sub_mixes(made):
    from corpusforge.mix.plan import Plan, Share

    _, draws = made
    shares = (
        Share("a", "a", 0.5, 20, 50, 4.0),
        Share("b/x", "b", 0.3, 30, 20, 4.0),
        Share("b/y", "b", 0.2, 7, 7, 4.0),
    )
    rows = receipt(Plan(shares, (), ()), delivered(draws))
    assert rows["a"] == {
        "weight": 0.5,
        "asked_tokens": 50,
        "delivered_tokens": 50,
        "available": 20,
        "epochs": 2.5,
        "documents": 4,
        "draws": 10,
    }
    b = rows["b"]
    assert (b["weight"], b["asked_tokens"], b["documents"], b["draws"]) == (0.5, 27, 3, 3)
    assert b["epochs"] == 27 / 37
    assert sorted(b["parts"]) == ["b/x", "b/y"]
    wrong = (Share("a", "a", 0.5, 20, 51, 4.0),)
    with pytest.raises(InternalError, match="asked for 51 tokens and delivered 50"):
        receipt(Plan(wrong, (), ()), delivered(draws))


def test_entropy_in_closed_form():
    report = diversity(
        {"source": {"a": 50, "b": 25, "c": 25}, "lang": {"zh": 10}},
        Diversity(largest_source=0.4, entropy={"lang": 0.1, "source": 1.4}),
    )
    assert report.entropy == {"source": 1.5, "lang": 0.0}
    assert report.shares["source"] == {"a": 0.5, "b": 0.25, "c": 0.25}
    assert report.failures == (
        "entropy of lang is 0.000 bits, at least 0.1 is asked",
        "source 'a' has 50.0% of the tokens, at most 40.0% is allowed",
    )
    assert diversity({"source": {}}, Diversity()).failures == ()


def test_settings_default_to_an_even_stream_of_what_is_there():
    supplies = {"a": supply(1, [5] * 40, 0), "b": supply(90, [5] * 10, 1)}
    planned = plan(Settings(epoch_cap=1.0), {name: s.tokens for name, s in supplies.items()})
    draws = stream(supplies, planned.phases, 1)
    assert len(draws) == len(set(zip(draws.part.tolist(), draws.row.tolist(), strict=True))) == 50


def test_the_ledger_runs_over_several_runs():
    import pyarrow as pa

    first = repetition_ledger(pa.table({"id": ["b", "a"], "source": ["w", "w"], "times": [2, 1]}))
    assert first.to_pylist() == [
        {"id": "a", "source": "w", "times": 1, "before": 0},
        {"id": "b", "source": "w", "times": 2, "before": 0},
    ]
    second = repetition_ledger(
        pa.table({"id": ["b", "c"], "source": ["w", "x"], "times": [1, 1]}), first
    )
    third = repetition_ledger(pa.table({"id": ["b"], "source": ["w"], "times": [1]}), second)
    assert third.to_pylist() == [
        {"id": "a", "source": "w", "times": 0, "before": 1},
        {"id": "b", "source": "w", "times": 1, "before": 3},
        {"id": "c", "source": "x", "times": 0, "before": 1},
    ]
