"""datatrove's three filters over texts, for `filter_speed`; run by an interpreter that has it.

    PYTHON_WITH_DATATROVE -m benchmarks.filter_peer spacy|split DUPLICATE_LINE_CHARS < texts.json

Prints CPU seconds and the first failing reason of each text. Needs datatrove[processing], spaCy,
nltk; nothing of corpusforge.
"""

from __future__ import annotations

import json
import logging
import sys

from benchmarks import harness


def main() -> None:
    """Read a JSON list of texts, print CPU seconds and the first failing reason a text."""
    options = harness.arguments(__doc__)
    options.add_argument("words", choices=("spacy", "split"))
    options.add_argument("duplicate_line_chars", type=float)
    given = options.parse_args()
    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        fineweb_quality_filter,
        gopher_quality_filter,
        gopher_repetition_filter,
    )

    from benchmarks.datatrove_steps import split_at_white_space

    if given.words == "split":
        split_at_white_space(
            fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter
        )
    logging.disable(logging.CRITICAL)
    filters = [
        GopherQualityFilter(),
        GopherRepetitionFilter(),
        FineWebQualityFilter(char_duplicates_ratio=given.duplicate_line_chars),
    ]
    documents = [Document(text=text, id=str(i)) for i, text in enumerate(json.load(sys.stdin))]
    for one in filters:
        one.filter(Document(text="Words to load the tokenizer with, the first time.", id="x"))
    clock = harness.Clock()
    verdict = []
    for document in documents:
        reason = ""
        for one in filters:
            result = one.filter(document)
            if result is not True:
                reason = result[1]
                break
        verdict.append(reason)
    harness.figures({"seconds": clock.cpu(), "verdict": verdict})


if __name__ == "__main__":
    main()
