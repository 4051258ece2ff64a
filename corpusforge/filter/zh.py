"""Rules for Chinese web pages: script, mixed standards, page furniture, advertising, chain
letters.

The ideas are those of Chinese corpus builders (character shares, spam marks); lists and bounds are
ours, set so that classical and modern prose, dialogue and traditional text pass. Limit: marks are
fixed phrases; a new slogan is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from corpusforge.filter.rules import F64, Bound, Ratio, RuleSet

__all__ = ["CHINESE"]

_LANGUAGES = ("zh", "yue", "wuu", "lzh")


def _bound(
    name: str,
    statistic: str,
    unit: str,
    low: float | None = None,
    high: float | None = None,
) -> Bound:
    return Bound(
        name=name,
        statistic=Ratio.of(statistic),
        low=low,
        high=high,
        unit=unit,
        source="corpusforge",
        languages=_LANGUAGES,
    )


def _variants(stats: pa.RecordBatch | pa.Table, _meta: object) -> Mapping[str, F64]:
    """Return minor_variant: Han characters of whichever standard the document uses less."""
    pair = (
        np.asarray(stats.column(name), dtype=np.float64) for name in ("simplified", "traditional")
    )
    return {"minor_variant": np.minimum(*pair)}


CHINESE = RuleSet(
    name="zh.v1",
    derive=_variants,
    bounds=(
        _bound("han_share", "han / letters", "share of letters", low=0.3),
        _bound(
            "mixed_variants",
            "minor_variant / (simplified + traditional)",
            "share of the rarer of simplified and traditional characters",
            high=0.3,
        ),
        _bound("boilerplate", "phrase_zh_boilerplate / han", "marks a Han character", high=0.02),
        _bound("advertising", "phrase_zh_advertising / han", "marks a Han character", high=0.01),
        _bound("chain_letter", "phrase_zh_chain", "marks", high=1),
        _bound("colon_spam", "colons / han", "colons a Han character", high=0.1),
        _bound("space_spam", "spaced_han / han", "share of Han characters", high=0.1),
    ),
)
