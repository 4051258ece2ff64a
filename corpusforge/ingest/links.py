"""Curated links: keep the web pages that people voted for (GPT-2's WebText: 3 votes or more).

The list is `url<TAB>votes` (a line without a number counts one vote; repeats add up) or JSON
lines with `url` and `votes` (or `score`), compressed or not. Addresses are compared after
`normalise_url`, and without scheme, `www.` and final slash. Limit: the list is held in memory.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from corpusforge.errors import InputError
from corpusforge.ingest.url import normalise_url
from corpusforge.io import files, jsonl
from corpusforge.io.decoding import decode_json
from corpusforge.records import RawDocument, Skipped

__all__ = ["Curated", "link_key", "load"]


def link_key(url: str) -> str:
    """Return what two spellings of one page's address have in common."""
    rest = normalise_url(url).split("://", 1)[-1]
    return rest.removeprefix("www.").rstrip("/")


@dataclass(frozen=True, slots=True)
class Curated:
    """Votes by link key, and the votes a page needs."""

    votes: Mapping[str, int]
    needed: int

    def judge(self, document: RawDocument) -> RawDocument | Skipped:
        """Return the document, or that its address lacks votes (rule `curated_links`)."""
        votes = self.votes.get(link_key(document.url), 0)
        if votes >= self.needed:
            return document
        return Skipped(
            document.locator, "curated_links", str(votes), str(self.needed), document.url
        )


@functools.lru_cache(maxsize=4)
def load(path: str, needed: int) -> Curated:
    """Read a list of links; raises InputError where it is missing or a line has no address."""
    if not files.exists(path):
        raise InputError(f"ingest.links = {path!r}: no such file.")
    votes: Counter[str] = Counter()
    for number, line in jsonl.read_lines(path):
        if line.strip():
            url, count = _entry(line, f"{path}:{number}")
            votes[link_key(url)] += count
    return Curated(votes, needed)


def _entry(line: bytes, place: str) -> tuple[str, int]:
    try:
        if line.lstrip().startswith(b"{"):
            row = decode_json(line)
            return row["url"], int(row.get("votes", row.get("score", 1)))
        url, _, count = line.decode("utf-8").strip().partition("\t")
        return url, int(count or 1)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{place}: expected url<TAB>votes or {{url, votes}}.") from error
