"""Job directories: written, verified, read back, forged."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from corpusforge.annotate.guidelines import guidelines, rubric, rubrics, warning
from corpusforge.annotate.jobs import (
    Job,
    Words,
    open_tasks,
    read_job,
    read_tasks,
    task_id,
    write_job,
)
from corpusforge.annotate.records import Candidate, Prompt, Task
from corpusforge.errors import InputError
from corpusforge.models.records import Message

JOB = Job(id="j_0123456789ab", kind="ranking", k=0, seed=7, raters=("r_a", "r_b"))
ANSWERS = (
    Candidate(id="c_aa", text="first\u2028line\u0085separators", model="m1"),
    Candidate(id="c_bb", text="第二个回答 😀", model="m2"),
    Candidate(id="c_cc", text='<script>alert("x")</script>\n', model="m1"),
)


def tasks(*, raters: tuple[str, ...] = ("r_a", "r_b"), prompts: int = 3) -> list[Task]:
    made = []
    for number in range(prompts):
        prompt = Prompt(
            id=f"p_{number}", messages=(Message("user", f"问题 {number}"),), origin="user"
        )
        for rater in raters:
            made.append(
                Task(
                    id=task_id(JOB.id, prompt.id, [c.id for c in ANSWERS], rater),
                    job=JOB.id, kind="ranking", prompt=prompt, candidates=ANSWERS,
                    presented_order=("c_bb", "c_cc", "c_aa"), rater=rater, batch=f"{rater}-0001",
                    gold=(("c_aa",), ("c_bb", "c_cc")),
                )
            )  # fmt: skip
    return made


def test_a_job_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = write_job(str(tmp_path), JOB, iter(tasks()))
    assert (written.tasks, written.prompts, written.k) == (6, 3, 3)
    assert read_job(str(tmp_path)) == written
    assert list(read_tasks(str(tmp_path))) == tasks()


def test_tasks_are_found_by_id_in_any_order(tmp_path: Path) -> None:
    write_job(str(tmp_path), JOB, tasks())
    opened = open_tasks(str(tmp_path))
    for task in reversed(tasks()):
        assert opened[task.id] == task
    assert list(opened) == [task.id for task in tasks()]
    assert "t_0000000000000000" not in opened
    with pytest.raises(KeyError):
        opened["t_0000000000000000"]


def test_the_same_job_has_the_same_bytes_and_checksum(tmp_path: Path) -> None:
    first = write_job(str(tmp_path / "a"), JOB, tasks())
    second = write_job(str(tmp_path / "b"), JOB, tasks())
    assert first == second
    for name in ("job.json", "tasks.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tasks.jsonl", "问题 1", "问题 7"),
        ("tasks.jsonl", '["c_bb","c_cc","c_aa"]', '["c_aa","c_cc","c_bb"]'),
        ("job.json", '"seed": 7', '"seed": 8'),
        ("job.json", '"overlap": 1', '"overlap": 2'),
    ],
)
def test_a_changed_byte_is_noticed(tmp_path: Path, file: str, old: str, new: str) -> None:
    write_job(str(tmp_path), JOB, tasks())
    path = tmp_path / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match="do not match the checksum"):
        read_job(str(tmp_path))
    assert read_job(str(tmp_path), verify=False).id == JOB.id


def test_a_damaged_line_names_its_place(tmp_path: Path) -> None:
    write_job(str(tmp_path), JOB, tasks())
    path = tmp_path / "tasks.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2][:50]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"tasks\.jsonl:3"):
        list(read_tasks(str(tmp_path)))


def test_no_job_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no job"):
        read_job(str(tmp_path))


def test_earlier_checksums_are_accepted() -> None:
    job = replace(JOB, checksum="new", earlier=("old",))
    assert [job.accepts(c) for c in ("new", "old", "other", "")] == [True, True, False, False]


def test_task_ids_depend_on_every_part_and_not_on_the_order_of_answers() -> None:
    base = task_id("j", "p", ["c_a", "c_b"], "r")
    assert re.fullmatch(r"t_[0-9a-f]{16}", base)
    assert task_id("j", "p", ["c_b", "c_a"], "r") == base
    others = [
        task_id("k", "p", ["c_a", "c_b"], "r"), task_id("j", "q", ["c_a", "c_b"], "r"),
        task_id("j", "p", ["c_a", "c_c"], "r"), task_id("j", "p", ["c_a", "c_b"], "s"),
    ]  # fmt: skip
    assert len({base, *others}) == 5


def test_words_fall_back_to_english() -> None:
    assert Words("a", "甲").say("zh-Hant") == "甲"
    assert Words("a", "甲").say("fr") == "a"
    assert Words("a").say("zh") == "a"


def test_rubrics_and_guidelines_are_whole_in_both_languages() -> None:
    assert [name.split(".")[0] for name in rubrics()] == [
        "assistant", "blenderbot3", "hhh", "instructgpt", "lamda", "sparrow",
    ]  # fmt: skip
    for name in rubrics():
        found = rubric(name)
        assert found.source.url.startswith("https://arxiv.org/abs/"), name
        parts = [*found.scales, *found.flags, *found.rules]
        assert len({part.name for part in parts}) == len(parts) > 0, name
        for part in parts:
            assert part.title.en, part.name
            assert re.search("[\u4e00-\u9fff]", part.title.zh), part.name
    for kind in ("ranking", "pairwise", "rating", "demonstration", "dialogue", "red_team"):
        version, text = guidelines(kind)
        assert version == f"{kind}.v1"
        assert text.en.startswith("# ")
        assert re.search("[\u4e00-\u9fff]", text.zh)
    assert "Content warning" in warning().en


def test_instructgpts_metadata_is_all_there() -> None:
    # Ouyang et al. 2022, table 3: one Likert item 1-7 and these binary ones.
    found = rubric("instructgpt.v1")
    assert [(s.name, s.low, s.high) for s in found.scales] == [("overall", 1, 7)]
    assert {flag.name for flag in found.flags} == {
        "fails_instruction", "inappropriate_for_assistant", "hallucination",
        "satisfies_constraint", "sexual", "violent", "encourages_harm", "denigrates",
        "harmful_advice", "opinion", "moral_judgement",
    }  # fmt: skip


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="instructgpt"):
        rubric("instructgtp.v1")
    with pytest.raises(InputError, match="ranking"):
        guidelines("rankings")


def test_job_json_is_plain_json(tmp_path: Path) -> None:
    write_job(str(tmp_path), JOB, tasks())
    table = json.loads((tmp_path / "job.json").read_text(encoding="utf-8"))
    assert table["schema"] == "corpusforge.job/1"
    assert table["raters"] == ["r_a", "r_b"]
