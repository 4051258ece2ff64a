"""Engines other than this process: what they need here before a stage, and options that work.

Unless `--environment_type` is given, workers are forked on this machine. Nothing is downloaded: a missing
jar or binary is an error that says how to get it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack

from corpusforge.beam.options import given
from corpusforge.errors import InputError
from corpusforge.io import files

__all__ = ["options_for", "prepare"]

_SERVED = ("FlinkRunner", "SparkRunner", "PrismRunner")
_PORTABLE = (*_SERVED, "PortableRunner")


def prepare(
    runner: str,
    workers: int,
    options: Sequence[str],
    stack: ExitStack,
) -> list[str]:
    """Start what the engine needs on this machine, until `stack` closes; return all its options.

    Raises InputError where something must be installed or given first.
    """
    from corpusforge.beam import job_server

    all_options = list(options)
    if runner == "FlinkRunner" and given(all_options, "parallelism") is None:
        all_options += [f"--parallelism={workers}"]
    endpoint = given(all_options, "job_endpoint")
    if endpoint is None:
        all_options += job_server.start(runner, all_options, stack) if runner in _SERVED else []
    elif endpoint != "embed":
        job_server.check_endpoint(endpoint)
    if runner in _PORTABLE and given(all_options, "environment_type") is None:
        all_options += _worker_pool(stack)
    return all_options


def _worker_pool(stack: ExitStack) -> list[str]:
    from corpusforge.beam.forkserver import ForkServer
    from corpusforge.beam.pool import WorkerPool

    server = stack.enter_context(ForkServer())
    pool = stack.enter_context(WorkerPool(server))
    return ["--environment_type=EXTERNAL", f"--environment_config={pool.address}"]


def options_for(runner: str, stage: str, run: str, options: Sequence[str]) -> list[str]:
    """Return one stage's options: a job name of its own and, on Dataflow, what runs there need.

    Raises InputError where Dataflow's workers could not see the run or load this package.
    """
    all_options = list(options)
    if given(all_options, "job_name") is None:
        last = re.sub(r"[^a-z0-9]+", "-", run.lower())[-24:].strip("-")
        all_options.append(f"--job_name=corpusforge-{last}-{stage}")
    if runner == "DataflowRunner":
        _check_dataflow(run, all_options)
        preset = {**_DATAFLOW, "temp_location": files.join(run, "_beam")}
        all_options += [
            f"--{name}={value}"
            for name, value in preset.items()
            if given(all_options, name) is None
        ]
    return all_options


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
