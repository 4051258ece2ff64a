"""The first stage: ingest → extract → identify → filter, one chain of generators a part.

A part is read, cleaned and written batch by batch (1,000 documents or 8 MB of text), so memory does
not grow with the corpus and a part's bytes do not depend on where it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge import manifest as records
from corpusforge import records as rec
from corpusforge.cputime import region
from corpusforge.extract.html import engine_of
from corpusforge.extract.settings import Settings as ExtractSettings
from corpusforge.extract.step import Extract, flags_of
from corpusforge.filter import Rule, address_rule, rules_for
from corpusforge.filter.settings import Settings as FilterSettings
from corpusforge.filter.stats import measure
from corpusforge.filter.step import Clean, Filter, Redact, RedactNames, safe_names, stats_table
from corpusforge.hashing import make_id
from corpusforge.identify.settings import Settings as IdentifySettings
from corpusforge.identify.step import Identify
from corpusforge.ingest import read, source_kind
from corpusforge.ingest.spans import WHOLE
from corpusforge.io import files
from corpusforge.io.parquet import Writer
from corpusforge.ledger import Account, Ledger
from corpusforge.manifest import Receipt
from corpusforge.plugins import Packed, pack_all, unpack
from corpusforge.recipe import Recipe, Source
from corpusforge.records import Document, Dropped, Failed, RawDocument, Skipped, Unread
from corpusforge.run.addresses import Addresses, one_capture
from corpusforge.run.crash_isolation import Guard, isolated
from corpusforge.run.dropped_samples import SCHEMA, Samples
from corpusforge.run.identity import IdsTask, make_ids, more_parts, numbered, settle
from corpusforge.run.inputs import InputFile, check_unchanged, group, part_bytes, pieces
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.steps import Outcome, Step, batches, opened, run_steps, with_columns
from corpusforge.text.names import REPEATED, Names

__all__ = ["DAMAGED", "make_chain", "make_documents", "stage", "steps_of"]

DAMAGED = "damaged_files"
"""Note in the account of `ingest`: files of which the rest could not be read."""


@dataclass(frozen=True, slots=True)
class DocumentsTask:
    """What a worker is told: its files and how to treat them."""

    files: tuple[InputFile, ...]
    source: Source
    extract: ExtractSettings
    identify: IdentifySettings
    filter: FilterSettings
    capture: str
    dropped_samples: int = 0
    plugins: tuple[Packed, ...] = ()


def stage(run: str, recipe: Recipe, inputs: Sequence[InputFile]) -> Stage:
    """Return the documents stage of a run."""
    parts = []
    packed = pack_all(_named(recipe))
    for index, stretches in enumerate(group(list(pieces(recipe, inputs)), part_bytes(inputs))):
        work = DocumentsTask(
            tuple(stretches),
            recipe.sources[stretches[0].source],
            recipe.extract,
            recipe.identify,
            recipe.filter,
            one_capture(stretches[0].source, recipe) if stretches[0].span == WHOLE else "",
            recipe.report.dropped_samples,
            packed,
        )
        read = tuple((i.source, i.name, i.size, i.modified, *i.span) for i in stretches)
        size = sum(item.weight for item in stretches)
        parts.append(Part("documents", index, run, work, read, size))
    sections: dict[str, Any] = {
        "sources": {
            name: {**records.plain(source), "path": []} for name, source in recipe.sources.items()
        },
        "extract": recipe.extract,
        "identify": recipe.identify,
        "filter": recipe.filter,
        "capture": {name: one_capture(name, recipe) for name in recipe.sources},
        "report": recipe.report,
    }
    if packed:
        sections["plugins"] = {item.package: item.digest for item in packed}
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
        more=lambda receipts: more_parts(parts, receipts),
        settle=settle,
    )


def _named(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """What the stage looks up by name, of which some may be plug-ins. Loads them, so errors are early."""
    for name, source in recipe.sources.items():
        rules_for(recipe.filter, name, source.kind)
        source_kind(source.kind)
    engine_of(recipe.extract.engine)
    return {
        "rules": tuple(name for own in recipe.filter.rules.values() for name in own),
        "sources": tuple(source.kind for source in recipe.sources.values()),
        "extractors": (recipe.extract.engine,),
    }


def _finish(made: Sequence[Receipt]) -> tuple[dict[str, Any], dict[str, int]]:
    receipts = [
        receipt for receipt in made if "source" in receipt.extra
    ]  # of others ids were compared
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


def make_documents(part: Part) -> PartResult:
    """Read, extract, identify, clean, filter and redact one part's files, or compare the ids of parts."""
    if isinstance(part.settings, IdsTask):
        return make_ids(part)
    return isolated(make_chain, part) if part.unfinished else make_chain(part, Guard())


def make_chain(part: Part, guard: Guard) -> PartResult:
    """Make a part in this process, of the records that the guard lets through."""
    work: DocumentsTask = part.settings
    unpack(work.plugins)
    rules = rules_for(work.filter, work.files[0].source, work.source.kind)
    with ExitStack() as stack:
        tables = _Tables(part, stack)
        documents = _Documents(work, rules, tables, guard)
        samples = Samples(work.dropped_samples)
        verbs = samples.watched(opened(steps_of(work, rules)))
        for item in work.files:
            check_unchanged(item)
            with region():
                for batch in batches(documents.of(item)):
                    tables.take(run_steps(verbs, batch, tables.ledger, tables.source))
                    guard.written()
            check_unchanged(item)
        tables.close(samples.redacted(Redact(work.filter.redact, work.filter.cpu_seconds).open()))
    digests = [
        {"source": i.source, "name": i.name, "bytes": i.size, "sha256": files.sha256(i.path)}
        for i in work.files
        if i.span[0] == 0 and not i.outside  # of a file that parts share, the first says the digest
    ]
    return PartResult(
        outputs=tables.outputs(),
        ledger=tables.ledger,
        extra={"inputs": digests, "source": tables.source},
        documents=documents.seen,
        input_bytes=part.size,
    )


def steps_of(work: DocumentsTask, rules: Sequence[Rule]) -> tuple[Step, ...]:
    """Return the steps that a batch of the part's source goes through, in order.

    url.v1 has judged the addresses before anything was extracted.
    """
    source, settings = work.files[0].source, work.filter
    lines = not {source, work.source.kind} & set(settings.lines_skip)
    judged = tuple(rule_set for rule_set in rules if rule_set.name != "url.v1")
    return (
        RedactNames(settings.redact, settings.cpu_seconds),
        Identify(work.identify),
        Clean(settings, lines),
        Filter(judged, settings.word_lists, settings.cpu_seconds),
        Redact(settings.redact, settings.cpu_seconds),
    )


class _Documents:
    """Ingest and extract of one part: documents as text, every other record noted."""

    def __init__(
        self, work: DocumentsTask, rules: Sequence[Rule], tables: _Tables, guard: Guard
    ) -> None:
        self._work = work
        self._tables = tables
        self._guard = guard
        self._extract = Extract(tables.source, work.extract).open(
            tables.account("extract").notes.update
        )
        rule = address_rule(rules, work.filter)
        self._addresses = Addresses(work.files, work.source.ingest, rule, work.capture)
        self._names = Names()
        self.seen = 0

    def of(self, item: InputFile) -> Iterator[tuple[Document, str]]:
        """Yield each document of a file as text, with its flags."""
        ingest, extract = (self._tables.account(stage) for stage in ("ingest", "extract"))
        own = self._work.source
        root = item.path.removesuffix(item.name)
        records = (
            iter([Skipped(item.name, "link_outside", "", "inside the source's folder")])
            if item.outside
            else read(own.kind, item.path, own.ingest, root, item.span)
        )
        for record in self._guard.records(records, item.name):
            ingest.seen += 1
            self.seen += 1
            if isinstance(record, Failed) and record.cut and item.name not in own.damaged:
                ingest.notes[DAMAGED] += 1
            elif isinstance(record, RawDocument):
                ingest.notes.update(f"repaired:{name}" for name in record.repaired)
            raw = self._addresses.judge(record)
            named = numbered(raw, self._names)
            if named is not raw:
                raw = named
                ingest.notes[REPEATED] += 1
            if not isinstance(raw, RawDocument):
                self._refuse(raw, "ingest")
                continue
            ingest.kept += 1
            extract.seen += 1
            document = self._extract(raw)
            if not isinstance(document, Document):
                self._refuse(document, "extract")
                continue
            extract.kept += 1
            yield document, flags_of(raw)

    def _refuse(self, row: Skipped | Failed, stage: str) -> None:
        source, rules = self._tables.source, self._work.filter.redact
        identifier = make_id(source, row.locator)
        if isinstance(row, Failed):
            self._tables.failed(Unread.of(safe_names(row, rules), identifier, source, stage))
        else:
            self._tables.dropped(Dropped.of(safe_names(row, rules), identifier, source, stage))


class _Tables:
    """The five files of one part, its account, and the rows of them not yet written."""

    def __init__(self, part: Part, stack: ExitStack) -> None:
        work: DocumentsTask = part.settings
        self.source = work.files[0].source
        self.ledger = Ledger()
        self._paths = {
            "documents": f"documents/{part.name}.parquet",
            "stats": f"stats/{part.name}.parquet",
            "dropped": f"dropped/documents-{part.name}.parquet",
            "failed": f"failed/documents-{part.name}.parquet",
            "samples": f"samples/{part.name}.parquet",
        }
        schemas = {
            "documents": rec.DOCUMENT,
            "dropped": rec.DROPPED,
            "failed": rec.FAILED,
            "samples": SCHEMA,
        }
        self._writers = {
            key: stack.enter_context(Writer(files.join(part.run, path), schemas.get(key)))
            for key, path in self._paths.items()
        }
        self._dropped: list[Dropped] = []
        self._failed: list[Unread] = []

    def account(self, stage: str) -> Account:
        """Return the part's account of a stage."""
        return self.ledger.of(stage, self.source)

    def dropped(self, row: Dropped) -> None:
        """Note a record that ingest or extract refused."""
        self.account(row.stage).dropped[row.rule] += 1
        self._dropped.append(row)

    def failed(self, row: Unread) -> None:
        """Note a record that could not be read."""
        self.account(row.stage).failed += 1
        self._failed.append(row)

    def take(self, outcome: Outcome) -> None:
        """Write what the steps made of a batch, and the rows noted before it."""
        self._dropped += outcome.dropped
        self._failed += outcome.failed
        if "stats" in outcome.tables:
            final = outcome.rows.select(rec.DOCUMENT.names)
            self._writers["documents"].write(final)
            self._writers["stats"].write(_with_sizes(outcome.tables["stats"], final))
        self._flush()

    def close(self, samples: pa.RecordBatch) -> None:
        """Write the rest; a part of nothing still has a table of statistics."""
        self._flush()
        self._writers["samples"].write(samples)
        if not self._writers["stats"].rows:
            nothing = rec.document_batch([], flags=[])
            self._writers["stats"].write(stats_table(nothing, measure(nothing.column("text")), []))

    def outputs(self) -> dict[str, int]:
        """Return each file's path and rows."""
        return {path: self._writers[key].rows for key, path in self._paths.items()}

    def _flush(self) -> None:
        if self._dropped:
            self._writers["dropped"].write(rec.dropped_batch(self._dropped))
        if self._failed:
            self._writers["failed"].write(rec.failed_batch(self._failed))
        self._dropped, self._failed = [], []


def _with_sizes(stats: pa.RecordBatch, written: pa.RecordBatch) -> pa.RecordBatch:
    """The statistics with the bytes of each kept text as it is written, redacted."""
    sizes = np.array(stats.column("text_bytes"), dtype=np.int64)
    kept = np.array(pc.equal(stats.column("rule"), ""))
    sizes[kept] = np.array(pc.binary_length(written.column("text")), dtype=np.int64)
    return with_columns(stats, text_bytes=pa.array(sizes))
