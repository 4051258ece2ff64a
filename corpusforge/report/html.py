"""The report as one HTML file: no script, no font, no address is loaded from anywhere.

jinja2 escapes every value; only the drawings of `charts`, which escape their own, are marked safe.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from corpusforge.io import files
from corpusforge.report import charts, numbers
from corpusforge.report.data import RunData
from corpusforge.report.funnel import funnels, survivors
from corpusforge.report.pages import template
from corpusforge.report.texts import marked

__all__ = ["page", "write_report"]

_COLOURS = 6
"""Colours of a stacked bar; what is rarer is summed as "other"."""


def _commonest(shares: Iterable[Mapping[str, int]]) -> list[str]:
    """The commonest keys over all rows: one colour order for every bar of a figure."""
    total: Counter[str] = Counter()
    for counts in shares:
        total.update(counts)
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return [name for name, _ in ranked[:_COLOURS]]


def _stacks(shares: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    order = _commonest(shares.values())
    return [
        {
            "label": label,
            "total": sum(counts.values()),
            "segments": charts.segments(counts, order),
        }
        for label, counts in shares.items()
        if sum(counts.values())
    ]


def _legend(stacks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    seen = {part.colour: part.label for stack in stacks for part in stack["segments"]}
    return [(colour, seen[colour]) for colour in sorted(seen)]


def _stacked(shares: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    stacks = _stacks(shares)
    return {"stacks": stacks, "legend": _legend(stacks)}


def _drawings(data: RunData) -> dict[str, Any]:
    dates = {
        name: drawing
        for name, counts in data.dates.items()
        if (drawing := charts.years(counts, f"Dates of {name}"))
    }
    return {
        "scores": {
            name: charts.histogram(item, f"Scores of {name}") for name, item in data.scores.items()
        },
        "lengths": {
            name: charts.histogram(item, f"Lengths of {name}", "bytes", trim=True)
            for name, item in data.lengths.items()
        },
        "dates": dates,
        "undated": {name: counts[""] for name, counts in data.dates.items() if counts.get("")},
    }


def _mixture(data: RunData) -> dict[str, Any]:
    rows = sorted(data.mix.sources.items(), key=lambda item: (-item[1].weight, item[0]))
    return {
        "rows": rows,
        "weights": sum(row.weight for _, row in rows),
        "asked": sum(row.asked_tokens for _, row in rows),
        "delivered": sum(row.delivered_tokens for _, row in rows),
        "documents": sum(row.documents for _, row in rows),
        "largest": max((row.weight for _, row in rows), default=0.0),
    }


def _headline(data: RunData) -> list[tuple[str, str, str]]:
    """The figures at the top: value, what it is, and a remark."""
    whole = funnels(data.ledger)[0]
    tokens = sum(row.delivered_tokens for row in data.mix.sources.values())
    failed = sum(row.failed for row in data.ledger)
    seconds = sum(row.seconds for row in data.timing)
    kept = survivors(data.ledger)
    figures = [
        (numbers.short(whole.seen), "records read", f"{numbers.count(failed)} failed"),
        (numbers.short(kept), "documents kept", numbers.percent(kept, whole.seen)),
        (
            numbers.short(sum(data.dedup.methods.values())),
            "duplicates removed",
            f"of {numbers.count(data.dedup.compared)} compared" if data.dedup.compared else "",
        ),
        (
            numbers.short(tokens),
            "tokens to train on",
            f"{numbers.count(data.mix.validation_tokens)} held out",
        ),
    ]
    if seconds:
        workers = f"{data.workers} worker{'s' if data.workers != 1 else ''}" if data.workers else ""
        figures.append((numbers.duration(seconds), "in all stages", workers))
    return figures


def page(data: RunData) -> str:
    """Return the whole HTML page of a run."""
    context = {
        "data": data,
        "headline": _headline(data),
        "funnels": funnels(data.ledger),
        "pairs": [
            (pair, *marked(pair.removed_text, pair.kept_text)) for pair in data.dedup.examples
        ],
        "mixture": _mixture(data),
        "languages": _stacked(data.languages),
        "licences": _stacked(data.licences),
        "recipe": json.dumps(
            data.recipe, indent=2, ensure_ascii=False, sort_keys=True, default=str
        ),
        **_drawings(data),
    }
    text: str = template("report.html.j2").render(context)
    return text


def write_report(run_data: RunData, path: str) -> None:
    """Write the page of a run to `path` (local or any filesystem that `corpusforge.io` knows)."""
    files.write_bytes(path, page(run_data).encode("utf-8"))
