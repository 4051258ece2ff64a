"""`corpusforge sweep RUN --rule SET:BOUND`: what other thresholds of a rule would have kept.

Reads the statistics that the run stored, and no text. By default a document counts if no other
rule dropped it first; `--alone` counts every document. Sources that the recipe does not let the rule
judge are left out; of a rule that judges none, all are counted. Limits: a document that this rule dropped
may fail a later rule too, which is not tried again; tokens are estimated from the run's bytes a
token.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.errors import InputError, nearest
from corpusforge.fields import build
from corpusforge.filter import RULES, Bound, RuleSet
from corpusforge.filter.columns import COLUMNS
from corpusforge.filter.decide import values_of
from corpusforge.filter.settings import Settings
from corpusforge.io import files
from corpusforge.io.decoding import read_json
from corpusforge.io.parquet import read_table
from corpusforge.printing import say

__all__ = [
    "Curve", "add_parser", "blank", "counted", "curves", "draw", "end_of", "load", "lookup", "numbers",
    "passes", "png", "statistic", "table", "thresholds",
]  # fmt: skip

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
_QUANTILES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)
_OWN = ("source", "lang", "text_bytes", "rule")


@dataclass(frozen=True, slots=True)
class Curve:
    """What each threshold keeps of one group; arrays of one entry a threshold.

    `tokens_per_byte` is 0 where the run holds no tokens of the group.
    """

    source: str
    lang: str
    documents: int
    bytes: int
    kept_documents: I64
    kept_bytes: I64
    tokens_per_byte: float = 0.0


def lookup(name: str) -> tuple[RuleSet, Bound]:
    """Return the rule set and bound of "set.v1:bound"; raises InputError offering the nearest
    name.
    """
    set_name, _, bound_name = name.partition(":")
    names = [f"{s.name}:{b.name}" for s in RULES.values() for b in s.bounds if _swept(s, b)]
    if name not in names:
        within = [known for known in names if known.startswith(f"{set_name}:")] or names
        raise InputError(
            f"--rule {name!r} is no rule with a stored statistic.{nearest(name, within)}"
        )
    rule_set = RULES[set_name]
    return rule_set, next(bound for bound in rule_set.bounds if bound.name == bound_name)


def _swept(rule_set: RuleSet, bound: Bound) -> bool:
    """Whether the stored table alone gives the bound's statistic (flags and addresses are not in
    it).
    """
    return all(not name.startswith(("flag_", "url_")) for name in bound.statistic.names())


def load(run: str, rule_set: RuleSet, bound: Bound, more: Sequence[str] = ()) -> pa.Table:
    """Return the stored rows of the sources that a rule set judges, with what a bound reads, and `more`.

    Of a rule that judges no source of the run, those of all. Raises InputError where none are stored.
    """
    paths = [info.path for info in files.list_files(files.join(run, "stats", "part-*.parquet"))]
    if not paths:
        raise InputError(f"no statistics in {run!r}: expected stats/part-*.parquet of a run.")
    columns = [*more, *_OWN, *counted(bound)]
    rows = pa.concat_tables([read_table(path, columns) for path in paths])
    judged = _judged(run, rule_set.name)
    return rows.filter(pc.is_in(rows["source"], pa.array(judged, pa.string()))) if judged else rows


def _judged(run: str, name: str) -> list[str]:
    """The sources that a rule set judges by the run's recipe; none where the run has no recipe."""
    path = files.join(run, "recipe.json")
    if not files.exists(path):
        return []
    recipe = read_json(path)
    settings = build(Settings, recipe.get("filter", {}), "filter")
    kinds = {source: own.get("kind", "") for source, own in recipe.get("sources", {}).items()}
    return [source for source, kind in kinds.items() if name in settings.rules_of(source, kind)]


def counted(bound: Bound) -> list[str]:
    """Return the stored columns from which `statistic` is made."""
    wanted = {
        name for lang in (bound.languages or ("",)) for name in bound.for_language(lang).names()
    }
    wanted |= {"simplified", "traditional"}
    return [name for name in COLUMNS if name in wanted]


def end_of(bound: Bound, given: str | None) -> tuple[str, float | None]:
    """Return which end of a bound is moved, "low" or "high", and the rule's own threshold there."""
    end = given or ("high" if bound.low is None else "low")
    return end, bound.low if end == "low" else bound.high


def statistic(rule_set: RuleSet, bound: Bound, stats: pa.Table) -> F64:
    """Return what a bound is on, float64 [documents]; NaN where it does not apply."""
    derived = rule_set.derive(stats, stats) if rule_set.derive and rule_set.name == "zh.v1" else {}
    return values_of(bound, derived, stats, stats.column("lang").to_pylist())


def thresholds(bound: Bound, end: str, values: F64, given: Sequence[float]) -> F64:
    """Return the thresholds to try: those given, or quantiles of the values and the rule's own.

    `values` are float64 [documents], in the statistic's unit; the result is ascending float64 [thresholds].
    """
    if given:
        return np.unique(np.array(given, dtype=np.float64))
    own = bound.low if end == "low" else bound.high
    known = values[~np.isnan(values)]
    points = np.quantile(known, _QUANTILES, method="inverted_cdf") if len(known) else np.zeros(0)
    return np.unique(np.append(points, [] if own is None else [own]))


def curves(
    stats: pa.Table, values: F64, points: F64, end: str, rates: dict[tuple[str, str], float]
) -> list[Curve]:
    """Return the curve of all rows, then one for each (source, language), largest first.

    `values` are float64 [documents], `points` the thresholds, float64 [thresholds].
    """
    sources = np.array(stats.column("source").to_pylist(), dtype=object)
    labels = np.array([lang or "und" for lang in stats.column("lang").to_pylist()], dtype=object)
    sizes = np.asarray(stats.column("text_bytes"), dtype=np.int64)
    found = [("all", "all", np.ones(len(sizes), dtype=np.bool_))]
    for source, lang in sorted(set(zip(sources, labels, strict=True))):
        found.append((source, lang, (sources == source) & (labels == lang)))
    result = []
    for source, lang, rows in found:
        kept = passes(values[rows], points, end).astype(np.int64)
        result.append(
            Curve(
                source,
                lang,
                int(rows.sum()),
                int(sizes[rows].sum()),
                kept.sum(axis=1),
                kept @ sizes[rows],
                rates.get((source, lang), 0.0),
            )
        )
    return [result[0], *sorted(result[1:], key=lambda c: (-c.bytes, c.source, c.lang))]


def passes(values: F64, points: F64, end: str) -> NDArray[np.bool_]:
    """Return whether a threshold keeps a document, bool [thresholds, documents]; NaN is kept."""
    failed = values < points[:, None] if end == "low" else values > points[:, None]
    return ~failed


def table(found: Sequence[Curve], points: F64, own: float | None) -> Iterator[str]:
    """Yield the lines of the plain table; the rule's own threshold bears a star.

    `points` are the thresholds, float64 [thresholds].
    """
    heads = ("threshold", 14), ("documents", 12), ("share", 7), ("bytes", 15), ("share", 7)
    yield " ".join(f"{name:>{width}}" for name, width in (*heads, ("~tokens", 14)))
    for curve in found:
        yield f"{curve.source} / {curve.lang}: {curve.documents} documents, {curve.bytes} bytes"
        for i, point in enumerate(points):
            documents, size = int(curve.kept_documents[i]), int(curve.kept_bytes[i])
            tokens = f"{size * curve.tokens_per_byte:.0f}" if curve.tokens_per_byte else "-"
            yield (
                f"{point:>13.6g}{'*' if point == own else ' '} {documents:>12} "
                f"{documents / max(1, curve.documents):>7.1%} {size:>15} "
                f"{size / max(1, curve.bytes):>7.1%} {tokens:>14}"
            )


def draw(found: Sequence[Curve], points: F64, own: float | None, title: str, path: str) -> None:
    """Write the share of bytes kept by threshold as a PNG, one line per group (the eight largest).

    `points` are the thresholds, float64 [thresholds].
    """
    figure = blank()
    axes = figure.subplots()
    for curve in found[:9]:
        share = curve.kept_bytes / max(1, curve.bytes)
        width = 2.5 if curve.source == "all" else 1.2
        axes.plot(points, share, linewidth=width, label=f"{curve.source} / {curve.lang}")
    if own is not None:
        axes.axvline(own, color="grey", linestyle=":", label="the rule's bound")
    axes.set(xlabel="threshold", ylabel="share of bytes kept", title=title, ylim=(0, 1.02))
    axes.legend(fontsize="small")
    files.write_bytes(path, png(figure))


def blank() -> Any:
    """Return an empty matplotlib figure. Raises InputError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("a picture needs matplotlib: pip install 'corpusforge[plots]'.") from error
    return Figure(figsize=(7, 4.2), layout="constrained")


def png(figure: Any) -> bytes:
    """Return a matplotlib figure's picture; its bytes do not name matplotlib's version."""
    import io

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144, metadata={"Software": None})
    return buffer.getvalue()


def token_rates(run: str) -> dict[tuple[str, str], float]:
    """Return tokens a byte by (source, language) and for ("all", "all"), from the run's token
    tables.
    """
    total: dict[tuple[str, str], list[int]] = {}
    for info in files.list_files(files.join(run, "tokens", "part-*.parquet")):
        rows = read_table(info.path, ["source", "lang", "tokens", "bytes"]).to_pylist()
        for row in rows:
            for key in ((row["source"], row["lang"] or "und"), ("all", "all")):
                count = total.setdefault(key, [0, 0])
                count[0] += row["tokens"]
                count[1] += row["bytes"]
    return {key: tokens / size for key, (tokens, size) in total.items() if size}


def add_parser(subparsers: Any) -> None:
    """Mount `sweep` under the command line."""
    parser = subparsers.add_parser("sweep", help="what other thresholds of a rule would have kept")
    parser.add_argument("run", metavar="RUN", help="its directory")
    parser.add_argument(
        "--rule", required=True, metavar="SET:BOUND", help="the bound to move, as gopher:min_words"
    )
    parser.add_argument("--end", choices=("low", "high"), help="which end of a two-sided bound")
    parser.add_argument("--at", default="", metavar="X,Y,…", help="thresholds; default: quantiles")
    parser.add_argument("--alone", action="store_true", help="count what other rules dropped too")
    parser.add_argument("--png", metavar="FILE", help="draw the curves")
    parser.set_defaults(run_command=_sweep)


def _sweep(options: argparse.Namespace) -> int:
    rule_set, bound = lookup(options.rule)
    end, own = end_of(bound, options.end)
    stats = load(options.run, rule_set, bound)
    if not options.alone:
        stats = stats.filter(pa.array([r in ("", options.rule) for r in stats["rule"].to_pylist()]))
    values = statistic(rule_set, bound, stats)
    points = thresholds(bound, end, values, numbers(options.at))
    found = curves(stats, values, points, end, token_rates(options.run))
    sign = ">=" if end == "low" else "<="
    title = f"{options.rule}: keep where {bound.statistic} {sign} threshold"
    if options.png:
        draw(found, points, own, title, options.png)
    say(f"{title} ({bound.unit}; {bound.source})")
    for line in table(found, points, own):
        say(line)
    return 0


def numbers(text: str) -> list[float]:
    """Return the thresholds of --at; raises InputError."""
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise InputError(
            f"--at {text!r}: expected numbers with commas between, such as 0.1,0.2"
        ) from error
