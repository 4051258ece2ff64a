"""A run's funnel as one SVG picture, by source, with the rules that took most at each step.

    python -m examples.funnel runs/sample > funnel.svg

Reads `report.json` alone. Band heights are linear in documents; a band below a pixel is drawn as a line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path

from corpusforge.ledger import STAGES
from corpusforge.options import Parser
from corpusforge.printing import say_text
from corpusforge.program import guard

WIDTH, HEIGHT, TOP, STEP = 960, 300, 40, 94
COLOURS = ("#3b6ea5", "#5aa469", "#d08b3c", "#8a68a8", "#4f9da6", "#b5545c")
STYLE = (
    "text{font:11.5px system-ui,sans-serif;fill:#24292f}.small{font-size:10.5px;fill:#57606a}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9da7b3}}"
)


def kept(ledger: list[dict[str, object]]) -> dict[str, list[int]]:
    """Return of each source the documents seen, then those kept after each step."""
    rows = {(row["stage"], row["source"]): row for row in ledger}
    sources = sorted({str(row["source"]) for row in ledger})
    counts = {
        source: [rows[STAGES[0], source]["seen"], *(rows[s, source]["kept"] for s in STAGES)]
        for source in sources
        if all((stage, source) in rows for stage in STAGES)
    }
    return dict(sorted(counts.items(), key=lambda item: -int(item[1][0])))  # type: ignore[return-value, call-overload]


def bands(counts: dict[str, list[int]], scale: float) -> Iterator[str]:
    """Yield one shape per source: its documents from left to right, sources stacked."""
    floor = [float(TOP)] * (len(STAGES) + 1)
    for (source, numbers), colour in zip(counts.items(), COLOURS, strict=False):
        upper = [f"{place * STEP + 10},{y:.1f}" for place, y in enumerate(floor)]
        floor = [y + max(1.0, n * scale) for y, n in zip(floor, numbers, strict=True)]
        lower = [f"{place * STEP + 10},{y:.1f}" for place, y in enumerate(floor)]
        title = f"<title>{escape(source)}: {numbers[0]} to {numbers[-1]} documents</title>"
        points = " ".join([*upper, *reversed(lower)])
        yield f'<polygon points="{points}" fill="{colour}" fill-opacity=".85">{title}</polygon>'


def picture(report: dict[str, object]) -> str:
    """Return the SVG of a run's report."""
    ledger: list[dict[str, object]] = report["ledger"]  # type: ignore[assignment]
    counts = kept(ledger)
    total = [sum(column) for column in zip(*counts.values(), strict=True)]
    scale = (HEIGHT - TOP - 76) / total[0]
    parts = [*bands(counts, scale)]
    parts.append(f'<text x="10" y="{TOP - 8}" class="small">{total[0]:,} in</text>')
    for place, stage in enumerate(STAGES, 1):
        x, lost = place * STEP + 10, Counter[str]()
        for row in ledger:
            if row["stage"] == stage:
                lost.update(row["dropped"])  # type: ignore[arg-type]
                lost["failed"] += int(row["failed"])  # type: ignore[call-overload]
        parts.append(f'<text x="{x}" y="{TOP - 24}" text-anchor="end">{stage}</text>')
        parts.append(
            f'<text x="{x}" y="{TOP - 8}" class="small" text-anchor="end">{total[place]:,}</text>'
        )
        foot = TOP + total[place - 1] * scale + 18
        for line, (rule, number) in enumerate((+lost).most_common(2)):
            name = escape(rule.partition(":")[2] or rule)
            y = foot + 14 * line
            parts.append(
                f'<text x="{x}" y="{y:.1f}" class="small" text-anchor="end">−{number} {name}</text>'
            )
    for place, (source, colour) in enumerate(zip(counts, COLOURS, strict=False)):
        x = 10 + place * 110
        parts.append(f'<rect x="{x}" y="{HEIGHT - 18}" width="11" height="11" fill="{colour}"/>')
        parts.append(f'<text x="{x + 17}" y="{HEIGHT - 8}">{escape(source)}</text>')
    label = (
        f"{total[0]} records of {len(counts)} sources become {total[-1]} documents, step by step"
    )
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>"])


def main(argv: list[str] | None = None) -> int:
    """Entry point: 0; 2 where the directory holds no finished run."""
    parser = Parser(prog="python -m examples.funnel", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="a finished run's directory")

    def work() -> int:
        from corpusforge.run.directory import read_manifest

        options = parser.parse_args(argv)
        read_manifest(options.run)
        report = json.loads((Path(options.run) / "report.json").read_text(encoding="utf-8"))
        say_text(picture(report))
        return 0

    return guard(work)


if __name__ == "__main__":
    raise SystemExit(main())
