"""A step that fails for the most part is told in one line, with what helps."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from corpusforge.instruct.accounts import Account, Made
from corpusforge.instruct.notices import ADVICE, notices
from corpusforge.losses import losses
from corpusforge.models import (
    Client,
    Completion,
    Message,
    Request,
    Sampling,
    Settings,
)
from corpusforge.models.budget import Usages
from corpusforge.models.openai_engine import OpenAIEngine
from pipelines.self_instruct import main
from tests.models.fault_server import serve

pytest.importorskip("openai", reason="extra openai")


def used(purpose: str, ends: str, limit: int = 70) -> Usages:
    """Accounts of answers of which "l" ended at the limit and "s" by themselves."""
    usage = Usages()
    for number, end in enumerate(ends):
        reason = "length" if end == "l" else "stop"
        made = Completion(key=str(number), text="x", finish_reason=reason, model="m")  # type: ignore[arg-type]
        usage.count(purpose, made, replayed=False, limit=limit)
    return usage


def test_a_rule_that_takes_more_than_half_is_told_once() -> None:
    told = losses("critique", 5, {"no_verdict": 5}, ADVICE, "look")
    assert told == [f"critique: 5 of 5 refused as no_verdict: {ADVICE['no_verdict']}"]
    assert losses("x", 4, {"cut": 2}, ADVICE, "look") == [], "half is not more than half"
    assert losses("x", 2, {"cut": 2}, ADVICE, "look") == [], "two say nothing"
    assert losses("x", 4, {"a": 2, "b": 2}, {}, "look") == [
        "x: none of 4 accepted (2 a, 2 b): look"
    ]
    assert losses("x", 9, {"own": 5}, {}, "look") == ["x: 5 of 9 refused as own: look"]


def test_answers_that_end_at_their_limit_are_told_with_the_option_that_helps() -> None:
    assert notices(Made(), used("annotate.candidate", "l" * 18 + "ss")) == [
        "18 of 20 answers of annotate.candidate end at their limit of 70 tokens: raise --max-tokens"
    ]
    [line] = notices(Made(), used("instruct.instance", "lls"))
    assert line.endswith("raise --instance-tokens")
    assert notices(Made(), used("instruct.generate", "ls")) == []
    assert notices(Made(), used("instruct.classify", "lll", limit=16)) == [], "a verdict may be cut"


def test_every_step_of_every_language_is_looked_at() -> None:
    made = Made(
        steps={
            ("en", "generate"): Account(seen=4, accepted=1, rejected={"no_list": 3}),
            ("zh", "generate"): Account(seen=4, accepted=4),
            ("", "judge"): Account(seen=5, accepted=0, rejected={"repetition": 2, "evasion": 3}),
        }
    )
    first, second = notices(made, Usages())
    assert first.startswith("judge: 3 of 5 refused as evasion: look at them in rejects.jsonl")
    assert "--allow evasion" in first
    assert second.startswith("en generate: 3 of 4 refused as no_list") and "doctor" in second


def test_what_was_cut_is_told_once() -> None:
    made = Made(steps={("en", "evol.write"): Account(seen=4, rejected={"cut": 4})})
    (line,) = notices(made, used("instruct.evol.write", "llll"))
    assert "end at their limit of 70 tokens" in line
    (line,) = notices(made, Usages())  # half of all languages together is not cut
    assert line.startswith("en evol.write: 4 of 4 refused as cut")


def test_self_instruct_says_so_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve() as server:
        server.echo = "I cannot write a list."
        line = ["--engine", "openai", "--base-url", server.url, "--output", str(tmp_path / "run")]
        code = main([*line, "--prompts", "4", "--max-rounds", "1", "--format", "messages"])
    told = capsys.readouterr().err
    assert code == 1
    assert told.count("warning: en generate: 4 of 4 refused as no_list") == 1


def test_sigterm_is_answered_at_once_and_twice_ends_at_once(tmp_path: Path) -> None:
    with serve() as server:
        server.always = "slow"
        command = [
            sys.executable, "-m", "pipelines.self_instruct", "--engine", "openai", "--base-url", server.url,
            "--concurrency", "2", "--prompts", "2", "--output", str(tmp_path / "run"),
        ]  # fmt: skip
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            while server.tries.total() < 2:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(timeout=0.05)
            process.send_signal(signal.SIGTERM)
            assert process.stderr.readline().startswith(
                "stopping: the answers of 2 requests in flight"
            )
            process.send_signal(signal.SIGTERM)
            assert process.stderr.read() == (
                "terminated at once; give the same command again to resume\n"
            )
            assert process.wait() == 128 + signal.SIGTERM


def test_a_request_counts_its_limit() -> None:
    with serve() as server:
        server.always = "length"
        asked = [
            Request(
                messages=(Message("user", text),), sampling=Sampling(max_tokens=33), purpose="p"
            )
            for text in "abc"
        ]
        engine = OpenAIEngine(Settings(engine="openai", base_url=server.url, api_key_env=""))
        client = Client(engine)
        client.complete(asked)
        engine.disconnect()
    assert client.usage.cut_lines() == [
        "3 of 3 answers of p end at their limit of 33 tokens: raise --max-tokens"
    ]
