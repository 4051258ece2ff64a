"""Documents marked: one line each with what was measured, beside a report by language; nothing is dropped.

Every likelihood is in the journal before it is used, so a killed run goes on and another curve asks nothing.
Limit: all marks of a run are held in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.instruct.ground.passages import Document
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.jsonl import write_jsonl
from corpusforge.io.layouts import objects
from corpusforge.io.lock import lock
from corpusforge.marks.detector import FLOOR, Curve, band_of, curvature, fit
from corpusforge.marks.settings import Settings
from corpusforge.marks.watermark import Green, green_tokens, z_score
from corpusforge.models.client import Client
from corpusforge.models.likelihood import Likelihood, ask_likelihood, read_likelihood
from corpusforge.text.fold import fold_text

__all__ = ["Mark", "mark", "read_curve", "run"]

_CHUNK = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What was measured of one document (marks.jsonl); None where it was not."""

    id: str
    language: str
    characters: int
    read: int
    """Characters that the model read."""
    nats_per_token: float | None = None
    curvature: float | None = None
    probability: float | None = None
    band: str = ""
    """very_unlikely, unlikely, unclear, possible, likely; too_short below 1,000 characters; "" without a
    curve."""
    caveat: str = ""
    """not_english: detectors are known to be weak there, and this one's figures are of English."""
    green: int | None = None
    pairs: int | None = None
    watermark_z: float | None = None


Likely = Callable[[Sequence[str]], Sequence[Likelihood | None]]


def run(
    settings: Settings, documents: Iterator[Document], client: Client | None, output: str
) -> dict[str, Any]:
    """Mark the documents, or fit a curve; write the files of `output` and return the report.

    Without a client nothing is asked, and a watermark alone is looked for.
    """
    likely = _asking(client) if client else lambda texts: [None] * len(texts)
    with lock(output):
        if settings.fit and client:
            made = _fitted(settings, likely, client.engine.model)
            records.write_json(files.join(output, "curve.json"), made)
            return {"curve": asdict(made)}
        curve = read_curve(settings.curve) if settings.curve else None
        marks = list(mark(settings, documents, likely, curve))
        write_jsonl(files.join(output, "marks.jsonl"), map(asdict, marks))
        report = {"settings": records.plain(settings), "languages": _summary(marks)}
        records.write_json(files.join(output, "report.json"), report)
    return report


def _asking(client: Client) -> Likely:
    def likely(texts: Sequence[str]) -> list[Likelihood | None]:
        replies = client.complete([ask_likelihood(text, "machine_marks") for text in texts])
        return [read_likelihood(reply) for reply in replies]

    return likely


def read_curve(path: str) -> Curve:
    """Return the curve of a file. Raises InputError."""
    try:
        return decode_json(files.read_bytes(path), Curve)
    except DecodingError as error:
        raise InputError(f"{path}: no curve ({error}); make one by --fit.") from error


def _fitted(settings: Settings, likely: Likely, model: str) -> Curve:
    found: dict[bool, list[float]] = {False: [], True: []}
    rows = list(objects(settings.fit))
    for number, row in enumerate(rows, 1):
        if not isinstance(row.get("text"), str) or not isinstance(row.get("machine"), bool):
            raise InputError(
                f"{settings.fit}: row {number} needs `text`, and `machine` true or false."
            )
    long = [row for row in rows if len(row["text"]) >= FLOOR]
    for start in range(0, len(long), _CHUNK):
        some = long[start : start + _CHUNK]
        for row, likelihood in zip(
            some, likely([row["text"][: settings.most] for row in some]), strict=True
        ):
            value = curvature(likelihood) if likelihood else None
            if value is not None:
                found[row["machine"]].append(value)
    try:
        return fit(found[False], found[True], model)
    except ValueError as error:
        raise InputError(f"{settings.fit}: {error}, of {FLOOR} characters and more.") from error


def mark(
    settings: Settings, documents: Iterator[Document], likely: Likely, curve: Curve | None
) -> Iterator[Mark]:
    """Yield the mark of each document, in order."""
    counted = _tokens(settings)
    held: list[Document] = []

    def settle() -> Iterator[Mark]:
        texts = [one.text[: settings.most] for one in held]
        found: Sequence[Likelihood | None] = [None] * len(held)
        if settings.likelihood:
            asked = [text for text in texts if text]
            answers = iter(likely(asked))
            found = [next(answers) if text else None for text in texts]
        for document, likelihood in zip(held, found, strict=True):
            yield _mark(document, likelihood, curve, settings, counted)
        held.clear()

    for document in documents:
        held.append(document)
        if len(held) == _CHUNK:
            yield from settle()
    yield from settle()


def _mark(
    document: Document, found: Likelihood | None, curve: Curve | None, settings: Settings,
    counted: Callable[[str], Green] | None,
) -> Mark:  # fmt: skip
    size = len(document.text)
    known = [nats for nats in found.nats if nats is not None] if found else []
    value = curvature(found) if found else None
    probability = (
        curve.probability(value) if curve and value is not None and size >= FLOOR else None
    )
    band = (
        "too_short"
        if curve and size < FLOOR
        else band_of(probability)
        if probability is not None
        else ""
    )
    green = pairs = z = None
    if counted:
        green, pairs = counted(document.text)
        z = round(z_score(green, pairs, settings.watermark_gamma), 4) if pairs else None
    return Mark(
        id=document.id, language=document.language, characters=size, read=min(size, settings.most),
        nats_per_token=round(sum(known) / len(known), 4) if known else None,
        curvature=round(value, 4) if value is not None else None,
        probability=round(probability, 4) if probability is not None else None, band=band,
        caveat="" if document.language == "en" else "not_english", green=green, pairs=pairs, watermark_z=z,
    )  # fmt: skip


def _tokens(settings: Settings) -> Callable[[str], Green] | None:
    """What counts the green tokens of a text; None where none is looked for. Raises InputError."""
    if not settings.watermark_key:
        return None
    from corpusforge.tokenize import Settings as TokenizeSettings
    from corpusforge.tokenize import load

    loaded = load(TokenizeSettings(tokenizer=settings.watermark_tokenizer))
    vocabulary = settings.watermark_vocabulary or loaded.vocab_size

    def counted(text: str) -> Green:
        ids = loaded.encode(pa.array([fold_text(text)], pa.large_string()))[0].tolist()
        return green_tokens(ids, settings.watermark_gamma, settings.watermark_key, vocabulary)

    return counted


def _summary(marks: Sequence[Mark]) -> dict[str, Any]:
    """By language: documents, those whose likelihood was not told, and bands."""
    found: dict[str, Any] = {}
    for one in marks:
        own = found.setdefault(one.language, {"documents": 0, "unread": 0, "bands": {}})
        own["documents"] += 1
        own["unread"] += one.nats_per_token is None
        if one.band:
            own["bands"][one.band] = own["bands"].get(one.band, 0) + 1
    return dict(sorted(found.items()))
