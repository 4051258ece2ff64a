"""The offline page as a file, and the file it saves; a browser drives it in test_annotate_page_browser.py."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from annotate_cases import SCRIPT, made_job

from corpusforge.annotate.targets import find_target

TARGET = find_target("html")


@pytest.fixture
def job(tmp_path: Path):
    return made_job(tmp_path / "job", k=5)


def parts(path: str) -> tuple[str, dict, str]:
    """The whole text, the data and the script of a page."""
    text = Path(path).read_text(encoding="utf-8")
    data, script = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)
    return text, json.loads(data), script


def test_one_page_a_batch_with_texts_escaped_and_whole(job, tmp_path: Path) -> None:
    given, tasks = job
    paths = TARGET.write(tasks, given, str(tmp_path / "out"))
    assert [Path(path).name for path in paths] == ["r_01-001.html", "r_02-001.html"]
    text, data, script = parts(paths[0])
    assert text.count("<script") == text.count("</script>") == 2, "no text ends or opens a script"
    assert SCRIPT not in text
    mine = [task for task in tasks if task.rater == "r_01"]
    for shown, task in zip(data["tasks"], mine, strict=True):
        texts = {answer.id: answer.text for answer in task.candidates}
        assert [answer["id"] for answer in shown["answers"]] == list(task.presented_order)
        assert [answer["text"] for answer in shown["answers"]] == [
            texts[name] for name in task.presented_order
        ]
    for secret in ("secret-model", "u_5ecret", "gold", "qualification"):
        assert secret not in json.dumps(data)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text
    shell = text.replace(json.dumps(data), "")
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", shell), "nothing from outside"


def test_both_languages_say_the_same_things(job, tmp_path: Path) -> None:
    given, tasks = job
    _, data, script = parts(TARGET.write(tasks, given, str(tmp_path / "out"))[0])
    english, chinese = data["words"]["en"], data["words"]["zh"]
    assert english.keys() == chinese.keys()
    for name, said in english.items():
        assert sorted(re.findall(r"\{\w+\}", said)) == sorted(re.findall(r"\{\w+\}", chinese[name]))
    for name in re.findall(r"word\(\"(\w+)\"", script):
        assert name in english


def test_a_saved_file_row_by_row(job, tmp_path: Path) -> None:
    given, tasks = job
    a, b, c, d, e = tasks[0].presented_order
    base = {"task": tasks[0].id, "tiers": [[b, a], [d]], "unrankable": [e, c], "confirmed": True,
            "lead_time": 7.5, "created": "2026-01-02T03:04:05.678Z"}  # fmt: skip
    rows = [
        base, {**base, "confirmed": False}, {**base, "tiers": [[a]]}, {**base, "task": "t_no"},
        {**base, "unplaced": [a]}, {**base, "tiers": "ab"}, 5,
    ]  # fmt: skip
    body = {"schema": "corpusforge.page/1", "job": given.id, "checksum": given.checksum,
            "answers": rows, "drafts": [base]}  # fmt: skip
    index = {task.id: task for task in tasks}
    (tmp_path / "saved.json").write_text(json.dumps(body))
    found = list(TARGET.read([str(tmp_path / "saved.json")], index, given))
    assert found[0].tiers == ((a, b), (d,))
    assert found[0].unrankable == (c, e)
    assert (found[0].lead_time, found[0].created) == (7.5, "2026-01-02T03:04:05.678000Z")
    assert [row.rule for row in found[1:]] == [
        "draft", "partial", "unknown_task", "duplicate_candidate", "malformed", "malformed", "draft",
    ]  # fmt: skip
    for key, value in (("checksum", "0"), ("job", "j_other")):
        (tmp_path / "saved.json").write_text(json.dumps({**body, key: value}))
        found = list(TARGET.read([str(tmp_path / "saved.json")], index, given))
        assert {row.rule for row in found} == {"wrong_job", "malformed"}
    (tmp_path / "saved.json").write_text(json.dumps({**body, "schema": "corpusforge.page/9"}))
    (row,) = TARGET.read([str(tmp_path / "saved.json")], index, given)
    assert row.rule == "malformed"
