"""What a recipe may say about deduplication, and what each key means.

Thresholds: Lee et al. 2022 ("Deduplicating training data makes language models better") and GPT-3's
appendix use MinHash near 0.8 and below; 0.7 is the default here because candidates are verified,
so a lower threshold costs no innocent documents. Limits: one threshold for all sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.errors import RecipeError, nearest

__all__ = [
    "ACTIONS",
    "METHODS",
    "ORDERS",
    "SCOPES",
    "SELECTIONS",
    "SPANS",
    "Settings",
    "is_byte_exact",
]

METHODS = ("off", "exact", "fuzzy")
SCOPES = ("global", "source", "snapshot")
ACTIONS = ("keep_one", "mark", "drop_all")
SELECTIONS = ("greedy", "components")
ORDERS = ("source", "score", "newest", "oldest", "longest", "shortest")
SPANS = ("off", "line", "paragraph")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The `[dedup]` table of a recipe."""

    method: str = "fuzzy"
    """off, exact (normalised content and URL) or fuzzy (exact first, then MinHash)."""

    threshold: float = 0.7
    """Jaccard similarity of word n-gram sets from which two documents are copies, in (0, 1]."""

    recall: float = 0.985
    """Wanted chance that a pair exactly at the threshold shares a band, in (0, 1)."""

    slots: int = 128
    """Slots of a signature (uint32 each). More slots: sharper bands, larger files. At least 16."""

    ngram: int = 5
    """Words in a shingle; in scripts written without spaces a character is a word."""

    seed: int = 1
    """Seed of the permutations, as datasketch's `MinHash(seed=...)`."""

    sigmas: float = 3.5
    """Half-width, in standard errors, of the zone round the threshold where texts are compared."""

    max_kept: int = 256
    """Kept members of one bucket a document is compared with; excess is counted, never silent."""

    max_exact: int = 64
    """Exact text comparisons for one document; excess is counted and taken as not similar."""

    scope: str = "global"
    """Where copies are looked for: global, within a source, or within a (source, snapshot)."""

    action: str = "keep_one"
    """keep_one removes copies, mark only records them, drop_all removes whole clusters."""

    selection: str = "greedy"
    """greedy (verified, no chaining) or components (unverified chaining, for comparison only)."""

    order: tuple[str, ...] = ("source", "score", "newest", "longest")
    """Who survives: earlier keys decide first, unknown values lose, the smaller id breaks ties."""

    sources: tuple[str, ...] = ()
    """Sources from best to worst, for the order key "source"; sources not named come after."""

    url_sources: tuple[str, ...] = ()
    """Sources whose URL names a document ("*": all), so equal URLs are copies. Never for code."""

    byte_exact: tuple[str, ...] = ()
    """Sources ("*": all) whose documents are copies of each other only where every byte is equal, as
    indentation, letter case and signs are in code. Near copies of them are not looked for."""

    alarm: float = 0.5
    """Share of a source's documents whose removal raises the wipe-out alarm, in (0, 1]."""

    alarm_minimum: int = 20
    """Sources with fewer documents than this raise no wipe-out alarm."""

    audit_sample: int = 0
    """Survivors compared exactly with all survivors after selection; 0 = no audit."""

    audit_limit: float = 1.0
    """Highest share of audited survivors that may still have a copy; above it the run fails."""

    spans: str = "off"
    """Repeated pieces of text cut out of documents: off, line or paragraph."""

    span_characters: int = 40
    """Shortest line or paragraph (in characters) that counts as a repeat."""

    ranges: int = 0
    """Key ranges in which collisions are looked for, a task each; 0: one for 4 million documents."""

    def __post_init__(self) -> None:
        for key, known in (
            ("method", METHODS),
            ("scope", SCOPES),
            ("action", ACTIONS),
            ("selection", SELECTIONS),
            ("spans", SPANS),
        ):
            _one_of(key, getattr(self, key), known)
        for name in self.order:
            _one_of("order", name, ORDERS)
        if {"newest", "oldest"} <= set(self.order) or {"longest", "shortest"} <= set(self.order):
            raise RecipeError(f"dedup.order: {self.order} holds a key and its opposite. Keep one.")
        for key, low, high in _BOUNDS:
            value = getattr(self, key)
            if not low <= value <= high:
                raise RecipeError(f"dedup.{key}: {value!r} is outside {low}..{high}.")


def is_byte_exact(sources: pa.Array, settings: Settings) -> pa.Array:
    """Return for each document whether its source is one of `byte_exact`; bool [n]."""
    if "*" in settings.byte_exact:
        return pa.array([True] * len(sources), type=pa.bool_())
    return pc.is_in(sources, value_set=pa.array(settings.byte_exact, type=sources.type))


_BOUNDS: tuple[tuple[str, float, float], ...] = (
    ("threshold", 0.05, 1.0),
    ("recall", 0.01, 0.999999),
    ("slots", 16, 1 << 16),
    ("ngram", 1, 64),
    ("seed", 0, (1 << 32) - 1),
    ("sigmas", 0.0, 50.0),
    ("max_kept", 1, 1 << 31),
    ("max_exact", 1, 1 << 31),
    ("alarm", 0.0, 1.0),
    ("alarm_minimum", 0, 1 << 62),
    ("audit_sample", 0, 1 << 62),
    ("audit_limit", 0.0, 1.0),
    ("span_characters", 1, 1 << 31),
    ("ranges", 0, 256),
)


def _one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise RecipeError(f"dedup.{key}: {value!r} is not known.{nearest(value, known)}")
