"""Weights of a mixture, proposed by many small models of a run's own text.

    python -m pipelines.tune_mix --run runs/gpt3 --held-out books='held/*.epub' --output tuned
    python -m pipelines.tune_mix --run runs/gpt3 … --check 2_000_000 --output tuned

Draws mixtures of the run's sources, trains an n-gram model on each, regresses bits per byte of the
held-out texts on the weights, proposes the weights of fewest bits within the recipe's caps on epochs, and
measures the proposal beside the run's own weights. Writes OUTPUT/mix.toml (the recipe's section) and
OUTPUT/tuning.json. Needs no torch. `--check` then makes one run of the run's recipe with those weights in
OUTPUT/run, and pipelines.ablate says in OUTPUT/ablation whether models trained on as many tokens of both
agree (torch). Exit code: 0; 2 for something given that is wrong. docs/ablate.md has method and limits.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from corpusforge.ablate.settings import SIZES, Settings, Tuning
from corpusforge.io import files
from corpusforge.options import Parser, add_settings, at_least, named, settings_of
from corpusforge.printing import say
from corpusforge.program import guard

__all__ = ["main", "parser"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("tune_mix", __doc__)
    add = options.add_argument
    add("--run", required=True, metavar="DIR", help="a finished run of pipelines.pretrain_mix")
    add("--held-out", action="append", required=True, metavar="NAME=GLOB",
        help="texts that the model should be good at; may be repeated")  # fmt: skip
    add("--output", required=True, metavar="DIR", help="where the proposal is written")
    add("--check", type=at_least(1), default=0, metavar="TOKENS",
        help="make a run with the weights, and train models of both runs on so many tokens")  # fmt: skip
    add("--workers", type=at_least(1, 65_536), default=os.cpu_count() or 1, metavar="N",
        help="worker processes that make the run of --check (default: all cores)")  # fmt: skip
    add("--check-seeds", type=at_least(1), default=3, metavar="N",
        help="models of each run that --check trains (default: 3)")  # fmt: skip
    add("--check-size", choices=tuple(SIZES), default="nano",
        help="decoder that --check trains (default: nano)")  # fmt: skip
    add_settings(options, Tuning, "settings (docs/ablate.md)")
    return options


def section(sources: Sequence[str], weights: Sequence[float]) -> str:
    """Return a recipe's section of the weights, in per cent; sources of none are left out, as recipes ask."""
    rows = (f'"{s}" = {100 * w:.6g}' for s, w in zip(sources, weights, strict=True) if w > 0)
    return "\n".join(["[mix.weights]", *rows, ""])


def run(argv: Sequence[str] | None = None) -> None:
    """Tune as the command line `argv` says. Raises CorpusforgeError."""
    options = parser().parse_args(argv)
    tuning = settings_of(options, Tuning)
    sets = named(options.held_out, "--held-out")
    from corpusforge import manifest as records
    from corpusforge.ablate.corpus import open_corpus
    from corpusforge.ablate.tuning import tune
    from corpusforge.run.directory import read_recipe

    if options.check:  # before the search
        from corpusforge.ablate.model import library

        library()
    corpus = open_corpus("run", options.run, Settings(batch=1))
    found = tune(corpus, sets, read_recipe(options.run)["mix"], tuning)
    text = section(found.sources, found.weights)
    files.write_bytes(files.join(options.output, "mix.toml"), text.encode())
    records.write_json(files.join(options.output, "tuning.json"), found)
    for place, (name, weight) in enumerate(zip(found.sources, found.weights, strict=True)):
        ends = f"{found.low[place]:.3f} to {found.high[place]:.3f}"
        change = f"{found.given_weights[place]:.3f} -> {weight:.3f}"
        say(f"{name:<20} {change} ({ends}), at most {found.caps[place]:.3f}")
    told = "not defined" if found.order is None else f"{found.order:.2f}"
    say(f"bits per byte {found.given:.4f} -> {found.proposed:.4f}; tau of left-out mixtures {told}")
    if options.check:
        shares = zip(found.sources, found.weights, strict=True)
        _check(options, sets, {source: weight for source, weight in shares if weight > 0})


def _check(
    options: argparse.Namespace, sets: Mapping[str, str], weights: Mapping[str, float]
) -> None:
    """Make a run of the same recipe with the weights, and compare models of both."""
    from pipelines import ablate, pretrain_mix

    made = files.join(options.output, "run")
    told = ", ".join(f'"{source}" = {100 * weight:.6g}' for source, weight in weights.items())
    recipe = files.join(options.run, "recipe.json")
    pretrain_mix.run(
        ["--recipe", recipe, "--output", made, "--workers", str(options.workers), "--quiet",
         f"--set=mix.weights={{{told}}}"]
    )  # fmt: skip
    ablate.run(
        [f"--run=given={options.run}", f"--run=proposed={made}",
         *(f"--held-out={name}={pattern}" for name, pattern in sets.items()),
         f"--tokens={options.check}", f"--seeds={options.check_seeds}", f"--size={options.check_size}",
         f"--output={files.join(options.output, 'ablation')}"]
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return guard(lambda: run(argv))


if __name__ == "__main__":
    sys.exit(main())
