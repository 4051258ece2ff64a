"""fastText's model files (.bin, .ftz), read into arrays; each size is checked, and a cut file is an error.

Layout: `saveModel`, `Args::save`, `Dictionary::save`, `DenseMatrix::save`, `QuantMatrix::save` and
`ProductQuantizer::save` of fastText 0.9.2 (file formats 11 and 12; Joulin et al. 2016).
Limit: only models that classify, not word vectors.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.fasttext_kernel import END, HIERARCHICAL, SOFTMAX, Tables, predict, table_of

__all__ = ["MAGIC", "FastText", "read"]

Data = bytes | mmap.mmap
MAGIC = struct.pack("<i", 793712314)
_VERSIONS = (11, 12)
_SUPERVISED = 3
_NEGATIVE, _ONE_VS_ALL = 2, 4
_CENTROIDS = 256


@dataclass(frozen=True, slots=True, eq=False)
class FastText:
    """A model that labels texts; `labels` are in the order of `predict`'s numbers."""

    labels: tuple[str, ...]
    tables: Tables

    def predict(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], number: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the best labels of each text and their probabilities, best first: [texts, number].

        `data` uint8 and `offsets` int64 [texts + 1] as `text.packed` packs them; a text is one line, and ends
        where a line ends. A label is -1, with probability 0, where there are no more.
        """
        return predict(self.tables, data, offsets, min(number, len(self.labels)))


class _Reader:
    """A place in a file that moves on; EOFError where the file ends first, ValueError for a size below 0."""

    def __init__(self, data: Data) -> None:
        self.data, self.place = data, 0

    def numbers(self, form: str) -> tuple[Any, ...]:
        size = struct.calcsize(form)
        if self.place + size > len(self.data):
            raise EOFError("it ends inside its header")
        found = struct.unpack_from(form, self.data, self.place)
        self.place += size
        if any(number < -1 for number in found):
            raise ValueError(f"a size of {min(found)}")
        return found

    def array(self, kind: str, *shape: int) -> NDArray[Any]:
        form = np.dtype(kind)
        size = int(np.prod(shape, dtype=object)) * form.itemsize
        if self.place + size > len(self.data):
            raise EOFError(f"it has {len(self.data):,} bytes of {self.place + size:,} or more")
        found = np.frombuffer(self.data, form, size // form.itemsize, self.place).reshape(shape)
        self.place += size
        return found

    def text(self) -> bytes:
        end = self.data.find(b"\0", self.place)
        if end < 0:
            raise EOFError("it ends inside its dictionary")
        found = self.data[self.place : end]
        self.place = end + 1
        return found

    def flag(self) -> bool:
        return bool(self.array("u1", 1)[0])

    def dense(self) -> NDArray[np.float32]:
        rows, columns = self.numbers("<qq")
        return self.array("<f4", rows, columns)

    def quantised(self) -> NDArray[np.float32]:
        """Return a matrix of product-quantised rows (Jégou et al. 2011), decoded."""
        normed = self.flag()
        rows, columns, size = self.numbers("<qqi")
        codes = self.array("u1", size)
        parts, width, last, centroids = self.quantizer()
        if size != rows * parts or columns != width * (parts - 1) + last:
            raise ValueError(f"{size:,} codes for {rows:,} rows of {columns:,} numbers")
        found = np.empty((rows, columns), np.float32)
        for part in range(parts):
            wide = width if part < parts - 1 else last
            start = part * _CENTROIDS * width
            table = centroids[start : start + _CENTROIDS * wide].reshape(_CENTROIDS, wide)
            found[:, part * width : part * width + wide] = table[codes[part::parts]]
        if normed:
            norms = self.array("u1", rows)
            found *= self.quantizer()[3][norms][:, None]
        return found

    def quantizer(self) -> tuple[int, int, int, NDArray[np.float32]]:
        dimension, parts, width, last = self.numbers("<iiii")
        if parts < 1 or dimension != width * (parts - 1) + last or not 0 < last <= width:
            raise ValueError(f"{parts} parts of {width} numbers for {dimension}")
        return parts, width, last, self.array("<f4", dimension * _CENTROIDS)


def read(data: Data) -> FastText:
    """Return the model of a file's bytes; matrices of a mapped .bin stay in the file.

    Raises EOFError where the file ends early, ValueError where it is none or says what no file says.
    """
    if data[:4] != MAGIC:
        raise ValueError("it does not begin as one")
    file = _Reader(data)
    file.place = 4
    (version,) = file.numbers("<i")
    if version not in _VERSIONS:
        raise ValueError(f"file format {version}, not {_VERSIONS[0]} or {_VERSIONS[1]}")
    settings = file.numbers("<12i")
    file.array("<f8", 1)  # the threshold of sampling
    dimension, grams, loss, kind, bucket, least, most = (
        settings[n] for n in (0, 5, 6, 7, 8, 9, 10)
    )
    if kind != _SUPERVISED or loss not in (HIERARCHICAL, _NEGATIVE, SOFTMAX, _ONE_VS_ALL):
        raise ValueError("it does not classify: train_supervised makes models that do")
    most = 0 if version == 11 else most  # it had the setting and no such features
    if bucket < 1 and (most > 0 or grams > 1):
        raise ValueError(f"{bucket} buckets for its pieces of words or n-grams")
    words, labels, counts, pruned = _dictionary(file)
    quantised = file.flag()
    rows = file.quantised() if quantised else file.dense()
    output = file.quantised() if file.flag() and quantised else file.dense()
    kept = _kept(pruned, bucket)
    features = len(pruned) if pruned is not None else bucket
    if rows.shape[1] != dimension or output.shape != (len(labels), dimension):
        raise ValueError(f"matrices of {rows.shape} and {output.shape} for {dimension} numbers")
    if len(rows) < len(words) + features or (len(kept) and kept.max() >= len(rows) - len(words)):
        raise ValueError(f"{len(rows):,} rows for {len(words):,} words and {features:,} features")
    tables = Tables(
        np.array([least, most, grams, bucket, len(words), loss], np.int64),
        *table_of(words),
        words.index(END) if END in words else -1,
        kept,
        rows,
        output,
        _tree(counts) if loss == HIERARCHICAL else np.zeros((0, 2), np.int32),
    )
    return FastText(tuple(labels), tables)


def _dictionary(
    file: _Reader,
) -> tuple[list[bytes], list[str], list[int], NDArray[np.int32] | None]:
    """Return words, labels with their counts, and (feature, row) of the features that pruning left."""
    size, known, labelled, _, pruned = file.numbers("<iiiqq")
    if size != known + labelled or labelled < 1:
        raise ValueError(f"{known:,} words and {labelled:,} labels of {size:,}")
    words: list[bytes] = []
    labels: list[str] = []
    counts: list[int] = []
    for _ in range(size):
        word = file.text()
        count, kind = file.numbers("<qb")
        if kind:
            labels.append(word.decode("utf-8", "replace"))
            counts.append(count)
        else:
            words.append(word)
    if len(words) != known:
        raise ValueError(f"{len(words):,} words, not {known:,}")
    return words, labels, counts, None if pruned < 0 else file.array("<i4", pruned, 2)


def _kept(pruned: NDArray[np.int32] | None, bucket: int) -> NDArray[np.int32]:
    """Return the row of each feature, -1 for those left out; nothing where all have rows of their own."""
    if pruned is None:
        return np.zeros(0, np.int32)
    found = np.full(max(bucket, 1), -1, np.int32)
    inside = (pruned[:, 0] >= 0) & (pruned[:, 0] < bucket) & (pruned[:, 1] >= 0)
    if not inside.all():
        raise ValueError("features beyond its buckets")
    found[pruned[:, 0]] = pruned[:, 1]
    return found


def _tree(counts: list[int]) -> NDArray[np.int32]:
    """Return (left, right) of each node of the Huffman tree over labels, -1 for leaves; the root is last."""
    size = len(counts)
    weight = [*counts, *[10**15] * (size - 1)]
    children = np.full((2 * size - 1, 2), -1, np.int32)
    leaf, node = size - 1, size
    for made in range(size, 2 * size - 1):
        for side in range(2):
            if leaf >= 0 and weight[leaf] < weight[node]:
                children[made, side] = leaf
                leaf -= 1
            else:
                children[made, side] = node
                node += 1
        weight[made] = weight[children[made, 0]] + weight[children[made, 1]]
    return children
