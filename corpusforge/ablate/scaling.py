"""Loss against tokens: a power law per run and size, and what a run's tokens are worth.

Models of each size are trained on each number of tokens, each with its own warm-up and cosine, for the
middle of a long training says too little of a short one (Hoffmann et al. 2022). Bits per byte are then
`scale * tokens ** -exponent` (Kaplan et al. 2020, equation 1.2), a straight line in logarithms, fitted by
least squares. A run reaches the first run's last loss with `ratio` times its tokens: below 1, the
data are worth more. Limit: no floor that a loss cannot fall below, so a line holds for the measured
range; a ratio outside of it is marked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import corpusforge
from corpusforge import manifest as records
from corpusforge.ablate.compare import interval
from corpusforge.ablate.evaluation import WHOLE, Sets
from corpusforge.ablate.report import Report
from corpusforge.ablate.run import ablate
from corpusforge.ablate.settings import SIZES, Settings, SizeName
from corpusforge.annotate.intervals import bootstrap
from corpusforge.errors import InputError
from corpusforge.filter.sweep import png
from corpusforge.hashing import mix64
from corpusforge.io import files
from corpusforge.score.card import table

__all__ = ["Law", "Ratio", "Scaling", "fit", "needed", "scale", "scaling"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """Bits per byte of a run's models of a size: `scale * tokens ** -exponent`.

    `tokens` are those that were trained on, `values` each seed's bits per byte at each, [seeds][tokens];
    `low` and `high` are the ends of the exponent's 95 % t-interval over seeds, None for one seed.
    """

    size: str
    measure: str
    run: str
    tokens: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]
    scale: float
    exponent: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Tokens of `run` over tokens of `against` at equal quality, that of `against` at its most tokens.

    `low`, `high`: 95 % t-interval of the logarithm over seeds; `drawn_low`, `drawn_high`: bootstrap over
    seeds, which is narrow for few of them. None where a law does not fall. `extrapolated`: the tokens of
    `run` lie outside of those it was trained on.
    """

    size: str
    measure: str
    run: str
    against: str
    value: float | None
    low: float | None
    high: float | None
    drawn_low: float | None
    drawn_high: float | None
    seeds: int
    extrapolated: bool

    @property
    def clear(self) -> bool:
        """Whether 1 lies in neither interval."""
        ends = ((self.low, self.high), (self.drawn_low, self.drawn_high))
        return all(a is not None and b is not None and (a > 1 or b < 1) for a, b in ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Every law and ratio of several ablations (scaling.json)."""

    version: str
    laws: tuple[Law, ...]
    ratios: tuple[Ratio, ...]


def fit(tokens: F64, logs: F64) -> tuple[F64, F64]:
    """Return (log of scale, exponent) of each row by least squares, both float64 [rows].

    `tokens` float64 [points], `logs` natural logarithms of losses, float64 [rows, points].
    """
    x = np.log(tokens) - np.log(tokens).mean()
    exponent = -(logs @ x) / (x @ x)
    return logs.mean(axis=1) + exponent * np.log(tokens).mean(), exponent


def needed(tokens: F64, own: F64, other: F64) -> F64:
    """Return the logarithm of the ratio of each row: own's tokens over other's most, at other's last loss.

    `tokens` float64 [points]; `own` and `other` logarithms of losses, float64 [rows, points]; the result
    is float64 [rows], NaN where own's law does not fall.
    """
    (scale_of, exponent), (others, slope) = fit(tokens, own), fit(tokens, other)
    last = np.log(tokens.max())
    falling = np.where(exponent > 0, exponent, np.nan)
    return (scale_of - others + slope * last) / falling - last


def _law(size: str, measure: str, run: str, tokens: Sequence[int], values: F64) -> Law:
    points = np.array(tokens, dtype=np.float64)
    scales, exponents = fit(points, np.log(values))
    _, low, high = interval(exponents.tolist())
    return Law(
        size=size, measure=measure, run=run, tokens=tuple(tokens),
        values=tuple(map(tuple, values.tolist())), scale=float(np.exp(scales.mean())),
        exponent=float(exponents.mean()), low=low, high=high,
    )  # fmt: skip


def _number(log: float | None) -> float | None:
    return None if log is None or math.isnan(log) else math.exp(log)


def _ratio(law: Law, first: Law) -> Ratio:
    tokens = np.array(law.tokens, dtype=np.float64)
    own, other = np.log(np.array(law.values)), np.log(np.array(first.values))
    each = needed(tokens, own, other).tolist()
    _, low, high = interval(each)
    points = len(tokens)
    sums = np.hstack([own, other, np.ones((len(own), 1))])
    drawn = bootstrap(
        lambda s: needed(tokens, s[:, :points] / s[:, -1:], s[:, points:-1] / s[:, -1:]),
        sums, mix64(np.arange(len(own), dtype=np.uint64)), len(own), purpose="ablate/scaling",
    )  # fmt: skip
    return Ratio(
        size=law.size, measure=law.measure, run=law.run, against=first.run,
        value=_number(drawn.value), low=_number(low), high=_number(high),
        drawn_low=_number(drawn.low), drawn_high=_number(drawn.high), seeds=len(own),
        extrapolated=not 0 >= drawn.value >= math.log(tokens.min() / tokens.max()),
    )  # fmt: skip


def scaling(reports: Mapping[str, Sequence[Report]]) -> Scaling:
    """Return laws and ratios of ablations of the same runs, by size, each of other tokens."""
    laws, ratios = [], []
    for size, own in reports.items():
        tokens = [report.trained[0].tokens for report in own]
        values: dict[str, dict[str, list[tuple[float, ...]]]] = {}
        for report in own:
            for row in report.figures:
                if row.measure.startswith("bits_per_byte/"):
                    values.setdefault(row.measure, {}).setdefault(row.run, []).append(row.values)
        for measure, runs in values.items():
            found = [_law(size, measure, run, tokens, np.array(v).T) for run, v in runs.items()]
            laws += found
            ratios += [_ratio(law, found[0]) for law in found[1:]]
    return Scaling(version=corpusforge.__version__, laws=tuple(laws), ratios=tuple(ratios))


def scale(
    runs: Mapping[str, str],
    sets: Sets,
    settings: Settings,
    sizes: Sequence[SizeName],
    ladder: Sequence[int],
    output: str,
    say: Callable[[str], None],
) -> Scaling:
    """Train and measure every run at every size and number of tokens; fit, write and return.

    Writes an ablation into output/SIZE-TOKENS each, then scaling.json, scaling.md and scaling.png. Raises
    InputError for a size that there is none of, or fewer than two numbers of tokens; else as `ablate`.
    """
    if unknown := [size for size in sizes if size not in SIZES]:
        raise InputError(f"--sizes {unknown[0]!r}: expected {', '.join(SIZES)}.")
    rungs = sorted(set(ladder))
    if len(rungs) < 2 or rungs[0] < 1:
        raise InputError("--ladder: expected two numbers of tokens or more, each above 0.")
    reports: dict[str, list[Report]] = {}
    for size in dict.fromkeys(sizes):
        longest = replace(settings, size=size, tokens=rungs[-1])
        steps = [replace(longest, tokens=tokens).steps for tokens in rungs]
        if len(set(steps)) < len(steps):
            raise InputError(
                f"--ladder: two numbers of tokens take as many steps of {size} ({steps[0]}, …). Give numbers "
                "further apart, or a smaller --batch."
            )
        for tokens in rungs:
            folder = files.join(output, f"{size}-{tokens}")
            here = replace(longest, tokens=tokens)
            made = ablate(runs, sets, here, folder, say, searched=longest)
            reports.setdefault(size, []).append(made)
    found = scaling(reports)
    records.write_json(files.join(output, "scaling.json"), found)
    files.write_bytes(files.join(output, "scaling.md"), markdown(found).encode())
    files.write_bytes(files.join(output, "scaling.png"), picture(found))
    return found


def _ends(low: float | None, high: float | None, form: str) -> str:
    return "" if low is None or high is None else f"({low:{form}} to {high:{form}})"


def markdown(found: Scaling) -> str:
    """Return laws and ratios as Markdown tables."""
    laws = [
        [law.size, law.measure, law.run, f"{law.scale:.3f}",
         f"{law.exponent:.4f} {_ends(law.low, law.high, '.4f')}".rstrip(),
         " ".join(f"{value:.3f}" for value in np.mean(law.values, axis=0))]
        for law in found.laws
    ]  # fmt: skip
    ratios = [
        [row.size, row.measure, row.run, "none" if row.value is None else f"{row.value:.2f}",
         _ends(row.low, row.high, ".2f"), _ends(row.drawn_low, row.drawn_high, ".2f"),
         ("fewer" if (row.value or 0) < 1 else "more") if row.clear else "not clear",
         "yes" if row.extrapolated else ""]
        for row in found.ratios
    ]  # fmt: skip
    tokens = " ".join(f"{n:,}" for n in found.laws[0].tokens)
    lines = [
        "# Scaling",
        "",
        f"bits per byte = scale * tokens ^ -exponent, {len(found.laws[0].values)} seeds per point; the "
        f"exponent with its 95 % t-interval; bits per byte at {tokens} tokens.",
        "",
        *table(["size", "measure", "run", "scale", "exponent", "bits per byte"], laws),
    ]
    if ratios:
        head = ["size", "measure", "run", "ratio", "95 % over seeds (t)", "bootstrap", "verdict"]
        lines += [
            f"Equal quality at *ratio* times the tokens of {found.ratios[0].against}:",
            "",
            *table([*head, "extrapolated"], ratios),
        ]
    return "\n".join(lines)


def picture(found: Scaling) -> bytes:
    """Return the picture: bits per byte of all texts against tokens, both logarithmic, with the laws."""
    from matplotlib.figure import Figure

    shown = Figure(figsize=(7, 4.2), layout="constrained")
    axes = shown.subplots()
    for law in (law for law in found.laws if law.measure == WHOLE):
        tokens = np.array(law.tokens, dtype=np.float64)
        (line,) = axes.plot(
            tokens, law.scale * tokens**-law.exponent, label=f"{law.run}, {law.size}"
        )
        for values in law.values:
            axes.plot(tokens, values, "o", markersize=3, color=line.get_color(), alpha=0.5)
    axes.set(xscale="log", yscale="log", xlabel="tokens trained on", ylabel="bits per byte")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return png(shown)
