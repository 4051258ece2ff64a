"""From documents to a classifier: a sample judged, a model fitted to the judgements, its figures told.

The directory holds the journal, the judgements, the classifier and its card. The journal is its only state:
the same command asks what is missing and makes everything else anew, to equal bytes. A held-out share of the
judged documents gives the figures of the classifier; texts that people judged are judged, too, and never
trained on. Limit: a few hundred documents are a small sample; read the intervals.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.annotate.agreement import alpha
from corpusforge.errors import InputError
from corpusforge.hashing import id_keys, uniform
from corpusforge.instruct.ground.passages import Document
from corpusforge.instruct.retrying import Patient
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl
from corpusforge.io.lock import lock
from corpusforge.judged.judge import Judged, judge
from corpusforge.judged.sample import draw, read_human
from corpusforge.judged.settings import Settings
from corpusforge.models.client import Client
from corpusforge.score import Model, save, train
from corpusforge.score import Settings as ScoreSettings
from corpusforge.score.card import card
from corpusforge.score.evaluation import interval, roc_auc

__all__ = ["MODEL", "f1", "figures_of", "make"]

MODEL = "model.bin"
_BOUND = 0.5
"""Score from which a document counts as positive: the classifier's is a probability."""

Truths = NDArray[np.bool_]


def make(
    documents: Iterable[Document], settings: Settings, scoring: ScoreSettings, client: Client,
    output: str, *, human: str = "", give_up: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Judge a sample, write judgements, model, figures and card into `output`; return the figures.

    `human` is a file of texts that people judged. Raises InputError where the judgements have one side only.
    """
    known = read_human(human, settings) if human else []
    texts = draw(documents, settings, frozenset(text.id for text in known))
    with lock(output):
        ask = Patient(client, files.join(output, "failures.jsonl"), give_up=give_up)
        judged = list(judge([*texts, *known], settings, ask))
        write_jsonl(files.join(output, "judgements.jsonl"), map(msgspec.to_builtins, judged))
        mine = [one for one in judged if one.human < 0 and one.mean is not None]
        held = _held_out(mine, settings)
        learned = [one for one, out in zip(mine, held, strict=True) if not out]
        model = _fitted(learned, settings, scoring)
        told = figures_of(
            judged, [one for one, out in zip(mine, held, strict=True) if out], model, settings
        )
        model = replace(model, card={**model.card, "judged": told})  # type: ignore[type-var]
        save(model, files.join(output, MODEL))
        figures = json.dumps(dict(model.card), indent=1, sort_keys=True, ensure_ascii=False)
        files.write_bytes(files.join(output, f"{MODEL}.json"), figures.encode())
        files.write_bytes(files.join(output, f"{MODEL}.CARD.md"), card(model.card).encode())
    return told


def _held_out(judged: Sequence[Judged], settings: Settings) -> list[bool]:
    draws = uniform(id_keys(one.id for one in judged), settings.seed, "judged held out")
    return [bool(draw < settings.held_out) for draw in draws]


def _truths(judged: Sequence[Judged], settings: Settings) -> Truths:
    return np.array([(one.mean or 0.0) >= settings.threshold for one in judged], bool)


def _fitted(judged: Sequence[Judged], settings: Settings, scoring: ScoreSettings) -> Model:
    truths = _truths(judged, settings)
    sides = {
        good: [pa.array([one.text for one, own in zip(judged, truths, strict=True) if own == good],
                        pa.large_string())]
        for good in (True, False)
    }  # fmt: skip
    if not all(len(side[0]) >= 2 for side in sides.values()):
        counts = Counter(f"{one.mean:.1f}" for one in judged)
        shown = ", ".join(f"{score}: {count}" for score, count in sorted(counts.items()))
        raise InputError(
            f"the model gave {int(truths.sum())} of {len(judged)} documents {settings.threshold:g} points or "
            f"more; a classifier needs 2 on each side. Mean scores: {shown}. Choose another --threshold, or "
            "judge more documents."
        )
    return train({"judged": sides[True]}, {"judged": sides[False]}, scoring)


def figures_of(
    judged: Sequence[Judged], held: Sequence[Judged], model: Model, settings: Settings
) -> dict[str, Any]:
    """Return what the card says of the judgements, and of the classifier on those held out."""
    mine = [one for one in judged if one.human < 0]
    human = [one for one in judged if one.human >= 0]
    scores = Counter(score for one in mine for score in one.scores if score >= 0)
    faults = Counter(fault for one in mine for fault in one.faults if fault)
    return {
        "model": next((one.model for one in judged if one.model), ""),
        "rubrics": sorted({one.prompt_version for one in judged}),
        "threshold": settings.threshold,
        "documents": len(mine),
        "scores": {str(score): count for score, count in sorted(scores.items())},
        "without_score": dict(sorted(faults.items())),
        "agreement": _agreement([*mine, *human]),
        "held_out": _against(_scores(model, held), _truths(held, settings)),
        "human": _human(human, model, settings),
    }


def _scores(model: Model, judged: Sequence[Judged]) -> NDArray[np.float64]:
    texts = pa.array([one.text for one in judged], pa.large_string())
    return model.score(texts).astype(np.float64)


def _agreement(judged: Sequence[Judged]) -> dict[str, float | int | None]:
    """How far the model agrees with itself, over documents with two scores or more (the first two)."""
    pairs = [
        (given[0], given[1])
        for one in judged
        if len(given := [score for score in one.scores if score >= 0]) > 1
    ]
    if not pairs:
        return {"documents": 0}
    values = np.array(pairs, np.float64)
    apart = np.abs(values[:, 0] - values[:, 1])
    ordinal = alpha(values.ravel(), np.repeat(np.arange(len(pairs)), 2), "ordinal")
    return {
        "documents": len(pairs),
        "same": round(float((apart == 0).mean()), 6),
        "within_one": round(float((apart <= 1).mean()), 6),
        "alpha": None if np.isnan(ordinal) else round(float(ordinal), 6),
    }


def f1(kept: Truths, truths: Truths) -> float:
    """Return 2·hits / (kept + true), 0 where there is neither; both are bool [n]."""
    total = int(kept.sum() + truths.sum())
    return 2.0 * int((kept & truths).sum()) / total if total else 0.0


def _against(
    values: NDArray[np.float64], truths: Truths, bound: float = _BOUND
) -> dict[str, float | int]:
    """AUC with its interval and F1 at the bound, against labels."""
    if not len(values):
        return {"documents": 0}
    low, high = interval(values, truths)
    return {
        "documents": len(values),
        "positives": int(truths.sum()),
        "roc_auc": round(roc_auc(values, truths), 6),
        "roc_auc_low": round(low, 6),
        "roc_auc_high": round(high, 6),
        "f1": round(f1(values >= bound, truths), 6),
    }


def _human(judged: Sequence[Judged], model: Model, settings: Settings) -> dict[str, Any]:
    """The model's own points and the classifier's score against people's labels."""
    if not judged:
        return {}
    given = [one for one in judged if one.mean is not None]
    means = np.array([one.mean for one in given], np.float64)
    labels = np.array([one.human == 1 for one in given], bool)
    return {
        "judge": _against(means, labels, settings.threshold),
        "classifier": _against(
            _scores(model, judged), np.array([one.human == 1 for one in judged], bool)
        ),
    }
