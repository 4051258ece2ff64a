"""Instruct rows and rankings in a real Chromium: the trace, reading by keys, pairs.

pytest -m browser tests/view
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from view_runs import JOURNAL, served, told, watched

from benchmarks import chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(chromium.lacking()), reason=chromium.lacking() or "-"),
]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return tmp_path / "labels"


@pytest.fixture
def page(running, rows_output, labels):
    choice = {"journal": str(JOURNAL), "labels": str(labels), "reader": "anna", "rows": 6}
    with served(rows_output, **choice) as server, watched(running, server) as page:
        page.wait_for_selector("#rows-list .document")
        yield page
        assert page.evaluate("document.documentElement.scrollWidth") == 1000


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_refused_candidate_is_traced(page) -> None:
    page.select_option("#rows-rule", label="refused: generate · near_copy (8)")
    told(page, "#rows-told", "8 candidates refused")
    page.locator("#main").focus()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#trace[open]")
    told(page, "#trace-told", "Refused at generate by near_copy")
    assert page.locator("#trace-told mark").count() > 0
    page.click("#trace summary")
    told(page, "#trace-told", "You invent tasks for a text-only language assistant.")
    page.keyboard.press("Escape")
    page.wait_for_selector("#trace:not([open])", state="hidden")


def test_rows_are_read_by_keys_and_written_at_once(page, labels) -> None:
    page.keyboard.press("2")
    told(page, "#read-told", "anna: row 1 of 6, 0 read")
    page.keyboard.press("s")
    told(page, "#read-told", "row 2 of 6, 1 read")
    page.keyboard.press("x")
    page.wait_for_selector("#why:focus")
    page.keyboard.type("swaps 因果")
    page.keyboard.press("Enter")
    told(page, "#read-told", "row 3 of 6, 2 read")
    file = lines(labels / "anna.jsonl")
    assert [(row["label"], row["why"]) for row in file[:3]] == [
        ("sound", ""),
        ("wrong", "swaps 因果"),
        ("", ""),
    ]
    page.keyboard.press("ArrowLeft")
    told(page, "#read-told", "row 2 of 6")
    assert page.input_value("#why") == "swaps 因果"
    page.keyboard.press("u")
    told(page, "#read-told", "row 2 of 6, 1 read")
    assert lines(labels / "anna.jsonl")[1]["label"] == ""
    page.keyboard.press("3")
    told(page, "#readers", "anna")
    told(page, "#alpha", "One reader so far")


def test_two_readers_see_where_they_differ(page, labels, running, rows_output) -> None:
    page.keyboard.press("2")
    for key in "ss":
        told(page, "#read-told", "0 read" if not labels.exists() else "1 read")
        page.keyboard.press(key)
    told(page, "#read-told", "row 3 of 6, 2 read")
    choice = {"labels": str(labels), "reader": "ben"}
    with served(rows_output, **choice) as server, watched(running, server) as other:
        other.wait_for_selector("#rows-list .document")
        other.keyboard.press("2")
        told(other, "#read-told", "ben: row 1 of 6, 0 read")
        other.keyboard.press("s")
        told(other, "#read-told", "row 2 of 6, 1 read")
        other.keyboard.press("w")
        told(other, "#read-told", "2 read")
        other.keyboard.press("Enter")
        told(other, "#read-told", "row 3 of 6")
        other.keyboard.press("3")
        told(other, "#kappas", "1 (50.0")
        told(other, "#apart-told", "of what you have read: 1")
        assert other.locator("#apart .said li").all_inner_texts() == ["anna: sound", "ben: weak"]


def test_rankings_pairs_and_raters(running, rankings_output) -> None:
    with served(rankings_output) as server, watched(running, server) as page:
        page.wait_for_selector("#prompts-list .document")
        told(page, "#prompts-told", "16 prompts")
        first = page.locator("#prompts-list .document").first
        assert first.locator("td.apart").count() > 0
        page.fill("#prompts-words", "parcel")
        page.keyboard.press("Enter")
        told(page, "#prompts-told", "1 prompts")
        page.locator("#main").focus()
        page.keyboard.press("2")
        page.wait_for_selector("#pairs-list .document")
        told(page, "#pairs-told", "95 pairs")
        assert page.locator("#pairs-list mark").count() > 0
        page.locator("#main").focus()
        page.keyboard.press("3")
        told(page, "#agreement", "Krippendorff's α")
        assert page.locator("#rater-rows tr").count() == 4
        assert page.evaluate("document.documentElement.scrollWidth") == 1000
