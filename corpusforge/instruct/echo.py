"""Model text that repeats our own prompts: a sentence of a prompt file where an answer should stand.

Ours: weak models copy the rules that they were given ("You invent tasks for a text-only language
assistant …"). A text is a copy where it shares a run of 7 words (10 tokens in Chinese) with one
sentence of a prompt in its language, is nothing but a clause of one ("the request that was sent"), or
holds the marks that prompts put around data and no other markup. Of 175 seeds and 252 expert tasks
none shares more than 4 words; of 22,021 other English texts none shares 6, of 7,613 with Chinese ones
none 7 tokens (`docs/instruct_novelty.md`). Limits: a prompt in other words passes; worked examples
are not searched.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from corpusforge.instruct.profile import Finding
from corpusforge.instruct.tokens import unicode_tokens
from corpusforge.models.prompts import prompt, prompt_names
from corpusforge.models.structured import SENTENCES

__all__ = ["RULES", "copied"]

RULES: dict[str, str] = {"copied_prompt": "the text repeats a sentence of the prompt, or its marks"}

_RUN = {"en": 7, "zh": 10}
_LEAST = {"en": 4, "zh": 6}
"""Tokens from which a text that equals a clause of a prompt says something ("the right answer" has 3)."""

_HOLE = re.compile(r"\{\{\w+\}\}|</?\{\{tag\}\}>")
_SENTENCE = re.compile(r"\n|(?<=[.!?])\s+|[。！？]")
_CLAUSE = re.compile(r"[:;：；]|\n|(?<=[.!?])\s+|[。！？]")
_TAG = re.compile(r"</?data(?:-\d+)?>", re.IGNORECASE)
_MARKUP = re.compile(r"<(?!/?data(?:-\d+)?>)[/?!]?[A-Za-z]", re.IGNORECASE)

Tokens = tuple[str, ...]


def copied(text: str, language: str, given: str = "") -> Finding | None:
    """Return (rule, the words copied, bound) where a text repeats a prompt file of its language.

    `given` is the material that the prompt showed: what stands there, too, is no copy of the prompt.
    """
    tags = (tag for tag in _TAG.findall(text) if tag.casefold() not in given.casefold())
    tag = next(tags, "")
    if tag and not _MARKUP.search(text):
        return "copied_prompt", tag, "no marks of the prompt"
    if language not in _RUN:
        return None
    run = _RUN[language]
    runs, clauses = _known(language)
    tokens = unicode_tokens(text)
    found = [gram for gram in _grams(tokens, run) if gram in runs]
    if (whole := tuple(tokens)) in clauses:
        found.insert(0, whole)
    if found and given:
        shown = unicode_tokens(given)
        own = {*_grams(shown, run), *_grams(shown, len(tokens))}
        found = [gram for gram in found if gram not in own]
    if not found:
        return None
    bound = f"< {run} tokens of a prompt's sentence in a row"
    return "copied_prompt", (" " if language == "en" else "").join(found[0]), bound


@functools.cache
def _known(language: str) -> tuple[frozenset[Tokens], frozenset[Tokens]]:
    """The runs of all sentences, and the clauses that are long enough."""
    runs: set[Tokens] = set()
    clauses: set[Tokens] = set()
    for text in _texts(language):
        for sentence in _SENTENCE.split(text):
            runs.update(_grams(unicode_tokens(sentence), _RUN[language]))
        for clause in _CLAUSE.split(text):
            words = tuple(unicode_tokens(clause))
            if len(words) >= _LEAST[language]:
                clauses.add(words)
    return frozenset(runs), frozenset(clauses)


def _texts(language: str) -> Iterator[str]:
    """The prompts' own text between the holes that values fill."""
    yield from SENTENCES.get(language, ())
    for name, own in prompt_names():
        if own == language:
            for _, turn in prompt(name, own).turns:
                yield from _HOLE.split(turn)


def _grams(tokens: list[str], size: int) -> Iterator[Tokens]:
    return (tuple(tokens[k : k + size]) for k in range(len(tokens) - size + 1))
