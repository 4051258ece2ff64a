"""What turns texts into ids: tiktoken, and an accelerator over it (`huggingface` has the third).

Every engine gives flat uint32 ids and offsets, without end-of-document ids, takes the names of special
tokens that stand in a text for ordinary text, and counts characters that have no id. Accelerators are
our own kernel and gigatoken (a young library of a single author). Their batches are checked: the ids
must decode to the texts' own bytes, and a hash sample of the documents is encoded by tiktoken too. A
batch that fails is encoded by tiktoken whole, and the accelerator stays off. Limit: a wrong merge outside
the sample that decodes to the same bytes is not seen; `check_share = 1` compares everything.
"""

from __future__ import annotations

import itertools
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.hashing import uniform
from corpusforge.text.jit import jit
from corpusforge.text.packed import packed
from corpusforge.text.word64 import head
from corpusforge.tokenize.kernel import SUPPORTED, Kernel
from corpusforge.tokenize.kernel import encode as kernel_encode
from corpusforge.tokenize.patterns import FAST_PATTERNS, PATTERNS
from corpusforge.tokenize.ranks import dump_ranks

__all__ = ["Accelerated", "Encoder", "Engine", "Ids", "Tiktoken", "accelerate"]

I64 = NDArray[np.int64]
Ids = tuple[NDArray[np.uint32], I64]
"""Flat ids and offsets: document i is `ids[offsets[i]:offsets[i + 1]]`."""

Encoder = Callable[[pa.Array], Ids]


class Engine(Protocol):
    """An encoder of batches."""

    def encode(self, texts: pa.Array) -> Ids:
        """Return the ids of each text, without end-of-document ids.

        `texts` are strings [texts]; ids are uint32 [tokens], offsets int64 [texts + 1].
        """
        ...

    def counted(self, texts: pa.Array) -> tuple[NDArray[np.uint32], I64, I64]:
        """Return ids and offsets, and how many characters of each text have no id of their own.

        `texts` are strings [texts]; uint32 [tokens], int64 [texts + 1], int64 [texts].
        """
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; broken UTF-8 (a cut token) becomes U+FFFD."""
        ...


def _flat(pieces: Sequence[NDArray[np.uint32]]) -> Ids:
    offsets = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    ids = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.uint32)
    return ids, offsets


class Tiktoken:
    """Byte-level BPE by tiktoken: the reference.

    `whole` is False where the cut may leave out parts of a text: a written pattern need not match all.
    """

    def __init__(self, encoding: Any, *, whole: bool = True) -> None:
        self.encoding = encoding
        self.whole = whole

    @classmethod
    def of_ranks(
        cls, ranks: Mapping[bytes, int], pattern: str, specials: dict[str, int]
    ) -> Tiktoken:
        """Return the engine of ranks and a named or written pattern."""
        import tiktoken

        cut = FAST_PATTERNS.get(pattern, pattern)
        try:
            encoding = tiktoken.Encoding(
                "ranks", pat_str=cut, mergeable_ranks=dict(ranks), special_tokens=specials
            )
        except ValueError as error:
            raise InputError(f"tokenize.pattern {pattern!r} is not usable: {error}.") from error
        return cls(encoding, whole=cut in (*FAST_PATTERNS.values(), *PATTERNS.values()))

    def encode(self, texts: pa.Array) -> Ids:
        """Return flat ids and offsets; text that spells a special token is ordinary text.

        `texts` are strings [texts]; ids are uint32 [tokens], offsets int64 [texts + 1].
        """
        encode = self.encoding.encode_to_numpy
        return _flat([encode(text or "", disallowed_special=()) for text in texts.to_pylist()])

    def counted(self, texts: pa.Array) -> tuple[NDArray[np.uint32], I64, I64]:
        """Return flat ids, offsets, and characters between the pieces that the pattern finds.

        `texts` are strings [texts]; uint32 [tokens], int64 [texts + 1], int64 [texts].
        """
        ids, offsets = self.encode(texts)
        lost = np.zeros(len(texts), dtype=np.int64)
        if not self.whole:
            for row, text in enumerate(texts.to_pylist()):
                # pieces begin and end between characters, so what is there is valid UTF-8
                kept = self.encoding.decode_bytes(ids[offsets[row] : offsets[row + 1]].tolist())
                lost[row] = len(text or "") - len(kept.decode())
        return ids, offsets, lost

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""
        return str(self.encoding.decode(list(ids)))


def accelerate(
    name: str, reference: Tiktoken, ranks: Mapping[bytes, int], pattern: str, share: float
) -> Engine:
    """Return tiktoken with the accelerator that the settings name in front of it, if any fits."""
    if name == "auto" and pattern in SUPPORTED:
        return Accelerated(reference, ranks, _kernel(reference, ranks, pattern), share)
    if name == "gigatoken":
        if pattern not in PATTERNS:
            raise InputError(
                f"tokenize.accelerator = 'gigatoken' knows the patterns {', '.join(PATTERNS)} "
                f"only, not {pattern!r}. Set accelerator = 'off'."
            )
        return Accelerated(reference, ranks, _gigatoken(ranks, pattern), share)
    return reference


def _kernel(reference: Tiktoken, ranks: Mapping[bytes, int], pattern: str) -> Encoder:
    kernel = Kernel.of(ranks, pattern)

    def encode(texts: pa.Array) -> Ids:
        data, bounds = packed(texts)
        ids, offsets, left = kernel_encode(kernel, data, bounds[: len(texts) + 1])
        if not left.any():
            return ids, offsets
        rest = np.flatnonzero(left)
        others, ends = reference.encode(texts.take(pa.array(rest)))
        pieces = [ids[a:b] for a, b in itertools.pairwise(offsets.tolist())]
        for number, row in enumerate(rest.tolist()):
            pieces[row] = others[ends[number] : ends[number + 1]]
        return _flat(pieces)

    return encode


def _gigatoken(ranks: Mapping[bytes, int], pattern: str) -> Encoder:
    try:
        import gigatoken
    except ImportError as error:
        raise InputError(
            f"tokenize.accelerator = 'gigatoken' is not installed: {error}. "
            "pip install gigatoken, or set accelerator = 'auto'."
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "ranks.tiktoken")
        dump_ranks(path, ranks)
        # Names of special tokens are given to it as none: in a text they are text.
        backend = gigatoken.Tokenizer.from_tiktoken(path, pattern, {}).backend
    return lambda texts: _flat([backend.encode(text or "") for text in texts.to_pylist()])


@jit
def _heads(starts: I64, bytes_: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the first eight bytes of each token as one number [tokens]."""
    heads = np.empty(len(starts) - 1, dtype=np.uint64)
    for token in range(len(heads)):
        heads[token] = head(bytes_, starts[token], starts[token + 1])
    return heads


@jit
def _decodes_to(
    ids: NDArray[np.uint32],
    starts: I64,
    bytes_: NDArray[np.uint8],
    heads: NDArray[np.uint64],
    data: NDArray[np.uint8],
    begin: int,
    end: int,
) -> bool:
    """Whether the bytes of `ids` are `data[begin:end]`: eight bytes at once, most tokens have no more."""
    position = begin
    for token in ids:
        if token + 1 >= len(starts) or starts[token] == starts[token + 1]:
            return False  # no such token: a gap in the vocabulary has no bytes
        length = starts[token + 1] - starts[token]
        if position + length > end or head(data, position, position + length) != heads[token]:
            return False
        for at in range(8, length):
            if bytes_[starts[token] + at] != data[position + at]:
                return False
        position += length
    return position == end


class Accelerated:
    """A faster encoder in front of tiktoken, checked batch by batch."""

    def __init__(
        self, reference: Tiktoken, ranks: Mapping[bytes, int], fast: Encoder, share: float
    ) -> None:
        self._fast = fast
        self.reference = reference
        self.share = share
        self.refused = 0
        token_of = {rank: token for token, rank in ranks.items()}
        table = [token_of.get(number, b"") for number in range(max(token_of) + 1)]
        self._starts = np.zeros(len(table) + 1, dtype=np.int64)
        np.cumsum([len(token) for token in table], out=self._starts[1:])
        self._bytes = np.frombuffer(b"".join(table), dtype=np.uint8)
        self._heads = _heads(self._starts, self._bytes)

    def encode(self, texts: pa.Array) -> Ids:
        """Return flat ids and offsets: tiktoken's, from the first batch found to differ.

        `texts` are strings [texts]; ids are uint32 [tokens], offsets int64 [texts + 1].
        """
        if self.refused:
            return self.reference.encode(texts)
        ids, offsets = self._fast(texts)
        if self._agrees(texts, ids, offsets):
            return ids, offsets
        self.refused += 1
        return self.reference.encode(texts)

    def counted(self, texts: pa.Array) -> tuple[NDArray[np.uint32], I64, I64]:
        """Return flat ids and offsets, and zeros: a checked batch decodes to its texts' own bytes.

        `texts` are strings [texts]; uint32 [tokens], int64 [texts + 1], int64 [texts].
        """
        return *self.encode(texts), np.zeros(len(texts), dtype=np.int64)

    def _agrees(self, texts: pa.Array, ids: NDArray[np.uint32], offsets: NDArray[np.int64]) -> bool:
        data, bounds = packed(texts)
        begin, end = int(bounds[0]), int(bounds[len(texts)])
        if not _decodes_to(ids, self._starts, self._bytes, self._heads, data, begin, end):
            return False
        rows = _sample(data, bounds[: len(texts) + 1], self.share)
        expected, ends = self.reference.encode(texts.take(pa.array(rows, type=pa.int64())))
        return all(
            np.array_equal(ids[offsets[row] : offsets[row + 1]], expected[ends[n] : ends[n + 1]])
            for n, row in enumerate(rows)
        )

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""
        return self.reference.decode(ids)


def _sample(data: NDArray[np.uint8], bounds: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return the rows to compare, at least one, drawn by a document's length and first bytes."""
    heads = [
        zlib.crc32(data[a : min(b, a + 64)].tobytes())
        for a, b in itertools.pairwise(bounds.tolist())
    ]
    if not heads:
        return np.zeros(0, dtype=np.int64)
    keys = np.array(heads, dtype=np.uint64) << np.uint64(32) | np.diff(bounds).astype(np.uint64)
    draws = uniform(keys, 0, "accelerator check")
    rows = np.flatnonzero(draws < share)
    return rows if len(rows) else np.array([int(np.argmin(draws))], dtype=np.int64)
