"""Lines on stderr about long work with a model: how far, how fast, how much it has cost.

Limits: the time left is a straight line through what is done, so waves of longer answers move it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from corpusforge.models.budget import Bill, Budget
from corpusforge.printing import say

__all__ = ["Progress"]


class Progress:
    """Writes at most one line in `interval` seconds, and none for work shorter than that."""

    def __init__(
        self,
        budget: Budget,
        *,
        interval: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        write: Callable[[str], object] | None = None,
    ) -> None:
        self.budget = budget
        self.interval = interval
        self._clock = clock
        self._write = write or (lambda line: say(line, error=True))
        self._total = self._done = 0
        self._start = self._last = 0.0
        self._before: Bill | None = None

    def begin(self, total: int) -> None:
        """Start counting `total` requests."""
        self._total, self._done = total, 0
        self._start = self._last = self._clock()
        self._before = None

    def step(self, spent: Bill) -> None:
        """Count one finished request."""
        self._done += 1
        self._before = spent if self._before is None else self._before
        now = self._clock()
        if now - self._last >= self.interval:
            self._last = now
            self._write(self._line(spent, now))

    def end(self, spent: Bill) -> None:
        """Say the total where lines were written before."""
        if self._last > self._start:
            self._write(self._line(spent, self._clock()))

    def _line(self, spent: Bill, now: float) -> str:
        seconds = max(now - self._start, 1e-9)
        tokens = spent.tokens - (self._before.tokens if self._before else 0)
        left = (self._total - self._done) * seconds / max(self._done, 1)
        cost = f", {self.budget.cost(spent):.4g} of money" if self.budget.cost(spent) else ""
        return (
            f"{self._done} of {self._total} answers, {self._done / seconds:.3g}/s, "
            f"{tokens / seconds:.4g} tokens/s, about {left:.0f} s left; {spent.tokens} tokens{cost}"
        )
