"""What a rewrite says that its passage does not, against twenty cases counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpusforge.rephrase.facts import facts, foreign, kept
from corpusforge.rephrase.gate import Siblings, decide, measure, shingles
from corpusforge.rephrase.styles import Bounds
from corpusforge.rephrase.tidy import META, tidy

LINES = Path(__file__).with_name("facts.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("line", LINES)
def test_foreign_facts_are_those_a_reader_counts(line: str) -> None:
    row = json.loads(line)
    texts = (facts(row[name], row["language"]) for name in ("rewrite", "passage"))
    found = {kind: len(names) for kind, names in foreign(*texts).items()}
    assert found == {kind: row[kind] for kind in ("numbers", "dates", "names", "quotes")}


@pytest.mark.parametrize("line", LINES)
def test_a_text_keeps_all_facts_of_its_own(line: str) -> None:
    row = json.loads(line)
    own = facts(row["passage"], row["language"])
    have, there = kept(own, own)
    assert have == there
    assert not any(foreign(own, own).values())


def test_copying_is_the_share_of_verbatim_runs() -> None:
    passage = " ".join(f"word{n}" for n in range(30))
    rewrite = " ".join([f"word{n}" for n in range(10)] + [f"other{n}" for n in range(10)])
    made = measure(rewrite, passage, facts(passage, "en"), "en", 0.0)
    assert made.copied == round(3 / 13, 4)  # 20 words hold 13 runs of 8; 3 lie in the first 10
    assert made.ratio == round(20 / 30, 4)


def test_siblings_are_compared_by_jaccard() -> None:
    first = shingles("a b c d e f g h", "en")  # 4 runs of 5
    second = shingles("a b c d e f x y", "en")  # 2 of them the same
    known = Siblings()
    assert known.nearest(first) == 0.0
    known.add(first)
    assert known.nearest(first) == 1.0
    assert known.nearest(second) == 2 / 6


def test_a_bound_is_inclusive() -> None:
    passage = "one two three four five six seven eight nine ten"
    made = measure("x " * 20, passage, facts(passage, "en"), "en", 0.0)
    assert decide(made, Bounds(ratio_high=2.0)) is None
    assert decide(made, Bounds(ratio_high=1.9)) == ("length_ratio", "2", "0.1 .. 1.9")


@pytest.mark.parametrize(
    ("reply", "left"),
    [
        ("Sure! Here is the rewritten text:\n\nBees dance.", "Bees dance."),
        ("Here are the FAQs for this passage:\nQ: Why?\nA: So.", "Q: Why?\nA: So."),
        ("Bees dance.\n\nI hope this helps! Let me know if you need more.", "Bees dance."),
        ("Certainly!\n```markdown\n# Bees\nBees dance.\n```", "# Bees\nBees dance."),
        ("---\nBees dance.\n---", "Bees dance."),
        ("好的，以下是改写后的文字：\n\n蜜蜂会跳舞。\n\n希望以上内容对您有所帮助！", "蜜蜂会跳舞。"),
        ("Here is where bees dance: on the comb.", "Here is where bees dance: on the comb."),
        ("Bees dance.\nIf you move it, they learn.", "Bees dance.\nIf you move it, they learn."),
    ],
)  # fmt: skip
def test_what_stands_around_a_rewrite_is_taken_off(reply: str, left: str) -> None:
    assert tidy(reply) == (left, left != reply)


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        ("The passage describes how bees dance.", True),
        ("As requested, the facts are listed.", True),
        ("根据以上内容，蜜蜂会跳舞。", True),
        ("A passage leads from the hall to the garden.", False),
        ("Bees dance to show where flowers are.", False),
        ("这段路很长，两边种着树。", False),
    ],
)
def test_talk_about_the_task_is_seen(text: str, speaks: bool) -> None:
    assert bool(META.search(text)) == speaks
