"""The mix stage: the mixture planned from token counts, and the streams drawn.

It reads the narrow token indexes only. Documents of one duplicate cluster stand on one side of the
train/validation split. One task does it all for a run of up to `mix.range_documents` tokenized
documents; a larger one is drawn in ranges by as many tasks, from what `draws` has sorted before, to
the same stream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from corpusforge.errors import InputError, RecipeError
from corpusforge.io import files
from corpusforge.io.parquet import read_between, write_table
from corpusforge.manifest import Receipt, fingerprint, part_name, plain, write_json
from corpusforge.mix.buckets import Held
from corpusforge.mix.estimate import scaled_tokens
from corpusforge.mix.holdout import Spread, hold_out, largest_group
from corpusforge.mix.inventory import ANY, SIDES, Supplies, Totals, indexed, named
from corpusforge.mix.plan import Plan, plan, plan_validation, shortfalls, validation_tokens
from corpusforge.mix.receipt import Delivered, delivered, diversity, receipt
from corpusforge.mix.repetition import Reach, Tally, reaches, repetition_ledger, tally, times
from corpusforge.mix.sample import Draws
from corpusforge.mix.settings import COLUMNS, Settings
from corpusforge.mix.stream import Segment, leaf_names, segments, stretch
from corpusforge.recipe import Recipe
from corpusforge.run.context import Context
from corpusforge.run.stage import Part, PartResult, Stage

__all__ = [
    "STREAMS",
    "MixTask",
    "account",
    "check_any",
    "finish",
    "largest_group_of",
    "ledger_digest",
    "make_mix",
    "plans",
    "read_work",
    "stage",
    "steps_of",
    "stream_files",
    "token_indexes",
    "write_ledger",
    "write_stream",
]

STREAMS = SIDES


@dataclass(frozen=True, slots=True)
class MixTask:
    """What the task is told."""

    settings: Settings
    seed: int
    parts: int
    sources: tuple[str, ...]
    choice: dict[str, dict[str, Any]]
    """By leaf of which only some documents were tokenized: bytes in all, and bytes tokenized."""
    steps: Mapping[str, int] = field(default_factory=dict)
    """By leaf of which less than an epoch is drawn: the steps that are held out of it."""
    largest: int = ANY
    """The most documents of a group of near copies that is held out."""
    notes: tuple[str, ...] = ()
    """What a reader of the receipt should know of the split, whatever is drawn."""


def read_work(context: Context) -> MixTask:
    """Return what the tasks of the mixture are told."""
    recipe = context.recipe
    leaves: dict[str, dict[str, Any]] = {}
    if "choice" in context.manifests:
        leaves = context.manifests["choice"].extra["leaves"]
    return MixTask(
        settings=recipe.mix,
        seed=recipe.seed,
        parts=context.part_count,
        sources=tuple(sorted(recipe.sources)),
        choice={path: facts for path, facts in leaves.items() if not facts["complete"]},
        steps={path: facts["steps"] for path, facts in leaves.items() if "steps" in facts},
        largest=largest_group_of(context),
        notes=_split_notes(recipe),
    )


def largest_group_of(context: Context) -> int:
    """Return the most documents of a group that is held out, the same in every stage of a run."""
    if "duplicates" not in context.manifests:
        return ANY
    documents = context.manifests["duplicates"].documents
    return largest_group(context.recipe.mix.validation, documents)


def _split_notes(recipe: Recipe) -> tuple[str, ...]:
    """Say which copies the split does not know, and so may divide."""
    dedup, unknown = recipe.dedup, []
    if not recipe.mix.validation:
        return ()
    if dedup.method != "fuzzy":
        what = "near copies" if dedup.method == "exact" else "copies"
        unknown.append(f"{what} (dedup.method = {dedup.method!r})")
    if dedup.scope != "global":
        unknown.append(f"copies in another {dedup.scope} (dedup.scope = {dedup.scope!r})")
    if not unknown:
        return ()
    return (
        f"validation may hold copies of training documents: {' and '.join(unknown)} are not looked for",
    )


def stage(context: Context) -> Stage:
    """Return the mix stage as one task."""
    work = read_work(context)
    return Stage(
        name="mix",
        run=context.run,
        work=make_mix,
        parts=(Part("mix", 0, context.run, work),),
        settings={"mix": work.settings, "seed": work.seed, **ledger_digest(work.settings)},
        reads=context.reads("tokens", "choice"),
        finish=lambda receipts: finish(context.run, work, receipts),
    )


def token_indexes(run: str, first: int, stop: int) -> list[str]:
    """Return the paths of the indexes of token parts [first, stop)."""
    return [files.join(run, "tokens", f"{part_name(n)}.parquet") for n in range(first, stop)]


def stream_files(run: str, name: str) -> list[str]:
    """Return the files of a stream's draws, in stream order."""
    return [info.path for info in files.list_files(files.join(run, f"mix/{name}*.parquet"))]


def plans(work: MixTask, totals: Totals) -> dict[str, Plan]:
    """Return the plan of each stream."""
    train = _train_plan(work, totals.tokens("train"))
    held = plan_validation(work.settings, train, _available(totals.tokens("val"), work))
    return {"train": train, "val": held}


def _train_plan(work: MixTask, tokens: Mapping[str, int]) -> Plan:
    """Return the plan of the training stream, of so many tokenized tokens of each leaf."""
    available = _available(tokens, work)
    for path, part_of in work.choice.items():
        size, whole = part_of["chosen_bytes"], part_of["bytes"]
        available[path] = scaled_tokens(available[path], size, whole)
    return plan(work.settings, available)


def steps_of(work: MixTask, found: Mapping[str, Spread]) -> dict[str, int]:
    """Return how many steps of each leaf are held out for validation, given how it spreads."""
    return hold_out(
        work.settings.validation,
        found,
        work.steps,
        lambda tokens: _train_plan(work, tokens),
    )


def _available(tokens: Mapping[str, int], work: MixTask) -> dict[str, int]:
    """Tokens by leaf; sources that gave no document count as empty, so their weights are known."""
    empty = {name: 0 for name in work.sources if not any(p.split("/")[0] == name for p in tokens)}
    return {**empty, **tokens}


def check_any(seen: Mapping[str, int]) -> None:
    """Raise InputError where no source has a document at all."""
    if not sum(seen.values()):
        raise InputError(
            "no document survived to be mixed. `corpusforge why` and dropped/ show where they went: "
            "loosen [filter], [score] or [identify], or give more sources."
        )


def make_mix(part: Part) -> PartResult:
    """Plan the mixture, draw both streams, write them and the repetition ledger."""
    work: MixTask = part.settings
    paths = token_indexes(part.run, 0, work.parts)
    found = indexed(paths, work.settings, work.seed, work.sources, 0, work.largest)
    check_any(found.counts()[0])
    have = found.supplies(steps_of(work, found.spreads()), sorted(work.choice))
    del found
    totals = have.totals
    made = PartResult(documents=have.index.num_rows, extra={"totals": asdict(totals)})
    drawn: dict[str, list[Segment]] = {}
    for side, planned in plans(work, totals).items():
        held, names = Held(have.sides[side], work.seed, side), leaf_names(planned.phases)
        drawn[side] = segments(held, planned.phases, sorted(work.choice))
        phases = range(len(planned.phases))
        draws = Draws.joined([stretch(held, drawn[side], names, phase) for phase in phases])
        del held
        write_stream(part.run, f"mix/{side}.parquet", side, draws, have.ids(draws), made)
    sizes = {path: sums[0] for path, sums in totals.leaves["train"].items()}
    reach = reaches(drawn["train"], sizes)
    documents = {path: _documents(have, path) for path in reach}
    path = "mix/repetitions.parquet"
    write_ledger(part.run, path, documents, reach, work, made)
    account(totals, drawn, made)
    return made


def write_stream(
    run: str, path: str, side: str, draws: Draws, ids: pa.Array | None, made: PartResult
) -> None:
    """Write a stretch of a stream, and note what it delivers of each leaf.

    `ids` are strings [draws].
    """
    made.outputs[path] = write_table(files.join(run, path), named(draws, ids))
    made.extra["delivered"] = made.extra.get("delivered", {}) | {
        side: {leaf: asdict(found) for leaf, found in delivered(draws).items()}
    }


def _documents(have: Supplies, path: str) -> pa.Table:
    own = have.train[path]
    rows = have.rows(own).append_column("key", pa.array(own.keys))
    return rows.append_column("length", pa.array(own.lengths))


def write_ledger(
    run: str,
    path: str,
    documents: Mapping[str, pa.Table],
    reach: Mapping[str, Reach],
    work: MixTask,
    made: PartResult,
    bounds: tuple[str, str] = ("", ""),
) -> None:
    """Write the repetition ledger of documents by leaf, whose ids lie in `bounds`, and note sums."""
    counted = []
    total = Tally(Counter(), {column: Counter() for column in ("source", *COLUMNS)})
    for leaf, own in documents.items():
        count = times(own.column("key").to_numpy(), reach[leaf], work.seed)
        found = tally(own, count, reach[leaf])
        total.repetitions.update(found.repetitions)
        for column, values in found.tokens.items():
            total.tokens[column].update(values)
        rows = own.select(["id", "source"]).append_column("times", pa.array(count))
        counted.append(rows.filter(pa.array(count > 0)))
    kinds = [("id", pa.string()), ("source", pa.string()), ("times", pa.int64())]
    table = pa.concat_tables([pa.schema(kinds).empty_table(), *counted])
    ledger = repetition_ledger(table, _earlier(work.settings, *bounds))
    made.outputs[path] = write_table(files.join(run, path), ledger)
    repetitions = {str(n): count for n, count in sorted(total.repetitions.items())}
    made.extra |= {"repetitions": repetitions, "values": plain(total.tokens)}


def finish(
    run: str, work: MixTask, receipts: Sequence[Receipt]
) -> tuple[dict[str, Any], dict[str, int]]:
    """Check what the tasks delivered against the plan, and write the receipt of the mixture."""
    extras = [item.extra for item in receipts]
    totals = Totals.of([extra["totals"] for extra in extras if "totals" in extra])
    planned = plans(work, totals)
    values: dict[str, Counter[str]] = {}
    repetitions: Counter[int] = Counter()
    for extra in extras:
        for column, tokens in extra.get("values", {}).items():
            values.setdefault(column, Counter()).update(tokens)
        repetitions.update({int(n): count for n, count in extra.get("repetitions", {}).items()})
    spread = diversity(values, work.settings.diversity)
    if spread.failures:
        raise RecipeError(
            f"mix.diversity: {'; '.join(spread.failures)}. Change weights or the bounds."
        )
    facts: dict[str, Any] = {
        "notes": [*planned["train"].notes, *planned["val"].notes, *work.notes],
        "entropy": spread.entropy,
        "repetitions": {str(n): repetitions[n] for n in sorted(repetitions)},
        "phases": plain(planned["train"].phases),
    }
    warnings = shortfalls(planned["train"], planned["val"], work.settings.validation)
    facts |= {"warnings": warnings} if warnings else {}
    for side in SIDES:
        found = _delivered(extras, side)
        tokens = sum(have.tokens for have in found.values())
        facts[side] = {"sources": receipt(planned[side], found), "tokens": tokens}
    shares = planned["train"].shares
    asked = [validation_tokens(work.settings.validation, share.asked) for share in shares]
    facts["val"]["asked_tokens"] = sum(asked)
    write_json(files.join(run, "mix/receipt.json"), facts)
    return facts, {"mix/receipt.json": 0}


def _delivered(extras: Sequence[dict[str, Any]], side: str) -> dict[str, Delivered]:
    total: dict[str, Delivered] = {}
    for extra in extras:
        for leaf, found in extra.get("delivered", {}).get(side, {}).items():
            total[leaf] = total.get(leaf, Delivered()) + Delivered(**found)
    return total


def _ledgers(settings: Settings) -> list[str]:
    """Paths of the repetition ledger to go on with, none where there is none."""
    if not settings.earlier:
        return []
    path = files.join(settings.earlier, "mix/repetitions*.parquet")
    found = [info.path for info in files.list_files(path)]
    if not found:
        raise InputError(
            f"mix.earlier: {path!r} does not exist; expected the directory of a finished run."
        )
    return found


def ledger_digest(settings: Settings) -> dict[str, str]:
    """Return the digest of the repetition ledger to go on with, as a stage's setting."""
    digests = [files.sha256(path) for path in _ledgers(settings)]
    return {"earlier": digests[0] if len(digests) == 1 else fingerprint(digests)} if digests else {}


def _earlier(settings: Settings, low: str, high: str) -> pa.Table | None:
    paths = _ledgers(settings)
    return pa.concat_tables([read_between(p, "id", low, high) for p in paths]) if paths else None


def account(totals: Totals, drawn: Mapping[str, Sequence[Segment]], made: PartResult) -> None:
    """Put into the ledger what became of every tokenized document."""
    kept: Counter[str] = Counter()
    for side, found in drawn.items():
        most: Counter[str] = Counter()
        for segment in found:
            everything = totals.leaves[side][segment.leaf][0]
            most[segment.leaf] = (
                everything if segment.copy else max(most[segment.leaf], segment.stop)
            )
        for leaf, count in most.items():
            kept[leaf.split("/")[0]] += count
    for source, count in totals.seen.items():
        row = made.ledger.of("mix", source)
        row.seen, row.kept = count, kept[source]
        unshared = totals.unshared.get(source, 0)
        if unshared:
            row.dropped["no_weight"] = unshared
        if count - row.kept - unshared:
            row.dropped["not_drawn"] = count - row.kept - unshared
