"""Do better answers make a better small model? Row sets of Anthropic's HH, tuned on and compared.

    python -m benchmarks.ablate_rows --base ABLATION/trainings/RUN-SEED --output DIR

Sets of rows: the preferred answers (`chosen`), and the refused ones of the same prompts (`rejected`); judged
by bits per byte of preferred answers to held-out prompts. Sets of rankings: as they are (`kept`), and with
`--flipped` of them the other way round (`flipped`); judged by pairs of held-out prompts in their order.
Both go through import_rankings and export_rankings, which split by prompt. Every second line of HH's
harmless-base test is what is at hand. Limit: a base of some 400,000 parameters writes no English.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import numpy as np

from benchmarks import harness
from corpusforge.hashing import uniform
from corpusforge.io.jsonl import read_jsonl, write_jsonl
from pipelines import ablate_rows, export_rankings, import_rankings

FORMATS = ["--format", "sft", "kway", "--validation=0.25"]


def exported(rows: list[dict[str, str]], output: Path) -> Path:
    """Return the training files of comparisons, made by the package's own commands."""
    if not (output / "out" / "training").exists():
        output.mkdir(parents=True, exist_ok=True)
        write_jsonl(str(output / "hh.jsonl"), rows)
        job = [f"--job={output}/in/job", f"--rankings={output}/in", f"--output={output}/out"]
        with contextlib.redirect_stdout(sys.stderr):
            import_rankings.main(
                ["--source=hh", f"--answers={output}/hh.jsonl", f"--output={output}/in"]
            )
            export_rankings.main([*job, *FORMATS])
    return output / "out" / "training"


def swapped(row: dict[str, str]) -> dict[str, str]:
    """Return a comparison the other way round."""
    return {"chosen": row["rejected"], "rejected": row["chosen"]}


def main() -> None:
    """Run the command line."""
    options = harness.arguments(__doc__, data=True)
    options.add_argument("--base", required=True, help="a training of a finished ablation")
    options.add_argument("--output", type=Path, required=True, help="rows and reports")
    options.add_argument("--flipped", type=float, default=0.4, help="share of rankings turned")
    options.add_argument("--steps", type=int, default=100, help="of each model")
    options.add_argument("--seeds", type=int, default=3, help="models per set")
    options.add_argument("--threads", type=int, default=0, help="of torch; 0: its own choice")
    given = options.parse_args()
    path = given.data / "preference" / "hh-harmless-base-test-half.jsonl.gz"
    rows = list(read_jsonl(str(path)))
    turned = uniform(np.arange(len(rows), dtype=np.uint64), 0, "benchmark/flip") < given.flipped
    mixed = [swapped(row) if turn else row for row, turn in zip(rows, turned, strict=True)]
    kept, refused, flipped = (
        exported(own, given.output / name)
        for name, own in (("kept", rows), ("refused", [*map(swapped, rows)]), ("flipped", mixed))
    )
    print(harness.machine("torch"), flush=True)
    shared = [f"--base={given.base}", f"--steps={given.steps}", f"--seeds={given.seeds}"]
    shared += [f"--threads={given.threads}"]
    ablate_rows.run(
        [*shared, f"--rows=chosen={kept}/sft/train.jsonl",
         f"--rows=rejected={refused}/sft/train.jsonl",
         f"--judge=held={kept}/sft/validation.jsonl", f"--output={given.output}/rows"]
    )  # fmt: skip
    ablate_rows.run(
        [*shared, f"--rankings=kept={kept}/kway/train.jsonl",
         f"--rankings=flipped={flipped}/kway/train.jsonl",
         f"--judge=held={kept}/kway/validation.jsonl", f"--output={given.output}/rewards"]
    )  # fmt: skip


if __name__ == "__main__":
    main()
