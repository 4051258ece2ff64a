"""Documents as one UTF-8 buffer and offsets: what every kernel takes.

An Arrow string array already is that pair, so packing copies nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["packed", "unpacked"]


def packed(texts: pa.Array | Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return (data, offsets): text i is `data[offsets[i]:offsets[i + 1]]`, UTF-8.

    `data` is uint8, one-dimensional, possibly longer than the texts; `offsets` is int64 of
    length n + 1. Nulls count as empty. Zero-copy for large_string arrays.
    """
    if not isinstance(texts, pa.Array):
        texts = pa.array(list(texts), type=pa.large_string())
    if texts.type != pa.large_string():
        texts = texts.cast(pa.large_string())
    if texts.null_count:
        texts = texts.fill_null("")
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[
        texts.offset : texts.offset + len(texts) + 1
    ]
    if len(offsets) == 0:
        offsets = np.zeros(1, dtype=np.int64)
    data = (
        np.frombuffer(data_buffer, dtype=np.uint8)
        if data_buffer is not None and data_buffer.size
        else np.zeros(0, dtype=np.uint8)
    )
    return data, offsets


def unpacked(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], chosen: NDArray[np.bool_]
) -> list[str]:
    """Return the texts of those `chosen` (bool [n]), in order."""
    places = np.flatnonzero(chosen)
    bounds = zip(offsets[places].tolist(), offsets[places + 1].tolist(), strict=True)
    return [data[start:end].tobytes().decode() for start, end in bounds]
