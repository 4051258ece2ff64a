"""The persisted index: what later runs need to know of the survivors of this one.

It holds signatures, band keys and narrow columns of survivors, never text: 512 bytes of signature
and 12 a band for each document (128 slots). A later run gives its parts as `index=` to
`find_duplicates`: its documents are kept for good and outrank all new ones. Limit: against the
index the estimate alone decides, for there is no text to compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup.parts import IDS, read_signatures
from corpusforge.dedup.results import Duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import write_bands
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import read_json
from corpusforge.io.parquet import read_batches, write_batches
from corpusforge.text.fold import FOLD

__all__ = ["index_parts", "to_datasketch_lsh", "write_index"]

_DECISIVE = ("slots", "seed", "ngram", "threshold", "recall")
_ROWS = 1 << 16


def write_index(found: Duplicates, directory: str, settings: Settings) -> list[str]:
    """Write the new parts' survivors as an index; return the prefixes of its parts."""
    prefixes = []
    for part in range(found.parts):
        source = found.corpus.prefixes[found.first_part + part]
        target = files.join(directory, f"part-{part:05}")
        keep = np.ones(found.documents_of(part), dtype=bool)
        keep[found.removed_rows(part)] = False
        _write_part(source, target, keep, settings)
        prefixes.append(target)
    used = {name: getattr(settings, name) for name in _DECISIVE}
    used |= {"fold": FOLD, "byte_exact": sorted(settings.byte_exact)}
    files.write_bytes(files.join(directory, "index.json"), msgspec.json.encode(used))
    return prefixes


def _write_part(source: str, target: str, keep: NDArray[np.bool_], settings: Settings) -> None:
    signatures = read_signatures(source, settings.slots)
    rows = np.flatnonzero(keep)
    with files.atomic_write(target + ".sig") as stream:
        for first in range(0, len(rows), _ROWS):
            stream.write(signatures[rows[first : first + _ROWS]].astype("<u4").tobytes())

    def kept() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in read_batches(source + ".ids.parquet", batch_rows=_ROWS):
            yield batch.filter(pa.array(keep[first : first + batch.num_rows]))
            first += batch.num_rows

    write_batches(target + ".ids.parquet", IDS, kept())
    write_bands(target, settings)


def index_parts(directories: Sequence[str], settings: Settings) -> list[str]:
    """Return the part prefixes of earlier indexes; InputError where their settings differ."""
    prefixes: list[str] = []
    for directory in directories:
        path = files.join(directory, "index.json")
        if not files.exists(path):
            raise InputError(
                f"--index: {directory!r} holds no index.json. Name the index/ directory of an "
                "earlier output."
            )
        used = read_json(path)
        if used.get("fold") != FOLD:
            raise InputError(
                f"--index: {directory!r} was made by a version that folds words otherwise. Sign the "
                "earlier run again."
            )
        mine = {name: getattr(settings, name) for name in _DECISIVE}
        mine["byte_exact"] = sorted(settings.byte_exact)
        used.setdefault("byte_exact", [])
        for name, value in mine.items():
            if used.get(name) != value:
                raise InputError(
                    f"--index: {directory!r} was made with {name} {used.get(name)!r}, this run has "
                    f"{value!r}. Use the same, or sign the earlier run again."
                )
        found = files.list_files(files.join(directory, "part-*.sig"))
        prefixes += [info.path.removesuffix(".sig") for info in found]
    return prefixes


def to_datasketch_lsh(prefixes: Sequence[str], settings: Settings) -> object:
    """Return a `datasketch.MinHashLSH` with the same bands over an index's documents, by id."""
    from datasketch import MinHashLSH

    from corpusforge.dedup.plan import make_plan
    from corpusforge.dedup.sign import to_datasketch

    plan = make_plan(settings)
    lsh = MinHashLSH(num_perm=settings.slots, params=(plan.bands, plan.rows))
    with lsh.insertion_session() as session:
        for prefix in prefixes:
            signatures = read_signatures(prefix, settings.slots)
            first = 0
            for batch in read_batches(prefix + ".ids.parquet", ["id"], 1024):
                rows = signatures[first : first + batch.num_rows]
                first += batch.num_rows
                sketches = to_datasketch(rows, settings.seed)
                for name, sketch in zip(batch["id"].to_pylist(), sketches, strict=True):
                    session.insert(name, sketch)
    return lsh
