"""Which captures of one address in the same files are worth reading: one pass over record headers.

A crawl that visits a page twice holds two copies of it; extracting both only to remove one is
waste. The pass frames records without parsing HTML (about 5 % of what reading and extracting
them costs). Limits: WARC and WET only, and within the files given; captures in other files meet in
`dedup`. A capture that turns out to hold no text has still displaced the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from corpusforge.ingest.settings import Settings
from corpusforge.ingest.streams import DATA_ERRORS, name_of
from corpusforge.ingest.warc import open_warc
from corpusforge.text.urls import normalise_url

__all__ = ["displaced"]

_KINDS = ("response", "resource", "conversion")


def displaced(
    paths: Iterable[tuple[str, str]],
    wanted: Callable[[str, str], bool] = lambda _url, _date: True,
    newest: bool = True,
) -> dict[str, str]:
    """Return the locators not worth reading, each with the locator of the capture kept instead.

    `paths` are (path, root) as given to `read`. Of the captures of one normalised address the
    newest (or oldest) wins, of equal dates the first read. `wanted` (address, date) says which may
    compete: one that a later rule refuses must not displace one that it keeps. Damaged files are
    looked at up to the damage.
    """
    best: dict[str, tuple[str, str]] = {}
    losers: dict[str, str] = {}  # locator -> address, until all winners are known
    for path, root in paths:
        for locator, url, date in _captures(path, root):
            if not wanted(url, date):
                continue
            address = normalise_url(url)
            held = best.get(address)
            if held is None:
                best[address] = (date, locator)
            elif held[1] != locator:
                better = date > held[0] if newest else date < held[0]
                losers[held[1] if better else locator] = address
                best[address] = (date, locator) if better else held
    return {locator: best[address][1] for locator, address in losers.items()}


def _captures(path: str, root: str) -> Iterable[tuple[str, str, str]]:
    from fastwarc.warc import ArchiveIterator

    name = name_of(path, root)
    with open_warc(path, Settings()) as source:
        try:
            for record in ArchiveIterator(source.raw, parse_http=False):
                url = (record.headers.get("WARC-Target-URI") or "").strip().strip("<>")
                if url and _answered(record):
                    place = f"{name}:{record.stream_pos}"
                    locator = (record.record_id or "").strip("<> ") or place
                    yield locator, url, (record.headers.get("WARC-Date") or "").strip()
        except DATA_ERRORS:
            return


def _answered(record: Any) -> bool:
    """Whether a record holds a page: a revisit or an error page displaces nothing."""
    kind = (record.headers.get("WARC-Type") or "").strip().lower()
    if kind not in _KINDS:
        return False
    line: bytes = record.reader.read(12)
    return not line.startswith(b"HTTP/") or line[9:12] == b"200"
