"""The running batch: rows join when there is room, all get one token a step, done rows leave.

Continuous batching as in Orca (Yu et al. 2022): no row waits for the longest of its batch. When
memory runs out the limit on rows is halved, every row goes back to the queue with what it has
answered, and the work goes on; a single row that does not fit becomes an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from corpusforge.models.client import failure
from corpusforge.models.local.heads import Heads
from corpusforge.models.local.load import Loaded
from corpusforge.models.local.prompts import Prompts
from corpusforge.models.local.sample import Chance, choose
from corpusforge.models.local.slab import Slab
from corpusforge.models.records import Completion, FinishReason, Request, Sampling, Usage
from corpusforge.models.thoughts import split

__all__ = ["Batch", "Feed", "Row", "groups", "out_of_memory"]

PREFILL_TOKENS = {"cpu": 4096, "cuda": 32768}
"""Prompt tokens that one forward pass takes at most (a longer prompt goes alone)."""
WASTE = 8
"""Prompts are read together while padding is at most an eighth of the tokens read."""
SMALL = 256
"""Tokens below which padding does not matter: such a pass costs what its calls cost."""
JOIN_SHARE = 8
"""Rows join when an eighth of the places is free: a forward pass for one row costs almost as much
as one for several."""


@dataclass(slots=True)
class Row:
    """One request on its way."""

    request: Request
    prompt: list[int]
    chance: Chance
    stops: tuple[str, ...] = ()
    answer: list[int] = field(default_factory=list)

    @property
    def sampling(self) -> Sampling:
        """The request's sampling values."""
        return self.request.sampling

    @property
    def cached(self) -> int:
        """Tokens whose keys and values are kept; the last one is still to be read."""
        return len(self.prompt) + len(self.answer) - 1

    @property
    def most(self) -> int:
        """The most tokens that this row can come to."""
        return len(self.prompt) + self.sampling.max_tokens


class Feed(Protocol):
    """Where rows come from."""

    def take(self, count: int, *, block: bool) -> list[Row]:
        """Return at most `count` rows; when `block`, wait for one, and none means the end."""


class Batch:
    """Rows in progress on one device."""

    def __init__(self, loaded: Loaded, prompts: Prompts) -> None:
        self.loaded = loaded
        self.prompts = prompts
        self.row_limit = loaded.row_limit
        self.rows: list[Row] = []
        self.slab = Slab()
        self.heads = Heads(loaded)
        self._returned: list[Row] = []
        self._prefill = PREFILL_TOKENS["cuda" if loaded.device.type == "cuda" else "cpu"]

    def run(self, feed: Feed) -> Iterator[Completion]:
        """Yield answers as rows finish, until the feed ends."""
        import torch

        with torch.inference_mode():
            while True:
                try:
                    fresh = self._next(feed)
                    if not fresh and not self.rows:
                        return
                    for cluster in self.heads.clusters(fresh):
                        for group in groups(cluster, self._prefill):
                            yield from self._join(group)
                    if not fresh:
                        yield from self._step()
                except (RuntimeError, MemoryError) as error:
                    if not out_of_memory(error):
                        raise
                    yield from self._retreat()

    def _next(self, feed: Feed) -> list[Row]:
        """Return the rows that join now: as many as there is room for at the longest one's width.

        They stay among the returned ones until they are in, so that an error loses none.
        """
        free = self.row_limit - len(self.rows)
        if self.rows and free < max(1, self.row_limit // JOIN_SHARE):
            return []
        if len(self._returned) < free:
            block = not self.rows and not self._returned
            self._returned += feed.take(free - len(self._returned), block=block)
        count = wide = 0
        for row in self._returned[: max(free, 0)]:
            wide = max(row.most, *(other.most for other in self.rows), wide)
            total = (len(self.rows) + count + 1) * wide
            if (self.rows or count) and total > self.loaded.token_limit:
                break
            count += 1
        return self._returned[:count]

    def _join(self, rows: list[Row]) -> Iterator[Completion]:
        """Read the prompts of new rows in one pass, and answer their first tokens."""
        import torch

        device = self.loaded.device
        length = max(row.cached + 1 for row in rows)
        ids = torch.zeros((len(rows), length), dtype=torch.long)
        mask = torch.zeros((len(rows), length), dtype=torch.long)
        texts = [row.prompt + row.answer for row in rows]
        for index, text in enumerate(texts):
            ids[index, length - len(text) :] = torch.tensor(text)
            mask[index, length - len(text) :] = 1
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        cache, known = self.heads.cache(texts)
        out = self.loaded.read(
            input_ids=ids[:, known:].to(device),
            attention_mask=mask.to(device),
            position_ids=places[:, known:].to(device),
            cache=cache,
            logits_to_keep=1,
        )
        width = max(row.most for row in (*self.rows, *rows))
        capacity = max(1, min(self.row_limit, self.loaded.token_limit // width))
        grown = 2 * (len(self.rows) + len(self._returned))  # a block doubles until it is full
        self.slab.join(cache, length, min(capacity, grown), width)
        entered = {id(row) for row in rows}
        self._returned = [row for row in self._returned if id(row) not in entered]
        self.rows += rows
        yield from self._advance(choose(out.logits[:, -1], rows), len(self.rows) - len(rows))

    def _step(self) -> Iterator[Completion]:
        """Give every row its next token."""
        import torch

        slab, device = self.slab, self.loaded.device
        slab.room()
        cached = torch.tensor([row.cached for row in self.rows])
        columns = torch.arange(slab.longest + 1)[None]
        last = [[row.answer[-1] if row.answer else row.prompt[-1]] for row in self.rows]
        out = self.loaded.read(
            input_ids=torch.tensor(last, device=device),
            attention_mask=(columns >= slab.longest - cached[:, None]).long().to(device),
            position_ids=cached[:, None].to(device),
            cache=slab.cache,
        )
        slab.step(slab.longest + 1)
        yield from self._advance(choose(out.logits[:, -1], self.rows), 0)

    def _advance(self, tokens: list[int], first: int) -> Iterator[Completion]:
        """Append a token to each row from `first` on; let the finished ones leave."""
        done = []
        for index, token in enumerate(tokens, first):
            completion = self._append(self.rows[index], token)
            if completion is not None:
                done.append((index, completion))
        for index, _ in reversed(done):
            self.rows[index] = self.rows[-1]
            self.rows.pop()
            self.slab.leave(index, max((row.cached for row in self.rows), default=0))
        for _, completion in done:
            yield completion

    def _append(self, row: Row, token: int) -> Completion | None:
        if token < 0:
            return failure(row.request, "the model's output is not a number (NaN); try float32")
        row.answer.append(token)
        if token in self.loaded.end_ids:
            return self._finish(row, "stop", self.prompts.decode(row.prompt, row.answer[:-1]))
        text = self.prompts.stopped(row.prompt, row.answer, row.stops)
        if text is not None:
            return self._finish(row, "stop", text)
        if len(row.answer) >= row.sampling.max_tokens:
            return self._finish(row, "length", self.prompts.decode(row.prompt, row.answer))
        return None

    def _finish(self, row: Row, reason: FinishReason, text: str) -> Completion:
        usage = Usage(prompt_tokens=len(row.prompt), completion_tokens=len(row.answer))
        thought = split(text, opened=self.prompts.thinks(row.prompt))
        return Completion(
            key=row.request.key,
            text=thought.text,
            reasoning=thought.reasoning,
            finish_reason=reason,
            model=row.request.model,
            usage=usage,
        )

    def _retreat(self) -> Iterator[Completion]:
        """After memory ran out: send all rows back, and go on with half as many."""
        import torch

        held = max(len(self.rows), min(len(self._returned), self.row_limit), 1)
        self._returned = self.rows + self._returned
        self.rows, self.slab = [], Slab()
        self.heads.clear()
        if self.loaded.device.type == "cuda":
            torch.cuda.empty_cache()
        if held == 1 or self.row_limit == 1:
            row = self._returned.pop(0)
            yield failure(row.request, f"{row.most} tokens do not fit the memory of the device")
        self.row_limit = max(1, min(self.row_limit, held) // 2)


def groups(rows: list[Row], budget: int) -> Iterator[list[Row]]:
    """Cut rows into passes of alike length, none of more than `budget` tokens with its padding."""
    group: list[Row] = []
    real = 0
    for row in sorted(rows, key=lambda row: -row.cached):
        length = row.cached + 1
        padded = (len(group) + 1) * (group[0].cached + 1 if group else length)
        waste = padded - real - length
        if group and (padded > budget or (padded > SMALL and waste * WASTE > padded)):
            yield group
            group, real = [], 0
        group.append(row)
        real += length
    if group:
        yield group


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that a device, or the machine, has no memory left."""
    words = str(error).lower()
    told = "out of memory" in words or "not enough memory" in words or "alloc" in words
    return isinstance(error, MemoryError) or told
