"""Wikitext to text beside mwparserfromhell: speed, and how much of its prose is there.

    python -m benchmarks.extract_wiki

Pages of at most 60,000 characters of every dump; prose is counted in characters without white space,
tables, files and categories left out on both sides.
"""

from __future__ import annotations

import re
import statistics

import mwparserfromhell

from benchmarks import harness
from benchmarks.harness import DATA
from corpusforge import ingest
from corpusforge.extract.wikitext import to_text
from corpusforge.records import RawDocument

BOX = re.compile(r"^(?:[^:\n]{1,30}):")


def pages() -> list[RawDocument]:
    return [
        row
        for path in sorted((DATA / "wiki").rglob("*.bz2"))
        for row in ingest.read("wikipedia", str(path), ingest.Settings())
        if isinstance(row, RawDocument) and len(row.content) <= 60_000
    ]


def prose(source: str) -> str:
    code = mwparserfromhell.parse(source)
    for link in code.filter_wikilinks(recursive=True):
        if BOX.match(str(link.title)) and not str(link.title).startswith(":"):
            try:
                code.remove(link)
            except ValueError:
                continue
    for tag in code.filter_tags(recursive=False):
        if str(tag.tag) in ("table", "ref", "gallery", "timeline", "math"):
            code.remove(tag)
    return code.strip_code(normalize=True, collapse=True)


def main() -> None:
    harness.arguments(__doc__).parse_args()
    rows = pages()
    size = sum(len(row.content.encode()) for row in rows)
    ours, spent = harness.timed(
        lambda: [to_text(row.content, row.title, row.lang, False) for row in rows]
    )
    _, peers = harness.timed(
        lambda: [mwparserfromhell.parse(row.content).strip_code() for row in rows]
    )
    shares = []
    for text, row in zip(ours, rows, strict=True):
        reference = "".join(prose(row.content).split())
        if len(reference) > 200:
            shares.append(len("".join(text.split())) / len(reference))
    print(f"pages {len(rows)}, wikitext {size / 1e6:.2f} MB")
    print(f"corpusforge      {size / spent / 1e6:.1f} MB per CPU-second")
    print(f"mwparserfromhell {size / peers / 1e6:.1f} MB per CPU-second (strip_code alone)")
    low, median, high = statistics.quantiles(shares, n=4)
    print(
        f"prose length ratio, {len(shares)} pages: {median:.3f} (quartiles {low:.3f}, {high:.3f})"
    )


if __name__ == "__main__":
    main()
