"""datatrove's chain, text to shuffled tokens, for `whole_chain`; run by an interpreter that has it.

    PYTHON_WITH_DATATROVE -m benchmarks.whole_chain_peer CORPUS WORK TOKENIZER_JSON DUPLICATES spacy|split

Gopher quality, Gopher repetition and FineWeb filters, MinHash in its four stages, DocumentTokenizer
with its shuffle: everything at its defaults except DUPLICATES, the bound on characters in repeated
lines. Steps are run directly, in this one process (`datatrove_steps`); the last pass reads once for
filter, writer and tokenizer. `split` takes words at white space in the three filters and in MinHash
instead of spaCy's, which is cheaper than any setting datatrove has. Prints CPU seconds of each step.
"""

from __future__ import annotations

from benchmarks import harness


def main() -> None:
    """Run the chain; print CPU seconds, step by step."""
    options = harness.arguments(__doc__)
    for name in ("corpus", "work", "vocabulary"):
        options.add_argument(name)
    options.add_argument("duplicates", type=float)
    options.add_argument("words", choices=("spacy", "split"))
    given = options.parse_args()
    from datatrove.pipeline.filters import (
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        fineweb_quality_filter,
        gopher_quality_filter,
        gopher_repetition_filter,
    )
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    from benchmarks import datatrove_steps as steps

    split = given.words == "split"
    if split:
        steps.split_at_white_space(
            fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter
        )

    def filters() -> int:
        return steps.run(
            JsonlReader(given.corpus),
            GopherQualityFilter(),
            GopherRepetitionFilter(),
            FineWebQualityFilter(char_duplicates_ratio=given.duplicates),
            JsonlWriter(f"{given.work}/filtered"),
        )

    steps.chain("filters", filters, given.work, given.vocabulary, split=split)


if __name__ == "__main__":
    main()
