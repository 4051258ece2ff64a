"""One attention cache for rows that come and go: a block of memory, every row's end at one column.

Rows lie right-aligned: row r with c cached tokens occupies the columns [end - c, end). A step
appends one column for all rows in place (the stock cache copies everything each step); a row that
leaves is overwritten by the last one. When the block is full, rows move left. Limits: models whose
layers keep something else than keys and values for each token (linear attention, Mamba).
"""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["Slab"]

HEADROOM = 4
"""A block is a quarter wider than its longest row, so moving left is rare."""


class Slab:
    """Keys and values of up to `rows` rows.

    `rows` active rows are the first ones; `end` is the column after their last tokens; `longest`
    is the largest number of tokens cached for a row.
    """

    def __init__(self) -> None:
        self.rows = self.end = self.longest = self.width = self.places = 0
        self.cache = _cache_class()(layers=[])

    @property
    def start(self) -> int:
        """The first column that any row uses."""
        return self.end - self.longest

    def join(self, cache: Any, length: int, capacity: int, width: int) -> None:
        """Add the rows of a prefilled cache of `length` columns.

        Where memory is taken, it is for `capacity` rows; no row will become longer than `width`.
        """
        count = next(layer.keys.shape[0] for layer in cache.layers if layer.keys is not None)
        if not self.cache.layers:
            self.cache.layers.extend(_layer_class()(self) for _ in cache.layers)
        if self.rows + count > self.places or width > self.width:
            self._rebuild(cache, max(capacity, self.rows + count), width, length)
        elif length > self.end:
            self._move(length)
        for mine, new in zip(self.cache.layers, cache.layers, strict=True):
            mine.put(new, self.rows, self.end, length)
        self.rows += count
        self.longest = max(self.longest, length)

    def _rebuild(self, cache: Any, places: int, width: int, length: int) -> None:
        """Take other blocks, as wide as the rows of now need, and carry the rows over."""
        end = max(self.longest, length)
        self.places, self.width = places, width + width // HEADROOM
        for mine, new in zip(self.cache.layers, cache.layers, strict=True):
            mine.rebuild(new, end)
        self.end = end

    def _move(self, end: int) -> None:
        """Move every row so that it ends at column `end`."""
        for layer in self.cache.layers:
            layer.move(self.rows, self.start, self.end, end)
        self.end = end

    def room(self) -> None:
        """See that there is a column for the next token."""
        if self.end == self.width:
            self._move(self.longest)

    def step(self, longest: int) -> None:
        """Count the column that the model has just written; `longest` as it is now."""
        self.end += 1
        self.longest = longest

    def leave(self, row: int, longest: int) -> None:
        """Drop a row; the last row takes its place."""
        self.rows -= 1
        if row != self.rows:
            for layer in self.cache.layers:
                layer.copy(self.rows, row, self.start, self.end)
        self.longest = longest


@functools.cache
def _cache_class() -> Any:
    from transformers.cache_utils import Cache

    return Cache


class _Layer:
    """One layer's keys and values, [rows, heads, width, size]."""

    keys: Any
    values: Any

    def __init__(self, slab: Slab) -> None:
        super().__init__()
        self.slab = slab
        self.is_initialized = True

    def rebuild(self, new: Any, end: int) -> None:
        """Take blocks of the slab's size; the rows come to end at column `end`."""
        if new.keys is None:
            return
        slab = self.slab
        blocks = [_block(like, slab.places, slab.width) for like in (new.keys, new.values)]
        for block, old in zip(blocks, (self.keys, self.values), strict=True):
            if slab.rows:
                held = old[: slab.rows, :, slab.start : slab.end]
                block[: slab.rows, :, end - slab.longest : end] = held
        self.keys, self.values = blocks

    def put(self, new: Any, row: int, end: int, length: int) -> None:
        """Write prefilled rows behind the active ones."""
        if new.keys is not None:
            last = row + new.keys.shape[0]
            self.keys[row:last, :, end - length : end] = new.keys
            self.values[row:last, :, end - length : end] = new.values

    def move(self, rows: int, start: int, end: int, target: int) -> None:
        """Move the columns [start, end) so that they end at `target`."""
        for block in (self.keys, self.values):
            if block is not None and rows:
                held = block[:rows, :, start:end].clone()
                block[:rows, :, target - (end - start) : target] = held

    def copy(self, source: int, row: int, start: int, end: int) -> None:
        """Overwrite a row by another."""
        for block in (self.keys, self.values):
            if block is not None:
                block[row, :, start:end] = block[source, :, start:end]

    def update(self, keys: Any, values: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Write one column; return views of all rows' columns, the new one included."""
        slab = self.slab
        end = slab.end
        self.keys[: slab.rows, :, end : end + 1] = keys
        self.values[: slab.rows, :, end : end + 1] = values
        part = slice(slab.start, end + 1)
        return self.keys[: slab.rows, :, part], self.values[: slab.rows, :, part]

    def get_seq_length(self) -> int:
        """Return how many columns are in use before the next one."""
        return self.slab.longest


@functools.cache
def _layer_class() -> Any:
    """Return `_Layer` as transformers wants it, made here because its base lives there."""
    from transformers.cache_utils import DynamicLayer

    return type("SlabLayer", (_Layer, DynamicLayer), {})


def _block(like: Any, rows: int, width: int) -> Any:
    # zeros, not empty: a masked column still enters products, and 0 * NaN would be NaN
    return like.new_zeros((rows, like.shape[1], width, like.shape[3]))
