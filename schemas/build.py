"""Writes the JSON Schemas and docs/settings.md from the records: `python -m schemas.build`.

Tables are described row by row; the Arrow type stands in `arrow`. A test fails when a file here is
not what this module writes, so a changed record shows in the diff.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from corpusforge import records
from corpusforge.ablate.report import Report as AblationReport
from corpusforge.annotate import records as annotation
from corpusforge.annotate.candidates import Shortfall
from corpusforge.annotate.export import rows as training
from corpusforge.annotate.jobs import Job
from corpusforge.annotate.prompts import DroppedPrompt
from corpusforge.annotate.verdicts import Attack, Verdict
from corpusforge.dedup.results import CLUSTERS, DUPLICATES
from corpusforge.fields import descriptions
from corpusforge.instruct.code.make import Problem as CodeProblem
from corpusforge.instruct.constitution.make import Comparison, Step
from corpusforge.instruct.cot import records as thought
from corpusforge.instruct.cot.run import Report as ThoughtReport
from corpusforge.instruct.derived import DerivedReport
from corpusforge.instruct.dialogue.sessions import Piece
from corpusforge.instruct.ground.make import Ground
from corpusforge.instruct.judge import Judgement
from corpusforge.instruct.kinds.seeds import KindSeed
from corpusforge.instruct.modes.records import Demonstration, LabelSequence, TaskNote
from corpusforge.instruct.modes.unnatural import Shown
from corpusforge.instruct.records import Machine, Reject, Row, Task
from corpusforge.instruct.retrying import Failed
from corpusforge.instruct.run import Report as InstructReport
from corpusforge.instruct.tools.make import Call as ToolCall
from corpusforge.judged.judge import Judged
from corpusforge.manifest import Manifest, Receipt
from corpusforge.marks.run import Mark
from corpusforge.models.journal import Entry
from corpusforge.options import Parser
from corpusforge.recipe import Recipe
from corpusforge.rephrase.run import Report as RephraseReport
from corpusforge.rephrase.work import CANDIDATE, REWRITE
from corpusforge.report.data import RunData
from corpusforge.run.contamination import CONTAMINATION
from corpusforge.run.events import Event
from corpusforge.run.scores import SCORES
from corpusforge.run.status import RunStatus
from corpusforge.shard.formats import INDEX as SHARD_INDEX
from corpusforge.tokenize.part import INDEX as TOKEN_INDEX
from schemas import settings

__all__ = ["RECORDS", "TABLES", "documents"]

TABLES: dict[str, tuple[str, pa.Schema]] = {
    "document": ("A document as the stage `documents` writes it.", records.DOCUMENT),
    "dropped": ("Why a document was dropped; no text.", records.DROPPED),
    "rewrite": ("A document that a model wrote from a passage of another.", REWRITE),
    "rewrite_candidate": (
        "A model's rewrite with its measures, and why it was refused.",
        CANDIDATE,
    ),
    "failed": ("Why a record could not be read; no content.", records.FAILED),
    "score": ("A document's quality score.", SCORES),
    "duplicate": ("A copy, the document kept instead, their similarity.", DUPLICATES),
    "duplicate_cluster": ("A surviving document that has copies.", CLUSTERS),
    "contamination_edit": ("A passage or document removed for evaluation text.", CONTAMINATION),
    "token_index": ("Where a document's ids lie in a token part.", TOKEN_INDEX),
    "shard_index": ("Where a document lies in a shard.", SHARD_INDEX),
}

RECORDS: dict[str, tuple[str, Any]] = {
    "recipe": ("A resolved recipe (recipe.json).", Recipe),
    "journal_entry": ("A line of a journal of model replies.", Entry),
    "seed_task": ("A line of a seed file of the instruction loop.", Task),
    "instruct_row": ("A finished example with its lineage (rows.jsonl).", Row),
    "instruct_reject": ("A refused candidate with its reason (rejects.jsonl).", Reject),
    "instruct_machine": ("An accepted machine instruction (pool.jsonl).", Machine),
    "instruct_failed": ("A request that was given up (failures.jsonl).", Failed),
    "instruct_report": ("Every figure of a Self-Instruct run (report.json).", InstructReport),
    "cot_question": ("A question with its gold answer, as it is read.", thought.Question),
    "cot_sample": ("One sampled reply to a question (samples.jsonl).", thought.Sample),
    "cot_vote": ("A question's samples and their vote (votes.jsonl).", thought.Vote),
    "cot_report": ("Every figure of a chain-of-thought run (report.json).", ThoughtReport),
    "derived_report": ("Every figure of a run of kinds, modes or critique_revise.", DerivedReport),
    "kind_seed": ("A hand-written example of a kind (seeds/kinds_KIND.jsonl).", KindSeed),
    "unnatural_example": ("A hand-written example (seeds/unnatural.jsonl).", Shown),
    "task_note": ("A task of a file or a labelled set (tasks.jsonl).", TaskNote),
    "demonstration": ("A task's own worked example (demonstrations.jsonl).", Demonstration),
    "label_sequence": (
        "An example as a classifier's sequences (sequences.jsonl).",
        LabelSequence,
    ),
    "dialogue_piece": ("Where a long dialogue was cut (cuts.jsonl).", Piece),
    "judged_document": ("What a model said of a document by a rubric (judgements.jsonl).", Judged),
    "machine_mark": ("What marks of machine text say of a document (marks.jsonl).", Mark),
    "code_problem": ("A problem with tests, passes and pass@k (problems.jsonl).", CodeProblem),
    "tool_call": ("A call that was carried out, and its losses (calls.jsonl).", ToolCall),
    "rephrase_report": ("Every figure of a run of rephrase.", RephraseReport),
    "ground": ("Where a row's quote stands in its document (grounds.jsonl).", Ground),
    "judgement": ("What a judge said of two answers (judgements.jsonl).", Judgement),
    "critique_step": ("Answer, principle, critique, revision (steps.jsonl).", Step),
    "comparison": ("A first answer beside the last (comparisons.jsonl).", Comparison),
    "labelling_job": ("What is asked of raters (job.json).", Job),
    "labelling_task": ("One unit of work for one rater (tasks.jsonl).", annotation.Task),
    "labelling_prompt": ("A prompt of a pool (pool/sft, rm, ppo).", annotation.Prompt),
    "dropped_prompt": ("A prompt in no pool, and why (pool/dropped).", DroppedPrompt),
    "shortfall": ("A prompt with too few answers (shortfalls.jsonl).", Shortfall),
    "verdict": ("A verdict on one answer and one rule (verdicts.jsonl).", Verdict),
    "attack": ("A red-team attempt (attacks.jsonl).", Attack),
    "ranking": ("One rater's answer to one task (rankings.jsonl).", annotation.Ranking),
    "refused_answer": ("An answer that was not used (refused.jsonl).", annotation.Refused),
    "kway": ("A prompt with all its ranked answers (training/kway).", training.KWay),
    "pair": ("A pair across tiers, by id (training/pairs).", training.PairIds),
    "preference": ("A pair as messages (training/trl_*_chat, openrlhf).", training.Preference),
    "unpaired": ("A good or bad answer (training/trl_unpaired_chat).", training.Unpaired),
    "supervised": ("An example to imitate (training/sft).", training.Supervised),
    "part_receipt": ("What one part of a stage made.", Receipt),
    "run_manifest": ("What a stage or run was made of.", Manifest),
    "run_status": ("How far a run is (corpusforge status --json).", RunStatus),
    "run_event": ("A line of a run's log (--log).", Event),
    "ablation_report": ("Every figure of an ablation (report.json).", AblationReport),
    "run_report": ("Every figure of a run (report.json).", RunData),
}

_KINDS = {
    pa.string(): "string",
    pa.large_string(): "string",
    pa.bool_(): "boolean",
    pa.int32(): "integer",
    pa.int64(): "integer",
    pa.float32(): "number",
    pa.float64(): "number",
}


def _table(name: str, description: str, schema: pa.Schema) -> dict[str, Any]:
    properties = {}
    for item in schema:
        kind: Any = _KINDS[item.type]
        properties[item.name] = {"type": [kind, "null"] if item.nullable else kind,
                                 "arrow": str(item.type)}  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"corpusforge:{name}.v1",
        "title": name,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [item.name for item in schema if not item.nullable],
        "additionalProperties": False,
    }


def _record(name: str, description: str, kind: Any) -> dict[str, Any]:
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"corpusforge:{name}.v1",
        "description": description,
    }
    made = {**head, **_alike(msgspec.json.schema(kind))}
    told = {_reference(cls): descriptions(cls) for cls in _settings(kind)}
    for title, body in made.get("$defs", {}).items():
        for key, text in told.get(title, {}).items():
            body["properties"][key] = {"description": text, **body["properties"][key]}
    return made


def _alike(schema: Any) -> Any:
    """Return a schema as every version of msgspec gives it: docstrings without indents, nothing empty for
    a default, which only some tell."""
    if isinstance(schema, list):
        return [_alike(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: _alike(item)
        for key, item in schema.items()
        if key != "default" or item not in ({}, [])
    }
    if isinstance(made.get("description"), str):
        made["description"] = inspect.cleandoc(made["description"])
    return made


def _settings(kind: Any) -> Iterator[Any]:
    """Yield the dataclasses that a recipe is made of, itself too, each once."""
    if kind is not Recipe:
        return
    waiting, seen = [kind], set[Any]()
    while waiting:
        cls = waiting.pop()
        if cls in seen:
            continue
        seen.add(cls)
        yield cls
        for hint in typing.get_type_hints(cls).values():
            waiting += [
                item for item in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(item)
            ]


def _reference(cls: Any) -> str:
    """Return the name of a class among `$defs`: its own, or the whole path where two are named alike."""
    name: str = cls.__name__
    return f"{cls.__module__}.{name}" if name == "Settings" else name


def documents() -> dict[str, str]:
    """Return the text of every schema file by its name."""
    made = {name: _table(name, *value) for name, value in TABLES.items()}
    made |= {name: _record(name, *value) for name, value in RECORDS.items()}
    return {
        f"{name}.v1.json": json.dumps(body, indent=1, ensure_ascii=False) + "\n"
        for name, body in made.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write the schema files; exit code 2 for an option, since there is none."""
    Parser(prog="python -m schemas.build", description=__doc__).parse_args(argv)
    for file, content in documents().items():
        Path(__file__).with_name(file).write_text(content, encoding="utf-8")
    settings.PAGE.write_text(settings.page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
