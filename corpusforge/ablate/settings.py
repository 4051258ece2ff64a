"""What an ablation may choose: the model's size, the tokens, the seeds, and how much is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from corpusforge.errors import RecipeError

__all__ = ["SIZES", "RowSettings", "Settings", "Size", "SizeName", "Thresholds", "Tuning"]

SizeName = Literal["pico", "nano", "micro", "small"]


def _at_least(settings: object, section: str, **bounds: int) -> None:
    """Raise RecipeError where a setting lies below its least."""
    for key, least in bounds.items():
        if getattr(settings, key) < least:
            value = getattr(settings, key)
            raise RecipeError(f"{section}.{key} is {value}; expected {least} or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A decoder's shape: `hidden` is the feed-forward width, `context` counts tokens, `rate` is AdamW's."""

    width: int
    """Width of the residual stream."""
    layers: int
    """Blocks."""
    heads: int
    """Attention heads; `width` is a multiple of them."""
    hidden: int
    """Width of the feed-forward layer."""
    context: int
    """Tokens of a training sequence."""
    rate: float
    """Highest learning rate."""

    def __post_init__(self) -> None:
        _at_least(self, "ablate", width=1, layers=1, heads=1, hidden=1, context=1)
        if not self.rate > 0:
            raise RecipeError(f"ablate.rate is {self.rate}; expected a number above 0.")
        if self.width % (2 * self.heads):
            raise RecipeError(
                f"ablate.width is {self.width}; expected a multiple of twice the {self.heads} heads."
            )


SIZES = {
    "pico": Size(width=64, layers=3, heads=2, hidden=172, context=256, rate=4e-3),
    "nano": Size(width=128, layers=4, heads=4, hidden=344, context=256, rate=4e-3),
    "micro": Size(width=320, layers=6, heads=5, hidden=864, context=512, rate=2e-3),
    "small": Size(width=768, layers=10, heads=12, hidden=2048, context=1024, rate=1e-3),
}
"""Sizes by name; with 4,096 ids 0.41, 1.3, 8.7 and 74 million parameters, with 50,257 ids 3.4, 7.2, 24
and 109."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be chosen of an ablation."""

    size: SizeName = "nano"
    """Decoder: pico and nano for a CPU, micro and small for a GPU."""
    tokens: int = 2_000_000
    """Tokens that each model is trained on; a run with fewer is read again from its beginning."""
    seeds: int = 3
    """Models per run; seed s draws weights and the place in the stream where training begins."""
    batch: int = 4
    """Sequences of a training step: few, where tokens are few, so that there are many steps."""
    rate: float = 0.0
    """Highest learning rate; 0: the size's own."""
    warmup: float = 0.05
    """Share of the steps in which the rate rises; it falls to a tenth by a cosine afterwards."""
    decay: float = 0.1
    """Weight decay of matrices."""
    points: int = 3
    """How often bits per byte are measured, at even distances; the last time when it is trained."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    loader_workers: int = 0
    """Processes that read sequences ahead; the losses are the same for any number."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models train; auto takes CUDA where it is there."""
    precision: Literal["bf16", "f32"] = "bf16"
    """Arithmetic of matrix products."""
    threads: int = 0
    """Threads of torch on the CPU; 0: torch's own choice. Another number rounds otherwise."""
    held_out_bytes: int = 40_000
    """Bytes of text measured of each held-out set and language, whole documents in an order drawn by hash."""
    items: int = 500
    """Items measured of each set of choices or last words, drawn by hash."""
    overlap: float = 0.2
    """A held-out text is left out where a larger share of its words stands in 13-grams that some run was
    trained on (Touvron et al. 2023, Llama 2, A.6)."""
    probes: int = 400
    """Places of the trained stream that are asked for memorised text, and for loss by position."""
    order: int = 4
    """Longest n-gram of the proxy; 0: none."""

    def __post_init__(self) -> None:
        ones = ("tokens", "seeds", "batch", "points", "checkpoint_every", "held_out_bytes", "items")
        zeros = ("rate", "decay", "loader_workers", "threads", "probes", "order")
        _at_least(self, "ablate", **dict.fromkeys(ones, 1), **dict.fromkeys(zeros, 0))
        for key in ("warmup", "overlap"):
            if not 0 <= getattr(self, key) <= 1:
                raise RecipeError(f"ablate.{key} is {getattr(self, key)}; expected 0 to 1.")

    @property
    def shape(self) -> Size:
        """The decoder's shape."""
        return SIZES[self.size]

    @property
    def highest(self) -> float:
        """Highest learning rate."""
        return self.rate or self.shape.rate

    @property
    def steps(self) -> int:
        """Training steps: the last is the first at which `tokens` are read."""
        return -(-self.tokens // (self.batch * self.shape.context))

    @property
    def trained(self) -> int:
        """Tokens of all steps: `tokens`, and what the last step reads beyond them."""
        return self.steps * self.batch * self.shape.context


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What can be chosen of a search for mixture weights."""

    draws: int = 64
    """Mixtures drawn; each trains one n-gram model."""
    tokens: int = 500_000
    """Ids that each n-gram model is trained on."""
    order: int = 4
    """Longest n-gram."""
    budget: int = 0
    """Tokens of the mixture that the weights are for: with it the caps on epochs bind. 0: as many as the
    run's stream has."""
    seed: int = 0
    """Seed of the drawn mixtures."""

    def __post_init__(self) -> None:
        _at_least(self, "tune_mix", draws=8, tokens=1000, order=1, budget=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What can be chosen of a sweep of one bound."""

    tokens: int = 500_000
    """Ids that each n-gram model is trained on."""
    order: int = 4
    """Longest n-gram."""
    seeds: int = 3
    """Models per threshold; each begins with another document of every source."""

    def __post_init__(self) -> None:
        _at_least(self, "tune_rule", tokens=1000, order=1, seeds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSettings:
    """What can be chosen of a comparison of row sets."""

    steps: int = 200
    """Training steps; a set of few rows is read again, in another order."""
    seeds: int = 3
    """Models per row set; each reads the rows in another order."""
    batch: int = 8
    """Rows, or prompts with their ranked answers, of a training step."""
    rate: float = 5e-4
    """Highest learning rate."""
    warmup: float = 0.05
    """Share of the steps in which the rate rises; it falls to a tenth by a cosine afterwards."""
    decay: float = 0.0
    """Weight decay of matrices."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models train; auto takes CUDA where it is there."""
    precision: Literal["bf16", "f32"] = "bf16"
    """Arithmetic of matrix products."""
    threads: int = 0
    """Threads of torch on the CPU; 0: torch's own choice. Another number rounds otherwise."""
    items: int = 500
    """Rows or questions measured of each set, drawn by hash."""
    overlap: float = 0.2
    """A held-out row is left out where a larger share of its words stands in 13-grams of some row set."""

    def __post_init__(self) -> None:
        ones = dict.fromkeys(("steps", "seeds", "batch", "checkpoint_every", "items"), 1)
        _at_least(self, "ablate_rows", **ones, decay=0, threads=0)
        for key in ("warmup", "overlap"):
            if not 0 <= getattr(self, key) <= 1:
                raise RecipeError(f"ablate_rows.{key} is {getattr(self, key)}; expected 0 to 1.")
        if not self.rate > 0:
            raise RecipeError(f"ablate_rows.rate is {self.rate}; expected a number above 0.")

    @property
    def highest(self) -> float:
        """Highest learning rate."""
        return self.rate
