"""The verbs as Beam transforms: for pipelines of one's own, with sources and sinks of one's own.

    pages = pipeline | beam.Create(paths) | Read("web") | Extract("web")
    texts = pages | Identify() | Clean() | Filter("gopher_quality.v1", "c4.v1") | Redact()
    texts.rows | ToDocuments() | …            # kept
    texts.dropped | …                         # records.Dropped: rule, value and bound of each

Every transform returns `Outputs`: `rows` go on, `dropped` and `failed` are dead letters with their reasons.
`outputs | transform` takes the rows, and adds the letters of the transform to those so far. Between
transforms travel batches (`pyarrow.RecordBatch` of `records.ROWS`); `FromDocuments` and `ToDocuments` stand
at the edges. They are thin callers of the same steps as the staged run and decide alike, document for
document. Counters: `corpusforge.VERB: kept`, `failed`, `dropped/RULE`. Limits: mixtures and shards need the
order of the whole corpus and stay staged (`pipelines.pretrain_mix`); so does the keep rule `top`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.transforms.window import WindowedValue

from corpusforge.beam import coders as _coders  # noqa: F401 - registers the coder of batches
from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.items import parse_set, read_items
from corpusforge.decontaminate.scan import Scanner
from corpusforge.decontaminate.settings import Settings as DecontaminateSettings
from corpusforge.decontaminate.step import cut_rows, scan_rows, scanner_of
from corpusforge.errors import InputError
from corpusforge.extract import step as extraction
from corpusforge.extract.settings import Settings as ExtractSettings
from corpusforge.filter import Rule, RuleSet, TextRule, address_rule, rule
from corpusforge.filter import step as filtering
from corpusforge.filter.settings import REDACTIONS
from corpusforge.filter.settings import Settings as FilterSettings
from corpusforge.hashing import make_id
from corpusforge.identify import step as identification
from corpusforge.identify.settings import Settings as IdentifySettings
from corpusforge.ingest import Settings as IngestSettings
from corpusforge.ingest import read
from corpusforge.ingest.spans import WHOLE, Span, cut
from corpusforge.io import files
from corpusforge.plugins import Packed, pack_all, unpack
from corpusforge.records import DOCUMENT, Document, Dropped, Failed, RawDocument, Skipped, Unread
from corpusforge.run.addresses import Addresses
from corpusforge.run.identity import numbered
from corpusforge.run.inputs import InputFile
from corpusforge.score import step as scoring
from corpusforge.score.settings import KeepSettings
from corpusforge.score.settings import Settings as ScoreSettings
from corpusforge.steps import BATCH_CHARACTERS, BATCH_ROWS, Outcome, Step, batches
from corpusforge.text.names import Names
from corpusforge.tokenize import step as tokenization
from corpusforge.tokenize.settings import Settings as TokenizeSettings

__all__ = [
    "Clean",
    "Decontaminate",
    "Extract",
    "Filter",
    "FromDocuments",
    "Identify",
    "Outputs",
    "Read",
    "Redact",
    "RedactNames",
    "Run",
    "Score",
    "ToDocuments",
    "Tokenize",
]


class Outputs(NamedTuple):
    """What a transform gives: rows that go on, `records.Dropped` and `records.Unread`."""

    rows: beam.PCollection
    dropped: beam.PCollection
    failed: beam.PCollection

    def __or__(self, transform: Any) -> Any:
        """Apply a transform to the rows; dead letters of both go on with what it gives."""
        made = self.rows | transform
        if not isinstance(made, Outputs):
            return made
        dropped = (self.dropped, made.dropped) | f"{transform.label}: dropped" >> beam.Flatten()
        failed = (self.failed, made.failed) | f"{transform.label}: failed" >> beam.Flatten()
        return Outputs(made.rows, dropped, failed)

    @classmethod
    def of(cls, parts: Any) -> Outputs:
        """Return the outputs of a ParDo with the tags `dropped` and `failed`."""
        return cls(parts.rows, parts.dropped, parts.failed)


def tagged(transform: Any, kind: Any) -> Any:
    """Return the transform with the tags of `Outputs`; `kind` is the type of the main one."""
    return transform.with_outputs("dropped", "failed", main="rows").with_output_types(kind)


def letters(
    stage: str, dropped: Iterable[Dropped], failed: Iterable[Unread]
) -> Iterator[TaggedOutput]:
    """Yield the dead letters, and count them."""
    for row in dropped:
        Metrics.counter(f"corpusforge.{stage}", f"dropped/{row.rule}").inc()
        yield TaggedOutput("dropped", row)
    for lost in failed:
        Metrics.counter(f"corpusforge.{stage}", "failed").inc()
        yield TaggedOutput("failed", lost)


class _RunStep(beam.DoFn):
    def __init__(self, step: Step, packed: tuple[Packed, ...] = ()) -> None:
        self._step = step
        self._packed = packed

    def setup(self) -> None:
        unpack(self._packed)
        self._verb = self._step.open()

    def process(self, rows: pa.RecordBatch) -> Iterator[Any]:
        outcome = self._verb(rows) if rows.num_rows else Outcome(rows=rows)
        yield from letters(self._step.stage, outcome.dropped, outcome.failed)
        if outcome.rows.num_rows:
            Metrics.counter(f"corpusforge.{self._step.stage}", "kept").inc(outcome.rows.num_rows)
            yield outcome.rows


class Run(beam.PTransform):
    """Any step of `corpusforge.steps` over batches; the transforms below are this one with a verb."""

    def __init__(self, step: Step, packed: tuple[Packed, ...] = ()) -> None:
        super().__init__()
        self._step = step
        self._packed = packed

    def default_label(self) -> str:
        """The verb's name."""
        return type(self._step).__name__

    def expand(self, rows: beam.PCollection) -> Outputs:
        """Batches in, `Outputs` out."""
        done = beam.ParDo(_RunStep(self._step, self._packed))
        return Outputs.of(rows | "Step" >> tagged(done, pa.RecordBatch))


class Read(beam.PTransform):
    """File paths in, raw documents out, of any kind that `corpusforge.ingest` reads.

    `source` names them in ids and rows (the kind by default); `root` is the directory that locators are
    relative to. Large files are cut where their format allows, about `piece` stored bytes each. With
    `addresses`, url.v1 with these settings refuses addresses before anything is extracted; with
    `capture`, "newest" or "oldest", one capture of each address in a file is read.
    """

    def __init__(
        self,
        kind: str,
        source: str = "",
        settings: IngestSettings | None = None,
        *,
        root: str = "",
        addresses: FilterSettings | None = None,
        capture: str = "",
        redact: tuple[str, ...] = REDACTIONS,
        piece: int = 64_000_000,
    ) -> None:
        super().__init__()
        self._reader = _Reader(
            kind, source or kind, settings or IngestSettings(), root, addresses, capture, redact
        )
        self._piece = piece

    def expand(self, paths: beam.PCollection) -> Outputs:
        """Paths (str) in; `records.RawDocument` out."""
        return Outputs.of(
            paths
            | "Spans" >> beam.FlatMap(_spans, self._reader.kind, self._piece)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> tagged(beam.ParDo(self._reader), RawDocument)
        )


def _spans(path: str, kind: str, piece: int) -> Iterator[tuple[str, Span]]:
    size = sum(info.size for info in files.list_files(path))
    yield from ((path, span) for span in cut(kind, path, size, piece))


class _Reader(beam.DoFn):
    def __init__(
        self,
        kind: str,
        source: str,
        settings: IngestSettings,
        root: str,
        addresses: FilterSettings | None,
        capture: str,
        redact: tuple[str, ...],
    ) -> None:
        self.kind = kind
        self._source, self._settings, self._root = source, settings, root
        self._lists, self._capture, self._redact = addresses, capture, redact
        self._packed = pack_all({"sources": (kind,)})

    def setup(self) -> None:
        unpack(self._packed)
        self._rule = address_rule([rule("url.v1")], self._lists) if self._lists else None

    def process(self, element: tuple[str, Span]) -> Iterator[Any]:
        path, span = element
        name = path.removeprefix(self._root) if self._root else path.rpartition("/")[2]
        item = InputFile(self._source, name, 0, 0, path, span)
        capture = self._capture if span == WHOLE else ""
        addresses = Addresses([item], self._settings, self._rule, capture)
        names = Names()
        for record in read(self.kind, path, self._settings, self._root, span):
            judged = numbered(addresses.judge(record), names)
            if isinstance(judged, RawDocument):
                yield judged
            else:
                yield from _refused(judged, self._source, "ingest", self._redact)


def _refused(
    row: Skipped | Failed, source: str, stage: str, redact: tuple[str, ...]
) -> Iterator[TaggedOutput]:
    named = make_id(source, row.locator), source, stage
    if isinstance(row, Failed):
        yield from letters(stage, (), [Unread.of(filtering.safe_names(row, redact), *named)])
    else:
        yield from letters(stage, [Dropped.of(filtering.safe_names(row, redact), *named)], ())


class Extract(beam.PTransform):
    """Raw documents in, batches of text out; `source` names them in ids and rows."""

    def __init__(
        self,
        source: str,
        settings: ExtractSettings | None = None,
        redact: tuple[str, ...] = REDACTIONS,
    ) -> None:
        super().__init__()
        self._step = extraction.Extract(source, settings or ExtractSettings())
        self._redact = redact

    def expand(self, records: beam.PCollection) -> Outputs:
        """`records.RawDocument` in, batches out."""
        done = records | "Extract" >> tagged(
            beam.ParDo(_Extractor(self._step, self._redact)), tuple[Document, str]
        )
        rows = done.rows | "Batch" >> beam.ParDo(_Batcher()).with_output_types(pa.RecordBatch)
        return Outputs(rows, done.dropped, done.failed)


class _Extractor(beam.DoFn):
    def __init__(self, step: extraction.Extract, redact: tuple[str, ...]) -> None:
        self._step = step
        self._redact = redact
        self._packed = pack_all({"extractors": (step.settings.engine,)})

    def setup(self) -> None:
        unpack(self._packed)
        self._extract = self._step.open()

    def process(self, raw: RawDocument) -> Iterator[Any]:
        document = self._extract(raw)
        if isinstance(document, Document):
            Metrics.counter("corpusforge.extract", "kept").inc()
            yield document, extraction.flags_of(raw)
        else:
            yield from _refused(document, self._step.source, "extract", self._redact)


class _Batcher(beam.DoFn):
    """Documents of a bundle, window by window, as batches of bounded size."""

    def start_bundle(self) -> None:
        self._rows: dict[Any, list[tuple[Document, str]]] = {}
        self._sizes: Counter[Any] = Counter()

    def process(
        self, row: tuple[Document, str], window: Any = beam.DoFn.WindowParam
    ) -> Iterator[pa.RecordBatch]:
        rows = self._rows.setdefault(window, [])
        rows.append(row)
        self._sizes[window] += len(row[0].text)
        if len(rows) >= BATCH_ROWS or self._sizes[window] >= BATCH_CHARACTERS:
            del self._rows[window], self._sizes[window]
            yield from batches(rows)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for window, rows in self._rows.items():
            for batch in batches(rows):
                yield WindowedValue(batch, window.max_timestamp(), [window])


class FromDocuments(beam.PTransform):
    """`records.Document` in, batches out: the door for a source of one's own."""

    def expand(self, documents: beam.PCollection) -> beam.PCollection:
        """Documents in, batches out."""
        paired = documents | "Pair" >> beam.Map(_paired)
        return paired | "Batch" >> beam.ParDo(_Batcher()).with_output_types(pa.RecordBatch)


def _paired(document: Document) -> tuple[Document, str]:
    return document, ""


class ToDocuments(beam.PTransform):
    """Batches in, `records.Document` out: the door to a sink of one's own."""

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Batches in, documents out."""
        return rows | "Documents" >> beam.FlatMap(_documents).with_output_types(Document)


def _documents(rows: pa.RecordBatch) -> Iterator[Document]:
    for row in rows.select(DOCUMENT.names).to_pylist():
        yield Document(**{name: value for name, value in row.items() if value is not None})


class RedactNames(Run):
    """Replace personal data in addresses and locators; before any row is written."""

    def __init__(self, rules: tuple[str, ...] = REDACTIONS) -> None:
        super().__init__(filtering.RedactNames(rules))


class Identify(Run):
    """Name the language of every document; drop those of a language that is not wanted."""

    def __init__(self, settings: IdentifySettings | None = None) -> None:
        super().__init__(identification.Identify(settings or IdentifySettings()))


class Clean(Run):
    """Cut furniture lines; drop documents of which nothing is left."""

    def __init__(self, settings: FilterSettings | None = None, *, lines: bool = True) -> None:
        super().__init__(filtering.Clean(settings or FilterSettings(), lines))


class Filter(Run):
    """Drop documents by rules: names of ours, "package.module:NAME", `RuleSet`s, functions of a text.

    `bounds` replace limits by rule name, as [filter.bounds] of a recipe does.
    """

    def __init__(
        self,
        *rules: str | Rule | Callable[[str], Any],
        bounds: Mapping[str, Mapping[str, float]] | None = None,
        word_lists: tuple[str, ...] = (),
    ) -> None:
        made = tuple(_rule(item) for item in rules)
        chosen = tuple(item.with_bounds((bounds or {}).get(item.name, {})) for item in made)
        packed = pack_all({"rules": tuple(item for item in rules if isinstance(item, str))})
        super().__init__(filtering.Filter(chosen, word_lists), packed)


def _rule(item: str | Rule | Callable[[str], Any]) -> Rule:
    if isinstance(item, str):
        return rule(item)
    if isinstance(item, (RuleSet, TextRule)):
        return item
    return TextRule(name=getattr(item, "__name__", "rule"), function=item)


class Redact(Run):
    """Replace personal data and secrets in text and title by typed placeholders."""

    def __init__(self, rules: tuple[str, ...] = REDACTIONS) -> None:
        super().__init__(filtering.Redact(rules))


class Score(beam.PTransform):
    """Add the column `score`; with `keep`, drop documents by it (every rule but `top`)."""

    def __init__(
        self, settings: ScoreSettings | str, keep: KeepSettings | None = None, seed: int = 0
    ) -> None:
        super().__init__()
        if keep is not None and keep.rule == "top":
            raise InputError(
                "score.keep.rule 'top' needs the scores of the whole corpus at once: run "
                "pipelines.pretrain_mix, or take a threshold."
            )
        own = ScoreSettings(model=settings) if isinstance(settings, str) else settings
        self._score = scoring.Score(own)
        self._keep = scoring.Keep(keep, seed) if keep is not None else None

    def expand(self, rows: beam.PCollection) -> Outputs:
        """Batches in, batches with `score` out."""
        scored: Outputs = rows | Run(self._score)
        if self._keep is None:
            return scored
        kept: Outputs = scored | Run(self._keep)
        return kept


class Tokenize(Run):
    """Add the column `ids`: the token ids of every document, its end id last."""

    def __init__(self, settings: TokenizeSettings | str, trained: str | None = None) -> None:
        own = TokenizeSettings(tokenizer=settings) if isinstance(settings, str) else settings
        super().__init__(tokenization.Tokenize(own, trained))


class Decontaminate(beam.PTransform):
    """Cut or drop what overlaps evaluation sets.

    The index is a side input: a path of `pipelines.build_eval_index`, evaluation sets by name
    ({"gsm8k": "test.jsonl:question"}), or a PCollection of one `EvalIndex`. Two passes over the batches,
    since grams that are frequent in the whole corpus count for nothing.
    """

    def __init__(
        self,
        index: str | Mapping[str, str] | beam.PCollection,
        settings: DecontaminateSettings | None = None,
    ) -> None:
        super().__init__()
        self._index = index
        self._settings = replace(settings or DecontaminateSettings(), sets={}, index="")

    def expand(self, rows: beam.PCollection) -> Outputs:
        """Batches in, batches without evaluation text out."""
        index = AsSingleton(self._index_of(rows.pipeline))
        scanned = rows | "Scan" >> beam.ParDo(_Scan(self._settings), index)
        ignored = (
            scanned
            | "Grams" >> beam.FlatMap(_grams)
            | "Once" >> beam.Distinct()
            | "Documents" >> beam.combiners.Count.PerKey()
            | "Frequent" >> beam.FlatMap(_frequent, self._settings.max_documents)
        )
        cut_ = beam.ParDo(_Cut(self._settings), index, AsIter(ignored))
        return Outputs.of(scanned | "Cut" >> tagged(cut_, pa.RecordBatch))

    def _index_of(self, pipeline: Any) -> beam.PCollection:
        if isinstance(self._index, beam.PCollection):
            return self._index
        given = self._index if isinstance(self._index, str) else dict(self._index)
        return pipeline | "Index" >> beam.Create([given]) | "Load" >> beam.Map(_load_index)


def _load_index(given: str | Mapping[str, str]) -> EvalIndex:
    if isinstance(given, str):
        return EvalIndex.load(given)
    parsed = [parse_set(f"{name}={spec}") for name, spec in sorted(given.items())]
    return EvalIndex.merged([EvalIndex.part(read_items(*own)) for own in parsed])


class _Scan(beam.DoFn):
    def __init__(self, settings: DecontaminateSettings) -> None:
        self._settings = settings
        self._scanner: Scanner | None = None

    def process(
        self, rows: pa.RecordBatch, index: EvalIndex
    ) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
        if self._scanner is None:
            self._scanner = scanner_of(index, self._settings)
        yield rows, scan_rows(rows, self._scanner).tables["hits"]


def _grams(element: tuple[pa.RecordBatch, pa.RecordBatch]) -> Iterator[tuple[int, str]]:
    hits = element[1]
    yield from zip(hits.column("gram").to_pylist(), hits.column("id").to_pylist(), strict=True)


def _frequent(count: tuple[int, int], most: int) -> Iterator[int]:
    gram, documents = count
    if most and gram >= 0 and documents > most:
        yield gram


class _Cut(beam.DoFn):
    def __init__(self, settings: DecontaminateSettings) -> None:
        self._settings = settings

    def process(
        self,
        element: tuple[pa.RecordBatch, pa.RecordBatch],
        index: EvalIndex,
        ignored: Iterable[int],
    ) -> Iterator[Any]:
        rows, hits = element
        outcome = cut_rows(rows, hits, index, self._settings, frozenset(ignored))
        yield from letters("decontaminate", outcome.dropped, outcome.failed)
        if outcome.rows.num_rows:
            Metrics.counter("corpusforge.decontaminate", "kept").inc(outcome.rows.num_rows)
            yield outcome.rows
