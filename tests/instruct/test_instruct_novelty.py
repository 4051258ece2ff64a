"""The gate decides as brute force does: rouge_score, and the recurrence of the LCS written out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.errors import InputError
from corpusforge.instruct import seeds
from corpusforge.instruct.novelty import Gate, Verdict
from corpusforge.instruct.profile import profile

EN, ZH = profile("en"), profile("zh")


def lcs(a: list[str], b: list[str]) -> int:
    """Longest common subsequence by the textbook table."""
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for j, y in enumerate(b):
            above = row[j + 1]
            row[j + 1] = diagonal + 1 if x == y else max(above, row[j])
            diagonal = above
    return row[-1]


def brute(pool: list[str], text: str) -> list[tuple[Fraction, int]]:
    """(L/(m+n) as a fraction, -place) of the members that share a token, nearest first."""
    left = EN.tokens(text)
    rows = []
    for place, member in enumerate(pool):
        right = EN.tokens(member)
        common = lcs(left, right)
        if common:
            rows.append((Fraction(common, len(left) + len(right)), -place))
    return sorted(rows, reverse=True)


def filled(texts: list[str], top_profile=EN, **options: int) -> Gate:
    gate = Gate(top_profile, **options)
    for place, text in enumerate(texts):
        gate.add(str(place), text)
    return gate


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "你", "好"]), max_size=9)
LONG = st.lists(st.sampled_from([f"w{k}" for k in range(12)]), min_size=55, max_size=140)


@given(st.lists(st.one_of(WORDS, LONG), max_size=12), st.one_of(WORDS, LONG))
def test_every_verdict_and_every_neighbour_equals_brute_force(pool, candidate) -> None:
    texts, text = [" ".join(words) for words in pool], " ".join(candidate)
    gate, expected = filled(texts), brute([" ".join(words) for words in pool], text)
    accepted = not expected or expected[0][0] <= Fraction(7, 20)
    assert gate.judge(text).accepted is accepted
    verdict = gate.judge(text, top=3)
    assert verdict.accepted is accepted
    found = [
        (Fraction(near.lcs, near.left + near.right), -int(near.id)) for near in verdict.nearest
    ]
    assert found == expected[:3]
    mean = sum(2 * float(share) for share, _ in expected) / max(1, len(texts))
    assert gate.mean(text) == pytest.approx(mean)


@given(st.lists(WORDS, min_size=1, max_size=8), WORDS, st.integers(0, 7))
def test_a_verdict_does_not_depend_on_the_order_of_the_pool(pool, candidate, turn) -> None:
    texts = [" ".join(words) for words in pool]
    turned = texts[turn % len(texts) :] + texts[: turn % len(texts)]
    text = " ".join(candidate)
    assert filled(texts).judge(text).accepted is filled(turned).judge(text).accepted


def test_exactly_seven_tenths_is_kept_whatever_the_lengths() -> None:
    # F1 = 2·7/(10+10) = 0.7 exactly; one more common token is above it. In floats 272 of the 531
    # length pairs up to 150 tokens with F1 = 0.7 come out above 0.7.
    pool = " ".join(f"w{k}" for k in range(10))
    gate = filled([pool])
    seven = " ".join([f"w{k}" for k in range(7)] + ["x", "y", "z"])
    eight = " ".join([f"w{k}" for k in range(8)] + ["x", "y"])
    assert gate.judge(seven) == Verdict(True, ()) and gate.close(seven) == ()
    assert gate.judge(eight).accepted is False
    assert gate.judge(seven, top=1).nearest[0].f1 == 0.7


def test_verdicts_equal_rouge_score_on_real_sentences(data) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer", reason="needs the extra test")
    import json

    rows = (data / "selfinstruct/user_oriented_instructions.jsonl").read_text().splitlines()
    texts = [json.loads(row)["instruction"] for row in rows]
    pool, candidates = texts[:150], [*texts[150:200], *(t.upper() + " Now." for t in texts[:30])]
    gate = filled(pool, profile("en", mode="rouge"))
    rouge = scorer.RougeScorer(["rougeL"], use_stemmer=False)
    refused = 0
    for text in candidates:
        scores = [rouge.score(text, member)["rougeL"].fmeasure for member in pool]
        verdict = gate.judge(text, top=10)
        assert verdict.accepted is (max(scores) <= 0.7)
        top = sorted(scores, reverse=True)[: len(verdict.nearest)]
        assert [near.f1 for near in verdict.nearest] == pytest.approx(top)
        assert gate.mean(text) == pytest.approx(sum(scores) / len(scores))
        refused += not verdict.accepted
    assert refused >= 25  # of the 30 copies; a few are so short that "Now." makes them new


CHINESE_COPIES = [
    ("请写一首关于春天的短诗", "请写一首关于春天的诗"),
    ("请写一首关于春天的短诗", "请你写一首关于春天的短诗。"),
    ("把下面的句子翻译成英文", "把下面这个句子翻译成英文："),
    ("用Python写一个快速排序函数", "用 python 写一个快速排序的函数！"),
    ("解释什么是机器学习，并举两个例子", "请解释什么是机器学习,并举2个例子"),
]


@pytest.mark.parametrize(("held", "copy"), CHINESE_COPIES)
def test_near_copies_in_chinese_are_caught(held: str, copy: str) -> None:
    # By hand: at most three characters differ in each pair, so F1 > 0.7.
    assert filled([held], ZH).judge(copy).accepted is False
    # The original's tokens see no Chinese at all.
    assert filled([held], profile("zh", mode="rouge")).judge("写诗。").accepted is True


def test_one_edit_of_a_chinese_seed_is_caught_and_the_seeds_are_new_to_each_other() -> None:
    # Deleting or doubling one of n tokens leaves F1 = 2(n-1)/(2n-1) or 2n/(2n+1), above 0.7 for n > 2.
    tasks = seeds.load("zh")
    gate = Gate(ZH)
    assert [task.id for task in tasks if not gate.admit(task.id, task.instruction).accepted] == []
    for task in tasks:
        text = task.instruction
        middle = next(k for k in range(len(text) // 2, len(text)) if ZH.tokens(text[k]))
        for copy in (text[:middle] + text[middle + 1 :], text[:middle] + "的" + text[middle:],
                     "请" + text, text.rstrip("。？") + "！"):  # fmt: skip
            verdict = gate.judge(copy)
            assert (verdict.accepted, verdict.nearest[0].id) == (False, task.id), copy


def test_other_chinese_tasks_are_new() -> None:
    held = [held for held, _ in CHINESE_COPIES]
    for text in ("请写一封给老师的感谢信", "把下面的数字从小到大排列", "解释为什么天空是蓝色的"):
        assert filled(held, ZH).judge(text).accepted is True


def test_admitting_adds_only_what_is_new_and_ids_are_unique() -> None:
    gate = Gate(EN)
    assert gate.admit("a", "Name three rivers of Europe").accepted is True
    verdict = gate.admit("b", "Name three rivers in Europe")
    assert (verdict.accepted, [near.id for near in verdict.nearest]) == (False, ["a"])
    assert (len(gate), "a" in gate, "b" in gate) == (1, True, False)
    with pytest.raises(InputError, match="'a'"):
        gate.add("a", "Something else")


def test_a_text_without_tokens_is_new_and_near_to_nothing() -> None:
    gate = filled(["Name three rivers", "?!"])
    for text in ("", "…", "?!"):
        assert gate.judge(text, top=5) == gate.judge(text)
        assert gate.judge(text).accepted is True and gate.judge(text).nearest == ()


def test_a_threshold_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="7/10"):
        Gate(EN, numerator=7, denominator=10)


def test_every_close_member_is_found_however_many() -> None:
    texts = [f"Name three rivers of country {k}" for k in range(60)] + ["Write a poem about rain"]
    near = filled(texts).close("Name three rivers of country 7")
    assert [item.id for item in near[:2]] == ["7", "0"] and len(near) == 60
    assert filled(texts).close("Sing me a song") == ()


@pytest.mark.slow
def test_decisions_in_a_large_pool_equal_a_textbook_table(data) -> None:
    from benchmarks.novelty import data_sentences, shuffled, textbook

    found = dict.fromkeys(" ".join(text.split()) for text in data_sentences(data))
    texts = shuffled([text for text in found if len(text.split()) > 3])
    pool, candidates = texts[:30_000], texts[30_000:31_000]
    gate, names = filled(pool), {}
    rows = [[names.setdefault(t, len(names)) for t in EN.tokens(text)] for text in pool]
    lengths = np.array([len(row) for row in rows])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    tokens = np.array([token for row in rows for token in row], dtype=np.int32)
    common, refused = np.zeros(len(pool), dtype=np.int64), 0
    for text in candidates:
        left = np.array([names.get(t, -1) for t in EN.tokens(text)], dtype=np.int32)
        textbook(left, tokens, starts, lengths, common)
        sizes = lengths + len(left)
        verdict = gate.judge(text, top=10)
        assert verdict.accepted is not bool(np.any(20 * common > 7 * sizes))
        assert verdict == Verdict(gate.judge(text).accepted, verdict.nearest)
        order = np.argsort(-common / np.maximum(sizes, 1), kind="stable")[:10]
        assert [item.f1 for item in verdict.nearest] == pytest.approx(
            [2 * common[k] / sizes[k] for k in order if common[k]]
        )
        refused += not verdict.accepted
    assert 100 < refused < 500


def test_a_lower_threshold_refuses_more() -> None:
    held, text = "Name three rivers of Europe", "Name three lakes of Asia"  # F1 = 6/10
    assert filled([held]).judge(text).accepted is True
    assert filled([held], numerator=1, denominator=4).judge(text).accepted is False
