"""Documents that are ready: JSON lines and arrays, Parquet, Arrow files of `datasets`.

`columns` maps our fields to theirs; a list of strings as text is joined by line feeds. Lines are
split on the byte \\n only, since U+2028 and U+0085 stand inside real texts. Limit: a `.json` file
is read whole, up to `max_book_bytes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from corpusforge.ingest import charset
from corpusforge.ingest.formats import conversation, guess
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.spans import WHOLE, Span
from corpusforge.ingest.streams import name_of, open_capped, read_up_to, stem
from corpusforge.io import files, parquet
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.records import Failed, RawDocument, Skipped

__all__ = ["read_documents", "read_html"]

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
    before = 0
    if short.endswith(".parquet"):
        groups = range(*span) if span != WHOLE else None
        rows = _batches(parquet.read_batches(path, batch_rows=_BATCH, groups=groups))
        before = parquet.row_count(path, range(span[0])) if span[0] else 0
    elif short.endswith(".arrow"):
        rows = _arrow(path)
    elif short.endswith(".json"):
        rows = _json(path, settings)
    else:
        rows = _lines(path, settings)
    for number, row in enumerate(rows, before + 1):
        yield _document(row, name, number, settings)


def read_html(path: str, settings: Settings, root: str = "") -> Iterator[Item]:
    """Yield the one page of an HTML file."""
    name = name_of(path, root)
    with open_capped(path, settings) as stream:
        data = read_up_to(stream, settings.max_record_bytes)
    if data is None:
        bound = str(settings.max_record_bytes)
        yield Skipped(name, "record_size", f">{bound}", bound)
    else:
        yield RawDocument(name, data, "html", category=settings.category, licence=settings.licence)


Row = Mapping[str, Any] | str | Failed | Skipped
"""A row as read; Failed and Skipped with an empty locator where it cannot be one."""


def _lines(path: str, settings: Settings) -> Iterator[Row]:
    limit = settings.max_record_bytes
    with open_capped(path, settings) as stream:
        while line := stream.readline(limit + 1):
            size = len(line)
            while not line.endswith(b"\n") and size > limit and (more := stream.readline(limit)):
                size += len(more)
                line = more
            if size > limit:
                yield Skipped("", "record_size", str(size), str(limit))
            elif line.strip():
                yield _decoded(line)


def _decoded(line: bytes) -> Row:
    try:
        value = decode_json(line.removeprefix(b"\xef\xbb\xbf"))
    except DecodingError as error:
        return Failed("", f"not JSON: {error}")
    if isinstance(value, dict | str):
        return value
    return Failed("", f"expected an object, got {type(value).__name__}")


def _json(path: str, settings: Settings) -> Iterator[Row]:
    with open_capped(path, settings) as stream:
        data = read_up_to(stream, settings.max_book_bytes)
    if data is None:
        yield Skipped(
            "", "record_size", f">{settings.max_book_bytes}", str(settings.max_book_bytes)
        )
        return
    try:
        value = decode_json(charset.decode(data)[0])
    except DecodingError as error:
        yield Failed("", f"not JSON: {error}")
        return
    for item in value if isinstance(value, list) else [value]:
        good = isinstance(item, dict | str)
        yield (
            item if good else Failed("", f"expected an object or string, got {type(item).__name__}")
        )


def _arrow(path: str) -> Iterator[Row]:
    with files.open_raw(path) as raw:
        magic = raw.read(6)
    with files.open_raw(path) as raw:
        if magic == b"ARROW1":
            reader = pa.ipc.open_file(raw)
            yield from _batches(reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            yield from _batches(pa.ipc.open_stream(raw))


def _batches(batches: Iterator[pa.RecordBatch]) -> Iterator[Row]:
    for batch in batches:
        batch.validate(full=True)  # damaged offsets would end the process, not the record
        for start in range(0, batch.num_rows, _BATCH):
            yield from batch.slice(start, _BATCH).to_pylist()


def _document(row: Row, name: str, number: int, settings: Settings) -> Item:
    locator = f"{name}:{number}"
    if isinstance(row, Failed):
        return Failed(locator, row.error)
    if isinstance(row, Skipped):
        return Skipped(locator, row.rule, row.value, row.bound)
    values: Mapping[str, Any] = {"text": row} if isinstance(row, str) else row
    text = _text(values, settings.columns)
    if text is None:
        wanted = settings.columns.get("text", "text")
        return Failed(
            locator, f"no text in column {wanted!r}; columns: {', '.join(map(str, values))[:200]}"
        )
    if len(text) > settings.max_record_bytes:
        return Skipped(locator, "record_size", str(len(text)), str(settings.max_record_bytes))
    said = {field: _scalar(_at(values, settings.columns.get(field, field))) for field in _FIELDS}
    own = _scalar(_at(values, settings.columns["id"])) if "id" in settings.columns else ""
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
    )


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


def _text(values: Mapping[str, Any], columns: Mapping[str, str]) -> str | None:
    for name in [columns["text"]] if "text" in columns else _TEXTS:
        value = _at(values, name)
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return "\n".join(value)
        if isinstance(value, str):
            return value
        spoken = conversation(value)
        if spoken is not None:
            return spoken
    return None
