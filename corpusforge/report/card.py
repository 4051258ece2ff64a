"""The data card: what is in the corpus, what was removed and by which thresholds, as Markdown.

Follows the questions of datasheets for datasets (Gebru et al. 2021) that a run can answer by
itself; who the corpus is for, and its harms, are for its maker to add. Training compute is
the usual 6·N·D (Kaplan et al. 2020), given only where a model size is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from corpusforge.printing import printable
from corpusforge.report.data import RunData
from corpusforge.report.funnel import funnels, survivors
from corpusforge.report.numbers import count, percent, size

__all__ = ["data_card"]

_SECTIONS = ("identify", "filter", "score", "dedup", "decontaminate", "mix")


_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;"} | {mark: f"\\{mark}" for mark in "\\`[]|~*!"})
_OPENS = re.compile(r"\A\s*+(?=[#>=+-]|\d++[.)])")


def _plain(value: object) -> str:
    """A value as one line of Markdown that shows it as it is: licences and names are strangers' text."""
    line = _cell(value)
    return _OPENS.sub(r"\\", line, count=1) if _OPENS.match(line) else line


def _cell(value: object) -> str:
    return printable(" ".join(str(value).split())).translate(_MARKUP)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    body = [" | ".join(map(_cell, row)) for row in rows]
    if not body:
        return []
    marks = " | ".join("---" for _ in head)
    return [f"| {' | '.join(head)} |", f"| {marks} |", *(f"| {row} |" for row in body), ""]


def _thresholds(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _thresholds(item, f"{path}.{key}")
    elif value not in ("", None, [], ()):
        shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        yield path, shown


def _summary(data: RunData, parameters: int) -> list[str]:
    tokens = sum(row.delivered_tokens for row in data.mix.sources.values())
    rows = [
        ("documents read", count(funnels(data.ledger)[0].seen)),
        ("documents kept", count(survivors(data.ledger))),
        ("text kept", size(data.text_bytes) if data.text_bytes else ""),
        ("words kept", count(data.words) if data.words else ""),
        ("training tokens", count(tokens)),
        ("validation tokens", count(data.mix.validation_tokens)),
        ("tokenizer", f"{data.tokenizer} ({count(data.vocabulary)} ids)" if data.tokenizer else ""),
        ("code version", data.version),
        ("seed", str(data.seed)),
        ("run", data.fingerprint),
    ]
    if parameters:
        figure = f"{6 * parameters * tokens:.3g} FLOP for {count(parameters)} parameters"
        rows.append(("training compute, 6·N·D", figure))
    return _table(("what", "value"), [row for row in rows if row[1]])


def _composition(data: RunData) -> list[str]:
    rows = [
        (
            name,
            percent(row.weight, sum(item.weight for item in data.mix.sources.values())),
            count(row.delivered_tokens),
            f"{row.epochs:.2f}",
            count(row.documents),
            ", ".join(sorted(key or "unknown" for key in data.licences.get(name, {}))),
        )
        for name, row in data.mix.sources.items()
    ]
    head = ("source", "weight", "tokens", "epochs", "documents", "licences")
    warnings = [line for text in data.mix.warnings for line in (f"**{_cell(text)}**", "")]
    return [
        "## Composition", "", *_table(head, rows), *warnings, *_languages(data), *_writings(data),
    ]  # fmt: skip


def _languages(data: RunData) -> list[str]:
    rows = [
        (
            name or "unknown",
            count(row.documents),
            count(row.tokens),
            f"{row.bytes / row.tokens:.2f}" if row.tokens else "–",
        )
        for name, row in sorted(data.fertility.items(), key=lambda item: -item[1].tokens)
    ]
    return _table(("language", "documents", "tokens", "bytes per token"), rows)


def _writings(data: RunData) -> list[str]:
    """Who wrote how much, where it was not people alone."""
    tokens = sum(row.tokens for row in data.writings)
    rows = [
        (row.origin, row.model, row.prompt, count(row.documents), count(row.tokens),
         percent(row.tokens, tokens))
        for row in data.writings
    ]  # fmt: skip
    head = ("written by", "model", "prompt", "documents", "tokens", "share of tokens")
    return _table(head, rows)


def _removal(data: RunData) -> list[str]:
    rows = [
        (
            step.stage,
            count(step.seen),
            count(step.kept),
            count(step.dropped),
            count(step.failed),
            ", ".join(f"{rule} {count(n)}" for rule, n in step.rules),
        )
        for step in funnels(data.ledger)[0].steps
    ]
    head = ("stage", "seen", "kept", "dropped", "failed", "rules")
    return ["## Removal by stage", "", *_table(head, rows), *_samples(data)]


def _samples(data: RunData) -> list[str]:
    """Whether texts of dropped documents lie beside the corpus."""
    most = data.recipe.get("report", {}).get("dropped_samples", 0)
    if not most:
        return []
    return [
        f"The run's directory keeps, in `samples/`, redacted texts of up to {count(most)} dropped documents "
        "for each rule in each part of a source (`report.dropped_samples`). They are no part of the corpus.",
        "",
    ]


def _evaluation(data: RunData) -> list[str]:
    rows = [
        (name, count(row.items), count(row.found_items), count(row.cut), count(row.dropped))
        for name, row in data.decontamination.benchmarks.items()
    ]
    head = ("set", "items", "items found", "documents cut", "documents dropped")
    table = _table(head, rows) or ["No evaluation set was given; nothing was searched for.", ""]
    return ["## Evaluation text", "", *table]


def data_card(data: RunData, parameters: int = 0) -> str:
    """Return the card as Markdown; `parameters` is the size of a model to state compute for."""
    chosen = {name: data.recipe[name] for name in _SECTIONS if name in data.recipe}
    bounds = [row for name, section in chosen.items() for row in _thresholds(section, name)]
    out = [
        f"# {_cell(data.name)}",
        "",
        *([_plain(data.description), ""] if data.description else []),
        *_summary(data, parameters),
        *_composition(data),
        *_removal(data),
        *_evaluation(data),
        "## Thresholds and choices",
        "",
        *_table(("setting", "value"), bounds),
        "## To make it again",
        "",
        "The recipe in `recipe.json`, the code version above and input files with the digests in "
        "the stage manifests give the same bytes on any runner and any number of workers.",
        "",
        *_table(("stage", "digest of its outputs"), data.fingerprints.items()),
    ]
    return "\n".join(out).rstrip("\n") + "\n"
