"""The command `fetch`: options to library calls, and lines to read.

`add_parser` hangs the command below any argparse subparsers; `run` returns the exit code: 0 when
every file is there, 2 when one could not be had.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from corpusforge.errors import InputError
from corpusforge.fetch import sources
from corpusforge.fetch.download import Fetched, Remote, fetch_all
from corpusforge.fetch.settings import Settings
from corpusforge.options import Parser, at_least
from corpusforge.printing import say

__all__ = ["add_parser", "run"]

_DIGITS = 6  # of a book's number: Project Gutenberg has some 75,000


def add_parser(subparsers: Any) -> Parser:
    """Add `fetch commoncrawl|wikipedia|gutenberg` below the subparsers; return its parser."""
    parser: Parser = subparsers.add_parser(
        "fetch", help="download raw sources: Common Crawl, Wikipedia dumps, Project Gutenberg"
    )
    kinds = parser.add_subparsers(dest="source", required=True)
    crawl = kinds.add_parser("commoncrawl", help="WARC, WET or WAT files of one crawl")
    crawl.add_argument("--crawl", required=True, help="id of the crawl, as CC-MAIN-2024-22")
    which = crawl.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--files", type=at_least(1), default=0, help="how many, spread over the crawl"
    )
    which.add_argument("--paths", help="file that names the paths to fetch, one a line")
    crawl.add_argument(
        "--kind",
        choices=("warc", "wet", "wat"),
        default="warc",
        help="pages, their text, or their metadata (default: warc)",
    )
    wiki = kinds.add_parser("wikipedia", help="the pages-articles dump of one language")
    wiki.add_argument("--lang", required=True, help="language code, as zh")
    wiki.add_argument("--date", default="latest", help="date of the dump, as 20240501")
    books = kinds.add_parser("gutenberg", help="books as plain text, by number")
    books.add_argument("--books", required=True, help="numbers and ranges, as 11,1342,2600-2605")
    for kind in (crawl, wiki, books):
        kind.add_argument("--output", required=True, help="directory, or scheme://… of Beam")
        kind.add_argument("--base", help="another server with the same layout (a mirror)")
        kind.add_argument(
            "--bytes-per-second",
            type=float,
            default=0.0,
            help="most that is fetched; 0: no limit (default: 0)",
        )
        kind.add_argument(
            "--tries",
            type=at_least(1),
            default=Settings().tries,
            help=f"times a file is asked for (default: {Settings().tries})",
        )
        kind.add_argument("--dry-run", action="store_true", help="only list what would be fetched")
    parser.set_defaults(run_command=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """Fetch what the options name; print one line per file; return the exit code."""
    settings = Settings(
        tries=options.tries,
        bytes_per_second=options.bytes_per_second,
        pause=2.0 if options.source == "gutenberg" else 0.0,  # what its robot rules ask for
    )
    remotes = _remotes(options, settings)
    if options.dry_run:
        for remote in remotes:
            say(f"{remote.url}  {remote.size or '?'} bytes")
        return 0
    done = fetch_all(remotes, options.output, settings, _say)
    failed = [fetched for fetched in done if fetched.error]
    say(f"{len(done) - len(failed)} of {len(done)} files, {sum(f.size for f in done)} bytes")
    return 2 if failed else 0


def _remotes(options: argparse.Namespace, settings: Settings) -> list[Remote]:
    base = {"base": options.base.rstrip("/")} if options.base else {}
    if options.source == "commoncrawl":
        paths = _paths(options.paths) if options.paths else []
        return sources.commoncrawl(
            options.crawl, settings, kind=options.kind, count=options.files, paths=paths, **base
        )
    if options.source == "wikipedia":
        return sources.wikipedia(options.lang, settings, date=options.date, **base)
    return sources.gutenberg(numbers(options.books), **base)


def _paths(path: str) -> list[str]:
    try:
        lines = Path(path).read_text("utf-8").split("\n")
    except OSError as error:
        raise InputError(f"--paths {path!r}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--paths {path!r} is not UTF-8 text: {error.reason}.") from error
    return [line.strip() for line in lines if line.strip()]


def numbers(text: str) -> list[int]:
    """Return the numbers of "11,1342,2600-2605", in order; raises InputError for anything else."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InputError(f"--books {part!r}: expected a number or a range as 2600-2605.")
        if len(first) > _DIGITS or len(last) > _DIGITS or int(last or first) < int(first):
            raise InputError(
                f"--books {part!r}: expected ascending numbers of 1 to {_DIGITS} digits."
            )
        found += range(int(first), int(last or first) + 1)
    return found


def _say(fetched: Fetched) -> None:
    if fetched.error:
        say(f"failed {fetched.path}: {fetched.error}", error=True)
    else:
        note = "already there" if not fetched.requests else f"{fetched.requests} requests"
        say(f"{fetched.path}  {fetched.size} bytes, {note}")
