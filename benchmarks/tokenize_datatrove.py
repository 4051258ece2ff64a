"""datatrove's DocumentTokenizer and its file writer, for `tokenize_speed`; run by an interpreter that has it.

    PYTHON_WITH_DATATROVE -m benchmarks.tokenize_datatrove TEXTS.json TOKENIZER.json WORK REPEAT

Prints CPU seconds of tokenizing all texts into files without and with its shuffle (one run each), and of
writing the ids of the first 2,000 alone (the least of REPEAT). Needs datatrove[processing] and tokenizers;
nothing of corpusforge.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import harness


def main() -> None:
    """Run the steps and print their seconds."""
    options = harness.arguments(__doc__)
    for name, kind in (("texts", Path), ("vocabulary", str), ("work", str), ("repeat", int)):
        options.add_argument(name, type=kind)
    given = options.parse_args()
    from datatrove.data import Document
    from datatrove.pipeline.tokens.tokenizer import DocumentTokenizer, TokenizedFile
    from loguru import logger

    logger.remove()
    texts = json.loads(given.texts.read_text())
    documents = [Document(text=text, id=str(n)) for n, text in enumerate(texts)]
    spent = {}
    for name, shuffle in (("plain", False), ("shuffle", True)):
        step = DocumentTokenizer(
            given.work,
            given.vocabulary,
            eos_token="<|endoftext|>",
            seed=1,
            shuffle_documents=shuffle,
        )
        step.tokenizer.encode("warm")
        _, spent[name] = harness.timed(lambda step=step: step.run(iter(documents)))
    rows = [row.ids for row in step.tokenizer.encode_batch([d.text for d in documents[:2000]])]

    def write() -> None:
        file = TokenizedFile(given.work, "w.ds")
        for row in rows:
            file.write(row, None)
        file.close()

    spent["writer"] = harness.least(write, given.repeat)
    harness.figures({**spent, "ids": sum(map(len, rows)), "first": rows[0][:50]})


if __name__ == "__main__":
    main()
