"""Runs of the example that get killed; run as a program, it makes one.

    python rephrase_runs.py OUTPUT WORKERS KIND NUMBER

KIND `ask`: dies by SIGKILL while the NUMBER-th request is under way; `write`: while the NUMBER-th file is
written; `none`: lives.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpusforge.models.options import settings_from
from corpusforge.models.records import Completion, Request
from corpusforge.rephrase.run import rephrase
from corpusforge.rephrase.sources import find_sources
from examples.rephrase.make_journal import OPTIONS, Written
from pipelines.rephrase import parser, plan_of


class Logged(Written):
    """The example's engine, which writes down what it is asked and dies where it is told to."""

    def __init__(self, log: Path, deadly: int) -> None:
        super().__init__()
        self.log, self.deadly, self.asked = log, deadly, 0

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in requests:
            with self.log.open("a") as log:
                log.write(request.key + "\n")
            self.asked += 1
            if self.asked == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            yield from super().complete([request])


def main(output: Path, workers: int, kind: str, number: int) -> None:
    flush, written = os.fsync, 0

    def fsync(file: int) -> None:
        nonlocal written
        written += 1
        if kind == "write" and written == number:
            os.kill(os.getpid(), signal.SIGKILL)
        flush(file)

    os.fsync = fsync
    options = parser().parse_args([*OPTIONS, "--output", str(output)])
    models = settings_from(options)
    engine = Logged(output.with_suffix(".asked"), number if kind == "ask" else 0)
    sources = find_sources(options.input)
    rephrase(plan_of(options, models), sources, models, str(output), workers=workers, engine=engine)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
