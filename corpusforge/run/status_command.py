"""`corpusforge status DIR`: a table for people, JSON or Prometheus text for programs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

from corpusforge.printing import say, say_json, say_text
from corpusforge.run.status import EXIT_CODES, Left, RunStatus, StageStatus

__all__ = ["add_parser", "lines"]

_WIDTHS = (11, 13, 11, 11, 9, 8)
_CODES = ", ".join(f"{code} {state}" for state, code in EXIT_CODES.items())


def add_parser(commands: Any) -> None:
    """Mount the subcommand."""
    parser = commands.add_parser(
        "status",
        help="how far a run is: in progress, killed or finished",
        description=f"How far a run is. Exit codes: {_CODES}, 2 where there is no run.",
    )
    parser.add_argument("run", metavar="RUN", help="its directory; local, s3:// or gs://")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="everything, as one JSON object")
    form.add_argument("--prometheus", action="store_true", help="as Prometheus text")
    parser.set_defaults(run_command=_status)


def _status(options: argparse.Namespace) -> int:
    from corpusforge.run.metrics import prometheus
    from corpusforge.run.pretrain import STAGES
    from corpusforge.run.status import as_json, read_status

    status = read_status(options.run, STAGES)
    if options.json:
        say_json(as_json(status).decode())
    elif options.prometheus:
        say_text(prometheus(status).removesuffix("\n"))
    else:
        say(*lines(status, time.time()))
    return EXIT_CODES[status.state]


def lines(status: RunStatus, now: float) -> Iterator[str]:
    """Yield the lines for a person; `now` is Unix time."""
    sentences = {
        "running": f"running ({status.holder})",
        "stopped": "stopped: nobody is at it; give its command again to resume",
        "failed": "failed; give its command again to resume",
        "unknown": "not complete (an object store has no lock to tell who is at it)",
    }
    yield f"{status.run}: recipe {status.recipe}, {sentences.get(status.state, status.state)}"
    if status.updated:
        yield f"last part or stage ended {_span(now - status.updated)} ago"
    yield f"{status.documents:,} documents read, {status.input_bytes / 1e6:,.1f} MB"
    yield ""
    heads = zip(("parts", "documents", "in, MB", "out, MB", "s", "MB/s"), _WIDTHS, strict=True)
    yield f"{'stage':<14}{'state':<9}" + "".join(f"{head:>{width}}" for head, width in heads)
    for stage in status.stages:
        if stage.state != "none":
            yield _row(stage)
    for stage in status.stages:
        if stage.state == "running":
            yield ""
            yield f"{stage.name}: {_left(stage.left)}"
        elif stage.begun:
            yield f"{stage.name}: begun and not ended: {', '.join(stage.begun)}"
    if status.error:
        yield f"last error: {status.error}"


def _row(stage: StageStatus) -> str:
    if stage.state == "todo":
        return f"{stage.name:<14}{'to do':<9}"
    parts = f"{stage.made}/{stage.parts}" if stage.parts else ""
    rate = stage.rate or (
        stage.input_bytes / stage.seconds if stage.state == "done" and stage.seconds else 0
    )
    return (
        f"{stage.name:<14}{stage.state:<9}{parts:>11}{stage.documents:>13,}{stage.input_bytes / 1e6:>11,.1f}"
        f"{stage.output_bytes / 1e6:>11,.1f}{stage.seconds:>9,.1f}{rate / 1e6:>8,.1f}"
    )


def _left(left: Left | None) -> str:
    if left is None:
        return "too few parts made since the last start to say how long it takes"
    return (
        f"about {_span(left.seconds)} left ({_span(left.low)} to {_span(left.high)}, by how parts differed "
        "so far); later stages are not in it"
    )


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
