"""One process a device: each holds a model and takes rows from a queue that all share.

Processes are spawned (CUDA allows nothing else). Limits: rows that a killed worker held are lost
and the run ends with a message; what was answered is in the journal.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Iterator
from typing import Any

from corpusforge.errors import CorpusforgeError, InputError
from corpusforge.models.local.batch import Batch, Row
from corpusforge.models.local.load import load_model, load_tokenizer
from corpusforge.models.local.prompts import Prompts
from corpusforge.models.records import Completion
from corpusforge.models.settings import Settings
from corpusforge.startup import torch_threads

__all__ = ["Workers"]

LOOK = 2.0
"""Seconds between looks at whether the workers are alive."""


class _Queued:
    """A feed out of a queue between processes."""

    def __init__(self, tasks: Any) -> None:
        self._tasks = tasks

    def take(self, count: int, *, block: bool) -> list[Row]:
        """Return rows that are there; wait for the first one when `block`."""
        rows: list[Row] = []
        while len(rows) < count:
            try:
                row = self._tasks.get(block=block and not rows)
            except queue.Empty:
                break
            if row is None:
                break
            rows.append(row)
        return rows


def _serve(settings: Settings, device: str, threads: int, tasks: Any, replies: Any) -> None:
    """Run in a worker: answer until the queue says None."""
    try:
        if threads:
            torch_threads(threads)
        prompts = Prompts(load_tokenizer(settings.model))
        batch = Batch(load_model(settings, device), prompts)
        for completion in batch.run(_Queued(tasks)):
            replies.put(completion)
    except KeyboardInterrupt:
        return
    except CorpusforgeError as error:
        replies.put(str(error))
    except Exception as error:
        replies.put(f"worker for {device}: {type(error).__name__}: {error}")


class Workers:
    """The worker processes of one engine; they keep their models until `close`."""

    def __init__(self, settings: Settings, devices: list[str]) -> None:
        """Start the processes; they load while the first rows are prepared."""
        context = multiprocessing.get_context("spawn")
        self._tasks, self._replies = context.Queue(), context.Queue()
        cores = os.cpu_count() or 1
        share = max(1, cores // len(devices)) if devices[0].startswith("cpu") else 0
        threads = settings.threads or share
        self._processes = [
            context.Process(
                target=_serve,
                args=(settings, device, threads, self._tasks, self._replies),
                daemon=True,
            )
            for device in devices
        ]
        for process in self._processes:
            process.start()

    def run(self, rows: list[Row]) -> Iterator[Completion]:
        """Yield one completion a row. Raises InputError where a worker fails or dies."""
        for row in rows:
            self._tasks.put(row)
        left = len(rows)
        while left:
            try:
                reply = self._replies.get(timeout=LOOK)
            except queue.Empty:
                self._look()
                continue
            if isinstance(reply, str):
                self.close()
                raise InputError(reply)
            left -= 1
            yield reply

    def _look(self) -> None:
        for process in self._processes:
            if not process.is_alive():
                self.close()
                raise InputError(
                    f"a worker process ended (exit code {process.exitcode}); was it killed, or out "
                    "of memory? What was answered is in the journal: run the same command again."
                )

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
