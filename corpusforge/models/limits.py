"""How fast a server may be asked: its headers, our settings, and the wait before another try.

Headers are those of OpenAI and its imitators (`x-ratelimit-*`, `retry-after`, `retry-after-ms`);
back-off doubles from 0.5 s to 30 s, with jitter from `corpusforge.hashing`. Limits: remaining counts
in headers are as old as the last reply, so requests in flight are subtracted from them.
"""

from __future__ import annotations

import email.utils
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC

from corpusforge.hashing import id_keys, uniform

__all__ = ["Limiter", "backoff", "duration", "retry_after"]

FIRST, LONGEST = 0.5, 30.0
_PART = re.compile(r"(?<!\d)(\d++(?:\.\d++)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def backoff(key: str, tries: int, seed: int) -> float:
    """Return the seconds to wait after the given number of failed tries (1, 2, …) of a request."""
    longest = min(LONGEST, FIRST * 2.0 ** (tries - 1))
    share = float(uniform(id_keys([key]), seed, "models.retry", tries)[0])
    return longest * (0.5 + 0.5 * share)


def duration(text: str) -> float | None:
    """Return the seconds that "1s", "6m0s", "20ms" or "3.5" say; None for anything else."""
    try:
        return max(0.0, float(text))
    except ValueError:
        parts = _PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            return None
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds a reply asks to wait: milliseconds, seconds or a date; None: it does not.

    A date counts from the reply's own `date` header, where it has one, since clocks differ; `now`
    (seconds since 1970) stands in for it.
    """
    exact = duration(headers.get("retry-after-ms", ""))
    if exact is not None:
        return exact / 1000
    value = headers.get("retry-after", "")
    seconds = duration(value)
    if seconds is not None or not value:
        return seconds
    until = _date(value)
    since = _date(headers.get("date", ""))
    return None if until is None else max(0.0, until - (now if since is None else since))


def _date(text: str) -> float | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class Limiter:
    """Says how long a request must wait; shared by the threads of one engine.

    `clock` is monotonic, in seconds. Requests are spaced evenly, without bursts.
    """

    def __init__(
        self, requests_per_minute: float, tokens_per_minute: float, clock: Callable[[], float]
    ) -> None:
        self._requests = 60 / requests_per_minute if requests_per_minute else 0.0
        self._tokens = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next_request = self._next_token = self._paused = self._reset = float("-inf")
        self._left = float("inf")

    def reserve(self, tokens: int) -> float:
        """Take a place for a request of at most `tokens`; return the seconds to wait for it."""
        with self._lock:
            now = self._clock()
            start = max(now, self._next_request, self._next_token, self._paused)
            if tokens > self._left:
                start = max(start, self._reset)
            self._left -= tokens
            self._next_request = start + self._requests
            self._next_token = start + self._tokens * tokens
            return start - now

    def pause(self, seconds: float) -> None:
        """Let nobody send for this long: the server said so."""
        with self._lock:
            self._paused = max(self._paused, self._clock() + seconds)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Heed what a reply says about requests and tokens that are left."""
        requests = duration(headers.get("x-ratelimit-remaining-requests", ""))
        wait = duration(headers.get("x-ratelimit-reset-requests", ""))
        if requests == 0 and wait is not None:
            self.pause(wait)
        tokens = duration(headers.get("x-ratelimit-remaining-tokens", ""))
        wait = duration(headers.get("x-ratelimit-reset-tokens", ""))
        if tokens is not None and wait is not None:
            with self._lock:
                self._left, self._reset = tokens, self._clock() + wait
