"""Runs of tool calls: a scorer whose likelihoods a reader can work out, the example, both export forms."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from corpusforge.instruct.records import Lineage, Row
from corpusforge.instruct.session import run
from corpusforge.instruct.tools.make import Call
from corpusforge.instruct.tools.run import chat, job
from corpusforge.io.jsonl import read_jsonl
from corpusforge.models.client import Client
from corpusforge.models.engines import TwoEngines
from corpusforge.models.likelihood import Likelihood
from corpusforge.models.options import settings_from
from corpusforge.models.records import Completion, Request
from examples.tool_calls.make_journal import HERE, OPTIONS, Written, make
from pipelines.tool_calls import main, parser, settings_of

ROOT = HERE.parent.parent
REPLAY = ["--engine", "replay", "--journal", str(HERE / "journal.jsonl"), "--model", "hand-written"]


class Copying:
    """Knows nothing but what it has read: 1 nat for a token that stood before, 5 for another one."""

    name = model = "copying"
    context = 0

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in requests:
            text = request.prompt
            found = [match.span() for match in re.finditer(r"\s*(?:\w+|[^\w\s])|\s+", text)]
            nats = tuple(-1.0 if text[a:b].strip() in text[:a] else -5.0 for a, b in found)
            told = Likelihood(ends=tuple(b for _, b in found), nats=nats).text()
            yield Completion(key=request.key, text=told, finish_reason="stop", model=self.model)


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # journal.args names the documents from there


def made(output: Path, *more: str) -> list[dict]:
    options = parser().parse_args([*OPTIONS, "--output", str(output), *more])
    with Client(TwoEngines(Written(), Copying()), output / "journal.jsonl") as client:
        run(job(settings_of(options, settings_from(options))), str(output), client)
    return list(read_jsonl(str(output / "calls.jsonl")))


def test_a_call_is_kept_by_the_loss_that_its_result_saves(tmp_path: Path) -> None:
    calls = {(call["document"], call["tool"]): call for call in made(tmp_path / "one")}
    kept = calls["doc07", "python"]
    # "6570 crowns in the evening": with the result before it "6570" costs 1 in place of 5, weight 1 of 3
    assert kept["result"] == "6570"
    assert kept["gain"] == pytest.approx(4 / 3, abs=1e-4)
    assert kept["kept"] and not calls["doc07", "calculator"]["kept"]  # one call at a place
    assert kept["loss_plain"] - kept["loss_result"] == pytest.approx(kept["gain"], abs=2e-4)
    exam = calls["doc01", "calculator"]  # "29" stands in "0.29"
    assert exam["result"] == "0.29" and exam["gain"] == pytest.approx(4 / 3, abs=1e-4)
    assert calls["doc06", "calculator"]["gain"] <= 0  # 24 / 9 tells nothing of "and meets"


def test_every_reply_and_call_has_its_account(tmp_path: Path) -> None:
    made(tmp_path / "one")
    rules = Counter(
        (row["step"].partition(".")[2], row["rule"])
        for row in read_jsonl(str(tmp_path / "one" / "rejects.jsonl"))
    )
    assert rules["execute", "tool_error"] == 1  # 24 / x
    assert rules["execute", "misplaced"] == 1  # "that night" is not in the text
    assert rules["execute", "at_start"] == 1  # document 8, calculator
    report = json.loads((tmp_path / "one" / "report.json").read_text())
    for steps in report["steps"].values():
        for account in steps.values():
            assert account["seen"] == account["accepted"] + sum(account["rejected"].values())


def test_another_threshold_keeps_more_and_asks_nothing(tmp_path: Path) -> None:
    strict = made(tmp_path / "one")
    journal = (tmp_path / "one" / "journal.jsonl").read_bytes()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "journal.jsonl").write_bytes(journal)
    loose = made(tmp_path / "two", "--threshold", "0")
    assert (tmp_path / "two" / "journal.jsonl").read_bytes() == journal
    names = [{one["id"] for one in calls if one["kept"]} for calls in (strict, loose)]
    assert names[0] < names[1]


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    made(tmp_path / "one", "--threshold", "0.5")
    forms = {
        name: {row["id"]: row for path in (tmp_path / "one" / "export" / name).glob("*.jsonl")
               for row in read_jsonl(str(path))}
        for name in ("tool_calls", "inline")
    }  # fmt: skip
    documents = {row["text"] for row in read_jsonl(str(HERE / "documents.jsonl"))}
    assert forms["tool_calls"].keys() == forms["inline"].keys() != set()
    for name, row in forms["inline"].items():
        assert re.sub(r"\[\w+\([^→]*→ [^\]]*\] ", "", row["text"]) in documents
        chat = forms["tool_calls"][name]
        first, *turns = chat["messages"]
        said = first["content"].split("\n\n", 1)[1]
        for call, answer in zip(turns[:-1:2], turns[1:-1:2], strict=True):
            (one,) = call["tool_calls"]
            assert answer["role"] == "tool" and answer["tool_call_id"] == one["id"]
            (argument,) = json.loads(one["function"]["arguments"]).values()
            assert f"({argument}) → {answer['content']}]" in row["text"]
            assert one["function"]["name"] in {tool["function"]["name"] for tool in chat["tools"]}
            said += call["content"] or ""
        said += turns[-1]["content"]
        assert "".join(said.split()) in {"".join(text.split()) for text in documents}


def test_all_passages_of_a_part_are_asked_at_once(tmp_path: Path) -> None:
    """A server with many places has work for them: the texts' samples in one question, then the losses."""
    batches = []

    class Counting(TwoEngines):
        def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
            batches.append({request.purpose for request in requests})
            yield from super().complete(requests)

    options = parser().parse_args([*OPTIONS, "--output", str(tmp_path)])
    with Client(Counting(Written(), Copying()), tmp_path / "journal.jsonl") as client:
        run(job(settings_of(options, settings_from(options))), str(tmp_path), client)
    losses = [purposes == {"tool_calls.loss"} for purposes in batches]
    assert losses == [False, True] * (len(losses) // 2) and len(losses) == 4  # English, Chinese


def test_calls_of_several_tools_stand_in_the_chat_where_they_stand_in_the_text() -> None:
    """The table has a passage's calls by tool, so the first of them may be the last of the text."""
    calls = [
        Call(id=name * 12, passage="p", document="d", language="en", tool=tool, argument=argument,
             place=place, result=result, loss_plain=3, loss_call=3, loss_result=1, gain=2, kept=True)
        for name, tool, argument, place, result in (
            ("b", "calculator", "3 * 8", 39, "24"),
            ("a", "convert", "3 days to hours", 12, "72 hours"),
        )
    ]  # fmt: skip
    output = "[Convert(3 days to hours) → 72 hours] 72 hours, three by three [Calculator(3 * 8) → 24] 24."
    row = Row(id="r", task="t", kind="tool", language="en", instruction="Go on.", input="It lasted",
              output=output, flags=("calculator", "convert"), lineage=Lineage())  # fmt: skip
    turns = [
        (one["role"], one["content"], [call["id"] for call in one.get("tool_calls", ())])
        for one in chat(row, calls)["messages"][1:]
    ]
    assert turns == [
        ("assistant", None, ["call_" + "a" * 12]), ("tool", "72 hours", []),
        ("assistant", "72 hours, three by three", ["call_" + "b" * 12]), ("tool", "24", []),
        ("assistant", "24.", []),
    ]  # fmt: skip


def test_a_killed_run_ends_as_one_left_alone(tmp_path: Path) -> None:
    made(tmp_path / "one")
    lines = (tmp_path / "one" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "journal.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    made(tmp_path / "two")
    for name in ("rows.jsonl", "calls.jsonl", "rejects.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_journal_is_that_of_the_replies(tmp_path: Path) -> None:
    """But for the order of the likelihoods, which is that of their arrival from the model."""
    make(tmp_path / "journal.jsonl")
    new, old = (
        sorted((folder / "journal.jsonl").read_bytes().splitlines()) for folder in (tmp_path, HERE)
    )
    assert new == old, "run python -m examples.tool_calls.make_journal MODEL.gguf"


def test_the_example_keeps_what_a_real_models_losses_say(tmp_path: Path) -> None:
    output = tmp_path / "demo"
    assert main([*REPLAY, "--output", str(output)]) == 0
    calls = list(read_jsonl(str(output / "calls.jsonl")))
    assert len(calls) == 15
    kept = {(call["document"], call["tool"]) for call in calls if call["kept"]}
    assert kept == {
        ("doc01", "calculator"), ("doc03", "convert"), ("doc04", "search"), ("doc07", "python"),
        ("doc09", "calculator"), ("doc11", "convert"), ("doc12", "search"),
    }  # fmt: skip
    for call in calls:
        saved = min(call["loss_plain"], call["loss_call"]) - call["loss_result"]
        assert call["gain"] == pytest.approx(saved, abs=2e-4)
        assert call["gain"] >= 1.0 or not call["kept"]
    texts = [row["text"] for path in (output / "export" / "inline").glob("*.jsonl")
             for row in read_jsonl(str(path))]  # fmt: skip
    assert any("400, or [Calculator(400 / 1400) → 0.29] 29%, passed" in text for text in texts)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ground", "none.jsonl"], "neither a run"),
        (["--tools", "abacus"], "abacus"),
        (["--tools", "python"], "--run-code"),
        (["--today", "yesterday"], "YYYY-MM-DD"),
        (["--ground", str(HERE / "documents.jsonl"), "--passage", "9000"], "Lower --passage"),
        ([], "--ground"),
    ],
)
def test_wrong_options(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text("")
    base = ["--output", str(tmp_path / "x"), "--engine", "replay", "--journal", str(journal)]
    assert main([*base, *options]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x" / "rows.jsonl").exists()
