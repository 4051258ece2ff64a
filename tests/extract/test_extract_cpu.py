"""The cap counts CPU time of the calling thread, in any thread, and stops nothing else."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from corpusforge.cputime import OverTimeError, within
from corpusforge.extract import Settings, extract
from corpusforge.records import Failed, RawDocument


def spin() -> None:
    while True:
        try:
            sum(range(1000))
        except Exception:
            continue


def test_a_result_within_the_cap_comes_back():
    assert within(30.0, lambda: 7) == 7
    with pytest.raises(KeyError):
        within(30.0, lambda: {}["x"])


@pytest.mark.parametrize("thread", [False, True])
def test_an_endless_loop_ends_in_any_thread(thread):
    ended = []

    def run() -> None:
        try:
            within(0.05, spin)
        except OverTimeError:
            ended.append(time.thread_time())

    if thread:
        worker = threading.Thread(target=run)
        worker.start()
        worker.join()
    else:
        run()
    assert len(ended) == 1


def test_waiting_is_not_counted():
    gate = threading.Event()
    threading.Timer(0.2, gate.set).start()
    assert within(0.1, lambda: gate.wait() and "done") == "done"


def test_many_calls_in_a_row_leave_no_late_exception():
    for _ in range(50):
        with pytest.raises(OverTimeError):
            within(1e-9, spin)
    assert sum(range(10_000)) == 49_995_000


def test_a_long_document_over_its_time_is_a_failed_row():
    raw = RawDocument("a", "'''x''' [[y]] {{z}} " * 100_000, "wikitext", url="u")
    row = extract(raw, Settings(cpu_seconds=0.01))
    assert row == Failed(
        "a",
        "wikitext extractor: over extract.cpu_seconds = 0.01 s of CPU time, 0.02 s for 2.0 MB",
        "u",
    )


def test_a_traced_program_goes_on_after_it():
    """In CPython 3.11 an exception that was taken back leaves a mark at which a traced one stands still."""

    def run() -> None:
        with pytest.raises(OverTimeError):
            within(0.05, spin)

    def run_nothing() -> None:
        pass

    worker = threading.Thread(target=run)
    worker.start()
    worker.join()
    seen = []
    sys.settrace(lambda *event: seen.append(event))
    try:
        for _ in range(3):
            run_nothing()
    finally:
        sys.settrace(None)
    assert len(seen) >= 3
