"""datatrove's chain, web archives to shuffled tokens, for `web_chain`; run by an interpreter that has it.

    PYTHON_WITH_DATATROVE -m benchmarks.web_chain_peer ARCHIVES WORK TOKENIZER_JSON LID_176 spacy|split

WarcReader, Trafilatura (precision, as FineWeb), language by fastText, Gopher quality and repetition, C4
(without the end-of-line mark, as FineWeb), MinHash in its four stages, DocumentTokenizer with its
shuffle. Everything else stands at its defaults, except that a page may take a minute and not a second,
so that other work on the machine costs no page, and that Trafilatura looks for no repeated segments, which
is cheaper. Steps are run directly (`datatrove_steps`); the extractor's own process is a child and counts.
`split` cuts words at white space and sentences at their marks instead of spaCy's, which is cheaper than
any setting datatrove has. Prints CPU seconds of each step. Needs datatrove[io] too.
"""

from __future__ import annotations

import re

from benchmarks import harness

SENTENCE = re.compile(r"(?<=[.!?])\s+")


def main() -> None:
    """Run the chain; print CPU seconds, step by step."""
    options = harness.arguments(__doc__)
    for name in ("archives", "work", "vocabulary", "lid"):
        options.add_argument(name)
    options.add_argument("words", choices=("spacy", "split"))
    given = options.parse_args()
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
        c4_filters,
        gopher_quality_filter,
        gopher_repetition_filter,
    )
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers import JsonlWriter
    from fasttext.FastText import _FastText

    from benchmarks import datatrove_steps as steps

    split = given.words == "split"
    if split:
        steps.split_at_white_space(gopher_quality_filter, gopher_repetition_filter)
        c4_filters.split_into_sentences = lambda text, language="": SENTENCE.split(text)

    def filters() -> int:
        language = LanguageFilter(label_only=True)
        language.model._model = _FastText(given.lid)
        return steps.run(
            WarcReader(given.archives),
            Trafilatura(favour_precision=True, deduplicate=False, timeout=60),
            language,
            GopherQualityFilter(),
            GopherRepetitionFilter(),
            C4QualityFilter(filter_no_terminal_punct=False),
            JsonlWriter(f"{given.work}/filtered"),
        )

    name = "extraction, language, filters"
    steps.chain(name, filters, given.work, given.vocabulary, split=split)


if __name__ == "__main__":
    main()
