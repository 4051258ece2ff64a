"""Which documents stay, given their scores: a pure function of (score, id, seed).

GPT-3 keeps a document iff numpy's pareto(alpha) > 1 - score (Brown et al. 2020, appendix A).
That draw is Lomax, so P(keep | s) = (2 - s)^-alpha, tested here against a hash of the id: the same
documents stay for any order, batch or worker count. Limit: `top` needs the whole corpus' scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.hashing import uniform
from corpusforge.score.settings import KeepSettings

__all__ = ["bound_text", "keep", "keep_probability", "tiers"]

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


def _top(
    scores: NDArray[np.floating],
    id_keys: NDArray[np.uint64],
    share: float,
    groups: Sequence[str],
) -> NDArray[np.bool_]:
    """Keep the best ceil(share * n) of each group; equal scores are ordered by id."""
    chosen = np.zeros(len(scores), dtype=np.bool_)
    names = np.array(groups, dtype=object)
    for name in set(groups):
        members = np.flatnonzero(names == name)
        order = np.lexsort((id_keys[members], -np.asarray(scores)[members]))
        chosen[members[order[: int(np.ceil(share * len(members)))]]] = True
    return chosen


def keep(
    scores: NDArray[np.floating],
    id_keys: NDArray[np.uint64],
    settings: KeepSettings,
    seed: int,
    sources: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
) -> NDArray[np.bool_]:
    """Return which documents stay, bool [n].

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
        groups = {"": [""] * n, "source": source_names, "language": language_names}[settings.by]
        kept = _top(scores, id_keys, settings.share, groups)
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
