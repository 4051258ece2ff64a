"""A stand-alone Flink cluster on loopback: one job manager, several task managers, a process each.

    python -m corpusforge.testing.flink_cluster --task_managers 2

Started from the parts of the assembled job server (`python -m corpusforge.beam.assemble flink`),
which hold all of Flink that Beam needs. For tests, and to try what happens when a task manager dies;
not a deployment: nothing is kept, nothing is secured.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from corpusforge.beam.assemble import OPENED, assembled_jar
from corpusforge.errors import InputError
from corpusforge.io.decoding import decode_json
from corpusforge.options import Parser, at_least
from corpusforge.printing import flush, say
from corpusforge.program import guard

__all__ = ["Cluster", "flink_cluster", "main"]

_ENTRY = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_WORKER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_CONFIG = """\
jobmanager.rpc.address: localhost
jobmanager.rpc.port: {rpc}
jobmanager.bind-host: localhost
rest.address: localhost
rest.bind-address: localhost
rest.port: {rest}
taskmanager.host: localhost
taskmanager.bind-host: localhost
taskmanager.numberOfTaskSlots: {slots}
taskmanager.cpu.cores: {slots}
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 64m
taskmanager.memory.task.heap.size: 384m
taskmanager.memory.task.off-heap.size: 0m
taskmanager.memory.managed.size: 64m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 64m
taskmanager.memory.jvm-overhead.max: 64m
cluster.evenly-spread-out-slots: true
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 3
restart-strategy.fixed-delay.delay: 1 s
"""
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster: its address for `--flink_master`, its task managers, its log directory."""

    address: str
    task_managers: tuple[subprocess.Popen[bytes], ...]
    logs: Path

    def overview(self) -> dict[str, int]:
        """Return Flink's counts: taskmanagers, slots-total, slots-available, jobs-finished …"""
        with urllib.request.urlopen(f"http://{self.address}/overview", timeout=10) as answer:
            told: dict[str, int] = decode_json(answer.read())
        return told


@contextmanager
def flink_cluster(
    task_managers: int = 2, slots: int = 2, jar: Path | None = None
) -> Iterator[Cluster]:
    """Start a cluster, wait until every task manager is known, and end it all at the end.

    Raises InputError where the parts are missing or a process does not come up.
    """
    folder = (jar or assembled_jar("flink")).with_suffix("")
    if not folder.is_dir():
        raise InputError(
            f"no Flink at {str(folder)!r}. Put it together once with `python -m "
            "corpusforge.beam.assemble flink`."
        )
    with tempfile.TemporaryDirectory(prefix="flink-") as scratch:
        home = Path(scratch)
        rpc, rest = _free_ports(2)
        config = _CONFIG.format(rpc=rpc, rest=rest, slots=slots)
        (home / "flink-conf.yaml").write_text(config, encoding="utf-8")
        processes: list[subprocess.Popen[bytes]] = []
        try:
            processes.append(_java(folder, _ENTRY, home, "job-manager"))
            for number in range(task_managers):
                processes.append(_java(folder, _WORKER, home, f"task-manager-{number}"))
            cluster = Cluster(f"localhost:{rest}", tuple(processes[1:]), home)
            _wait(cluster, processes, task_managers)
            yield cluster
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _java(folder: Path, entry: str, home: Path, name: str) -> subprocess.Popen[bytes]:
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED.split()]
    command = [
        "java", *opened, "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp", f"{folder}/*", entry, "--configDir", str(home),
    ]  # fmt: skip
    with (home / f"{name}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=home)


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _wait(cluster: Cluster, processes: Sequence[subprocess.Popen[bytes]], expected: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        dead = [process for process in processes if process.poll() is not None]
        if dead:
            raise InputError(f"a Flink process ended at once, status {dead[0].returncode}.")
        try:
            if cluster.overview()["taskmanagers"] >= expected:
                return
        except OSError:
            pass  # not listening yet
        time.sleep(0.2)
    raise InputError(f"the cluster had not {expected} task managers after {_START_SECONDS:.0f} s.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a cluster until interrupted."""
    options = Parser(
        prog="python -m corpusforge.testing.flink_cluster",
        description="A stand-alone Flink cluster on loopback, until interrupted.",
    )
    options.add_argument(
        "--task_managers", type=at_least(1, 64), default=2, help="processes (default: 2)"
    )
    options.add_argument(
        "--slots", type=at_least(1, 64), default=2, help="slots a task manager (default: 2)"
    )
    return guard(lambda: _serve(options.parse_args(argv)))


def _serve(told: argparse.Namespace) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with flink_cluster(told.task_managers, told.slots) as cluster:
            pids = " ".join(str(process.pid) for process in cluster.task_managers)
            say(f"--flink_master {cluster.address}   task managers: {pids}")
            flush()
            signal.pause()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main())
