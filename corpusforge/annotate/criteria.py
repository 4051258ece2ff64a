"""Agreement on what is rated apart from the order: scales (alpha) and flags (kappa, alpha).

A unit is one answer to one prompt. A flag is 1 where a rater who rated the answer set it, 0 where
not; its prevalence stands beside it, since kappa of a rare flag is low however well raters agree.
Limit: Fleiss' kappa takes the answers that the most raters rated; alpha takes all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge import hashing
from corpusforge.annotate.agreement import Level, alpha, alpha_interval, fleiss_kappa
from corpusforge.annotate.intervals import Interval
from corpusforge.annotate.records import Ranking

__all__ = ["Criterion", "criteria", "flag_names"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One scale or flag: alpha with its interval, Fleiss' kappa, mean (a flag's prevalence).

    `kind` is "scale" (ordinal alpha) or "flag" (nominal); `values` counts each value given;
    `raters` holds alpha of each rater against all others taken together.
    """

    name: str
    kind: str
    alpha: Interval
    fleiss: float
    mean: float
    values: dict[float, int]
    raters: dict[str, float]


@dataclass(slots=True)
class _Rows:
    value: list[float]
    unit: list[tuple[str, str]]
    rater: list[str]


def flag_names(rankings: Iterable[Ranking]) -> tuple[str, ...]:
    """Return every flag that some rater set on an answer."""
    return tuple(sorted({x for row in rankings for rating in row.ratings for x in rating.flags}))


def _collect(rankings: Iterable[Ranking], flags: Sequence[str]) -> dict[tuple[str, str], _Rows]:
    found: dict[tuple[str, str], _Rows] = {}
    for row in rankings:
        for rating in row.ratings:
            given = [("scale", name, value) for name, value in rating.scores]
            given += [("flag", name, float(name in rating.flags)) for name in flags]
            for kind, name, value in given:
                rows = found.setdefault((kind, name), _Rows([], [], []))
                rows.value.append(value)
                rows.unit.append((row.prompt, rating.candidate))
                rows.rater.append(row.rater)
    return found


def _fleiss(value: F64, unit: NDArray[np.int64]) -> float:
    names, code = np.unique(value, return_inverse=True)
    table = np.bincount(unit * len(names) + code, minlength=(unit.max() + 1) * len(names))
    return fleiss_kappa(table.reshape(-1, len(names)).astype(np.float64))


def _by_rater(value: F64, unit: NDArray[np.int64], rater: NDArray[np.int64], most: int) -> F64:
    """Alpha [raters], interval, of each rater and the mean of the others on the same answers."""
    total, count = np.bincount(unit, value), np.bincount(unit)
    out = np.full(most, np.nan)
    for r in range(most):
        mine = np.flatnonzero((rater == r) & (count[unit] > 1))
        if len(mine) < 2:
            continue
        place, own = unit[mine], value[mine]
        others = (total[place] - own) / (count[place] - 1)
        both, there = np.concatenate([own, others]), np.tile(np.arange(len(mine)), 2)
        out[r] = alpha(both, there, "interval")
    return out


def _criterion(kind: str, name: str, rows: _Rows, seed: int) -> Criterion:
    value = np.array(rows.value)
    units = {unit: place for place, unit in enumerate(sorted(set(rows.unit)))}
    unit = np.array([units[x] for x in rows.unit], dtype=np.int64)
    prompts = {x: place for place, x in enumerate(sorted({p for p, _ in rows.unit}))}
    group = np.array([prompts[p] for p, _ in rows.unit], dtype=np.int64)
    raters = {x: place for place, x in enumerate(sorted(set(rows.rater)))}
    rater = np.array([raters[x] for x in rows.rater], dtype=np.int64)
    level: Level = "ordinal" if kind == "scale" else "nominal"
    names, counts = np.unique(value, return_counts=True)
    own = _by_rater(value, unit, rater, len(raters))
    return Criterion(
        name=name,
        kind=kind,
        alpha=alpha_interval(value, unit, group, hashing.id_keys(prompts), level, seed=seed),
        fleiss=_fleiss(value, unit),
        mean=float(value.mean()),
        values=dict(zip(names.tolist(), counts.tolist(), strict=True)),
        raters=dict(zip(raters, own.tolist(), strict=True)),
    )


def criteria(
    rankings: Sequence[Ranking], flags: Sequence[str] | None = None, *, seed: int = 0
) -> tuple[Criterion, ...]:
    """Return every scale, then every flag, by name; `flags` are the job's (default: those set)."""
    wanted = flag_names(rankings) if flags is None else tuple(flags)
    found: Mapping[tuple[str, str], _Rows] = _collect(rankings, wanted)
    ordered = sorted(found, key=lambda key: (key[0] != "scale", key[1]))
    return tuple(_criterion(kind, name, found[kind, name], seed) for kind, name in ordered)
