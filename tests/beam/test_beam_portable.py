"""The portable path: job service, worker pool, translation. Every engine behind it gives equal bytes.

`embed` is Beam's job service inside this process, so the path is tested everywhere; Prism runs where its
binary is in Beam's cache, Flink in test_beam_flink.py.
"""

from __future__ import annotations

import email.parser
import hashlib
import os
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import apache_beam as beam
import grpc
import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from corpusforge.beam.assemble import assemble, write_launcher
from corpusforge.beam.flink_jar import cached_jar, main
from corpusforge.beam.options import given
from corpusforge.beam.pool import WorkerPool
from corpusforge.beam.remote import options_for
from corpusforge.beam.runner import BeamExecutor, build
from corpusforge.errors import EngineError, InputError
from corpusforge.io import files
from corpusforge.run.stage import Part, Stage, run_stage
from corpusforge.testing import parts as work
from corpusforge.testing.outputs import digests
from pipelines import pretrain_mix

PRISM = Path("~/.apache_beam/cache/prism/bin/prism").expanduser()
DATA = ("documents", "stats", "dropped", "failed", "scores", "quality", "duplicates", "contamination",
        "tokens", "mix", "shards")  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("base") / "run"
    pretrain_mix.run(["--output", str(output), "--workers", "1", "--quiet"])
    return digests(output, *DATA)


def run(output: Path, *options: str) -> dict[str, str]:
    pretrain_mix.run(["--output", str(output), "--quiet", *options])
    return digests(output, *DATA)


def numbers(run_directory: Path, make: object, count: int = 3) -> Stage:
    own = tuple(Part("numbers", i, str(run_directory), None, (i,), 10) for i in range(count))
    return Stage("numbers", str(run_directory), make, own, {}, {})  # type: ignore[arg-type]


def test_a_job_service_and_a_worker_pool_give_the_same_bytes(
    base: dict[str, str], tmp_path: Path
) -> None:
    assert run(tmp_path / "run", "--runner", "PortableRunner", "--job_endpoint=embed") == base


def test_workers_are_other_processes_and_relative_paths_reach_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with BeamExecutor("PortableRunner", 2, ["--job_endpoint=embed"]) as execute:
        run_stage(numbers(tmp_path / "run", work.write_process), execute)
    pids = {path.read_text().split()[1] for path in (tmp_path / "run/numbers").glob("part-*.txt")}
    assert str(os.getpid()) not in pids


def test_a_pool_of_another_machine_can_be_named(tmp_path: Path) -> None:
    """The pool as every machine of a cluster runs it: a program of its own, found by its address."""
    pool = subprocess.Popen(
        [sys.executable, "-m", "corpusforge.beam.pool", "--port", "0"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert pool.stderr is not None
    address = pool.stderr.readline().split()[-1]
    given_pool = ["--environment_type=EXTERNAL", f"--environment_config={address}"]
    try:
        with BeamExecutor("PortableRunner", 1, ["--job_endpoint=embed", *given_pool]) as execute:
            run_stage(numbers(tmp_path, work.write_process), execute)
    finally:
        pool.send_signal(signal.SIGINT)
        pool.wait(60)
        pool.stderr.close()
    pids = {path.read_text().split()[1] for path in (tmp_path / "numbers").glob("part-*.txt")}
    assert len(pids) == 1
    assert not pids & {str(os.getpid()), str(pool.pid)}


class Forks:
    """In a fork server's place: every worker is one end of a socket pair, the other is kept."""

    def __init__(self) -> None:
        self.ends: list[socket.socket] = []

    def fork(self, _: str) -> socket.socket:
        ours, theirs = socket.socketpair()
        self.ends.append(theirs)
        return ours


def test_two_engines_may_give_their_workers_one_name() -> None:
    forks = Forks()
    start = beam_fn_api_pb2.StartWorkerRequest(worker_id="1-1")
    stop = beam_fn_api_pb2.StopWorkerRequest(worker_id="1-1")
    apart = [("grpc.use_local_subchannel_pool", 1)]  # a TCP connection each
    with (
        WorkerPool(forks) as pool,  # type: ignore[arg-type]
        grpc.insecure_channel(pool.address, options=apart) as one,
        grpc.insecure_channel(pool.address, options=apart) as other,
    ):
        stub_of = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub
        stubs = [stub_of(channel) for channel in (one, other)]
        for stub in stubs:
            stub.StartWorker(start)
        first, second = forks.ends
        stubs[0].StopWorker(stop)
        first.settimeout(60)
        assert first.recv(1) == b"", "the first engine's worker is told to end"
        second.setblocking(False)
        with pytest.raises(BlockingIOError):
            second.recv(1)
        stubs[1].StopWorker(stop)
        second.settimeout(60)
        assert second.recv(1) == b""
    for end in forks.ends:
        end.close()


def test_an_error_in_a_part_is_told_as_it_is(tmp_path: Path) -> None:
    with (
        BeamExecutor("PortableRunner", 2, ["--job_endpoint=embed"]) as execute,
        pytest.raises(EngineError, match="stage 'numbers', part-00001 failed: division by zero"),
    ):
        run_stage(numbers(tmp_path, work.divide_by_zero), execute)


def test_an_error_of_an_earlier_try_does_not_fail_the_stage(tmp_path: Path) -> None:
    """An engine that tries again and succeeds leaves the first try's error behind."""
    with BeamExecutor("PortableRunner", 1, ["--job_endpoint=embed"]) as execute:
        (tmp_path / "numbers" / "_receipts").mkdir(parents=True)

        def twice(stage: Stage, parts: object) -> None:
            files.write_bytes(stage.path("_receipts", "part-00000.error"), b"defect\nfirst try\n-")
            execute(stage, parts)  # type: ignore[arg-type]

        stage = numbers(tmp_path, work.write_process)
        manifest, worked = run_stage(stage, twice)
    assert worked and manifest.parts == len(stage.parts)


def test_the_ledger_is_in_the_metrics(tmp_path: Path) -> None:
    stage = numbers(tmp_path, work.count_documents)
    (tmp_path / "numbers" / "_receipts").mkdir(parents=True)
    pipeline = beam.Pipeline(runner="FnApiRunner")
    build(pipeline, stage, [list(stage.parts)], retried=False)
    result = pipeline.run()
    found = {
        (counter.key.metric.namespace, counter.key.metric.name): counter.committed
        for counter in result.metrics().query()["counters"]
    }
    space = "corpusforge.numbers"
    assert found[space, "parts"] == 3
    assert found[space, "ingest/numbers/seen"] == 9
    assert found[space, "ingest/numbers/kept"] == 6
    assert found[space, "ingest/numbers/dropped/odd"] == 3
    assert found[space, "ingest/numbers/failed"] == 0


@pytest.mark.skipif(
    not PRISM.exists(), reason=f"no Prism at {PRISM}; docs/flink.md says how to get it"
)
def test_prism_gives_the_same_bytes(base: dict[str, str], tmp_path: Path) -> None:
    assert run(tmp_path / "run", "--runner", "PrismRunner") == base


@pytest.mark.skipif(
    not PRISM.exists(), reason=f"no Prism at {PRISM}; docs/flink.md says how to get it"
)
def test_a_worker_killed_under_prism_ends_the_stage(tmp_path: Path) -> None:
    with (
        BeamExecutor("PrismRunner", 1) as execute,
        pytest.raises(EngineError, match=r"'numbers' failed on PrismRunner.*resume"),
    ):
        run_stage(numbers(tmp_path, work.kill_second), execute)
    assert not (tmp_path / "numbers" / "manifest.json").exists()


def test_what_is_missing_is_named_and_nothing_is_downloaded(tmp_path: Path) -> None:
    cache = f"--jar_cache_dir={tmp_path}"
    with (
        BeamExecutor("FlinkRunner", 1, [cache]) as execute,
        pytest.raises(InputError, match=r"job server is not at .*corpusforge\.beam\.flink_jar"),
    ):
        run_stage(numbers(tmp_path / "run", work.write_process), execute)
    with (
        BeamExecutor("SparkRunner", 1, [cache]) as execute,
        pytest.raises(InputError, match=r"job server is not at .*assemble spark"),
    ):
        run_stage(numbers(tmp_path / "run", work.write_process), execute)
    with (
        BeamExecutor("PrismRunner", 1, [f"--prism_location={tmp_path}/none"]) as execute,
        pytest.raises(InputError, match=r"Prism is not at .*go install"),
    ):
        run_stage(numbers(tmp_path / "run", work.write_process), execute)


@pytest.mark.parametrize("endpoint", ["localhost:1", "localhost", "localhost:x", "localhost:99999"])
def test_a_job_server_that_is_not_there_is_not_waited_for(tmp_path: Path, endpoint: str) -> None:
    with (
        BeamExecutor("PortableRunner", 1, [f"--job_endpoint={endpoint}"]) as execute,
        pytest.raises(InputError, match=rf"'{endpoint}': no job server answers there"),
    ):
        run_stage(numbers(tmp_path / "run", work.write_process), execute)


def test_the_job_server_is_fetched_once_and_checked(
    tmp_path: Path, loopback: str, served: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = cached_jar("2.2").name
    folder = served / f"org/apache/beam/{name.split('-2.77')[0]}" / name.split("-")[-1][:-4]
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"a jar")
    (folder / f"{name}.sha1").write_text(hashlib.sha1(b"a jar").hexdigest())
    told = ["--flink_version", "2.2", "--base", loopback, "--cache", str(tmp_path)]
    assert main(told) == 0
    assert (tmp_path / name).read_bytes() == b"a jar"
    (folder / name).unlink()
    assert main(told) == 0, "what is there and right is not fetched again"
    (folder / f"{name}.sha1").write_text("0" * 40)
    assert main(told) == 2
    assert "error" in capsys.readouterr().err


def test_assembling_needs_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="by Maven"):
        assemble("flink", cache=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_is_not_served_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in Maven's place that fails as Maven does for a missing artifact."""
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\necho '[ERROR] Could not find artifact x'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{maven.parent}:{os.environ['PATH']}")
    with pytest.raises(InputError, match=r"Maven could not get Beam 2\..*find artifact x"):
        assemble("flink", cache=str(tmp_path / "cache"))
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_launcher_s_manifest_is_folded_as_the_format_says(tmp_path: Path) -> None:
    """At most 72 bytes a line, continued after one blank (the JAR file specification)."""
    names = [f"lib/some-quite-long-name-of-a-part-{n}.jar" for n in range(9)]
    write_launcher(tmp_path / "launcher.jar", "a.Main", names)
    with zipfile.ZipFile(tmp_path / "launcher.jar") as jar:
        raw = jar.read("META-INF/MANIFEST.MF")
    assert raw.endswith(b"\r\n\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 72
    entries = email.parser.BytesParser().parsebytes(raw.replace(b"\r\n ", b""))
    assert entries["Class-Path"].split() == names
    assert entries["Main-Class"] == "a.Main"


def test_every_stage_is_named_and_portable(tmp_path: Path) -> None:
    """The proto names each step after its stage, and no step needs a coder that cannot be a key."""
    for name in pretrain_mix.STAGES[:-1]:
        stage = Stage(name, str(tmp_path), work.write_process, (), {}, {})
        pipeline = beam.Pipeline(runner="FnApiRunner")
        build(pipeline, stage, [[Part(name, 0, str(tmp_path), None)]], retried=True)
        proto = pipeline.to_runner_api()
        steps = proto.components.transforms
        root = next(iter(proto.root_transform_ids))
        labels = [steps[step].unique_name for step in steps[root].subtransforms]
        assert labels == [f"{name.capitalize()}Parts", name.capitalize()]
        grouped = [
            item
            for item in proto.components.transforms.values()
            if item.spec.urn == common_urns.primitives.GROUP_BY_KEY.urn
        ]
        for item in grouped:
            collection = proto.components.pcollections[next(iter(item.inputs.values()))]
            pair = proto.components.coders[collection.coder_id]
            key = proto.components.coders[pair.component_coder_ids[0]]
            assert key.spec.urn == common_urns.coders.VARINT.urn


def test_options() -> None:
    assert given(["--a=1", "--b", "2"], "b") == "2"
    assert given(["--flag"], "flag") == "true"
    assert given(["--a=1"], "b") is None
    own = options_for("FlinkRunner", "tokens", "/data/My Run/x", [])
    assert own == ["--job_name=corpusforge-data-my-run-x-tokens"]


@pytest.mark.parametrize(
    ("run_directory", "options", "message"),
    [
        ("/here", ["--project=p", "--region=r", "--sdk_container_image=i"], "on this machine"),
        ("gs://b/run", ["--sdk_container_image=i"], "needs --project and --region"),
        ("gs://b/run", ["--project=p", "--region=r"], "needs --sdk_container_image"),
    ],
)
def test_dataflow_is_told_what_it_needs(
    run_directory: str, options: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        options_for("DataflowRunner", "documents", run_directory, options)


def test_dataflow_preset_gives_way_to_what_is_given() -> None:
    told = ["--project=p", "--region=r", "--sdk_container_image=i", "--machine_type=c3-standard-8"]
    own = options_for("DataflowRunner", "documents", "gs://b/run", told)
    assert given(own, "machine_type") == "c3-standard-8"
    assert given(own, "temp_location") == "gs://b/run/_beam"
    assert given(own, "number_of_worker_harness_threads") == "1"
