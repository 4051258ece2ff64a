"""datatrove's chain, web archives to shuffled tokens, for `web_chain`; run by an interpreter that has it.

    PYTHON_WITH_DATATROVE -m benchmarks.web_chain_peer ARCHIVES WORK TOKENIZER_JSON LID_176 spacy|split

WarcReader, Trafilatura (precision, as FineWeb), language by fastText, Gopher quality and repetition, C4
(without the end-of-line mark, as FineWeb), MinHash in its four stages, DocumentTokenizer with its
shuffle. Everything else stands at its defaults, except that a page may take a minute and not a second,
so that other work on the machine costs no page, and that Trafilatura looks for no repeated segments, which
is cheaper. Steps are run directly, without the executor, which could only add time; the extractor's own
process is a child and counts. `split` cuts words at white space and sentences at their marks instead of
spaCy's, which is cheaper than any setting datatrove has.
Prints CPU seconds of each step, children included. Needs datatrove[processing,io], spaCy,
tokenizers; nothing of corpusforge.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from benchmarks import harness

OPTIONS = harness.arguments(__doc__)
for name in ("archives", "work", "vocabulary", "lid"):
    OPTIONS.add_argument(name)
OPTIONS.add_argument("words", choices=("spacy", "split"))
if __name__ == "__main__":
    GIVEN = OPTIONS.parse_args()  # before datatrove is asked for, so that --help needs none

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from datatrove.pipeline.extractors import Trafilatura  # noqa: E402
from datatrove.pipeline.filters import (  # noqa: E402
    C4QualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
    c4_filters,
    gopher_quality_filter,
    gopher_repetition_filter,
)
from datatrove.pipeline.readers import WarcReader  # noqa: E402
from datatrove.pipeline.writers import JsonlWriter  # noqa: E402
from fasttext.FastText import _FastText  # noqa: E402
from loguru import logger  # noqa: E402

from benchmarks.whole_chain_peer import duplicates_of, run, tokens_of  # noqa: E402

SENTENCE = re.compile(r"(?<=[.!?])\s+")


def filters(archives: str, work: str, lid: str) -> int:
    """Read, extract, tell the language, filter and write; return the documents kept."""
    language = LanguageFilter(label_only=True)
    language.model._model = _FastText(lid)
    return run(
        WarcReader(archives),
        Trafilatura(favour_precision=True, deduplicate=False, timeout=60),
        language,
        GopherQualityFilter(),
        GopherRepetitionFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        JsonlWriter(f"{work}/filtered"),
    )


def main() -> None:
    """Run the chain; print CPU seconds since the process began, step by step."""
    archives, work, vocabulary = GIVEN.archives, GIVEN.work, GIVEN.vocabulary
    lid, words = GIVEN.lid, GIVEN.words
    logger.remove()
    if words == "split":
        for module in (gopher_quality_filter, gopher_repetition_filter):
            module.split_into_words = lambda text, language="": text.split()
        c4_filters.split_into_sentences = lambda text, language="": SENTENCE.split(text)
    Path(work).mkdir(parents=True)
    clock = harness.Clock()
    marks: dict[str, float] = {}
    filters(archives, work, lid)
    marks["extraction, language, filters"] = clock.cpu() + clock.children()
    duplicates_of(work, words == "split")
    marks["MinHash, stages 1 to 3"] = clock.cpu() + clock.children()
    tokens_of(work, vocabulary)
    marks["MinHash stage 4, tokens"] = clock.cpu() + clock.children()
    times = [0.0, *marks.values()]
    harness.figures({name: times[i + 1] - times[i] for i, name in enumerate(marks)})


if __name__ == "__main__":
    main()
