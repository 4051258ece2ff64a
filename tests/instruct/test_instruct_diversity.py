"""Verbs and objects against labels made by hand before the rule; figures against counts by hand."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from corpusforge.instruct.diversity import bars, measure, page, plots, sunburst
from corpusforge.instruct.records import Row, Similar, Task
from corpusforge.instruct.verb_noun import verb_object

GOLD = [
    json.loads(line)
    for line in Path(__file__).with_name("verbs_gold.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize(("language", "verbs", "both"), [("en", 66, 63), ("zh", 40, 37)])
def test_agreement_with_labels_made_by_hand(language: str, verbs: int, both: int) -> None:
    # Floors: what docs/instruct_novelty.md states, of 70 English and 40 Chinese instructions.
    gold = [item for item in GOLD if item["language"] == language]
    found = [verb_object(item["instruction"], language) for item in gold]
    same = [verb == item["verb"] for (verb, _), item in zip(found, gold, strict=True)]
    pairs = [pair == (item["verb"], item["object"]) for pair, item in zip(found, gold, strict=True)]
    assert sum(same) >= verbs and sum(pairs) >= both


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("", "en", ("", "")),
        ("???", "zh", ("", "")),
        ("Write a story.", "en", ("write", "story")),
        ("PLEASE WRITE TWO STORIES", "en", ("write", "story")),
        ("What is a haiku?", "en", ("", "")),
        ("写诗", "zh", ("写", "诗")),
    ],
)
def test_verbs_by_hand(text: str, language: str, expected: tuple[str, str]) -> None:
    assert verb_object(text, language) == expected


def row(name: str, text: str, **options: object) -> Row:
    fields = {"task": name, "input": "", "output": "two words", "language": "en", **options}
    return Row(id=name, instruction=text, **fields)


ROWS = [
    row("a", "Write a story about rain", most_similar=(Similar("s", 7, 10, 10),)),
    row("b", "Write a story about rain", input="one two three"),
    row("c", "Write a poem about snow", most_similar=(Similar("s", 1, 10, 10),)),
    row("d", "List three rivers", is_classification=True),
    row("e", "写一首关于秋天的诗", language="zh", kind="cot", output="秋风"),
]


def test_measure_counts_by_hand() -> None:
    data = measure(ROWS)
    assert (data["rows"], data["instructions"], data["with_verb"]) == (5, 4, 4)
    assert data["languages"] == {"en": 4, "zh": 1} and data["kinds"] == {"instruct": 4, "cot": 1}
    assert (data["classification"], data["with_input"]) == (1, 1)
    assert data["verbs"][0] == {
        "verb": "write", "count": 2,
        "objects": [{"object": "poem", "count": 1}, {"object": "story", "count": 1}],
    }  # fmt: skip
    # 5 and 5 words, 3 words, 9 characters; the instruction that comes twice counts once
    assert data["lengths"]["instruction"]["mean"] == 5.5
    assert data["lengths"]["input"]["histogram"]["<= 4"] == 1
    assert data["lengths"]["output"]["histogram"]["<= 2"] == 5
    # the last of equal instructions speaks for both, and it has no neighbour
    assert data["nearest"]["against"] == "pool" and data["nearest"]["f1"]["0.1 to 0.2"] == 1


def test_nearness_to_seeds() -> None:
    seeds = [Task(id="s", instruction="Write a story about snow"),
             Task(id="z", instruction="写一首关于春天的诗", language="zh")]  # fmt: skip
    data = measure(ROWS, seeds)["nearest"]
    # rain/snow: 4 of 5 words; poem/story: 4 of 5; "List three rivers": nothing; 春/秋: 8 of 9
    assert data["against"] == "seeds"
    assert {name: n for name, n in data["f1"].items() if n} == {
        "0.0 to 0.1": 1, "0.8 to 0.9": 3,
    }  # fmt: skip


def test_exactly_seven_tenths_counts_above_the_bound() -> None:
    one = [row("a", "Write a story", most_similar=(Similar("s", 7, 10, 10),))]
    assert measure(one)["nearest"]["f1"]["0.7 to 0.8"] == 1


def test_plots_are_svg_and_the_same_each_time() -> None:
    drawings = plots(ROWS)
    assert drawings == plots(ROWS) and len(drawings) == 9
    for drawing in drawings:
        figure = ElementTree.fromstring(str(drawing))
        assert figure.find("svg") is not None and figure.find("figcaption") is not None
    assert plots([]) == []


def test_lengths_of_bars_are_linear_from_zero() -> None:
    figure = ElementTree.fromstring(str(bars({"a": 10, "b": 5, "c": 0}, "x")))
    widths = [float(rect.get("width", "")) for rect in figure.iter("rect")]
    assert widths == [200.0, 100.0, 0.0]


def test_text_from_a_model_stays_text() -> None:
    drawing = sunburst([{"verb": "<b>", "count": 1, "objects": []}], "<i>")
    assert "<b>" not in drawing and "<i>" not in drawing
    html = page([row("a", "Write a story")], "<script>x</script>")
    assert "<script" not in html and "http" not in html


def test_a_page_without_rows() -> None:
    assert "0 rows" in page([], "nothing")
