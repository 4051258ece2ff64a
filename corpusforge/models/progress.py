"""Lines on stderr about long work with a model: how far, how fast, how much it has cost.

No time left is told before as many answers are back as are asked at once: the first of a wave says
nothing about the others. Limits: the time left is a straight line through what is done, so waves of
longer answers move it.
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
        self._before = Bill()
        self._wave = 1

    def begin(self, total: int, spent: Bill, wave: int = 1) -> None:
        """Start counting `total` requests, of which `wave` are asked at once; `spent`: the bill before."""
        self._total, self._done = total, 0
        self._start = self._last = self._clock()
        self._before, self._wave = spent, min(max(wave, 1), total)

    def step(self, spent: Bill) -> None:
        """Count one finished request."""
        self._done += 1
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
        tokens = spent.tokens - self._before.tokens
        if self._done < self._wave:
            left = f"{seconds:.0f} s; time left not known before {self._wave} are back"
        else:
            left = f"about {(self._total - self._done) * seconds / self._done:.0f} s left"
        cost = f", {self.budget.cost(spent):.4g} of money" if self.budget.cost(spent) else ""
        return (
            f"{self._done} of {self._total} answers, {self._done / seconds:.3g}/s, "
            f"{tokens / seconds:.4g} tokens/s, {left}; {spent.tokens} tokens{cost}"
        )
