"""Code answers in their own process: what passes, what fails and why, and that the limits hold."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from cot_kit import play, rows

from corpusforge.instruct.cot import runner
from corpusforge.instruct.cot.runner import Limits, run_tests
from corpusforge.io.jsonl import read_jsonl

TESTS = "assert double(2) == 4\nassert double('a') == 'aa'"
SMALL = Limits(cpu_seconds=1, wall_seconds=10)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def double(x):\n    return x * 2", ""),
        ("def double(x):\n    return x + 2", "error"),
        ("def double(x) return", "error"),
        ("import sys\nsys.exit(0)", "no_end"),
        ("import os\nos._exit(0)", "no_end"),
        ("print('passed')\nraise SystemExit", "no_end"),
        ("while True: pass", "cpu"),
        (
            "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
            "killed",
        ),
        ("x = bytearray(3 << 30)", "error"),
        ("open('big', 'wb').write(b'x' * (4 << 20))", "error"),
        ("import os\nos.fork()", "error"),
        ("import subprocess\nsubprocess.run(['true'])", "error"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "error"),
        ("import ctypes\nctypes.CDLL(None)", "error"),
        ("files = [open('f%d' % k, 'w') for k in range(100)]", "error"),
        ("double = None", "error"),
    ],
)
def test_what_passes_and_what_does_not(code: str, reason: str) -> None:
    outcome = run_tests(code, TESTS, SMALL)
    assert outcome.passed is (reason == "")
    assert outcome.reason == reason, outcome


def test_a_sleeper_is_killed_at_the_wall_limit() -> None:
    outcome = run_tests("import time\ntime.sleep(60)", "", Limits(wall_seconds=1.0))
    assert (outcome.passed, outcome.reason) == (False, "time")


def test_nothing_is_written_outside_of_its_directory(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine", encoding="utf-8")
    for code in (
        f"open({str(tmp_path / 'new')!r}, 'w')",
        f"import os\nos.remove({str(kept)!r})",
        f"import pathlib\npathlib.Path({str(kept)!r}).write_text('theirs')",
        f"import os\nos.rename({str(kept)!r}, 'here')",
        f"import os\nos.open({str(tmp_path / 'new')!r}, os.O_CREAT | os.O_WRONLY)",
    ):
        assert run_tests(code, "", SMALL).reason == "error"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert kept.read_text(encoding="utf-8") == "mine"
    assert run_tests("open('own', 'w').write('x')\nassert open('own').read() == 'x'", "").passed


def test_secrets_of_the_parent_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "1234")
    assert run_tests("import os\nassert 'SECRET_KEY' not in os.environ", "").passed


def test_no_connection_reaches_a_listener_of_the_parent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        code = f"import _socket\ns = _socket.socket()\ns.connect(('127.0.0.1', {port}))"
        assert not run_tests(code, "", SMALL).passed
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_outcome_says_how_the_network_was_shut() -> None:
    assert run_tests("", "").network in {"namespace", "hook"}


CODE = {
    "question": "Write a Python function double(x) that returns x times two.",
    "kind": "code",
    "tests": TESTS,
}
GOOD = (
    "Multiplying works for numbers and strings.\n```python\ndef double(x):\n    return x * 2\n```"
)
BAD = "Adding two is enough.\n```python\ndef double(x):\n    return x + 2\n```"


def test_code_is_kept_by_its_tests(tmp_path: Path) -> None:
    def reply(request):
        return (GOOD, BAD, "No code here.")[request.repeat]

    play(tmp_path, reply, CODE, samples=3, temperatures=(0.7,), run_code=True)
    (row,) = rows(tmp_path / "out" / "rows.jsonl")
    assert row["output"] == "```python\ndef double(x):\n    return x * 2\n```"
    assert row["reasoning"] == "Multiplying works for numbers and strings."
    assert row["pass_rate"] == [1, 3]
    found = [one["rule"] for one in rows(tmp_path / "out" / "rejects.jsonl")]
    assert found == ["wrong", "no_answer"]


def test_without_run_code_nothing_is_run_or_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.subprocess, "Popen", None)
    play(tmp_path, lambda request: GOOD, CODE, samples=1, temperatures=(0.7,))
    assert rows(tmp_path / "out" / "rows.jsonl") == []
    assert [one["rule"] for one in rows(tmp_path / "out" / "rejects.jsonl")] == ["code_not_run"]


def test_solutions_of_humaneval_pass_their_tests_and_empty_ones_do_not(data: Path) -> None:
    problems = list(read_jsonl(str(data / "decontam" / "HumanEval.jsonl.gz")))
    assert len(problems) == 164
    for problem in problems[::41]:
        tests = f"{problem['test']}\ncheck({problem['entry_point']})"
        solved = problem["prompt"] + problem["canonical_solution"]
        assert run_tests(solved, tests).passed, problem["task_id"]
        assert not run_tests(problem["prompt"] + "    return None\n", tests).passed


@pytest.mark.slow
def test_every_solution_of_humaneval_passes(data: Path) -> None:
    for problem in read_jsonl(str(data / "decontam" / "HumanEval.jsonl.gz")):
        tests = f"{problem['test']}\ncheck({problem['entry_point']})"
        outcome = run_tests(problem["prompt"] + problem["canonical_solution"], tests)
        assert outcome.passed, (problem["task_id"], outcome)
