"""Hours and cost of a plan on a fleet whose tasks vary, straggle, fail and start late: a simulation.

    python -m benchmarks.fleet --terabytes 1 100 1000 [--runs 200] [--set core_price=0.03 straggle=0.02 …]

The stages and their core-hours are those of `benchmarks.plan_size` (measured rates). Each stage's tasks go,
in order, to the core that is free first, and the next stage, or wave of one, begins when the last of them is
done, as on Beam's engines. What a task takes is its share times a draw: equal work differed by a factor of
1.22 between quiet and busy minutes of one shared host (benchmarks/results.d/size.md), read as the middle nine
tenths of a lognormal. A failed task is lost at a point drawn evenly and done again. Printed: the median of
the runs, and between which two values nine in ten lie. Limits: shares of stragglers and failures are assumed,
not measured; no autoscaling, no limits of a store or a network; the waves of a stage are taken as equal and
as divided into all parts, where some have 256 tasks at most (at 1,000 TB a few tenths of an hour each).
"""

from __future__ import annotations

import heapq
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import harness, plan_size
from corpusforge.io.jsonl import read_jsonl
from corpusforge.run.inputs import LARGEST_PART_BYTES

LOOKED_AT = 20_000
"""The last tasks of a stage go to cores one by one; what comes before them fills all cores evenly."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What was not measured, beside `plan_size.Assumed`."""

    varies: float = 1.22
    """Ratio of the slowest to the fastest of nine in ten equal tasks (measured, see above)."""
    straggle: float = 0.01
    """Share of tasks on a slow machine …"""
    slower: float = 3.0
    """… and how many times as long they take."""
    fail: float = 0.005
    """Share of attempts that are lost: a machine taken back, a process killed for memory."""
    again_hours: float = 0.02
    """Until a lost task begins anew."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: hours from start to end, and core-hours that are paid."""

    hours: float
    paid: float


def draws(count: int, fleet: Fleet, random: np.random.Generator) -> NDArray[np.float64]:
    """Return how many times its mean each of `count` attempts takes, float64 [count]."""
    spread = math.log(fleet.varies) / (2 * 1.645)
    times = np.exp(random.normal(-(spread**2) / 2, spread, count))
    return np.where(random.random(count) < fleet.straggle, fleet.slower * times, times)


def attempts(hours: float, count: int, fleet: Fleet, random: np.random.Generator) -> list[float]:
    """Return the hours of each of `count` tasks, lost attempts and waits included."""
    times = hours * draws(count, fleet, random)
    lost = np.ones(count, bool)
    for _ in range(4):  # an engine gives a task up after four attempts
        lost &= random.random(count) < fleet.fail
        times += np.where(lost, random.random(count) * hours + fleet.again_hours, 0.0)
    return [float(time) for time in times]


def makespan(tasks: list[float], cores: int, begun: float = 0.0) -> float:
    """Return when the last task ends, where each in turn goes to the core that is free first."""
    free = [begun] * min(cores, max(1, len(tasks)))
    for task in tasks:
        heapq.heapreplace(free, free[0] + task)
    return max(free)


def stage(
    hours: float, tasks: int, cores: int, fleet: Fleet, random: np.random.Generator
) -> tuple[float, float]:
    """Return (hours by the clock, core-hours) of a stage of so many equal tasks."""
    seen = min(tasks, LOOKED_AT)
    some = attempts(hours / tasks, seen, fleet, random)
    before = (tasks - seen) * (sum(some) / seen)
    return makespan(some, cores, before / cores), sum(some) + before


def simulate(
    made: list[plan_size.Step], crawl: float, cores: int, start: float, fleet: Fleet, seed: int
) -> Outcome:
    """Return one run of a plan's stages, one after the other."""
    random = np.random.default_rng(seed)
    parts = max(1, round(crawl / LARGEST_PART_BYTES))
    hours = paid = 0.0
    for step in made:
        waves = plan_size.JOBS.get(step.name, 1)
        for _ in range(waves):
            tasks = parts if step.divided else 1
            clock, used = stage(step.hours / waves, tasks, cores, fleet, random)
            begins = start if step.divided else 0.0
            hours += clock + begins
            paid += max(used, (clock + begins) * cores) if step.divided else used
    return Outcome(hours, paid)


def show(
    terabytes: float, given: plan_size.Assumed, fleet: Fleet, row: dict[str, Any], runs: int
) -> None:
    """Print a line for one size."""
    crawl = terabytes * 1e12
    made = plan_size.steps(crawl, given, row)
    cores = int(min(given.fleet_most, max(given.machine_cores, given.fleet_cores * terabytes)))
    found = [simulate(made, crawl, cores, given.start_hours, fleet, seed) for seed in range(runs)]
    hours = np.array([one.hours for one in found])
    cost = np.array([one.paid for one in found]) * given.core_price
    planned = sum(step.hours for step in made if step.divided) / cores
    planned += sum(step.hours for step in made if not step.divided)
    low, middle, high = np.percentile(hours, [5, 50, 95])
    cheap, usual, dear = np.percentile(cost, [5, 50, 95])
    clock = f"{middle:,.1f} [{low:,.1f}, {high:,.1f}]"
    dollars = f"{usual:,.0f} [{cheap:,.0f}, {dear:,.0f}]"
    harness.row(f"{terabytes:g} TB", f"{cores:,}", f"{planned:,.1f}", clock, dollars)


def main() -> None:
    """Run the command line."""
    options = harness.arguments(__doc__)
    options.add_argument("--terabytes", type=float, nargs="+", default=[1.0, 100.0, 1000.0])
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--size", type=Path, default=plan_size.RESULTS / "size.jsonl")
    known = {field.name for kind in (plan_size.Assumed, Fleet) for field in fields(kind)}
    options.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help=", ".join(sorted(known))
    )
    chosen = options.parse_args()
    changes = {name: float(value) for name, value in (item.split("=", 1) for item in chosen.set)}
    if unknown := set(changes) - known:
        options.error(
            f"--set: {', '.join(sorted(unknown))} is not known; known are {', '.join(sorted(known))}"
        )
    own = {field.name for field in fields(Fleet)}
    fleet = replace(Fleet(), **{name: value for name, value in changes.items() if name in own})
    given = replace(
        plan_size.Assumed(), **{name: value for name, value in changes.items() if name not in own}
    )
    row = max(read_jsonl(str(chosen.size)), key=lambda row: row["gigabytes"])
    print(
        "Assumed: " + ", ".join(f"{name} {value:g}" for name, value in asdict(fleet).items()) + "\n"
    )
    harness.heads("stored WARC", "cores", "hours without chance", "hours", "compute, $")
    for terabytes in chosen.terabytes:
        show(terabytes, given, fleet, row, chosen.runs)


if __name__ == "__main__":
    main()
