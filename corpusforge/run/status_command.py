"""`corpusforge status DIR`: a table for people, JSON or Prometheus text for programs.

`--watch` looks again and again until nobody is at work: on a terminal the table is drawn anew in its place;
in a pipe or file there is a line for each change between a first and a last table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from corpusforge.errors import InputError
from corpusforge.printing import flush, printable, say, say_json, say_text
from corpusforge.run.status import EXIT_CODES, IN_PROGRESS, Left, RunStatus, StageStatus

__all__ = ["add_parser", "lines", "watch"]

_DAY = 86_400
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
    form.add_argument(
        "--mlflow", metavar="DIR", help="into an MLflow file store (docs/monitoring.md)"
    )
    form.add_argument("--wandb", metavar="DIR", help="as an offline run of Weights & Biases")
    form.add_argument(
        "--watch",
        nargs="?",
        type=float,
        const=5.0,
        metavar="SECONDS",
        help="look again every SECONDS (5) until nobody is at work",
    )
    parser.set_defaults(run_command=_status)


def _status(options: argparse.Namespace) -> int:
    from corpusforge.run.metrics import prometheus
    from corpusforge.run.pretrain import STAGES
    from corpusforge.run.status import as_json, read_status

    if options.watch is not None:
        if not 0 < options.watch <= _DAY:
            raise InputError(
                f"--watch {options.watch:g}: expected seconds above 0, at most {_DAY}."
            )
        status = watch(
            lambda: read_status(options.run, STAGES),
            lambda: time.sleep(options.watch),
            console=Console() if sys.stdout is not None and sys.stdout.isatty() else None,
        )
        return EXIT_CODES[status.state]
    status = read_status(options.run, STAGES)
    if options.mlflow or options.wandb:
        _track(status, options)
        return EXIT_CODES[status.state]
    if options.json:
        say_json(as_json(status).decode())
    elif options.prometheus:
        say_text(prometheus(status).removesuffix("\n"))
    else:
        say(*lines(status, time.time()))
    return EXIT_CODES[status.state]


def _track(status: RunStatus, options: argparse.Namespace) -> None:
    from corpusforge.run.directory import read_recipe
    from corpusforge.run.trackers import write_mlflow, write_wandb

    recipe = read_recipe(options.run)
    if options.mlflow:
        say(f"run {write_mlflow(status, recipe, options.mlflow)} in {options.mlflow}")
    else:
        say(f"{write_wandb(status, recipe, options.wandb)}: give it to `wandb sync`")


def watch(
    read: Callable[[], RunStatus],
    wait: Callable[[], None],
    now: Callable[[], float] = time.time,
    *,
    console: Console | None = None,
) -> RunStatus:
    """Print a run's status, again after each `wait`, until nobody is at work; return the last.

    On a `console` the table is drawn anew in its place; without one there are tables first and last, and a
    line for each change between.
    """
    if console is None:
        return _watch(read, wait, now, _in_lines)
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as area:

        def draw(status: RunStatus, _: RunStatus | None, moment: float) -> None:
            text = "\n".join(printable(line) for line in lines(status, moment))
            area.update(Text(text, no_wrap=True, overflow="crop"), refresh=True)

        return _watch(read, wait, now, draw)


def _watch(
    read: Callable[[], RunStatus],
    wait: Callable[[], None],
    now: Callable[[], float],
    show: Callable[[RunStatus, RunStatus | None, float], None],
) -> RunStatus:
    before = None
    while True:
        status = read()
        show(status, before, now())
        if status.state not in IN_PROGRESS:
            return status
        before = status
        wait()


def _in_lines(status: RunStatus, before: RunStatus | None, moment: float) -> None:
    if before is None or status.state not in IN_PROGRESS:
        say(*lines(status, moment))
    else:
        clock = datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
        old = {stage.name: (stage.state, stage.made) for stage in before.stages}
        for stage in status.stages:
            if (stage.state, stage.made) != old.get(stage.name) and stage.state != "none":
                left = f", about {_span(stage.left.seconds)} left" if stage.left else ""
                say(
                    f"{clock} {stage.name} {stage.state}: {stage.made}/{stage.parts} parts, "
                    f"{stage.documents:,} documents{left}"
                )
    flush()


def lines(status: RunStatus, now: float) -> Iterator[str]:
    """Yield the lines for a person; `now` is Unix time."""
    sentences = {
        "running": f"running ({status.holder})",
        "working": "working: tasks of a job array are at it",
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
