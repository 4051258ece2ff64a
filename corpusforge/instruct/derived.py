"""A job that makes rows in one pass over others, over documents or by rules, and its report.

Limit: no rounds of its own; what was made is not drawn from again, unless `maker` keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge import manifest as records
from corpusforge.instruct.accounts import Account, Ask, Made, Origin
from corpusforge.instruct.diversity import plots
from corpusforge.instruct.export import Writer
from corpusforge.instruct.session import Job, first_rejects, funnel_lines

__all__ = ["Derived", "DerivedReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedReport:
    """Every figure of a run (report.json). `steps` is by language and step."""

    version: str
    stage: str
    engine: str
    model: str
    model_licence: str
    settings: dict[str, Any]
    stopped: str
    rows: dict[str, dict[str, int]]
    """Rows by language and kind."""
    steps: dict[str, dict[str, Account]]
    figures: dict[str, Any]
    """What the job itself counts, such as a judge's flips."""
    usage: list[dict[str, str | int]]


@dataclass(frozen=True, kw_only=True)
class Derived(Job):
    """What is made and what that depends on.

    `inputs` is a digest of what it reads. `writes` makes files of the job's own and returns their
    names; `figures` are counted from all that was made.
    """

    stage: str
    settings: Mapping[str, Any]
    inputs: str
    prompts: Sequence[tuple[str, str]]
    maker: Callable[[Ask, Origin], Iterator[Made]]
    own: Sequence[str] = ()
    """Names of the job's own tables, which are written also where they are empty."""
    writes: Callable[[str, Made, Origin], Sequence[str]] = lambda output, made, origin: ()
    figures: Callable[[Made], Mapping[str, Any]] = lambda made: {}
    asks: bool = True
    own_forms: Sequence[str] = ()
    writers: Callable[[Made], Mapping[str, Writer]] = lambda made: {}
    """The writers of `own_forms`."""

    def facts(self) -> Mapping[str, Any]:
        return {**self.settings, "stage": self.stage, "inputs": self.inputs}

    def make(self, ask: Ask, origin: Origin) -> Iterator[Made]:
        return self.maker(ask, origin)

    def finish(self, output: str, made: Made, origin: Origin) -> Sequence[str]:
        return self.writes(output, made, origin)

    def forms(self, made: Made) -> Mapping[str, Writer]:
        return self.writers(made)

    def tables(self, made: Made) -> Mapping[str, Sequence[Any]]:
        own = {name: made.tables.get(name, ()) for name in self.own}
        return {"rows.jsonl": made.rows, "rejects.jsonl": made.rejects, **own}

    def report(self, made: Made, stopped: str, head: Mapping[str, Any]) -> DerivedReport:
        rows: dict[str, dict[str, int]] = {}
        for row in made.rows:
            kinds = rows.setdefault(row.language, {})
            kinds[row.kind] = kinds.get(row.kind, 0) + 1
        return DerivedReport(
            **head, stage=self.stage, stopped=stopped or "finished", rows=rows,
            steps={language: made.accounts(language) for language, _ in made.steps},
            figures=records.plain(self.figures(made)),
        )  # fmt: skip

    def page(self, report: DerivedReport, made: Made) -> tuple[str, Mapping[str, Any]]:
        first: dict[tuple[str, str], Any] = {}
        for row in made.rows:
            first.setdefault((row.language, row.kind), row)
        drawings = {
            language: plots([row for row in made.rows if row.language == language], ())
            for language in sorted(report.rows)
        }
        return "derived.html.j2", {
            "drawings": drawings,
            "samples": list(first.values()),
            "refused": first_rejects(made.rejects),
        }

    def lines(self, report: DerivedReport) -> list[str]:
        lines = []
        width = max((18, *(len(step) for steps in report.steps.values() for step in steps)))
        for language, steps in report.steps.items():
            kinds = report.rows.get(language, {})
            counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no rows"
            lines.append(f"{language}: {counted} ({report.stopped})")
            lines += funnel_lines(steps, width, lambda step: "seen")
        return lines + [f"{name}: {value}" for name, value in report.figures.items()]

    def progress(self, made: Made) -> str:
        return f"{len(made.rows)} rows, {len(made.rejects)} refused"

    def warnings(self, report: DerivedReport) -> list[str]:
        return [] if report.rows else ["no row was made; rejects.jsonl says why"]
