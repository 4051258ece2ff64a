"""Does the data make a better model? The same small decoder trained on each of several runs, compared.

    python -m pipelines.ablate --run raw=runs/raw --run filtered=runs/filtered \\
        --held-out books='held/*.epub' --choices csqa=commonsenseqa_dev.jsonl.gz --output ablation
    python -m pipelines.ablate --recipe sample --vary dedup.method=exact,fuzzy --output ablation
    python -m pipelines.ablate --run … --ladder 500_000,1_000_000,2_000_000 --sizes pico,nano --output scaling

Every run trains the same number of models on the same number of tokens; each is compared with the first.
The second form makes a run of each combination of values first, by pipelines.pretrain_mix, in
OUTPUT/runs. Writes report.json, report.md, curves.png and manifest.json. The third trains at every number
of tokens and size, an ablation each in OUTPUT/SIZE-TOKENS, fits a power law per run and says how many times
the first run's tokens another needs to be as good: scaling.json, scaling.md, scaling.png. The same command
goes on where it was stopped. Needs torch (extra local). Exit code: 0; 2 for something given that is wrong;
130 interrupted. docs/ablate.md says how to read the report.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Sequence

from corpusforge.ablate.settings import Settings, SizeName
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.files import input_files
from corpusforge.options import Parser, add_settings, at_least, named, names, settings_of
from corpusforge.printing import say, say_text
from corpusforge.program import guard

__all__ = ["main", "parser"]


def _counts(value: str) -> tuple[int, ...]:
    """Return the whole numbers of "1,2", each above 0; for an option's `type`."""
    return tuple(map(at_least(1), names(value)))


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("ablate", __doc__)
    add = options.add_argument
    add("--run", action="append", default=[], dest="runs", metavar="NAME=DIR",
        help="a finished run of pipelines.pretrain_mix; repeated, the others against the first")  # fmt: skip
    add("--recipe", metavar="NAME|FILE.toml", help="make the runs by this recipe, with --vary")
    add("--vary", action="append", default=[], metavar="KEY=A,B",
        help="a recipe setting and its values; repeated, every combination is a run")  # fmt: skip
    add("--source", action="append", default=[], metavar="NAME=GLOB",
        help="files of a source of the recipe; may be repeated")  # fmt: skip
    add("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE",
        help="a setting in place of the recipe's, in every run; may be repeated")  # fmt: skip
    add("--workers", type=at_least(1, 65_536), default=os.cpu_count() or 1, metavar="N",
        help="worker processes that make the runs (default: all cores)")  # fmt: skip
    add("--held-out", action="append", default=[], metavar="NAME=GLOB",
        help="texts that bits per byte are measured on, of any kind that ingest reads; may be repeated. "
             "The runs' own validation splits are measured too")  # fmt: skip
    add("--choices", action="append", default=[], metavar="NAME=FILE",
        help="multiple-choice items (JSON, Parquet or a table); may be repeated")  # fmt: skip
    add("--cloze", action="append", default=[], metavar="NAME=FILE",
        help="rows whose `text` ends in the word to be guessed; may be repeated")  # fmt: skip
    add(
        "--output",
        required=True,
        metavar="DIR",
        help="a new directory, or that of the same ablation",
    )
    add("--ladder", type=_counts, default=(), metavar="TOKENS,…",
        help="train at each of these numbers of tokens, not at --tokens, and fit a power law")  # fmt: skip
    add("--sizes", type=names, default=(), metavar="SIZE,…",
        help="decoders of the ladder, in place of --size (default: pico,nano)")  # fmt: skip
    add("--export", action="store_true", help="write each model as a Hugging Face directory too")
    add("--quiet", action="store_true", help="print no progress")
    add_settings(options, Settings, "settings (docs/ablate.md)")
    return options


def _values(text: str) -> list[str]:
    """Return the values of "A,B": commas inside brackets or quotes part nothing."""
    found, depth, quote = [""], 0, ""
    for letter in text:
        if letter == "," and not depth and not quote:
            found.append("")
            continue
        found[-1] += letter
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        else:
            depth += (letter in "[{") - (letter in "]}")
    return found


def _variants(given: Sequence[str]) -> dict[str, list[str]]:
    """Return the overrides of each combination by its name."""
    axes = []
    for text in given:
        key, equals, values = text.partition("=")
        found = _values(values)
        if not equals or not key or not all(found):
            raise InputError(
                f"--vary {text!r}: expected KEY=A,B, for example dedup.method=exact,fuzzy."
            )
        axes.append([(key, value) for value in found])
    made = {}
    for combination in itertools.product(*axes):
        name = ",".join(f"{key.rpartition('.')[2]}={value}" for key, value in combination)
        plain = "".join(c if c.isalnum() or c in "=,._-" else "_" for c in name)
        if plain in made:
            raise InputError(
                f"--vary: two runs would be named {plain!r}. Give values that differ in letters."
            )
        made[plain] = [f"{key}={value}" for key, value in combination]
    return made


def _made(options: argparse.Namespace) -> dict[str, str]:
    """Make a run of each combination; return name → directory."""
    from pipelines import pretrain_mix

    shared = [f"--source={text}" for text in options.source]
    shared += [f"--set={text}" for text in options.overrides]
    shared += ["--quiet"] * options.quiet
    found = {}
    for name, overrides in _variants(options.vary).items():
        found[name] = files.join(options.output, "runs", name)
        own = [f"--set={text}" for text in overrides]
        where = ["--recipe", options.recipe, "--output", found[name]]
        pretrain_mix.run([*where, "--workers", str(options.workers), *shared, *own])
    return found


def run(argv: Sequence[str] | None = None) -> None:
    """Run the ablation that the command line `argv` describes. Raises CorpusforgeError."""
    options = parser().parse_args(argv)
    settings = settings_of(options, Settings)
    if bool(options.runs) == bool(options.recipe) or bool(options.recipe) != bool(options.vary):
        raise InputError("give --run NAME=DIR for each run, or --recipe with --vary KEY=A,B.")
    if options.runs and (options.source or options.overrides):
        raise InputError(
            "--source and --set are for --recipe: a finished run is as it is. Leave them out."
        )
    sets = {
        key: named(getattr(options, key), f"--{key.replace('_', '-')}")
        for key in ("held_out", "choices", "cloze")
    }
    if options.sizes and not options.ladder:
        raise InputError("--sizes is for --ladder: give both, or --size.")
    if options.ladder and options.export:
        raise InputError("--export is not for --ladder. Leave one of them out.")
    from corpusforge.ablate import report, scaling
    from corpusforge.ablate.evaluation import Sets
    from corpusforge.ablate.model import library
    from corpusforge.ablate.run import ablate

    library()
    runs, measured = named(options.runs, "--run"), Sets(**sets)
    for key, patterns in sets.items():  # before hours are spent on runs
        input_files(list(patterns.values()), f"--{key.replace('_', '-')}")
    if options.recipe:
        runs = _made(options)
    tell = (lambda _: None) if options.quiet else (lambda line: say(line, error=True))
    if options.ladder:
        sizes: Sequence[SizeName] = options.sizes or ("pico", "nano")
        laws = scaling.scale(runs, measured, settings, sizes, options.ladder, options.output, tell)
        say_text(scaling.markdown(laws))
        say(f"report: {files.join(options.output, 'scaling.md')}")
        return
    made = ablate(runs, measured, settings, options.output, tell, export=options.export)
    say_text(report.markdown(made))
    say(f"report: {files.join(options.output, 'report.md')}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return guard(lambda: run(argv))


if __name__ == "__main__":
    sys.exit(main())
