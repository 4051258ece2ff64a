"""Which files a published source consists of: Common Crawl, Wikipedia dumps, Project Gutenberg.

Each function asks the publisher's own list (`warc.paths.gz`, `dumpstatus.json`) and returns
`Remote`s, with checksums where published. Limit: Gutenberg publishes none per file; its mirror's
layout is computed from the book's number.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Sequence

import msgspec

from corpusforge.errors import InputError
from corpusforge.fetch.download import Clock, Remote, read_small
from corpusforge.fetch.settings import Settings
from corpusforge.io.decoding import DecodingError, decode_json

__all__ = ["commoncrawl", "gutenberg", "wikipedia"]

COMMON_CRAWL = "https://data.commoncrawl.org"
WIKIMEDIA = "https://dumps.wikimedia.org"
GUTENBERG = "https://gutenberg.pglaf.org"  # the mirror that Project Gutenberg names for robots
_JOBS = ("articlesmultistreamdump", "articlesdump")
_UNPACKED_BYTES = 1 << 28
"""Most bytes of a list of paths: a crawl of 100,000 files has some 14 MB."""


class _File(msgspec.Struct):
    url: str
    size: int = 0
    sha1: str = ""


class _Job(msgspec.Struct):
    status: str = ""
    files: dict[str, _File] = {}


class _Status(msgspec.Struct):
    """What is read of Wikimedia's `dumpstatus.json`."""

    jobs: dict[str, _Job] = {}


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
        url = f"{base}/crawl-data/{crawl}/{kind}.paths.gz"
        every = _unpacked(read_small(url, settings, clock), url).split()
        if not 0 < count <= len(every):
            raise InputError(f"--files {count}: expected 1 to {len(every)}, what {crawl} has.")
        paths = [every[number * len(every) // count] for number in range(count)]
    return [Remote(f"{base}/{path.lstrip('/')}", path.rsplit("/", 1)[-1]) for path in paths if path]


def _unpacked(data: bytes, url: str) -> str:
    """Return the text of a gzip list; raises InputError where it is none, damaged or too large."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            text = stream.read(_UNPACKED_BYTES + 1)
        if len(text) > _UNPACKED_BYTES:
            raise InputError(
                f"{url!r} unpacks to more than {_UNPACKED_BYTES} bytes; that is no list."
            )
        return text.decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{url!r} is no gzip list of paths: {error}.") from error


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
        url = f"{base}/{wiki}/{day}/dumpstatus.json"
        jobs = _status(read_small(url, settings, clock), url).jobs
        for name in _JOBS:
            if name in jobs and jobs[name].status == "done":
                return _dump_files(jobs[name].files, base, url)
    raise InputError(f"no finished pages-articles dump of {wiki!r} for {date!r} at {base}.")


def _dates(url: str, settings: Settings, clock: Clock | None) -> list[str]:
    page = read_small(url, settings, clock).decode("utf-8", "replace")
    return sorted(set(re.findall(r'href="(\d{8})/"', page)), reverse=True)


def _status(data: bytes, url: str) -> _Status:
    try:
        return decode_json(data, _Status)
    except DecodingError as error:
        raise InputError(f"{url!r} is not the status of a dump: {error}.") from error


def _dump_files(made: dict[str, _File], base: str, url: str) -> list[Remote]:
    remotes = []
    for name, facts in sorted(made.items()):
        if ".xml" not in name:
            continue
        if not facts.url.startswith("/"):
            raise InputError(f"{url!r} gives {name!r} the address {facts.url!r}; expected a path.")
        checksum = f"sha1:{facts.sha1}" if facts.sha1 else ""
        remotes.append(Remote(f"{base}{facts.url}", name, checksum, facts.size))
    if not remotes:
        raise InputError(f"{url!r} names no XML file of a finished dump.")
    return remotes


def gutenberg(books: Sequence[int], *, base: str = GUTENBERG) -> list[Remote]:
    """Return the UTF-8 text of each book number, where the mirror's layout puts it."""
    for number in books:
        if number <= 0:
            raise InputError(f"book number {number}: expected a number above 0.")
    return [Remote(f"{base}/cache/epub/{n}/pg{n}.txt", f"pg{n}.txt") for n in books]
