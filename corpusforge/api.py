"""Each verb as one call on plain strings, for notebooks and scripts: `import corpusforge as cf`.

    cf.extract(html)                                   # the main text of a page
    cf.check(texts, "gopher_quality.v1", "c4.v1")      # which rule refuses each, with value and bound
    cf.dedup(texts)                                    # which texts are copies, and of which

One contract for `texts`: a str gives one result; a list (or any iterable) of str, an Arrow array, a pandas
Series or a `datasets.Dataset` with a column `text` gives a list of results, one per text and in order. None
counts as an empty text. Settings are those of a recipe's section, as keywords; an unknown one is refused
with the nearest. The verbs are the steps of the run (`corpusforge.steps`); nothing is loaded before it is
used. Limit: everything is in memory; for corpora there are `cf.pretrain`, the commands and Beam.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa

from corpusforge.errors import InputError, RecipeError, nearest

if TYPE_CHECKING:
    from corpusforge.decontaminate.index import EvalIndex
    from corpusforge.ledger import Ledger
    from corpusforge.mix.plan import Plan
    from corpusforge.records import Document, Dropped, Unread
    from corpusforge.run.pretrain import Outcome as RunOutcome
    from corpusforge.shard.reader import TokenStream

__all__ = [
    "Clean",
    "Copy",
    "Language",
    "Reading",
    "Verdict",
    "check",
    "decontaminate",
    "dedup",
    "extract",
    "identify",
    "measure",
    "open_shards",
    "plan_mix",
    "pretrain",
    "read",
    "redact",
    "score",
    "tokenize",
]

Texts = Any
"""A str, or any of the collections of str that the module's docstring names."""
Result = TypeVar("Result")


def _column(texts: Texts, what: str = "texts") -> tuple[pa.Array, bool]:
    """Return the texts as a large_string array, and whether a single one was given."""
    if isinstance(texts, str):
        return pa.array([texts], type=pa.large_string()), True
    if isinstance(texts, (bytes, bytearray, Mapping)) or texts is None:
        raise InputError(
            f"{what}: got {type(texts).__name__}; expected a str, a list of str, an Arrow array or a "
            "datasets.Dataset with a column 'text'. Decode bytes first, or give cf.extract a page."
        )
    names = getattr(texts, "column_names", None)
    if names is not None:
        if "text" not in names:
            raise InputError(
                f"{what}: no column 'text', but {', '.join(names)}. Give the column itself."
            )
        texts = texts["text"]
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        try:
            texts = _array(list(texts), what)
        except TypeError as error:
            raise InputError(
                f"{what}: got {type(texts).__name__}; expected a str or a list of str."
            ) from error
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise InputError(
            f"{what}: an Arrow array of {texts.type}; expected string or large_string."
        )
    return texts.cast(pa.large_string()).fill_null(""), False


def _array(items: list[Any], what: str) -> pa.Array:
    for place, item in enumerate(items):
        if item is not None and not isinstance(item, str):
            raise InputError(
                f"{what}[{place}] is {type(item).__name__}; expected str (or None for an empty text)."
            )
    try:
        return pa.array(items, type=pa.large_string())
    except UnicodeEncodeError as error:
        raise InputError(
            f"{what}: a text holds half a surrogate pair, which is no character. Replace it, for "
            "instance by text.encode('utf-8', 'replace').decode()."
        ) from error


def _one_or_all(results: Sequence[Result], single: bool) -> Any:
    return results[0] if single else list(results)


def _settings(kind: type[Result], given: Mapping[str, Any], verb: str) -> Result:
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]  # a settings dataclass
    for name in given:
        if name not in known:
            raise RecipeError(f"cf.{verb}: no setting {name!r}.{nearest(name, known)}")
    return kind(**given)


def extract(pages: Any, *, kind: str = "html", url: str = "", **settings: Any) -> Any:
    """Return the main text of a page, or of each of many; "" where there is none.

    A page is a str, or bytes whose character set is found out. `kind` is html, wikitext, epub (bytes) or
    text; `url` helps to tell forums apart. Settings: corpusforge.extract.Settings. Raises InputError,
    with the reason, where the one page given cannot be read; of many such a page gives "".
    """
    from corpusforge.extract import EXTRACTORS, Extracted, Settings
    from corpusforge.extract import extract as run
    from corpusforge.records import RawDocument

    if kind not in EXTRACTORS:
        raise InputError(f"cf.extract: no kind {kind!r}.{nearest(kind, EXTRACTORS)}")
    own = _settings(Settings, settings, "extract")
    single = isinstance(pages, (str, bytes))
    found = []
    for number, page in enumerate([pages] if single else pages):
        if not isinstance(page, (str, bytes)):
            raise InputError(
                f"cf.extract: page {number} is {type(page).__name__}; expected str or bytes."
            )
        result = run(RawDocument(str(number), page, kind, url=url), own)  # type: ignore[arg-type]  # checked above
        if single and not isinstance(result, Extracted) and hasattr(result, "error"):
            raise InputError(f"cf.extract: {result.error}")
        found.append(result.text if isinstance(result, Extracted) else "")
    return _one_or_all(found, single)


class Language(NamedTuple):
    """The language of a text: ISO 639 label ("und": unknown) and the engine's score in 0..1."""

    label: str
    score: float


def identify(texts: Texts, **settings: Any) -> Any:
    """Return the `Language` of each text. Settings: corpusforge.identify.Settings (engine, model …)."""
    from corpusforge.identify import Settings
    from corpusforge.identify import identify as run

    column, single = _column(texts)
    labels, scores = run(column, _settings(Settings, settings, "identify"))
    rows = zip(labels, scores.tolist(), strict=True)
    return _one_or_all([Language(*row) for row in rows], single)


def measure(texts: Texts) -> Any:
    """Return every statistic of each text as a dict: counts (int) by name, as a run's `stats` table."""
    from corpusforge.filter.stats import measure as run

    column, single = _column(texts)
    return _one_or_all(run(column).to_pylist(), single)


class Verdict(NamedTuple):
    """What the rules say of a text. True where it is kept; else the refusing rule, value and bound."""

    kept: bool
    rule: str = ""
    value: str = ""
    bound: str = ""

    def __bool__(self) -> bool:
        return self.kept


def check(
    texts: Texts,
    *rules: Any,
    lang: str | None = None,
    url: str = "",
    bounds: Mapping[str, Mapping[str, float]] | None = None,
) -> Any:
    """Return a `Verdict` on each text: the first rule that refuses it, its value and its bound.

    Rules are names ("gopher_quality.v1"), your own ("package.module:NAME") or functions of a text that
    return a bool (True: keep) or a number with `bounds`. Without rules, those of web pages. Bounds differ
    by language; without `lang` it is identified. `bounds` replace limits by rule: {"c4.v1": {…}}. Raises
    the error of a function that fails.
    """
    from corpusforge.filter import RuleSet, TextRule, decide, rule
    from corpusforge.filter.settings import DEFAULT_RULES
    from corpusforge.filter.stats import measure as measured

    column, single = _column(texts)
    count = len(column)
    chosen = []
    for item in rules or DEFAULT_RULES["web"]:
        own = rule(item) if isinstance(item, str) else item
        if callable(own) and not isinstance(own, (RuleSet, TextRule)):
            own = TextRule(name=getattr(own, "__name__", "rule"), function=own)
        chosen.append(own.with_bounds((bounds or {}).get(own.name, {})))
    labels = [lang] * count if lang else [language.label for language in identify(column)]
    meta = pa.record_batch(
        {"source": [""] * count, "category": [""] * count, "format": ["text"] * count,
         "url": [url] * count, "lang": labels, "flags": [""] * count}
    )  # fmt: skip
    made = decide(measured(column), meta, chosen, column)
    for place, error in made.errors.items():
        raise InputError(f"cf.check: text {place}: {error}")
    rows = zip(made.rule, made.value, made.bound, strict=True)
    return _one_or_all(
        [Verdict(not name, name, value, bound) for name, value, bound in rows], single
    )


def redact(texts: Texts, rules: tuple[str, ...] = ("pii.v1", "secrets.v1")) -> Any:
    """Return each text with personal data and secrets replaced by placeholders such as <EMAIL>."""
    from corpusforge.filter.redact import redact as run

    column, single = _column(texts)
    return _one_or_all([run(text, tuple(rules)).text for text in column.to_pylist()], single)


class Copy(NamedTuple):
    """That a text is a copy: the number of the text kept instead (None with `drop_all`), how similar
    they are, how it was found: exact, url or minhash."""

    of: int | None
    similarity: float
    method: str


def dedup(texts: Texts, **settings: Any) -> list[Copy | None]:
    """Return, for each of several texts, None where it stays or the `Copy` that says of which it is one.

    The first of equally good copies stays. Settings: corpusforge.dedup.Settings (method, threshold …).
    """
    from corpusforge.dedup.select import find_duplicates
    from corpusforge.dedup.settings import Settings
    from corpusforge.dedup.sign import sign_part

    column, single = _column(texts)
    if single:
        raise InputError("cf.dedup: got one text; expected several to compare with each other.")
    own = _settings(Settings, {"order": (), **settings}, "dedup")
    ids = pa.array([f"{number:012d}" for number in range(len(column))])
    found: list[Copy | None] = [None] * len(column)
    if not found:
        return found
    rows = pa.record_batch({"id": ids, "source": [""] * len(column), "text": column})
    with tempfile.TemporaryDirectory(prefix="corpusforge-") as folder:
        prefix = os.path.join(folder, "part")  # noqa: PTH118 - a prefix, not a path
        sign_part([rows], own, prefix)
        copies = find_duplicates([prefix], own, lambda _, places: column.take(pa.array(places)))
        for row in copies.table(0).to_pylist():
            kept = row["kept"]
            found[row["row"]] = Copy(int(kept) if kept else None, row["similarity"], row["method"])
    return found


class Clean(NamedTuple):
    """A text without evaluation items: what is left ("" where it was dropped), and what was found.

    `hits` names them as (set, item).
    """

    text: str
    dropped: bool
    hits: tuple[tuple[str, str], ...]


def decontaminate(texts: Texts, index: str | Sequence[str] | EvalIndex, **settings: Any) -> Any:
    """Return each text as a `Clean`, without what it shares with evaluation items.

    `index` is a file of pipelines.build_eval_index, an `EvalIndex`, or a list of the items' texts.
    Settings: corpusforge.decontaminate.Settings (rules, window …).
    """
    from corpusforge.decontaminate import EvalIndex, EvalItem, Settings, frequent_grams
    from corpusforge.decontaminate.step import cut_rows, scan_rows, scanner_of

    column, single = _column(texts)
    own = _settings(Settings, settings, "decontaminate")
    if isinstance(index, str):
        known = EvalIndex.load(index)
    elif isinstance(index, EvalIndex):
        known = index
    else:
        items = _column(index, "index")[0].to_pylist()
        known = EvalIndex.build(EvalItem("items", str(n), (text,)) for n, text in enumerate(items))
    rows = _rows(column)
    hits = scan_rows(rows, scanner_of(known, own)).tables["hits"]
    ignored = frequent_grams(pa.table(hits), own.max_documents)
    outcome = cut_rows(rows, hits, known, own, ignored)
    left = dict(zip(outcome.rows["id"].to_pylist(), outcome.rows["text"].to_pylist(), strict=True))
    named: dict[str, dict[tuple[str, str], None]] = {}
    for name, item in zip(hits["id"].to_pylist(), hits["item"].to_pylist(), strict=True):
        named.setdefault(name, {})[known.name_of(item)] = None
    ids = rows.column("id").to_pylist()
    found = [Clean(left.get(i, ""), i not in left, tuple(named.get(i, ()))) for i in ids]
    return _one_or_all(found, single)


def _rows(column: pa.Array) -> pa.RecordBatch:
    from corpusforge.records import Document, document_batch

    texts = column.to_pylist()
    return document_batch(
        (Document(str(n), "", "", "text", text, "") for n, text in enumerate(texts)),
        flags=[""] * len(texts),
    )


def score(texts: Texts, model: str, **settings: Any) -> Any:
    """Return each text's score by a quality model, 0..1: a file of classifiers.*.train, or fastText's."""
    from corpusforge.score import Settings, load

    column, single = _column(texts)
    scorer = load(_settings(Settings, {"model": model, **settings}, "score"))
    return _one_or_all(scorer.score(column).tolist(), single)


def tokenize(texts: Texts, tokenizer: str, **settings: Any) -> Any:
    """Return each text's token ids (list of int), without the ids that delimit documents.

    `tokenizer` is a ranks file (*.tiktoken), a tokenizer.json, or a tiktoken name.
    """
    from corpusforge.tokenize import Settings, load

    column, single = _column(texts)
    loaded = load(_settings(Settings, {"tokenizer": tokenizer, **settings}, "tokenize"))
    ids, offsets = loaded.encode(column)
    bounds = offsets.tolist()
    pieces = [ids[a:b].tolist() for a, b in itertools.pairwise(bounds)]
    return _one_or_all(pieces, single)


class Reading:
    """The documents of some files: an iterable, and the account of what was not one.

    `ledger`, `dropped` and `failed` fill up while documents are taken.
    """

    def __init__(self, paths: Sequence[str], kind: str, settings: Any) -> None:
        from corpusforge.ledger import Ledger

        self._paths, self._kind, self._settings = paths, kind, settings
        self.ledger: Ledger = Ledger()
        self.dropped: list[Dropped] = []
        self.failed: list[Unread] = []

    def __iter__(self) -> Iterator[Document]:
        from corpusforge.extract.step import Extract
        from corpusforge.ingest import read as records

        verb = Extract(self._kind).open()
        for path in self._paths:
            for record in records(self._kind, path, self._settings):
                yield from self._document(record, verb)

    def _document(self, record: Any, verb: Any) -> Iterator[Document]:
        from corpusforge.hashing import make_id
        from corpusforge.records import Document, Dropped, Failed, RawDocument, Unread

        stage = "ingest"
        self.ledger.of(stage, self._kind).seen += 1
        if isinstance(record, RawDocument):
            self.ledger.of(stage, self._kind).kept += 1
            stage = "extract"
            self.ledger.of(stage, self._kind).seen += 1
            record = verb(record)
        account = self.ledger.of(stage, self._kind)
        if isinstance(record, Document):
            account.kept += 1
            yield record
            return
        named = make_id(self._kind, record.locator), self._kind, stage
        if isinstance(record, Failed):
            account.failed += 1
            self.failed.append(Unread.of(record, *named))
        else:
            account.dropped[record.rule] += 1
            self.dropped.append(Dropped.of(record, *named))


def read(path: str, kind: str = "", **settings: Any) -> Reading:
    """Return the documents of a file, a directory or a glob, as text.

    `kind` is web, wikipedia, books, code, documents, html … (guessed from the name where it is empty);
    settings are those of corpusforge.ingest.Settings. Raises InputError where nothing matches.
    """
    from corpusforge.ingest import Settings
    from corpusforge.ingest.names import kind_of
    from corpusforge.io import files

    found = [info.path for info in files.list_files(path)]
    if not found:
        raise InputError(f"cf.read: {path!r} matches no file. Check the path.")
    own = _settings(Settings, settings, "read")
    return Reading(found, kind or kind_of(found[0]), own)


def plan_mix(
    weights: Mapping[str, float],
    available: Mapping[str, int],
    budget: int | str = "all",
    **settings: Any,
) -> Plan:
    """Return the plan of a mixture: tokens and epochs of each source (print its `table()`).

    `weights` in tokens by source, `available` tokens by source, `budget` in tokens or "all".
    """
    from corpusforge.mix import Settings, plan

    own = {"weights": dict(weights), "budget": budget, **settings}
    return plan(_settings(Settings, own, "plan_mix"), available)


def open_shards(directory: str, seq_len: int = 2048, batch_size: int = 1) -> TokenStream:
    """Return the shards of a run (`RUN/shards/train`) as a seekable stream of training sequences."""
    from corpusforge.shard.reader import TokenStream

    return TokenStream(directory, seq_len, batch_size)


def pretrain(
    recipe: str = "sample",
    output: str = "",
    *,
    sources: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    workers: int = 0,
    until: str = "report",
    quiet: bool = False,
) -> RunOutcome:
    """Make a whole run, or resume it: web, Wikipedia, books and code to tokenized shards.

    `recipe`: a name or a TOML file; `sources`: globs by source name ("web" or "web:KIND"); `settings`:
    overrides by dotted key ({"mix.budget": 1_000_000}); `workers`: processes (0: all cores).
    """
    from corpusforge import recipe as recipes
    from corpusforge.executor import LocalExecutor
    from corpusforge.run.pretrain import run
    from corpusforge.run.progress import Reporter

    own = [f"{name}={pattern}" for name, pattern in (sources or {}).items()]
    overrides = [f"{key}={_toml(value)}" for key, value in (settings or {}).items()]
    loaded = recipes.load(recipe, own, overrides)
    reporter = Reporter(quiet=quiet)
    with (
        reporter.told(),
        LocalExecutor(workers or os.cpu_count() or 1, reporter.watch) as executor,
    ):
        return run(loaded, output or f"runs/{loaded.name}", executor, reporter, until=until)


def _toml(value: Any) -> str:
    """A value as TOML writes it; what JSON and TOML share, and inline tables."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(str(k))} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if not isinstance(value, (bool, int, float, str)):
        raise InputError(
            f"cf.pretrain: settings hold {value!r}; expected numbers, strings, lists, dicts."
        )
    return json.dumps(value)
