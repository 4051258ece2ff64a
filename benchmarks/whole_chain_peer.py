"""datatrove's chain, text to shuffled tokens, for `whole_chain`; run by an interpreter that has it.

    PYTHON_WITH_DATATROVE -m benchmarks.whole_chain_peer CORPUS WORK TOKENIZER_JSON DUPLICATES spacy|split

Gopher quality, Gopher repetition and FineWeb filters, MinHash in its four stages, DocumentTokenizer
with its shuffle: everything at its defaults except DUPLICATES, the bound on characters in repeated
lines. Steps are run directly, in this one process, without the executor, which could only add time;
the last pass reads once for filter, writer and tokenizer. `split` takes words at white space in the
three filters and in MinHash instead of spaCy's, which is cheaper than any setting datatrove has.
Prints CPU seconds of each step. Needs datatrove[processing], spaCy, tokenizers; nothing of
corpusforge.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from benchmarks import harness

OPTIONS = harness.arguments(__doc__)
for name in ("corpus", "work", "vocabulary"):
    OPTIONS.add_argument(name)
OPTIONS.add_argument("duplicates", type=float)
OPTIONS.add_argument("words", choices=("spacy", "split"))
if __name__ == "__main__":
    GIVEN = OPTIONS.parse_args()  # before datatrove is asked for, so that --help needs none

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from datatrove.pipeline.dedup import minhash  # noqa: E402
from datatrove.pipeline.filters import (  # noqa: E402
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)
from datatrove.pipeline.readers import JsonlReader  # noqa: E402
from datatrove.pipeline.tokens import DocumentTokenizer  # noqa: E402
from datatrove.pipeline.writers import JsonlWriter  # noqa: E402
from loguru import logger  # noqa: E402

CONFIG = minhash.MinhashConfig()


class WhiteSpace:
    """A word tokenizer that splits at white space."""

    def word_tokenize(self, text: str) -> list[str]:
        """Return the words of a text."""
        return text.split()


def run(*steps) -> int:
    """Run steps as one pipeline of one task; return the documents that come out at its end."""
    stream: Iterable | None = None
    for step in steps:
        stream = step.run(stream, 0, 1)
    return sum(1 for _ in stream or ())


def filters(corpus: str, work: str, duplicates: float) -> int:
    """Read, filter and write; return the documents kept."""
    return run(
        JsonlReader(corpus),
        GopherQualityFilter(),
        GopherRepetitionFilter(),
        FineWebQualityFilter(char_duplicates_ratio=duplicates),
        JsonlWriter(f"{work}/filtered"),
    )


def duplicates_of(work: str, split: bool) -> None:
    """Run MinHash stages 1 to 3 over the filtered documents."""
    signature = minhash.MinhashDedupSignature(f"{work}/sig", config=CONFIG)
    if split:
        signature.word_tokenizer = WhiteSpace()
    run(JsonlReader(f"{work}/filtered"), signature)
    for rank in range(CONFIG.num_buckets):
        step = minhash.MinhashDedupBuckets(f"{work}/sig", f"{work}/buckets", config=CONFIG)
        step.run(None, rank, CONFIG.num_buckets)
    minhash.MinhashDedupCluster(f"{work}/buckets", f"{work}/remove", config=CONFIG).run(None, 0, 1)


def tokens_of(work: str, vocabulary: str) -> None:
    """Run MinHash stage 4, write the documents kept, tokenize and shuffle them."""
    run(
        JsonlReader(f"{work}/filtered"),
        minhash.MinhashDedupFilter(f"{work}/remove"),
        JsonlWriter(f"{work}/kept"),
        DocumentTokenizer(f"{work}/tokens", vocabulary, eos_token="<|endoftext|>", seed=1),
    )


def main() -> None:
    """Run the chain; print CPU seconds, step by step; the start is not in them."""
    work = GIVEN.work
    logger.remove()
    if GIVEN.words == "split":
        for module in (fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter):
            module.split_into_words = lambda text, language="": text.split()
    Path(work).mkdir(parents=True)
    seconds = {}
    clock = harness.Clock()
    filters(GIVEN.corpus, work, GIVEN.duplicates)
    seconds["filters"] = clock.cpu()
    clock = harness.Clock()
    duplicates_of(work, GIVEN.words == "split")
    seconds["MinHash, stages 1 to 3"] = clock.cpu()
    clock = harness.Clock()
    tokens_of(work, GIVEN.vocabulary)
    seconds["MinHash stage 4, tokens"] = clock.cpu()
    harness.figures(seconds)


if __name__ == "__main__":
    main()
