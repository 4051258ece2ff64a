"""Memory and CPU of `choice`, `mix` and `shards` as the crawl grows: one task, and in ranges.

Writes the side tables of runs of documents that were never there (ids, sizes, languages, clusters:
what the two stages read, and no more), then makes each stage with every part in a process of its own.

python -m benchmarks.mix_scale make --documents 1000000 --output DIR
python -m benchmarks.mix_scale run DIR [--range-documents N] [--budget TOKENS] [--shard-megabytes M]
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import harness
from corpusforge.hashing import id_keys, make_id, uniform
from corpusforge.io.parquet import write_table
from corpusforge.manifest import Manifest, describe, part_name
from corpusforge.mix.settings import Settings, Split
from corpusforge.recipe import Recipe, Source
from corpusforge.run import mixture, preselect, shards
from corpusforge.run.contamination import CONTAMINATION
from corpusforge.run.context import Context
from corpusforge.run.stage import Part, Stage, run_part, run_stage
from corpusforge.shard.settings import Settings as ShardSettings
from corpusforge.tokenize.part import INDEX
from corpusforge.tokenize.settings import Settings as TokenizeSettings

PART = 20_000
"""Documents of a part."""
SHARES = {"web": 0.9, "books": 0.1}


def columns(number: int) -> dict[str, Any]:
    """Return what the stages read of one part: five languages, a near duplicate in ten documents."""
    places = np.arange(number * PART, (number + 1) * PART)
    names = [str(place) for place in places.tolist()]
    u = uniform(id_keys(names), 1, "columns")
    source = np.where(u < SHARES["web"], "web", "books")
    ids = [make_id(s, n) for s, n in zip(source.tolist(), names, strict=True)]
    tokens = (2 - 400 * np.log1p(-uniform(id_keys(names), 2, "columns"))).astype(np.int32)
    lang = np.array(["en", "zh", "de", "fr", "es"])[(u * 1000).astype(int) % 5]
    first = np.where(np.arange(PART) % 10 == 9, np.arange(PART) - 1, np.arange(PART))
    return {
        "id": ids,
        "source": source,
        "lang": lang,
        "tokens": tokens,
        "cluster": [ids[place] for place in first.tolist()],
    }


def make(folder: Path, documents: int) -> None:
    """Write token indexes and the side tables that `choice` reads, of whole parts."""
    parts = -(-documents // PART)
    texts = ["The river rises in the hills and falls into the sea. " * 2] * PART
    for number in range(parts):
        own, name = columns(number), f"{part_name(number)}.parquet"
        count, plain = len(own["id"]), {"category": None, "format": "plain", "tier": "high"}
        whole = {key: pa.array([value] * count, pa.string()) for key, value in plain.items()}
        ids, source = pa.array(own["id"]), pa.array(own["source"], pa.string())
        lang, tokens = pa.array(own["lang"], pa.string()), own["tokens"]
        size = pa.array(tokens.astype(np.int64) * 4)
        offset = pa.array(np.cumsum(tokens, dtype=np.int64) - tokens)
        index = [ids, source, lang, *whole.values(), offset, pa.array(tokens), size,
                 pa.array(own["cluster"]), pa.array(_alike(), pa.int32())]  # fmt: skip
        write_table(str(folder / "tokens" / name), pa.table(index, schema=INDEX))
        with (folder / "tokens" / f"{part_name(number)}.bin").open("wb") as stream:
            stream.truncate(2 * int(tokens.sum()))  # ids of nothing, which take no disk
        table = {"id": ids, "source": source, "lang": lang, "category": whole["category"],
                 "format": whole["format"], "text": pa.array(texts, pa.large_string())}  # fmt: skip
        write_table(str(folder / "documents" / name), pa.table(table))
        rules = pa.array([""] * count)
        stats = pa.table({"text_bytes": size, "rule": rules})
        write_table(str(folder / "stats" / name), stats)
        kept = pa.array(np.ones(count, bool))
        quality = pa.table({"id": ids, "kept": kept, "tier": whole["tier"]})
        write_table(str(folder / "quality" / name), quality)
        _duplicates(folder, number, own["cluster"])
        write_table(str(folder / "contamination" / name), CONTAMINATION.empty_table())
    (folder / "made.json").write_text(json.dumps({"parts": parts}))


def _alike() -> np.ndarray:
    """Documents 8 and 9 of each ten are alike."""
    return np.where(np.arange(PART) % 10 >= 8, 2, 1)


def _duplicates(folder: Path, number: int, cluster: Sequence[str]) -> None:
    rows = pa.array(np.flatnonzero(_alike() == 2))
    none = pa.table({"row": pa.array([], pa.int64()), "removes": pa.array([], pa.bool_())})
    write_table(str(folder / "duplicates" / f"{part_name(number)}.parquet"), none)
    names, sizes = pa.array(cluster).take(rows), pa.array(np.full(len(rows), 2))
    own = pa.table({"row": rows, "component": names, "component_size": sizes})
    write_table(str(folder / "duplicates" / f"components-{number:05d}.parquet"), own)
    cuts = {"row": pa.int64(), "start": pa.int64(), "end": pa.int64()}
    empty = pa.schema(list(cuts.items())).empty_table()
    write_table(str(folder / "duplicates" / f"repeats-{number:05d}.parquet"), empty)


def context(folder: Path, mix: Settings, tokenizer: str, megabytes: float) -> Context:
    """Return what stage builders see of the made run."""
    parts = json.loads((folder / "made.json").read_text())["parts"]
    sources = {name: Source(kind="documents", path=("none",)) for name in SHARES}
    shard = ShardSettings(shard_megabytes=megabytes or 512.0)
    recipe = Recipe(
        shard=shard,
        name="scale",
        sources=sources,
        mix=mix,
        tokenize=TokenizeSettings(tokenizer=tokenizer, pattern="gpt2"),
    )
    facts = {"parts": parts, "part_bytes": [PART * 1600] * parts}
    manifests = {}
    for name, extra in (("documents", facts), ("tokens", {})):
        paths = [f"{name}/{part_name(n)}.parquet" for n in range(parts)]
        outputs = tuple(describe(str(folder), path, PART) for path in paths)
        manifests[name] = Manifest(
            name, name, "0", {}, [], outputs, [], extra, documents=parts * PART
        )
    return Context(str(folder), recipe, [], [], manifests)


def _measured(part: Part, work: Any, pipe: Any) -> None:
    _, used = harness.timed(lambda: run_part(work, part))
    pipe.send((used, harness.peak_mb()))
    pipe.close()


def measure(stage: Stage) -> tuple[Manifest, int, float, float, float]:
    """Make a stage; return its manifest, tasks, CPU seconds in all and of the longest, most MB."""
    spent: list[tuple[float, float]] = []
    spawn = multiprocessing.get_context("spawn")

    def execute(stage: Stage, parts: Sequence[Part]) -> None:
        for part in parts:
            mine, theirs = spawn.Pipe(duplex=False)
            process = spawn.Process(target=_measured, args=(part, stage.work, theirs))
            process.start()
            theirs.close()
            spent.append(mine.recv())
            process.join()

    shutil.rmtree(stage.path(), ignore_errors=True)
    manifest, _ = run_stage(stage, execute, force=True)
    cpu = [used for used, _ in spent]
    return manifest, len(spent), sum(cpu), max(cpu), max(most for _, most in spent)


BUILDERS = {
    "candidates": preselect.candidates_stage,
    "choice": preselect.stage,
    "supply": mixture.supply_stage,
    "draws": mixture.draws_stage,
    "mix": mixture.mix_stage,
    "shards": shards.stage,
}


def run(given: Context, *, with_shards: bool) -> None:
    """Make the stages and print a row each."""
    documents = given.manifests["tokens"].documents
    harness.heads("documents", "stage", "tasks", "CPU s", "longest task, s", "largest task, MB")
    for name, build in BUILDERS.items():
        stage = build(given) if with_shards or name != "shards" else None
        if stage is None:
            continue
        manifest, tasks, total, longest, most = measure(stage)
        if name != "choice":  # here all are tokenized, chosen or not
            given.manifests[name] = manifest
        seconds = (f"{total:.1f}", f"{longest:.1f}")
        harness.row(f"{documents:,}", name, tasks, *seconds, f"{most:,.0f}")


def main() -> None:
    """Read the command line and run."""
    parser = harness.arguments(__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    maker = verbs.add_parser("make")
    maker.add_argument("--documents", type=int, default=1_000_000)
    maker.add_argument("--output", type=Path, required=True)
    runner = verbs.add_parser("run")
    runner.add_argument("folder", type=Path)
    runner.add_argument("--tokenizer", default="r50k_base", help="for `choice`: a name or a file")
    runner.add_argument("--range-documents", type=int, default=0)
    runner.add_argument("--budget", type=int, default=0)
    runner.add_argument("--shard-megabytes", type=float, default=0.0, help="make shards of it too")
    options = parser.parse_args()
    if options.verb == "make":
        make(options.output, options.documents)
        return
    named: dict[str, Any] = {"epoch_cap": 1.0}
    if options.budget:
        named["budget"] = options.budget
    if options.range_documents:
        named["range_documents"] = options.range_documents
    split = Split(by="lang", weights={"en": 2.0, "zh": 1.0, "*": 1.0})
    mix = Settings(weights={"web": 9.0, "books": 1.0}, split={"web": split}, **named)
    given = context(options.folder, mix, options.tokenizer, options.shard_megabytes)
    run(given, with_shards=options.shard_megabytes > 0)


if __name__ == "__main__":
    main()
