"""Where stages run: here, on forked workers, or on a cluster; Beam is loaded for the last two alone.

Beam's import is a second, more than a small run's work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from corpusforge.run import local
from corpusforge.run.stage import Part, Stage

if TYPE_CHECKING:
    from corpusforge.beam.runner import BeamExecutor

__all__ = ["LocalExecutor", "open_executor"]


class LocalExecutor:
    """Executes stages on this machine; use as a context manager so that workers end with it.

    `workers`: processes; they are forked at the first stage that has work for them.
    """

    def __init__(self, workers: int, watch: Callable[[Stage], None] | None = None) -> None:
        local.check_workers(workers)
        self._workers = workers
        self._watch = watch
        self._stack = ExitStack()

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def _forking(self) -> BeamExecutor:
        from corpusforge.beam.runner import BeamExecutor

        return self._stack.enter_context(BeamExecutor("", self._workers, watch=self._watch))

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> None:
        """Make the parts of a stage, here or by workers, whichever is sooner."""
        if local.worth_forking(stage, parts, self._workers):
            self._forking(stage, parts)
        else:
            local.make_here(stage, parts, self._watch)


def open_executor(
    runner: str,
    workers: int,
    options: Sequence[str] = (),
    watch: Callable[[Stage], None] | None = None,
) -> LocalExecutor | BeamExecutor:
    """Return what executes stages on a runner, to be used as a context manager.

    `workers`: processes on this machine for a local runner. `options`: of Beam, for it alone. `watch` is
    called about five times a second while a stage runs. Raises InputError for what cannot be right.
    """
    if runner in local.LOCAL and not options:
        return LocalExecutor(workers, watch)
    from corpusforge.beam.runner import BeamExecutor

    return BeamExecutor(runner, workers, options, watch)
