"""The command lines `train` and `evaluate` of every classifier: options and wiring only."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
import pyarrow as pa

from classifiers.sources import texts_by_kind
from corpusforge.errors import InputError
from corpusforge.fields import build
from corpusforge.identify import identify
from corpusforge.io import files
from corpusforge.io.decoding import decode_json, decode_toml
from corpusforge.options import Parser
from corpusforge.printing import say, say_json
from corpusforge.program import guard, tell_damage
from corpusforge.score import Scorer, evaluate, load, save, train
from corpusforge.score import Settings as ScoreSettings
from corpusforge.score.card import card

__all__ = ["evaluate_main", "recipe", "train_main"]


def recipe(folder: str, overrides: Mapping[str, Any]) -> ScoreSettings:
    """Return the settings of a classifier's recipe.toml with some values replaced."""
    text = resources.files(f"classifiers.{folder}").joinpath("recipe.toml").read_text("utf-8")
    table = decode_toml(text)
    table["train"] = {**table["train"], **overrides}
    return build(ScoreSettings, table, f"classifiers.{folder}")


def _parser(folder: str, verb: str, description: str) -> Parser:
    options = Parser(prog=f"python -m classifiers.{folder}.{verb}", description=description)
    for side, meaning in (("positive", "texts to keep"), ("negative", "raw crawl")):
        options.add_argument(
            f"--{side}",
            nargs="+",
            required=True,
            metavar="GLOB",
            help=f"{meaning}: WARC, Wikipedia dumps, books, JSON lines, Parquet, HTML (.gz, .bz2…)",
        )
    return options


def train_main(folder: str, argv: Sequence[str] | None = None) -> int:
    """Train a classifier and write the model, and beside it its figures and its card.

    Exit code 1 where an input was damaged: the model was trained on what stood before the damage.
    """
    options = _parser(folder, "train", "Train a quality classifier on two sets of files.")
    options.add_argument("--output", required=True, metavar="MODEL", help="the model's file")
    options.add_argument("--seed", type=int, help="seed of every draw (default: the recipe's)")
    options.add_argument("--samples", type=int, help="most windows a side (default: the recipe's)")
    return guard(lambda: _train(folder, options.parse_args(argv)))


def _train(folder: str, given: Namespace) -> int:
    changes = {
        name: getattr(given, name)
        for name in ("seed", "samples")
        if getattr(given, name) is not None
    }
    settings = recipe(folder, changes)
    damaged: list[str] = []
    model = train(
        texts_by_kind(given.positive, "--positive", damaged),
        texts_by_kind(given.negative, "--negative", damaged),
        settings,
    )
    save(model, given.output)
    figures = json.dumps(dict(model.card), indent=1, sort_keys=True, ensure_ascii=False)
    files.write_bytes(f"{given.output}.json", figures.encode())
    files.write_bytes(f"{given.output}.CARD.md", card(model.card).encode())
    say(f"{given.output}  sha256 {files.sha256(given.output)}")
    held_out = model.card["held_out"]
    if held_out:
        say(f"held out: {held_out['items']} windows, ROC-AUC {held_out['roc_auc']:.4f}")
    return tell_damage(damaged)


def evaluate_main(folder: str, argv: Sequence[str] | None = None) -> int:
    """Score two sets of files with a model and print the figures as JSON; check the floors."""
    options = _parser(folder, "evaluate", "Judge a model on two sets of files it has not seen.")
    options.add_argument("--model", required=True, metavar="MODEL", help="what training wrote")
    return guard(lambda: _evaluate(folder, options.parse_args(argv)))


def _evaluate(folder: str, given: Namespace) -> int:
    scorer = load(given.model)
    damaged: list[str] = []
    figures = _figures(scorer, given.positive, given.negative, damaged)
    say_json(json.dumps(figures, indent=1, sort_keys=True))
    floors = decode_json(
        resources.files(f"classifiers.{folder}").joinpath("floors.json").read_bytes()
    )
    below = [name for name, floor in floors.items() if figures[name] < floor]
    for name in below:
        say(f"below the floor: {name} {figures[name]} < {floors[name]}")
    return tell_damage(damaged) or (1 if below else 0)


def _figures(
    scorer: Scorer, positive: Sequence[str], negative: Sequence[str], damaged: list[str]
) -> dict[str, Any]:
    scores, labels, sources, languages = [], [], [], []
    for good, globs in ((True, positive), (False, negative)):
        side = "--positive" if good else "--negative"
        for kind, batches in texts_by_kind(globs, side, damaged).items():
            for batch in batches:
                scores.append(scorer.score(batch))
                labels.append(np.full(len(batch), good))
                sources += [kind] * len(batch)
                languages += identify(pa.array(batch))[0]
    if not scores:
        raise InputError("the files hold no text.")
    return evaluate(np.concatenate(scores), np.concatenate(labels), sources, languages)
