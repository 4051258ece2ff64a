"""What a report is made of: plain figures of one run, gathered by the caller, and their JSON form.

Every number shown anywhere stands here once, so `report.json` is this value and the page, the
card and the terminal are views of it. Limit: histograms carry counts, not the values behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from corpusforge.errors import InputError

__all__ = [
    "Bench",
    "Decontamination",
    "Dedup",
    "Fertility",
    "Histogram",
    "Hit",
    "LedgerRow",
    "Mix",
    "MixRow",
    "Pair",
    "RunData",
    "Shards",
    "Timing",
    "Writing",
    "from_json",
    "to_json",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One stage's account of one source; seen = kept + all dropped + failed, in documents."""

    stage: str
    source: str
    seen: int
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Documents by the first rule that refused them."""
    failed: int = 0
    notes: Mapping[str, int] = field(default_factory=dict)
    """What was counted without removing a document: redactions, cut lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixRow:
    """What one source was asked for and gave to the training stream."""

    weight: float
    asked_tokens: int
    delivered_tokens: int
    epochs: float
    documents: int
    available_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """The receipt of the mixture."""

    sources: Mapping[str, MixRow] = field(default_factory=dict)
    validation_tokens: int = 0
    notes: tuple[str, ...] = ()
    entropy: Mapping[str, float] = field(default_factory=dict)
    """Bits over the shares of tokens, by column (source, lang, format…)."""
    findings: tuple[str, ...] = ()
    """Diversity bounds of the recipe that do not hold."""
    warnings: tuple[str, ...] = ()
    """Sources with weight and no document left, and who took their share; an empty held-out stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An example of a removed document beside the one that stayed."""

    removed: str
    kept: str
    similarity: float
    method: str
    removed_text: str = ""
    kept_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedup:
    """What deduplication found."""

    compared: int = 0
    methods: Mapping[str, int] = field(default_factory=dict)
    """Removed documents by how the copy was found (url, exact, minhash…)."""
    sources: Mapping[str, int] = field(default_factory=dict)
    """Removed documents by "source removed of source kept"."""
    counts: Mapping[str, float] = field(default_factory=dict)
    """Candidates, comparisons and the like, as the stage names them."""
    alarms: tuple[str, ...] = ()
    examples: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One evaluation set: what overlapped with it and what was done."""

    items: int = 0
    found_items: int = 0
    documents: int = 0
    cut: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An example of a contaminated passage."""

    benchmark: str
    item: str
    document: str
    rule: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decontamination:
    """What decontamination found."""

    benchmarks: Mapping[str, Bench] = field(default_factory=dict)
    examples: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts between `edges`: counts[i] values lie in [edges[i], edges[i+1])."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.counts) + 1:
            raise InputError(
                f"histogram: {len(self.edges)} edges for {len(self.counts)} counts; expected one "
                "edge more than counts."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fertility:
    """Tokens and UTF-8 bytes of one language, from which bytes per token follow."""

    tokens: int
    bytes: int
    documents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one stage took."""

    stage: str
    seconds: float
    documents: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards:
    """One side of the output."""

    files: int = 0
    tokens: int = 0
    documents: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What one writer gave: people (`origin` human), or a model by one prompt.

    `documents` survived every stage; `tokens` are in the training stream, repetitions included.
    """

    origin: str
    model: str = ""
    prompt: str = ""
    documents: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """Everything a report says about one run. Mappings by source, language or stage as named."""

    name: str
    version: str
    description: str = ""
    seed: int = 0
    fingerprint: str = ""
    complete: bool = True
    ledger: tuple[LedgerRow, ...] = ()
    mix: Mix = field(default_factory=Mix)
    dedup: Dedup = field(default_factory=Dedup)
    decontamination: Decontamination = field(default_factory=Decontamination)
    timing: tuple[Timing, ...] = ()
    workers: int = 0
    scores: Mapping[str, Histogram] = field(default_factory=dict)
    """Quality scores by source."""
    score_bound: str = ""
    """The keep rule in words."""
    lengths: Mapping[str, Histogram] = field(default_factory=dict)
    """Document length in UTF-8 bytes by source, edges usually growing by a factor."""
    dates: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Documents by source and year; "" is unknown."""
    languages: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Documents by stage, then language."""
    licences: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Documents by source, then SPDX id; "" is unknown."""
    origins: Mapping[str, int] = field(default_factory=dict)
    """Documents by who wrote them: human, model, template, mixed."""
    writings: tuple[Writing, ...] = ()
    """Documents and tokens by writer; empty where people wrote everything."""
    fertility: Mapping[str, Fertility] = field(default_factory=dict)
    """Tokens and bytes by language."""
    tokenizer: str = ""
    vocabulary: int = 0
    text_bytes: int = 0
    """UTF-8 bytes of the documents that survived every stage."""
    words: int = 0
    shards: Mapping[str, Shards] = field(default_factory=dict)
    """By side: train, val."""
    skipped_sources: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """The resolved recipe."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Digest of each stage's outputs."""
    inputs: tuple[Mapping[str, Any], ...] = ()
    """Input files: source, name, bytes, sha256 as far as known."""


def to_json(data: RunData) -> dict[str, Any]:
    """Return the content of report.json: JSON types only, keys as the fields above."""
    content: dict[str, Any] = msgspec.to_builtins(data, str_keys=True)
    return content


def from_json(content: Mapping[str, Any]) -> RunData:
    """Return the data that `content` came from; raises InputError where it is no report."""
    try:
        return msgspec.convert(content, RunData)
    except msgspec.ValidationError as error:
        raise InputError(
            f"report.json is not one of this version: {error}. Make the report again."
        ) from error
