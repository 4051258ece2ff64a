"""One part: documents in, passages drawn styles, a model asked through the part's journal, rewrites out.

Every draw is a hash of an id, every reply is in the journal before it is used, and replies are used in the
order of their requests: so the part's bytes depend on documents, settings and journal alone, and a killed
part loses nothing that was answered. Limit: requests are asked `CHUNK` at a time, and the last of a chunk
are waited for.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields

import numpy as np
import pyarrow as pa

from corpusforge.errors import EngineError, InputError
from corpusforge.hashing import id_key, id_keys, make_id, uniform
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import Account, seeded
from corpusforge.instruct.ground.passages import Document, Passage, cut_passages
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.retrying import NothingAnswered, Patient
from corpusforge.instruct.tokens import unicode_tokens
from corpusforge.io import files
from corpusforge.io.parquet import Writer
from corpusforge.models.budget import Budget, BudgetSpent
from corpusforge.models.client import Client
from corpusforge.models.engines import open_engine
from corpusforge.models.progress import Progress
from corpusforge.models.records import Completion, Engine, Request
from corpusforge.models.replay import ReplayEngine
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.records import DOCUMENT
from corpusforge.rephrase import readings
from corpusforge.rephrase.facts import Facts, facts
from corpusforge.rephrase.gate import Measures, Siblings, decide, fault, measure, shingles
from corpusforge.rephrase.plan import Plan
from corpusforge.rephrase.readings import Readings
from corpusforge.rephrase.settings import Settings
from corpusforge.rephrase.sources import Source, read_source
from corpusforge.rephrase.tidy import tidy
from corpusforge.run.stage import Part, PartResult, begun_path

__all__ = ["CANDIDATE", "JOURNALS", "REWRITE", "Task", "journal_path", "make_part"]

JOURNALS = "journal"
"""The directory of the parts' journals in the output."""
CHUNK = 256
"""Requests asked together."""

_FROM = [
    pa.field("style", pa.string(), nullable=False),
    pa.field("parent", pa.string(), nullable=False),
    pa.field("start", pa.int64(), nullable=False),
    pa.field("end", pa.int64(), nullable=False),
]
REWRITE = pa.schema([*DOCUMENT, *_FROM])
"""A rewrite that passed: a document, with its style and the stretch (characters) of its parent's text."""

_TYPES = {"int": pa.int64(), "float": pa.float64(), "str": pa.string()}
CANDIDATE = pa.schema(
    [pa.field("id", pa.string(), nullable=False), *_FROM]
    + [pa.field(name, pa.string(), nullable=False)
       for name in ("lang", "prompt_version", "model", "request", "finish", "fault")]
    + [pa.field("tidied", pa.bool_(), nullable=False)]
    + [pa.field(one.name, _TYPES[str(one.type)], nullable=False)
       for one in (*fields(Measures), *fields(Readings))]
    + [pa.field(name, pa.string(), nullable=False) for name in ("rule", "value", "bound")]
    + [pa.field("text", pa.large_string(), nullable=False)]
)  # fmt: skip
"""Every reply with what was measured of it and, where `rule` is not empty, why it was refused; only then it
has its text here, the others have it among the documents."""

Scan = Callable[[Sequence[str]], Sequence[Finding | None]]


@dataclass(frozen=True, slots=True)
class Task:
    """What a part is told. `journals` is the directory of the journals, `budget` this part's own; `engine`
    answers in place of the one that `models` names."""

    settings: Settings
    source: Source
    models: ModelSettings
    journals: str
    budget: Budget
    give_up: bool = False
    engine: Engine | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A passage in one style."""

    passage: Passage
    language: str
    style: str
    request: Request
    prompt_version: str

    @property
    def locator(self) -> str:
        return f"{self.passage.document.id}/{self.style}/{self.passage.start}"


@dataclass(slots=True)
class _Rewrite:
    """A reply with what is known of it so far."""

    asked: _Asked
    reply: Completion
    text: str
    tidied: bool
    measures: Measures
    fault: str
    finding: Finding | None
    read: Readings = field(default_factory=Readings)


@dataclass(slots=True)
class _Accounts:
    """Documents of the part by what became of them, and rewrites by "language style"."""

    documents: dict[str, int] = field(default_factory=dict)
    passages: int = 0
    rewrites: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    """Tokens of the rewrites that passed, by "language style"."""

    def count(self, name: str) -> None:
        self.documents[name] = self.documents.get(name, 0) + 1


def journal_path(journals: str, part: str) -> str:
    """Return where the journal of a part lies."""
    return files.join(journals, f"{part}.jsonl")


def make_part(part: Part) -> PartResult:
    """Rewrite the documents of one part; its settings are a `Task`. Raises EngineError where the model
    stops answering or the budget is spent: the same command goes on."""
    task: Task = part.settings
    # a part may take days, and be killed often; each time its journal has more, so it is not one that kills
    files.remove(begun_path(part))
    accounts, plan = _Accounts(), Plan(task.settings)
    wanted = _requests(task, plan, accounts)
    names = [f"{folder}/{part.name}.parquet" for folder in ("documents", "candidates")]
    try:
        with (
            Writer(files.join(part.run, names[0]), REWRITE) as documents,
            Writer(files.join(part.run, names[1]), CANDIDATE) as candidates,
            _Asking(task, part) as ask,
        ):
            maker = _Maker(plan, _scan(task.settings.evaluation), accounts)
            while chunk := list(itertools.islice(wanted, CHUNK)):
                made = maker.measured(chunk, ask([one.request for one in chunk]))
                maker.read_again(made, ask)
                kept, all_of_them = maker.tables(made)
                if kept.num_rows:
                    documents.write(kept)
                candidates.write(all_of_them)
    except (BudgetSpent, NothingAnswered) as stop:
        raise EngineError(f"{part.name}: {stop}") from stop
    return PartResult(
        outputs=dict(zip(names, (documents.rows, candidates.rows), strict=True)),
        documents=documents.rows,
        extra={**asdict(accounts), "usage": ask.usage},
    )


class _Asking:
    """The part's journal and model, opened when something is to be asked."""

    def __init__(self, task: Task, part: Part) -> None:
        self._task, self._path = task, journal_path(task.journals, part.name)
        self._failures = files.join(part.run, JOURNALS, f"{part.name}.failures")
        self._client: Client | None = None
        self.usage: list[dict[str, str | int]] = []

    def __enter__(self) -> _Asking:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self.usage = self._client.usage.table()
            self._client.close()

    def __call__(self, requests: Sequence[Request]) -> list[Completion]:
        if self._client is None:
            self._client = self._open()
            self._ask = Patient(self._client, self._failures, give_up=self._task.give_up)
        return self._ask(requests)

    def _open(self) -> Client:
        models, own = self._task.models, self._task.engine
        if own is None and models.engine == "replay":
            if not files.exists(self._path):
                raise InputError(
                    f"{self._path!r} does not exist: these documents were not asked about when the journal "
                    "was written, or in other parts."
                )
            files.remove(self._failures)  # the journal may hold more than it did
            return Client(ReplayEngine(self._path, models.model))
        return Client(
            own or _engine(models), self._path, self._task.budget, retries=models.retries,
            progress=Progress(self._task.budget), shared=True,
        )  # fmt: skip


@functools.lru_cache(1)
def _engine(models: ModelSettings) -> Engine:
    """The engine of a process that makes many parts."""
    return open_engine(models)


@functools.lru_cache(1)
def _scan(evaluation: str) -> Scan:
    """What finds evaluation text, without an index nothing."""
    if not evaluation:
        return lambda texts: [None] * len(texts)
    from corpusforge.decontaminate import EvalIndex
    from corpusforge.decontaminate import Settings as DecontaminateSettings
    from corpusforge.decontaminate.scan import Scanner
    from corpusforge.instruct.limits import contaminated

    scanner = Scanner(EvalIndex.load(evaluation), DecontaminateSettings().rules)
    return lambda texts: contaminated(texts, scanner)


def _requests(task: Task, plan: Plan, accounts: _Accounts) -> Iterator[_Asked]:
    """The passages of the drawn documents, each in its drawn styles, in the order of the documents."""
    settings, size = task.settings, _measure(task.settings.unit)
    for document in read_source(task.source):
        accounts.count("seen")
        language = document.language
        if language not in settings.languages:
            accounts.count("language")
            continue
        if _drawn(document.id, settings.seed, "documents") >= settings.share:
            accounts.count("not_drawn")
            continue
        passages = list(cut_passages(document, settings.passage, settings.least, size))
        accounts.count("kept" if passages else "short")
        accounts.passages += len(passages)
        for passage in passages:
            for style in _styles(passage, settings):
                yield _asked(passage, language, style, plan)


def _asked(passage: Passage, language: str, style: str, plan: Plan) -> _Asked:
    made_of = plan.prompts[style, language]
    sampling = seeded(plan.settings.write, plan.settings.seed, style, passage.id)
    request = Request(
        messages=made_of.render(passage=passage.text),
        sampling=sampling,
        purpose=f"rephrase.{style}",
    )
    return _Asked(passage, language, style, request, made_of.version)


def _drawn(name: str, seed: int, purpose: str) -> float:
    return float(uniform(np.array([id_key(name)], np.uint64), seed, f"rephrase {purpose}")[0])


def _styles(passage: Passage, settings: Settings) -> list[str]:
    """The styles of a passage: `each` of them by weight without repetition (Efraimidis, Spirakis 2006)."""
    weights = settings.weights
    draws = uniform(
        id_keys(f"{passage.id} {name}" for name in weights), settings.seed, "rephrase styles"
    )
    keys = {name: float(u) ** (1 / w) for u, (name, w) in zip(draws, weights.items(), strict=True)}
    return sorted(weights, key=lambda name: -keys[name])[: settings.each]


@functools.lru_cache(1)
def _measure(unit: str) -> Callable[[str], int]:
    """What counts the tokens of a text."""
    if unit == "words":
        return lambda text: len(unicode_tokens(text))
    from corpusforge.tokenize import Settings as TokenizeSettings
    from corpusforge.tokenize import load

    loaded = load(TokenizeSettings(tokenizer=unit))
    return lambda text: int(loaded.encode(pa.array([text], pa.large_string()))[1][-1])


class _Maker:
    """Takes the replies of a part in order; what it knows of a document goes from chunk to chunk."""

    def __init__(self, plan: Plan, scan: Scan, accounts: _Accounts) -> None:
        self._plan, self._scan, self._accounts = plan, scan, accounts
        self._document: Document | None = None
        self._siblings = Siblings()
        self._passage: tuple[str, Facts] | None = None

    def measured(self, chunk: Sequence[_Asked], replies: Sequence[Completion]) -> list[_Rewrite]:
        """Return each reply with its measures and what the gate says of it."""
        tidied = [tidy(parse.answer(reply.text)) for reply in replies]
        scanned = self._scan([text for text, _ in tidied])
        return [
            self._measured(asked, reply, text, changed, found)
            for asked, reply, (text, changed), found in zip(
                chunk, replies, tidied, scanned, strict=True
            )
        ]

    def _measured(
        self, asked: _Asked, reply: Completion, text: str, changed: bool, found: Finding | None
    ) -> _Rewrite:
        if self._document is None or asked.passage.document.id != self._document.id:
            self._document, self._siblings = asked.passage.document, Siblings()
        style, passage = self._plan.styles[asked.style], asked.passage
        own = shingles(text, asked.language)
        measures = measure(
            text, passage.text, self._facts(asked), asked.language, self._siblings.nearest(own)
        )
        broken = fault(reply, text, passage.text, asked.language, style)
        finding = broken or decide(measures, style.bounds) or found
        if finding is None:
            self._siblings.add(own)
        return _Rewrite(asked, reply, text, changed, measures, broken[0] if broken else "", finding)

    def read_again(
        self, made: Sequence[_Rewrite], ask: Callable[[Sequence[Request]], list[Completion]]
    ) -> None:
        """Have the model read what passed against its passage; it may fall by that."""
        count, seed = self._plan.settings.readings, self._plan.settings.seed
        standing = [one for one in made if one.finding is None] if count else []
        wanted = [
            request
            for one in standing
            for request in readings.requests(
                one.asked.passage.text, one.text, one.asked.language, count, seed, one.asked.locator
            )
        ]
        replies = ask(wanted) if wanted else []
        for place, one in enumerate(standing):
            one.read = readings.read(replies[place * count : (place + 1) * count])
            low = self._plan.styles[one.asked.style].bounds.supported_low
            one.finding = readings.decide(one.read, low)

    def tables(self, made: Sequence[_Rewrite]) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Return the rewrites that pass, and a row for every reply."""
        for one in made:
            self._book(one.asked, one.measures, one.finding)
        kept = [_document(one.asked, one.reply, one.text) for one in made if one.finding is None]
        return (
            pa.RecordBatch.from_pylist(kept, schema=REWRITE),
            pa.RecordBatch.from_pylist([_candidate(one) for one in made], schema=CANDIDATE),
        )

    def _facts(self, asked: _Asked) -> Facts:
        """The facts of the passage; its styles come one after another."""
        if self._passage is None or self._passage[0] != asked.passage.id:
            self._passage = asked.passage.id, facts(asked.passage.text, asked.language)
        return self._passage[1]

    def _book(self, asked: _Asked, measures: Measures, finding: Finding | None) -> None:
        name = f"{asked.language} {asked.style}"
        account = self._accounts.rewrites.setdefault(name, Account())
        account.seen += 1
        if finding is None:
            account.accepted += 1
            self._accounts.tokens[name] = self._accounts.tokens.get(name, 0) + measures.tokens
        else:
            account.rejected[finding[0]] = account.rejected.get(finding[0], 0) + 1


def _origin(asked: _Asked) -> dict[str, object]:
    passage = asked.passage
    return {
        "style": asked.style, "parent": passage.document.id, "start": passage.start, "end": passage.end,
    }  # fmt: skip


def _candidate(one: _Rewrite) -> dict[str, object]:
    """The row of a reply, whether it passed or not."""
    asked, reply = one.asked, one.reply
    rule, value, bound = one.finding or ("", "", "")
    return {
        "id": make_id("rephrase", asked.locator), **_origin(asked), "lang": asked.language,
        "prompt_version": asked.prompt_version, "model": reply.model, "request": reply.key,
        "finish": reply.finish_reason, "fault": one.fault, "tidied": one.tidied,
        **asdict(one.measures), **asdict(one.read), "rule": rule, "value": value, "bound": bound,
        "text": one.text if one.finding else "",
    }  # fmt: skip


def _document(asked: _Asked, reply: Completion, text: str) -> dict[str, object]:
    """The row of a rewrite that passed. It has no address: that is its parent's."""
    document = asked.passage.document
    return {
        "id": make_id("rephrase", asked.locator), "source": document.source, "category": "rephrased",
        "format": "text", "licence": document.licence or None, "lang": asked.language, "text": text,
        "locator": asked.locator, "origin": "model", "model": reply.model,
        "prompt_version": asked.prompt_version, **_origin(asked),
    }  # fmt: skip
