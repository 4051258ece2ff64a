"""Every bound of the mixture on its edge: settings, heads, cuts, caps, ties."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.errors import InputError, RecipeError
from corpusforge.hashing import id_keys, uniform
from corpusforge.mix import Settings, Supply, diversity, head, plan, scaled_tokens, stream
from corpusforge.mix.buckets import Held, Section, buckets
from corpusforge.mix.plan import PhasePlan
from corpusforge.mix.repetition import Reach, reaches, times
from corpusforge.mix.sample import in_order
from corpusforge.mix.settings import Diversity, Phase, Split
from corpusforge.mix.stream import segments

NAN, INF = math.nan, math.inf
BOUNDS = [
    ("budget", [1, "all"], [0, -1]),
    ("epoch_cap", [1e-9, 4.0, 1e9], [0, -1, NAN, INF]),
    ("bytes_per_token", [1e-9, 3.0], [0, -1, NAN, INF]),
    ("validation", [0.0, 0.005, 0.999999], [-1e-9, 1.0, 2, NAN]),
    ("margin", [0.0, 1000.0], [-1e-9, NAN, INF]),
    ("reported_budget", [0.0, 3e11], [-1, NAN, INF]),
    ("range_documents", [1, 2_000_000], [0, -1]),
    ("weights", [{"a": 1e-9}, {}], [{"a": 0}, {"a": -1}, {"a": NAN}, {"a": INF}]),
    ("epoch_caps", [{"a": 1e-9}], [{"a": 0}, {"a": NAN}, {"a": INF}]),
    ("counts", [{"a": 1}], [{"a": 0}, {"a": NAN}]),
    ("reported_epochs", [{"a": 0.06}], [{"a": 0}, {"a": NAN}]),
]


@pytest.mark.parametrize(("key", "good", "bad"), BOUNDS, ids=[key for key, *_ in BOUNDS])
def test_settings(key: str, good: list[object], bad: list[object]) -> None:
    for value in good:
        assert getattr(Settings(**{key: value}), key) == value
    for value in bad:
        with pytest.raises(RecipeError, match=f"mix.{key}"):
            Settings(**{key: value})


def test_parts_of_settings() -> None:
    for share in (0, -1, NAN, INF):
        with pytest.raises(RecipeError, match="share is"):
            Phase(name="p", share=share, weights={"a": 1.0})
    for weights in ({}, {"a": 0.0}, {"a": NAN}):
        with pytest.raises(RecipeError, match="weights"):
            Phase(name="p", share=1.0, weights=weights)
        with pytest.raises(RecipeError, match="weights"):
            Split(by="lang", weights=weights)
    for largest in (0, -0.1, 1.000001, NAN, INF):
        with pytest.raises(RecipeError, match="largest_source"):
            Diversity(largest_source=largest)
    assert Diversity(largest_source=1.0, entropy={"tier": 0.0}).largest_source == 1.0
    for bits in (-0.1, NAN, INF):
        with pytest.raises(RecipeError, match=r"entropy\.lang"):
            Diversity(entropy={"lang": bits})
    with pytest.raises(RecipeError, match="Did you mean 'lang'"):
        Diversity(entropy={"langg": 1.0})


@pytest.mark.parametrize(("least", "fails"), [(1.0, False), (np.nextafter(1.0, 2), True)])
def test_entropy_at_its_bound(least: float, fails: bool) -> None:
    """Two equal halves have one bit."""
    found = diversity({"lang": {"en": 5, "zh": 5}}, Diversity(entropy={"lang": least}))
    assert bool(found.failures) == fails


@pytest.mark.parametrize(("largest", "fails"), [(0.75, False), (0.7499, True)])
def test_the_largest_source_at_its_bound(largest: float, fails: bool) -> None:
    found = diversity({"source": {"a": 3, "b": 1}}, Diversity(largest_source=largest))
    assert bool(found.failures) == fails


def test_diversity_of_nothing() -> None:
    found = diversity({"lang": {}, "source": {"a": 0}}, Diversity())
    assert found.entropy == {"lang": 0.0, "source": 0.0}
    assert found.failures == ()


@pytest.mark.parametrize(
    ("tokens", "some", "whole", "expected"),
    [
        (10, 5, 10, 20),
        (10, 10, 10, 10),
        (0, 5, 10, 0),
        (7, 0, 10, 0),
        (7, 0, 0, 0),
        (10, 3, 10, 33),
    ],
)
def test_scaled_tokens(tokens: int, some: int, whole: int, expected: int) -> None:
    assert scaled_tokens(tokens, some, whole) == expected


def supply(*lengths: int) -> Supply:
    """Documents whose lengths are in the order in which the first epoch draws them."""
    keys = np.sort(id_keys(str(n) for n in range(len(lengths))))
    order = in_order(keys, 1, 0)
    placed = np.zeros(len(lengths), np.int64)
    placed[order] = lengths
    rows = np.arange(len(lengths))
    return Supply(keys, placed, np.zeros(len(lengths), np.int32), rows, rows)


@pytest.mark.parametrize(
    ("asked", "margin", "documents"),
    [
        (0, 0.0, 0), (1, 0.0, 1),
        (11, 0.0, 1),  # 10 bytes and an end id: the first document gives them all
        (12, 0.0, 2), (22, 0.0, 2), (23, 0.0, 3), (33, 0.0, 3), (44, 0.0, 4), (1000, 0.0, 4),
        (10, 0.1, 1), (20, 0.1, 2), (21, 0.1, 3),
    ],
)  # fmt: skip
def test_heads_are_the_shortest_that_reach(asked: int, margin: float, documents: int) -> None:
    settings = Settings(bytes_per_token=1.0, margin=margin)
    held = Held({"a": supply(10, 10, 10, 10)}, 1)
    found = head(held, Section("train", "a", 0), asked, settings)
    assert (found.documents, found.bytes) == (documents, 10 * documents)
    assert found.reach.copies == (documents == 4)
    keys = held.rows(Section("train", "a", 0), 0, 1).keys
    assert times(keys, found.reach, 1).tolist() == [1] * documents + [0] * (4 - documents)


def test_a_head_of_nothing() -> None:
    none = Held({"a": supply()}, 1)
    assert head(none, Section("train", "a", 0), 5, Settings()).reach == Reach(1)


def drawn(lengths: tuple[int, ...], *asked: int) -> list[tuple[int, int, bool]]:
    """(copy, length, cut) of a stream of phases that ask so much of one leaf."""
    phases = [PhasePlan(str(n), {"a": tokens}) for n, tokens in enumerate(asked)]
    made = stream({"a": supply(*lengths)}, phases, 1)
    return list(zip(made.copy.tolist(), made.length.tolist(), made.cut.tolist(), strict=True))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((1,), [(0, 1, True)]),
        ((4,), [(0, 4, True)]),
        ((5,), [(0, 5, False)]),
        ((6,), [(0, 5, False), (0, 1, True)]),
        ((10,), [(0, 5, False), (0, 5, False)]),
        ((11,), [(0, 5, False), (0, 5, False), (1, 1, True)]),
        (
            (9, 1),
            [(0, 5, False), (0, 4, True), (1, 1, True)],
        ),  # a cut document is not taken up again
        ((5, 5), [(0, 5, False), (0, 5, False)]),
        ((10, 10), [(0, 5, False)] * 2 + [(1, 5, False)] * 2),
        ((0, 5), [(0, 5, False)]),
    ],
)
def test_cuts_on_the_edge_of_documents_and_epochs(asked: tuple[int, ...], expected: list) -> None:
    assert drawn((5, 5), *asked) == expected


def test_a_leaf_of_one_document_of_one_token() -> None:
    assert drawn((1,), 1) == [(0, 1, False)]
    assert drawn((1,), 3) == [(0, 1, False), (1, 1, False), (2, 1, False)]
    with pytest.raises(InputError, match="a source that has none"):
        drawn((), 1)
    assert drawn((), 0) == []


@pytest.mark.parametrize(("asked", "fails"), [(9, False), (10, False), (11, True)])
def test_what_is_chosen_may_be_drawn_to_its_end_and_no_further(asked: int, fails: bool) -> None:
    phases = [PhasePlan("all", {"a": asked})]
    held = Held({"a": supply(5, 5)}, 1)
    if fails:
        with pytest.raises(InputError, match=r"raise mix\.margin"):
            segments(held, phases, ["a"])
    else:
        assert segments(held, phases, ["a"])[-1].stop == 2


def test_how_often_documents_stand_at_the_edge_of_a_cut() -> None:
    keys = np.sort(id_keys(str(n) for n in range(50)))
    order = keys[in_order(keys, 1, 3)]
    for place, key in enumerate(order.tolist()):
        counted = times(order, Reach(3, key), 1)
        assert counted.tolist() == [4] * (place + 1) + [3] * (49 - place)
    assert times(order, Reach(3, None), 1).tolist() == [3] * 50


def test_reaches_of_whole_and_begun_epochs() -> None:
    phases = [PhasePlan("one", {"a": 7}), PhasePlan("two", {"a": 8})]
    held = Held({"a": supply(5, 5, 5)}, 1)
    found = reaches(segments(held, phases), {"a": 3})["a"]
    # 5 + 2 of the first epoch, the rest of it (5), 3 of the second
    order = held.rows(Section("train", "a", 1), 0, 1).keys
    assert (found.copies, found.key) == (1, int(order[0]))
    assert sum(found.lost.values()) == 3 + 2
    whole = reaches(segments(held, [PhasePlan("all", {"a": 15})]), {"a": 3})["a"]
    assert whole == Reach(1, None, {})


@pytest.mark.parametrize(("room", "fails"), [(50, False), (49, True)])
def test_a_cap_binds_above_what_there_is(room: int, fails: bool) -> None:
    settings = Settings(weights={"a": 1, "b": 1}, budget=100, policy="error", epoch_cap=1.0)
    if fails:
        with pytest.raises(RecipeError, match="'a' is asked for 50 tokens and may give 49"):
            plan(settings, {"a": room, "b": 500})
    else:
        assert {s.path: s.asked for s in plan(settings, {"a": room, "b": 500}).shares} == {
            "a": 50,
            "b": 50,
        }


@pytest.mark.parametrize("there", [49, 50, 51])
def test_the_note_of_a_cap(there: int) -> None:
    settings = Settings(weights={"a": 1, "b": 1}, budget=100, epoch_cap=1.0)
    notes = plan(settings, {"a": there, "b": 500}).notes
    assert ("'a' is at its cap of 1 epochs" in notes) == (there <= 50)


@pytest.mark.parametrize(
    ("epochs", "told"), [(1.0, False), (1.05, False), (1.06, True), (0.95, True), (0.96, False)]
)
def test_reported_epochs_at_their_tolerance(epochs: float, told: bool) -> None:
    """Five per cent of what is reported: 0.05 of 0.95 is less than its distance to 1."""
    settings = Settings(weights={"a": 1}, budget=100, reported_epochs={"a": epochs})
    assert any("the paper prints" in note for note in plan(settings, {"a": 100}).notes) == told


@pytest.mark.parametrize(
    ("weights", "told"), [((0.4, 0.6), False), ((40, 60), False), ((40, 61), True), ((1, 1), True)]
)
def test_weights_that_sum_to_1_or_100_need_no_note(
    weights: tuple[float, float], told: bool
) -> None:
    settings = Settings(weights=dict(zip("ab", weights, strict=True)), budget=10)
    notes = plan(settings, {"a": 100, "b": 100}).notes
    assert any(note.startswith("the weights sum to") for note in notes) == told


@pytest.mark.parametrize(("reported", "told"), [(20, False), (19.99, True)])
def test_twenty_one_epochs_of_twenty_are_within_the_tolerance(reported: float, told: bool) -> None:
    settings = Settings(
        weights={"a": 1}, budget=2100, epoch_cap=99.0, reported_epochs={"a": reported}
    )
    assert any("the paper prints" in note for note in plan(settings, {"a": 100}).notes) == told


@pytest.mark.parametrize(("there", "told"), [(99, False), (98, True)])
def test_a_token_a_phase_is_rounding_and_more_is_told(there: int, told: bool) -> None:
    settings = Settings(weights={"a": 1}, budget=100, epoch_cap=1.0)
    notes = plan(settings, {"a": there}).notes
    assert (f"the caps leave {there} of the 100 tokens of the budget" in notes) == told


def test_buckets_are_equal_ranges_of_u() -> None:
    keys = id_keys(str(n) for n in range(1000))
    u = uniform(keys, 1, "mix", 2)
    for count in (1, 2, 8, 1024):
        found = buckets(keys, Section("train", "a", 2, count), 1)
        assert found.tolist() == [math.floor(x * count) for x in u.tolist()]
        assert found.max() < count


def test_one_source_one_token() -> None:
    assert plan(Settings(budget=1), {"a": 1}).tokens == 1
    assert plan(Settings(budget="all", epoch_cap=0.5), {"a": 1}).tokens == 0
    with pytest.raises(RecipeError, match="no source has any tokens"):
        plan(Settings(budget=1), {"a": 0})
    assert stream({}, [PhasePlan("none", {})], 1).table().num_rows == 0
    assert pa.types.is_string(
        stream({}, [PhasePlan("none", {})], 1).table().schema.field("leaf").type
    )
