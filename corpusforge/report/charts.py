"""Inline SVG for the page: histograms and stacked shares, coloured by the page's own variables.

A drawing carries no text of its own except titles shown on hover; labels are HTML beside it, so
that they wrap and scale on a phone. Bars start at zero, their lengths are linear in the counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from corpusforge.report.data import Histogram
from corpusforge.report.numbers import count, percent, short

__all__ = ["Drawing", "Segment", "histogram", "segments", "years"]

_WIDTH = 320.0
_HEIGHT = 96.0
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class Drawing:
    """An SVG and what stands under it: left, middle and right label of the axis, and the peak."""

    svg: Markup
    axis: tuple[str, str, str]
    peak: str
    total: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a stacked bar: its share of the whole in per cent, its colour class."""

    label: str
    value: int
    percent: float
    text: str
    colour: str


_BAR = Markup('<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"><title>{}</title></rect>')
_SVG = Markup(
    '<svg class="hist" viewBox="0 0 {:g} {:g}" preserveAspectRatio="none" role="img" '
    'aria-label="{}">{}</svg>'
)


def _bars(counts: Sequence[int], titles: Sequence[str], label: str) -> Markup:
    top = max(counts, default=0) or 1
    step = _WIDTH / max(1, len(counts))
    gap = min(1.0, step * 0.15)
    parts = []
    for place, (value, title) in enumerate(zip(counts, titles, strict=True)):
        # one document stays visible beside a million
        height = max(_HEIGHT * value / top, 1.0) if value else 0.0
        left = place * step + gap / 2
        parts.append(_BAR.format(left, _HEIGHT - height, step - gap, height, title))
    return _SVG.format(_WIDTH, _HEIGHT, label, Markup("").join(parts))


def _trimmed(data: Histogram) -> Histogram:
    """Without the empty bins before the first and after the last value."""
    used = [place for place, value in enumerate(data.counts) if value]
    if not used:
        return data
    first, last = used[0], used[-1] + 1
    return Histogram(edges=data.edges[first : last + 1], counts=data.counts[first:last])


def histogram(data: Histogram, label: str, unit: str = "", *, trim: bool = False) -> Drawing:
    """Return the drawing of a histogram; every bin has the same width, whatever its edges."""
    data = _trimmed(data) if trim else data
    unit = f" {unit}" if unit else ""
    titles = [
        f"{short(low)} to {short(high)}{unit}: {count(value)} documents"
        for low, high, value in zip(data.edges[:-1], data.edges[1:], data.counts, strict=True)
    ]
    half, odd = divmod(len(data.counts), 2)
    middle = "" if odd else short(data.edges[half])  # only where an edge stands in the middle
    axis = (short(data.edges[0]), middle, short(data.edges[-1]) + unit)
    svg = _bars(data.counts, titles, f"{label}: {count(sum(data.counts))} documents")
    return Drawing(svg, axis, count(max(data.counts, default=0)), count(sum(data.counts)))


def years(counts: Mapping[str, int], label: str) -> Drawing | None:
    """Return the drawing of documents a year, gaps included; None where no year is known."""
    known = sorted(int(year) for year in counts if year.isdigit())
    if not known:
        return None
    span = range(known[0], known[-1] + 1)
    values = [counts.get(str(year), 0) for year in span]
    titles = [f"{year}: {count(value)} documents" for year, value in zip(span, values, strict=True)]
    middle = str(span[len(span) // 2]) if len(span) > 2 and len(span) % 2 else ""
    right = str(span[-1]) if len(span) > 1 else ""
    svg = _bars(values, titles, f"{label}: documents a year")
    return Drawing(svg, (str(span[0]), middle, right), count(max(values)), count(sum(values)))


def segments(
    counts: Mapping[str, int], order: Sequence[str], unknown: str = "unknown"
) -> tuple[Segment, ...]:
    """Return the parts of a stacked bar in `order`; what is not in it is summed as "other"."""
    total = sum(counts.values())
    named = {name: counts.get(name, 0) for name in order}
    named[_OTHER] = total - sum(named.values())
    return tuple(
        Segment(
            name or unknown,
            value,
            100.0 * value / total,
            percent(value, total),
            "cx" if name == _OTHER else f"c{place}",
        )
        for place, (name, value) in enumerate(named.items())
        if value
    )
