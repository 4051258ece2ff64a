"""The end of a run on a terminal: funnel and mixture as tables, or as plain lines in a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from corpusforge.printing import printable
from corpusforge.report.data import RunData
from corpusforge.report.funnel import Funnel, funnels
from corpusforge.report.numbers import count, percent, short

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["funnel_rows", "lines", "mix_rows", "show", "tables"]

Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""A head and rows of cells; the first column is text, the others are figures or text."""

_RULES = 3


def funnel_rows(data: RunData) -> Rows:
    """Return the funnel: a row per source and stage, all sources together last."""
    head = ("source", "stage", "seen", "kept", "dropped", "failed", "kept of all", "most by")
    whole, *each = funnels(data.ledger)
    body = [row for funnel in [*each, whole] for row in _steps(funnel)]
    return head, body


def _steps(funnel: Funnel) -> list[tuple[str, ...]]:
    rows = []
    for number, step in enumerate(funnel.steps):
        name = (funnel.source or "all") if number == 0 else ""
        rules = ", ".join(f"{rule} {count(n)}" for rule, n in step.rules[:_RULES])
        more = len(step.rules) - _RULES
        figures = map(count, (step.seen, step.kept, step.dropped, step.failed))
        rest = f", +{more} more" if more > 0 else ""
        rows.append((name, step.stage, *figures, percent(step.share), rules + rest))
    return rows


def mix_rows(data: RunData) -> Rows:
    """Return the mix receipt: a row per source, largest weight first, and their sum."""
    head = ("source", "weight", "asked tokens", "delivered", "share", "epochs", "documents")
    sources = sorted(data.mix.sources.items(), key=lambda item: (-item[1].weight, item[0]))
    weights = sum(row.weight for _, row in sources)
    asked = sum(row.asked_tokens for _, row in sources)
    delivered = sum(row.delivered_tokens for _, row in sources)
    body: list[tuple[str, ...]] = [
        (
            name,
            percent(row.weight, weights),
            count(row.asked_tokens),
            count(row.delivered_tokens),
            percent(row.delivered_tokens, delivered),
            f"{row.epochs:.2f}",
            count(row.documents),
        )
        for name, row in sources
    ]
    documents = sum(row.documents for _, row in sources)
    total = ("all", "100 %", count(asked), count(delivered), "100 %", "", count(documents))
    return head, [*body, total] if body else body


def _plain(rows: Rows) -> list[str]:
    from rich.cells import cell_len

    head, body = _printable(rows)
    columns = list(zip(head, *body, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    left = [not _figures(column[1:]) for column in columns]
    out = []
    for row in (head, *body):
        cells = []
        for cell, width, text in zip(row, widths, left, strict=True):
            space = " " * (width - cell_len(cell))
            cells.append(cell + space if text else space + cell)
        out.append("  ".join(cells).rstrip())
    return out


def _printable(rows: Rows) -> Rows:
    head, body = rows
    return head, [tuple(map(printable, row)) for row in body]


def _figures(cells: Sequence[str]) -> bool:
    return all(cell == "" or cell[0].isdigit() or cell[0] in "<–" for cell in cells)


def lines(data: RunData) -> list[str]:
    """Return the summary as aligned plain lines (a wide character counts as two columns).

    Names are made printable: a line is a line, and holds nothing that a terminal obeys.
    """
    out = _plain(funnel_rows(data))
    mix = mix_rows(data)
    if mix[1]:
        out += ["", *_plain(mix)]
    return [*out, "", *_closing(data)]


def _closing(data: RunData) -> list[str]:
    removed = sum(data.dedup.methods.values())
    benches = data.decontamination.benchmarks
    hit = sum(bench.documents for bench in benches.values())
    found = [f"duplicates removed: {count(removed)}"]
    if benches:
        found.append(f"documents with evaluation text: {count(hit)}")
    for side, shards in data.shards.items():
        word = "file" if shards.files == 1 else "files"
        found.append(f"{side}: {short(shards.tokens)} tokens in {count(shards.files)} {word}")
    alarms = [f"warning: {text}" for text in data.mix.warnings]
    return list(map(printable, (*found, *data.mix.findings, *alarms, *data.dedup.alarms)))


def _table(title: str, rows: Rows) -> Table:
    from rich.table import Table
    from rich.text import Text

    head, body = _printable(rows)
    table = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
    for number, name in enumerate(head):
        figures = _figures([row[number] for row in body])
        table.add_column(name, justify="right" if figures else "left", overflow="fold")
    for number, row in enumerate(body):
        next_named = number + 1 < len(body) and bool(body[number + 1][0])
        table.add_row(*(Text(cell) for cell in row), end_section=next_named)
    return table


def tables(data: RunData) -> list[Table]:
    """Return the summary as rich tables."""
    out = [_table("What became of every document", funnel_rows(data))]
    mix = mix_rows(data)
    return [*out, _table("What the mixture delivered", mix)] if mix[1] else out


def show(data: RunData, stream: TextIO) -> None:
    """Print the summary: tables on a terminal, plain lines elsewhere."""
    if not stream.isatty():
        stream.write("\n".join(lines(data)) + "\n")
        return
    from rich.console import Console

    console = Console(file=stream)
    for table in tables(data):
        console.print(table)
    for line in _closing(data):
        console.print(line, markup=False, highlight=False)
