"""An ablation's report: report.json, the same as a Markdown table, and the curves as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge import manifest as records
from corpusforge.ablate.compare import Difference, Figure
from corpusforge.filter.sweep import blank, png
from corpusforge.io import files
from corpusforge.score.card import table

__all__ = [
    "HIGHER", "Checked", "Curve", "Report", "Trained", "blank", "checked", "curves_png", "difference_rows",
    "figure_rows", "markdown", "write",
]  # fmt: skip

HIGHER = ("accuracy", "cloze", "pairs")
"""Measures of which more is better; of all others less is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What one run's models were made of, and what they cost.

    `seconds`: each seed's training; `epochs`: how often one reads the stream; `flops`: 6 * parameters *
    tokens (Kaplan et al. 2020), over all seeds.
    """

    run: str
    stream: str
    stream_tokens: int
    epochs: float
    vocabulary: int
    parameters: int
    tokens: int
    seconds: tuple[float, ...]
    flops: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Bits per byte of all held-out texts as tokens go by, each seed's."""

    run: str
    tokens: tuple[int, ...]
    bits_per_byte: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is measured of a set: items used, their bytes, and items left out since a run was trained on them.

    `short` counts left-out texts that are too short to be searched for.
    """

    set: str
    used: int
    bytes: int
    contaminated: int
    short: int


def checked(
    passages: Sequence[tuple[str, str]], shares: NDArray[np.float64], overlap: float
) -> tuple[Checked, ...]:
    """Return how many of the (set, text) passages of each set are left at their shares of known words.

    `shares` are float64 [passages], NaN for texts that are too short.
    """
    rows: dict[str, list[tuple[int, float]]] = {}
    for (name, text), share in zip(passages, shares.tolist(), strict=True):
        rows.setdefault(name, []).append((len(text.encode()), share))
    return tuple(
        Checked(
            set=name,
            used=sum(share <= overlap for _, share in own),
            bytes=sum(size for size, share in own if share <= overlap),
            contaminated=sum(share > overlap for _, share in own),
            short=sum(share != share for _, share in own),  # noqa: PLR0124 - NaN alone
        )
        for name, own in rows.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every figure of an ablation (report.json)."""

    version: str
    torch: str
    device: str
    threads: int
    settings: dict[str, Any]
    sets: tuple[Checked, ...]
    trained: tuple[Trained, ...]
    figures: tuple[Figure, ...]
    differences: tuple[Difference, ...]
    curves: tuple[Curve, ...]
    proxy: dict[str, dict[str, float]]
    """Bits per byte by the n-gram model: run → measure → value."""
    agreement: float | None
    """Kendall's tau of the runs' order by proxy and by trained models, bits per byte of all texts."""


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:+.4f} to {high:+.4f})"


def _verdict(row: Difference) -> str:
    if not row.clear:
        return "not clear"
    more = row.measure.split("/")[0] in HIGHER
    return "better" if (row.mean > 0) == more else "worse"


def markdown(report: Report) -> str:
    """Return the report as Markdown: figures, differences with intervals, proxy, sets, cost."""
    own, first = report.settings, report.trained[0]
    head = [
        f"# Ablation: {', '.join(row.run for row in report.trained)}",
        "",
        f"{own['size']} ({first.parameters:,} parameters with {first.vocabulary:,} ids), {first.tokens:,} "
        f"tokens, {own['seeds']} seeds per run; corpusforge {report.version}, torch {report.torch}, "
        f"{report.device}, {report.threads} threads.",
        "",
    ]
    return "\n".join(
        [
            *head,
            *figure_rows(report.figures),
            *difference_rows(report.differences, first.run),
            *_proxy(report),
            *_cost(report),
        ]
    )


def figure_rows(figures: Sequence[Figure]) -> list[str]:
    """Return the table of figures by measure and run as lines of Markdown."""
    runs = list(dict.fromkeys(row.run for row in figures))
    rows: dict[str, list[str]] = {}
    for row in figures:
        rows.setdefault(row.measure, [row.measure, f"{row.items:,}"]).append(f"{row.mean:.4f}")
    shown = table(["measure", "items", *runs], rows.values())
    return ["## Figures", "", "Mean over seeds.", "", *shown]


def difference_rows(differences: Sequence[Difference], first: str) -> list[str]:
    """Return the table of differences from the first run as lines of Markdown, none without any."""
    rows = [
        [
            row.measure,
            row.run,
            f"{row.mean:+.4f}{_ends(row.low, row.high)}",
            _ends(row.items_low, row.items_high).strip(),
            _verdict(row),
        ]
        for row in differences
    ]
    if not rows:
        return []
    return [
        f"## Differences from {first}",
        "",
        "Mean (95 % interval over seeds, paired t), 95 % interval over items (bootstrap), and a verdict "
        "where zero lies in neither.",
        "",
        *table(["measure", "run", "difference", "over items", "verdict"], rows),
    ]


def _proxy(report: Report) -> list[str]:
    if not report.proxy:
        return []
    tau = "not defined" if report.agreement is None else f"{report.agreement:.2f}"
    measures = next(iter(report.proxy.values()))
    rows = [[name, *(f"{row[name]:.4f}" for row in report.proxy.values())] for name in measures]
    return [
        "## Proxy",
        "",
        f"Bits per byte by {report.settings['order']}-grams. Kendall's tau with the trained models over "
        f"{len(report.proxy)} runs, all texts: {tau}.",
        "",
        *table(["measure", *report.proxy], rows),
    ]


def _cost(report: Report) -> list[str]:
    sets = [
        [row.set, *(f"{n:,}" for n in (row.used, row.bytes, row.contaminated, row.short))]
        for row in report.sets
    ]
    costs = [
        [
            row.run,
            f"{row.stream_tokens:,}",
            f"{row.epochs:.2f}",
            f"{sum(row.seconds):,.0f}",
            f"{len(row.seconds) * row.tokens / max(sum(row.seconds), 1e-9):,.0f}",
        ]
        for row in report.trained
    ]
    seconds = sum(sum(row.seconds) for row in report.trained)
    flops = sum(row.flops for row in report.trained)
    return [
        "## Sets and cost",
        "",
        *table(["set", "used", "bytes", "left out: trained on", "left out: too short"], sets),
        *table(["run", "tokens there", "epochs", "seconds", "tokens/s"], costs),
        f"Training took {seconds:,.0f} s and {flops:.3g} operations in all.",
        "",
    ]


def curves_png(curves: Sequence[Curve]) -> bytes:
    """Return the picture: bits per byte against tokens, a line per run, its seeds' range around it."""
    picture = blank()
    axes = picture.subplots()
    for curve in curves:
        columns = list(zip(*curve.bits_per_byte, strict=True))
        mean = [sum(column) / len(column) for column in columns]
        (line,) = axes.plot(curve.tokens, mean, marker="o", markersize=3, label=curve.run)
        ends = [min(column) for column in columns], [max(column) for column in columns]
        axes.fill_between(curve.tokens, *ends, color=line.get_color(), alpha=0.15)
    axes.set(xlabel="tokens trained on", ylabel="bits per byte of held-out text")
    axes.grid(alpha=0.3)
    axes.legend()
    return png(picture)


def write(report: Report, output: str) -> tuple[str, ...]:
    """Write report.json, report.md and curves.png into a directory; return their names."""
    records.write_json(files.join(output, "report.json"), report)
    files.write_bytes(files.join(output, "report.md"), markdown(report).encode())
    files.write_bytes(files.join(output, "curves.png"), curves_png(report.curves))
    return "report.json", "report.md", "curves.png"
