"""What a labelling export may be told: pool, candidates, assignment and cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from corpusforge.errors import RecipeError, nearest

__all__ = ["AssignSettings", "CandidateSettings", "CostSettings", "PoolSettings", "Settings"]

KINDS = ("ranking", "pairwise", "rating", "demonstration", "dialogue", "red_team")
QUOTA_NAMES = ("none", "instructgpt")


def _within(table: str, values: object, bounds: dict[str, tuple[float, float]]) -> None:
    for name, (low, high) in bounds.items():
        value = getattr(values, name)
        if not low <= value <= high:
            raise RecipeError(f"{table}.{name} is {value}; expected {low:g} to {high:g}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """Which prompts stay, and how they are divided among the pools."""

    redact: tuple[str, ...] = ("pii.v1", "secrets.v1")
    """Redaction rules applied to every message; empty leaves texts as they are."""
    threshold: float = 0.7
    """Word 3-gram Jaccard similarity from which two prompts are copies; 1 finds exact ones only."""
    prefix_words: int = 40
    """Prompts that share this many first words are one; a Han character is a word; 0 turns it off.
    InstructGPT collapses "long common prefixes" and names no length; 40 is our choice."""
    user_cap: int = 200
    """Most prompts of one user; labelers are not capped (InstructGPT, section 3.2); 0: no cap."""
    quotas: str = "none"
    """`none` puts every prompt into every pool its origin allows; or `instructgpt`."""
    scale: float = 0.0
    """Factor on the quotas; 0 takes the largest that the prompts can fill, at most 1."""
    valid_ratio: float = 0.1
    """Share of users whose prompts are for validation, where no preset says otherwise."""

    def __post_init__(self) -> None:
        if self.quotas not in QUOTA_NAMES:
            raise RecipeError(f"pool.quotas is {self.quotas!r}.{nearest(self.quotas, QUOTA_NAMES)}")
        whole = 10**6
        _within("pool", self, {"threshold": (0.3, 1), "prefix_words": (0, whole)})
        _within("pool", self, {"user_cap": (0, whole), "scale": (0, 100), "valid_ratio": (0, 0.9)})


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateSettings:
    """How many answers a prompt gets and when two are the same."""

    k: int = 4
    """Answers per prompt, 2 to 9 (InstructGPT: 4 to 9)."""
    k_high: int = 0
    """With more than `k`, each prompt draws its own number from `k` to this; 0: always `k`."""
    temperature: float = 0.7
    """Sampling temperature where no source says its own. At 1 a small model writes word salad
    (docs/annotate.md); a large one gives four different answers at either."""
    top_p: float = 0.9
    """Share of probability that is sampled from."""
    max_tokens: int = 512
    """Longest answer in tokens."""
    retries: int = 3
    """Times a near-identical, empty or failed answer is asked for again."""
    similar: float = 0.9
    """Word 3-gram Jaccard similarity from which two answers to one prompt are the same."""

    def __post_init__(self) -> None:
        _within("candidates", self, {"k": (2, 9), "retries": (0, 20), "similar": (0.3, 1)})
        _within("candidates", self, {"temperature": (0, 2), "top_p": (0, 1)})
        _within("candidates", self, {"max_tokens": (1, 10**7)})
        if self.k_high and not self.k <= self.k_high <= 9:
            raise RecipeError(f"candidates.k_high is {self.k_high}; expected {self.k} to 9, or 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignSettings:
    """Who sees what."""

    overlap: int = 0
    """Raters that see one prompt where raters overlap; 0: all of them, at most 3."""
    overlap_ratio: float = 1.0
    """Share of the prompts that several raters see; the rest go to one rater each."""
    batch_size: int = 50
    """Tasks in one batch (a file or project), of one rater."""
    gold_ratio: float = 0.05
    """Known items among a rater's tasks, as a share, where gold items are given."""

    def __post_init__(self) -> None:
        _within("assign", self, {"overlap": (0, 1000), "overlap_ratio": (0, 1)})
        _within("assign", self, {"batch_size": (1, 10**6), "gold_ratio": (0, 0.5)})


@dataclass(frozen=True, slots=True, kw_only=True)
class CostSettings:
    """Assumptions of the estimate; none is measured, set them from your own pilot."""

    wage: float = 15.0
    """Pay per hour."""
    currency: str = "USD"
    """Name of the currency, for the estimate's text."""
    words_per_minute: float = 230.0
    """Reading speed in words (silent reading of English: 238, Brysbaert 2019, rounded down)."""
    characters_per_minute: float = 300.0
    """Reading speed in characters of scripts without spaces."""
    decide_minutes: float = 0.3
    """Deciding, per answer ranked or rated and per scale."""
    write_minutes: float = 10.0
    """Writing one answer, one dialogue or one attack."""
    fee_ratio: float = 0.2
    """Platform fee on top of wages."""

    def __post_init__(self) -> None:
        _within("cost", self, {"wage": (0, 10**6), "fee_ratio": (0, 10)})
        _within("cost", self, {"words_per_minute": (1, 10**5), "characters_per_minute": (1, 10**5)})
        _within("cost", self, {"decide_minutes": (0, 600), "write_minutes": (0, 600)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an export may be told."""

    kind: str = "ranking"
    """What raters do: ranking, pairwise, rating, demonstration, dialogue or red_team."""
    rubric: str = "instructgpt.v1"
    """Scales, flags and rules; see corpusforge/annotate/rubrics."""
    language: str = "en"
    """Surface language of the raters, "en" or "zh"."""
    seed: int = 0
    """Seed of every draw: pools, orders, who sees what."""
    round: int = 0
    """Number of the round, where jobs follow one another."""
    pool: PoolSettings = field(default_factory=PoolSettings)
    """Which prompts are asked about."""
    candidates: CandidateSettings = field(default_factory=CandidateSettings)
    """Answers to each prompt."""
    assign: AssignSettings = field(default_factory=AssignSettings)
    """Who sees what."""
    cost: CostSettings = field(default_factory=CostSettings)
    """Assumptions of the estimate."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise RecipeError(f"annotate.kind is {self.kind!r}.{nearest(self.kind, KINDS)}")
        if self.language not in ("en", "zh"):
            raise RecipeError(f'annotate.language is {self.language!r}; expected "en" or "zh".')
        _within("annotate", self, {"round": (0, 10**6), "seed": (-(2**63), 2**63)})
