"""What a batch of requests will take, before it starts: memory from sizes, time from two steps.

The time is an upper bound for the steps (every answer as long as allowed) at the speed of a short
probe. Limits: attention over long prompts makes later steps slower than the probe.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from corpusforge.models.local.batch import Batch, Row, out_of_memory
from corpusforge.models.local.load import Loaded

__all__ = ["Probe", "describe", "probe"]

PROBE_PROMPT = 64
PROBE_STEPS = 3


@dataclass(frozen=True, slots=True)
class Probe:
    """Seconds to read one prompt token, and for one step of a full batch."""

    read: float
    step: float


def describe(loaded: Loaded, rows: Sequence[Row], row_limit: int, speed: Probe) -> str:
    """Return one line: memory of weights and cache, work, and the longest time it can take."""
    width = max(row.most for row in rows)
    places = max(1, min(row_limit, loaded.token_limit // width, len(rows)))
    prompt = sum(len(row.prompt) for row in rows)
    answer = sum(row.sampling.max_tokens for row in rows)
    steps = math.ceil(answer / places)
    seconds = prompt * speed.read + steps * speed.step
    cache = places * width * loaded.token_bytes
    return (
        f"{loaded.weight_bytes / 1e9:.3g} GB of weights and {cache / 1e9:.3g} GB of cache "
        f"({places} rows of {width} tokens) on {loaded.device}; {len(rows)} requests, {prompt} "
        f"prompt tokens, at most {answer} new tokens: at most about {_words(seconds)}"
    )


def _words(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def probe(batch: Batch, rows: Sequence[Row]) -> Probe:
    """Measure the model on made-up tokens, with as many rows as will run together."""
    count = max(1, batch.loaded.token_limit // max(row.most for row in rows))
    count = min(count, batch.row_limit)
    length = max(1, min(PROBE_PROMPT, *(len(row.prompt) for row in rows)))
    while True:
        try:
            return _measure(batch.loaded, count, length)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or count == 1:
                raise
            count = batch.row_limit = count // 2


def _measure(loaded: Loaded, count: int, length: int) -> Probe:
    import torch
    from transformers.cache_utils import DynamicCache

    ids = torch.zeros((count, length), dtype=torch.long, device=loaded.device)
    cache = DynamicCache()
    times = []
    with torch.inference_mode():
        for _ in range(PROBE_STEPS):
            start = time.perf_counter()
            out = loaded.read(input_ids=ids, cache=cache, logits_to_keep=1)
            out.logits[0, 0, 0].item()  # waits for the device
            times.append(time.perf_counter() - start)
            ids = ids[:, :1]
    return Probe(read=times[0] / (count * length), step=min(times[1:]))
