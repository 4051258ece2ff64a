"""Whether shards are what their indexes say: sizes, bounds, end ids, digests.

Limit: without digests a change inside a document is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.parquet import read_table
from corpusforge.shard.formats import packing_of, read_idx

__all__ = ["verify"]


def verify(
    directory: str | Path, digests: Mapping[str, str] | None = None, end_id: int | None = None
) -> list[str]:
    """Return what is wrong with the shards of a directory, a line each; empty where all is well.

    `digests` maps file names to SHA-256; `end_id` is checked at the end of every row that is not `cut`.
    """
    folder = Path(directory)
    problems = []
    for name, expected in sorted((digests or {}).items()):
        path = folder / name
        if not path.exists():
            problems.append(f"{path}: missing")
        elif files.sha256(str(path)) != expected:
            problems.append(f"{path}: its SHA-256 is not the manifest's")
    shards = sorted(folder.glob("*.bin"))
    if not shards:
        problems.append(f"{folder}: no shards")
    for path in shards:
        try:
            problems += [f"{path}: {problem}" for problem in _problems(path, end_id)]
        except (InputError, OSError) as error:
            problems.append(str(error))
    return problems


def _problems(path: Path, end_id: int | None) -> Iterator[str]:
    idx = read_idx(str(path.with_suffix(".idx")))
    table = read_table(str(path.with_suffix(".parquet")))
    starts, tokens = table.column("start").to_numpy(), table.column("tokens").to_numpy()
    size = path.stat().st_size
    packed = packing_of(table.schema)[1]
    if size % (idx.dtype.itemsize * (packed or 1)):
        yield f"{size} bytes are no whole number of ids or sequences"
    if not (
        np.array_equal(idx.sizes, tokens)
        and np.array_equal(idx.documents, np.arange(len(tokens) + 1))
    ):
        yield "the Megatron index and the Parquet index name different documents"
    if not np.array_equal(idx.pointers, starts * idx.dtype.itemsize):
        yield "the Megatron index points elsewhere than the Parquet index"
    ends = starts + tokens
    bound = np.append(starts[1:], size // idx.dtype.itemsize)
    if not packed and not np.array_equal(ends, bound):
        yield "documents do not lie end to end up to the end of the file"
    if packed and (ends > bound).any():
        yield "documents overlap or reach beyond the end of the file"
    if end_id is not None and len(tokens) and ends[-1] * idx.dtype.itemsize <= size:
        ids = np.memmap(path, idx.dtype, "r")
        ended = ~table.column("cut").to_numpy(zero_copy_only=False)
        wrong = np.flatnonzero(np.asarray(ids[ends[ended] - 1]) != end_id)
        if len(wrong):
            yield f"{len(wrong)} documents do not end in the end-of-document id {end_id}"
