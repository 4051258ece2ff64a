"""Weights of a mixture, proposed by many small models of a run's own text.

    python -m pipelines.tune_mix --run runs/gpt3 --held-out books='held/*.epub' --output tuned

Draws mixtures of the run's sources, trains an n-gram model on each, regresses bits per byte of the
held-out texts on the weights, proposes the weights of fewest bits within the recipe's caps on epochs, and
measures the proposal beside the run's own weights. Writes OUTPUT/mix.toml (the recipe's section) and
OUTPUT/tuning.json. Needs no torch. Exit code: 0; 2 for something given that is wrong. docs/ablate.md has
method and limits; pipelines.ablate says whether a trained model agrees.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from corpusforge.ablate.settings import Settings, Tuning
from corpusforge.io import files
from corpusforge.options import Parser, add_settings, named, settings_of
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


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return guard(lambda: run(argv))


if __name__ == "__main__":
    sys.exit(main())
