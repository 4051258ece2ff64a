"""The pretrain journey on a Slurm cluster: scripts for `sbatch`, one job array a stage, and the jobs between.

    python -m pipelines.slurm --recipe gpt3 --source 'common_crawl=/cc/*.warc.gz' --output /shared/gpt3 \\
        --tasks 64 --sbatch partition=cpu --sbatch time=04:00:00
    sh /shared/gpt3/slurm/submit.sh

An array's tasks make the parts of one stage that nobody has made yet; the job after it makes what is left,
closes the stage, and makes the stages of one part up to the next array. Submit again after any failure:
finished parts are kept. The bytes are those of `python -m pipelines.pretrain_mix`.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpusforge import recipe as recipes
from corpusforge.errors import InputError, nearest
from corpusforge.io import files
from corpusforge.options import Parser, at_least, names
from corpusforge.printing import say
from corpusforge.program import DAMAGED, guard
from corpusforge.recipe import Recipe
from corpusforge.run import directory
from corpusforge.run.beforehand import check_files
from corpusforge.run.inputs import find_inputs
from corpusforge.run.pretrain import STAGES
from corpusforge.run.share import make_share
from pipelines import pretrain_mix

__all__ = ["main", "scripts"]

WIDE = ("documents", "windows", "scores", "signatures", "collisions", "hits", "facts", "tokenizer",
        "candidates", "tokens", "supply", "draws", "mix", "shards")  # fmt: skip
"""Stages that can have many parts; an array of one that has none here ends at once."""
_OPTION = re.compile(r"[a-z][a-z-]*(=[^\n]+)?")


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("slurm", __doc__)
    add = options.add_argument
    add("--recipe", default="sample", metavar="NAME|FILE.toml", help="a recipe's name or TOML file")
    add("--source", action="append", default=[], metavar="NAME=GLOB",
        help="files of a source, as of pretrain_mix; may be repeated")  # fmt: skip
    add("--set", action="append", default=[], dest="overrides", metavar="SECTION.KEY=VALUE",
        help="override a recipe value; may be repeated")  # fmt: skip
    add("--output", required=True, metavar="DIR",
        help="the run's directory, on a file system that all nodes see, or s3:// or gs://")  # fmt: skip
    add("--scripts", metavar="DIR", help="where the scripts go (default: OUTPUT/slurm)")
    add("--tasks", type=at_least(1, 65_536), default=16, metavar="N",
        help="tasks of an array, each of one CPU (default: 16)")  # fmt: skip
    add("--workers", type=at_least(1, 65_536), default=4, metavar="N",
        help="CPUs of the jobs between the arrays (default: 4)")  # fmt: skip
    add("--arrays", type=names, default=WIDE, metavar="STAGE,…",
        help=f"stages that get an array (default: {','.join(WIDE)})")  # fmt: skip
    add("--sbatch", action="append", default=[], metavar="OPTION=VALUE",
        help="a line #SBATCH --OPTION=VALUE for every script, as partition=cpu, time=04:00:00")  # fmt: skip
    add("--make", default="", metavar="STAGE",
        help="what the scripts call: make parts of a stage that nobody has made, as task "
             "SLURM_ARRAY_TASK_ID of --tasks")  # fmt: skip
    add("--until", default="", metavar="STAGE",
        help="what the scripts between arrays call: close the stages up to this one")  # fmt: skip
    return options


def scripts(options: argparse.Namespace, output: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the scripts in the order of their jobs, then `submit.sh`."""
    run = ["--recipe", options.recipe, "--output", output]
    run += [word for source in options.source for word in ("--source", source)]
    run += [word for value in options.overrides for word in ("--set", value)]
    wide = [stage for stage in STAGES if stage in options.arrays]
    submitted = []
    for number, (stage, after) in enumerate(zip(wide, [*wide[1:], ""], strict=True)):
        until = STAGES[STAGES.index(after) - 1] if after else "report"
        name = f"{2 * number + 1:02}-{stage}.sbatch"
        command = ["pipelines.slurm", "--make", stage, "--tasks", str(options.tasks), *run]
        array = [f"array=0-{options.tasks - 1}", "cpus-per-task=1"]
        yield name, _script(stage, "%A_%a", array, options.sbatch, command)
        submitted.append((name, "afterok"))  # of the job that closed what this one reads
        name = f"{2 * number + 2:02}-{stage}-to-{until}.sbatch"
        command = ["pipelines.slurm", "--until", until, "--workers", str(options.workers), *run]
        own = [f"cpus-per-task={options.workers}"]
        yield name, _script(f"to-{until}", "%j", own, options.sbatch, command)
        submitted.append((name, "afterany"))  # it makes what the array's tasks left
    yield "submit.sh", _submit(submitted)


def _script(
    job: str, log: str, own: Sequence[str], more: Sequence[str], command: Sequence[str]
) -> str:
    lines = [f"job-name={job}", f"output=%x-{log}.log", "open-mode=append", "requeue"]
    lines += ["signal=B:TERM@60", *own, *more]  # a minute before the time is up
    head = "\n".join(f"#SBATCH --{line}" for line in lines)
    words = shlex.join([sys.executable, "-m", *command])
    return f"#!/bin/bash\n{head}\ncd {shlex.quote(str(Path.cwd()))} || exit 2\nexec {words}\n"


def _submit(jobs: Sequence[tuple[str, str]]) -> str:
    lines = [
        "#!/bin/sh",
        "# Submits every job, each to begin when what it reads is there.",
        "set -eu",
    ]
    lines += ['cd "$(dirname "$0")"', 'job=""']
    for name, when in jobs:
        after = f'${{job:+"--dependency={when}:$job"}}'
        lines.append(
            f"job=$(sbatch --parsable --kill-on-invalid-dep=yes {after} {shlex.quote(name)})"
        )
        lines.append("job=${job%%;*}")
    return "\n".join([*lines, 'echo "the last job is $job"', ""])


def _write(options: argparse.Namespace, recipe: Recipe, output: str) -> None:
    """Check what can be checked now, make the run's directory this recipe's, and write the scripts."""
    for stage in options.arrays:
        if stage not in WIDE:
            raise InputError(f"--arrays {stage!r}: no stage of many parts.{nearest(stage, WIDE)}")
    for option in options.sbatch:
        if not _OPTION.fullmatch(option):
            raise InputError(f"--sbatch {option!r}: expected OPTION=VALUE, as partition=cpu.")
    inputs, skipped = find_inputs(recipe)
    check_files(output, recipe, STAGES)
    place = options.scripts or files.join(output, "slurm")
    if files.is_remote(place):
        raise InputError(f"--scripts is needed: sbatch reads no scripts from {place!r}.")
    with directory.lock(output):
        directory.claim(output, recipe)
    files.make_directory(place)
    for name, text in scripts(options, output):
        files.write_bytes(files.join(place, name), text.encode())
    for name in skipped:
        say(f"source {name!r}: optional and not found, skipped")
    jobs = 2 * len(options.arrays)
    say(f"{recipe.name}: {len(inputs)} input files, {jobs} jobs, arrays of {options.tasks} tasks")
    say(f"submit them: sh {shlex.quote(files.join(place, 'submit.sh'))}")


def _close(options: argparse.Namespace, output: str) -> int:
    """Run the journey up to a stage; damaged inputs are told by the last job, as others wait for a 0."""
    argv = ["--recipe", options.recipe, "--output", output, "--workers", str(options.workers)]
    argv += [word for source in options.source for word in ("--source", source)]
    argv += [word for value in options.overrides for word in ("--set", value)]
    code = pretrain_mix.main([*argv, "--until", options.until, "--quiet"])
    return 0 if code == DAMAGED and options.until != "report" else code


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0; 2 where something given is wrong or an earlier stage is not finished."""

    def work() -> int:
        options = parser().parse_args(argv)
        recipe = recipes.load(options.recipe, options.source, options.overrides)
        output = options.output
        if not files.is_remote(output):
            output = str(Path(output).absolute())  # jobs may start elsewhere
        if options.until:
            return _close(options, output)
        if not options.make:
            _write(options, recipe, output)
            return 0
        number = int(os.environ.get("SLURM_ARRAY_TASK_ID", "0"))
        made = make_share(recipe, output, options.make, number, options.tasks)
        say(f"{options.make}: {made} parts made")
        return 0

    return guard(work)


if __name__ == "__main__":
    sys.exit(main())
