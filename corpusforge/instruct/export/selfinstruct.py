"""The step files of the original Self-Instruct code (Wang et al. 2023), one object a line.

Fields and order as its scripts write them, so that its later steps and tools that read its files go
on from here. `avg_similarity_score` is computed against the tasks that stand before in the export.
Limits: dialogues and reasoning have no place in it; `raw_instances` is written anew in the form that
its parser reads, not the model's own reply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from corpusforge.instruct.export.settings import Settings
from corpusforge.instruct.export.shapes import answer
from corpusforge.instruct.export.written import Written
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import PROFILES, profile
from corpusforge.instruct.records import Row
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl

__all__ = ["END", "INPUT", "OUTPUT", "write_steps"]

INPUT, OUTPUT, END = "\n\nInput: ", "\n\nOutput:", "<|endoftext|>"
"""What stands between a task's parts, and behind them, in the file for GPT-3's fine-tuning."""


def write_steps(folder: str, parts: dict[str, list[Row]], settings: Settings) -> list[Written]:
    """Write the four steps' files; the last step's are of the training split only."""
    rows = [row for part in parts.values() for row in part]
    single = [row for row in rows if not row.turns]
    train = [row for row in parts["train"] if not row.turns]
    tasks: dict[str, list[Row]] = {}
    for row in single:
        tasks.setdefault(row.task, []).append(row)
    similar = _similarities(tasks)
    engine = next((row.lineage.engine for row in rows if row.lineage.engine), "model")
    instances = [
        {"instruction": row.instruction, "input": row.input,
         "output": answer(row, settings.reasoning, row.output)}
        for row in train
    ]  # fmt: skip
    whole: dict[str, list[dict[str, Any]]] = {
        "machine_generated_instructions.jsonl": list(_instructions(tasks, similar)),
        f"is_clf_or_not_{engine}_template_1.jsonl": [
            {"instruction": made[0].instruction,
             "is_classification": " Yes" if made[0].is_classification else " No"}
            for made in tasks.values()
        ],
        "machine_generated_instances.jsonl": list(_instances(tasks, similar, settings)),
    }  # fmt: skip
    training: dict[str, list[dict[str, Any]]] = {
        "all_generated_instances.jsonl": instances,
        f"gpt3_finetuning_data_{len(instances)}.jsonl": [_completion(item) for item in instances],
    }
    written = []
    for split, tables in (("", whole), ("train", training)):
        held = rows if not split else parts["train"]
        left_out = sum(bool(row.turns) for row in held)
        for name, table in tables.items():
            path = files.join(folder, name)
            written.append(Written(path, split, write_jsonl(path, table), left_out))
    return written


def _similarities(tasks: dict[str, list[Row]]) -> dict[str, dict[str, Any]]:
    """Return {"most_similar", "avg_similarity_score"} of each task; seeds go by their id."""
    texts = {name: rows[0].instruction for name, rows in tasks.items()}
    gates: dict[str, Gate] = {}
    found = {}
    for name, rows in tasks.items():
        row = rows[0]
        gate = gates.setdefault(
            row.language, Gate(profile(row.language if row.language in PROFILES else "en"))
        )
        found[name] = {
            "most_similar": {texts.get(near.id, near.id): near.f1 for near in row.most_similar},
            "avg_similarity_score": gate.mean(row.instruction),
        }
        gate.add(name, row.instruction)
    return found


def _metadata(row: Row) -> dict[str, Any]:
    lineage = row.lineage
    return {"prompt_version": lineage.prompt_version, "model": lineage.model,
            "sampling": lineage.sampling, "requests": list(lineage.requests)}  # fmt: skip


def _instructions(
    tasks: dict[str, list[Row]], similar: dict[str, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for name, rows in tasks.items():
        row = rows[0]
        yield {"instruction": row.instruction, **similar[name], "metadata": _metadata(row),
               "request_idx": row.lineage.round}  # fmt: skip


def _instances(
    tasks: dict[str, list[Row]], similar: dict[str, dict[str, Any]], settings: Settings
) -> Iterator[dict[str, Any]]:
    for name, rows in tasks.items():
        yield {
            "instruction": rows[0].instruction,
            "raw_instances": _raw(rows, settings),
            "instance_metadata": _metadata(rows[0]),
            "instruction_metadata": _metadata(rows[0]),
            **similar[name],
        }


def _raw(rows: list[Row], settings: Settings) -> str:
    """Return the instances in the text that the original's parser reads back."""
    parts = []
    for number, row in enumerate(rows, 1):
        output = answer(row, settings.reasoning, row.output)
        if rows[0].is_classification:  # the parser is chosen by task
            parts.append(f"Class label: {output}\n{row.input}")
        else:
            parts.append(f"Example {number}\n" + (f"{row.input}\n" if row.input else "")
                         + f"Output: {output}")  # fmt: skip
    return "\n\n".join(parts)


def _completion(item: dict[str, Any]) -> dict[str, Any]:
    given = f"{INPUT}{item['input']}" if item["input"] else ""
    return {"prompt": f"{item['instruction']}{given}{OUTPUT}",
            "completion": f" {item['output']}{END}"}  # fmt: skip
