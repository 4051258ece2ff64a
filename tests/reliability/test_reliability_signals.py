"""SIGINT and SIGTERM from a command's first moment to its last: one line, the usual code, nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import pretrain_mix

AT_IMPORT = """
import os, signal, sys
class Sends:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["AT"] and not self.sent:
            self.sent = True
            os.kill(os.getpid(), int(os.environ["SENT"]))
    sent = False
sys.meta_path.insert(0, Sends())
"""
"""A `sitecustomize` that sends this process a signal where a module is about to be imported."""

IN_WORK = """
import os, sys
from corpusforge import program
program.start()
from corpusforge.run import signatures
from pipelines import pretrain_mix
made, once = signatures.make_signatures, [{sent}]
def make(part):  # a second signal would end the process at once
    for number in [once.pop()] if once else []:
        os.kill(os.getpid(), number)
    return made(part)
signatures.make_signatures = make
sys.exit(pretrain_mix.main(sys.argv[1:]))
"""
CODES = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}
COMMANDS = (
    ("pipelines.pretrain_mix", "corpusforge.recipe"),
    ("pipelines.pretrain_mix", "pyarrow"),
    ("pipelines.pretrain_mix", "pyarrow.compute"),
    ("pipelines.self_instruct", "corpusforge.models.options"),
    ("pipelines.dedup", "corpusforge.dedup.settings"),
    ("classifiers.hashed_logreg.train", "corpusforge.score"),
    ("schemas.build", "msgspec"),
    ("corpusforge.beam.flink_jar", "apache_beam"),
    ("corpusforge.beam.pool", "grpc"),
)


def by_hand() -> None:
    """Signals as a shell gives them to a command in front; the suite itself may run in the background of a
    script, which starts it with SIGINT ignored, or under something that blocks them."""
    for number in CODES:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, CODES)


def begun(tmp_path: Path, module: str, at: str, sent: int, **more: object) -> tuple[int, str]:
    (tmp_path / "sitecustomize.py").write_text(AT_IMPORT)
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        env={**os.environ, "PYTHONPATH": paths, "AT": at, "SENT": str(int(sent))},
        capture_output=True, text=True, check=False, **{"preexec_fn": by_hand, **more},
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("sent", CODES)
@pytest.mark.parametrize(("module", "at"), COMMANDS)
def test_a_signal_while_a_command_is_being_imported(
    tmp_path: Path, module: str, at: str, sent: signal.Signals
) -> None:
    code, told = begun(tmp_path, module, at, sent)
    assert (code, told) == (CODES[sent][0], f"{CODES[sent][1]}; nothing was begun\n")


def test_a_signal_that_is_ignored_by_inheritance_stays_ignored(tmp_path: Path) -> None:
    """As `nohup` and a script's background jobs have it."""
    code, told = begun(
        tmp_path, "pipelines.dedup", "corpusforge.dedup.settings", signal.SIGINT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    assert (code, told) == (0, "")


def test_a_program_of_someone_else_keeps_its_signals() -> None:
    code = (
        "import signal, pipelines, corpusforge.cli;"
        "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL;"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler;"
        "corpusforge.cli.main(['recipe', 'list']);"
        "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, preexec_fn=by_hand
    )


@pytest.mark.parametrize("sent", CODES)
def test_a_signal_in_the_middle_of_a_run(tmp_path: Path, sent: signal.Signals) -> None:
    output = str(tmp_path / "run")
    done = subprocess.run(
        [sys.executable, "-c", IN_WORK.format(sent=int(sent)), "--output", output, "--quiet"],
        capture_output=True, text=True, check=False, preexec_fn=by_hand,
    )  # fmt: skip
    code, word = CODES[sent]
    assert (done.returncode, done.stderr) == (
        code,
        f"{word}; give the same command again to resume\n",
    )
    assert (tmp_path / "run/documents/manifest.json").exists()
    assert not (tmp_path / "run/signatures/manifest.json").exists()
    assert pretrain_mix.main(["--output", output, "--quiet", "--until", "duplicates"]) == 0
