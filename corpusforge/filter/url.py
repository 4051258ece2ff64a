"""Rules on a page's address: exact addresses, domains and words that a list refuses.

Lists are the recipe's files (one entry per line, "#" opens a comment; gz, zst and bz2 are read too)
and a short built-in list of words. Method: a domain entry refuses every host under it; words are
the runs of letters and digits of the decoded address; two "soft" words are needed where one proves
little. Limit: no public-suffix table, so an entry such as "co.uk" would refuse all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa

from corpusforge.filter.lists import entries
from corpusforge.filter.rules import F64, Bound, Ratio, RuleSet, limits_text

__all__ = ["HARD_WORDS", "SOFT_WORDS", "AddressRule", "UrlLists", "load", "measure", "rule_set"]

HARD_WORDS = ("porn", "porno", "pornhub", "xvideos", "xnxx", "hentai", "milf", "sexcam", "livesex")
SOFT_WORDS = (
    *("sex", "xxx", "adult", "nude", "erotic", "escort", "fetish", "webcam", "camgirl"),
    *("casino", "poker", "betting", "slots", "jackpot", "viagra", "cialis", "payday", "crack"),
    *("warez", "keygen", "torrent", "replica", "bocai", "caipiao", "qipai"),
)
_WORD = re.compile(r"[^\W_]+")
_COLUMNS = ("url_exact", "url_domain", "url_hard_words", "url_soft_words", "url_parts")


@dataclass(frozen=True, slots=True)
class UrlLists:
    """What refuses an address; all lower case."""

    urls: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    hard: frozenset[str] = field(default_factory=lambda: frozenset(HARD_WORDS))
    soft: frozenset[str] = field(default_factory=lambda: frozenset(SOFT_WORDS))
    parts: tuple[str, ...] = ()


def load(
    urls: Sequence[str] = (),
    domains: Sequence[str] = (),
    hard_words: Sequence[str] = (),
    soft_words: Sequence[str] = (),
    parts: Sequence[str] = (),
) -> UrlLists:
    """Return the built-in lists and those of the files; raises InputError on a missing file."""
    return UrlLists(
        frozenset(_plain(url) for url in entries(urls)),
        frozenset(name.strip(".") for name in entries(domains)),
        frozenset((*HARD_WORDS, *entries(hard_words))),
        frozenset((*SOFT_WORDS, *entries(soft_words))),
        tuple(sorted(set(entries(parts)))),
    )


def _plain(url: str) -> str:
    """Return an address without scheme, "www.", fragment and closing slash, lower case."""
    rest = url.strip().lower().split("#", 1)[0].split("://", 1)[-1]
    return rest.removeprefix("www.").rstrip("/")


def _host(url: str) -> str:
    try:
        return (urlsplit(url if "://" in url else f"//{url}").hostname or "").strip(".")
    except ValueError:  # an unclosed IPv6 bracket
        return ""


def measure(url: str, lists: UrlLists) -> tuple[int, int, int, int, int]:
    """Return counts of (exact, domain, hard words, soft words, parts) that refuse the address."""
    if not url:
        return 0, 0, 0, 0, 0
    labels = _host(url.lower()).split(".")
    text = unquote(url).lower()
    words = set(_WORD.findall(text))
    return (
        int(_plain(url) in lists.urls),
        int(any(".".join(labels[i:]) in lists.domains for i in range(len(labels)))),
        len(words & lists.hard),
        len(words & lists.soft),
        sum(part in text for part in lists.parts),
    )


@dataclass(frozen=True, slots=True)
class AddressRule:
    """url.v1 on one address, before anything is extracted: what a page says cannot change it."""

    lists: UrlLists
    bounds: tuple[Bound, ...]

    def refusal(self, url: str) -> tuple[str, str, str] | None:
        """Return (rule, value, bound) of the first bound the address breaks, or None."""
        found = dict(zip(_COLUMNS, measure(url, self.lists), strict=True)) if url else {}
        if not any(found.values()):
            return None
        for bound in self.bounds:
            low, high = bound.limits("")
            value = found[bound.statistic.above[0]]
            if (high is not None and value > high) or (low is not None and value < low):
                return f"url.v1:{bound.name}", str(value), limits_text(low, high)
        return None


def rule_set(lists: UrlLists) -> RuleSet:
    """Return url.v1 over the lists."""

    def derive(
        _stats: pa.RecordBatch | pa.Table, meta: pa.RecordBatch | pa.Table
    ) -> Mapping[str, F64]:
        rows = [measure(url or "", lists) for url in meta.column("url").to_pylist()]
        table = np.array(rows, dtype=np.float64).reshape(len(rows), len(_COLUMNS))
        return {name: table[:, i] for i, name in enumerate(_COLUMNS)}

    limits = (0, 0, 0, 1, 0)
    bounds = tuple(
        Bound(
            name=name.removeprefix("url_"),
            statistic=Ratio((name,)),
            high=high,
            unit="entries of the list found in the address",
            source="corpusforge",
        )
        for name, high in zip(_COLUMNS, limits, strict=True)
    )
    return RuleSet(name="url.v1", bounds=bounds, derive=derive)
