"""datatrove's three filters over texts on standard input: a process of its own for `filter_speed`.

python filter_peer.py spacy|split DUPLICATE_LINE_CHARS < texts.json > {"seconds", "verdict"}
"""

from __future__ import annotations

import json
import logging
import sys
import time


def main() -> None:
    """Read a JSON list of texts, print CPU seconds and the first failing reason a text."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        fineweb_quality_filter,
        gopher_quality_filter,
        gopher_repetition_filter,
    )

    words, bound = sys.argv[1], float(sys.argv[2])
    if words == "split":
        for module in (fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter):
            module.split_into_words = lambda text, language="": text.split()
    logging.disable(logging.CRITICAL)
    filters = [
        GopherQualityFilter(),
        GopherRepetitionFilter(),
        FineWebQualityFilter(char_duplicates_ratio=bound),
    ]
    documents = [Document(text=text, id=str(i)) for i, text in enumerate(json.load(sys.stdin))]
    for one in filters:
        one.filter(Document(text="Words to load the tokenizer with, the first time.", id="x"))
    start = time.process_time()
    verdict = []
    for document in documents:
        reason = ""
        for one in filters:
            result = one.filter(document)
            if result is not True:
                reason = result[1]
                break
        verdict.append(reason)
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "verdict": verdict}))


if __name__ == "__main__":
    main()
