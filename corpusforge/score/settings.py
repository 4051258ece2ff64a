"""What a recipe may say under [score], [score.train] and [score.keep]."""

from __future__ import annotations

from dataclasses import dataclass, field

from corpusforge.errors import RecipeError, nearest

__all__ = [
    "ENGINE_NAMES",
    "RULE_NAMES",
    "EncoderSettings",
    "KeepSettings",
    "Settings",
    "TrainSettings",
]

ENGINE_NAMES = ("encoder", "fasttext", "hashed_logreg")
RULE_NAMES = ("none", "pareto", "threshold", "tiers", "top")


def _between(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise RecipeError(f"score.{key} is {value}; expected {low}..{high}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """The transformer encoder of engine `encoder`; needs torch (extra `local`)."""

    base: str = ""
    """A local Hugging Face directory to start from; empty: bytes, from scratch."""
    width: int = 128
    """Width of a place, a multiple of 2 and of `heads`."""
    layers: int = 4
    """Transformer layers."""
    heads: int = 4
    """Attention heads."""
    epochs: int = 3
    """Passes over the sample."""
    rate: float = 5e-4
    """AdamW's highest learning rate; about 2e-5 where `base` is given."""
    batch: int = 32
    """Windows a batch, in training and in scoring."""
    device: str = "auto"
    """Where it is trained: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`."""

    def __post_init__(self) -> None:
        for name, high in (("width", 4096), ("layers", 64), ("heads", 64), ("epochs", 1000)):
            _between(f"train.encoder.{name}", getattr(self, name), 1, high)
        _between("train.encoder.batch", self.batch, 1, 65_536)
        _between("train.encoder.rate", self.rate, 1e-7, 1.0)
        if self.width % 2 or self.width % self.heads:
            raise RecipeError(
                f"score.train.encoder.width is {self.width}; expected a multiple of 2 and of heads "
                f"({self.heads})."
            )
        if self.device.split(":")[0] not in {"auto", "cpu", "cuda"}:
            raise RecipeError(
                f'score.train.encoder.device is {self.device!r}; expected "auto", "cpu" or "cuda".'
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """What the classifier is trained on, and how. Defaults were chosen in docs/score.md."""

    positive: tuple[str, ...] = ()
    """Names of the recipe's sources that show what to keep; empty: no classifier is trained."""
    negative: tuple[str, ...] = ()
    """Names of the sources that stand for raw crawl."""
    samples: int = 20_000
    """Most windows drawn from each side."""
    windows_per_document: int = 20
    """Most windows drawn from one document, so that books do not outvote short pages."""
    window_bytes: int = 1_500
    """Length of a window in UTF-8 bytes: all are alike, so length is not what is learned."""
    match_languages: bool = True
    """Whether positives weigh by the languages of the negatives (`score.languages`)."""
    held_out: float = 0.1
    """Share of the drawn documents kept for evaluation and calibration, 0..0.5."""
    ngrams: int = 2
    """Longest word n-gram that is a feature, 1 or 2."""
    marks: bool = False
    """Whether punctuation marks are tokens too."""
    prose: float = 0.5
    """Weight of the shape of prose (few marks, long lines) beside the words; 0: words alone."""
    buckets_log2: int = 18
    """Number of feature buckets as a power of two (Spark's HashingTF has 18)."""
    evidence: float = 20.0
    """Words that count for "crawl" before the first is read, so that a stub cannot score high."""
    regularisation: float = 1.0
    """Inverse strength of the L2 penalty (C of liblinear), for windows of weight one."""
    epochs: int = 5
    """Passes of fastText over the sample (DCLM: 5); hashed_logreg runs until it has converged."""
    dim: int = 100
    """Length of fastText's vectors (DCLM: 100)."""
    rate: float = 0.1
    """Learning rate of fastText (DCLM: 0.1)."""
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    """Values of engine `encoder`."""
    seed: int = 0
    """Seed of the draws of windows, of the held-out split and of the order of training."""

    def __post_init__(self) -> None:
        if set(self.positive) & set(self.negative):
            both = sorted(set(self.positive) & set(self.negative))
            raise RecipeError(f"score.train: {both} stand on both sides; a source is on one.")
        _between("train.samples", self.samples, 1, 10_000_000)
        _between("train.windows_per_document", self.windows_per_document, 1, 1_000_000)
        _between("train.window_bytes", self.window_bytes, 50, 1_000_000)
        _between("train.held_out", self.held_out, 0.0, 0.5)
        _between("train.ngrams", self.ngrams, 1, 2)
        _between("train.prose", self.prose, 0.0, 100.0)
        _between("train.evidence", self.evidence, 0.0, 1e6)
        _between("train.buckets_log2", self.buckets_log2, 8, 26)
        _between("train.regularisation", self.regularisation, 1e-6, 1e6)
        _between("train.epochs", self.epochs, 1, 1_000)
        _between("train.dim", self.dim, 1, 1_000)
        _between("train.rate", self.rate, 1e-6, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSettings:
    """Which documents stay, given their scores."""

    rule: str = "pareto"
    """`pareto` (GPT-3), `threshold`, `top` (best share), `tiers` (named bounds) or `none`."""
    alpha: float = 9.0
    """Pareto's shape: P(keep | s) = (2 - s)^-alpha (GPT-3: 9, the Pile: 3)."""
    threshold: float = 0.5
    """Least score kept by rule `threshold`."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """Other thresholds by "source/language", "source" or "language"; the first that fits counts."""
    share: float = 0.1
    """Share of documents kept by rule `top` (DCLM: 0.1), within each group of `by`."""
    by: str = ""
    """What `top` counts its share within: "" (all), "source" or "language"."""
    tiers: dict[str, float] = field(default_factory=lambda: {"high": 0.8, "middle": 0.4})
    """Tier names with their least scores; what reaches none is tier ""."""
    keep_tiers: tuple[str, ...] = ("high",)
    """Tiers that rule `tiers` keeps."""
    sources: tuple[str, ...] = ()
    """Sources the rule applies to; documents of others stay. Empty: all sources."""

    def __post_init__(self) -> None:
        if self.rule not in RULE_NAMES:
            raise RecipeError(f"score.keep.rule is {self.rule!r}.{nearest(self.rule, RULE_NAMES)}")
        _between("keep.alpha", self.alpha, 0.0, 1_000.0)
        _between("keep.threshold", self.threshold, 0.0, 1.0)
        _between("keep.share", self.share, 0.0, 1.0)
        if self.by not in {"", "source", "language"}:
            raise RecipeError(f'score.keep.by is {self.by!r}; expected "", "source" or "language".')
        unknown = sorted(set(self.keep_tiers) - set(self.tiers))
        if self.rule == "tiers" and unknown:
            raise RecipeError(
                f"score.keep.keep_tiers names {unknown[0]!r}.{nearest(unknown[0], self.tiers)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The score stage: a model loaded, or one trained in the run, and a keep rule."""

    model: str = ""
    """Path of a trained model (ours, a fastText .bin, or a Hugging Face directory outside a run)."""
    engine: str = "hashed_logreg"
    """What is trained: `hashed_logreg` (GPT-3's), `fasttext` (DCLM's) or `encoder` (torch)."""
    label: str = "__label__hq"
    """The label of a fastText or Hugging Face model whose probability is the score (DCLM's name)."""
    sample_megabytes: float = 1000.0
    """Stored documents (10^6 bytes) from which one task draws windows for training; from more they are
    drawn by as many tasks as it takes, to the same sample."""
    train: TrainSettings = field(default_factory=TrainSettings)
    """The recipe's positives and negatives, and the training values."""
    keep: KeepSettings = field(default_factory=KeepSettings)
    """Which documents stay."""

    def __post_init__(self) -> None:
        if self.engine not in ENGINE_NAMES:
            raise RecipeError(
                f"score.engine is {self.engine!r}.{nearest(self.engine, ENGINE_NAMES)}"
            )
        _between("sample_megabytes", self.sample_megabytes, 1e-6, 1e9)
        if self.model and self.train.positive:
            raise RecipeError(
                f"score.model is {self.model!r} and score.train.positive is set: give one of them."
            )
        if bool(self.train.positive) != bool(self.train.negative):
            raise RecipeError("score.train needs both positive and negative sources.")
