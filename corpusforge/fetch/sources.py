"""Which files a published source consists of: Common Crawl, Wikipedia dumps, Project Gutenberg.

Each function asks the publisher's own list (`warc.paths.gz`, `dumpstatus.json`) and returns
`Remote`s, with checksums where published. Limit: Gutenberg publishes none per file; its mirror's
layout is computed from the book's number.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence

from corpusforge.errors import InputError
from corpusforge.fetch.download import Clock, Remote, read_small
from corpusforge.fetch.settings import Settings
from corpusforge.io.decoding import decode_json

__all__ = ["commoncrawl", "gutenberg", "wikipedia"]

COMMON_CRAWL = "https://data.commoncrawl.org"
WIKIMEDIA = "https://dumps.wikimedia.org"
GUTENBERG = "https://gutenberg.pglaf.org"  # the mirror that Project Gutenberg names for robots
_JOBS = ("articlesmultistreamdump", "articlesdump")


def commoncrawl(
    crawl: str,
    settings: Settings,
    *,
    kind: str = "warc",
    count: int = 0,
    paths: Sequence[str] = (),
    base: str = COMMON_CRAWL,
    clock: Clock | None = None,
) -> list[Remote]:
    """Return `count` files of a crawl, spread evenly over its list, or the named `paths`.

    `kind` is warc, wet or wat. Raises InputError for an unknown crawl or a count beyond the list.
    """
    if not paths:
        listing = read_small(f"{base}/crawl-data/{crawl}/{kind}.paths.gz", settings, clock)
        every = gzip.decompress(listing).decode("utf-8").split()
        if not 0 < count <= len(every):
            raise InputError(f"--files {count}: expected 1 to {len(every)}, what {crawl} has.")
        paths = [every[number * len(every) // count] for number in range(count)]
    return [Remote(f"{base}/{path.lstrip('/')}", path.rsplit("/", 1)[-1]) for path in paths if path]


def wikipedia(
    lang: str,
    settings: Settings,
    *,
    date: str = "latest",
    base: str = WIKIMEDIA,
    clock: Clock | None = None,
) -> list[Remote]:
    """Return the files of a language's pages-articles dump of a date (20240501), with their SHA-1.

    `latest` takes the newest finished one. Raises InputError where the dump is missing or unfinished.
    """
    wiki = lang.replace("-", "_") + "wiki"
    dates = [date] if date != "latest" else _dates(f"{base}/{wiki}/", settings, clock)
    for day in dates:
        status = decode_json(read_small(f"{base}/{wiki}/{day}/dumpstatus.json", settings, clock))
        for job in _JOBS:
            made = status.get("jobs", {}).get(job, {})
            if made.get("status") == "done":
                return _dump_files(made["files"], base)
    raise InputError(f"no finished pages-articles dump of {wiki!r} for {date!r} at {base}.")


def _dates(url: str, settings: Settings, clock: Clock | None) -> list[str]:
    page = read_small(url, settings, clock).decode("utf-8", "replace")
    return sorted(set(re.findall(r'href="(\d{8})/"', page)), reverse=True)


def _dump_files(made: dict[str, dict[str, object]], base: str) -> list[Remote]:
    return [
        Remote(
            f"{base}{facts['url']}",
            name,
            f"sha1:{facts['sha1']}" if facts.get("sha1") else "",
            int(str(facts.get("size", 0))),
        )
        for name, facts in sorted(made.items())
        if ".xml" in name
    ]


def gutenberg(books: Sequence[int], *, base: str = GUTENBERG) -> list[Remote]:
    """Return the UTF-8 text of each book number, where the mirror's layout puts it."""
    for number in books:
        if number <= 0:
            raise InputError(f"book number {number}: expected a number above 0.")
    return [Remote(f"{base}/cache/epub/{n}/pg{n}.txt", f"pg{n}.txt") for n in books]
