"""The extractor alone: pages, web archives, Wikipedia dumps and books in, lines of JSON out.

    python -m pipelines.extract --input 'pages/*.html' --output pages.jsonl
    python -m pipelines.extract --input crawl.warc.gz --input enwiki.xml.bz2 --output text.jsonl.zst

Each line is {"id", "text", "title", "url", "date", "lang", "format", "source"}. The id of a plain
file is its name without suffix (with --id parent, the name of its directory); the id of a record
inside an archive is its locator; one that comes again is numbered (`page`, `page~2`). What is skipped or
fails is counted, and named with --verbose. Exit code: 0; 1 where an input is damaged or ends early (what
stood before the damage is there); 2 for a wrong input or option.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from corpusforge import ingest
from corpusforge.extract import ENGINES, Extracted, Settings, extract
from corpusforge.ingest.names import kind_of
from corpusforge.io import files
from corpusforge.io.files import input_files
from corpusforge.io.jsonl import write_jsonl
from corpusforge.ledger import Ledger
from corpusforge.options import Parser, above_zero
from corpusforge.plugins import choice
from corpusforge.printing import say
from corpusforge.program import guard, tell_damage
from corpusforge.records import RawDocument, Skipped
from corpusforge.text.names import REPEATED, Names

__all__ = ["main", "run"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.extract",
        description="Extract the text of HTML pages, web archives, Wikipedia dumps and books.",
    )
    add = options.add_argument
    add("--input", action="append", required=True, metavar="GLOB",
        help="files, a directory or a glob (** reaches into directories); may be repeated")  # fmt: skip
    add("--output", required=True, metavar="OUT.jsonl", help="lines of JSON; .gz and .zst compress")
    add("--kind", type=choice("sources", ingest.SOURCES), metavar="NAME",
        help=f"kind of every input, instead of its name's: {', '.join(ingest.SOURCES)}, or your own as "
        "package.module:NAME")  # fmt: skip
    add("--id", choices=("name", "parent"), default="name", dest="identity",
        help="id of a plain file: its name without suffix, or its directory's name")  # fmt: skip
    add("--engine", type=choice("extractors", ENGINES), default="fast", metavar="NAME",
        help=f"HTML extractor: {', '.join(ENGINES)}, or your own as package.module:NAME "
        "(default: fast)")  # fmt: skip
    add("--no-tables", action="store_true", help="drop data tables of wikitext")
    add("--cpu-seconds", type=above_zero, default=Settings().cpu_seconds, metavar="S",
        help="CPU time that reading a record, and one extractor, may take, for every megabyte begun; a "
             "record beyond fails (default: %(default)g)")  # fmt: skip
    add("--verbose", action="store_true", help="name each record that is skipped or fails")
    return options


def _identity(path: str, raw: RawDocument, kind: str, identity: str) -> str:
    """Return the id of a document: of a file that is one document, the file's own."""
    if kind not in ("html", "books"):
        return raw.locator
    place = PurePosixPath(path)
    if identity == "parent":
        return place.parent.name
    name = place.name
    for ending in files.COMPRESSED:
        name = name.removesuffix(ending)
    return PurePosixPath(name).stem


def _rows(
    paths: Sequence[str], options: argparse.Namespace, ledger: Ledger, damaged: list[str]
) -> Iterator[Any]:
    """Yield the line of each document and keep the account of the others."""
    settings = Settings(
        engine=options.engine, wiki_tables=not options.no_tables, cpu_seconds=options.cpu_seconds
    )
    reading = ingest.Settings(cpu_seconds=options.cpu_seconds)
    names = Names()
    for number, path in enumerate(paths, 1):
        kind = options.kind or kind_of(path)
        if number % 100 == 1:
            say(f"{number}/{len(paths)} {PurePosixPath(path).name}", error=True)
        for item in ingest.read(kind, path, reading):
            read = isinstance(item, RawDocument)
            account = ledger.of("extract" if read else "ingest", kind)
            account.seen += 1
            found = extract(item, settings) if isinstance(item, RawDocument) else item
            if isinstance(found, Extracted) and isinstance(item, RawDocument):
                account.kept += 1
                account.notes.update(f"repaired:{name}" for name in item.repaired)
                account.notes.update(found.notes)
                name = _identity(path, item, kind, options.identity)
                own = names.distinct(name)
                if own != name:
                    account.notes[REPEATED] += 1
                yield _line(own, item, found, kind)
                continue
            if isinstance(found, Skipped):
                account.dropped[found.rule] += 1
            elif not isinstance(found, Extracted):
                account.failed += 1
                if found.cut:
                    damaged.append(f"{path}: {found.error} ({found.locator})")
            if options.verbose:
                say(f"{found}", error=True)


def _line(name: str, raw: RawDocument, found: Extracted, kind: str) -> dict[str, str]:
    return {
        "id": name,
        "text": found.text,
        "title": found.title,
        "url": raw.url,
        "date": raw.date,
        "lang": raw.lang,
        "format": found.format,
        "source": kind,
    }


def run(argv: Sequence[str] | None = None) -> tuple[Ledger, list[str]]:
    """Do what the arguments say; return the account and what was damaged. CorpusforgeError where they
    are wrong."""
    options = parser().parse_args(argv)
    paths = input_files(options.input, "--input")
    for path in paths:
        if not options.kind:
            kind_of(path)
    ledger, damaged = Ledger(), list[str]()
    write_jsonl(options.output, _rows(paths, options, ledger, damaged))
    ledger.check()
    return ledger, damaged


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0; 1 where an input is damaged, so that records are missing; 2 for a wrong option."""
    return guard(lambda: _print(*run(argv)))


def _print(ledger: Ledger, damaged: Sequence[str]) -> int:
    for row in ledger.rows():
        reasons = ", ".join(f"{rule} {count}" for rule, count in row["dropped"].items())
        say(
            f"{row['stage']:<8} {row['source']:<10} seen {row['seen']}, kept {row['kept']}, "
            f"failed {row['failed']}, skipped {reasons or 0}",
            error=True,
        )
        for name, count in row.get("notes", {}).items():
            say(f"{row['stage']:<8} {row['source']:<10} {name} {count}", error=True)
    return tell_damage(damaged)


if __name__ == "__main__":
    sys.exit(main())
