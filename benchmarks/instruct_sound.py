"""The share of sound rows in a run of instruct, by rows that a person has read.

    python -m benchmarks.instruct_sound draw RUN --rows 100 --labels labels.jsonl
    python -m benchmarks.instruct_sound count labels.jsonl

`draw` writes rows of a run, drawn by a hash of their ids, with an empty label. A reader fills it in: sound
(the task can be done, the answer does all of it and is right), weak (done, with a flaw that misleads nobody)
or wrong; `corpusforge view RUN --labels DIR --reader NAME` takes the same rows and labels by keys. `count`
prints the share of each with its 95 % interval (Wilson), and what bounds on agreement and score would keep.
Labels are written before what they judge is changed; those of docs/instruct.md lie in `benchmarks/labels.d`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from benchmarks import harness
from corpusforge.instruct.intent import may_classify
from corpusforge.instruct.profile import profile
from corpusforge.instruct.reading import draw
from corpusforge.instruct.rules import check_instance
from corpusforge.io.jsonl import read_jsonl


def passes(row: dict[str, Any]) -> bool:
    """Return whether the rules as they are today would let a row through that earlier ones let pass."""
    asks = row["instruction"]
    if row["is_classification"] and not may_classify(asks):
        return False
    if profile(row["language"]).check_instruction(asks) is not None:
        return False
    return check_instance(asks, row["input"], row["output"], row["language"]) is None


def table(rows: list[dict[str, Any]]) -> None:
    """Print the table of all rows and of what each bound keeps."""
    harness.heads("rows", "n", *harness.LABELS, "sound share")
    harness.sound(rows, "all")
    harness.sound([row for row in rows if passes(row)], "that today's rules let through")
    compared = [row for row in rows if row["agreement"][1]]
    if compared:
        harness.sound([row for row in rows if not row["agreement"][1]], "free text")
        harness.sound(compared, "with a result")
    for least in ("1/3", "1/2", "2/3", "1") if compared else ():
        kept = [row for row in compared if Fraction(*row["agreement"]) >= Fraction(least)]
        harness.sound(kept, f"with a result, agreement >= {least}")
    for score in range(2, 6) if any(row["score"] for row in rows) else ():
        harness.sound([row for row in rows if row["score"] >= score], f"score >= {score}")


if __name__ == "__main__":
    harness.reading(
        __doc__,
        lambda chosen: draw(read_jsonl(str(chosen.run / "rows.jsonl")), chosen.rows, chosen.seed),
        table,
    )
