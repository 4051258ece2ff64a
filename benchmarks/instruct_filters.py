"""What the filters of the instruction loop make of tasks that people wrote.

    python -m benchmarks.instruct_filters [--data DIR]

The 175 seed tasks of Self-Instruct and its 252 expert evaluation tasks (`selfinstruct/` of the data
directory), and this project's own seeds, go through the instruction filter, the novelty gate (one
after another, as candidates), the instance rules and the row checks, and what stays is exported in
every form. A refusal here is a false alarm, or a fault of the task: the table names the rules.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from benchmarks import harness
from corpusforge.instruct import export, seeds
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import profile
from corpusforge.instruct.records import Row, Task
from corpusforge.instruct.replies import judge
from corpusforge.instruct.requests import Pool
from corpusforge.instruct.rules import settle


def passed(tasks: tuple[Task, ...]) -> tuple[list[Row], Counter[str]]:
    """The rows that every filter lets through, and how many tasks or instances each rule refused."""
    rows: list[Row] = []
    refused: Counter[str] = Counter()
    rules = profile(tasks[0].language)
    pool = Pool(rules, Gate(rules), (), [])
    for task in tasks:
        finding, _ = judge(pool, task.instruction)
        if finding is not None:
            refused[f"task: {finding[0]}"] += 1
            continue
        pool.gate.add(task.id, task.instruction)
        settled = settle(task.id, task.instruction, task.instances, task.language)
        refused.update(f"instance: {finding[0]}" for _, finding in settled.refused)
        rows += [
            Row(id=f"{task.id}-{n}", task=task.id, instruction=task.instruction, input=one.input,
                output=one.output, language=task.language, group=task.id)
            for n, one in enumerate(settled.kept)
        ]  # fmt: skip
    findings = open_check()(rows)
    refused.update(f"row: {finding[0]}" for finding in findings if finding)
    kept = [row for row, finding in zip(rows, findings, strict=True) if finding is None]
    return kept, refused


def main() -> None:
    folder = harness.arguments(__doc__, data=True).parse_args().data / "selfinstruct"
    sets = {
        "Self-Instruct's seeds": str(folder / "seed_tasks.jsonl"),
        "expert tasks": str(folder / "user_oriented_instructions.jsonl"),
        "own seeds, en": "en",
        "own seeds, zh": "zh",
    }
    harness.heads("set", "tasks", "instances", "rows that pass", "exported files", "refused by")
    for name, source in sets.items():
        if source not in seeds.BUILTIN and not Path(source).is_file():
            harness.row(name, f"not found at {source}", *[""] * 4)
            continue
        tasks = seeds.load(source)
        rows, refused = passed(tasks)
        with tempfile.TemporaryDirectory() as output:
            written = export.write(rows, output)
        forms = {Path(item.path).relative_to(output).parts[0] for item in written}
        rules = ", ".join(f"{rule} {count}" for rule, count in refused.most_common())
        instances = sum(len(task.instances) for task in tasks)
        files = f"{len(written)} of {len(forms)} forms"
        harness.row(name, len(tasks), instances, len(rows), files, rules)


if __name__ == "__main__":
    main()
