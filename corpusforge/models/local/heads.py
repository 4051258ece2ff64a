"""Common heads of prompts: read once, their keys and values copied to every row that begins so.

Prompts of one step begin alike (instructions, worked examples) and differ at their end: of self_instruct's
prompt tokens nine in ten are such a head. As in servers with a prefix cache (vLLM, SGLang, llama.cpp) the
head's keys and values stay, and a row reads its own end alone. Rows of unlike length read a little of the
head again, so that they lie right-aligned without a gap. Limits: a few heads are kept, the last used; heads
shorter than `LEAST` tokens are read with their rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from corpusforge.models.local.load import Loaded

if TYPE_CHECKING:
    from corpusforge.models.local.batch import Row

__all__ = ["LEAST", "Heads", "shared"]

LEAST = 48
"""Tokens from which on a head is worth keeping."""
_KEPT = 8
_SHARE = 16  # of the tokens that the running batch may hold, all heads together


def shared(texts: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all texts begin with in common; one of each is left to be read."""
    most = min(map(len, texts)) - 1
    ordered = sorted(map(tuple, texts))
    first, last = ordered[0], ordered[-1]  # what these two share, all share
    return next((n for n in range(most) if first[n] != last[n]), most)


class Heads:
    """The heads that were read last, with their keys and values."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._kept: dict[tuple[int, ...], Any] = {}  # in the order of their last use

    def clear(self) -> None:
        """Give their memory back."""
        self._kept.clear()

    def clusters(self, rows: Sequence[Row]) -> list[list[Row]]:
        """Return the rows in groups that begin alike; those that no other and no kept head is like come
        last, together."""
        found: dict[tuple[int, ...], list[Row]] = {head[:LEAST]: [] for head in self._kept}
        kept = set(found)
        for row in rows:
            found.setdefault(tuple(row.prompt[:LEAST]), []).append(row)
        alike = {key for key, group in found.items() if len(group) > 1 or key in kept}
        others = [row for key, group in found.items() if key not in alike for row in group]
        return [
            group for group in (*(found[key] for key in found if key in alike), others) if group
        ]

    def cache(self, texts: Sequence[Sequence[int]]) -> tuple[Any, int]:
        """Return (a cache that holds the beginnings of some texts, right-aligned; its columns).

        The longest text lacks all behind the columns, others have as many tokens to be read; 0 columns where
        the texts share too little.
        """
        from transformers.cache_utils import DynamicCache

        cache = DynamicCache()
        head, columns = self._head(texts)
        if not columns:
            return cache, 0
        longest = max(map(len, texts))
        known = [max(0, len(text) - (longest - columns)) for text in texts]
        for number, layer in enumerate(self._kept[head].layers):
            keys, values = (
                block.new_zeros((len(texts), block.shape[1], columns, block.shape[3]))
                for block in (layer.keys, layer.values)
            )
            for row, count in enumerate(known):
                if count:
                    keys[row, :, columns - count :] = layer.keys[0, :, :count]
                    values[row, :, columns - count :] = layer.values[0, :, :count]
            cache.update(keys, values, number)
        return cache, columns

    def _head(self, texts: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], int]:
        """A head, read where none will do, and how many of its tokens all texts begin with."""
        common = shared(texts)
        if common < LEAST:
            return (), 0
        begin = tuple(texts[0][:common])
        fits = {head: shared(((*head, -1), (*begin, -1))) for head in self._kept}
        best = max(fits, key=fits.__getitem__, default=begin)
        if 2 * fits.get(best, 0) < common and len(texts) > 1:
            best, fits[begin] = begin, common
            self._read(begin)
        if fits.get(best, 0) < LEAST:
            return (), 0
        self._kept[best] = self._kept.pop(best)
        return best, fits[best]

    def _read(self, head: tuple[int, ...]) -> None:
        import torch
        from transformers.cache_utils import DynamicCache

        cache = DynamicCache()
        ids = torch.tensor([head], device=self._loaded.device)
        self._loaded.read(input_ids=ids, cache=cache, logits_to_keep=1)
        self._kept[head] = cache
        while len(self._kept) > 1 and (
            len(self._kept) > _KEPT or sum(map(len, self._kept)) * _SHARE > self._loaded.token_limit
        ):
            self._kept.pop(next(iter(self._kept)))
