"""Duplicates, overlaps, the stream and two runs in a real Chromium, on the embedded sample.

pytest -m browser tests/view
"""

from __future__ import annotations

import re

import pytest
from view_runs import served, stored, told, watched

from benchmarks import chromium

pytest.importorskip("duckdb")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(chromium.lacking()), reason=chromium.lacking() or "-"),
]


@pytest.fixture(scope="module")
def server(run, stricter):
    with served(run, stricter) as own:
        yield own


@pytest.fixture
def page(running, server):
    with watched(running, server) as page:
        page.wait_for_selector(".rule")
        yield page
        assert page.evaluate("document.documentElement.scrollWidth") == 1000


def test_copies_stand_beside_each_other(page, run) -> None:
    from playwright.sync_api import expect

    page.keyboard.press("4")
    page.wait_for_selector("#copies-list .document")
    removed = stored(run, "duplicates/part-*.parquet")
    told(page, "#copies-told", f"{len(removed)} removed")
    first = page.locator("#copies-list .document").first
    boxes = [first.locator(".content").nth(n).bounding_box() for n in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert first.locator("mark").count() > 1
    first.locator(".content").first.evaluate("box => box.scrollTop = 60")
    expect(first.locator(".content").nth(1)).to_have_js_property("scrollTop", 60)
    page.select_option("#copies-method", "exact")
    exact = sum(row["method"] == "exact" for row in removed)
    told(page, "#copies-told", f"{exact} removed")
    told(page, "#copies-list", "the texts are equal")
    assert page.locator("#copies-list mark").count() == 0
    page.locator("#copies-list .document").first.focus()
    page.keyboard.press("Enter")
    told(page, "#history-lines", "duplicate:")


def test_an_overlap_is_read_beside_its_item(page, run) -> None:
    page.keyboard.press("5")
    page.wait_for_selector("#overlaps-list .document")
    assert page.locator("#overlaps-list .document").count() == len(stored(run, "contamination"))
    card = page.locator("#overlaps-list .document:has-text('quiz zh-01')")
    marks = card.locator("mark").all_inner_texts()
    assert len(marks) > 1
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in mark) for mark in marks)


def test_the_stream_is_read_by_pointer_and_by_arrows(page, run) -> None:
    page.keyboard.press("6")
    page.wait_for_selector("#read .document")
    rows = stored(run, "shards/train")
    assert page.locator("#mix-rows tr").count() == len({row["source"] for row in rows})
    assert page.input_value("#number") == "0"
    page.locator("#main").focus()
    page.keyboard.press("ArrowRight")
    told(page, "#read-told", "from id 512 of")
    page.locator("#strip").click(position={"x": 300, "y": 20})
    page.wait_for_url(re.compile(r"number=(?!1&)\d+"))
    number = int(re.search(r"number=(\d+)", page.url)[1])
    told(page, "#read-told", f"from id {512 * number:,} of")
    here = [row for row in rows if row["start"] < (number + 1) * 512
            and row["start"] + row["tokens"] > number * 512]  # fmt: skip
    assert page.locator("#read .document b").all_inner_texts() == [row["source"] for row in here]
    colours = page.eval_on_selector_all(
        "#read .document", "all => all.map((one) => getComputedStyle(one).borderInlineStartColor)"
    )
    assert len(set(colours)) == len({row["source"] for row in here})
    page.locator("#read .why").first.click()
    told(page, "#history-lines", "in the train stream")


def test_what_changed_hands_is_opened(page) -> None:
    page.keyboard.press("7")
    told(page, "#beside-settings", "words_low: none → 250")
    row = page.locator("#moves tr:has-text('kept'):has-text('gopher_quality.v1:words')").first
    number = int(row.locator("td").last.inner_text())
    row.locator("button").click()
    told(page, "#move-name", f"kept → filter · gopher_quality.v1:words: {number}")
    assert page.locator("#changed .document").count() == min(number, 20)
    page.go_back()
    told(page, "#move-name", "Choose a line")
