"""Which documents are judged: drawn by a hash of their texts, equally many of each stratum of a score.

A document is judged by its first whole paragraphs; a text that comes twice counts once. Memory holds
`_POOL` times the sample. Limit: strata are quantiles of that pool, not of the whole corpus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from corpusforge.errors import InputError
from corpusforge.hashing import id_key, make_id, uniform
from corpusforge.instruct.ground.passages import Document, cut_passages
from corpusforge.instruct.tokens import unicode_tokens
from corpusforge.io.layouts import objects
from corpusforge.judged.judge import Text
from corpusforge.judged.settings import Settings
from corpusforge.score import load

__all__ = ["beginning", "draw", "read_human"]

_POOL = 20


def beginning(document: Document, settings: Settings) -> Text | None:
    """Return the beginning of a document, None where it has no language of the settings or no text."""
    language = document.language
    if language not in settings.languages:
        return None
    first = next(
        cut_passages(document, settings.passage, 1, lambda text: len(unicode_tokens(text))), None
    )
    if first is None or not first.text:
        return None
    return Text(
        id=make_id("judged", first.text), language=language, text=first.text, document=document.id
    )


def draw(documents: Iterable[Document], settings: Settings, without: frozenset[str]) -> list[Text]:
    """Return the sample in the order of its hashes; texts whose ids are in `without` are not drawn.

    Raises InputError where there are fewer than four.
    """
    pool: dict[str, tuple[float, Text]] = {}
    most = _POOL * settings.sample
    for document in documents:
        text = beginning(document, settings)
        if text is not None and text.id not in without:
            first = (
                min(pool[text.id][1].document, text.document) if text.id in pool else text.document
            )
            pool[text.id] = (_drawn(text.id, settings.seed), replace(text, document=first))
        if len(pool) > 2 * most:
            pool = dict(sorted(pool.items(), key=lambda item: (item[1][0], item[0]))[:most])
    texts = [text for _, (_, text) in sorted(pool.items(), key=lambda item: (item[1][0], item[0]))]
    if len(texts) < 4:
        raise InputError(
            f"{len(texts)} documents to judge in {', '.join(settings.languages)}; a classifier needs 4."
        )
    texts = texts[:most]
    if not settings.present:
        return texts[: settings.sample]
    return list(_stratified(texts, settings))


def _drawn(name: str, seed: int) -> float:
    return float(uniform(np.array([id_key(name)], np.uint64), seed, "judged sample")[0])


def _stratified(texts: list[Text], settings: Settings) -> Iterator[Text]:
    """Equally many of each group of the present score, as they come in the order of their hashes."""
    model = load(settings.present)
    scores = model.score(pa.array([text.text for text in texts], pa.large_string()))
    ranks = np.argsort(np.argsort(scores, kind="stable"), kind="stable")
    groups = (ranks * settings.strata // len(texts)).tolist()
    left = [settings.sample // settings.strata] * settings.strata
    for extra in range(settings.sample % settings.strata):
        left[extra] += 1
    for text, group in zip(texts, groups, strict=True):
        if left[group]:
            left[group] -= 1
            yield replace(text, stratum=group)


def read_human(path: str, settings: Settings) -> list[Text]:
    """Return texts that people judged: rows with `text` and `label` (true, 1: good). Raises InputError."""
    found = []
    for number, row in enumerate(objects(path), 1):
        text, label = row.get("text"), row.get("label")
        if not isinstance(text, str) or label not in (0, 1, True, False):
            raise InputError(f"{path}: row {number} has no `text` with a `label` of 0 or 1.")
        made = beginning(Document(id=str(number), text=text), settings)
        if made is not None:
            found.append(replace(made, human=int(label)))
    return found
