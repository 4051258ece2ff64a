"""How long a fastText model file must be, by what its header and dictionary say.

fastText reads a file that ends early as if the rest were there, and says nothing. Layout: `saveModel`,
`Dictionary::save`, `DenseMatrix::save`, `QuantMatrix::save` and `ProductQuantizer::save` of fastText 0.9.2
(file format 12, the only one that is measured).
"""

from __future__ import annotations

import mmap
import struct

__all__ = ["MAGIC", "Data", "length"]

Data = bytes | mmap.mmap

MAGIC = struct.pack("<i", 793712314)
_VERSION = struct.pack("<i", 12)
_ARGUMENTS = 12 * 4 + 8  # twelve whole numbers and a float
_CENTROIDS = 256


def length(data: Data) -> int | None:
    """Return how many bytes the whole file has; None where it is no file of this format.

    `data` is the file, or as much of it as there is. Raises EOFError where it ends before that is known,
    ValueError where it says what no file says.
    """
    if data[:8] != MAGIC + _VERSION:
        return None
    try:
        place = _dictionary(data, 8 + _ARGUMENTS)
        quantised = data[place] == 1
        place = _matrix(data, place + 1, quantised=quantised)
        return _matrix(data, place + 1, quantised=quantised and data[place] == 1)
    except (struct.error, IndexError) as error:
        raise EOFError("it ends inside its header") from error


def _numbers(form: str, data: Data, place: int) -> tuple[int, ...]:
    found = struct.unpack_from(form, data, place)
    if any(number < -1 for number in found):
        raise ValueError(f"a size of {min(found)}")
    return found


def _dictionary(data: Data, place: int) -> int:
    """Return where the dictionary ends that begins at `place`."""
    words, _, _, _, pruned = _numbers("<iiiqq", data, place)
    place += struct.calcsize("<iiiqq")
    for _ in range(words):
        end = data.find(b"\0", place)
        if end < 0:
            raise EOFError("it ends inside its dictionary")
        place = end + 1 + 8 + 1  # count and type
    return place + 8 * max(pruned, 0)


def _matrix(data: Data, place: int, *, quantised: bool) -> int:
    """Return where the matrix ends that begins at `place`."""
    if not quantised:
        rows, columns = _numbers("<qq", data, place)
        return place + 16 + 4 * rows * columns
    normed = data[place] == 1
    rows, _, codes = _numbers("<qqi", data, place + 1)
    place = _quantizer(data, place + 1 + 20 + codes)
    return _quantizer(data, place + rows) if normed else place


def _quantizer(data: Data, place: int) -> int:
    (dimension,) = _numbers("<i", data, place)
    return place + 16 + 4 * dimension * _CENTROIDS
