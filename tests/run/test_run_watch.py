"""`status --watch`: until nobody is at work, on a terminal and in a pipe; a scripted clock, nothing waits."""

from __future__ import annotations

import fcntl
import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from corpusforge import cli
from corpusforge.errors import RunError
from corpusforge.io import lock as locks
from corpusforge.io.lock import beside_others, held, holder, lock, shared
from corpusforge.run.status import EXIT_CODES, RunStatus, StageStatus, read_status
from corpusforge.run.status_command import watch

STAGES = ("documents", "tokens")


def status(state: str, made: int = 0, more: str = "todo") -> RunStatus:
    documents = StageStatus(
        name="documents", state="done" if made == 4 else "running", parts=4, made=made,
        documents=100 * made,
    )  # fmt: skip
    stages = (documents, StageStatus(name="tokens", state=more, parts=2))
    return RunStatus(
        run="r", recipe="a\x1b[2J", state=state, holder="process 7", updated=1000.0, error="",
        documents=100 * made, input_bytes=0, stages=stages, ledger=[],
    )  # fmt: skip


def script(looks: list[RunStatus]) -> tuple[Callable[[], RunStatus], Callable[[], None], list[str]]:
    told: list[str] = []
    left = iter(looks)

    def read() -> RunStatus:
        told.append("look")
        return next(left)

    return read, lambda: told.append("wait"), told


LOOKS = [
    status("running", 0),
    status("running", 0),
    status("working", 3),
    status("unknown", 4, "running"),
    status("complete", 4, "done"),
    status("complete", 4, "done"),
]


def test_a_pipe_gets_a_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    read, wait, told = script(LOOKS)
    assert watch(read, wait, lambda: 1000.0).state == "complete"
    assert told == ["look", *["wait", "look"] * 4], "the fifth look ends it"
    out = capsys.readouterr().out
    heads = [line for line in out.splitlines() if line.startswith("r: recipe")]
    assert [line.rsplit(", ", 1)[1] for line in heads] == ["running (process 7)", "complete"]
    assert [line for line in out.splitlines() if line.startswith("1970")] == [
        "1970-01-01T00:16:40+00:00 documents running: 3/4 parts, 300 documents",
        "1970-01-01T00:16:40+00:00 documents done: 4/4 parts, 400 documents",
        "1970-01-01T00:16:40+00:00 tokens running: 0/2 parts, 0 documents",
    ]
    assert "\x1b" not in out


def test_a_terminal_is_drawn_anew_in_its_place() -> None:
    read, wait, told = script(LOOKS)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, height=40)
    assert watch(read, wait, lambda: 1000.0, console=console).state == "complete"
    assert told.count("wait") == 4
    shown = stream.getvalue()
    assert shown.count("r: recipe a\\x1b[2J") >= 5, "a recipe's name does not clear the screen"
    ups = [int(n or 1) for n in re.findall(r"\x1b\[(\d*)A", shown)]
    assert ups and "\x1b[2J" not in shown, "the cursor goes up over the last table"


@pytest.mark.parametrize(
    "state", [state for state in EXIT_CODES if state not in ("running", "working", "unknown")]
)
def test_it_ends_where_nobody_is_at_work(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    read, wait, told = script([status(state, 2), status("running", 2)])
    assert watch(read, wait, lambda: 0.0).state == state
    assert told == ["look"]


def test_the_command_watches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.json").write_text('{"name": "mine"}')
    assert cli.main(["status", str(tmp_path), "--watch"]) == EXIT_CODES["stopped"]
    assert "recipe mine, stopped" in capsys.readouterr().out
    for wrong in ("0", "-1", "1e300"):
        assert cli.main(["status", str(tmp_path), f"--watch={wrong}"]) == 2
        assert "expected seconds above 0" in capsys.readouterr().err


def test_tasks_of_an_array_are_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_WAIT", 0.0)
    (tmp_path / "recipe.json").write_text('{"name": "mine"}')
    run = str(tmp_path)
    assert read_status(run, STAGES).state == "stopped"
    with beside_others(run), beside_others(run):
        assert (shared(run), holder(run)) == (True, "")
        assert read_status(run, STAGES).state == "working"
        with pytest.raises(RunError), lock(run):
            pass
    assert read_status(run, STAGES).state == "stopped"
    with lock(run):
        assert read_status(run, STAGES).state == "running"
        assert not shared(run)
        with pytest.raises(RunError), beside_others(run):
            pass


def test_a_look_does_not_send_a_task_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`shared` holds the lock for an instant; a task that comes then tries again."""
    with lock(str(tmp_path)):
        pass
    with (tmp_path / "run.lock").open() as looker:
        fcntl.flock(looker, fcntl.LOCK_EX)
        monkeypatch.setattr(locks.time, "sleep", lambda _: fcntl.flock(looker, fcntl.LOCK_UN))
        with beside_others(str(tmp_path)):
            assert os.path.exists(tmp_path / "run.lock")


def test_a_part_in_the_making_is_held_by_one(tmp_path: Path) -> None:
    path = str(tmp_path / "part.lock")
    with held(path) as first, held(path) as second:
        assert (first, second) == (True, False)
