"""CPU time of real documents, verb by verb, beside the bound that they have; and what the bound costs.

    python -m benchmarks.cpu_bound [--data DIR]

For each verb: CPU seconds of all documents of DIR, and the slowest one with its size. Each document is taken
by itself; kernels are compiled before, and loading them counts. Then microseconds of one bounded call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks import harness
from corpusforge import ingest
from corpusforge.cputime import CPU_SECONDS, Bound, region, within
from corpusforge.errors import InputError
from corpusforge.extract import Extracted, Settings, extract
from corpusforge.filter import rules_for
from corpusforge.filter import step as filtering
from corpusforge.filter.settings import Settings as FilterSettings
from corpusforge.identify.settings import Settings as IdentifySettings
from corpusforge.identify.step import Identify
from corpusforge.ingest.names import kind_of
from corpusforge.records import Document, RawDocument, document_batch

T = TypeVar("T")
CALLS = 100_000


class Table:
    """CPU seconds of every verb, and its slowest documents."""

    def __init__(self) -> None:
        self.total: dict[str, float] = defaultdict(float)
        self.count: dict[str, int] = defaultdict(int)
        self.worst: dict[str, tuple[float, int, str]] = {}

    def take(self, verb: str, size: int, name: str, function: Callable[[], T]) -> T:
        """Do one thing to one document and note its CPU time."""
        clock = harness.Clock()
        made = function()
        used = clock.thread()
        self.total[verb] += used
        self.count[verb] += 1
        self.worst[verb] = max(self.worst.get(verb, (0.0, 0, "")), (used, size, name))
        return made


def measure(data: Path) -> Table:
    """Take every file of the directory through ingest, extract, identify and filter."""
    table, settings = Table(), FilterSettings()
    steps = {
        "identify": Identify(IdentifySettings(engine="pycld2")),
        "clean": filtering.Clean(settings),
        "filter": filtering.Filter(rules_for(settings, "web", "web")),
        "redact": filtering.Redact(),
    }
    verbs = {name: step.open() for name, step in steps.items()}
    for path in sorted(item for item in data.rglob("*") if item.is_file()):
        try:
            kind = "code" if "code" in path.relative_to(data).parts else kind_of(str(path))
        except InputError:
            continue
        rows = ingest.read(kind, str(path), ingest.Settings())
        while (
            row := table.take(f"ingest {kind}", 0, path.name, lambda r=rows: next(r, None))
        ) is not None:
            if not isinstance(row, RawDocument):
                continue
            size = len(row.content)
            found = table.take(
                f"extract {row.media}", size, row.locator, lambda r=row: extract(r, Settings())
            )
            if not isinstance(found, Extracted):
                continue
            made = Document(
                id="1", source="s", category="c", format=found.format or "text", text=found.text,
                locator="l", lang="en",
            )  # fmt: skip
            batch = document_batch([made], flags=[""])
            for name, verb in verbs.items():
                table.take(name, len(found.text), row.locator, lambda v=verb, b=batch: v(b))
    return table


def microseconds() -> float:
    """CPU time of one bounded call that does nothing."""
    clock = harness.Clock()
    for _ in range(CALLS):
        within(30.0, lambda: None)
    return clock.thread() / CALLS * 1e6


def main() -> None:
    """Print both tables."""
    table = measure(harness.arguments(__doc__, data=True).parse_args().data)
    harness.heads("verb", "documents", "CPU s", "slowest, CPU s", "its bytes", "share of its bound")
    for verb, (used, size, _) in sorted(table.worst.items()):
        part = used / Bound(verb, CPU_SECONDS).of(size)
        total = f"{table.total[verb]:.1f}"
        harness.row(verb, table.count[verb], total, f"{used:.3f}", f"{size:,}", f"{part:.2%}")
    alone = microseconds()
    with region():
        inside = microseconds()
    print(f"one bounded call: {alone:.1f} µs alone, {inside:.1f} µs in a region")


if __name__ == "__main__":
    main()
