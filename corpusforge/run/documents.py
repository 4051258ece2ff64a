"""The first stage: ingest → extract → identify → filter, one chain of generators a part.

A part is read, cleaned and written batch by batch (1,000 documents or 8 MB of text), so memory does
not grow with the corpus and a part's bytes do not depend on where it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from corpusforge import manifest as records
from corpusforge import records as rec
from corpusforge.draw import make_id
from corpusforge.extract import Extracted, extract
from corpusforge.extract.settings import Settings as Extract
from corpusforge.filter import decide, rules_for
from corpusforge.filter.lines import clean
from corpusforge.filter.lists import load_patterns
from corpusforge.filter.redact import redact, redact_names
from corpusforge.filter.settings import Settings as Filter
from corpusforge.filter.stats import measure
from corpusforge.identify import identify, keep, mixed
from corpusforge.identify.settings import Settings as Identify
from corpusforge.ingest import read
from corpusforge.ingest.spans import WHOLE
from corpusforge.io import files
from corpusforge.io.parquet import Writer
from corpusforge.ledger import Ledger
from corpusforge.manifest import Receipt
from corpusforge.recipe import Recipe, Source
from corpusforge.records import Document, Dropped, Failed, RawDocument, Skipped
from corpusforge.run.addresses import Addresses, one_capture
from corpusforge.run.guard import Guard, isolated
from corpusforge.run.inputs import InputFile, check_unchanged, group, part_bytes, pieces
from corpusforge.run.stage import Made, Part, Stage

__all__ = ["DAMAGED", "make_chain", "make_documents", "stage"]

_Row = TypeVar("_Row", Document, Skipped, Failed, Skipped | Failed)
DAMAGED = "damaged_files"
"""Note in the account of `ingest`: files of which the rest could not be read."""
_BATCH_ROWS = 1000
_BATCH_CHARACTERS = 8_000_000
_JUDGED = ("id", "text", "source", "category", "format", "url", "lang")
"""What the rules and the table of statistics need of a document."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is told: its files and how to treat them."""

    files: tuple[InputFile, ...]
    source: Source
    extract: Extract
    identify: Identify
    filter: Filter
    capture: str


def stage(run: str, recipe: Recipe, inputs: Sequence[InputFile]) -> Stage:
    """Return the documents stage of a run."""
    parts = []
    for index, own in enumerate(group(list(pieces(recipe, inputs)), part_bytes(inputs))):
        work = Work(
            tuple(own),
            recipe.sources[own[0].source],
            recipe.extract,
            recipe.identify,
            recipe.filter,
            one_capture(own[0].source, recipe) if own[0].span == WHOLE else "",
        )
        told = tuple((i.source, i.name, i.size, i.modified, *i.span) for i in own)
        size = sum(item.weight for item in own)
        parts.append(Part("documents", index, run, work, told, size))
    sections = {
        "sources": {
            name: {**records.plain(source), "path": []} for name, source in recipe.sources.items()
        },
        "extract": recipe.extract,
        "identify": recipe.identify,
        "filter": recipe.filter,
        "capture": {name: one_capture(name, recipe) for name in recipe.sources},
    }
    described = tuple(
        {"source": i.source, "name": i.name, "size": i.size, "modified": i.modified} for i in inputs
    )
    return Stage(
        name="documents",
        run=run,
        work=make_documents,
        parts=tuple(parts),
        settings=sections,
        reads={},
        inputs=described,
        finish=_finish,
    )


def _finish(receipts: Sequence[Receipt]) -> tuple[dict[str, Any], dict[str, int]]:
    inputs = [item for receipt in receipts for item in receipt.extra["inputs"]]
    return {
        "parts": len(receipts),
        "inputs": inputs,
        "sources": [receipt.extra["source"] for receipt in receipts],
        "part_bytes": [
            output.bytes
            for receipt in receipts
            for output in receipt.outputs
            if output.path.startswith("documents/")
        ],
    }, {}


def make_documents(part: Part) -> Made:
    """Read, extract, identify, clean, filter and redact the files of one part."""
    return isolated(part) if part.unfinished else make_chain(part, Guard())


def make_chain(part: Part, guard: Guard) -> Made:
    """Make a part in this process, of the records that the guard lets through."""
    work: Work = part.settings
    with ExitStack() as stack:
        chain = _Chain(part, work, stack, guard)
        for item in work.files:
            check_unchanged(item)
            for batch in _batches(chain.extracted(item)):
                chain.write(batch)
                guard.written()
            check_unchanged(item)
        chain.flush()
    digests = [
        {"source": i.source, "name": i.name, "bytes": i.size, "sha256": files.sha256(i.path)}
        for i in work.files
        if i.span[0] == 0 and not i.outside  # of a file that parts share, the first says the digest
    ]
    return Made(
        outputs=chain.outputs(),
        ledger=chain.ledger,
        extra={"inputs": digests, "source": work.files[0].source},
        documents=chain.seen,
        input_bytes=part.size,
    )


def _batches(rows: Iterator[tuple[Document, str]]) -> Iterator[list[tuple[Document, str]]]:
    batch: list[tuple[Document, str]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row[0].text)
        if len(batch) >= _BATCH_ROWS or size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Chain:
    """The state of one part: its ledger, its four files, the rows not yet written."""

    def __init__(self, part: Part, work: Work, stack: ExitStack, guard: Guard) -> None:
        name = part.name
        self._work = work
        self._guard = guard
        self._paths = {
            "documents": f"documents/{name}.parquet",
            "stats": f"stats/{name}.parquet",
            "dropped": f"dropped/documents-{name}.parquet",
            "failed": f"failed/documents-{name}.parquet",
        }
        schemas = {"documents": rec.DOCUMENT, "dropped": rec.DROPPED, "failed": rec.FAILED}
        self._writers = {
            key: stack.enter_context(Writer(files.join(part.run, path), schemas.get(key)))
            for key, path in self._paths.items()
        }
        self._dropped: list[Dropped] = []
        self._failed: list[tuple[Failed, str, str, str]] = []
        self.ledger = Ledger()
        self.source = work.files[0].source
        self.seen = 0
        lists = work.filter.word_lists
        self._phrases = load_patterns(lists) if lists else None
        rules = rules_for(work.filter, self.source, work.source.kind)
        self._addresses = Addresses(work.files, work.source, work.filter, rules, work.capture)
        self._rules = tuple(rule_set for rule_set in rules if rule_set.name != "url.v1")
        skip = work.filter.lines_skip
        self._lines = bool(work.filter.lines) and not {self.source, work.source.kind} & set(skip)

    def outputs(self) -> dict[str, int]:
        """Return each file's path and rows."""
        return {path: self._writers[key].rows for key, path in self._paths.items()}

    def extracted(self, item: InputFile) -> Iterator[tuple[Document, str]]:
        """Yield each document of a file as text, with its flags; count and note the others."""
        ingest, extraction = (
            self.ledger.of("ingest", self.source),
            self.ledger.of("extract", self.source),
        )
        root = item.path.removesuffix(item.name)
        own = self._work.source
        records = (
            iter([Skipped(item.name, "link_outside", "", "inside the source's folder")])
            if item.outside
            else read(own.kind, item.path, own.ingest, root, item.span)
        )
        for found in self._guard.records(records, item.name):
            ingest.seen += 1
            self.seen += 1
            if isinstance(found, Failed) and found.cut and item.name not in own.damaged:
                ingest.notes[DAMAGED] += 1
            elif isinstance(found, RawDocument):
                ingest.notes.update(f"repaired:{name}" for name in found.repaired)
            raw = self._addresses.judge(found)
            if not isinstance(raw, RawDocument):
                self._note(raw, "ingest")
                continue
            ingest.kept += 1
            extraction.seen += 1
            result = extract(raw, self._work.extract)
            if not isinstance(result, Extracted):
                self._note(result, "extract")
                continue
            extraction.kept += 1
            yield self._document(raw, result), _flags(raw)

    def _safe(self, name: str) -> str:
        """An address or locator as it may be written: personal data in it is redacted too."""
        return redact(name, self._work.filter.redact).text if name else ""

    def _note(self, row: Skipped | Failed, stage: str) -> None:
        identifier = make_id(self.source, row.locator)
        row = _with(row, url=self._safe(row.url), locator=self._safe(row.locator))
        account = self.ledger.of(stage, self.source)
        if isinstance(row, Failed):
            account.failed += 1
            self._failed.append((row, identifier, self.source, stage))
        else:
            account.dropped[row.rule] += 1
            self._dropped.append(Dropped.of(row, identifier, self.source, stage))

    def _document(self, raw: RawDocument, result: Extracted) -> Document:
        return Document(
            id=raw.id or make_id(self.source, raw.locator),
            source=self.source,
            category=raw.category,
            format=result.format or raw.format,
            text=result.text,
            locator=raw.locator,
            url=raw.url,
            date=raw.date,
            licence=raw.licence,
            lang=raw.lang,
            title=result.title or raw.title,
            origin=raw.origin,
            model=raw.model,
            prompt_version=raw.prompt_version,
        )

    def write(self, rows: list[tuple[Document, str]]) -> None:
        """Take a batch through identify and filter and write what is kept."""
        rows = self._clean(self._identify(self._named(rows)))
        if rows:
            self._decide(rows)
        self.flush()

    def _named(self, rows: list[tuple[Document, str]]) -> list[tuple[Document, str]]:
        """The documents with addresses and locators as they may be written."""
        rules = self._work.filter.redact
        urls = redact_names([document.url for document, _ in rows], rules)
        locators = redact_names([document.locator for document, _ in rows], rules)
        return [
            (document if same else _with(document, url=url, locator=locator), flags)
            for (document, flags), url, locator in zip(rows, urls, locators, strict=True)
            for same in [url == document.url and locator == document.locator]
        ]

    def _drop(self, document: Document, stage: str, rule: str, value: str, bound: str) -> None:
        self.ledger.of(stage, self.source).dropped[rule] += 1
        told = (document.id, document.source, stage, rule, value, bound)
        self._dropped.append(Dropped(*told, document.url, document.locator))

    def _identify(self, rows: list[tuple[Document, str]]) -> list[tuple[Document, str]]:
        account = self.ledger.of("identify", self.source)
        account.seen += len(rows)
        settings = self._work.identify
        texts = pa.array([row[0].text for row in rows], type=pa.large_string())
        if settings.paragraphs and rows and rows[0][0].format != "code":
            texts, notes = mixed(texts, settings)
            account.notes.update(notes)
            rows = [
                (document if text == document.text else _with(document, text=text), flags)
                for (document, flags), text in zip(rows, texts.to_pylist(), strict=True)
            ]
        labels, scores = identify(texts, settings)
        wanted = keep(labels, scores, settings).tolist()
        bound = f"{','.join(settings.languages)}>={settings.min_score:g}"
        kept = []
        for (document, flags), label, score, stays in zip(
            rows, labels, scores.tolist(), wanted, strict=True
        ):
            if document.format != "code" and not stays:
                self._drop(document, "identify", "language", f"{label}:{score:.3f}", bound)
                continue
            account.kept += 1
            account.notes[f"lang:{label}"] += 1
            kept.append((_with(document, lang=label, lang_score=score), flags))
        return kept

    def _clean(self, rows: list[tuple[Document, str]]) -> list[tuple[Document, str]]:
        account = self.ledger.of("filter", self.source)
        settings = self._work.filter
        cleaned = []
        for document, flags in rows:
            account.seen += 1
            text = document.text
            if document.format != "code" and self._lines:
                text, counts = clean(text, document.lang, settings)
                account.notes.update(counts)
            if not text.strip():
                self._drop(document, "filter", "empty", "0", ">0")
                continue
            same = text == document.text
            cleaned.append((document if same else _with(document, text=text), flags))
        return cleaned

    def _redacted(self, document: Document) -> Document:
        """A document as it is written. Only those that the rules keep are searched: no other's text
        is written, and the search costs more than all statistics."""
        redacted = redact(document.text, self._work.filter.redact)
        counts = {f"redacted:{label}": count for label, count in redacted.counts.items()}
        self.ledger.of("filter", self.source).notes.update(counts)
        title = self._safe(document.title)
        same = redacted.text == document.text and title == document.title
        return document if same else _with(document, text=redacted.text, title=title)

    def _decide(self, rows: list[tuple[Document, str]]) -> None:
        account = self.ledger.of("filter", self.source)
        documents = [document for document, _ in rows]
        batch = rec.document_batch(documents, _JUDGED)
        stats = measure(batch.column("text"), self._phrases)
        decision = decide(stats, _meta(batch, [flags for _, flags in rows]), self._rules)
        kept = np.array([rule == "" for rule in decision.rule], dtype=bool)
        for position in np.flatnonzero(~kept).tolist():
            self._drop(
                documents[position],
                "filter",
                decision.rule[position],
                decision.value[position],
                decision.bound[position],
            )
        account.kept += int(kept.sum())
        written = [self._redacted(documents[position]) for position in np.flatnonzero(kept)]
        final = rec.document_batch(written)
        self._writers["documents"].write(final)
        sizes = _sizes(batch)
        sizes[kept] = _sizes(final)
        self._writers["stats"].write(_stats_batch(batch, sizes, stats, decision.rule))

    def flush(self) -> None:
        """Write the rows of dropped and failed documents."""
        if self._dropped:
            self._writers["dropped"].write(rec.dropped_batch(self._dropped))
        if self._failed:
            self._writers["failed"].write(rec.failed_batch(self._failed))
        self._dropped, self._failed = [], []
        if not self._writers["stats"].rows:
            empty = rec.document_batch([])
            stats = measure(empty.column("text"))
            self._writers["stats"].write(_stats_batch(empty, _sizes(empty), stats, []))


def _with(row: _Row, **changes: Any) -> _Row:
    return replace(row, **changes)


def _flags(raw: RawDocument) -> str:
    return ",".join(sorted(key for key, value in raw.meta.items() if value == "1"))


def _meta(batch: pa.RecordBatch, flags: list[str]) -> pa.RecordBatch:
    return batch.select(_JUDGED[2:]).append_column("flags", pa.array(flags, type=pa.string()))


def _sizes(batch: pa.RecordBatch) -> np.ndarray:
    """Bytes of each text."""
    import pyarrow.compute as pc

    return np.array(pc.binary_length(batch.column("text")), dtype=np.int64)


def _stats_batch(
    batch: pa.RecordBatch, sizes: np.ndarray, stats: pa.RecordBatch, rules: Sequence[str]
) -> pa.RecordBatch:
    columns = [batch.column("id"), batch.column("source"), batch.column("lang"), pa.array(sizes)]
    names = ["id", "source", "lang", "text_bytes"]
    own = [name for name in stats.schema.names if name not in names]
    return pa.RecordBatch.from_arrays(
        [*columns, pa.array(list(rules), type=pa.string()), *(stats.column(name) for name in own)],
        names=[*names, "rule", *own],
    )
