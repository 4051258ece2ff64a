"""Which documents stay, given their scores: a pure function of (score, id, seed).

GPT-3 keeps a document iff numpy's pareto(alpha) > 1 - score (Brown et al. 2020, appendix A).
That draw is Lomax, so P(keep | s) = (2 - s)^-alpha, tested here against a hash of the id: the same
documents stay for any order, batch or worker count. `top` needs the whole corpus'
scores, or cuts that were found by counting them, digit by digit of a document's place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.errors import InputError, InternalError
from corpusforge.hashing import uniform
from corpusforge.score.settings import KeepSettings

__all__ = [
    "Cut",
    "bound_text",
    "digits",
    "groups_of",
    "keep",
    "keep_probability",
    "tiers",
    "within",
]

PURPOSE = "score.keep"


def keep_probability(scores: NDArray[np.floating], alpha: float) -> NDArray[np.float64]:
    """Return the chance that a document of each score in 0..1 is kept: (2 - s)^-alpha.

    Scores and chances are [documents].
    """
    return np.asarray((2.0 - np.asarray(scores, dtype=np.float64)) ** -alpha)


def tiers(scores: NDArray[np.floating], settings: KeepSettings) -> list[str]:
    """Return the name of each document's tier: the highest whose bound it reaches, else "".

    `scores` are [documents], from 0 to 1, and so many names.
    """
    names = sorted(settings.tiers, key=lambda name: (settings.tiers[name], name))
    bounds = np.array([settings.tiers[name] for name in names])
    places = np.searchsorted(bounds, np.asarray(scores, dtype=np.float64), side="right")
    return ["" if place == 0 else names[place - 1] for place in places.tolist()]


def _thresholds(
    settings: KeepSettings, sources: Sequence[str], languages: Sequence[str]
) -> NDArray[np.float64]:
    """Return each document's threshold: of source/language, source, language, or the default."""
    special, default = settings.thresholds, settings.threshold
    return np.array(
        [
            special.get(f"{s}/{lang}", special.get(s, special.get(lang, default)))
            for s, lang in zip(sources, languages, strict=True)
        ],
        dtype=np.float64,
    )


@dataclass(frozen=True, slots=True)
class Cut:
    """How far the best of a group reach, as the leading digits of the last one's key.

    Documents whose digits are smaller stay; those whose digits are equal stay where `whole`.
    """

    digits: tuple[int, ...] = ()
    wanted: int = -1
    """How many with these digits stay; -1 until the first count."""
    whole: bool = False

    @property
    def settled(self) -> bool:
        """Whether no further digit is needed."""
        return self.whole or self.wanted == 0

    def next(self, counts: Mapping[int, int], share: float) -> Cut:
        """Return the cut with one digit more, given how many documents have each next digit."""
        wanted = self.wanted if self.digits else math.ceil(share * sum(counts.values()))
        for digit in sorted(counts):
            if counts[digit] >= wanted:
                whole = counts[digit] == wanted or len(self.digits) + 1 == DIGITS
                return Cut((*self.digits, digit), wanted, whole)
            wanted -= counts[digit]
        raise InternalError(f"a cut of {self.wanted} documents among {sum(counts.values())}")


DIGITS = 6
"""Digits of 16 bits of a document's place: two of its score, four of its id's key."""


def digits(scores: NDArray[np.floating], id_keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return each document's place as digits of 16 bits, the best and then the smallest id key first.

    Both are [documents], the digits int64 [documents, 6].
    """
    found = np.empty((len(scores), DIGITS), dtype=np.int64)
    bits = (np.asarray(scores, dtype=np.float32) + np.float32(0)).view(np.uint32).astype(np.int64)
    rising = np.where(bits >> 31, 0xFFFFFFFF - bits, bits + 0x80000000)  # order of floats
    falling = 0xFFFFFFFF - rising
    found[:, 0], found[:, 1] = falling >> 16, falling & 0xFFFF
    for place in range(4):
        shift = np.uint64(48 - 16 * place)
        found[:, 2 + place] = (id_keys >> shift & np.uint64(0xFFFF)).astype(np.int64)
    return found


def within(cut: Cut, own: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which documents come before the cut's digits, and which have them: bool [documents] each.

    `own` are int64 [documents, 6].
    """
    before = np.zeros(len(own), dtype=bool)
    equal = np.ones(len(own), dtype=bool)
    for place, digit in enumerate(cut.digits):
        before |= equal & (own[:, place] < digit)
        equal &= own[:, place] == digit
    return before, equal


def _top(
    scores: NDArray[np.floating],
    id_keys: NDArray[np.uint64],
    share: float,
    groups: Sequence[str],
    cuts: Mapping[str, Cut] | None,
) -> NDArray[np.bool_]:
    """Keep the best ceil(share * n) of each group; equal scores are ordered by id."""
    own = digits(scores, id_keys)
    names = np.array(groups, dtype=object)
    chosen = np.zeros(len(scores), dtype=np.bool_)
    for name in sorted(set(groups)):
        members = names == name
        cut = (cuts or {}).get(name) or _cut(own[members], share)
        before, equal = within(cut, own)
        chosen |= members & (before | (equal & cut.whole))
    return chosen


def _cut(own: NDArray[np.int64], share: float) -> Cut:
    cut = Cut()
    while not cut.settled:
        rest = own[within(cut, own)[1], len(cut.digits)]
        values, counts = np.unique(rest, return_counts=True)
        cut = cut.next(dict(zip(values.tolist(), counts.tolist(), strict=True)), share)
    return cut


def groups_of(
    settings: KeepSettings, sources: Sequence[str], languages: Sequence[str]
) -> Sequence[str]:
    """Return the group of each document, of which `top` keeps the best."""
    if settings.by == "source":
        return sources
    return languages if settings.by == "language" else [""] * len(sources)


def keep(
    scores: NDArray[np.floating],
    id_keys: NDArray[np.uint64],
    settings: KeepSettings,
    seed: int,
    sources: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
    cuts: Mapping[str, Cut] | None = None,
) -> NDArray[np.bool_]:
    """Return which documents stay, bool [n].

    `cuts` of the rule `top` are those of more documents than these.

    `id_keys` are `corpusforge.hashing.id_keys` of the document ids; `sources` and `languages` are
    each document's. Raises InputError where the settings need them and they are missing.
    """
    n = len(scores)
    needed = settings.sources or settings.thresholds or settings.by == "source"
    if (needed and sources is None) or (settings.by == "language" and languages is None):
        raise InputError("score.keep has rules by source or language, but none were given.")
    source_names = sources if sources is not None else [""] * n
    language_names = languages if languages is not None else [""] * n
    if settings.rule == "none":
        return np.ones(n, dtype=np.bool_)
    if settings.rule == "pareto":
        kept = uniform(id_keys, seed, PURPOSE) < keep_probability(scores, settings.alpha)
    elif settings.rule == "threshold":
        kept = np.asarray(scores) >= _thresholds(settings, source_names, language_names)
    elif settings.rule == "tiers":
        kept = np.isin(np.array(tiers(scores, settings), dtype=object), settings.keep_tiers)
    else:
        groups = groups_of(settings, source_names, language_names)
        kept = _top(scores, id_keys, settings.share, groups, cuts)
    if settings.sources:
        kept = kept | ~np.isin(np.array(source_names, dtype=object), list(settings.sources))
    return np.asarray(kept, dtype=np.bool_)


def bound_text(settings: KeepSettings) -> str:
    """Return the rule's bound as it stands in a drop row."""
    return {
        "pareto": f"(2-s)^-{settings.alpha:g}",
        "threshold": f">={settings.threshold:g}",
        "top": f"best {settings.share:g}",
        "tiers": ",".join(settings.keep_tiers),
        "none": "",
    }[settings.rule]
