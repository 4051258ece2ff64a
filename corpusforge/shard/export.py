"""Shards as data sets of other tools: Parquet, `datasets`, MosaicML's MDS, WebDataset, OLMo-core.

One row per document, in stream order: id, source, leaf, copy, cut and its ids. Packed shards give one
row a sequence, with the bounds of the documents in it. Limit: ids take more room than in `.bin`
(offsets, ids of documents), so an export is a copy for tools that want columns, not an archive.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from corpusforge import plugins
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.parquet import read_table, row_count, write_batches
from corpusforge.manifest import fingerprint
from corpusforge.shard.formats import packing_of, read_idx
from corpusforge.shard.mds import write_mds
from corpusforge.shard.olmo import write_olmo
from corpusforge.shard.rows import batches, schema_of
from corpusforge.shard.webdataset import write_webdataset

__all__ = ["FORMS", "Form", "card", "export"]

Form = Callable[[Sequence[str], Path], None]
"""Writes shards, given as paths without ending, into a directory."""


def export(directory: str | Path, output: str | Path, form: str, notes: str = "") -> dict[str, int]:
    """Write the shards of `directory` as a data set in `output`; return rows and ids written.

    `form` is one of `FORMS`, or "package.module:NAME" of a `Form`. Each has a card, README.md, with `notes`.
    """
    shards = sorted(Path(directory).glob("*.bin"))
    if not shards:
        raise InputError(f"{directory}: no shards (*.bin). Give shards/train of a run.")
    write = plugins.find(form, "forms", FORMS)
    out = Path(output)
    if out.resolve() == Path(directory).resolve():
        raise InputError(f"{output}: these are the shards themselves. Give a new directory.")
    files.make_directory(str(out))
    prefixes = [str(path.with_suffix("")) for path in shards]
    write(prefixes, out)
    totals = {"rows": 0, "tokens": 0}
    for prefix in prefixes:
        rows, tokens = _size(prefix)
        totals["rows"] += rows
        totals["tokens"] += tokens
    opened = _OPENED.get(form, "").format(dtype=read_idx(f"{prefixes[0]}.idx").dtype.name)
    text = card(directory, totals, notes or opened, form)
    files.write_bytes(str(out / "README.md"), text.encode())
    return totals


def _size(prefix: str) -> tuple[int, int]:
    """Return the rows and ids of a shard as exports have them."""
    tokens = Path(f"{prefix}.bin").stat().st_size // read_idx(f"{prefix}.idx").dtype.itemsize
    packed = packing_of(read_table(f"{prefix}.parquet", []).schema)[1]
    return tokens // packed if packed else row_count(f"{prefix}.parquet"), tokens


def card(
    directory: str | Path, totals: Mapping[str, int], notes: str = "", form: str = "arrow"
) -> str:
    """Return a dataset card: what a row is, ids by source, and the notes."""
    tokens: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    for path in sorted(Path(directory).glob("*.parquet")):
        table = read_table(str(path), ["source", "tokens"])
        sums = table.group_by("source").aggregate([("tokens", "sum"), ("tokens", "count")])
        for row in sums.to_pylist():
            tokens[row["source"]] += row["tokens_sum"]
            documents[row["source"]] += row["tokens_count"]
    total = sum(tokens.values())
    rows = [
        f"| {name} | {documents[name]:,} | {count:,} | {count / total:.2%} |"
        for name, count in sorted(tokens.items())
    ]
    lines = [
        "---",
        *_configs(form),
        "---",
        "# Tokenized training stream",
        "",
        f"{totals['rows']:,} rows, {totals['tokens']:,} ids, in the order in which they are trained on.",
        "",
        "| source | documents as drawn | ids | share |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join([*lines, *(["", notes] if notes else [])]) + "\n"


def _configs(form: str) -> list[str]:
    if form not in _FILES:
        return ["configs: []"]
    lines = ["configs:", "- config_name: default", "  data_files:", "  - split: train"]
    return [*lines, f'    path: "{_FILES[form]}"']


def _write_parquet(prefixes: Sequence[str], out: Path) -> None:
    for prefix in prefixes:
        name = f"{Path(prefix).name}.parquet"
        write_batches(str(out / name), schema_of(prefix), batches(prefix))


def _write_arrow(prefixes: Sequence[str], out: Path) -> None:
    names = [f"data-{n:05d}-of-{len(prefixes):05d}.arrow" for n in range(len(prefixes))]
    for name, prefix in zip(names, prefixes, strict=True):
        schema = schema_of(prefix)
        with (
            files.atomic_write(str(out / name)) as stream,
            pa.ipc.new_stream(stream, schema) as writer,
        ):
            for batch in batches(prefix):
                writer.write_batch(batch)
    _describe(out, names, schema_of(prefixes[0]))


def _describe(out: Path, names: list[str], schema: pa.Schema) -> None:
    """Write the two JSON files that `datasets` reads beside its Arrow files."""
    import datasets

    features = datasets.Features.from_arrow_schema(schema)
    info = {"features": features.to_dict(), "description": "", "citation": "", "license": ""}
    digests = [files.sha256(str(out / name)) for name in names]
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": fingerprint(digests)[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    for name, value in (("dataset_info.json", info), ("state.json", state)):
        files.write_bytes(str(out / name), json.dumps(value, indent=1, sort_keys=True).encode())


FORMS: dict[str, Form] = {
    "arrow": _write_arrow,
    "mds": write_mds,
    "olmo": write_olmo,
    "parquet": _write_parquet,
    "webdataset": write_webdataset,
}
"""Every form by its name on the command line."""
_OPENED = {
    "mds": "Open with `streaming.StreamingDataset(local=DIR)`; the ids are the column `tokens`.",
    "olmo": "Open with OLMo-core: `paths=['DIR/*.npy']`, `expand_glob=True`, `dtype` {dtype}.",
    "webdataset": "Open with `webdataset.WebDataset(URLS).decode()`; the ids are `npy`, the rest is `json`.",
}
"""What the card of a form says where there are no notes."""
_FILES = {"parquet": "*.parquet", "webdataset": "*.tar"}
"""What the hub's viewer and `datasets.load_dataset` read of a directory."""
