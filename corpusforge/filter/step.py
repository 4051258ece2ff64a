"""filter as steps: names made safe, lines cleaned, documents measured and judged, text redacted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.cputime import CPU_SECONDS, Bound, each
from corpusforge.filter import Rule, decide
from corpusforge.filter.lines import clean
from corpusforge.filter.lists import load_patterns
from corpusforge.filter.redact import redact, redact_names
from corpusforge.filter.settings import REDACTIONS, Settings
from corpusforge.filter.stats import measure
from corpusforge.filter.tables import Patterns
from corpusforge.records import Failed, Skipped
from corpusforge.steps import Outcome, Verb, bounded, dropped, failed, with_columns, without

__all__ = ["Clean", "Filter", "Redact", "RedactNames", "safe_names", "stats_table"]

_Row = TypeVar("_Row", Skipped, Failed)


_BOUND = "filter.cpu_seconds"


def safe_names(row: _Row, rules: tuple[str, ...] = REDACTIONS) -> _Row:
    """Return a refused record with its address and locator as they may be written."""
    return replace(row, url=_safe(row.url, rules), locator=_safe(row.locator, rules))


def _safe(name: str, rules: tuple[str, ...]) -> str:
    return redact(name, rules).text if name else ""


@dataclass(frozen=True, slots=True)
class RedactNames:
    """Replace personal data in addresses and locators, so that no row of any table holds it.

    It opens the account of `identify`, whose drops are the first rows to be written.
    """

    stage: ClassVar[str] = "identify"
    rules: tuple[str, ...] = REDACTIONS
    cpu_seconds: float = CPU_SECONDS

    def open(self) -> Verb:
        """Return the verb."""
        return bounded(self._rows, self.stage, Bound(_BOUND, self.cpu_seconds))

    def _rows(self, rows: pa.RecordBatch) -> Outcome:
        safe = {
            name: pa.array(
                [item or None for item in redact_names(own, self.rules)], rows.column(name).type
            )
            for name in ("url", "locator")
            for own in [[item or "" for item in rows.column(name).to_pylist()]]
        }
        return Outcome(rows=with_columns(rows, **safe))


@dataclass(frozen=True, slots=True)
class Clean:
    """Cut furniture lines by `settings.lines`; drop documents of which nothing is left as `empty`.

    `lines` False leaves every line, and drops only what is empty.
    """

    stage: ClassVar[str] = "filter"
    settings: Settings = field(default_factory=Settings)
    lines: bool = True

    def open(self) -> Verb:
        """Return the verb."""
        return bounded(self._rows, self.stage, Bound(_BOUND, self.settings.cpu_seconds))

    def _rows(self, rows: pa.RecordBatch) -> Outcome:
        notes: Counter[str] = Counter()
        texts = rows.column("text").to_pylist()
        if self.lines and self.settings.lines:
            forms, languages = rows.column("format").to_pylist(), rows.column("lang").to_pylist()
            changed = False
            for place, own in each(enumerate(texts)):
                if forms[place] != "code":
                    text, counts = clean(own, languages[place] or "", self.settings)
                    changed |= text is not own
                    texts[place] = text
                    notes.update(counts)
            if changed:
                rows = with_columns(rows, text=pa.array(texts, type=pa.large_string()))
        empty = [place for place, text in enumerate(texts) if not text.strip()]
        gone = dropped(rows, empty, "filter", [("empty", "0", ">0")] * len(empty))
        return Outcome(rows=without(rows, empty), dropped=gone, notes=notes)


@dataclass(frozen=True, slots=True)
class Filter:
    """Measure every document once, drop those that a rule refuses.

    The side table `stats` holds a row per document that was kept or dropped (`stats_table`).
    `word_lists` are files of phrases that the statistic phrase_listed counts.
    """

    stage: ClassVar[str] = "filter"
    rules: tuple[Rule, ...]
    word_lists: tuple[str, ...] = ()
    cpu_seconds: float = CPU_SECONDS

    def open(self) -> Verb:
        """Load the word lists and return the verb. Raises InputError where a list is missing."""
        lists = load_patterns(self.word_lists) if self.word_lists else None
        verb = partial(filter_rows, rules=self.rules, lists=lists)
        return bounded(verb, self.stage, Bound(_BOUND, self.cpu_seconds))


def filter_rows(
    rows: pa.RecordBatch, rules: Sequence[Rule], lists: Patterns | None = None
) -> Outcome:
    """Return the rows that pass every rule set, the others with rule, value and bound."""
    stats = measure(rows.column("text"), lists)
    meta = rows.select(["source", "category", "format", "url", "lang", "flags"])
    decision = decide(stats, meta, rules, rows.column("text"))
    refused = [place for place, name in enumerate(decision.rule) if name]
    reasons = [(decision.rule[n], decision.value[n], decision.bound[n]) for n in refused]
    return Outcome(
        rows=without(rows, [*refused, *decision.errors]),
        dropped=dropped(rows, refused, "filter", reasons),
        failed=failed(rows, decision.errors, "filter"),
        tables={"stats": without(stats_table(rows, stats, decision.rule), list(decision.errors))},
    )


def stats_table(
    rows: pa.RecordBatch, stats: pa.RecordBatch, rules: Sequence[str]
) -> pa.RecordBatch:
    """Return the statistics of documents with id, source, lang, text_bytes and the refusing rule."""
    columns = {
        "id": rows.column("id"),
        "source": rows.column("source"),
        "lang": rows.column("lang"),
        "text_bytes": pc.binary_length(rows.column("text")),
        "rule": pa.array(list(rules), type=pa.string()),
    }
    own = [name for name in stats.schema.names if name not in columns]
    return pa.RecordBatch.from_arrays(
        [*columns.values(), *(stats.column(name) for name in own)], names=[*columns, *own]
    )


@dataclass(frozen=True, slots=True)
class Redact:
    """Replace personal data and secrets in text and title. Notes: `redacted:<EMAIL>` and so on.

    It comes after the rules: no other document's text is written (but for samples, which are redacted too),
    and the search costs more than all statistics.
    """

    stage: ClassVar[str] = "filter"
    rules: tuple[str, ...] = REDACTIONS
    cpu_seconds: float = CPU_SECONDS

    def open(self) -> Verb:
        """Return the verb."""
        return bounded(self._rows, self.stage, Bound(_BOUND, self.cpu_seconds))

    def _rows(self, rows: pa.RecordBatch) -> Outcome:
        notes: Counter[str] = Counter()
        texts, titles = rows.column("text").to_pylist(), rows.column("title").to_pylist()
        changed = False
        for place, text in each(enumerate(texts)):
            redacted = redact(text, self.rules)
            if redacted.counts:
                notes.update({f"redacted:{label}": n for label, n in redacted.counts.items()})
                texts[place] = redacted.text
                changed = True
        if changed:
            rows = with_columns(rows, text=pa.array(texts, type=pa.large_string()))
        safe = [_safe(title or "", self.rules) or None for title in titles]
        if safe != titles:
            rows = with_columns(rows, title=pa.array(safe, type=pa.string()))
        return Outcome(rows=rows, notes=notes)
