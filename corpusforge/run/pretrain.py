"""The pretrain journey: the stages in order, each skipped where nothing it reads has changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import corpusforge
from corpusforge import manifest as records
from corpusforge.errors import InputError, RunError, nearest
from corpusforge.io import files
from corpusforge.io.parquet import read_table
from corpusforge.ledger import Ledger
from corpusforge.manifest import Manifest
from corpusforge.recipe import Recipe
from corpusforge.run import (
    collisions,
    contamination,
    directory,
    documents,
    duplicates,
    facts,
    mixture,
    preselect,
    quality,
    report,
    scores,
    shards,
    signatures,
    tokens,
)
from corpusforge.run.beforehand import check_files, check_text, check_weights
from corpusforge.run.context import Context
from corpusforge.run.inputs import find_inputs
from corpusforge.run.progress import Reporter
from corpusforge.run.stage import Executor, Stage, finished, is_there, run_stage

__all__ = ["STAGES", "Context", "Outcome", "run", "stage_of"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished (or `--until`-stopped) run leaves."""

    run: str
    ledger: Ledger
    manifests: dict[str, Manifest]
    complete: bool
    skipped: tuple[str, ...]


def _documents(context: Context) -> Stage:
    return documents.stage(context.run, context.recipe, context.inputs)


_BUILDERS: dict[str, Callable[[Context], Stage | None]] = {
    "documents": _documents,
    "windows": scores.windows_stage,
    "classifier": scores.classifier_stage,
    "scores": scores.scores_stage,
    "quality": quality.stage,
    "signatures": signatures.stage,
    "collisions": collisions.stage,
    "duplicates": duplicates.stage,
    "evaluation": contamination.evaluation_stage,
    "hits": contamination.hits_stage,
    "contamination": contamination.contamination_stage,
    "facts": facts.stage,
    "tokenizer": tokens.tokenizer_stage,
    "candidates": preselect.candidates_stage,
    "choice": preselect.stage,
    "tokens": tokens.tokens_stage,
    "supply": mixture.supply_stage,
    "draws": mixture.draws_stage,
    "mix": mixture.mix_stage,
    "writings": facts.writings_stage,
    "shards": shards.stage,
}
STAGES = (*_BUILDERS, "report")


def run(
    recipe: Recipe,
    output: str,
    execute: Executor,
    reporter: Reporter,
    *,
    until: str = "report",
    force: Iterable[str] = (),
    keep: str = "all",
) -> Outcome:
    """Run the journey into `output`, or resume it; return its ledger and manifests.

    Raises InputError, RecipeError or RunError; what is finished stays and is used next time.
    """
    force = set(force)
    for name in (until, *force):
        if name not in STAGES:
            raise InputError(f"stage {name!r} is not known.{nearest(name, STAGES)}")
    inputs, skipped = find_inputs(recipe)
    for name in skipped:
        reporter.line(f"source {name!r}: optional and not found, skipped")
    check_weights(recipe, reporter)
    stages = STAGES[: STAGES.index(until) + 1]
    check_files(output, recipe, stages)
    with directory.lock(output):
        directory.claim(output, recipe)
        context = Context(output, recipe, inputs, skipped)
        complete = _complete(context)
        if complete and not force and until == "report":
            reporter.line(f"{output}: complete, nothing to do")
            return _outcome(context, complete, complete=True)
        files.remove(files.join(output, "manifest.json"))
        with directory.note_errors(output):
            if "classifier" in stages and not files.exists(files.join(output, "documents")):
                check_text(output, recipe, inputs)
            for name, build in _BUILDERS.items():
                _run_one(context, name, build, execute, reporter, force=name in force)
                if name == until:
                    return _outcome(context, context.manifests, complete=False)
            report.write(context)
            _finish(context, keep)
            directory.clean(output, keep, list(context.manifests))
    return _outcome(context, context.manifests, complete=True)


def stage_of(recipe: Recipe, output: str, name: str) -> Stage | None:
    """Return a stage of the run in `output`, ready to be made; None where the run has none of that name.

    Raises RunError where a stage before it is not finished, InputError as `run` does.
    """
    inputs, skipped = find_inputs(recipe)
    context = Context(output, recipe, inputs, skipped)
    for earlier, build in _BUILDERS.items():
        stage = build(context)
        if earlier == name:
            return stage
        if stage is None:
            continue
        manifest = finished(stage)
        if manifest is None:
            raise RunError(f"stage {name!r} cannot be made yet: {earlier!r} is not finished.")
        context.manifests[earlier] = manifest
    raise InputError(f"stage {name!r} is not known.{nearest(name, _BUILDERS)}")


def _run_one(
    context: Context,
    name: str,
    build: Callable[[Context], Stage | None],
    execute: Executor,
    reporter: Reporter,
    *,
    force: bool,
) -> None:
    stage = build(context)
    if stage is None:
        return
    reporter.begin(stage)
    try:
        manifest, worked = run_stage(stage, execute, force=force)
    except BaseException:
        reporter.stop()
        raise
    context.manifests[name] = manifest
    reporter.end(manifest, worked=worked)
    if name == "documents":
        _check_failures(context, manifest)
    for text in manifest.extra.get("warnings", ()):
        reporter.line(f"warning: {text}")


def _check_failures(context: Context, manifest: Manifest) -> None:
    bound = context.recipe.max_failed_ratio
    for (stage, source), account in manifest.accounts().accounts.items():
        if account.seen and account.failed / account.seen > bound:
            error, count, locator = _commonest_error(context.run, source)
            raise RunError(
                f"source {source!r}: {account.failed} of {account.seen} records failed at {stage}, more "
                f"than max_failed_ratio = {bound:g}. Commonest, {count} times, first in {locator!r}: "
                f"{error}. Check the source's path and kind, or raise the bound."
            )


def _commonest_error(run: str, source: str) -> tuple[str, int, str]:
    rows = [
        row
        for info in files.list_files(files.join(run, "failed", "*.parquet"))
        for row in read_table(info.path, ["source", "error", "locator"]).to_pylist()
        if row["source"] == source
    ]
    error, count = Counter(row["error"] for row in rows).most_common(1)[0]
    return error, count, next(row["locator"] for row in rows if row["error"] == error)


def _identity(context: Context) -> str:
    told = [(item.source, item.name, item.size, item.modified) for item in context.inputs]
    return records.fingerprint(context.recipe, told, corpusforge.__version__)


def _complete(context: Context) -> dict[str, Manifest]:
    path = files.join(context.run, "manifest.json")
    top: Manifest | None = records.read_json(path, Manifest)
    if top is None or top.fingerprint != _identity(context):
        return {}
    if not all(is_there(context.run, output) for output in top.outputs):
        return {}
    return {"run": top}


def _finish(context: Context, keep: str) -> None:
    own = [
        records.describe(context.run, name) for name in ("report.html", "report.json", "CARD.md")
    ]
    kept = [
        output
        for manifest in context.manifests.values()
        for output in manifest.outputs
        if directory.survives(output.path, keep)
    ]
    manifest = Manifest(
        stage="run",
        fingerprint=_identity(context),
        version=corpusforge.__version__,
        settings=records.plain(context.recipe),
        inputs=context.manifests["documents"].extra["inputs"],
        outputs=tuple(sorted([*own, *kept], key=lambda output: output.path)),
        ledger=_ledger(context.manifests).rows(),
        extra={name: manifest.digest for name, manifest in context.manifests.items()},
        seconds=sum(manifest.seconds for manifest in context.manifests.values()),
        documents=context.manifests["documents"].documents,
        input_bytes=context.manifests["documents"].input_bytes,
        ended=time.time(),
    )
    records.write_json(files.join(context.run, "manifest.json"), manifest)


def _ledger(manifests: dict[str, Manifest]) -> Ledger:
    return records.merge_ledgers([manifest.ledger for manifest in manifests.values()])


def _outcome(context: Context, manifests: dict[str, Manifest], *, complete: bool) -> Outcome:
    ledger = _ledger(manifests)
    ledger.check()
    return Outcome(context.run, ledger, manifests, complete, tuple(context.skipped))
