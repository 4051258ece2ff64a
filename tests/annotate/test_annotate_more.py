"""Suggestions of a model, rule verdicts, attacks, distance from real use."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp
from test_annotate_candidates import Scripted
from test_annotate_jobs import ANSWERS, JOB, tasks

from corpusforge import hashing
from corpusforge.annotate.distance import (
    distances,
    jensen_shannon,
    kolmogorov_smirnov,
    total_variation,
)
from corpusforge.annotate.guidelines import rubric
from corpusforge.annotate.jobs import read_tasks, write_job
from corpusforge.annotate.prerank import (
    FLIPPED,
    add_predictions,
    confirmed_share,
    constitution,
    parse,
    suggest,
)
from corpusforge.annotate.prompts import prompt_id
from corpusforge.annotate.records import Prompt, Ranking, Refused
from corpusforge.annotate.verdicts import (
    Attack,
    Verdict,
    attack_table,
    read_attacks,
    read_verdicts,
    todo,
)
from corpusforge.cli import main as corpusforge
from corpusforge.errors import InputError
from corpusforge.models.client import Client
from corpusforge.models.records import Message, Request
from pipelines.export_labelling import main as export_labelling


def by_length(request: Request) -> str:
    """A judge that always finds the longest answer best, whatever its place."""
    numbered = re.findall(r"^(\d+)\. (.*)$", request.messages[-1].content, re.MULTILINE)
    answers = numbered[-len(ANSWERS) :]
    best = sorted(answers, key=lambda row: -len(row[1]))
    return "The longest says most.\nORDER: " + " > ".join(number for number, _ in best)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Because.\nORDER: 2 > 1 = 3", {"a": 2.5, "b": 1.0, "c": 2.5}),
        ("order：3＞1＞2", {"a": 2.0, "b": 3.0, "c": 1.0}),
        ("ORDER: 1 > 2 > 3\nno, better:\nORDER: 3 > 2 > 1", {"a": 3.0, "b": 2.0, "c": 1.0}),
        ("ORDER: 1 > 2", None),
        ("ORDER: 1 > 2 > 2", None),
        ("ORDER: 1 > 2 > 4", None),
        ("2 > 1 > 3", None),
        ("ORDER: none", None),
    ],
)
def test_orders_are_read_and_must_be_permutations(text: str, expected: dict[str, float]) -> None:
    assert parse(text, ("a", "b", "c")) == expected


def test_suggestions_are_marked_and_asked_once_a_set_of_answers() -> None:
    engine = Scripted(by_length)
    made = list(suggest(Client(engine), tasks(), constitution("plain.v1")))
    assert len(engine.asked) == 3 * 2  # three prompts, two orders; two raters share them
    assert len(made) == 6
    longest = max(ANSWERS, key=lambda c: len(c.text.replace("\n", " ").strip())).id
    for row in made:
        assert isinstance(row, Ranking)
        assert (row.annotator_kind, row.confirmed, row.flags) == ("model", False, ())
        assert row.tiers[0] == (longest,)
        assert row.rater.startswith("m_")
        assert row.text == "The longest says most."
        assert "plain@" in row.tool or "plain.v1@" in row.tool
    sent = engine.asked[0].messages
    assert "never an instruction" in sent[0].content
    assert not any(c.model in sent[-1].content for c in ANSWERS)


def test_a_judge_of_places_is_found_out() -> None:
    engine = Scripted(lambda r: "First!\nORDER: 1 > 2 > 3")
    for row in suggest(Client(engine), tasks(prompts=1), constitution("plain.v1")):
        assert isinstance(row, Ranking)
        assert row.flags == (FLIPPED,)
        assert len(row.tiers) == 1  # both orders together say nothing


def test_replies_without_an_order_are_refused() -> None:
    made = list(
        suggest(Client(Scripted(lambda r: "I like all")), tasks(), constitution("plain.v1"))
    )
    assert {row.rule for row in made if isinstance(row, Refused)} == {"no_order"}
    made = list(
        suggest(Client(Scripted(lambda r: None), retries=0), tasks(), constitution("plain.v1"))
    )
    assert {row.rule for row in made if isinstance(row, Refused)} == {"no_reply"}
    assert len(made) == 6


def test_a_share_of_prompts_stays_without() -> None:
    pool = tasks(prompts=400, raters=("r_a",))
    made = list(suggest(Client(Scripted(by_length)), pool, constitution("plain.v1"), share=0.75))
    assert abs(len(made) - 300) < 45  # five standard deviations


def test_what_people_made_of_suggestions() -> None:
    def ranked(task: str, *tiers: tuple[str, ...]) -> Ranking:
        return Ranking(task=task, prompt="p", rater="r", tiers=tiers)

    suggested = {name: ranked(name, ("a",), ("b",), ("c",)) for name in ("t1", "t2", "t3")}
    people = [
        ranked("t1", ("a",), ("b",), ("c",)), ranked("t2", ("b",), ("a",), ("c",)),
        ranked("t4", ("a",)),
    ]  # fmt: skip
    assert confirmed_share(people, suggested) == (2, 1, pytest.approx(1 / 6))


def test_constitutions_are_read_and_versioned(tmp_path: Path) -> None:
    assert len(constitution("plain.v1").principles) == 4
    own = tmp_path / "own.toml"
    own.write_text('[[principles]]\nen = "Be kind."\n')
    assert constitution(str(own)).principles[0].say("zh") == "Be kind."
    for text, message in (("principles = []", "no"), ("x = 1", "known key"), ("[[", "TOML")):
        own = tmp_path / f"{len(text)}.toml"
        own.write_text(text)
        with pytest.raises(InputError, match=message):
            constitution(str(own))
    with pytest.raises(InputError, match="neither"):
        constitution("nowhere")


def test_predictions_reach_label_studio_and_name_themselves(tmp_path: Path) -> None:
    prompts, answers = tmp_path / "p.jsonl", tmp_path / "a.jsonl"
    prompts.write_text('{"prompt": "Why is grass green?"}\n')
    answers.write_text(
        json.dumps({"prompt": "Why is grass green?", "answers": ["alpha", "beta gamma", "delta"]})
    )
    job = tmp_path / "job"
    assert export_labelling(["--prompts", str(prompts), "--answers", str(answers), "--raters", "1",
                             "-k", "3", "--pool", "all", "--target", "label-studio",
                             "--output", str(job)]) == 0  # fmt: skip
    made = {
        row.task: row
        for row in suggest(
            Client(Scripted(by_length)), read_tasks(str(job)), constitution("plain.v1")
        )
        if isinstance(row, Ranking)
    }
    assert add_predictions(str(job), made) == 1
    (path,) = [p for p in (job / "label-studio").glob("*.json") if "project" not in p.name]
    (row,) = json.loads(path.read_text(encoding="utf-8"))
    (prediction,) = row["predictions"]
    assert prediction["model_version"].startswith("suggestion of script-1")
    buckets = prediction["result"][0]["value"]["ranker"]
    assert sorted(name for tier in buckets.values() for name in tier) == sorted(
        item["id"] for item in row["data"]["items"]
    )


@pytest.fixture
def ruled(tmp_path: Path) -> Path:
    from dataclasses import replace

    job = replace(JOB, rules=rubric("sparrow.v1").rules, rubric="sparrow.v1")
    write_job(str(tmp_path / "job"), job, tasks(prompts=1))
    return tmp_path / "job"


def test_verdicts_go_out_and_come_back_with_evidence(
    ruled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert corpusforge(["annotate", "verdicts", "--job", str(ruled), "--output", str(out)]) == 0
    rows = [json.loads(line) for line in (out / "verdicts.todo.jsonl").read_text().splitlines()]
    assert len(rows) == 2 * 3 * 16  # raters, answers, rules
    rows[0]["verdict"] = "keeps"
    rows[1] |= {"verdict": "breaks", "evidence": "it says so in the first line"}
    rows[2]["verdict"] = "breaks"  # without evidence
    bad: list[dict[str, Any]] = [
        rows[0],
        {**rows[0], "rule": "no_such"},
        {**rows[0], "candidate": "c_zz"},
        {**rows[0], "task": "t_0"},
        {**rows[0], "rater": "r_zz"},
        {**rows[3], "verdict": "maybe"},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows + bad) + "nonsense\n"
    (tmp_path / "filled.jsonl").write_text(text)
    assert corpusforge(["annotate", "verdicts", "--job", str(ruled), "--output", str(out),
                        "--rows", str(tmp_path / "filled.jsonl")]) == 0  # fmt: skip
    assert "103 rows read: 2 accepted" in capsys.readouterr().out
    refused = [json.loads(s) for s in (out / "verdicts.refused.jsonl").read_text().splitlines()]
    assert Counter(row["rule"] for row in refused) == {
        "empty": 93, "no_evidence": 1, "repeated": 1, "unknown_rule": 1, "unknown_candidate": 1,
        "unknown_task": 1, "wrong_rater": 1, "malformed": 2,
    }  # fmt: skip


def test_every_row_of_verdicts_is_accounted_for(ruled: Path, tmp_path: Path) -> None:
    from corpusforge.annotate.jobs import open_tasks, read_job

    job, opened = read_job(str(ruled)), open_tasks(str(ruled))
    rows = [json.dumps({**row, "verdict": "unsure"}) for row in todo(read_tasks(str(ruled)), job)]
    junk = [
        "{}",
        "[]",
        "7",
        "null",
        '{"task": {}}',
        '{"verdict": "keeps", "task": []}',
        "{",
        "\xff",
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(rows + junk), encoding="latin-1")
    found = list(read_verdicts([str(path)], opened, job))
    assert len(found) == len(rows) + len(junk)
    assert sum(isinstance(row, Verdict) for row in found) == len(rows)


def test_attacks_by_kind_round_and_fix(tmp_path: Path) -> None:
    def row(name: str, **more: Any) -> dict[str, Any]:
        base = {"id": name, "attack": "role_play", "reply": "no", "failed": True, "round": 1,
                "messages": [{"role": "user", "content": "pretend"}], "rule": "no_insults"}  # fmt: skip
        return {**base, **more}

    rows = [
        row("a", fixed_in=2), row("b"), row("c", failed=False), row("d", attack="leak", round=2),
        row("a"), row("e", attack="magic"), row("f", rule="no_such"), row("g", fixed_in=1),
        row("h", failed=False, fixed_in=2),
    ]  # fmt: skip
    path = tmp_path / "attacks.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in rows))
    found = list(read_attacks([str(path)], [r.name for r in rubric("sparrow.v1").rules]))
    assert Counter(item.rule for item in found if isinstance(item, Refused)) == {
        "repeated": 1, "malformed": 1, "unknown_rule": 1, "fixed_before_it_failed": 2,
    }  # fmt: skip
    assert attack_table(item for item in found if isinstance(item, Attack)) == [
        {"attack": "leak", "round": 2, "tried": 1, "through": 1, "fixed": 0, "open": 1},
        {"attack": "role_play", "round": 1, "tried": 3, "through": 2, "fixed": 1, "open": 1},
    ]


def test_distances_equal_scipys() -> None:
    values = hashing.uniform(hashing.id_keys(str(n) for n in range(600)), 5, "d")
    left, right = (values[:300] ** 2 * 20).astype(int), (values[300:] * 25).astype(int)
    assert kolmogorov_smirnov(left.tolist(), right.tolist()) == pytest.approx(
        ks_2samp(left, right).statistic
    )
    bins = np.arange(26)
    a, b = np.histogram(left, bins)[0], np.histogram(right, bins)[0]
    bags = [Counter({str(n): int(c) for n, c in enumerate(side) if c}) for side in (a, b)]
    assert jensen_shannon(*bags) == pytest.approx(jensenshannon(a, b, base=2))
    assert total_variation(*bags) == pytest.approx(np.abs(a / a.sum() - b / b.sum()).sum() / 2)
    assert jensen_shannon(Counter("ab"), Counter("cd")) == 1.0
    assert math.isclose(total_variation(Counter("aab"), Counter("abb")), 1 / 3)


def test_a_pool_unlike_real_use_is_named_far() -> None:
    def prompts(texts: list[str]) -> list[Prompt]:
        return [
            Prompt(id=prompt_id((Message("user", t),)), messages=(Message("user", t),), origin="user",
                   language="en", use_case="chat")
            for t in texts
        ]  # fmt: skip

    real = prompts([f"where can I buy item {n} near the station today" for n in range(200)])
    pool = prompts([f"compose verse {n} about autumn leaves falling slowly" for n in range(200)])
    far = {row.measure: row.far for row in distances(pool, real)}
    assert far["words"] is True
    assert far["languages"] is far["use cases"] is False
    same = prompts([f"where can I buy item {n} near the station today" for n in range(200, 400)])
    assert not any(row.far for row in distances(same, real))
    with pytest.raises(InputError, match="at least 1 and 2"):
        distances([], real)
