"""Flink for real, embedded and as a cluster on loopback, and Spark: where their job servers are at hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from corpusforge.beam.assemble import assembled_jar
from corpusforge.beam.flink_jar import find_jar
from corpusforge.beam.runner import BeamExecutor
from corpusforge.errors import EngineError
from corpusforge.run.stage import Part, Stage, run_stage
from corpusforge.testing import parts as work
from corpusforge.testing.flink_cluster import flink_cluster
from corpusforge.testing.outputs import digests
from pipelines import pretrain_mix

_WHERE = "docs/flink.md says how to get it"
pytestmark = [
    pytest.mark.flink,
    pytest.mark.skipif(shutil.which("java") is None, reason="no java"),
    pytest.mark.skipif(find_jar() is None, reason=f"no Flink job server in Beam's cache; {_WHERE}"),
]
RETRIES = """\
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 3
restart-strategy.fixed-delay.delay: 1 s
"""


def numbers(run: Path, make: object, settings: tuple[int, ...], count: int = 4) -> Stage:
    own = tuple(Part("numbers", i, str(run), settings, (i,), 10) for i in range(count))
    return Stage("numbers", str(run), make, own, {}, {})  # type: ignore[arg-type]


def written(run: Path) -> list[str]:
    return [path.name for path in sorted((run / "numbers").glob("part-*.txt"))]


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner"])
def test_the_sample_has_the_same_bytes(tmp_path: Path, runner: str) -> None:
    if runner == "SparkRunner" and not assembled_jar("spark").exists():
        pytest.skip(f"no Spark job server in Beam's cache; {_WHERE}")
    here, there = tmp_path / "here", tmp_path / "there"
    pretrain_mix.run(["--output", str(here), "--quiet"])
    pretrain_mix.run(["--output", str(there), "--quiet", "--runner", runner])
    assert digests(there) == digests(here)
    assert len(digests(here)) > 50


def test_a_killed_worker_ends_the_stage(tmp_path: Path) -> None:
    with (
        BeamExecutor("FlinkRunner", 2) as execute,
        pytest.raises(EngineError, match=r"'numbers' failed on FlinkRunner.*resume"),
    ):
        run_stage(numbers(tmp_path, work.kill_second, ()), execute)
    assert not (tmp_path / "numbers" / "manifest.json").exists()


def test_a_killed_worker_is_replaced_where_retries_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/flink-conf.yaml").write_text(RETRIES)
    with BeamExecutor("FlinkRunner", 2, [f"--flink_conf_dir={tmp_path / 'conf'}"]) as execute:
        run_stage(numbers(tmp_path, work.kill_once, (0,)), execute)
    assert (tmp_path / "part-00001.killed").exists()
    assert written(tmp_path) == [f"part-{i:05}.txt" for i in range(4)]


@pytest.mark.skipif(
    not assembled_jar("flink").exists(), reason=f"no assembled job server; {_WHERE}"
)
def test_a_killed_task_manager_is_done_without(tmp_path: Path) -> None:
    with flink_cluster(task_managers=2, slots=2) as cluster:
        assert cluster.overview()["taskmanagers"] == 2
        victim = cluster.task_managers[0]
        options = ["--flink_master", cluster.address, "--parallelism", "2"]
        with BeamExecutor("FlinkRunner", 2, options) as execute:
            run_stage(numbers(tmp_path, work.kill_once, (victim.pid,)), execute)
        assert victim.poll() is not None
        assert cluster.overview()["jobs-finished"] == 1
    assert written(tmp_path) == [f"part-{i:05}.txt" for i in range(4)]
