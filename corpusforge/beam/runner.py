"""Beam's runners execute a stage: on forked workers, or on a cluster; small ones are made in this process.

`DirectRunner` here means Beam's FnApiRunner, chosen explicitly: Beam's own DirectRunner first tries
to download a Go binary, without a time-out. Refused, with the reason: `multi_threading` (its timed
flush cuts elements in half) and the Dask runner (it drops branches without a word).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms import environments
from grpc import RpcError

from corpusforge.beam.forkserver import ForkServer, may_fork
from corpusforge.beam.parts import MakeParts, balanced
from corpusforge.beam.remote import options_for, prepare
from corpusforge.errors import EngineError, InputError
from corpusforge.io import remote
from corpusforge.run import local
from corpusforge.run.stage import Part, Stage
from corpusforge.startup import errors_only, thread_errors

__all__ = ["BeamExecutor", "build"]

_LOGGERS = tuple(
    f"apache_beam.runners.portability.{name}"
    for name in ("fn_api_runner.fn_runner", "local_job_service")
)
"""Loggers that advise modes which this module refuses."""
_LIGHT = 10.0
_SMALL = 64_000_000
"""Bytes below which stages of this pace and parts that follow a stage's first ones get no job: they are some
seconds of work in this process, on narrow tables mostly."""


def check_runner(name: str, options: Sequence[str]) -> None:
    """Refuse runners and modes that lose or corrupt data; raises InputError saying why."""
    text = " ".join(options)
    if "multi_threading" in text:
        raise InputError(
            "--direct_running_mode multi_threading corrupts data in Beam 2.77 (its timed flush cuts "
            "elements in half). Use --workers N instead."
        )
    if name.lower().startswith("dask"):
        raise InputError(
            "--runner DaskRunner silently drops all but the last branch of a pipeline in Beam 2.77. "
            "Use DirectRunner, FlinkRunner or DataflowRunner."
        )
    if name == "FlinkRunner" and "number_of_execution_retries" in text:
        raise InputError(
            "--number_of_execution_retries is read by Beam for streams only. Set restart-strategy in "
            "Flink's configuration, for the embedded cluster in --flink_conf_dir DIR/flink-conf.yaml."
        )


class BeamExecutor:
    """Executes stages; use as a context manager so that local workers end with it.

    `workers`: processes on this machine for a local runner. `options`: further Beam options.
    `watch` is called about five times a second while a stage runs (progress).
    """

    def __init__(
        self,
        runner: str = "",
        workers: int = 1,
        options: Sequence[str] = (),
        watch: Callable[[Stage], None] | None = None,
    ) -> None:
        check_runner(runner, options)
        local.check_workers(workers)
        remote.configure(options)
        self.runner = runner
        self.workers = workers
        self._options = list(options)
        self._watch = watch
        self._stack = ExitStack()
        self._server: ForkServer | None = None
        self._engine: list[str] | None = None

    @property
    def local(self) -> bool:
        """Whether stages run on this machine."""
        return self.runner in local.LOCAL

    def __enter__(self) -> BeamExecutor:
        if self.local and self.workers > 1 and may_fork():
            self._start_server()  # now: later this process has threads
        return self

    def _start_server(self) -> ForkServer:
        if self._server is None:
            self._server = self._stack.enter_context(ForkServer())
        return self._server

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> None:
        """Make the parts of a stage on the chosen runner."""
        if self._stays_here(stage, parts):
            local.make_here(stage, parts, self._watch)
        elif self.local:
            workers = min(self.workers, len(parts))
            pipeline = self._forked(workers)
            build(pipeline, stage, balanced(parts, workers), retried=False)
            self._run(pipeline.run, stage)
        else:
            self._remote(stage, parts)

    def _stays_here(self, stage: Stage, parts: Sequence[Part]) -> bool:
        """Whether this process makes the parts sooner: a job's start costs seconds, on Dataflow minutes."""
        if self.local:
            return not local.worth_forking(stage, parts, self.workers)
        if self.runner == "DataflowRunner" and len(parts) == 1:
            return True
        light = stage.sequel or stage.pace >= _LIGHT
        return light and sum(part.size for part in parts) < _SMALL

    def _remote(self, stage: Stage, parts: Sequence[Part]) -> None:
        if self._engine is None:
            self._engine = prepare(self.runner, self.workers, self._options, self._stack)
        options = options_for(self.runner, stage.name, stage.run, self._engine)
        pipeline = self._pipeline(self.runner, options)
        largest_first = sorted(parts, key=lambda part: (-part.size, part.index))
        build(pipeline, stage, [[part] for part in largest_first], retried=True)
        result = pipeline.run()  # in this thread: Beam's job servers set signal handlers
        try:
            self._run(lambda: result, stage)
        except KeyboardInterrupt:
            result.cancel()
            raise
        except RuntimeError as error:
            last = str(error).strip().splitlines()[-1:]
            raise EngineError(
                f"stage {stage.name!r} failed on {self.runner}: {' '.join(last)} Finished parts are "
                "kept: give the same command again to resume."
            ) from error

    def _pipeline(self, runner: Any, options: Sequence[str]) -> beam.Pipeline:
        flags = [*options, "--default_sdk_harness_log_level=WARN"]
        return beam.Pipeline(runner=runner, options=PipelineOptions(flags))

    def _forked(self, workers: int) -> beam.Pipeline:
        environment = environments.SubprocessSDKEnvironment.from_command_string(
            self._start_server().command
        )
        flags = [*self._options, f"--direct_num_workers={workers}"]
        return self._pipeline(FnApiRunner(default_environment=environment), flags)

    def _run(self, start: Callable[[], Any], stage: Stage) -> None:
        """Run Beam in a thread, so that a dead worker, for whom it waits for ever, ends the stage."""
        outcome: list[BaseException] = []
        died = threading.Event()
        status: list[int] = []

        def taken(error: BaseException | None) -> bool:
            if "Worker subprocess exited" in str(error):
                status.append(int(str(error).rsplit(maxsplit=1)[-1]))
                died.set()
                return True
            return isinstance(error, RpcError)  # of Beam's threads that lost a worker

        def work() -> None:
            try:
                start().wait_until_finish()
            except BaseException as error:
                outcome.append(error)

        errors_only(*_LOGGERS)
        thread = threading.Thread(target=work, name=f"stage-{stage.name}", daemon=True)
        with thread_errors(taken, lasting=died.is_set):
            thread.start()
            while thread.is_alive() and not died.is_set():
                thread.join(0.2)
                if self._watch:
                    self._watch(stage)
            if died.is_set():
                thread.join(1.0)
        if died.is_set() and not outcome:
            raise local.WorkerDied(stage.name, status[0])
        if outcome:
            raise outcome[0]


def build(
    pipeline: beam.Pipeline, stage: Stage, elements: Sequence[list[Part]], *, retried: bool
) -> None:
    """Add a stage's two steps, named after it, to a pipeline."""
    label = stage.name.capitalize()
    _ = (
        pipeline
        | f"{label}Parts" >> beam.Create(elements)
        | label >> MakeParts(stage.work, retried=retried)
    )
