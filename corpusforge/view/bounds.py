"""Any stored statistic or score: how it is spread, and what a bound on it would keep and drop.

Counts are exact, of the documents that no other rule dropped first, as `corpusforge sweep` counts; a bound
is inclusive, and a document that it does not apply to is kept. Limit: what this rule dropped may fail a
later rule, which is not tried again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.errors import InputError, nearest
from corpusforge.filter import RULES, Bound, RuleSet
from corpusforge.filter.columns import COLUMNS
from corpusforge.filter.rules import NO_LIMITS
from corpusforge.filter.sweep import counted, statistic
from corpusforge.view.dropped import shown
from corpusforge.view.tables import View

__all__ = ["Measure", "Measured", "counts", "histogram", "load", "measures", "near"]

F64 = NDArray[np.float64]
SCORE = "score"
_BINS = 60
_TRIED = 300
"""Documents nearest to a bound that are looked at for a text."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Measure:
    """What a bound can be moved on: a rule's statistic, a stored column, or the score."""

    name: str
    kind: str
    unit: str = ""
    statistic: str = ""
    low: float | None = None
    high: float | None = None
    others: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """Other limits of single languages; a limit that the recipe sets holds in them, too."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure of every document that no other rule dropped; arrays [documents].

    `group` is a place in `groups`, the (source, language) pairs; `kept` says what the run did.
    """

    values: F64
    group: NDArray[np.int64]
    groups: list[tuple[str, str]]
    kept: NDArray[np.bool_]
    ids: pa.ChunkedArray


def measures(view: View) -> list[Measure]:
    """Return what the run has measured: its rules' bounds as the recipe sets them, the score, columns."""
    found = []
    for name, (_, bound) in _rules(view).items():
        others = {lang: own for lang, own in bound.by_language.items() if own != NO_LIMITS}
        told = (bound.unit, str(bound.statistic), bound.low, bound.high, others)
        found.append(Measure(name, "rule", *told))
    if view.rows("SELECT 1 FROM scores LIMIT 1"):
        keep = view.recipe.score.keep
        own = keep.threshold if keep.rule == "threshold" else None
        found.append(Measure(SCORE, "score", "probability", SCORE, low=own))
    stored = set(view.table("SELECT * FROM stats LIMIT 0").column_names)
    return found + [
        Measure(name, "statistic", "count", name)
        for name in ("text_bytes", *COLUMNS)
        if name in stored
    ]


def _rules(view: View) -> dict[str, tuple[RuleSet, Bound]]:
    """The bounds of the recipe's rules that stored statistics alone decide, by "set:bound"."""
    settings = view.recipe.filter
    names = dict.fromkeys(name for own in _sets(view).values() for name in own if name in RULES)
    sets = [RULES[name].with_bounds(settings.bounds.get(name, {})) for name in names]
    return {
        f"{own.name}:{bound.name}": (own, bound)
        for own in sets
        for bound in own.bounds
        if not any(name.startswith(("flag_", "url_")) for name in bound.statistic.names())
    }


def _sets(view: View) -> dict[str, tuple[str, ...]]:
    """The names of each source's rule sets."""
    rules_of = view.recipe.filter.rules_of
    return {source: rules_of(source, own.kind) for source, own in view.recipe.sources.items()}


@lru_cache(maxsize=8)
def load(view: View, name: str) -> Measured:
    """Measure every document by the name of a measure. Raises InputError for an unknown one."""
    if name == SCORE:
        rows = view.table(
            "SELECT id, source, lang, score AS value, coalesce(q.kept, true) AS kept "
            "FROM scores LEFT JOIN quality q USING (id)"
        )
        return _measured(
            rows, np.asarray(rows["value"], np.float64), np.asarray(rows["kept"], bool)
        )
    rules = _rules(view)
    if name in rules:
        rows = _stored(view, counted(rules[name][1]), name)
        judged = [source for source, own in _sets(view).items() if rules[name][0].name in own]
        applies = pc.is_in(rows["source"], pa.array(judged, pa.string()))
        values = np.where(np.asarray(applies, bool), statistic(*rules[name], rows), np.nan)
    else:
        known = [own.name for own in measures(view)]
        if name not in known:
            raise InputError(f"no statistic {name!r} in the run.{nearest(name, known)}")
        rows = _stored(view, [name])
        values = np.asarray(rows[name], np.float64)
    return _measured(rows, values, np.asarray(pc.equal(rows["rule"], ""), bool))


def _stored(view: View, columns: list[str], rule: str = "") -> pa.Table:
    """The statistics of documents that were kept, or that `rule` dropped; `columns` are names of ours."""
    names = ", ".join(f'"{name}"' for name in columns)
    query = f"SELECT id, source, lang, rule, {names} FROM stats WHERE rule IN ('', ?)"  # noqa: S608
    return view.table(query, rule)


def _measured(rows: pa.Table, values: F64, kept: NDArray[np.bool_]) -> Measured:
    pairs = list(zip(rows["source"].to_pylist(), rows["lang"].to_pylist(), strict=True))
    groups = sorted({(source, lang or "") for source, lang in pairs})
    places = {pair: place for place, pair in enumerate(groups)}
    group = np.fromiter((places[s, lang or ""] for s, lang in pairs), np.int64, len(pairs))
    return Measured(values, group, groups, kept, rows["id"])


def _chosen(own: Measured, source: str, lang: str) -> NDArray[np.bool_]:
    wanted = [source in ("", s) and lang in ("", told) for s, told in own.groups]
    return np.array(wanted, dtype=np.bool_)[own.group] & ~np.isnan(own.values)


def histogram(view: View, name: str, source: str = "", lang: str = "") -> dict[str, Any]:
    """Return bins of equal width (of equal ratio where values span decades): `edges` and `documents`.

    The lowest and highest half per cent of values stand in the outer bins; `bare` are those to which the
    measure does not apply.
    """
    own = load(view, name)
    mask = _chosen(own, source, lang)
    values = own.values[mask]
    if not len(values):
        return {"edges": [], "documents": [], "log": False, "lowest": 0.0, "highest": 0.0}
    low, high = np.quantile(values, (0.005, 0.995), method="inverted_cdf")
    high = high if high > low else low + 1
    log = bool(values.min() >= 0 and high > 100 * max(1.0, np.median(values) / 10))
    edges = (np.geomspace(max(low, 1), high, _BINS + 1) if log
             else np.linspace(low, high, _BINS + 1))  # fmt: skip
    bins = np.bincount(np.digitize(values, edges[1:-1]), minlength=_BINS)
    return {
        "edges": edges.tolist(),
        "documents": bins.tolist(),
        "log": log,
        "lowest": float(values.min()),
        "highest": float(values.max()),
    }


def _passes(values: F64, low: float | None, high: float | None) -> NDArray[np.bool_]:
    failed = np.zeros(len(values), dtype=np.bool_)
    if low is not None:
        failed |= values < low
    if high is not None:
        failed |= values > high
    return ~failed


def counts(view: View, name: str, low: float | None, high: float | None) -> list[dict[str, Any]]:
    """Return, for each source and language, documents, those the run kept, those the bounds would keep."""
    own = load(view, name)
    passed = _passes(own.values, low, high)
    size = len(own.groups)
    seen, now, then, back, gone = (
        np.bincount(own.group[mask], minlength=size).tolist()
        for mask in (
            np.ones_like(passed),
            own.kept,
            passed,
            passed & ~own.kept,
            ~passed & own.kept,
        )
    )
    return [
        {"source": source, "lang": lang, "documents": seen[i], "now": now[i], "then": then[i],
         "back": back[i], "gone": gone[i]}
        for i, (source, lang) in enumerate(own.groups)
    ]  # fmt: skip


def near(
    view: View, name: str, bound: float, *, end: str, source: str = "", lang: str = ""
) -> dict[str, list[dict[str, Any]]]:
    """Return the documents nearest to a bound whose text is kept: those it keeps, those it drops."""
    own = load(view, name)
    mask = _chosen(own, source, lang)
    passed = _passes(own.values, bound if end == "low" else None, bound if end == "high" else None)
    return {
        side: _nearest(view, own, np.flatnonzero(mask & chosen), bound, name)
        for side, chosen in (("kept", passed), ("dropped", ~passed))
    }


def _nearest(
    view: View, own: Measured, places: NDArray[np.int64], bound: float, name: str
) -> list[dict[str, Any]]:
    order = np.argsort(np.abs(own.values[places] - bound), kind="stable")[:_TRIED]
    values = dict(
        zip(own.ids.take(pa.array(places[order])).to_pylist(), own.values[places[order]].tolist(),
            strict=True)
    )  # fmt: skip
    found = view.rows(
        """SELECT id, url, source, lang, text FROM documents WHERE id IN (SELECT unnest(?1))
        UNION ALL BY NAME SELECT id, url, source, lang, text FROM samples
        WHERE id IN (SELECT unnest(?1))""",
        list(values),
    )
    texts = {row["id"]: row for row in found}
    rules = _rules(view)
    first = rules[name][1].statistic.above[0] if name in rules else name
    return [
        {**row, "value": values[row["id"]], **shown(row.pop("text"), first)}
        for row in [texts[one] for one in values if one in texts][:_SHOWN]
    ]
