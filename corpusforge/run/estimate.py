"""Hours, disk and memory of a run, foretold by running the whole journey on a small share of its files.

The canary is whole files, drawn by hash, source by source; what it cost is scaled by each source's
stored bytes. Limits: every stage is taken as linear in bytes; a canary of seconds is mostly start-up;
a stage with a task per part is taken to keep all workers busy; the report is not included.
"""

from __future__ import annotations

import glob
import math
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.hashing import id_keys, uniform
from corpusforge.io import files
from corpusforge.manifest import Manifest, Output, Receipt, part_name
from corpusforge.mix.settings import Diversity
from corpusforge.recipe import Recipe
from corpusforge.run.inputs import InputFile, find_inputs, group, part_bytes, pieces
from corpusforge.run.pretrain import Outcome, run
from corpusforge.run.progress import Reporter
from corpusforge.run.stage import Executor

__all__ = ["Canary", "Cost", "Estimate", "canary_recipe", "choose_files", "estimate", "lines",
           "peak_memory", "run_canary"]  # fmt: skip

_SHORT = 10.0  # seconds; below it imports and compiled kernels outweigh the work
_BY_PART = ("documents", "scores", "quality", "signatures", "hits", "tokens")
_DIVIDED = (
    *_BY_PART,
    "windows",
    "collisions",
    "contamination",
    "facts",
    "candidates",
    "supply",
    "draws",
    "shards",
)
_FIXED_WORK = ("evaluation",)
_FIXED_DISK = (
    "evaluation",
    "classifier",
    "tokenizer",
)  # an index and models: no larger for more text


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stage cost on the canary: wall seconds, then task seconds and bytes on disk by source."""

    seconds: float
    work: Mapping[str, float]
    disk: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Canary:
    """What a canary run showed; `stored` and `covered` are input bytes by source: all, and its own."""

    stored: Mapping[str, int]
    covered: Mapping[str, int]
    files: Mapping[str, int]
    parts: int
    """Document parts of the full run: no more workers than these can be busy."""
    costs: Mapping[str, Cost]
    documents: Mapping[str, int]
    """Documents read, by source."""
    tokens: Mapping[str, float]
    """Tokens made, by source."""
    budget: int | str


@dataclass(frozen=True, slots=True)
class Estimate:
    """The same for everything: hours and bytes by stage, documents and tokens."""

    hours: Mapping[str, float]
    disk: Mapping[str, float]
    documents: float
    tokens: float


def choose_files(inputs: Sequence[InputFile], share: float, seed: int) -> list[InputFile]:
    """Return whole files in hash order until `share` of each source's stored bytes is covered.

    At least one file per source; the same for any order of `inputs`. Raises InputError where share is
    not in (0, 1].
    """
    if not 0 < share <= 1:
        raise InputError(f"--estimate is {share:g}; expected a share above 0, at most 1.")
    inputs = [item for item in inputs if item.size]
    draws = uniform(id_keys(f"{i.source}/{i.name}" for i in inputs), seed, "canary").tolist()
    stored = _bytes(inputs)
    covered = dict.fromkeys(stored, 0)
    chosen = []
    for _, item in sorted(zip(draws, inputs, strict=True)):
        if covered[item.source] < share * stored[item.source]:
            covered[item.source] += item.size
            chosen.append(item)
    return sorted(chosen)


def canary_recipe(
    recipe: Recipe, inputs: Sequence[InputFile], chosen: Sequence[InputFile]
) -> Recipe:
    """Return the recipe with the chosen files only, its token budget shrunk like its bytes.

    Bounds that a sample may break by chance (failed records, diversity, epoch caps) do not stop it.
    """
    paths: dict[str, list[str]] = {}
    for item in chosen:
        paths.setdefault(item.source, []).append(_pattern(item))
    sources = {  # one without files stays, as it does in a run: optional, so skipped by name
        name: replace(source, path=tuple(paths.get(name, ())), optional=name not in paths)
        for name, source in recipe.sources.items()
    }
    budget = recipe.mix.budget
    if not isinstance(budget, str):
        part = sum(item.size for item in chosen) / sum(item.size for item in inputs)
        budget = max(1, math.ceil(budget * part))
    mix = replace(recipe.mix, budget=budget, diversity=Diversity(), policy="redistribute")
    return replace(recipe, sources=sources, mix=mix, max_failed_ratio=1.0)


def _pattern(item: InputFile) -> str:
    """A pattern of this file alone under which it keeps its name, and so its documents their ids."""
    if "/" not in item.name and not re.search(r"[*?\[]", item.name):
        return item.path
    root = item.path.removesuffix(item.name)
    return f"{root}[{item.name[0]}]{glob.escape(item.name[1:])}"


def run_canary(
    recipe: Recipe, output: str, share: float, execute: Executor, reporter: Reporter
) -> Canary:
    """Run the journey on the canary in a directory beside `output`, delete it, return its figures."""
    inputs, _ = find_inputs(recipe)
    chosen = choose_files(inputs, share, recipe.seed)
    small = canary_recipe(recipe, inputs, chosen)
    folder = tempfile.mkdtemp(prefix="corpusforge-estimate-", dir=_beside(output))
    try:
        outcome = run(small, files.join(folder, "run"), execute, reporter, until="shards")
        return _figures(outcome, recipe, inputs, chosen)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _beside(output: str) -> str | None:
    if files.is_remote(output):
        return None
    return next(str(path) for path in Path(output).absolute().parents if path.is_dir())


def _figures(
    outcome: Outcome, recipe: Recipe, inputs: Sequence[InputFile], chosen: Sequence[InputFile]
) -> Canary:
    accounts = outcome.ledger.accounts
    documents = {source: a.seen for (verb, source), a in accounts.items() if verb == "ingest"}
    kept = {source: a.kept for (verb, source), a in accounts.items() if verb == "filter"}
    sources: list[str] = outcome.manifests["documents"].extra["sources"]
    costs = {
        name: _cost(outcome.run, manifest, sources, kept)
        for name, manifest in outcome.manifests.items()
    }
    tokens: dict[str, float] = {}
    for source, receipt in zip(sources, _receipts(outcome.run, "tokens"), strict=True):
        made = sum(tally["tokens"] for tally in receipt.extra["languages"].values())
        tokens[source] = tokens.get(source, 0) + made
    counts: dict[str, int] = {}
    for item in chosen:
        counts[item.source] = counts.get(item.source, 0) + 1
    return Canary(
        stored=_bytes(inputs),
        covered=_bytes(chosen),
        files=counts,
        parts=sum(1 for _ in group(list(pieces(recipe, inputs)), part_bytes(inputs))),
        costs=costs,
        documents=documents,
        tokens=tokens,
        budget=recipe.mix.budget,
    )


def _bytes(inputs: Sequence[InputFile]) -> dict[str, int]:
    total: dict[str, int] = {}
    for item in inputs:
        total[item.source] = total.get(item.source, 0) + item.size
    return total


def _receipts(path: str, stage: str) -> list[Receipt]:
    folder = Path(path) / stage / "_receipts"
    count = sum(1 for _ in folder.glob("part-*.json"))
    return [
        records.read_json(str(folder / f"{part_name(index)}.json"), Receipt)
        for index in range(count)
    ]


def _cost(path: str, manifest: Manifest, sources: Sequence[str], kept: Mapping[str, int]) -> Cost:
    """Split a stage over the sources: by its parts where they have one, by kept documents elsewhere."""
    rest = _receipts(path, manifest.stage)
    work, disk = dict.fromkeys(sources, 0.0), dict.fromkeys(sources, 0.0)
    own = [item for item in rest if any(_is_part(out, manifest.stage) for out in item.outputs)]
    if manifest.stage in _BY_PART and len(own) == len(sources):
        for source, receipt in zip(sources, own, strict=True):
            work[source] += receipt.seconds
            disk[source] += sum(output.bytes for output in receipt.outputs)
        rest = [item for item in rest if item not in own]
    seconds = sum(receipt.seconds for receipt in rest)
    size = sum(output.bytes for output in manifest.outputs) - sum(disk.values())
    shares = kept if sum(kept.values()) else dict.fromkeys(sources, 1)
    total = sum(shares.values())
    for source, count in shares.items():
        work[source] = work.get(source, 0.0) + seconds * count / total
        disk[source] = disk.get(source, 0.0) + size * count / total
    return Cost(manifest.seconds, work, disk)


def _is_part(output: Output, stage: str) -> bool:
    return output.path.startswith(f"{stage}/part-")


def estimate(canary: Canary, workers: int) -> Estimate:
    """Scale the canary's figures to everything, each source by its stored over its covered bytes.

    Hours of a stage with a task per part are task seconds over the workers that can be busy; of a
    stage of one task, its task seconds. The evaluation index and the models' sizes do not grow.
    """
    factor = {name: canary.stored[name] / covered for name, covered in canary.covered.items()}

    def whole(amounts: Mapping[str, float], *, fixed: bool = False) -> float:
        return sum(n * (1 if fixed else factor[name]) for name, n in amounts.items())

    busy = max(1, min(workers, canary.parts))
    hours, disk = {}, {}
    for name, cost in canary.costs.items():
        seconds = whole(cost.work, fixed=name in _FIXED_WORK)
        hours[name] = seconds / (busy if name in _DIVIDED else 1) / 3600
        disk[name] = whole(cost.disk, fixed=name in _FIXED_DISK)
    return Estimate(hours, disk, whole(canary.documents), whole(canary.tokens))


def peak_memory() -> tuple[int, int]:
    """Return the most bytes resident so far in this process, and in any one finished child."""
    import resource  # Unix only

    unit = 1 if sys.platform == "darwin" else 1024
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, child = (resource.getrusage(who).ru_maxrss * unit for who in whose)
    return own, child


def lines(canary: Canary, workers: int, memory: tuple[int, int]) -> Iterator[str]:
    """Yield the estimate as aligned lines of text."""
    guess = estimate(canary, workers)
    yield from _sources(canary)
    yield ""
    yield f"{'stage':<14} {'canary s':>10} {'hours':>10} {'disk GB':>10}"
    for name, cost in canary.costs.items():
        yield _row(name, cost.seconds, guess.hours[name], guess.disk[name])
    seconds = sum(cost.seconds for cost in canary.costs.values())
    yield _row("total", seconds, sum(guess.hours.values()), sum(guess.disk.values()))
    yield ""
    yield f"{'documents read':<14} {guess.documents:>10,.0f}"
    stream = "" if isinstance(canary.budget, str) else f"  (mix.budget: {canary.budget:,})"
    yield f"{'tokens made':<14} {guess.tokens:>10,.0f}{stream}"
    own, child = (size / 1e9 for size in memory)
    yield f"{'peak memory':<14} {own:>10.2f} GB this process, {child:.2f} GB the largest child"
    yield ""
    yield f"Hours are for {workers} workers; stages are taken as linear in the stored bytes of a source."
    yield "The canary's seconds hold start-up (imports, kernels, classifier), which does not grow; the report"
    yield "is not included. Memory is flat by design, except the tasks of duplicates (0.7 GB for 10 million"
    yield "signatures, docs/dedup.md) and mix (about 45 bytes per document drawn, docs/mix.md)."
    if seconds < _SHORT:
        yield (
            f"warning: the canary ran {seconds:.1f} s, under {_SHORT:.0f} s: start-up dominates and the "
            "hours are too high. Give --estimate a larger share."
        )


def _row(name: str, seconds: float, hours: float, disk: float) -> str:
    return f"{name:<14} {seconds:>10.1f} {_short(hours):>10} {_short(disk / 1e9):>10}"


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _sources(canary: Canary) -> Iterator[str]:
    yield f"{'source':<14} {'files':>10} {'canary MB':>10} {'of MB':>10} {'share %':>10}"
    for name, covered in canary.covered.items():
        stored = canary.stored[name]
        note = "  taken whole" if covered == stored else ""
        yield (
            f"{name:<14} {canary.files[name]:>10,} {covered / 1e6:>10.3f} {stored / 1e6:>10.3f} "
            f"{100 * covered / stored:>10.1f}{note}"
        )
