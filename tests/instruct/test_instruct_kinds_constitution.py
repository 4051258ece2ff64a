"""Critique and revision: a row by hand, each way to stay as it was, preferences, a whole run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kinds_kit import ALL_REPLIES, Script
from loop_kit import Told

from corpusforge.annotate.imports.state import read_rankings
from corpusforge.annotate.jobs import read_job, read_tasks
from corpusforge.errors import InputError, RecipeError
from corpusforge.instruct.accounts import Origin
from corpusforge.instruct.constitution import constitution, make_revisions
from corpusforge.instruct.constitution.preferences import rankings
from corpusforge.instruct.constitution.run import job
from corpusforge.instruct.constitution.settings import Settings
from corpusforge.instruct.records import Lineage, Row
from corpusforge.instruct.session import run
from corpusforge.models.client import Client

ROW = Row(
    id="r1", task="t1", instruction="Name a river.", input="", output="The Elbe, of course!",
    language="en", lineage=Lineage(model="old-model"),
)  # fmt: skip
NEED, FINE = "Critique: It shows off.\nVerdict: revise", "Critique: Nothing.\nVerdict: keep"
JUDGED = {"left": "First: 9\nSecond: 1", "right": "First: 1\nSecond: 9"}


def made(replies: dict[str, list[str]], row: Row = ROW, **settings):
    law = constitution("house.v1")

    def reply(request):
        step = request.purpose.rpartition(".")[2]
        return replies[step].pop(0)

    engine = Told(reply)
    with Client(engine) as client:
        (part,) = make_revisions(
            row.language, [row], Settings(languages=(row.language,), **settings), law,
            client.complete, Origin(engine="told", model="told-1"),
            lambda rows: [None] * len(rows),
        )  # fmt: skip
    return part, engine


def test_a_revision_by_hand() -> None:
    part, engine = made({"critique": [NEED, FINE], "revise": ["The Elbe."]})
    (row,) = part.rows
    first, second = part.tables["steps.jsonl"]
    assert (row.output, row.instruction, row.task) == ("The Elbe.", "Name a river.", "t1")
    assert row.flags == (f"revised_by_{first.principle}",)
    assert (first.answer, first.critique, first.revise, first.revision) == (
        "The Elbe, of course!", "It shows off.", True, "The Elbe.",
    )  # fmt: skip
    assert (second.answer, second.revise, second.revision) == ("The Elbe.", False, "")
    assert first.principle != second.principle
    assert first.constitution == constitution("house.v1").version
    assert [len(one.requests) for one in (first, second)] == [2, 1]
    assert row.lineage.requests == tuple(one.key for one in engine.sent)
    assert row.lineage.parents == ("r1",)
    (one,) = part.tables["comparisons.jsonl"]
    assert (one.first, one.first_model, one.last, one.last_model, one.preferred) == (
        "The Elbe, of course!", "old-model", "The Elbe.", "told-1 revised", "last",
    )  # fmt: skip
    # the critique sees the principle's question, the revision its remedy
    by_id = {one.id: one for one in constitution("house.v1").principles}
    assert by_id[first.principle].critique["en"] in engine.sent[0].messages[-1].content
    assert by_id[first.principle].revise["en"] in engine.sent[1].messages[-1].content


@pytest.mark.parametrize(
    ("replies", "step", "rule"),
    [
        ({"critique": [FINE]}, None, None),
        ({"critique": ["It is fine."]}, "critique.critique", "no_verdict"),
        ({"critique": ["Critique: x\nVerdict: perhaps"]}, "critique.critique", "no_verdict"),
        ({"critique": ["Critique: what you find, in at most four sentences\nVerdict: revise"]},
         "critique.critique", "copied_prompt"),
        ({"critique": [NEED], "revise": ["The Elbe. Judge by the principle alone; point to the words."]},
         "critique.revise", "copied_prompt"),
        ({"critique": [NEED], "revise": ["  "]}, "critique.revise", "empty_output"),
        ({"critique": [NEED], "revise": ["Here is the revised answer: The Elbe."]},
         "critique.revise", "meta_talk"),
        ({"critique": [NEED], "revise": ["Name a river."]}, "critique.revise",
         "copy_of_instruction"),
        ({"critique": [NEED], "revise": ["The Elbe, of course!"]}, None, None),
    ],
)  # fmt: skip
def test_an_answer_that_stays_is_a_row_without_a_preference(replies, step, rule) -> None:
    part, _ = made(replies, rounds=1)
    assert [row.output for row in part.rows] == ["The Elbe, of course!"]
    assert part.rows[0].flags == ("unrevised",)
    assert [(one.step, one.rule) for one in part.rejects] == ([(step, rule)] if rule else [])
    assert part.tables["comparisons.jsonl"] == []


def test_the_judge_may_send_a_revision_back() -> None:
    replies = {"critique": [NEED], "revise": ["The Elbe."]}
    for verdicts, rows, preferred in (
        (["left", "right"], 1, ["last"]), (["right", "left"], 0, []), (["left", "left"], 1, ["tie"]),
    ):  # fmt: skip
        own = {**{k: list(v) for k, v in replies.items()}, "judge": [JUDGED[v] for v in verdicts]}
        part, _ = made(own, rounds=1, judge=True)
        assert len(part.rows) == rows
        assert [one.preferred for one in part.tables["comparisons.jsonl"]] == preferred
        assert [one.rule for one in part.rejects] == ([] if rows else ["judge"])
        assert len(part.tables["judgements.jsonl"]) == 1


def test_a_dialogue_keeps_its_turns_and_a_fresh_answer_is_asked_of_the_conversation() -> None:
    row = Row(
        id="r2", task="t2", instruction="Hi", input="", output="Two.", language="en", kind="dialogue",
        turns=(("user", "Hi"), ("assistant", "Hello."), ("user", "One and one?"), ("assistant", "2!")),
    )  # fmt: skip
    replies = {"first": ["Two, as ever."], "critique": [NEED], "revise": ["Two."]}
    part, engine = made(replies, row, rounds=1, fresh=True)
    assert [one.content for one in engine.sent[0].messages] == ["Hi", "Hello.", "One and one?"]
    assert part.rows[0].turns == (*row.turns[:3], ("assistant", "Two."))
    (one,) = part.tables["comparisons.jsonl"]
    assert (one.first, one.first_model) == ("Two, as ever.", "told-1")
    assert [message.content for message in one.messages] == ["Hi", "Hello.", "One and one?"]


def test_preferences_are_rankings_by_a_model() -> None:
    part, _ = made({"critique": [NEED], "revise": ["The Elbe."]}, rounds=1)
    ((task, ranking),) = rankings(part.tables["comparisons.jsonl"], "law@1", "told-1", 0)
    texts = {one.id: one.text for one in task.candidates}
    assert [[texts[one] for one in tier] for tier in ranking.tiers] == [
        ["The Elbe."], ["The Elbe, of course!"],
    ]  # fmt: skip
    assert (ranking.annotator_kind, ranking.rater, ranking.confirmed) == ("model", "m_told-1", True)
    assert set(task.presented_order) == set(texts) and ranking.task == task.id
    assert task.prompt.messages[0].content == "Name a river."


def test_constitutions(tmp_path: Path) -> None:
    law = constitution("house.v1")
    law.check(("en", "zh"))
    assert len(law.principles) >= 8
    path = tmp_path / "own.toml"
    path.write_text('[[principles]]\nid = "a"\ncritique = {en = "x?"}\nrevise = {en = "y."}\n')
    own = constitution(str(path))
    assert own.version.startswith("own@") and own.principles[0].revise == {"en": "y."}
    with pytest.raises(InputError, match="'a' has no critique in 'zh'"):
        own.check(("en", "zh"))
    for text in ("", "x = [", '[[principles]]\nid = "a"\n',
                 '[[principles]]\nid="a"\ncritique={}\nrevise={}\n' * 2):  # fmt: skip
        path = tmp_path / f"{len(text)}.toml"
        path.write_text(text)
        with pytest.raises(InputError):
            constitution(str(path))
    with pytest.raises(InputError, match="no constitution"):
        constitution("house.v9")
    with pytest.raises(RecipeError):
        Settings(rounds=0)


def test_a_whole_run(tmp_path: Path) -> None:
    settings = Settings(languages=("en", "zh"), each=30, judge=True)
    engine = Script(ALL_REPLIES)
    with Client(engine, tmp_path / "journal.jsonl") as client:
        done = run(job(settings), str(tmp_path), client, formats=("messages",))
    assert done.error is None
    for steps in done.report.steps.values():
        for account in steps.values():
            assert account.seen == account.accepted + sum(account.rejected.values())
    judged = done.report.figures["judge"]
    assert judged["pairs"] > 10 and 0 < judged["flip_rate"] < 1
    folder = tmp_path / "preferences"
    assert read_job(str(folder)).kind == "pairwise"
    tasks = {task.id: task for task in read_tasks(str(folder))}
    found = list(read_rankings(str(folder)))
    comparisons = (tmp_path / "comparisons.jsonl").read_text().splitlines()
    assert len(found) == len(tasks) == len(comparisons) == done.report.figures["preferences"]
    strict = [row for row in found if len(row.tiers) == 2]
    pairs = [
        json.loads(line)
        for line in (folder / "training" / "trl_explicit_chat" / "train.jsonl")
        .read_text()
        .splitlines()
    ]
    assert 0 < len(pairs) == len(strict) < len(found)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    named = {one["path"] for one in manifest["outputs"]}
    assert {"steps.jsonl", "judgements.jsonl", "preferences/rankings.jsonl"} <= named
