"""Reads one option among those that go to Beam."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

__all__ = ["given"]


def given(options: Sequence[str], name: str) -> str | None:
    """Return the value of `--name` among Beam's options, or None where it is not given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(f"--{name}", nargs="?", const="true")
    value: str | None = getattr(parser.parse_known_args(list(options))[0], name)
    return value
