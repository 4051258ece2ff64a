"""The tokenizer and tokens stages: a BPE trained in the run where asked, and the ids of each document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.hashing import id_keys
from corpusforge.io import files
from corpusforge.io.parquet import read_table
from corpusforge.manifest import Receipt, part_name
from corpusforge.run.context import Context
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.survivors import components_at, read_survivors
from corpusforge.tokenize.part import write_part
from corpusforge.tokenize.settings import Settings
from corpusforge.tokenize.tokenizer import Tokenizer, load
from corpusforge.tokenize.train import sample, train

__all__ = ["load_tokenizer", "make_tokenizer", "make_tokens", "tokenizer_stage", "tokens_stage"]

RANKS = "tokenizer/ranks.tiktoken"
JSON = "tokenizer/tokenizer.json"


@dataclass(frozen=True, slots=True)
class TokensTask:
    """What a worker is told: the settings, the run's seed, how many document parts there are."""

    settings: Settings
    seed: int
    parts: int


def tokenizer_stage(context: Context) -> Stage | None:
    """Return the stage that trains a tokenizer, or None where the recipe names one."""
    settings = context.recipe.tokenize
    if settings.tokenizer != "train":
        return None
    work = TokensTask(settings, context.recipe.seed, context.part_count)
    size = sum(context.part_size(index) for index in range(context.part_count))
    used = ("vocab_size", "pattern", "train_megabytes", "start_token")
    return Stage(
        name="tokenizer",
        run=context.run,
        work=make_tokenizer,
        parts=(Part("tokenizer", 0, context.run, work, size=size),),
        settings={**{key: getattr(settings, key) for key in used}, "seed": context.recipe.seed},
        reads=context.reads("documents", "quality", "duplicates", "contamination"),
    )


def make_tokenizer(part: Part) -> PartResult:
    """Train a byte-level BPE on a hash sample of the surviving text."""
    work: TokensTask = part.settings
    ids: list[str] = []
    sizes: list[int] = []
    for index in range(work.parts):
        for batch in read_survivors(part.run, index, ["id", "text"], "contamination"):
            ids += batch.column("id").to_pylist()
            sizes += pc.binary_length(batch.column("text")).to_pylist()
    chosen = sample(id_keys(ids), np.array(sizes, dtype=np.int64), work.settings, work.seed)
    trained = train(
        _texts(part.run, work.parts, chosen), work.settings, files.join(part.run, RANKS)
    )
    extra = {"vocab_size": trained.vocab_size, "text_bytes": trained.text_bytes}
    return PartResult(outputs={RANKS: 0, JSON: 0}, documents=trained.documents, extra=extra)


def _texts(run: str, parts: int, chosen: np.ndarray) -> Iterator[str]:
    place = 0
    for index in range(parts):
        for batch in read_survivors(run, index, ["text"], "contamination"):
            mask = chosen[place : place + batch.num_rows]
            place += batch.num_rows
            yield from batch.column("text").filter(pa.array(mask)).to_pylist()


def load_tokenizer(run: str, settings: Settings) -> Tokenizer:
    """Return the run's tokenizer: the trained one, or the one that the recipe names.

    Loaded once a process and file as it is now: its tables take as long as a small part's texts.
    """
    trained = files.join(run, RANKS) if settings.tokenizer == "train" else None
    path = Path(trained or settings.tokenizer)
    if not path.is_file():  # a name, or an object store
        return load(settings, trained)
    state = path.stat()
    return _loaded(settings, trained, (state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=2)
def _loaded(settings: Settings, trained: str | None, _state: tuple[int, int]) -> Tokenizer:
    return load(settings, trained)


def tokens_stage(context: Context) -> Stage:
    """Return the tokens stage."""
    settings = context.recipe.tokenize
    tokenizer = load_tokenizer(context.run, settings)
    some = "choice" in context.manifests
    parts = tuple(
        Part("tokens", index, context.run, (settings, some), size=context.part_size(index))
        for index in range(context.part_count)
    )
    return Stage(
        name="tokens",
        run=context.run,
        work=make_tokens,
        parts=parts,
        settings={"tokenizer": tokenizer.fingerprint, "name": tokenizer.name,
                  "start_token": settings.start_token, "accelerator": settings.accelerator},
        reads=context.reads(
            "documents", "quality", "duplicates", "contamination", "tokenizer", "choice"
        ),
        pace=0.8,
        finish=lambda receipts: (_summary(receipts, tokenizer.vocab_size), {}),
    )  # fmt: skip


def _summary(receipts: Sequence[Receipt], vocab_size: int) -> dict[str, Any]:
    languages: dict[str, dict[str, int]] = {}
    for receipt in receipts:
        for name, tally in receipt.extra["languages"].items():
            total = languages.setdefault(name, dict.fromkeys(tally, 0))
            for key, value in tally.items():
                total[key] += value
    return {"languages": languages, "vocab_size": vocab_size}


def make_tokens(part: Part) -> PartResult:
    """Encode the surviving documents of one part."""
    settings, some = part.settings
    tokenizer = load_tokenizer(part.run, settings)
    prefix = f"tokens/{part.name}"
    left: Counter[str] = Counter()
    receipt = write_part(_batches(part, left, some=some), tokenizer, files.join(part.run, prefix))
    made = PartResult(documents=receipt.total.documents)
    for source, tally in receipt.sources.items():
        account = made.ledger.of("tokenize", source)
        account.seen += tally.documents
        account.kept += tally.documents
        if tally.unknown:
            account.notes["unknown_characters"] += tally.unknown
    for source, count in left.items():
        account = made.ledger.of("tokenize", source)
        account.seen += count
        account.dropped["not_needed"] += count
    rows = receipt.total.documents
    made.outputs = {f"{prefix}.bin": rows, f"{prefix}.parquet": rows}
    made.extra = {"languages": {name: asdict(tally) for name, tally in receipt.languages.items()}}
    return made


_COLUMNS = ("id", "source", "lang", "category", "format", "text")


def _batches(part: Part, left: Counter[str], *, some: bool) -> Iterator[pa.RecordBatch]:
    """The surviving documents with group and tier; those not chosen are counted in `left`."""
    chosen = None
    if some:
        path = files.join(part.run, "choice", f"{part_name(part.index)}.parquet")
        chosen = read_table(path, ["row"]).column("row").combine_chunks()
    table = components_at(part.run, part.index)
    group_of = dict(
        zip(
            table.column("row").to_pylist(),
            zip(
                table.column("component").to_pylist(),
                table.column("component_size").to_pylist(),
                strict=True,
            ),
            strict=True,
        )
    )
    quality = files.join(part.run, "quality", f"{part_name(part.index)}.parquet")
    tiers = read_table(quality, ["tier"]).column("tier").combine_chunks()
    for batch in read_survivors(part.run, part.index, _COLUMNS, "contamination"):
        if chosen is not None:
            mask = pc.is_in(batch.column("row"), chosen)
            left.update(batch.filter(pc.invert(mask)).column("source").to_pylist())
            batch = batch.filter(mask)  # noqa: PLW2901 - the narrower batch replaces the whole one
        rows = batch.column("row")
        groups = [group_of.get(row, (None, 1)) for row in rows.to_pylist()]
        names = pa.array([name for name, _ in groups], type=pa.string())
        sizes = pa.array([size for _, size in groups], type=pa.int32())
        yield pa.RecordBatch.from_arrays(
            [*batch.columns, names, sizes, tiers.take(rows)],
            names=[*batch.schema.names, "cluster", "alike", "tier"],
        )
