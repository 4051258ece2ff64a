"""What is finished of a comparison: what its directory is for, and each measured training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from corpusforge import manifest as records
from corpusforge.ablate.measure import Tally
from corpusforge.ablate.train import State
from corpusforge.errors import RunError
from corpusforge.io import files
from corpusforge.io.decoding import decode_json
from corpusforge.run.directory import refuse_foreign

__all__ = ["Result", "claim", "finished", "keep", "option", "refuse_others", "tallies_of"]

_CLAIM = "ablation.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measured training (result.json): `tallies` are (above, below) of each item by measure."""

    fingerprint: str
    seconds: float
    losses: tuple[float, ...]
    curve: tuple[tuple[int, float], ...]
    tallies: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]


def option(name: str) -> str:
    """Return the option of a setting."""
    return f"--{name.replace('_', '-')}"


def refuse_others(output: str, *own: str) -> None:
    """Raise RunError where a directory without a claim holds more than its lock and `own`."""
    if not files.exists(files.join(output, _CLAIM)):
        refuse_foreign(output, *own)


def claim(output: str, told: Mapping[str, Any]) -> str:
    """Write what the directory is for; return its fingerprint. Raises RunError for another ablation's."""
    path = files.join(output, _CLAIM)
    earlier = decode_json(files.read_bytes(path)) if files.exists(path) else told
    if records.canonical(earlier) != records.canonical(told):
        changed = [key for key in told if earlier.get(key) != records.plain(told[key])]
        raise RunError(
            f"{output!r} holds another ablation ({', '.join(changed)} differ). Choose another --output, or "
            "delete it."
        )
    records.write_json(path, told)
    return records.fingerprint(told)


def finished(path: str, fingerprint: str) -> Result | None:
    """Return the result at `path` where it is one of this fingerprint."""
    earlier: Result | None = records.read_json(path, Result)
    return earlier if earlier is not None and earlier.fingerprint == fingerprint else None


def keep(path: str, fingerprint: str, state: State, tallies: Mapping[str, Tally]) -> Result:
    """Write and return what a training came to."""
    result = Result(
        fingerprint=fingerprint,
        seconds=state.seconds,
        losses=tuple(state.losses),
        curve=tuple(state.curve),
        tallies={
            name: (tuple(one.above.tolist()), tuple(one.below.tolist()))
            for name, one in tallies.items()
        },
    )
    records.write_json(path, result)
    return result


def tallies_of(rows: Sequence[Result], name: str) -> list[Tally]:
    """Return a measure of each result."""
    return [Tally(*map(np.array, row.tallies[name])) for row in rows]
