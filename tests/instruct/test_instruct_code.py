"""Code with tests: pass@k against every draw counted, and the example's problems with their fate."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from corpusforge.instruct.code.parts import asserts, blocks_of, defined, stub
from corpusforge.instruct.code.passes import pass_at
from corpusforge.io.jsonl import read_jsonl
from examples.code_tests.make_journal import HERE, make
from pipelines.code_tests import main

REPLAY = ["--engine", "replay", "--journal", str(HERE / "journal.jsonl")]


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_one(n: int) -> None:
    for c in range(n + 1):
        for k in range(1, n + 1):
            draws = list(combinations([True] * c + [False] * (n - c), k))
            assert pass_at(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_of_the_paper_and_beyond_its_bounds() -> None:
    assert pass_at(200, 60, 1) == 0.3
    assert pass_at(10, 3, 10) == 1.0
    for n, c, k in ((3, 4, 1), (3, 1, 4), (3, 1, 0), (3, -1, 1)):
        with pytest.raises(ValueError, match="not defined"):
            pass_at(n, c, k)


def test_parts_of_a_reply() -> None:
    words, blocks = blocks_of(
        "Do it.\n```python\ndef f():\n    return 1\n```\nthen\n```\nassert f()\n```\n```\nopen"
    )
    assert (words, blocks) == ("Do it.", ["def f():\n    return 1\n", "assert f()\n"])
    assert defined("def f(): ...\nclass G: ...\nx = 1") == ("f", "G")
    assert defined("def f(:") == ()
    assert asserts("assert f(1)\nassert True\nfor x in []:\n    assert f(x) == 2", ("f",)) == 2
    space: dict = {}
    exec(stub("def f(a):\n    return a"), space)
    assert space["f"](3) is None


def test_the_example_meets_the_fate_written_for_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main([*REPLAY, "--output", str(tmp_path / name)]) == 0
    for name in ("rows.jsonl", "problems.jsonl", "rejects.jsonl", "report.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    problems = list(read_jsonl(str(tmp_path / "one" / "problems.jsonl")))
    told = [(p["language"], p["passed"], p["samples"], p["pass_at"]) for p in problems]
    assert told == [
        ("en", 1, 2, {"1": 0.5, "2": 1.0}),
        ("zh", 2, 2, {"1": 1.0, "2": 1.0}),
        ("zh", 0, 2, {"1": 0.0, "2": 0.0}),
    ]
    rejects = Counter(
        (r["step"], r["rule"]) for r in read_jsonl(str(tmp_path / "one" / "rejects.jsonl"))
    )
    assert rejects == {
        ("write", "own_tests"): 1, ("write", "weak_tests"): 1, ("write", "no_parts"): 1,
        ("solve", "wrong"): 2, ("solve", "no_code"): 1, ("problem", "few_passes"): 1,
    }  # fmt: skip
    rows = list(read_jsonl(str(tmp_path / "one" / "rows.jsonl")))
    assert [(row["language"], row["pass_rate"]) for row in rows] == [("en", [1, 2]), ("zh", [2, 2])]
    assert rows[0]["output"].startswith("```python\nfrom collections import Counter")
    report = json.loads((tmp_path / "one" / "report.json").read_text())
    assert report["figures"]["pass@k"]["zh"] == {"problems": 2, "pass@1": 0.5, "pass@2": 0.5}


def test_the_journal_is_that_of_the_replies(tmp_path: Path) -> None:
    make(tmp_path / "journal.jsonl")
    assert (tmp_path / "journal.jsonl").read_bytes() == (HERE / "journal.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--run-code"),
        (["--run-code", "--samples", "2", "--least-passes", "3"], "least_passes"),
        (["--run-code", "--pass-at", "0,x"], "pass_at"),
        (["--run-code", "--language", "fr"], "fr"),
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
