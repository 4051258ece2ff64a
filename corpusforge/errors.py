"""What can go wrong, drawn as a tree.

CorpusforgeError
├── InputError       a file, option or record that the user gave is wrong; exit code 2
│   ├── RecipeError  a recipe key, value or name
│   └── RunError     an output directory: another recipe's, locked, incomplete, damaged
├── EngineError      a worker died or the engine failed, and the same command goes on; exit code 4
└── InternalError    our own invariant is broken (an unbalanced ledger); exit code 3

A message names the thing, shows the value, says what was expected and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CorpusforgeError",
    "EngineError",
    "InputError",
    "InternalError",
    "RecipeError",
    "RunError",
    "closest",
    "nearest",
]


class CorpusforgeError(Exception):
    """Base of every error raised on purpose."""

    exit_code = 2


class InputError(CorpusforgeError):
    """The user's file, option or record is wrong."""


class RecipeError(InputError):
    """A key, value or name in a recipe is wrong."""


class RunError(InputError):
    """An output directory cannot be used as it is."""


class EngineError(CorpusforgeError):
    """A worker died, or the engine that runs a stage failed: no input is known to be wrong."""

    exit_code = 4


class InternalError(CorpusforgeError):
    """An invariant of this library does not hold: a defect here, not of the input."""

    exit_code = 3


def closest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like `name`, "" where none is like it."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), "")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest known name, or the list of known names."""
    names = sorted(known)
    if close := closest(name, names):
        return f" Did you mean {close!r}?"
    return f" Known names: {', '.join(names)}."
