"""From settings to a directory of rewrites: a stage of one part per file or part of a run, and its report.

Parts are made in this process, or by several that each talk to a server of models. `OUT/documents` is a
source of kind `documents` whose rows say who wrote them; `OUT/candidates` has every reply with its measures;
`OUT/journal` one journal per part, from which everything else is made again. A budget is divided among the
parts that are not yet made, by their bytes, over what each has spent. Limit: a local directory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import corpusforge
from corpusforge import manifest as records
from corpusforge.errors import InputError, RunError
from corpusforge.instruct.accounts import Account
from corpusforge.instruct.session import funnel_lines
from corpusforge.io import files
from corpusforge.io.decoding import read_json
from corpusforge.io.files import is_remote
from corpusforge.io.lock import lock
from corpusforge.manifest import Manifest, Receipt, part_name
from corpusforge.models.budget import Bill, Budget
from corpusforge.models.engines import open_engine
from corpusforge.models.journal import read_entries
from corpusforge.models.records import Engine
from corpusforge.models.replay import ReplayEngine
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.rephrase.plan import Plan
from corpusforge.rephrase.settings import Settings
from corpusforge.rephrase.sources import Source
from corpusforge.rephrase.work import JOURNALS, Task, journal_path, make_part
from corpusforge.run.over_files import Local
from corpusforge.run.stage import Part, Stage, receipt_path, run_stage

__all__ = ["Report", "lines", "rephrase"]

_STAGE = "rephrase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every figure of a run (report.json); steps by "language style"."""

    version: str
    engine: str
    model: str
    settings: dict[str, Any]
    documents: dict[str, int]
    """Documents seen, kept, and left out by reason."""
    passages: int
    rewrites: dict[str, Account]
    tokens: dict[str, int]
    """Tokens of the rewrites that passed (words, and each Chinese character)."""
    usage: list[dict[str, str | int]] = field(default_factory=list)
    """Tokens of the model by purpose."""


def rephrase(
    settings: Settings, sources: Sequence[Source], models: ModelSettings, output: str, *,
    workers: int = 1, give_up: bool = False, engine: Engine | None = None,
) -> Report:  # fmt: skip
    """Write the rewrites of all documents into the directory `output`; return the report.

    `engine` answers in place of the one that `models` names; with several workers it must pickle.
    Raises InputError for what cannot be right, EngineError where the model stops or the budget is spent.
    """
    if is_remote(output):
        raise InputError(
            f"--output {output!r}: journals need a local directory; copy it afterwards."
        )
    plan = Plan(settings)
    told = plan.facts()
    replays = engine is None and models.engine == "replay"
    journals = models.journal if replays else files.join(output, JOURNALS)
    if models.journal and not replays:
        raise InputError(
            "--journal: each part has its own journal in the output; replay alone reads one."
        )
    model = engine.model if engine else _model(models, journals)
    with lock(output):
        files.sweep(output)
        _claim(output)
        bare = Task(settings, sources[0], models, journals, Budget(), give_up, engine)
        parts = [
            Part(
                _STAGE, number, output, replace(bare, source=source),
                (source.fingerprint, _digest(journals, number) if replays else ""), source.size,
            )
            for number, source in enumerate(sources)
        ]  # fmt: skip
        parts = _funded(parts, Budget() if replays else models.budget)
        stage = Stage(
            name=_STAGE, run=output, work=make_part, parts=tuple(parts), reads={}, finish=_summed,
            settings={**told, "model": model}, inputs=tuple({"source": one.fingerprint} for one in sources),
        )  # fmt: skip
        manifest, _ = run_stage(stage, Local(workers))
        report = _report(manifest, engine.name if engine else models.engine, model)
        records.write_json(files.join(output, "report.json"), report)
    return report


def _model(models: ModelSettings, journals: str) -> str:
    """The name of the model that answers."""
    if models.engine != "replay":
        return open_engine(models).model
    found = files.list_files(files.join(journals, "part-*.jsonl")) if journals else []
    if not found:
        raise InputError(
            f"--journal {journals!r}: engine replay reads the journals of a run, part-00000.jsonl and so on; "
            "name their directory."
        )
    engine = ReplayEngine(found[0].path, models.model)
    engine.close()
    return engine.model


def _digest(journals: str, number: int) -> str:
    path = journal_path(journals, part_name(number))
    return files.sha256(path) if files.exists(path) else ""


def _claim(output: str) -> None:
    """Take a new or empty directory, or one of this command: documents of others would be swept away."""
    path = files.join(output, "run.json")
    if files.exists(path) and read_json(path).get("stage") == _STAGE:
        return
    foreign = sorted(item.name for item in Path(output).iterdir() if item.name != "run.lock")
    if foreign:
        raise RunError(
            f"{output!r} holds files of something else ({foreign[0]!r}). Choose an empty --output."
        )
    records.write_json(path, {"stage": _STAGE, "version": corpusforge.__version__})


def _funded(parts: Sequence[Part], budget: Budget) -> list[Part]:
    """The parts, each with its share of what the journals have not spent yet."""
    limits = (budget.max_tokens, budget.max_requests, budget.max_cost)
    if limits == (None, None, None):
        return list(parts)
    spent = [_spent(journal_path(part.settings.journals, part.name)) for part in parts]
    total = sum(spent, Bill())
    open_ = sum(part.size for part in parts if not files.exists(receipt_path(part))) or 1
    made = []
    for part, own in zip(parts, spent, strict=True):
        share = 0.0 if files.exists(receipt_path(part)) else part.size / open_

        def limit(
            most: float | None, all_: float, mine: float, share: float = share
        ) -> float | None:
            return None if most is None else mine + max(0.0, most - all_) * share

        tokens = limit(budget.max_tokens, total.tokens, own.tokens)
        requests = limit(budget.max_requests, total.requests, own.requests)
        cost = limit(budget.max_cost, budget.cost(total), budget.cost(own))
        mine = replace(
            budget, max_cost=cost,
            max_tokens=None if tokens is None else int(tokens),
            max_requests=None if requests is None else int(requests),
        )  # fmt: skip
        made.append(replace(part, settings=replace(part.settings, budget=mine)))
    return made


def _spent(path: str) -> Bill:
    if not files.exists(path):
        return Bill()
    return sum((Bill.of(entry.completion) for entry in read_entries(path)), Bill())


def _summed(receipts: Sequence[Receipt]) -> tuple[dict[str, Any], dict[str, int]]:
    """The parts' accounts as one."""
    extra: dict[str, Any] = {
        "documents": {},
        "passages": 0,
        "rewrites": {},
        "tokens": {},
        "usage": {},
    }
    for receipt in receipts:
        own = receipt.extra
        _add(extra["documents"], own["documents"])
        _add(extra["tokens"], own["tokens"])
        extra["passages"] += own["passages"]
        for name, account in own["rewrites"].items():
            total = extra["rewrites"].setdefault(name, {"seen": 0, "accepted": 0, "rejected": {}})
            total["seen"] += account["seen"]
            total["accepted"] += account["accepted"]
            _add(total["rejected"], account["rejected"])
        for row in own["usage"]:
            counts = {key: value for key, value in row.items() if key != "purpose"}
            _add(extra["usage"].setdefault(row["purpose"], {}), counts)
    return extra, {}


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + count


def _report(manifest: Manifest, engine: str, model: str) -> Report:
    extra = manifest.extra
    accounts = {name: Account(**row) for name, row in sorted(extra["rewrites"].items())}
    for name, account in accounts.items():
        account.check(name)
    return Report(
        version=corpusforge.__version__, engine=engine, model=model, settings=manifest.settings,
        documents=extra["documents"], passages=extra["passages"], rewrites=accounts,
        tokens=extra["tokens"],
        usage=[{"purpose": name, **row} for name, row in sorted(extra["usage"].items())],
    )  # fmt: skip


def lines(report: Report) -> list[str]:
    """Return the figures for a terminal."""
    left = ", ".join(
        f"{name} {count}"
        for name, count in sorted(report.documents.items())
        if name not in ("seen", "kept")
    )
    kept = sum(report.tokens.values())
    written = sum(int(row["completion_tokens"]) for row in report.usage)
    told = [
        f"documents {report.documents.get('seen', 0)}, rewritten {report.documents.get('kept', 0)} in "
        f"{report.passages} passages{f'; left out: {left}' if left else ''}",
        *funnel_lines(report.rewrites, 18, lambda step: "rewrites"),
        f"tokens that passed: {kept}",
    ]
    if written and kept:
        told.append(f"tokens written by the model per token that passed: {written / kept:.2f}")
    return told
