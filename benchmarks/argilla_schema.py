"""What we write for Argilla, judged by Argilla's own server code.

    python -m benchmarks.argilla_schema --python PATH/TO/VENV/bin/python

PATH is a Python that has `argilla-server` (2.8 was used); its database and search engine are not
needed, only the classes that check requests and answers. Writes jobs of several kinds, checks every
dataset, field, question, metadata property and record, answers each ranking by the server's rule, and
reads the answers back. Exit code 1 where something is refused, 3 where the package is not there.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from benchmarks import harness
from corpusforge.annotate.jobs import Flag, Job, Scale, Words, task_id, write_job
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Task
from corpusforge.annotate.targets import find_target
from corpusforge.models.records import Message


def tasks(kind: str, k: int) -> list[Task]:
    """Two tasks of one rater."""
    made = []
    for number in range(2):
        answers = tuple(
            Candidate(id=f"c_{number}{place}f", text=f"回答 {place} <b>", model="m")
            for place in range(k)
        )
        order = tuple(answer.id for answer in answers[::-1])
        prompt = Prompt(id=f"p_{number}", messages=(Message("user", "Why?"),), origin="labeler")
        made.append(
            Task(id=task_id("j_01", prompt.id, order, "r_01"), job="j_01", kind=kind, prompt=prompt,
                 candidates=answers, presented_order=order, rater="r_01", batch="r_01-001")
        )  # fmt: skip
    return made


def check(python: str, directory: Path) -> list[tuple[str, str]]:
    """Return (kind, result) of each kind of job."""
    rows = []
    for kind, k, flags in (("ranking", 9, 11), ("ranking", 2, 1), ("pairwise", 2, 0),
                           ("rating", 4, 1), ("demonstration", 0, 2)):  # fmt: skip
        place = directory / f"{kind}-{k}"
        given = Job(
            id="j_01", kind=kind, k=k, raters=("r_01",), guidelines=Words(en="# Read"),
            scales=(Scale(name="overall"),), flags=tuple(Flag(name=f"f{n}") for n in range(flags)),
        )  # fmt: skip
        made = tasks(kind, k)
        job = write_job(str(place), given, made)
        paths = find_target("argilla").write(made, job, str(place / "argilla"))
        answered = json.loads(Path(paths[1]).read_text(encoding="utf-8"))
        for row in answered:
            row["responses"] = [answer(kind, k)]
        returned = place / "returned.records.json"
        returned.write_text(json.dumps(answered), encoding="utf-8")
        taken = harness.peer(python, "argilla_server", *paths, returned)
        back = find_target("argilla").read([str(returned)], {task.id: task for task in made}, job)
        read = sum(isinstance(row, Ranking) for row in back)
        good = taken is not None and read == len(made)
        said = f"{taken or 'not all'} objects taken, {read} answers read"
        rows.append((f"{kind}, K = {k}, {flags} flags", said if good else f"REFUSED: {said}"))
    return rows


def answer(kind: str, k: int) -> dict:
    """A submitted response as the server stores it; the first two answers tie."""
    if kind == "demonstration":
        return {"status": "submitted", "values": {"text": {"value": "答"}}}
    ranks = [{"value": f"response_{n}", "rank": max(1, n)} for n in range(k)]
    values = {f"rate_{n}_overall": {"value": 7} for n in range(k)}
    values |= {"confirm": {"value": "rated" if kind == "rating" else "ranked"}}
    values |= {"ranking": {"value": ranks}} if kind != "rating" else {}
    return {"status": "submitted", "values": values}


def main() -> int:
    """Print a row per kind of job."""
    options = harness.arguments(__doc__)
    options.add_argument("--python", default=sys.executable, metavar="PATH")
    python = options.parse_args().python
    if harness.lacks(python, "argilla_server"):
        print(f"skipped: {python} has no argilla-server")
        return 3
    with tempfile.TemporaryDirectory() as scratch:
        rows = check(python, Path(scratch))
    for kind, said in rows:
        print(f"{kind:<28} {said}")
    return 1 if any(said.startswith("REFUSED") for _, said in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
