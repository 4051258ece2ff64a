"""`corpusforge status`: runs in progress, killed, failed, finished; expected: by hand, from receipts."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pytest

from corpusforge import __version__, cli
from corpusforge.errors import RunError
from corpusforge.io import files
from corpusforge.io.lock import holder, lock
from corpusforge.ledger import Ledger
from corpusforge.manifest import Receipt
from corpusforge.run.metrics import prometheus
from corpusforge.run.pretrain import STAGES
from corpusforge.run.stage import Part, Stage, run_part, run_stage
from corpusforge.run.status import EXIT_CODES, RunStatus, StageStatus, read_status, time_left
from corpusforge.run.status_command import lines
from corpusforge.testing import parts as work
from pipelines import pretrain_mix
from schemas.build import documents


def told(status: RunStatus) -> str:
    return "\n".join(lines(status, time.time()))


def stage_of(run: Path) -> Stage:
    files.write_bytes(f"{run}/recipe.json", b'{"name": "mine"}')
    own = tuple(
        Part("documents", i, str(run), None, (i,), size)
        for i, size in enumerate((5_000_000, 1_000_000, 1_000_000, 3_000_000))
    )
    return Stage("documents", str(run), work.count_documents, own, {}, {})


def half(stage: Stage, parts: Sequence[Part]) -> None:
    for part in parts[1:3]:
        run_part(stage.work, part)
    files.write_bytes(f"{stage.run}/documents/_receipts/part-00003.begun", b"1")
    raise KeyboardInterrupt


def test_a_stage_in_progress_tells_its_parts(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    with pytest.raises(KeyboardInterrupt), lock(str(tmp_path)):
        try:
            run_stage(stage, half)
        finally:
            status = read_status(str(tmp_path), STAGES)
            running = told(status)
    assert (status.state, status.holder) == ("running", f"process {os.getpid()}")
    found = status.stages[0]
    assert (found.state, found.parts, found.made, found.begun) == ("running", 4, 2, ("part-00003",))
    assert (found.documents, found.input_bytes, found.left) == (2, 2_000_000, None)
    assert 0 <= time.time() - status.updated < 600
    assert [row["seen"] for row in status.ledger] == [6], "three documents a part, two parts"
    assert "too few parts" in running
    assert "2/4" in running
    stopped = read_status(str(tmp_path), STAGES)
    assert (stopped.state, stopped.stages[0].state, stopped.stages[0].rate) == (
        "stopped",
        "stopped",
        0,
    )
    assert "begun and not ended: part-00003" in told(stopped)


def test_a_plan_is_gone_when_the_stage_is_done_and_parts_are_in_its_manifest(
    tmp_path: Path,
) -> None:
    def execute(stage: Stage, parts: Sequence[Part]) -> None:
        for part in parts:
            run_part(stage.work, part)

    run_stage(stage_of(tmp_path), execute)
    assert not (tmp_path / "documents/_receipts/plan.json").exists()
    found = read_status(str(tmp_path), STAGES).stages[0]
    assert (found.state, found.parts, found.made, found.input_bytes) == ("done", 4, 4, 10_000_000)


def test_time_left_is_work_left_over_the_rate_and_twice_its_standard_error() -> None:
    """By hand: 3 of 6 equal parts in 30 s leave 30 s; task seconds 8, 10, 12 have a standard error of
    2 / sqrt(3) on 10, and two of it are 23 %."""
    receipts = {
        n: Receipt(f"part-{n:05}", "", (), seconds=s, ended=110.0 + n)
        for n, s in enumerate((8, 10, 12))
    }
    left = time_left([100] * 6, receipts, started=100.0, now=130.0)
    assert left is not None
    assert left.seconds == pytest.approx(30)
    assert (left.high - left.seconds) / 30 == pytest.approx(2 * 2 / math.sqrt(3) / 10)
    assert left.seconds - left.low == pytest.approx(left.high - left.seconds)
    assert time_left([0] * 6, receipts, 100.0, 130.0) == left, "without sizes parts count alike"
    assert time_left([100] * 6, receipts, started=111.5, now=130.0) is None, "one since this start"


def test_a_killed_run_is_stopped_and_a_finished_one_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "pipelines.pretrain_mix", "--quiet", "--workers", "1"]
    process = subprocess.Popen([*command, "--output", str(run)], stdout=subprocess.DEVNULL)
    try:
        while not list(run.glob("documents/_receipts/part-*.json")):  # ends when the process does
            assert process.poll() is None, "ended before it was killed"
            os.sched_yield()
        assert read_status(str(run), STAGES).state == "running"
        assert holder(str(run)) == f"process {process.pid}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    killed = read_status(str(run), STAGES)
    assert (killed.state, killed.holder, killed.error) == ("stopped", "", "")
    assert killed.stages[0].made == len(list(run.glob("documents/_receipts/part-?????.json")))
    assert cli.main(["status", str(run)]) == EXIT_CODES["stopped"]
    assert "give its command again to resume" in capsys.readouterr().out
    pretrain_mix.run(["--output", str(run), "--workers", "1", "--quiet", "--keep", "none"])
    capsys.readouterr()
    assert cli.main(["status", str(run), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    report = json.loads((run / "report.json").read_text())
    jsonschema.validate(status, json.loads(documents()["run_status.v1.json"]))
    assert status["state"] == "complete"
    assert 0 <= time.time() - status["updated"] < 600
    assert status["ledger"] == Ledger.from_rows(report["ledger"]).rows()
    assert {s["name"]: s["state"] for s in status["stages"]}["shards"] == "done"
    assert {s["state"] for s in status["stages"]} <= {"done", "none"}, "manifests were cleaned away"
    assert status["documents"] == sum(r["seen"] for r in report["ledger"] if r["stage"] == "ingest")


def test_an_error_stays_to_be_read_until_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("no json\n" * 3)
    options = ["--source=docs:documents=" + str(tmp_path / "*.jsonl"), "--quiet", "--workers", "1",
               "--output", str(tmp_path / "run"), "--until", "documents"]  # fmt: skip
    with pytest.raises(RunError):
        pretrain_mix.run(options)
    status = read_status(str(tmp_path / "run"), STAGES)
    assert status.state == "failed"
    assert "more than max_failed_ratio" in status.error
    (tmp_path / "bad.jsonl").write_text('{"text": "a document of few words"}\n')
    pretrain_mix.run(options)
    status = read_status(str(tmp_path / "run"), STAGES)
    assert (status.state, status.error) == ("stopped", ""), "--until documents"


def test_what_is_no_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", str(tmp_path)]) == 2
    assert "is not a run" in capsys.readouterr().err


def test_looking_does_not_keep_a_run_from_starting(tmp_path: Path) -> None:
    import fcntl

    with lock(str(tmp_path)):
        pass
    with (tmp_path / "run.lock").open() as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        assert holder(str(tmp_path)) == "", "another who looks is no writer"
        with pytest.raises(RunError), lock(str(tmp_path)):
            pass
    with lock(str(tmp_path)):
        assert holder(str(tmp_path)) == f"process {os.getpid()}"


def test_prometheus_text_is_read_by_its_own_parser(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = pytest.importorskip("prometheus_client.parser", reason="needs corpusforge[test]")
    run = tmp_path / "run"
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "Nothing but short words. " * 40}) + "\n")
    source = f"--source=a.b-c_1:documents={tmp_path}/a.jsonl"
    pretrain_mix.run([source, "--output", str(run), "--workers", "1", "--quiet"])
    capsys.readouterr()
    assert cli.main(["status", str(run), "--prometheus"]) == 0
    families = list(parser.text_string_to_metric_families(capsys.readouterr().out))
    values = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    assert {family.type for family in families} == {"gauge"}
    assert all(family.documentation for family in families)
    report = json.loads((run / "report.json").read_text())
    for row in report["ledger"]:
        own = {("run", str(run)), ("step", row["stage"]), ("source", row["source"])}
        for outcome in ("seen", "kept", "failed"):
            key = ("corpusforge_ledger_documents", frozenset(own | {("outcome", outcome)}))
            assert values[key] == row[outcome]
        for rule, count in row["dropped"].items():
            assert values["corpusforge_ledger_dropped", frozenset(own | {("rule", rule)})] == count
    named = ("run", str(run))
    assert values["corpusforge_run_state", frozenset({named, ("state", "complete")})] == 1
    for manifest in run.glob("*/manifest.json"):
        stage = frozenset({named, ("stage", manifest.parent.name)})
        told = json.loads(manifest.read_text())
        assert values["corpusforge_stage_documents", stage] == told["documents"]
        assert values["corpusforge_stage_output_bytes", stage] == sum(
            output["bytes"] for output in told["outputs"]
        )


@pytest.mark.parametrize(
    "text", ['a "quoted" name', "back\\slash", "two\nlines", '\\"\n\\n', "名 é", '{a="b",} 1']
)
def test_any_label_is_read_back_by_prometheus_parser(text: str) -> None:
    """Names of recipes, sources, rules and notes as an older run or a plug-in may have them."""
    parser = pytest.importorskip("prometheus_client.parser", reason="needs corpusforge[test]")
    row = {"stage": "filter", "source": text, "seen": 3, "kept": 1, "failed": 0}
    row |= {"dropped": {text: 2}, "notes": {text: 5}}
    stage = StageStatus(name="documents", state="done")
    status = RunStatus(
        run=text, recipe=text, state="complete", holder="", updated=0.0, error="", documents=3,
        input_bytes=0, stages=(stage,), ledger=[row],
    )  # fmt: skip
    families = list(parser.text_string_to_metric_families(prometheus(status)))
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    name, own = "corpusforge_ledger", (("run", text), ("source", text), ("step", "filter"))
    info = ("corpusforge_run_info", ("recipe", text), ("run", text), ("version", __version__))
    assert samples[info] == 1
    assert samples[f"{name}_documents", ("outcome", "dropped"), *own] == 2
    assert samples[f"{name}_dropped", ("rule", text), *own] == 2
    assert samples[f"{name}_notes", ("note", text), *own] == 5


_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


def test_an_object_store_has_no_lock_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage stopped in the middle, looked at where it was made and in a bucket on loopback."""
    boto3 = pytest.importorskip("boto3", reason="needs corpusforge[test] or [aws]")
    pytest.importorskip("moto.server", reason="needs moto, in corpusforge[test]")
    from corpusforge.io import remote

    with pytest.raises(KeyboardInterrupt):
        run_stage(stage_of(tmp_path), half)
    local = read_status(str(tmp_path), STAGES).stages[0]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with subprocess.Popen([sys.executable, "-c", _SERVE], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:  # fmt: skip
        assert server.stdout is not None
        endpoint = f"http://127.0.0.1:{int(server.stdout.readline())}"
        remote.configure([f"--s3_endpoint_url={endpoint}"])
        bucket = boto3.resource("s3", endpoint_url=endpoint).Bucket("corpus")
        bucket.create()
        for path in tmp_path.rglob("*"):
            if path.is_file():
                bucket.upload_file(str(path), f"run/{path.relative_to(tmp_path).as_posix()}")
        status = read_status("s3://corpus/run", STAGES)
        found = status.stages[0]
        assert (status.state, status.holder, found.state) == ("unknown", "", "running")
        assert (found.parts, found.made, found.begun) == (local.parts, local.made, local.begun)
        assert (found.documents, found.output_bytes) == (local.documents, local.output_bytes)
        with pytest.raises(RunError, match="is not a run"):
            read_status("s3://corpus/none", STAGES)
        server.communicate()
