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

from corpusforge.hashing import id_keys, uniform
from corpusforge.io import files
from corpusforge.io.parquet import Writer, read_batches, read_table
from corpusforge.manifest import Receipt, part_name
from corpusforge.run.context import Context
from corpusforge.run.groups import few_groups
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.survivors import components_at, read_survivors
from corpusforge.tokenize.part import write_part
from corpusforge.tokenize.settings import Settings
from corpusforge.tokenize.tokenizer import Tokenizer, load
from corpusforge.tokenize.train import PURPOSE, sample, train

__all__ = ["load_tokenizer", "make_tokenizer", "make_tokens", "tokenizer_stage", "tokens_stage"]

RANKS = "tokenizer/ranks.tiktoken"
JSON = "tokenizer/tokenizer.json"


_SAMPLE = pa.schema([("key", pa.uint64()), ("bytes", pa.int64()), ("text", pa.large_string())])
_MARGIN = 1.5
"""How much more text is drawn than a tokenizer trains on, by what is known of the sizes beforehand."""


@dataclass(frozen=True, slots=True)
class TokenizerTask:
    """What a task is told: document parts [first, stop) and the share of their texts that it draws.

    One that trains has no parts, but the files of what others drew.
    """

    settings: Settings
    seed: int
    share: float
    first: int = 0
    stop: int = 0
    drawn: tuple[str, ...] = ()


def tokenizer_stage(context: Context) -> Stage | None:
    """Return the stage that trains a tokenizer, or None where the recipe names one.

    Tasks draw a little more than the sample from their parts, and one trains on what belongs to it. Where
    the draws are too small, which the sizes of texts make rare, they are drawn again, twice as large.
    """
    settings, seed = context.recipe.tokenize, context.recipe.seed
    if settings.tokenizer != "train":
        return None
    wanted = settings.train_megabytes * 1e6
    share = _MARGIN * wanted / max(1, context.manifests["facts"].extra["text_bytes"])
    tasks = few_groups(context)

    def draws(begun: int, share: float) -> tuple[Part, ...]:
        return tuple(
            Part("tokenizer", begun + number, context.run,
                 TokenizerTask(settings, seed, share, first, stop), (first, stop, share), size)
            for number, (first, stop, size) in enumerate(tasks)
        )  # fmt: skip

    def more(receipts: Sequence[Receipt]) -> tuple[Part, ...]:
        count, last = len(receipts), receipts[-len(tasks) :]
        if "bytes" not in receipts[-1].extra:
            return ()
        own = share * 2 ** (count // len(tasks) - 1)
        if own < 1 and sum(item.extra["bytes"] for item in last) < wanted:
            return draws(count, 2 * own)
        drawn = tuple(output.path for item in last for output in item.outputs)
        work = TokenizerTask(settings, seed, own, drawn=drawn)
        size = sum(item.extra["bytes"] for item in last)
        return (Part("tokenizer", count, context.run, work, (drawn,), size),)

    used = ("vocab_size", "pattern", "train_megabytes", "start_token")
    return Stage(
        name="tokenizer",
        run=context.run,
        work=make_tokenizer,
        parts=draws(0, share),
        settings={**{key: getattr(settings, key) for key in used}, "seed": seed},
        reads=context.reads("documents", "quality", "duplicates", "contamination"),
        pace=10.0,
        more=more,
        finish=lambda receipts: (receipts[-1].extra, {}),
    )


def make_tokenizer(part: Part) -> PartResult:
    """Draw from some parts, or train a byte-level BPE on a hash sample of the surviving text."""
    work: TokenizerTask = part.settings
    if not work.drawn:
        return _draw(part, work)
    paths = [files.join(part.run, path) for path in work.drawn]
    known = pa.concat_tables([read_table(path, ["key", "bytes"]) for path in paths])
    keys, sizes = (known.column(name).to_numpy() for name in ("key", "bytes"))
    chosen = sample(keys, sizes, work.settings, work.seed)
    trained = train(_texts(paths, chosen), work.settings, files.join(part.run, RANKS))
    extra = {"vocab_size": trained.vocab_size, "text_bytes": trained.text_bytes}
    return PartResult(outputs={RANKS: 0, JSON: 0}, documents=trained.documents, extra=extra)


def _draw(part: Part, work: TokenizerTask) -> PartResult:
    path, size = f"sampled/{part.name}.parquet", 0
    with Writer(files.join(part.run, path), _SAMPLE) as writer:
        for index in range(work.first, work.stop):
            for batch in read_survivors(part.run, index, ["id", "text"], "contamination"):
                keys = id_keys(batch.column("id").to_pylist())
                mask = pa.array(uniform(keys, work.seed, PURPOSE) < work.share)
                texts = batch.column("text").cast(pa.large_string())
                columns = [pa.array(keys), pc.binary_length(texts), texts]
                own = pa.RecordBatch.from_arrays(columns, schema=_SAMPLE).filter(mask)
                writer.write(own)
                size += pc.sum(own.column("bytes")).as_py() or 0
    return PartResult(outputs={path: writer.rows}, extra={"bytes": size})


def _texts(paths: Sequence[str], chosen: np.ndarray) -> Iterator[str]:
    place = 0
    for path in paths:
        for batch in read_batches(path, ["text"]):
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
