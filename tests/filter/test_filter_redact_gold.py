"""The labelled set: every positive is replaced, every look-alike stays."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from corpusforge.errors import RecipeError
from corpusforge.filter.redact import redact

JOINT = (
    "\u2040"  # keys stand in the file in pieces, so that no push scanner takes them for live ones
)
GOLD = [
    json.loads(line)
    for line in (Path(__file__).parent / "redact_gold.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("row", GOLD, ids=range(len(GOLD)))
def test_gold(row):
    text = row["text"].replace(JOINT, "")
    expected, position = [], 0
    for marked, label in row["hits"]:
        original = marked.replace(JOINT, "")
        at = text.index(original, position)
        expected += [text[position:at], label]
        position = at + len(original)
    expected.append(text[position:])
    found = redact(text, ("pii.v1", "secrets.v1"))
    assert found.text == "".join(expected)
    assert found.counts == dict(Counter(label for _, label in row["hits"]))


def test_redacting_twice_changes_nothing():
    for row in GOLD:
        once = redact(row["text"].replace(JOINT, "")).text
        assert redact(once).text == once


def test_rules_are_separate():
    text = 'a.b@mail.org password = "Tr0ub4dor&3x"'
    assert redact(text, ("pii.v1",)).counts == {"<EMAIL>": 1}
    assert redact(text, ("secrets.v1",)).counts == {"<SECRET:assigned>": 1}
    assert redact(text, ()).text == text


def test_unknown_rule():
    with pytest.raises(RecipeError, match=r"'pii.v2' is unknown. Did you mean 'pii.v1'"):
        redact("x", ("pii.v2",))
