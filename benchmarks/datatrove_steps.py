"""Steps of datatrove's chains, run directly; not a benchmark by itself.

Without the executor, which could only add time. Imported where an interpreter that has datatrove[processing]
and spaCy runs one of the peers (`harness.peer`, on one thread); nothing of corpusforge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

from datatrove.pipeline.dedup import minhash
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.tokens import DocumentTokenizer
from datatrove.pipeline.writers import JsonlWriter
from loguru import logger

from benchmarks import harness

CONFIG = minhash.MinhashConfig()


class WhiteSpace:
    """A word tokenizer that splits at white space."""

    def word_tokenize(self, text: str) -> list[str]:
        """Return the words of a text."""
        return text.split()


def split_at_white_space(*modules: ModuleType) -> None:
    """Let modules of filters take words at white space, not spaCy's."""
    for module in modules:
        module.split_into_words = lambda text, language="": text.split()


def run(*steps) -> int:
    """Run steps as one pipeline of one task; return the documents that come out at its end."""
    stream: Iterable | None = None
    for step in steps:
        stream = step.run(stream, 0, 1)
    return sum(1 for _ in stream or ())


def clusters(work: object) -> None:
    """Run MinHash stages 2 and 3 over the signatures in WORK/sig."""
    for rank in range(CONFIG.num_buckets):
        step = minhash.MinhashDedupBuckets(f"{work}/sig", f"{work}/buckets", config=CONFIG)
        step.run(None, rank, CONFIG.num_buckets)
    minhash.MinhashDedupCluster(f"{work}/buckets", f"{work}/remove", config=CONFIG).run(None, 0, 1)


def duplicates_of(work: str, split: bool) -> None:
    """Run MinHash stages 1 to 3 over the filtered documents; `split` as in `chain`."""
    signature = minhash.MinhashDedupSignature(f"{work}/sig", config=CONFIG)
    if split:
        signature.word_tokenizer = WhiteSpace()
    run(JsonlReader(f"{work}/filtered"), signature)
    clusters(work)


def tokens_of(work: str, vocabulary: str) -> None:
    """Run MinHash stage 4, write the documents kept, tokenize and shuffle them."""
    run(
        JsonlReader(f"{work}/filtered"),
        minhash.MinhashDedupFilter(f"{work}/remove"),
        JsonlWriter(f"{work}/kept"),
        DocumentTokenizer(f"{work}/tokens", vocabulary, eos_token="<|endoftext|>", seed=1),
    )


def chain(
    name: str, filters: Callable[[], object], work: str, vocabulary: str, *, split: bool
) -> None:
    """Run filters (called `name`, writing WORK/filtered), MinHash and the tokenizer; print seconds of each.

    They are CPU seconds, children included, the start not. `split`: MinHash's words are split at white space.
    """
    logger.remove()
    Path(work).mkdir(parents=True)
    steps = {
        name: filters,
        "MinHash, stages 1 to 3": lambda: duplicates_of(work, split),
        "MinHash stage 4, tokens": lambda: tokens_of(work, vocabulary),
    }
    seconds = {}
    for step, call in steps.items():
        clock = harness.Clock()
        call()
        seconds[step] = clock.cpu() + clock.children()
    harness.figures(seconds)
