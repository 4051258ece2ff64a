"""A headless Chromium for the checks that drive real interfaces; not a benchmark by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def executable() -> str:
    """The browser's path: CHROMIUM in the environment, or the first one on PATH; "" for none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "") or ""


def lacking() -> str:
    """What is missing to drive a browser, "" for nothing."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed (pip install playwright; its own browser is not needed)"
    return "" if executable() else f"no browser on PATH ({', '.join(NAMES)}); CHROMIUM may name one"


@contextmanager
def browser() -> Iterator:
    """A running browser with a fresh profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tools:
        running = tools.chromium.launch(executable_path=executable(), args=FLAGS)
        try:
            yield running
        finally:
            running.close()
