"""Whole JSONL files against an index: pre-training documents, SFT rows, ranking rows alike.

Two readings: the first finds hits (a stage of one part per file, so it resumes and may be made by several
processes), and so how many documents each n-gram is in; the second writes.
A row with one text field is cut as the rules say; a row searched in several fields, or in a field
that holds several texts (messages, candidates), is dropped whole, since half an answer is none. A
row whose search reached the bound on steps fails: it is left out and counted as such.
Limit: the hits of all rows are held in memory, not the rows.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from corpusforge.decontaminate.edits import edits, frequent_grams
from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.report import excerpt, report
from corpusforge.decontaminate.scan import HITS, Scanner
from corpusforge.decontaminate.settings import BOUND_RULES, STEPS_RULE, Settings
from corpusforge.decontaminate.step import scan_rows
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl
from corpusforge.io.parquet import Writer, read_table
from corpusforge.io.rows import Reading
from corpusforge.manifest import part_name
from corpusforge.run.contamination import searched_by
from corpusforge.run.over_files import all_read, make_of_files, work_directory
from corpusforge.run.stage import Part, PartResult
from corpusforge.text.edits import apply_edits
from corpusforge.text.names import Names

__all__ = ["decontaminate_files"]

_HITS = pa.schema([*HITS, pa.field("id", pa.string()), pa.field("characters", pa.int64()),
                   pa.field("row", pa.int64()), pa.field("cuttable", pa.bool_()),
                   pa.field("excerpt", pa.string())])  # fmt: skip
_BATCH_TEXTS, _BATCH_CHARACTERS = 1000, 8_000_000


@dataclass(slots=True)
class Row:
    """One input row: its id, its texts, the decoded object, and whether it can be cut."""

    id: str
    texts: list[str]
    value: dict[str, Any]
    cuttable: bool


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


def _rows(paths: Sequence[str], fields: Sequence[str], reading: Reading) -> Iterator[Row]:
    """Yield the rows that hold a text in the fields. Ids that repeat in a file are numbered (`ID~2`), so that
    the report tells rows apart."""

    def texts_of(value: dict[str, Any]) -> list[str]:
        return [text for name in fields for text in _strings(_reach(value, name))]

    names: dict[str, Names] = {}
    for path, row in reading.rows(paths, lambda value: bool(texts_of(value))):
        value, name = row.value, row.value.get("id")
        base = path.rsplit("/", 1)[-1]
        key = str(name) if isinstance(name, str | int) else f"{base}:{row.number}"
        cuttable = len(fields) == 1 and isinstance(_reach(value, fields[0]), str)
        own = names.setdefault(path, Names()).distinct(key)
        yield Row(own, texts_of(value), value, cuttable)


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


@dataclass(frozen=True, slots=True)
class ScanTask:
    """What a part is told beside its file. `fingerprint` is the index's."""

    index: str
    fingerprint: str
    settings: Settings
    fields: tuple[str, ...]


@functools.lru_cache(maxsize=1)
def _scanner(index: str, _: str, *chosen: Any) -> Scanner:
    """The scanner of a process that makes many parts, by all that it depends on."""
    return Scanner(EvalIndex.load(index), *chosen)


def _search(part: Part) -> PartResult:
    """Write the hits of one file, with the number of their row in it."""
    work: ScanTask
    path, work = part.settings
    rules = work.settings
    scanner = _scanner(
        work.index,
        work.fingerprint,
        rules.rules,
        rules.fuzzy_share,
        rules.max_steps,
        rules.cpu_seconds,
    )
    reading, base, target = Reading(), 0, f"hits/{part.name}.parquet"
    with Writer(files.join(part.run, target), _HITS) as writer:
        for batch in _batches(_rows([path], work.fields, reading)):
            rows = [(number, row, text) for number, row in enumerate(batch) for text in row.texts]
            texts = pa.array([text for _, _, text in rows], type=pa.large_string())
            ids = pa.array([row.id for _, row, _ in rows], type=pa.string())
            hits = scan_rows(pa.record_batch({"id": ids, "text": texts}), scanner).tables["hits"]
            own = [rows[place] for place in hits.column("document").to_pylist()]
            ends = zip(
                hits.column("start").to_pylist(), hits.column("end").to_pylist(), strict=True
            )
            columns = {
                **dict(zip(hits.schema.names, hits.columns, strict=True)),
                "row": [base + number for number, _, _ in own],
                "cuttable": [row.cuttable for _, row, _ in own],
                "excerpt": [excerpt(one[2], *span) for one, span in zip(own, ends, strict=True)],
            }
            writer.write(pa.RecordBatch.from_pydict(columns, schema=_HITS))
            base += len(batch)
    extra = {"reading": msgspec.to_builtins(reading), "rows": base}
    return PartResult(outputs={target: writer.rows}, documents=base, extra=extra)


def _search_all(
    work: ScanTask, paths: Sequence[str], directory: str, workers: int
) -> tuple[list[dict[str, Any]], Reading]:
    """Return the hits of all files, rows numbered over them, and what was read."""
    used = {**searched_by(work.settings), "index": work.fingerprint, "fields": work.fields}
    done = make_of_files("hits", directory, _search, paths, work, settings=used, workers=workers)
    hits, base = [], 0
    for number, extra in enumerate(done.extra["parts"]):
        table = read_table(files.join(directory, "hits", f"{part_name(number)}.parquet"))
        hits += [hit | {"row": base + hit["row"]} for hit in table.to_pylist()]
        base += extra["rows"]
    return hits, all_read(done)


def _decide(
    hits: Sequence[dict[str, Any]], index: EvalIndex, settings: Settings
) -> tuple[dict[int, list[tuple[int, int, str]]], dict[int, str], set[int]]:
    """Return (cuts by row, rule that drops by row, grams ignored)."""
    table = pa.Table.from_pylist([dict(hit, document=hit["row"]) for hit in hits], schema=HITS)
    ignored = frequent_grams(table, settings.max_documents)
    acting = [h for h in hits if h["rule"] != "gpt3.v1" or h["gram"] not in ignored]
    dropped: dict[int, str] = {}
    cuts: dict[int, list[tuple[int, int, str]]] = {}
    for hit in acting:
        if not hit["cuttable"] and dropped.get(hit["row"], STEPS_RULE) in BOUND_RULES:
            dropped[hit["row"]] = hit["rule"]  # a finding says more than the bound
    single = [hit for hit in acting if hit["cuttable"]]
    numbers = sorted({hit["row"] for hit in single})
    place = {row: number for number, row in enumerate(numbers)}
    sizes = {hit["row"]: hit["characters"] for hit in single}
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
    for number, row in enumerate(_rows(paths, fields, Reading())):
        if number in dropped:
            continue
        if number in cuts:
            *above, last = fields[0].split(".")
            holder = _reach(row.value, ".".join(above)) if above else row.value
            holder[last] = apply_edits(row.texts[0], cuts[number])
        yield row.value


def decontaminate_files(
    index: str,
    paths: Sequence[str],
    output: str,
    settings: Settings,
    fields: Sequence[str] = ("text",),
    *,
    workers: int = 1,
) -> dict[str, Any]:
    """Write kept.jsonl, hits.jsonl and report.json into `output`; return the report.

    `index` is the file of the evaluation index. Raises InputError where no row holds text in the fields.
    """
    loaded = EvalIndex.load(index)
    work = ScanTask(index, loaded.fingerprint, settings, tuple(fields))
    with work_directory(output) as directory:
        hits, reading = _search_all(work, paths, directory, workers)
        found_none = reading.seen > 0 and reading.failed == reading.seen
        summary = {} if found_none else _write(loaded, paths, output, work, hits, reading)
    if found_none:
        raise InputError(
            f"no row of {', '.join(paths)} holds text in {', '.join(fields)} (the first: "
            f"{_example(reading)}). Name the fields with --field."
        )
    return summary


def _example(reading: Reading) -> str:
    return reading.example.rsplit("/", 1)[-1]


def _write(
    index: EvalIndex, paths: Sequence[str], output: str, work: ScanTask, hits: Sequence[dict[str, Any]],
    reading: Reading,
) -> dict[str, Any]:  # fmt: skip
    cuts, dropped, ignored = _decide(hits, index, work.settings)
    unsearched = sum(rule in BOUND_RULES for rule in dropped.values())
    actions = {hit["id"]: _action(hit["row"], cuts, dropped) for hit in hits}
    kept = write_jsonl(files.join(output, "kept.jsonl"), _kept(paths, work.fields, cuts, dropped))
    shown = ("id", "start", "end", "rule", "share", "excerpt")
    write_jsonl(
        files.join(output, "hits.jsonl"),
        (
            {key: hit[key] for key in shown}
            | dict(zip(("benchmark", "item"), index.name_of(hit["item"]), strict=True))
            | {"action": _action(hit["row"], cuts, dropped)}
            for hit in hits
        ),
    )
    summary = {
        "seen": reading.seen,
        "kept": kept,
        "cut": len(cuts),
        "dropped": dict(
            sorted(Counter(r for r in dropped.values() if r not in BOUND_RULES).items())
        ),
        "failed": reading.failed + unsearched,
        "failed_example": _example(reading),
        "unsearched": unsearched,
        "repaired": dict(sorted(reading.repaired.items())),
        "damaged": reading.damaged,
        "ignored_ngrams": len(ignored),
        "index": index.fingerprint,
        "rules": list(work.settings.rules),
        "sets": report(index, hits, actions),
    }
    body = msgspec.json.format(msgspec.json.encode(summary), indent=2)
    files.write_bytes(files.join(output, "report.json"), body + b"\n")
    return summary


def _action(row: int, cuts: dict[int, list[tuple[int, int, str]]], dropped: dict[int, str]) -> str:
    if row in dropped:
        return "failed" if dropped[row] in BOUND_RULES else "dropped"
    return "cut" if row in cuts else "ignored"
