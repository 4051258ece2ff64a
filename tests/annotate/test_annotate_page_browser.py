"""The offline page in a real Chromium, by pointer and by keyboard, and its file read back.

pytest -m browser tests/annotate/test_annotate_page_browser.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from annotate_cases import LONG, SCRIPT, made_job

from benchmarks import chromium
from corpusforge.annotate.records import Ranking, Task
from corpusforge.annotate.targets import find_target

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(chromium.lacking()), reason=chromium.lacking() or "-"),
]


@pytest.fixture(scope="module")
def running():
    with chromium.browser() as browser:
        yield browser


@pytest.fixture
def opened(running, tmp_path: Path):
    """Write a job's pages; return a function that opens the first rater's and collects its errors."""
    contexts = []

    def open_(kind="ranking", k=4, count=3, ties=True, **options):
        job, tasks = made_job(tmp_path / "job", kind=kind, k=k, count=count, ties=ties)
        path = find_target("html").write(tasks, job, str(tmp_path / "html"))[0]
        mine = [task for task in tasks if task.batch == tasks[0].batch]
        context = running.new_context(viewport={"width": 1280, "height": 960}, **options)
        contexts.append(context)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on(
            "console", lambda said: page.errors.append(said.text) if said.type == "error" else None
        )
        page.on("request", lambda asked: page.errors.append(asked.url)
                if not asked.url.startswith(("file:", "blob:")) else None)  # fmt: skip
        page.goto(Path(path).as_uri())
        return page, job, mine

    yield open_
    for context in contexts:
        context.close()


def saved(page, tmp_path: Path) -> str:
    with page.expect_download() as waiting:
        page.click("#save")
    path = str(tmp_path / waiting.value.suggested_filename)
    waiting.value.save_as(path)
    return path


def read(path: str, job, tasks: list[Task]) -> dict[str, Ranking]:
    rows = list(find_target("html").read([path], {task.id: task for task in tasks}, job))
    assert all(isinstance(row, Ranking) for row in rows), rows
    return {row.task: row for row in rows}


def drag(page, source: str, zone: str) -> None:
    start = page.locator(source).bounding_box()
    end = page.locator(f'.zone[data-place="{zone}"]').bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=8)
    page.mouse.up()


def test_pointer_drag_ties_and_cannot_rank_come_back_as_they_were_placed(opened, tmp_path) -> None:
    page, job, tasks = opened()
    page.click("#enter")
    a, b, c, d = tasks[0].presented_order
    drag(page, f'.chip[data-id="{a}"]', "2")
    drag(page, f'.chip[data-id="{b}"]', "1")
    drag(page, f'.answer[data-id="{c}"] .badge', "1")
    page.click(f'.answer[data-id="{d}"] [data-place="x"]')
    page.locator(f'.answer[data-id="{a}"] input[type=radio][value="6"]').check()
    page.locator(f'.answer[data-id="{a}"] input[value="made_up"]').check()
    page.locator(f'.answer[data-id="{a}"] textarea').fill("评语 <i>fine</i>")
    page.click("#confirm")
    assert page.inner_text("#number").startswith(("Task 2", "第 2"))
    page.click("#cannot")
    page.click("#confirm")
    path = saved(page, tmp_path)
    assert json.loads(Path(path).read_text())["drafts"] == []
    found = read(path, job, tasks)
    assert found[tasks[0].id].tiers == ((b, c), (a,))
    assert found[tasks[0].id].unrankable == (d,)
    assert found[tasks[0].id].confirmed is True
    assert found[tasks[0].id].lead_time > 0
    (rating,) = found[tasks[0].id].ratings
    assert (rating.candidate, rating.scores, rating.flags) == (a, (("overall", 6.0),), ("made_up",))
    assert rating.comment == "评语 <i>fine</i>"
    assert found[tasks[1].id].cannot_rank is True
    assert set(found[tasks[1].id].unrankable) == set(tasks[1].presented_order)
    assert len(found) == 2
    assert page.errors == []


def test_the_keyboard_alone_is_enough(opened, tmp_path) -> None:
    page, job, tasks = opened()

    def reach(selector: str) -> None:
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached with Tab")

    reach("#enter")
    page.keyboard.press("Enter")
    for task in tasks:
        a, b, c, d = task.presented_order
        for name, key in ((a, "3"), (b, "1"), (c, "1")):
            reach(f'.chip[data-id="{name}"]')
            page.keyboard.press(key)
        reach(f'.chip[data-id="{d}"]')
        page.keyboard.press("0")
        page.keyboard.press("ArrowUp")  # from "cannot be ranked" to the last place
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Control+Enter")
    reach("#save")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    path = str(tmp_path / "saved.json")
    waiting.value.save_as(path)
    found = read(path, job, tasks)
    for task in tasks:
        a, b, c, d = task.presented_order
        assert found[task.id].tiers == (
            tuple(sorted((b, c), key=task.presented_order.index)),
            tuple(sorted((a, d), key=task.presented_order.index)),
        )
    assert page.errors == []


def test_hostile_text_is_text(opened) -> None:
    page, _, tasks = opened(count=3, k=5)
    page.click("#enter")
    texts = {answer.id: answer.text for answer in tasks[0].candidates}
    for name, text in texts.items():
        body = page.locator(f'.answer[data-id="{name}"] .content')
        assert body.evaluate("node => node.textContent") == text
        assert body.evaluate("node => node.childElementCount") == 0
        assert body.evaluate("node => getComputedStyle(node).unicodeBidi") == "plaintext"
    assert SCRIPT in texts.values()
    assert LONG in texts.values()
    assert len(LONG) >= 50_000
    assert page.title() != "pwned"
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 1280, "a long word pushes the page aside"
    assert page.errors == []


def test_a_script_that_is_not_ours_is_not_run(opened) -> None:
    page, _, _ = opened()
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'document.title = 1';"
        " document.body.append(s); }"
    )
    assert page.title() != "1"
    assert any("Content Security Policy" in error for error in page.errors)


def test_progress_stays_in_the_browser_and_in_a_saved_file(opened, running, tmp_path) -> None:
    page, job, tasks = opened()
    page.click("#enter")
    for name in tasks[0].presented_order:
        page.click(f'.answer[data-id="{name}"] [data-place="1"]')
    page.click("#confirm")
    page.click(f'.answer[data-id="{tasks[1].presented_order[0]}"] [data-place="2"]')
    page.reload()
    assert "1" in page.inner_text("#count")
    assert page.locator('.zone[data-place="2"] .chip').count() == 1, "the draft is still there"
    path = saved(page, tmp_path)
    assert len(json.loads(Path(path).read_text())["drafts"]) == 1
    other = running.new_context()
    fresh = other.new_page()
    fresh.goto(page.url)
    fresh.click("#enter")
    fresh.set_input_files("#file", path)
    fresh.wait_for_function("document.querySelector('#progress').value === 1")
    again = read_all(saved(fresh, tmp_path), job, tasks)
    assert [type(row).__name__ for row in again] == ["Ranking", "Refused"]
    assert again[0].tiers == (tasks[0].presented_order,)
    assert again[1].rule == "draft"
    other.close()


def read_all(path: str, job, tasks: list[Task]) -> list:
    return list(find_target("html").read([path], {task.id: task for task in tasks}, job))


def test_an_unfinished_ranking_is_not_confirmed(opened) -> None:
    page, _, tasks = opened(ties=False)
    page.click("#enter")
    page.click("#confirm")
    assert "A, B, C, D" in page.inner_text("#problem")
    for name in tasks[0].presented_order:
        page.click(f'.answer[data-id="{name}"] [data-place="1"]')
    page.click("#confirm")
    assert page.inner_text("#number").startswith("Task 1"), "this job takes no ties"
    page.click("#language")
    assert page.inner_text("#number").startswith("第 1")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"


@pytest.mark.parametrize("kind", ["rating", "demonstration"])
def test_other_kinds_of_job(opened, tmp_path, kind: str) -> None:
    page, job, tasks = opened(kind=kind, k=2 if kind == "rating" else 0)
    page.click("#enter")
    page.click("#confirm")
    assert page.locator("#problem").is_visible()
    if kind == "rating":
        for name in tasks[0].presented_order:
            page.locator(f'.answer[data-id="{name}"] input[value="7"]').check()
    else:
        page.fill("textarea.long", "我的回答\nline two")
    page.click("#confirm")
    found = read(saved(page, tmp_path), job, tasks)[tasks[0].id]
    if kind == "rating":
        assert [one.scores for one in found.ratings] == [(("overall", 7.0),)] * 2
    else:
        assert found.text == "我的回答\nline two"
