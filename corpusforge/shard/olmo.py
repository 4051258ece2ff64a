"""Shards as OLMo-core reads them: Dolma's flat `.npy`, and the bounds of documents beside it.

`.npy` is raw ids without NumPy's header, as `.bin` is: the same bytes under the name that OLMo-core and Dolma
look for. `.csv.gz` has a line per document, "start,end,id,source", of which OLMo-core reads the first two
and Dolma's own writer gives five. Limit: OLMo-core takes the type of ids from its settings or the size of the
vocabulary, not from the file; the card names it.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

from corpusforge.io import files
from corpusforge.io.parquet import read_table

__all__ = ["write_olmo"]

_CHUNK = 1 << 24


def write_olmo(prefixes: Sequence[str], out: Path) -> None:
    """Write `part-NNNNN.npy` and `part-NNNNN.csv.gz` for each shard."""
    for prefix in prefixes:
        target = str(out / Path(prefix).name)
        with (
            files.open_raw(f"{prefix}.bin") as ids,
            files.atomic_write(f"{target}.npy") as stream,
        ):
            while chunk := ids.read(_CHUNK):
                stream.write(chunk)
        table = read_table(f"{prefix}.parquet", ["id", "source", "start", "tokens"])
        with (
            files.atomic_write(f"{target}.csv.gz") as stream,
            # no name and no time in the header: equal shards give equal bytes
            gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
        ):
            write = csv.writer(text, lineterminator="\n").writerow
            for batch in table.to_batches(max_chunksize=1 << 16):
                for row in batch.to_pylist():
                    write((row["start"], row["start"] + row["tokens"], row["id"], row["source"]))
