"""Waiting: what headers say, what settings say, and jitter that is the same every time."""

from __future__ import annotations

import pytest

from corpusforge.models.limits import Limiter, backoff, duration, retry_after


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("3.5", 3.5),
        ("1d", 86400.0),
        ("0", 0.0),
        ("-4", 0.0),
        ("", None),
        ("soon", None),
        ("5 minutes", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_retry_after_in_its_three_forms() -> None:
    day = "Mon, 01 Jan 2024 00:00:"
    assert retry_after({"retry-after": "7"}, 0) == 7
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}, 0) == 1.5
    assert retry_after({"retry-after": f"{day}11 GMT", "date": f"{day}00 GMT"}, 0) == 11
    # 1704067200 s after 1970 is the midnight of that day (`date -u -d 2024-01-01 +%s`)
    assert retry_after({"retry-after": f"{day}11 GMT"}, 1704067200) == 11
    assert retry_after({"retry-after": f"{day}11 GMT"}, 1704067300) == 0
    assert retry_after({"retry-after": "later"}, 0) is None
    assert retry_after({}, 0) is None


def test_back_off_doubles_between_half_and_whole_and_is_repeatable() -> None:
    for tries, longest in ((1, 0.5), (2, 1.0), (5, 8.0), (7, 30.0), (60, 30.0)):
        waits = [backoff(f"key {number}", tries, 0) for number in range(200)]
        assert min(waits) >= longest / 2
        assert max(waits) <= longest
        assert sum(waits) / 200 == pytest.approx(0.75 * longest, rel=0.05)
    assert backoff("k", 1, 0) == backoff("k", 1, 0)
    assert backoff("k", 1, 0) != backoff("k", 1, 1)


def test_requests_a_minute_are_spaced_evenly() -> None:
    limiter = Limiter(30, 0, lambda: 100.0)
    assert [limiter.reserve(1) for _ in range(4)] == [0, 2, 4, 6]


def test_tokens_a_minute_are_spaced_by_their_number() -> None:
    now = [0.0]
    limiter = Limiter(0, 6000, lambda: now[0])
    assert [limiter.reserve(100) for _ in range(3)] == [0, 1, 2]
    now[0] = 60.0
    assert limiter.reserve(500) == 0
    assert limiter.reserve(1) == 5


def test_a_pause_holds_for_everyone_and_ends() -> None:
    now = [0.0]
    limiter = Limiter(0, 0, lambda: now[0])
    assert limiter.reserve(1) == 0
    limiter.pause(7)
    assert limiter.reserve(1) == 7
    now[0] = 5
    assert limiter.reserve(1) == 2
    now[0] = 8
    assert limiter.reserve(1) == 0


def test_headers_of_the_server_are_heeded() -> None:
    now = [0.0]
    limiter = Limiter(0, 0, lambda: now[0])
    limiter.observe({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "12s"})
    assert limiter.reserve(1) == 12
    now[0] = 20.0
    limiter.observe({"x-ratelimit-remaining-tokens": "150", "x-ratelimit-reset-tokens": "6m0s"})
    assert limiter.reserve(100) == 0
    assert limiter.reserve(100) == 360, "50 tokens are left until the window ends"
    limiter.observe({"x-ratelimit-remaining-requests": "9", "x-ratelimit-remaining-tokens": "junk"})
    assert limiter.reserve(1) == 360, "nobody overtakes"
    now[0] = 381.0
    assert limiter.reserve(100) == 0
