"""Who gets which task: balance, overlap, languages, known items, order."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import pytest
from scipy.stats import chisquare

from corpusforge.annotate.assign import Rater, assign, overlap_of
from corpusforge.annotate.candidates import Item
from corpusforge.annotate.cost import Estimate, reading_minutes
from corpusforge.annotate.create_job import batches
from corpusforge.annotate.records import Candidate, Prompt, Task
from corpusforge.annotate.settings import AssignSettings, CostSettings
from corpusforge.errors import InputError
from corpusforge.models.records import Message


def item(
    number: int, k: int = 4, language: str = "en", name: str = "p", *, gold: bool = False
) -> Item:
    messages = (Message("user", f"{name} {number}"),)
    prompt = Prompt(id=f"{name}_{number}", messages=messages, origin="user", language=language)
    candidates = tuple(
        Candidate(id=f"c_{name}{number:05x}{n}", text=f"answer {n}", model=f"m{n}")
        for n in range(k)
    )
    tiers = tuple((c.id,) for c in candidates) if gold else ()
    return Item(prompt, candidates, tiers)


RATERS = [Rater(f"r_{n}") for n in range(5)]


def made(items: list[Item], raters: list[Rater], **settings: float) -> list[Task]:
    values = AssignSettings(**settings)  # type: ignore[arg-type]
    return list(assign(items, raters, "j_1", "ranking", values, 0))


def test_loads_differ_by_one_at_most_and_nobody_sees_a_prompt_twice() -> None:
    for count, overlap in itertools.product((1, 7, 100), (1, 2, 5)):
        tasks = made([item(n) for n in range(count)], RATERS, overlap=overlap)
        loads = Counter(task.rater for task in tasks)
        assert sum(loads.values()) == count * overlap
        assert max(loads.values()) - min(loads.get(r.id, 0) for r in RATERS) <= 1
        assert len({(task.rater, task.prompt.id) for task in tasks}) == len(tasks)
        assert len({task.id for task in tasks}) == len(tasks)


def test_the_same_inputs_give_the_same_tasks_in_any_order_of_raters() -> None:
    items = [item(n) for n in range(50)]
    one, two = made(items, RATERS, overlap=2), made(items, RATERS[::-1], overlap=2)
    assert sorted(task.id for task in one) == sorted(task.id for task in two)


def test_pairs_of_raters_meet_about_equally_often() -> None:
    tasks = made([item(n) for n in range(1000)], RATERS, overlap=2)
    seen = defaultdict(set)
    for task in tasks:
        seen[task.prompt.id].add(task.rater)
    pairs = Counter(tuple(sorted(raters)) for raters in seen.values())
    assert len(pairs) == 10
    assert min(pairs.values()) > 60  # 100 each on average


def test_overlap_applies_to_a_share_of_the_prompts() -> None:
    tasks = made([item(n) for n in range(2000)], RATERS, overlap=3, overlap_ratio=0.2)
    sizes = Counter(Counter(task.prompt.id for task in tasks).values())
    assert set(sizes) == {1, 3}
    assert abs(sizes[3] - 400) < 90  # five standard deviations of Binomial(2000, 0.2)


def test_by_default_up_to_three_raters_see_a_prompt() -> None:
    assert [overlap_of(AssignSettings(), n) for n in (1, 2, 3, 20)] == [1, 2, 3, 3]
    assert overlap_of(AssignSettings(overlap=7), 4) == 4


def test_languages_are_kept_and_balanced() -> None:
    raters = [
        Rater("r_en", ("en",)),
        Rater("r_zh", ("zh",)),
        Rater("r_zh2", ("zh",)),
        Rater("r_all"),
    ]
    items = [item(n, language="zh" if n % 3 else "en") for n in range(90)]
    tasks = made(items, raters, overlap=1)
    by_rater = defaultdict(set)
    for task in tasks:
        by_rater[task.rater].add(task.prompt.language)
    assert by_rater["r_en"] == {"en"}
    assert by_rater["r_zh"] == by_rater["r_zh2"] == {"zh"}
    loads = Counter(task.rater for task in tasks)
    assert abs(loads["r_zh"] - loads["r_zh2"]) <= 1
    with pytest.raises(InputError, match="no rater reads"):
        made([item(0, language="fr")], raters[:3])
    assert made([item(0, language="und")], raters[:1])


def test_every_place_is_equally_likely_for_every_answer() -> None:
    tasks = made([item(n) for n in range(3000)], RATERS[:1])
    places = Counter(
        (task.candidates.index(next(c for c in task.candidates if c.id == name)), place)
        for task in tasks
        for place, name in enumerate(task.presented_order)
    )
    assert len(places) == 16
    assert chisquare(list(places.values())).pvalue > 1e-4


def test_raters_see_orders_of_their_own() -> None:
    tasks = made([item(n, k=9) for n in range(40)], RATERS[:2], overlap=2)
    orders = defaultdict(set)
    for task in tasks:
        assert sorted(task.presented_order) == sorted(c.id for c in task.candidates)
        orders[task.prompt.id].add(task.presented_order)
    assert all(len(found) == 2 for found in orders.values())


def test_gold_items_stand_among_the_others_once_each() -> None:
    gold = [item(n, name="gold", gold=True) for n in range(50)]
    settings = AssignSettings(overlap=1, gold_ratio=0.1)
    items = [item(n) for n in range(900)]
    tasks = list(assign(items, RATERS[:3], "j", "ranking", settings, 0, gold=gold))
    known = Counter(task.rater for task in tasks if task.gold)
    assert all(abs(count - 33) <= 1 for count in known.values())  # 300 tasks, one in each 9
    assert len({(t.rater, t.prompt.id) for t in tasks if t.gold}) == sum(known.values())
    mine = [bool(task.gold) for task in tasks if task.rater == "r_0"]
    gaps = [b - a for a, b in itertools.pairwise(n for n, flag in enumerate(mine) if flag)]
    assert len(set(gaps)) > 3  # a rater cannot count them out


def test_too_few_gold_items_simply_run_out() -> None:
    gold = [item(0, name="gold", gold=True)]
    settings = AssignSettings(gold_ratio=0.5)
    tasks = list(
        assign([item(n) for n in range(20)], RATERS[:1], "j", "ranking", settings, 0, gold=gold)
    )
    assert sum(bool(task.gold) for task in tasks) == 1


def test_qualification_comes_first_in_a_batch_of_its_own() -> None:
    first = [item(n, name="q", gold=True) for n in range(3)]
    tasks = list(
        assign([item(0)], RATERS[:2], "j", "ranking", AssignSettings(), 0, qualification=first)
    )
    head = tasks[:6]
    assert all(task.qualification and task.gold for task in head)
    assert {task.batch for task in head} == {"r_0-qualification", "r_1-qualification"}
    assert not any(task.qualification for task in tasks[6:])


@pytest.mark.parametrize(
    ("kind", "per_item", "shown"), [("pairwise", 6, 2), ("rating", 4, 1), ("ranking", 1, 4)]
)
def test_kinds_show_pairs_single_answers_or_all(kind: str, per_item: int, shown: int) -> None:
    tasks = list(assign([item(0)], RATERS[:1], "j", kind, AssignSettings(), 0))  # type: ignore[arg-type]
    assert [len(task.candidates) for task in tasks] == [shown] * per_item
    assert len({task.id for task in tasks}) == per_item


def test_gold_tiers_of_a_pair_hold_the_pair_only() -> None:
    gold = [item(0, k=3, name="g", gold=True)]
    tasks = list(
        assign([item(0)], RATERS[:1], "j", "pairwise", AssignSettings(), 0, qualification=gold)
    )
    for task in tasks[:3]:
        assert {name for tier in task.gold for name in tier} == set(task.presented_order)


def test_batches_are_bounded_and_whole() -> None:
    tasks = made([item(n) for n in range(100)], RATERS[:3], overlap=2, batch_size=7)
    found = list(batches(tasks))
    assert Counter(task.id for some in found for task in some) == Counter(task.id for task in tasks)
    assert len({some[0].batch for some in found}) == len(found)
    for some in found:
        assert len({task.batch for task in some}) == 1
        assert len(some) <= 7


def test_no_raters_is_an_error() -> None:
    with pytest.raises(InputError, match="no raters"):
        made([item(0)], [])


def test_reading_time_counts_words_and_characters() -> None:
    settings = CostSettings(words_per_minute=100, characters_per_minute=200)
    assert reading_minutes("one two three four", settings) == pytest.approx(0.04)
    assert reading_minutes("一二三四五六七八九十", settings) == pytest.approx(0.05)
    assert reading_minutes("GPU 很快 ok", settings) == pytest.approx(2 / 200 + 2 / 100)


def test_the_estimate_by_hand() -> None:
    settings = CostSettings(
        wage=30, words_per_minute=100, decide_minutes=0.5, write_minutes=8, fee_ratio=0.1
    )
    estimate = Estimate(settings, scales=1)
    tasks = list(estimate.count(made([item(n) for n in range(3)], RATERS[:2], overlap=2)))
    # prompt "p 0" is 2 words, four answers of 2 words: 10 words = 0.1 min; 4 x (1+1) x 0.5 = 4 min
    assert estimate.tasks == len(tasks) == 6
    assert estimate.hours == pytest.approx(6 * 4.1 / 60)
    assert estimate.cost == pytest.approx(6 * 4.1 / 60 * 30 * 1.1)
    assert "6 tasks x 4.1 minutes" in estimate.describe()
