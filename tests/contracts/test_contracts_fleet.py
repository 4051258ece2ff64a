"""The simulated fleet beside closed forms: equal tasks, Graham's bounds, no chance at all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import fleet

CALM = fleet.Fleet(varies=1.0, straggle=0.0, fail=0.0)


@pytest.mark.parametrize(("tasks", "cores"), [(1, 4), (8, 4), (9, 4), (1000, 7), (3, 64)])
def test_equal_tasks_take_whole_rounds(tasks: int, cores: int) -> None:
    assert fleet.makespan([2.0] * tasks, cores) == 2.0 * math.ceil(tasks / cores)


def test_unequal_tasks_keep_grahams_bounds() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        tasks = list(random.exponential(1.0, 200))
        cores = int(random.integers(1, 40))
        low = max(sum(tasks) / cores, *tasks)
        assert low <= fleet.makespan(tasks, cores) + 1e-9
        assert (
            fleet.makespan(tasks, cores) <= sum(tasks) / cores + max(tasks) * (1 - 1 / cores) + 1e-9
        )


@pytest.mark.parametrize("tasks", [100, fleet.LOOKED_AT, 10 * fleet.LOOKED_AT])
def test_a_stage_without_chance_takes_its_core_hours(tasks: int) -> None:
    clock, used = fleet.stage(50.0, tasks, 10, CALM, np.random.default_rng(0))
    assert used == pytest.approx(50.0)
    assert clock == pytest.approx(5.0)


def test_chance_costs_what_its_shares_say() -> None:
    random = np.random.default_rng(0)
    slow = fleet.Fleet(varies=1.0, straggle=0.1, slower=3.0, fail=0.0)
    assert np.mean(fleet.attempts(1.0, 200_000, slow, random)) == pytest.approx(1.2, rel=0.01)
    lost = fleet.Fleet(varies=1.0, straggle=0.0, fail=0.2, again_hours=0.1)
    # up to four losses, with .2, .04, ..., of half a task and the wait each
    expected = 1 + 0.6 * sum(0.2**n for n in range(1, 5))
    assert np.mean(fleet.attempts(1.0, 200_000, lost, random)) == pytest.approx(expected, rel=0.02)
