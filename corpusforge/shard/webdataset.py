"""Shards as tar files in the layout of WebDataset, which `webdataset` and `datasets` read.

A sample is two files that share the name before the dot: `.npy` holds the ids, `.json` the other columns.
Equal shards give equal bytes. Limit: tar rounds each file up to 512 bytes and adds as many, so short
documents take about 2 KB each.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from corpusforge.io import files
from corpusforge.shard.rows import samples

__all__ = ["write_webdataset"]


def write_webdataset(prefixes: Sequence[str], out: Path) -> None:
    """Write `part-NNNNN.tar` for each shard: a sample per document, or per packed sequence."""
    for prefix in prefixes:
        name = Path(prefix).name
        with (
            files.atomic_write(str(out / f"{name}.tar")) as stream,
            tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for number, (row, ids) in enumerate(samples(prefix)):
                packed = io.BytesIO()
                np.save(packed, ids)
                text = json.dumps(row, sort_keys=True, ensure_ascii=False)
                for ending, data in (("json", text.encode()), ("npy", packed.getvalue())):
                    member = tarfile.TarInfo(f"{name}-{number:09d}.{ending}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
