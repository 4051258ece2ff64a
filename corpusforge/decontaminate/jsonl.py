"""Whole JSONL files against an index: pre-training documents, SFT rows, ranking rows alike.

Two readings: the first finds hits, and so how many documents each n-gram is in; the second writes.
A row with one text field is cut as the rules say; a row searched in several fields, or in a field
that holds several texts (messages, candidates), is dropped whole, since half an answer is none. A
row whose search reached the bound on steps fails: it is left out and counted as such.
Limit: the hits of all rows are held in memory, not the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from corpusforge.decontaminate.edits import edits, frequent_grams
from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.report import excerpt, report
from corpusforge.decontaminate.scan import HITS, Scanner
from corpusforge.decontaminate.settings import STEPS_RULE, Settings
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.jsonl import Bad, read_rows, write_jsonl
from corpusforge.io.jsonl import Row as JsonRow
from corpusforge.text.edits import apply_edits
from corpusforge.text.names import Names

__all__ = ["decontaminate_files"]

_BATCH_TEXTS, _BATCH_CHARACTERS = 1000, 8_000_000


@dataclass(slots=True)
class Row:
    """One input row: its id, its texts, the decoded object, and whether it can be cut."""

    id: str
    texts: list[str]
    value: dict[str, Any]
    cuttable: bool


@dataclass(slots=True)
class _Found:
    """What the first reading found; texts are numbered over all inputs."""

    hits: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    failed: int = 0
    example: str = ""
    repaired: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for part in value for text in _strings(part)] if isinstance(value, list) else []


def _reach(value: Any, name: str) -> Any:
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _rows(paths: Sequence[str], fields: Sequence[str], found: _Found) -> Iterator[Row]:
    """Yield the rows; lines that are no object, or hold no text, are counted in `found`, and so are
    files that end early. Ids that repeat are numbered (`ID~2`), so that the report tells rows apart."""
    names = Names()
    for path in paths:
        base = path.rsplit("/", 1)[-1]
        for row in read_rows(path):
            found.rows += 1
            value = row.value if isinstance(row, JsonRow) else None
            reached = [_reach(value, name) for name in fields]
            texts = [text for part in reached for text in _strings(part)]
            if isinstance(row, Bad) and row.cut:
                found.damaged.append(f"{path}: {row.error} (line {row.number})")
            if not isinstance(row, JsonRow) or not isinstance(value, dict) or not texts:
                found.failed += 1
                found.example = found.example or f"{base}:{row.number}"
                continue
            found.repaired.update(row.repaired)
            name = value.get("id")
            key = str(name) if isinstance(name, str | int) else f"{base}:{row.number}"
            yield Row(
                names.distinct(key), texts, value, len(fields) == 1 and isinstance(reached[0], str)
            )


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    texts = characters = 0
    for row in rows:
        batch.append(row)
        texts += len(row.texts)
        characters += sum(map(len, row.texts))
        if texts >= _BATCH_TEXTS or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, texts, characters = [], 0, 0
    if batch:
        yield batch


def _search(scanner: Scanner, paths: Sequence[str], fields: Sequence[str]) -> _Found:
    found = _Found()
    base = 0
    for batch in _batches(_rows(paths, fields, found)):
        texts = [text for row in batch for text in row.texts]
        owner = np.repeat(np.arange(len(batch)), [len(row.texts) for row in batch]).tolist()
        for hit in scanner.scan(texts).to_pylist():
            place = hit["document"]
            hit["row"], hit["id"] = base + owner[place], batch[owner[place]].id
            hit["cuttable"] = batch[owner[place]].cuttable
            hit["size"] = len(texts[place])
            hit["excerpt"] = excerpt(texts[place], hit["start"], hit["end"])
            found.hits.append(hit)
        base += len(batch)
    return found


def _decide(
    found: _Found, index: EvalIndex, settings: Settings
) -> tuple[dict[int, list[tuple[int, int, str]]], dict[int, str], set[int]]:
    """Return (cuts by row, rule that drops by row, grams ignored)."""
    table = pa.Table.from_pylist(
        [dict(hit, document=hit["row"]) for hit in found.hits], schema=HITS
    )
    ignored = frequent_grams(table, settings.max_documents)
    acting = [h for h in found.hits if h["rule"] != "gpt3.v1" or h["gram"] not in ignored]
    dropped: dict[int, str] = {}
    cuts: dict[int, list[tuple[int, int, str]]] = {}
    for hit in acting:
        if not hit["cuttable"] and dropped.get(hit["row"], STEPS_RULE) == STEPS_RULE:
            dropped[hit["row"]] = hit["rule"]  # a finding says more than the bound
    single = [hit for hit in acting if hit["cuttable"]]
    numbers = sorted({hit["row"] for hit in single})
    place = {row: number for number, row in enumerate(numbers)}
    sizes = {hit["row"]: hit["size"] for hit in single}
    rows = [dict(hit, document=place[hit["row"]]) for hit in single]
    decided = edits(
        pa.Table.from_pylist(rows, schema=HITS),
        [str(row) for row in numbers],
        [sizes[row] for row in numbers],
        index,
        settings,
    )
    for edit in decided.to_pylist():
        row = int(edit["id"])
        if edit["drop"]:
            dropped[row] = edit["rule"]
        else:
            cuts.setdefault(row, []).append((edit["start"], edit["end"], edit["replacement"]))
    return cuts, dropped, ignored


def _kept(
    paths: Sequence[str],
    fields: Sequence[str],
    cuts: dict[int, list[tuple[int, int, str]]],
    dropped: dict[int, str],
) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(_rows(paths, fields, _Found())):
        if number in dropped:
            continue
        if number in cuts:
            *above, last = fields[0].split(".")
            holder = _reach(row.value, ".".join(above)) if above else row.value
            holder[last] = apply_edits(row.texts[0], cuts[number])
        yield row.value


def decontaminate_files(
    index: EvalIndex,
    paths: Sequence[str],
    output: str,
    settings: Settings,
    fields: Sequence[str] = ("text",),
) -> dict[str, Any]:
    """Write kept.jsonl, hits.jsonl and report.json into `output`; return the report.

    Raises InputError where no row holds text in the fields.
    """
    scanner = Scanner(index, settings.rules, settings.fuzzy_share, settings.max_steps)
    found = _search(scanner, paths, fields)
    if found.rows and found.failed == found.rows:
        raise InputError(
            f"no row of {', '.join(paths)} holds text in {', '.join(fields)} (the first: "
            f"{found.example}). Name the fields with --field."
        )
    cuts, dropped, ignored = _decide(found, index, settings)
    unsearched = sum(rule == STEPS_RULE for rule in dropped.values())
    actions = {h["id"]: _action(h["row"], cuts, dropped) for h in found.hits}
    files.make_directory(output)
    kept = write_jsonl(files.join(output, "kept.jsonl"), _kept(paths, fields, cuts, dropped))
    shown = ("id", "start", "end", "rule", "share", "excerpt")
    write_jsonl(
        files.join(output, "hits.jsonl"),
        (
            {key: hit[key] for key in shown}
            | dict(zip(("benchmark", "item"), index.name_of(hit["item"]), strict=True))
            | {"action": _action(hit["row"], cuts, dropped)}
            for hit in found.hits
        ),
    )
    summary = {
        "seen": found.rows,
        "kept": kept,
        "cut": len(cuts),
        "dropped": dict(sorted(Counter(r for r in dropped.values() if r != STEPS_RULE).items())),
        "failed": found.failed + unsearched,
        "failed_example": found.example,
        "unsearched": unsearched,
        "repaired": dict(sorted(found.repaired.items())),
        "damaged": found.damaged,
        "ignored_ngrams": len(ignored),
        "index": index.fingerprint,
        "rules": list(settings.rules),
        "sets": report(index, found.hits, actions),
    }
    body = msgspec.json.format(msgspec.json.encode(summary), indent=2)
    files.write_bytes(files.join(output, "report.json"), body + b"\n")
    return summary


def _action(row: int, cuts: dict[int, list[tuple[int, int, str]]], dropped: dict[int, str]) -> str:
    if row in dropped:
        return "failed" if dropped[row] == STEPS_RULE else "dropped"
    return "cut" if row in cuts else "ignored"
