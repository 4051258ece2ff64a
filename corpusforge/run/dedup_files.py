"""Deduplication of ready-made files, without the rest of a run.

Each input file is a part. Signatures are written first (a stage, so they resume and may be made by several
processes), then duplicates are selected over all files, then each file's survivors are copied row for row.
Output:

`documents/`   the survivors, one file an input, same format, rows untouched
`duplicates/`  part-*.parquet, columns `DUPLICATES`
`index/`       signatures, keys and ids of the survivors, for later incremental runs
`dedup.json`   inputs, columns, settings, plan, counts, accounts per source, alarms, audit, what was
               repaired in rows, which inputs are damaged
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.dedup.audit import Audit, audit_survivors
from corpusforge.dedup.index import index_parts, write_index
from corpusforge.dedup.line_dedup import Cuts, cut, find_spans, write_spans
from corpusforge.dedup.plan import make_plan
from corpusforge.dedup.results import Duplicates, count_removed
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings, is_byte_exact
from corpusforge.dedup.sign import sign_part
from corpusforge.dedup.tables import Columns, FileTexts, distinct_ids, kind_of, read_rows
from corpusforge.errors import InputError, RunError
from corpusforge.io import files
from corpusforge.io.decoding import decode_json
from corpusforge.io.jsonl import write_jsonl
from corpusforge.io.parquet import read_table, write_batches, write_table
from corpusforge.io.rows import Reading
from corpusforge.ledger import Ledger
from corpusforge.manifest import part_name
from corpusforge.run.over_files import all_read, make_of_files, work_directory
from corpusforge.run.signatures import SUFFIXES, signed_by
from corpusforge.run.stage import Part, PartResult
from corpusforge.text.names import Names

__all__ = ["deduplicate"]

_UNWRITTEN = re.compile(r"\.(bz2|xz|lz4)$")  # read, but survivors are written plain


def deduplicate(
    inputs: Sequence[str],
    output: str,
    settings: Settings,
    columns: Columns,
    *,
    workers: int = 1,
    index: Sequence[str] = (),
) -> dict[str, Any]:
    """Write survivors, duplicates and index of the input files to `output`; return the report."""
    names = _output_names(inputs)
    _claim(output)
    with work_directory(output) as work:
        for name in ("documents", "duplicates", "index"):  # of a command that was stopped
            shutil.rmtree(files.join(output, name), ignore_errors=True)
        reading, prefixes = _sign_all(inputs, work, settings, columns, workers)
        repeated = _number_ids(prefixes)
        texts = FileTexts(inputs, columns)
        earlier = index_parts(index, settings)
        found = find_duplicates(prefixes, settings, texts, index=earlier)
        ledger, cuts = Ledger(), _find_cuts(inputs, columns, found, settings, work)
        for number, path in enumerate(inputs):
            name = f"{part_name(number)}.parquet"
            write_table(files.join(output, "duplicates", name), found.table(number))
            gone = found.removed_rows(number)
            target = files.join(output, "documents", names[number])
            spans = cuts[number].by_row() if cuts else {}
            emptied = _write_survivors(path, target, columns, gone, spans)
            _account(ledger, found, number, emptied)
        if reading.failed:
            account = ledger.of("dedup", "(unreadable rows)")
            account.seen = account.failed = reading.failed
        ledger.check()
        write_index(found, files.join(output, "index"), settings)
        checked = _audit(inputs, columns, found, settings) if settings.audit_sample else None
        report = _report(inputs, columns, settings, found, ledger, checked, cuts, reading)
        report |= {"repeated_ids": repeated, "unnamed": reading.unnamed}
        written = msgspec.json.format(msgspec.json.encode(report))
        files.write_bytes(files.join(output, "dedup.json"), written)
    if checked:
        checked.check(settings.audit_limit)
    return decode_json(written)


def _output_names(inputs: Sequence[str]) -> list[str]:
    """Return a name for each file's survivors: its own, numbered where two files share one."""
    if not inputs:
        raise InputError("--input: no file matched. Give a path, a directory or a quoted glob.")
    names = [_UNWRITTEN.sub("", Path(path).name) for path in inputs]
    often = Counter(names)
    for path in inputs:
        kind_of(path)
    return [
        name if often[name] == 1 else f"{number:05}-{name}" for number, name in enumerate(names)
    ]


def _claim(output: str) -> None:
    if files.is_remote(output):
        raise InputError(f"--output: {output!r} is not local. Signatures are memory-mapped.")
    if files.exists(files.join(output, "dedup.json")):
        raise RunError(f"{output!r} holds a finished deduplication. Choose another --output.")


def _sign_all(
    inputs: Sequence[str], work: str, settings: Settings, columns: Columns, workers: int
) -> tuple[Reading, list[str]]:
    """Sign every file; return what was read, and where the signatures lie."""
    used = {**signed_by(settings), "columns": columns}
    signed = make_of_files(
        "signatures", work, _sign, inputs, (settings, columns), settings=used, workers=workers
    )
    return all_read(signed), [
        files.join(work, "signatures", part_name(n)) for n in range(len(inputs))
    ]


def _sign(part: Part) -> PartResult:
    path, (settings, columns) = part.settings
    reading, prefix = Reading(), f"signatures/{part.name}"
    batches = (rows.batch for rows in read_rows(path, columns, reading))
    rows = int(sign_part(batches, settings, files.join(part.run, prefix)).documents)
    return PartResult(
        outputs={prefix + suffix: rows for suffix in SUFFIXES}, documents=rows,
        extra={"reading": msgspec.to_builtins(reading)},  # asdict breaks a Counter
    )  # fmt: skip


def _number_ids(prefixes: Sequence[str]) -> int:
    """Number the ids that repeat over all inputs, in their order; return how many were."""
    paths = [prefix + ".ids.parquet" for prefix in prefixes]
    columns = [read_table(path, ["id"])["id"] for path in paths]
    every = pa.chunked_array([chunk for one in columns for chunk in one.chunks], type=pa.string())
    if pc.count_distinct(every).as_py() == len(every):
        return 0
    names, changed = Names(), 0
    for path, column in zip(paths, columns, strict=True):
        own = distinct_ids(column, names)
        new = len(own) - pc.sum(pc.equal(own, column.combine_chunks())).as_py() if len(own) else 0
        if new:
            changed += new
            table = read_table(path)
            place = table.schema.get_field_index("id")
            write_table(path, table.set_column(place, table.schema.field(place), own))
    return changed


def _survivors(
    path: str, columns: Columns, gone: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch, Any]]:
    """Yield (row numbers, normal columns, originals) of a file's survivors."""
    first = 0
    for rows in read_rows(path, columns):
        numbers = np.arange(first, first + rows.batch.num_rows)
        first += len(numbers)
        keep = ~np.isin(numbers, gone)
        places = pa.array(np.flatnonzero(keep))
        originals = rows.originals
        if isinstance(originals, pa.RecordBatch):
            yield numbers[keep], rows.batch.take(places), originals.take(places)
        else:
            yield numbers[keep], rows.batch.take(places), [originals[i] for i in places.to_pylist()]


def _find_cuts(
    inputs: Sequence[str], columns: Columns, found: Duplicates, settings: Settings, work: str
) -> list[Cuts]:
    if settings.spans == "off":
        return []
    prefixes, ranks = [], []
    for number, path in enumerate(inputs):
        gone = found.removed_rows(number)
        prefixes.append(files.join(work, part_name(number)))
        batches = (batch for _, batch, _ in _survivors(path, columns, gone))
        write_spans(batches, settings, prefixes[-1])
        ranks.append(np.delete(found.ranks_of(number), gone))
    return find_spans(prefixes, ranks)


def _write_survivors(
    path: str,
    target: str,
    columns: Columns,
    gone: NDArray[np.int64],
    spans: dict[int, list[tuple[int, int]]],
) -> list[int]:
    """Copy a file's survivors, cut where asked; return the rows of which nothing was left."""
    emptied: list[int] = []

    def kept() -> Iterator[Any]:
        first = 0
        for numbers, batch, originals in _survivors(path, columns, gone):
            own = {i: spans[first + i] for i in range(len(numbers)) if first + i in spans}
            first += len(numbers)
            yield _edited(originals, batch, columns, own, numbers, emptied)

    if kind_of(path) == "parquet":
        import pyarrow.parquet as pq

        try:
            with files.open_raw(path) as stream:
                schema = pq.ParquetFile(stream).schema_arrow
        except (pa.ArrowException, OSError):  # told when it was read; nothing of it is kept
            return emptied
        write_batches(target, schema, (rows for rows in kept() if rows.num_rows))
    else:
        lines = (msgspec.Raw(line) for rows in kept() for line in rows)
        write_jsonl(target, cast(Any, lines))  # Raw: the input's own bytes
    return emptied


def _edited(
    originals: Any,
    batch: pa.RecordBatch,
    columns: Columns,
    own: dict[int, list[tuple[int, int]]],
    numbers: NDArray[np.int64],
    emptied: list[int],
) -> Any:
    if not own:
        return originals
    texts = {i: cut(batch["text"][i].as_py(), spans) for i, spans in own.items()}
    empty = {i for i, text in texts.items() if not text.strip()}
    emptied += [int(numbers[i]) for i in sorted(empty)]
    places = [i for i in range(len(numbers)) if i not in empty]
    if isinstance(originals, pa.RecordBatch):
        place = originals.schema.get_field_index(columns.text)
        column = originals.schema.field(place)
        values = originals[columns.text].to_pylist()
        changed = [texts.get(i, value) for i, value in enumerate(values)]
        edited = originals.set_column(place, column, pa.array(changed, type=column.type))
        return edited.take(pa.array(places, type=pa.int64()))
    encode = msgspec.json.encode
    return [
        encode(decode_json(originals[i]) | {columns.text: texts[i]}) if i in texts else originals[i]
        for i in places
    ]


def _account(ledger: Ledger, found: Duplicates, number: int, emptied: Sequence[int]) -> None:
    sources = found.sources_of(number).to_pylist()
    table = found.table(number)
    gone = pa.array(np.isin(table["row"].to_numpy(), found.removed_rows(number)))
    count_removed(ledger, sources, table.filter(gone))
    for row in emptied:
        account = ledger.of("dedup", sources[row])
        account.kept -= 1
        account.dropped["spans"] += 1


def _audit(inputs: Sequence[str], columns: Columns, found: Duplicates, settings: Settings) -> Audit:
    def survivors(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for number, path in enumerate(inputs):
            ids = found.ids_of(number)
            for rows, batch, _ in _survivors(path, columns, found.removed_rows(number)):
                own = batch.set_column(
                    batch.schema.get_field_index("id"), "id", ids.take(pa.array(rows))
                )
                yield _with_near_copies(own.select(list(names)), batch, settings)

    return audit_survivors(survivors, settings)


def _with_near_copies(
    own: pa.RecordBatch, batch: pa.RecordBatch, settings: Settings
) -> pa.RecordBatch:
    """Return the rows that may have near copies: what an audit looks at."""
    if not settings.byte_exact:
        return own
    nameless = pa.array([""] * batch.num_rows, type=pa.string())
    sources = batch["source"] if "source" in batch.schema.names else nameless
    return own.filter(pc.invert(is_byte_exact(sources, settings)))


def _report(
    inputs: Sequence[str],
    columns: Columns,
    settings: Settings,
    found: Duplicates,
    ledger: Ledger,
    checked: Audit | None,
    cuts: Sequence[Cuts],
    reading: Reading,
) -> dict[str, Any]:
    report: dict[str, Any] = {
        "inputs": [str(Path(path).resolve()) for path in inputs],
        "columns": asdict(columns),
        "settings": asdict(settings),
        "plan": asdict(make_plan(settings)),
        "documents": sum(account.seen for account in ledger.accounts.values()),
        "kept": sum(account.kept for account in ledger.accounts.values()),
        "copies": found.copies,
        "counts": asdict(found.counts),
        "ledger": ledger.rows(),
        "alarms": [str(alarm) for alarm in found.alarms],
        "repaired": dict(sorted(reading.repaired.items())),
        "damaged": reading.damaged,
    }
    if cuts:
        report["spans"] = {
            "pieces": sum(part.pieces for part in cuts),
            "cut": sum(len(part.rows) for part in cuts),
            "characters": sum(int((part.ends - part.starts).sum()) for part in cuts),
        }
    if checked:
        report["audit"] = asdict(checked) | {"share": checked.share}
    return report
