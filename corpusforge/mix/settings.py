"""What a recipe may say in its [mix] section."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from corpusforge.errors import RecipeError, nearest

__all__ = ["COLUMNS", "Diversity", "Phase", "Settings", "Split"]

COLUMNS = ("lang", "category", "format", "tier")
"""Columns of the token index by which a source may be split into sub-mixes."""


def check_weights(weights: dict[str, float], where: str) -> None:
    """Raise RecipeError where a weight is not a positive finite number."""
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight > 0):
            raise RecipeError(
                f"{where}.{name} is {weight}; expected a number above 0. "
                "Leave the name out to exclude it."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A sub-mix: how the tokens of one source (or sub-mix) are shared among its parts."""

    by: Literal["lang", "category", "format", "tier"]
    """The column that tells the parts apart."""
    weights: dict[str, float]
    """Weight of each value of the column; `*` stands for every value not named. Documents of values
    that are not named are left out where there is no `*`."""

    def __post_init__(self) -> None:
        if not self.weights:
            raise RecipeError("mix.split: weights is empty; name at least one value, or '*'.")
        check_weights(self.weights, "mix.split weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One stretch of the stream with weights of its own (annealing on better data at the end)."""

    name: str
    """What the phase is called in the receipt."""
    share: float
    """Share of the budget; the phases' shares are normalised."""
    weights: dict[str, float]
    """Weight of each source during this phase."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.share) and self.share > 0):
            raise RecipeError(f"mix.phases {self.name!r}: share is {self.share}; expected above 0.")
        if not self.weights:
            raise RecipeError(f"mix.phases {self.name!r}: weights is empty; name a source.")
        check_weights(self.weights, f"mix.phases {self.name!r} weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """Bounds on the mixture that fail a run; the defaults bound nothing."""

    largest_source: float = 1.0
    """Greatest share of the tokens that one source may have."""
    entropy: dict[str, float] = field(default_factory=dict)
    """Least entropy in bits, by column (`source`, `lang`, `category`, `format`, `tier`)."""

    def __post_init__(self) -> None:
        if not 0 < self.largest_source <= 1:
            raise RecipeError(
                f"mix.diversity.largest_source is {self.largest_source}; expected a share in (0, 1]."
            )
        for column, bits in self.entropy.items():
            known = ("source", *COLUMNS)
            if column not in known:
                raise RecipeError(
                    f"mix.diversity.entropy: no column {column!r}.{nearest(column, known)}"
                )
            if not (math.isfinite(bits) and bits >= 0):
                raise RecipeError(
                    f"mix.diversity.entropy.{column} is {bits}; expected 0 or more bits."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much of each source the training stream holds."""

    weights: dict[str, float] = field(default_factory=dict)
    """Weight of each source in tokens, independent of its size; any positive numbers, normalised.
    Empty: every source in proportion to its tokens."""
    budget: int | str = "all"
    """Tokens of the training stream, or `all`: as many as the epoch caps allow at these weights."""
    epoch_cap: float = 4.0
    """How often a source may be repeated. Up to about 4 epochs repeated tokens are nearly worth new
    ones (Muennighoff et al. 2023, Scaling Data-Constrained Language Models)."""
    epoch_caps: dict[str, float] = field(default_factory=dict)
    """Caps of single sources, over `epoch_cap`."""
    policy: Literal["error", "clamp", "redistribute"] = "redistribute"
    """Where a cap binds: stop; deliver less; or give what is missing to the other sources."""
    split: dict[str, Split] = field(default_factory=dict)
    """Sub-mixes, by source name or by path (`web`, then `web/en`)."""
    phases: tuple[Phase, ...] = ()
    """Stretches with weights of their own, in order, each token-exact. Empty: one, of `weights`."""
    diversity: Diversity = field(default_factory=Diversity)
    """Bounds that fail the run."""
    earlier: str = ""
    """Directory of the run whose stream was trained on before: its repetition ledger goes on."""
    validation: float = 0.005
    """Share of the duplicate clusters that is held out, and of the budget that validation draws."""
    counts: dict[str, float] = field(default_factory=dict)
    """Published tokens of each source, for planning from counts alone; a run uses its own."""
    reported_epochs: dict[str, float] = field(default_factory=dict)
    """Epochs that the paper prints; the plan says where they do not follow from its table."""
    reported_budget: float = 0.0
    """Tokens that the paper trained on; used by a plan from counts where `budget` is `all`."""
    bytes_per_token: float = 3.0
    """First estimate for choosing what to tokenize. A low figure tokenizes more than needed."""
    margin: float = 0.1
    """How many tokens more than asked are made, as a share, in case the estimate is off."""
    range_documents: int = 2_000_000
    """Documents that one task of the mixture holds; a run of more is mixed in ranges, by as many
    tasks as it takes, to the same stream."""

    def __post_init__(self) -> None:
        if self.reported_budget < 0:
            raise RecipeError(
                f"mix.reported_budget is {self.reported_budget}; expected tokens, or 0 for none."
            )
        check_weights(self.weights, "mix.weights")
        check_weights(self.epoch_caps, "mix.epoch_caps")
        check_weights(self.counts, "mix.counts")
        check_weights(self.reported_epochs, "mix.reported_epochs")
        if isinstance(self.budget, str) and self.budget != "all":
            raise RecipeError(
                f"mix.budget is {self.budget!r}; expected a number of tokens or 'all'."
            )
        if not isinstance(self.budget, str) and self.budget <= 0:
            raise RecipeError(
                f"mix.budget is {self.budget}; expected more than 0 tokens, or 'all'."
            )
        for key in ("epoch_cap", "bytes_per_token"):
            if not (math.isfinite(getattr(self, key)) and getattr(self, key) > 0):
                raise RecipeError(f"mix.{key} is {getattr(self, key)}; expected more than 0.")
        if not 0 <= self.validation < 1:
            raise RecipeError(f"mix.validation is {self.validation}; expected a share in [0, 1).")
        for key in ("margin", "reported_budget"):
            if not (math.isfinite(getattr(self, key)) and getattr(self, key) >= 0):
                raise RecipeError(f"mix.{key} is {getattr(self, key)}; expected 0 or more.")
        if self.range_documents < 1:
            raise RecipeError(f"mix.range_documents is {self.range_documents}; expected 1 or more.")
