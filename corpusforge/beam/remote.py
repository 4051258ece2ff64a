"""Engines other than this process: a job server where one is needed, workers, options that work.

FlinkRunner and PrismRunner get one job server for the whole run (Beam starts one a pipeline) and,
unless `--environment_type` is given, workers forked on this machine. Nothing is downloaded: a missing
jar or binary is an error that says how to get it.
"""

from __future__ import annotations

import argparse
import logging
import re
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.flink_runner import FlinkJarJobServer
from apache_beam.runners.portability.job_server import SubprocessJobServer
from apache_beam.runners.portability.prism_runner import PrismJobServer
from apache_beam.version import __version__ as beam_version

from corpusforge.beam.flink_jar import VERSIONS, cached_jar, find_jar
from corpusforge.errors import InputError
from corpusforge.io import files

__all__ = ["given", "options_for", "prepare"]

_PRISM = Path(PrismJobServer.BIN_CACHE) / "prism"


def given(options: Sequence[str], name: str) -> str | None:
    """Return the value of `--name` among Beam's options, or None where it is not given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(f"--{name}", nargs="?", const="true")
    value: str | None = getattr(parser.parse_known_args(list(options))[0], name)
    return value


def prepare(
    runner: str,
    workers: int,
    options: Sequence[str],
    stack: ExitStack,
) -> list[str]:
    """Start what the engine needs on this machine, until `stack` closes; return all its options.

    Raises InputError where something must be installed or given first.
    """
    own = list(options)
    if runner == "FlinkRunner" and given(own, "parallelism") is None:
        own += [f"--parallelism={workers}"]
    if runner in ("FlinkRunner", "PrismRunner") and given(own, "job_endpoint") is None:
        own += _job_server(runner, own, stack)
    if runner in _PORTABLE and given(own, "environment_type") is None:
        own += _worker_pool(stack)
    return own


_PORTABLE = ("FlinkRunner", "PrismRunner", "PortableRunner", "SparkRunner")


def _worker_pool(stack: ExitStack) -> list[str]:
    from corpusforge.beam.forkserver import ForkServer
    from corpusforge.beam.pool import WorkerPool

    server = stack.enter_context(ForkServer())
    pool = stack.enter_context(WorkerPool(server))
    return ["--environment_type=EXTERNAL", f"--environment_config={pool.address}"]


def _job_server(runner: str, options: list[str], stack: ExitStack) -> list[str]:
    """Start the engine's job server; return the option that names it."""
    if given(options, "flink_submit_uber_jar") is not None:
        return []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = [*options, f"--job_port={port}"]
    server: SubprocessJobServer
    if runner == "FlinkRunner":
        server = FlinkJarJobServer(PipelineOptions([*flags, *_flink_jar(options)]))
    else:
        server = PrismJobServer(PipelineOptions([*flags, *_prism_location(options)]))
    for name in (type(server).__name__, "apache_beam.utils.subprocess_server"):
        logging.getLogger(name).setLevel(logging.ERROR)
    server.start()
    stack.callback(server.stop)
    return [f"--job_endpoint=localhost:{port}"]


def _flink_jar(options: list[str]) -> list[str]:
    if given(options, "flink_job_server_jar") is not None:
        return []
    version, cache = given(options, "flink_version"), given(options, "jar_cache_dir")
    jar = find_jar(version, cache)
    if jar is None:
        newest = version or VERSIONS[-1]
        raise InputError(
            f"Beam's Flink job server is not at {str(cached_jar(newest, cache))!r}. Fetch it once with "
            f"`python -m corpusforge.beam.flink_jar --flink_version {newest}` or, where it is not "
            "served, `--assemble`; or give --flink_job_server_jar FILE or --job_endpoint HOST:PORT."
        )
    return [f"--flink_job_server_jar={jar}"]


def _prism_location(options: list[str]) -> list[str]:
    location = given(options, "prism_location")
    if location is None and _PRISM.exists():
        return [f"--prism_location={_PRISM}"]
    if location is None or not Path(location).exists():
        raise InputError(
            f"Prism is not at {location or str(_PRISM)!r}. Build it once with `GOBIN={_PRISM.parent} go "
            f"install github.com/apache/beam/sdks/v2/go/cmd/prism@v{beam_version}`, or give "
            "--prism_location FILE."
        )
    return []


def options_for(runner: str, stage: str, run: str, options: Sequence[str]) -> list[str]:
    """Return one stage's options: a job name of its own and, on Dataflow, what runs there need.

    Raises InputError where Dataflow's workers could not see the run or load this package.
    """
    own = list(options)
    if given(own, "job_name") is None:
        last = re.sub(r"[^a-z0-9]+", "-", run.lower())[-24:].strip("-")
        own.append(f"--job_name=corpusforge-{last}-{stage}")
    if runner == "DataflowRunner":
        _check_dataflow(run, own)
        preset = {**_DATAFLOW, "temp_location": files.join(run, "_beam")}
        own += [f"--{name}={value}" for name, value in preset.items() if given(own, name) is None]
    return own


_DATAFLOW = {
    "machine_type": "n2-standard-4",  # 4 GB a core: twice what the hungriest stage was measured to need
    "disk_size_gb": "50",  # models and one token part at a time; text never lies on a worker's disk
    "number_of_worker_harness_threads": "1",  # a process a core already; two parts would share its memory
}
"""Options of every Dataflow job, unless given."""

_CODE = ("sdk_container_image", "setup_file", "extra_package", "requirements_file")


def _check_dataflow(run: str, options: list[str]) -> None:
    if not files.is_remote(run):
        raise InputError(
            f"--output {run!r} is on this machine, where Dataflow's workers cannot write. Give a "
            "gs:// path."
        )
    missing = [name for name in ("project", "region") if given(options, name) is None]
    if missing:
        raise InputError(f"--runner DataflowRunner needs --{' and --'.join(missing)}.")
    if not any(given(options, name) for name in _CODE):
        raise InputError(
            "--runner DataflowRunner needs --sdk_container_image IMAGE (built from "
            "containers/Dockerfile): workers load this package and its kernels from it."
        )
