"""Instruct rows: counts and lineage against the files, labels and agreement by hand and by a library."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import krippendorff
import numpy as np
import pytest
from view_runs import JOURNAL, served

from benchmarks import harness
from corpusforge import cli
from corpusforge.errors import InputError, RunError
from corpusforge.instruct import reading as labels
from corpusforge.view import reading, rows


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def own(rows_output: Path) -> rows.Rows:
    return rows.open_rows(str(rows_output), str(JOURNAL))


def test_every_candidate_is_counted_and_shown(rows_output: Path, own: rows.Rows) -> None:
    kept, refused = (lines(rows_output / name) for name in ("rows.jsonl", "rejects.jsonl"))
    told = rows.counts(own)
    assert told["kept"] == len(kept)
    assert told["languages"] == Counter(row["language"] for row in kept + refused)
    by_rule = Counter((row["step"], row["rule"]) for row in refused)
    assert {(row["step"], row["rule"]): row["n"] for row in told["refused"]} == by_rule
    for (step, rule), n in by_rule.items():
        found = rows.cards(own, step=step, rule=rule)
        assert found["total"] == n
        expected = [row["text"] for row in refused if (row["step"], row["rule"]) == (step, rule)]
        assert [row["turns"][0][1] for row in found["rows"]] == expected[: rows.PAGE]
    chinese = rows.cards(own, lang="zh", words="。")
    holding = [row for row in kept if row["language"] == "zh"
               and any("。" in row[key] for key in ("instruction", "input", "output"))]  # fmt: skip
    assert chinese["total"] == len(holding) > 0


def test_a_row_is_traced_to_its_raw_reply(rows_output: Path, own: rows.Rows) -> None:
    """Each instance's answer stands in one of the replies, which are read from the journal by hand."""
    replies = {row["completion"]["text"] for row in lines(JOURNAL)}
    seen = 0
    for row in lines(rows_output / "rows.jsonl"):
        told = rows.trace(own, row["id"])
        raw = [one["reply"] for one in told["requests"]]
        assert len(raw) == len(row["lineage"]["requests"]) and set(raw) <= replies
        seen += any(row["output"][:40] in text for text in raw)
        assert all(one["sent"] for one in told["requests"])
        assert [one["id"] for one in told["nearest"]] == [one["id"] for one in row["most_similar"]]
        for near, one in zip(told["nearest"], row["most_similar"], strict=True):
            assert near["f1"] == pytest.approx(2 * one["lcs"] / (one["left"] + one["right"]))
        assert [name for name, _ in told["seeds"]] == row["lineage"]["seeds"]
        assert all(text for _, text in told["seeds"] + told["parents"])
    assert seen == len(lines(rows_output / "rows.jsonl"))


def test_a_near_copy_stands_beside_what_it_copies(rows_output: Path, own: rows.Rows) -> None:
    text = "Put the sentence into the passive voice."
    reject = next(row for row in lines(rows_output / "rejects.jsonl") if row["text"] == text)
    told = rows.trace(own, reject["id"])
    assert (told["rule"], told["value"]) == ("near_copy", "0.8571 = 2·6/(7+7)")
    (near,) = told["nearest"]
    marked = "".join(f"[{text}]" if own_ else text for text, own_ in near["pieces"])
    assert marked == "[Put the sentence into the] active [voice.]"


def test_without_a_journal_the_replies_are_said_to_be_missing(rows_output: Path) -> None:
    own = rows.open_rows(str(rows_output))
    told = rows.trace(own, own.rows[0]["id"])
    assert [one["sent"] for one in told["requests"]] == [None] * len(told["requests"])


def test_what_is_read_is_what_the_benchmark_counts(
    rows_output: Path, own: rows.Rows, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """A file of labels is drawn, filled by `give`, and counted by benchmarks.instruct_sound."""
    from benchmarks import instruct_sound

    read = reading.open_reading(own, str(tmp_path / "labels"), "anna", 10, 3)
    drawn = labels.draw(lines(rows_output / "rows.jsonl"), 10, 3)
    assert [row["id"] for row in read.rows] == [row["id"] for row in drawn]
    given = ["sound"] * 6 + ["weak"] * 3 + ["wrong"]
    for row, label in zip(drawn, given, strict=True):
        reading.give(read, row["id"], label, "because" if label != "sound" else "")
    file = lines(tmp_path / "labels" / "anna.jsonl")
    why = ["" if label == "sound" else "because" for label in given]
    assert file == [
        {**row, "label": label, "why": reason}
        for row, label, reason in zip(drawn, given, why, strict=True)
    ]
    instruct_sound.table(file)
    assert "| all | 10 | 6 | 3 | 1 | 0.60" in capsys.readouterr().out
    assert labels.LABELS == harness.LABELS
    reading.give(read, drawn[0]["id"], "", "")
    assert lines(tmp_path / "labels" / "anna.jsonl")[0]["label"] == ""


def test_a_reader_goes_on_where_it_stopped_and_another_reads_the_same_rows(
    own: rows.Rows, tmp_path: Path
) -> None:
    first = reading.open_reading(own, str(tmp_path), "anna", 5, 0)
    reading.give(first, first.rows[2]["id"], "weak", "half of it")
    again = reading.open_reading(own, str(tmp_path), "anna", 50, 9)
    assert again.rows == first.rows
    other = reading.open_reading(own, str(tmp_path), "李雷", 50, 9)
    assert [row["id"] for row in other.rows] == [row["id"] for row in first.rows]
    assert {row["label"] for row in other.rows} == {""}
    assert {row["label"] for row in reading.rows_of(own, other)["rows"]} == {""}


def test_agreement_by_hand_and_by_a_library(own: rows.Rows, tmp_path: Path) -> None:
    """Cohen's kappa by the table: 6 of 8 alike; chance (4·4 + 2·1 + 2·3)/64 = 24/64."""
    said = {
        "a": ["sound"] * 4 + ["weak"] * 2 + ["wrong"] * 2,
        "b": ["sound"] * 4 + ["weak", "wrong", "wrong", "wrong"],
        "c": ["sound", "", "weak", "", "wrong", "wrong", "", "wrong"],
    }
    opened = {name: reading.open_reading(own, str(tmp_path), name, 8, 0) for name in said}
    for name, given in said.items():
        for row, label in zip(opened[name].rows, given, strict=True):
            reading.give(opened[name], row["id"], label, "")
    told = reading.agreement(own, opened["a"])
    assert told["readers"][0] == {"reader": "a", "sound": 4, "weak": 2, "wrong": 2}
    pair = next(one for one in told["pairs"] if one["readers"] == ["a", "b"])
    assert (pair["both"], pair["same"]) == (8, 7)
    assert pair["table"] == [[4, 0, 0], [0, 1, 1], [0, 0, 2]]
    chance = (4 * 4 + 2 * 1 + 2 * 3) / 64
    assert pair["kappa"] == pytest.approx((7 / 8 - chance) / (1 - chance), abs=1e-4)
    codes = {"": np.nan, "sound": 0, "weak": 1, "wrong": 2}
    matrix = [[codes[label] for label in given] for given in said.values()]
    expected = krippendorff.alpha(np.array(matrix), level_of_measurement="ordinal")
    assert told["alpha"] == pytest.approx(expected, abs=1e-4)
    assert {row["id"] for row in told["apart"]} == {opened["a"].rows[i]["id"] for i in (2, 4, 5)}
    apart = next(row for row in told["apart"] if row["id"] == opened["a"].rows[5]["id"])
    assert apart["labels"] == [("a", "weak", ""), ("b", "wrong", ""), ("c", "wrong", "")]


def test_labels_of_others_are_not_seen_before_one_s_own(own: rows.Rows, tmp_path: Path) -> None:
    opened = [reading.open_reading(own, str(tmp_path), name, 4, 0) for name in ("a", "b", "c")]
    first, second, third = opened
    for row in first.rows:
        reading.give(first, row["id"], "wrong", "")
        reading.give(third, row["id"], "weak", "")
    assert reading.agreement(own, second)["apart"] == []
    reading.give(second, second.rows[1]["id"], "sound", "")
    (apart,) = reading.agreement(own, second)["apart"]
    assert apart["id"] == second.rows[1]["id"]


def post(server: object, name: str, body: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)  # type: ignore[attr-defined]
    connection.request("POST", name, body=body, headers=headers)
    reply = connection.getresponse()
    return reply.status, reply.read()


def test_only_who_has_the_key_writes_and_only_labels(rows_output: Path, tmp_path: Path) -> None:
    choice = {"labels": str(tmp_path), "reader": "anna", "rows": 5}
    with served(rows_output, **choice) as server:
        root = f"/{server.key}"
        row = labels.draw(lines(rows_output / "rows.jsonl"), 5, 0)[0]
        body = urlencode({"id": row["id"], "label": "weak", "why": "<b>ein Grund</b> 因为"})
        assert post(server, "/label", body)[0] == 404
        assert post(server, "/wrong/label", body)[0] == 404
        assert post(server, f"{root}/rows", body)[0] == 404
        assert post(server, f"{root}/label", body, Host="evil.example")[0] == 404
        assert post(server, f"{root}/label", "x" * 200_000)[0] == 404
        assert list(tmp_path.iterdir()) == []
        status, told = post(server, f"{root}/label", urlencode({"id": row["id"], "label": "good"}))
        assert (status, json.loads(told)["error"]) == (
            400,
            "label 'good'; expected sound, weak, wrong.",
        )
        status, told = post(server, f"{root}/label", urlencode({"id": "x", "label": "weak"}))
        assert status == 400 and b"none of the rows" in told
        assert list(tmp_path.iterdir()) == []
        status, told = post(server, f"{root}/label", body)
        assert (status, json.loads(told)) == (200, {"read": 1, "rows": 5})
    assert [path.name for path in tmp_path.iterdir()] == ["anna.jsonl"]
    assert lines(tmp_path / "anna.jsonl")[0]["why"] == "<b>ein Grund</b> 因为"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--labels", "x"], "--labels and --reader belong together"),
        (["--labels", "x", "--reader", "../up"], "expected a name of letters"),
        (["--beside", "x"], "--beside is for runs"),
        (["--journal", "nowhere.jsonl"], "does not exist"),
        (["--rows", "0"], "expected 1 or more"),
    ],
)
def test_wrong_options_are_told(
    rows_output: Path, options: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert cli.main(["view", str(rows_output), "--no-browser", *options]) == 2
    assert message in capsys.readouterr().err


def test_labels_of_other_rows_are_refused(own: rows.Rows, tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"id": "other", "label": "", "why": ""}\n')
    with pytest.raises(InputError, match="is no row of"):
        reading.open_reading(own, str(tmp_path), "a", 5, 0)
    with pytest.raises(RunError, match=r"holds no rows\.jsonl"):
        rows.open_rows(str(tmp_path))
