"""The stream as training reads it: any sequence by its number, any step by its number.

Sequence n is `seq_len + 1` ids from position n * seq_len of all shards laid end to end (the last is
the target of the last but one; the next sequence begins with it). Step s reads the same sequences
whatever the number of ranks, loader workers or restarts. Limits: local files; the ids after the
last whole sequence are not read.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io.parquet import read_table
from corpusforge.shard.formats import Idx, packing_of, read_idx
from corpusforge.shard.schedule import Schedule, Skipped

__all__ = ["Place", "TokenStream", "torch_dataset"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token comes from: `offset` counts ids from the beginning of the document.

    `id` and `source` are empty for padding.
    """

    source: str
    id: str
    copy: int
    offset: int


class TokenStream:
    """The shards of one directory as one stream of training sequences.

    `stream[n]` is sequence n; iterating gives this rank's part of each batch, [sequences, seq_len
    + 1], from `step` on. `batch_size` counts sequences over all ranks: a number, or (first step,
    size) pairs. Sequences packed by the shard writer have `seq_len` ids and do not overlap.
    """

    def __init__(
        self,
        directory: str | Path,
        seq_len: int,
        batch_size: int | Sequence[tuple[int, int]] = 1,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if not 0 <= rank < world:
            raise InputError(f"rank {rank} of {world}: expected 0 to {world - 1}.")
        if seq_len < 1:
            raise InputError(f"seq_len is {seq_len}; expected 1 or more.")
        self.directory = Path(directory)
        self.seq_len = seq_len
        self.rank = rank
        self.world = world
        self.schedule = Schedule.of(batch_size)
        self.skipped = Skipped()
        self.step = 0
        self._bins = sorted(self.directory.glob("*.bin"))
        if not self._bins:
            raise InputError(f"{directory}: no shards (*.bin). Give shards/train of a run.")
        idx = [read_idx(str(path.with_suffix(".idx"))) for path in self._bins]
        self.dtype = idx[0].dtype
        self.packing, packed = self._packing()
        sizes = [self._ids(*one, packed) for one in zip(self._bins, idx, strict=True)]
        self._starts = np.cumsum([0, *sizes]).tolist()
        if packed and packed != seq_len:
            raise InputError(f"{directory}: packed in sequences of {packed}, not {seq_len}.")
        self._overlap = 0 if packed else 1
        self._maps: list[NDArray[Any] | None] = [None] * len(self._bins)
        self._indexes: dict[int, tuple[NDArray[np.int64], pa.Table]] = {}

    def _packing(self) -> tuple[str, int]:
        found = {packing_of(pq.read_schema(path.with_suffix(".parquet"))) for path in self._bins}
        if len(found) > 1:
            raise InputError(f"{self.directory}: shards of several packings. Keep each in its own.")
        return found.pop()

    def _ids(self, path: Path, idx: Idx, packed: int) -> int:
        """Return the ids of a shard; raises InputError where they are not what its index says."""
        count, rest = divmod(path.stat().st_size, self.dtype.itemsize)
        indexed = int(idx.sizes.sum())
        if idx.dtype != self.dtype:
            raise InputError(f"{path}: ids of {idx.dtype}, those before of {self.dtype}: two runs?")
        if rest or (count % packed or count < indexed if packed else count != indexed):
            raise InputError(
                f"{path}: {path.stat().st_size} bytes are not the {indexed} ids of its index. Copy the shard "
                "again, or verify the run."
            )
        return count

    @property
    def tokens(self) -> int:
        """Ids of all shards."""
        return int(self._starts[-1])

    @property
    def fingerprint(self) -> str:
        """Names the data: shard sizes, and the ends of each shard."""
        digest = hashlib.sha256(repr((self.dtype.str, self._starts)).encode())
        for path in self._bins:
            with path.open("rb") as stream:
                digest.update(stream.read(4096))
                stream.seek(-min(4096, path.stat().st_size), 2)
                digest.update(stream.read(4096))
        return digest.hexdigest()

    def __len__(self) -> int:
        return max(0, (self.tokens - self._overlap) // self.seq_len)

    def __getitem__(self, number: int) -> NDArray[Any]:
        """Return sequence `number` (negative: from the end), an array of its own."""
        count = len(self)
        if number < 0:
            number += count
        if not 0 <= number < count:
            raise IndexError(f"sequence {number} of {count}")
        start = number * self.seq_len
        return self.read(start, start + self.seq_len + self._overlap)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return ids `start` to `stop` of the stream, across shards, as an array of their own."""
        shard = bisect.bisect_right(self._starts, start) - 1
        base = self._starts[shard]
        if stop <= self._starts[shard + 1]:
            return self._map(shard)[start - base : stop - base].copy()
        pieces = []
        while start < stop:
            end = min(stop, self._starts[shard + 1])
            pieces.append(self._map(shard)[start - self._starts[shard] : end - self._starts[shard]])
            start, shard = end, shard + 1
        return np.concatenate(pieces)

    def _map(self, shard: int) -> NDArray[Any]:
        mapped = self._maps[shard]
        if mapped is None:
            path = self._bins[shard]
            empty = not path.stat().st_size
            data = np.zeros(0, self.dtype) if empty else np.memmap(path, self.dtype, "r")
            mapped = self._maps[shard] = np.asarray(data)
        return mapped

    def locate(self, position: int) -> Place:
        """Return source and document of the id at `position` of the stream."""
        if not 0 <= position < self.tokens:
            raise IndexError(f"position {position} of {self.tokens}")
        shard = bisect.bisect_right(self._starts, position) - 1
        if shard not in self._indexes:
            table = read_table(str(self._bins[shard].with_suffix(".parquet")))
            self._indexes[shard] = (table.column("start").to_numpy(), table)
        starts, table = self._indexes[shard]
        inside = position - self._starts[shard]
        row = int(np.searchsorted(starts, inside, side="right")) - 1
        offset = inside - int(starts[row])
        size = table.column("tokens")[row].as_py()
        if offset >= size:
            return Place("", "", 0, offset - size)
        source, name, copy = (table.column(key)[row].as_py() for key in ("source", "id", "copy"))
        return Place(source, name, copy, offset)

    def documents(self, number: int) -> list[Place]:
        """Return the documents that sequence `number` holds, in order, by their first ids in it."""
        start = number * self.seq_len
        stop = start + self.seq_len + self._overlap
        return [place for _, place in self.places(start, stop) if place.id]

    def places(self, start: int, stop: int) -> Iterator[tuple[int, Place]]:
        """Yield each document, or padding, of a stretch of the stream by its first position in it."""
        while start < stop:
            yield start, self.locate(start)
            start = self._next(start)

    def _next(self, position: int) -> int:
        """Return the first position after `position` that begins a document or padding."""
        shard = bisect.bisect_right(self._starts, position) - 1
        starts, table = self._indexes[shard]
        inside = position - self._starts[shard]
        row = int(np.searchsorted(starts, inside, side="right")) - 1
        end = int(starts[row]) + table.column("tokens")[row].as_py()
        following = int(starts[row + 1]) if row + 1 < len(starts) else None
        if inside < end:
            return int(self._starts[shard]) + end
        last = int(self._starts[shard + 1])
        return last if following is None else int(self._starts[shard]) + following

    def numbers(self, step: int) -> NDArray[np.int64]:
        """Return the sequence numbers that all ranks together read at `step`; fewer at the end."""
        ranks = np.arange(self.schedule.before(step), self.schedule.before(step + 1))
        numbers = self.skipped.number(ranks)
        return numbers[numbers < len(self)]

    def batches(self, step: int | None = None) -> Iterator[list[int]]:
        """Yield this rank's sequence numbers, step by step, from `step` (default: the current one).

        Serves as `batch_sampler` of a torch DataLoader; reading ahead does not move `step`.
        """
        step = self.step if step is None else step
        while len(numbers := self.numbers(step)):
            yield numbers[self.rank :: self.world].tolist()
            step += 1

    def __iter__(self) -> Iterator[NDArray[Any]]:
        width = self.seq_len + self._overlap
        while len(numbers := self.numbers(self.step)):
            mine = [self[number] for number in numbers[self.rank :: self.world].tolist()]
            self.step += 1
            yield np.stack(mine) if mine else np.zeros((0, width), dtype=self.dtype)

    def restart(self, back: int = 100) -> None:
        """Go back `back` steps (to the beginning at most). Raises InputError for fewer than 0."""
        if back < 0:
            raise InputError(f"back is {back} steps; expected 0 or more.")
        self.step = max(0, self.step - back)

    def skip(self, batches: int) -> None:
        """Never read the sequences of the next `batches` batches; `step` stays.

        Raises InputError for fewer than 0.
        """
        if batches < 0:
            raise InputError(f"batches is {batches}; expected 0 or more.")
        first, last = (
            int(self.skipped.number(np.array(self.schedule.before(step))))
            for step in (self.step, self.step + batches)
        )
        self.skipped = self.skipped.add(first, last)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: plain numbers and text, the same on every rank."""
        return {
            "step": self.step,
            "skipped": [list(bounds) for bounds in self.skipped.ranges],
            "seq_len": self.seq_len,
            "batch_size": [list(pair) for pair in self.schedule.steps],
            "fingerprint": self.fingerprint,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a checkpoint's place; raises InputError where it is of other data or lengths, or is none."""
        missing = {"step", "skipped", "seq_len", "batch_size", "fingerprint"} - state.keys()
        if missing or state["step"] < 0 or any(a < 0 or b < a for a, b in state["skipped"]):
            raise InputError(f"no checkpoint of a stream: {sorted(missing) or 'steps below 0'}.")
        for key in ("seq_len", "fingerprint"):
            if state[key] != getattr(self, key):
                raise InputError(
                    f"the checkpoint's {key} is {state[key]!r} and this stream's is "
                    f"{getattr(self, key)!r}: other shards, or another seq_len."
                )
        self.schedule = Schedule.of([(first, size) for first, size in state["batch_size"]])
        self.skipped = Skipped(tuple((start, stop) for start, stop in state["skipped"]))
        self.step = int(state["step"])

    def torch(self) -> Any:
        """Return the stream as a `torch.utils.data.Dataset` of (inputs, targets), int64 tensors."""
        return torch_dataset(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": [None] * len(self._bins), "_indexes": {}}


def torch_dataset(stream: TokenStream) -> Any:
    """Return a `torch.utils.data.Dataset` of (inputs, targets): int64 tensors, shifted by one.

    Give `stream.batches()` to a DataLoader as its `batch_sampler`: any number of loader workers
    then reads each sequence of this rank once, in order.
    """
    import torch
    from torch.utils.data import Dataset

    class Sequences(Dataset[Any]):
        """Sequences by number."""

        def __len__(self) -> int:
            return len(stream)

        def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
            ids = torch.from_numpy(stream[number].astype(np.int64))
            return ids[:-1], ids[1:]

        def __reduce__(self) -> tuple[Any, tuple[TokenStream]]:
            return torch_dataset, (stream,)

    return Sequences()
