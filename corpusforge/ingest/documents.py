"""Documents that are ready: JSON lines and arrays, Parquet, Arrow files of `datasets`.

`columns` maps our fields to theirs; a list of strings as text is joined by line feeds. Lines are
read as `io.jsonl.read_rows` does it: what strict JSON refuses is repaired where it can be, and counted.
A row whose `origin` is model, template or mixed keeps that, with `model`, `prompt_version` and the `locator`
that says what it was made from; a row of instruct (with a `lineage`) is its model's; any other row counts as
human.
Limit: a `.json` file is read whole, up to `max_book_bytes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from corpusforge.ingest.formats import conversation, guess
from corpusforge.ingest.http import not_text
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.spans import WHOLE, Span
from corpusforge.ingest.streams import bounded, caps_of, name_of, open_capped, read_up_to, stem
from corpusforge.io import files, parquet
from corpusforge.io.decoding import DecodingError
from corpusforge.io.jsonl import Bad, Row, read_rows, read_value
from corpusforge.records import ORIGINS, Failed, RawDocument, Skipped
from corpusforge.text import charset

__all__ = ["document_of", "read_documents", "read_html"]

Item = RawDocument | Skipped | Failed
_SIDE_FILES = frozenset({"dataset_info.json", "state.json", "dataset_dict.json"})
_FIELDS = ("url", "date", "lang", "licence", "title", "format")
_TEXTS = ("text", "content", "paragraphs", "body", "document", "messages", "conversations")
_FORMATS = frozenset({"text", "code", "table", "dialogue"})
_BATCH = 64


def read_documents(
    path: str, settings: Settings, root: str = "", span: Span = WHOLE
) -> Iterator[Item]:
    """Yield every row of a file of ready documents; side files of `datasets` hold none.

    `span` names row groups of a Parquet file.
    """
    name = name_of(path, root)
    short = stem(name)
    if short.rsplit("/", 1)[-1] in _SIDE_FILES:
        return
    if short.endswith(".parquet"):
        groups = range(*span) if span != WHOLE else None
        before = parquet.row_count(path, range(span[0])) if span[0] else 0
        rows = _batches(parquet.read_batches(path, batch_rows=_BATCH, groups=groups))
        yield from _documents(rows, name, settings, before)
    elif short.endswith(".arrow"):
        yield from _documents(_arrow(path), name, settings)
    elif short.endswith(".json"):
        yield from _documents(_json(path, settings), name, settings)
    else:
        yield from _lines(path, name, settings)


def read_html(path: str, settings: Settings, root: str = "") -> Iterator[Item]:
    """Yield the one page of an HTML file."""
    name = name_of(path, root)
    with open_capped(path, settings) as stream:
        data = read_up_to(stream, settings.max_record_bytes)
    if data is None:
        bound = str(settings.max_record_bytes)
        yield Skipped(name, "record_size", f">{bound}", bound)
    elif wrong := not_text(data):
        yield Failed(name, wrong)
    else:
        yield RawDocument(name, data, "html", category=settings.category, licence=settings.licence)


class _Repaired(NamedTuple):
    """A row that was repaired before it could be read, and what was."""

    value: Any
    reasons: tuple[str, ...]


_Row = Mapping[str, Any] | str | Failed | Skipped | _Repaired
"""A row as read; Failed and Skipped with an empty locator where it cannot be one."""


def _documents(
    rows: Iterable[_Row], name: str, settings: Settings, before: int = 0
) -> Iterator[Item]:
    for number, row in enumerate(rows, before + 1):
        yield _bounded(row, name, number, settings)


def _bounded(row: _Row, name: str, number: int, settings: Settings, size: int = 0) -> Item:
    make = partial(document_of, row, name, number, settings)
    return bounded(settings, f"{name}:{number}", size, make)


def _lines(path: str, name: str, settings: Settings) -> Iterator[Item]:
    number = 0  # of rows, not of lines: blank lines are none
    for row in read_rows(path, settings.max_record_bytes, caps_of(settings)):
        if isinstance(row, Bad) and row.rule == "second_value":
            size = str(row.size)
            yield Skipped(f"{name}:{number}+", row.rule, size, "one object on a line")
            continue
        number += 1
        if isinstance(row, Row):
            value = _Repaired(row.value, row.repaired) if row.repaired else row.value
            yield _bounded(value, name, number, settings, len(row.line))
        elif row.cut:
            yield Failed(f"{name}:{number}+", row.error, cut=True)
        elif row.rule:
            yield Skipped(
                f"{name}:{number}", row.rule, str(row.size), str(settings.max_record_bytes)
            )
        else:
            yield Failed(f"{name}:{number}", row.error)


def _json(path: str, settings: Settings) -> Iterator[_Row]:
    """Yield the rows of a JSON file, what was repaired in the file with the first."""
    bound = settings.max_book_bytes
    with open_capped(path, settings) as stream:
        data = read_up_to(stream, bound)
    if data is None:
        yield Skipped("", "record_size", f">{bound}", str(bound))
        return
    try:
        value, reasons = read_value(charset.decode(data)[0].encode("utf-8", "surrogatepass"))
    except DecodingError as error:
        yield Failed("", f"not JSON: {error}")
        return
    for item in value if isinstance(value, list) else [value]:
        yield _Repaired(item, reasons) if reasons else item
        reasons = ()


def _arrow(path: str) -> Iterator[_Row]:
    with files.open_raw(path) as raw:
        magic = raw.read(6)
    with files.open_raw(path) as raw:
        if magic == b"ARROW1":
            reader = pa.ipc.open_file(raw)
            yield from _batches(reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            yield from _batches(pa.ipc.open_stream(raw))


def _batches(batches: Iterator[pa.RecordBatch]) -> Iterator[_Row]:
    for batch in batches:
        batch.validate(full=True)  # damaged offsets would end the process, not the record
        for start in range(0, batch.num_rows, _BATCH):
            yield from batch.slice(start, _BATCH).to_pylist()


def document_of(row: _Row, name: str, number: int, settings: Settings) -> Item:
    """Return a row, the `number`th of the file `name`, as a document: its text by `settings.columns`."""
    locator = f"{name}:{number}"
    row, repaired = row if isinstance(row, _Repaired) else (row, ())
    if isinstance(row, Failed):
        return Failed(locator, row.error)
    if isinstance(row, Skipped):
        return Skipped(locator, row.rule, row.value, row.bound)
    if not isinstance(row, dict | str):
        return Failed(locator, f"expected an object or string, got {type(row).__name__}")
    values: Mapping[str, Any] = {"text": row} if isinstance(row, str) else row
    text, gaps = _text(values, settings.columns)
    if text is None:
        wanted = settings.columns.get("text", "text")
        return Failed(
            locator, f"no text in column {wanted!r}; columns: {', '.join(map(str, values))[:200]}"
        )
    if len(text) > settings.max_record_bytes:
        return Skipped(locator, "record_size", str(len(text)), str(settings.max_record_bytes))
    said = {field: _scalar(_at(values, settings.columns.get(field, field))) for field in _FIELDS}
    made, place = _made(values)
    own = _scalar(_at(values, settings.columns["id"])) if "id" in settings.columns else place
    kind = said["format"] if said["format"] in _FORMATS else guess(text)
    return RawDocument(
        f"{name}:{own}" if own else locator,
        text,
        "code" if kind == "code" else "text",
        url=said["url"],
        date=said["date"],
        title=said["title"],
        lang=said["lang"],
        licence=said["licence"] or settings.licence,
        category=settings.category,
        format=kind,
        repaired=(*repaired, "null_in_list") if gaps else repaired,
        **made,
    )


def _made(values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return who wrote a row that was not written by people, {} for all others, and what it was made from."""
    names = ("origin", "model", "prompt_version")
    if values.get("origin") in ORIGINS[1:]:
        return {name: _scalar(values.get(name)) for name in names}, _scalar(values.get("locator"))
    lineage = values.get("lineage")
    if isinstance(lineage, Mapping) and _scalar(lineage.get("model")):
        parents = lineage.get("parents")
        parent = _scalar(parents[0]) if isinstance(parents, list) and parents else ""
        place = f"{parent}/{_scalar(values.get('id'))}" if parent else ""
        return {
            "origin": "model",
            **{name: _scalar(lineage.get(name)) for name in names[1:]},
        }, place
    return {}, ""


def _at(values: Mapping[str, Any], column: str) -> Any:
    """The value of a column; dots reach into objects where no column has the whole name."""
    if column in values:
        return values[column]
    if "." not in column:
        return None
    first, _, rest = column.partition(".")
    inner = values.get(first)
    return _at(inner, rest) if isinstance(inner, Mapping) else None


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Mapping | list):
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _text(values: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str | None, bool]:
    """Return the text of a row, and whether null stood in a list of texts."""
    for name in [columns["text"]] if "text" in columns else _TEXTS:
        value = _at(values, name)
        if isinstance(value, list) and all(isinstance(item, str | None) for item in value):
            texts = [item for item in value if item is not None]
            if texts:
                return "\n".join(texts), len(texts) < len(value)
        if isinstance(value, str):
            return value, False
        spoken = conversation(value)
        if spoken is not None:
            return spoken, False
    return None, False
