"""What the instruction loop itself costs beside a model: rows a second with an engine that answers at once.

    python -m benchmarks.instruct_loop [--target 5000] [--language en]

Prints CPU seconds of a whole run (journal, gate, filters, reports, export), of the same run resumed
from its journal, and the share of each part. The engine's own time is measured alone and taken off.
Limit: the engine's texts are made-up words, so filters see fewer long texts than a model writes.
"""

from __future__ import annotations

import cProfile
import pstats
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import harness
from corpusforge.instruct.run import job
from corpusforge.instruct.session import run
from corpusforge.instruct.settings import Settings
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Request
from corpusforge.testing.scripted import Scripted


class Timed(Scripted):
    """The scripted engine, with the CPU seconds that it took itself."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.requests = 0

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        clock = harness.Clock()
        answers = list(super().complete(requests))
        self.seconds += clock.cpu()
        self.requests += len(answers)
        yield from answers


def once(output: str, settings: Settings) -> tuple[float, Timed, int, int]:
    """CPU seconds of our code, the engine, rows, candidates."""
    engine = Timed()
    clock = harness.Clock()
    with Client(engine, Path(output) / "journal.jsonl") as client:
        report = run(job(settings), output, client).report
    seconds = clock.cpu() - engine.seconds
    rows = sum(part.rows for part in report.languages.values())
    seen = sum(part.steps["generate"].seen for part in report.languages.values())
    return seconds, engine, rows, seen


def main() -> None:
    options = harness.arguments(__doc__)
    options.add_argument("--target", type=int, default=5000)
    options.add_argument("--language", default="en")
    options.add_argument("--profile", action="store_true", help="print where the time goes")
    given = options.parse_args()
    settings = Settings(languages=tuple(given.language.split(",")), target=given.target)
    with tempfile.TemporaryDirectory() as warm:
        once(warm, Settings(languages=settings.languages, target=5, prompts=2))
    with tempfile.TemporaryDirectory() as output:
        profile = cProfile.Profile()
        if given.profile:
            profile.enable()
        seconds, engine, rows, seen = once(output, settings)
        profile.disable()
        again, _, _, _ = once(output, settings)
    harness.heads("run", "rows", "requests", "candidates", "CPU s", "rows/s", "ms a request")
    for name, cpu in (("from nothing", seconds), ("resumed, all in the journal", again)):
        counts = (f"{count:,}" for count in (rows, engine.requests, seen))
        pace = f"{1000 * cpu / engine.requests:.2f}"
        harness.row(name, *counts, f"{cpu:.2f}", f"{rows / cpu:,.0f}", pace)
    if given.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(35)


if __name__ == "__main__":
    main()
