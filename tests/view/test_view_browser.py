"""The page in a real Chromium, by pointer and by keyboard, on hostile, Chinese and right-to-left documents.

pytest -m browser tests/view/test_view_browser.py
"""

from __future__ import annotations

from pathlib import Path

import pytest
from view_runs import HOSTILE, make, served, told, watched

from benchmarks import chromium

pytest.importorskip("duckdb")

from corpusforge.view.tables import open_run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(chromium.lacking()), reason=chromium.lacking() or "-"),
]
RULE = "light.v1:words"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with served(make(tmp_path_factory.mktemp("forum"))) as own:
        yield own


@pytest.fixture
def page(running, server):
    """The page at 1,000 px; the test fails on any error of it and any request to elsewhere."""
    with watched(running, server) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.wait_for_selector(".rule")
        yield page
        assert page.title() == "forum · corpusforge view"  # no document's script has run
        assert page.locator("img").count() == 0


def test_a_rule_shows_its_documents_as_text(page) -> None:
    page.click(f".rule:has-text('{RULE}')")
    page.wait_for_selector("#dropped .document")
    assert page.inner_text("#rule") == f"{RULE} at filter: 6 dropped"
    assert page.locator("#dropped .document").count() == 6
    assert HOSTILE in page.locator("#dropped .content").all_text_contents()
    page.select_option("#rule-lang", "zh")
    told(page, "#rule", "3 dropped")
    assert page.locator("#dropped .document").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") == 1000


def test_persian_stands_at_the_right_and_chinese_at_the_left(page) -> None:
    page.click(f".rule:has-text('{RULE}')")
    page.wait_for_selector("#dropped .document")
    place = """(letters) => {
        const boxes = [...document.querySelectorAll('#dropped .content')];
        const box = boxes.find((p) => p.textContent.includes(letters));
        const range = document.createRange();
        range.selectNodeContents(box.firstChild);
        const [own, all] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
        return [own.left - all.left, all.right - own.right];
    }"""
    left, right = page.evaluate(place, "کشتی")
    assert left > 50 > right
    left, right = page.evaluate(place, "沙发")
    assert right > 50 > left


def test_a_bound_is_moved_and_copied(page) -> None:
    page.click(f".rule:has-text('{RULE}')")
    page.click("#move")
    told(page, "#total", "the run kept 5")
    assert "6 come back" not in page.inner_text("#total")
    page.fill("#value", "10")
    told(page, "#total", "10 of 11")
    assert page.inner_text("#total").endswith("(the run kept 5); 5 come back, 0 go.")
    row = page.locator("#counts tr:has(td:text-is('zh'))").all_inner_texts()
    assert [text.split() for text in row] == [["forum", "zh", "4", "1", "3", "2", "0"]]
    page.wait_for_selector("#near-dropped .document")
    assert page.locator("#near-dropped .document").count() == 1
    page.click("#copy")
    told(page, "#line", "copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == '[filter.bounds."light.v1"]\nwords_low = 10'
    page.focus("#slider")
    page.keyboard.press("Home")
    told(page, "#total", "11 of 11")


def test_what_was_copied_is_what_a_run_then_does(page, tmp_path: Path, server) -> None:
    page.goto(f"{server.url}#panel=bound&measure={RULE}")
    page.wait_for_selector("#counts tr")
    page.fill("#value", "10")
    page.click("#option")
    told(page, "#line", "copied")
    option = page.evaluate("navigator.clipboard.readText()")
    assert option == "--set 'filter.bounds.\"light.v1\".words_low=10'"
    run = make(tmp_path, "--set", option.removeprefix("--set ").strip("'"))
    again = open_run(str(run))
    assert again.rows("SELECT count(*) AS n FROM documents") == [{"n": 10}]


def test_it_is_worked_by_keys_alone(page) -> None:
    page.keyboard.press("/")
    page.wait_for_selector("#search:not([hidden])")
    page.keyboard.type("沙发")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results .document")
    assert page.inner_text("#found") == "4 found"
    assert page.locator("#results mark").first.inner_text() == "沙发"
    page.keyboard.press("Tab")
    page.locator("#main").focus()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_selector("#history[open]")
    assert page.locator("#history-text .content").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector("#history:not([open])", state="hidden")
    page.keyboard.press("2")
    page.wait_for_selector("#bound:not([hidden])")
    page.keyboard.press("1")
    page.wait_for_selector("#funnel:not([hidden])")
    page.go_back()
    page.wait_for_selector("#bound:not([hidden])")
