"""identify as a step: a language for every document, and none of a language that is not wanted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.cputime import Bound
from corpusforge.identify import identify, keep, mixed
from corpusforge.identify.settings import Settings
from corpusforge.records import ROWS
from corpusforge.steps import Outcome, Verb, bounded, dropped, with_columns

__all__ = ["Identify", "identify_rows"]


@dataclass(frozen=True, slots=True)
class Identify:
    """Write `lang` and `lang_score`; drop documents outside `settings.languages` as `language`."""

    stage: ClassVar[str] = "identify"
    settings: Settings = field(default_factory=Settings)

    def open(self) -> Verb:
        """Load the engine and return the verb."""
        identify(pa.array([""], type=pa.large_string()), self.settings)
        bound = Bound("identify.cpu_seconds", self.settings.cpu_seconds)
        return bounded(partial(identify_rows, settings=self.settings), self.stage, bound)


def identify_rows(rows: pa.RecordBatch, settings: Settings) -> Outcome:
    """Return the rows with their language. Code is labelled and never dropped for it.

    Notes count the kept documents by label, `lang:en`, and paragraphs where the settings ask for them.
    """
    notes: Counter[str] = Counter()
    if settings.paragraphs and rows.num_rows and rows.column("format")[0].as_py() != "code":
        texts, notes = mixed(rows.column("text"), settings)
        rows = with_columns(rows, text=texts)
    labels, scores = identify(rows.column("text"), settings)
    rows = with_columns(
        rows,
        lang=pa.array(labels, type=ROWS.field("lang").type),
        lang_score=pa.array(scores, mask=scores == 0),
    )
    stays = pc.or_(
        pc.equal(rows.column("format"), "code"), pa.array(keep(labels, scores, settings))
    )
    bound = f"{','.join(settings.languages)}>={settings.min_score:g}"
    refused = [place for place, kept in enumerate(stays.to_pylist()) if not kept]
    reasons = [("language", f"{labels[place]}:{scores[place]:.3f}", bound) for place in refused]
    kept = rows.filter(stays) if refused else rows
    notes.update(f"lang:{label}" for label in kept.column("lang").to_pylist())
    return Outcome(rows=kept, dropped=dropped(rows, refused, "identify", reasons), notes=notes)
