"""The choice stage: which documents to tokenize when the budget needs only some of them.

The draw takes a head of each source's hash order, and that order is known before anything is tokenized.
Bytes per token are measured on the first documents of each leaf of the mixture, which are drawn in any
case. Where everything is needed (`mix.budget = "all"`) there is no such stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.draw import id_keys, uniform
from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_table
from corpusforge.mix.estimate import choose
from corpusforge.mix.leaves import assign, tree
from corpusforge.mix.plan import plan
from corpusforge.mix.sample import held_out
from corpusforge.mix.settings import Settings
from corpusforge.run.context import Context
from corpusforge.run.duplicates import texts_at
from corpusforge.run.stage import Made, Part, Stage, part_name
from corpusforge.run.survivors import kept_rows
from corpusforge.run.tokens import load_tokenizer
from corpusforge.tokenize.settings import Settings as Tokenize
from corpusforge.tokenize.tokenizer import Tokenizer

__all__ = ["make_choice", "stage"]

_MEASURED = 64
"""Documents of a leaf on which bytes per token are measured; `mix.margin` covers the error."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the task is told."""

    mix: Settings
    tokenize: Tokenize
    seed: int
    parts: int
    sources: tuple[str, ...]


def stage(context: Context) -> Stage | None:
    """Return the choice stage, or None where every document is tokenized."""
    recipe = context.recipe
    if recipe.mix.budget == "all":
        return None
    tokenizer = load_tokenizer(context.run, recipe.tokenize)
    work = Work(
        recipe.mix, recipe.tokenize, recipe.seed, context.part_count, tuple(sorted(recipe.sources))
    )
    return Stage(
        name="choice",
        run=context.run,
        work=make_choice,
        parts=(Part("choice", 0, context.run, work),),
        settings={"mix": recipe.mix, "seed": recipe.seed, "tokenizer": tokenizer.fingerprint},
        reads=context.reads("documents", "quality", "duplicates", "contamination", "tokenizer"),
    )


def make_choice(part: Part) -> Made:
    """Estimate each leaf's tokens, plan with them, and write the rows to tokenize, part by part."""
    work: Work = part.settings
    index = pa.concat_tables([_rows(part.run, number) for number in range(work.parts)])
    keys = id_keys(index.column("id").to_pylist())
    held = held_out(id_keys(index.column("cluster").to_pylist()), work.seed, work.mix.validation)
    leaf_of, paths = _leaves(work, index)
    sizes = index.column("text_bytes").to_numpy()
    tokenizer = load_tokenizer(part.run, work.tokenize)
    available = dict.fromkeys(work.sources, 0)
    members: dict[str, NDArray[np.int64]] = {}
    ratios: dict[str, float] = {}
    for number, path in enumerate(paths):
        members[path] = np.flatnonzero((leaf_of == number) & ~held)
        available.pop(path.split("/")[0], None)
    for path, own in members.items():
        ratios[path] = _bytes_per_token(part.run, index, keys, own, tokenizer, work.seed)
        available[path] = round(float(sizes[own].sum()) / ratios[path]) + len(own)
    asked = _asked(work.mix, available)
    chosen = held.copy()
    facts: dict[str, dict[str, Any]] = {}
    for path, own in members.items():
        settings = replace(work.mix, bytes_per_token=ratios[path])
        mask = choose(keys[own], sizes[own], asked.get(path, 0), settings, work.seed)
        chosen[own[mask]] = True
        facts[path] = {
            "bytes": int(sizes[own].sum()),
            "chosen_bytes": int(sizes[own[mask]].sum()),
            "complete": bool(mask.all()),
            "bytes_per_token": round(ratios[path], 4),
        }
    made = Made(documents=index.num_rows, extra={"leaves": facts, "chosen": int(chosen.sum())})
    _write(part.run, index, chosen, work.parts, made)
    return made


def _rows(run: str, number: int) -> pa.Table:
    """The surviving documents of one part, as the token index will describe them, with sizes."""
    name = f"{part_name(number)}.parquet"
    kept = pa.array(kept_rows(run, number, "contamination"))
    columns = ["id", "source", "lang", "category", "format"]
    table = read_table(files.join(run, "documents", name), columns)
    stats = read_table(files.join(run, "stats", name), ["text_bytes", "rule"])
    alive = stats.filter(pc.equal(stats.column("rule"), ""))
    tier = read_table(files.join(run, "quality", name), ["tier"])
    clusters = read_table(
        files.join(run, "duplicates", f"clusters-{part_name(number)[5:]}.parquet"),
        ["row", "cluster"],
    )
    cluster = np.array(table.column("id").to_pylist(), dtype=object)
    cluster[clusters.column("row").to_numpy()] = clusters.column("cluster").to_pylist()
    rows = np.arange(table.num_rows, dtype=np.int64)
    for column, values in (
        ("text_bytes", alive.column("text_bytes")),
        ("tier", tier.column("tier")),
        ("cluster", pa.array(cluster, type=pa.string())),
        ("part", pa.array(np.full(len(rows), number, dtype=np.int32))),
        ("row", pa.array(rows)),
    ):
        table = table.append_column(column, values)
    return table.filter(kept)


def _leaves(work: Work, index: pa.Table) -> tuple[NDArray[np.int32], list[str]]:
    named = set(work.mix.weights) | {name for phase in work.mix.phases for name in phase.weights}
    names = named or set(index.column("source").unique().to_pylist())
    nodes = tree(dict.fromkeys(sorted(names), 1.0), work.mix.split)
    return assign(nodes, index), [leaf.path for node in nodes for leaf in node.leaves()]


def _bytes_per_token(
    run: str,
    index: pa.Table,
    keys: NDArray[np.uint64],
    own: NDArray[np.int64],
    tokenizer: Tokenizer,
    seed: int,
) -> float:
    if not len(own):
        return 1.0
    first = own[np.lexsort((keys[own], uniform(keys[own], seed, "mix")))[:_MEASURED]]
    parts = index.column("part").to_numpy()[first]
    rows = index.column("row").to_numpy()[first]
    size = tokens = 0
    for number in np.unique(parts):
        texts = texts_at(run, int(number), np.sort(rows[parts == number]))
        ids, _ = tokenizer.encode(texts)
        tokens += len(ids)
        size += int(pc.sum(pc.binary_length(texts)).as_py() or 0)
    return size / tokens if tokens else 1.0


def _asked(settings: Settings, available: dict[str, int]) -> dict[str, int]:
    """Tokens asked of each leaf by a plan on estimates; a binding cap is judged later, on counts."""
    policy = "redistribute" if settings.policy == "error" else settings.policy
    planned = plan(replace(settings, policy=policy), available)
    asked: dict[str, int] = {}
    for phase in planned.phases:
        for path, tokens in phase.asked.items():
            asked[path] = asked.get(path, 0) + tokens
    return asked


def _write(run: str, index: pa.Table, chosen: NDArray[np.bool_], parts: int, made: Made) -> None:
    table = index.select(["part", "row"]).filter(pa.array(chosen))
    numbers = table.column("part").to_numpy()
    rows = table.column("row").to_numpy()
    for number in range(parts):
        path = f"choice/{part_name(number)}.parquet"
        own = pa.table({"row": pa.array(rows[numbers == number])})
        made.outputs[path] = write_table(files.join(run, path), own)
