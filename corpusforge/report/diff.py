"""Compare two runs by their report.json: every figure that differs, by its path.

Rows of the ledger and of timings are matched by stage and source, not by place. Timings, examples
and digests are left out: they differ between equal runs, or follow from what is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Difference", "difference"]

_SKIPPED = frozenset({"timing", "examples", "fingerprint", "fingerprints", "workers"})
_KEYS = ("stage", "source", "name", "path")


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure: its path in the report, and its values (None where a run does not have it)."""

    path: str
    a: Any
    b: Any

    def __str__(self) -> str:
        text = f"{self.path}: {_shown(self.a)} → {_shown(self.b)}"
        if _is_number(self.a) and _is_number(self.b):
            change = self.b - self.a
            text += f" ({change:+,})" if isinstance(change, int) else f" ({change:+.4g})"
        return text


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _label(item: Mapping[str, Any]) -> str:
    return ".".join(str(item[key]) for key in _KEYS if key in item)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _SKIPPED:
                yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        labels = [_label(item) if isinstance(item, Mapping) else "" for item in value]
        if labels and all(labels) and len(set(labels)) == len(labels):
            for label, item in zip(labels, value, strict=True):
                rest = {key: inner for key, inner in item.items() if key not in _KEYS}
                yield from _leaves(rest, f"{path}.{label}")
        else:
            yield path, tuple(map(repr, value))
    else:
        yield path, value


def difference(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two reports, in the order of the first, then what only b has."""
    left, right = dict(_leaves(a, "")), dict(_leaves(b, ""))
    paths = [*left, *(path for path in right if path not in left)]
    rows = (Difference(path, left.get(path), right.get(path)) for path in paths)
    return [row for row in rows if row.a != row.b]
