"""What a person sees while a run works: a live line on a terminal, plain lines elsewhere.

Everything shown is read from receipts on disk, so it is the same for local workers and clusters.
Output goes to standard error; results go to standard output. The same events go to an `EventLog`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from corpusforge import manifest as records
from corpusforge.io import files
from corpusforge.manifest import Manifest, Receipt
from corpusforge.printing import printable
from corpusforge.run.events import EventLog
from corpusforge.run.stage import Stage, receipt_path

__all__ = ["Reporter"]

_PLAIN_EVERY = 10.0  # seconds between plain progress lines of one stage


@dataclass(slots=True)
class _State:
    stage: Stage
    start: float
    last: float
    looked: float
    begun: float
    """Unix time; the others are monotonic."""
    done: dict[int, Receipt] = field(default_factory=dict)


class Reporter:
    """Follows one stage after another."""

    def __init__(self, *, quiet: bool = False, log: EventLog | None = None) -> None:
        self.log = log or EventLog()
        self._quiet = quiet
        self._console = Console(stderr=True)
        self._live = self._console.is_terminal and not quiet
        self._state: _State | None = None
        self._bar: Progress | None = None

    @contextmanager
    def told(self) -> Iterator[None]:
        """Log the begin and the end of a start of the run."""
        start = time.monotonic()
        self.log.write("run_begin")
        try:
            yield
        except BaseException as error:
            text = str(error) or type(error).__name__
            self.log.write("run_error", seconds=time.monotonic() - start, error=text)
            raise
        else:
            self.log.write("run_end", seconds=time.monotonic() - start)
        finally:
            self.log.close()

    def line(self, text: str) -> None:
        """Print one line."""
        self.log.write("message", message=text)
        self._print(text)

    def _print(self, text: str) -> None:
        if not self._quiet:
            line = printable(text)
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def begin(self, stage: Stage) -> None:
        """Start following a stage."""
        now = time.monotonic()
        self._state = _State(stage, now, now, now, time.time())
        self.log.write("stage_begin", stage.name, bytes_=sum(part.size for part in stage.parts))
        if self._live:
            self._bar = Progress(
                TextColumn("{task.description:<14}"),
                BarColumn(),
                TextColumn("{task.fields[documents]:>9,} documents {task.fields[rate]:>7.1f} MB/s"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            total = max(1, sum(part.size for part in stage.parts))
            self._bar.add_task(stage.name, total=total, documents=0, rate=0.0)
            self._bar.start()

    def watch(self, stage: Stage) -> None:
        """Look at the receipts written so far; called a few times a second."""
        state = self._state
        if state is None or (files.is_remote(stage.run) and not self._due(state)):
            return
        state.stage = stage  # with the parts that were told since the last look
        self._look(state)
        now = time.monotonic()
        documents = sum(receipt.documents for receipt in state.done.values())
        size = sum(stage.parts[index].size for index in state.done)
        rate = size / 1e6 / max(now - state.start, 1e-9)
        if self._bar is not None:
            total = max(1, sum(part.size for part in stage.parts))
            self._bar.update(
                self._bar.task_ids[0],
                total=total,
                completed=size,
                documents=documents,
                rate=rate,
            )
        elif now - state.last >= _PLAIN_EVERY:
            state.last = now
            total = sum(part.size for part in stage.parts)
            left = f", {(total - size) / 1e6 / rate:.0f} s left" if rate else ""
            self._print(
                f"{stage.name}: {len(state.done)}/{len(stage.parts)} parts, {documents:,} documents, "
                f"{rate:.1f} MB/s{left}"
            )

    def _look(self, state: _State) -> None:
        """Take up the receipts that are new since the last look."""
        for part in state.stage.parts:
            if part.index in state.done:
                continue
            receipt = records.read_json(receipt_path(part), Receipt)
            if receipt is not None:
                state.done[part.index] = receipt
                self.log.write(
                    "part_end" if receipt.ended >= state.begun else "part_kept",
                    state.stage.name,
                    part.name,
                    seconds=receipt.seconds,
                    documents=receipt.documents,
                    bytes_=receipt.input_bytes,
                )

    def _due(self, state: _State) -> bool:
        """Whether an object store may be asked again: a look costs a request per part."""
        now = time.monotonic()
        if now - state.looked < _PLAIN_EVERY:
            return False
        state.looked = now
        return True

    def end(self, manifest: Manifest, *, worked: bool) -> None:
        """Close the stage's line."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._state is not None and worked:
            stage = self._state.stage  # parts that `more` told may not have been seen
            every = (replace(stage.parts[0], index=number) for number in range(manifest.parts))
            self._state.stage = replace(stage, parts=tuple(every))
            self._look(self._state)
        self._state = None
        documents, size = manifest.documents, manifest.input_bytes
        if not worked:
            self.log.write("stage_skip", manifest.stage, documents=documents, bytes_=size)
            self._print(f"{manifest.stage:<14} unchanged, skipped")
            return
        self.log.write(
            "stage_end", manifest.stage, seconds=manifest.seconds, documents=documents, bytes_=size
        )
        seconds = max(manifest.seconds, 1e-9)
        self._print(
            f"{manifest.stage:<14} {manifest.documents:>9,} documents  {seconds:6.1f} s  "
            f"{manifest.input_bytes / 1e6 / seconds:7.1f} MB/s"
        )

    def stop(self) -> None:
        """Leave the terminal clean after an error, and tell which parts it ended."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._state is not None:
            self._look(self._state)
            self._tell_errors(self._state.stage)
        sys.stderr.flush()

    def _tell_errors(self, stage: Stage) -> None:
        for info in files.list_files(stage.path("_receipts", "*.error")):
            _, text, *_ = files.read_bytes(info.path).decode("utf-8").split("\n", 2)
            name = info.path.rsplit("/", 1)[-1].removesuffix(".error")
            self.log.write("part_error", stage.name, name, error=text)
