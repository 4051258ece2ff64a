"""Labelled examples as token sequences for a classifier, after GPT-1 (Radford et al. 2018).

A text stands between start and end; an entailment's premise and hypothesis are parted by a delimiter; two
texts whose similarity is asked are given in both orders; a question has one sequence for each option. The
tokens are words that no text holds; a tokenizer makes one token of each. Limit: a text that holds such a
word gives none.
"""

from __future__ import annotations

from corpusforge.instruct.modes.labelled import Example, LabelledSet
from corpusforge.instruct.modes.records import LabelSequence

__all__ = ["DELIMITER", "END", "START", "sequence_of"]

START, DELIMITER, END = "<|start|>", "<|delimiter|>", "<|extract|>"


def sequence_of(one: LabelledSet, example: Example, rows: tuple[str, ...]) -> LabelSequence:
    """Return the sequences of an example of a set with a form; none where a text holds their tokens."""
    parts = _parts(one.form, example)
    held = any(
        token in text for part in parts for text in part for token in (START, DELIMITER, END)
    )
    return LabelSequence(
        id=example.id, task=one.name, form=one.form, language=one.language, rows=rows,
        sequences=() if held else tuple(START + DELIMITER.join(part) + END for part in parts),
        label=example.label, choice=example.place if one.form == "choices" else -1,
    )  # fmt: skip


def _parts(form: str, example: Example) -> list[list[str]]:
    values = example.values
    if form == "choices":
        return [[str(values["question"]), option] for option in values["options"]]
    if form == "entailment":
        return [[str(values["premise"]), str(values["hypothesis"])]]
    if form == "similarity":
        both = [str(values["first"]), str(values["second"])]
        return [both, both[::-1]]
    return [[str(values["text"])]]
