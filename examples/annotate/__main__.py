"""Both ways, offline: one job to four labelling tools, simulated answers back, training files.

    python -m examples.annotate [--output DIR]

Prompts and answers are written by hand, raters are simulated (`simulate.py`), formats are real.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpusforge.annotate.figures import Figures
from corpusforge.annotate.imports.run import import_answers, summary
from corpusforge.annotate.jobs import read_job, read_tasks
from corpusforge.annotate.private import load_private
from corpusforge.annotate.results import write_results
from corpusforge.options import Parser
from examples.annotate.simulate import FORMATS, decide
from pipelines.export_labelling import main as export_labelling

HERE = Path(__file__).parent
FORMS = ("kway", "pairs", "sft", "trl_explicit", "hh")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; return the exit code."""
    options = Parser(prog="python -m examples.annotate", description=__doc__,
                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    options.add_argument("--output", default="", metavar="DIR", help="default: a new directory")
    output = Path(options.parse_args(argv).output or tempfile.mkdtemp(prefix="annotate-"))
    job = output / "job"
    code = export_labelling([
        "--prompts", str(HERE / "prompts.jsonl"), "--answers", str(HERE / "answers.jsonl"),
        "--gold", str(HERE / "gold.jsonl"), "--gold-ratio", "0.1", "--pool", "all",
        "--salt-file", str(HERE / "salt.txt"),
        "-k", "4", "--raters", "4", "--overlap", "4", "--target", *FORMATS, "--output", str(job),
    ])  # fmt: skip
    if code:
        return code
    returned = simulated(job, output / "returned")
    rankings = output / "rankings"
    print("\nthe first two raters have answered:")
    print(summary(import_answers(str(job), [str(path) for path in returned[:2]], str(rankings))))
    print("\nall four have answered (the same directory, imported again):")
    print(summary(import_answers(str(job), [str(path) for path in returned], str(rankings))))
    found, made = write_results([str(job)], [str(rankings)], str(output / "results"), formats=FORMS)
    print("\n" + describe(found, made))
    print(f"report: {output / 'results' / 'report.html'}\nall files: {output}")
    return 0


def describe(found: Figures, made: dict[str, Any]) -> str:
    """Return the figures and the training files as text for a person."""
    agree = found.agreement
    tau, alpha = agree.tau_b.value, agree.alpha.value
    left = ", ".join(f"{count} {rule}" for rule, count in found.progress.left_out.items())
    files = ", ".join(f"{name} {sum(rows.values())}" for name, rows in made["rows"].items())
    lines = [
        f"{found.rankings} rankings of {found.prompts_ranked} prompts count; left out: {left or 0}",
        f"agreement: Kendall tau-b {tau:.2f}, Krippendorff's alpha {alpha:.2f}",
        "models, best first: " + ", ".join(f"{s.model} {s.elo:.0f}" for s in found.standings),
        f"training files: {made['pairs']} pairs, {made['tied_pairs']} ties; rows {files}",
    ]
    return "\n".join(lines)


def simulated(job: Path, folder: Path) -> list[Path]:
    """Write each simulated rater's answers, one tool each, and return the files."""
    head = read_job(str(job))
    tasks = {task.id: task for task in read_tasks(str(job))}
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    pseudonyms = load_private(str(job)).raters
    for (name, rater), (target, (ending, fill)) in zip(
        sorted(pseudonyms.items()), FORMATS.items(), strict=True
    ):
        done = functools.partial(decide, careless=name == "rater-4")
        path = folder / f"{name}.{target}.{ending}"
        path.write_text(fill(job / target, rater, head, tasks, done), encoding="utf-8", newline="")
        paths.append(path)
    return paths


if __name__ == "__main__":
    sys.exit(main())
