"""CARD.md of a trained model: what it learned from and how it did, written from its figures.

After Mitchell et al. 2019 (model cards), cut to what can be computed. Limit: every figure is of
held-out windows of the training sources, so it says how well those are told apart, no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from corpusforge.io import files
from corpusforge.score.model import Model

__all__ = ["card", "table", "write_card"]

_NAMES = {
    "encoder": "transformer encoder",
    "fasttext": "fastText (DCLM's)",
    "hashed_logreg": "hashed tokens + logistic regression",
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table and a blank one; cells are put in as they are."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines] + [""]


def _windows(windows: Mapping[str, Mapping[str, int]]) -> list[str]:
    rows = [
        (side, source, f"{count:,}")
        for side in ("positive", "negative")
        for source, count in windows[side].items()
    ]
    return ["## Trained on", "", *table(("side", "source", "windows"), rows)]


def _groups(title: str, groups: Mapping[str, Mapping[str, float]]) -> list[str]:
    rows = [
        (name, f"{int(row['items']):,}", f"{row['mean']:.3f}", f"{row['median']:.3f}")
        for name, row in groups.items()
    ]
    return table((title, "windows", "mean score", "median score"), rows)


def _held_out(figures: Mapping[str, Any]) -> list[str]:
    if not figures:
        return ["## Held out", "", "Nothing was held out.", ""]
    calibration = figures["calibration"]
    thresholds = [
        (
            f"{row['threshold']:.2f}",
            f"{row['positives_kept']:.3f}",
            f"{row['negatives_kept']:.3f}",
            f"{row['precision']:.3f}",
        )
        for row in figures["thresholds"]
    ]
    bins = [
        (f"{row['low']:.1f}", row["items"], f"{row['mean_score']:.3f}", f"{row['share']:.3f}")
        for row in calibration["bins"]
    ]
    return [
        "## Held out",
        "",
        f"{figures['items']:,} windows, {figures['positives']:,} positive, none trained on.",
        "",
        f"- ROC-AUC {figures['roc_auc']:.4f} (95 % interval {figures['roc_auc_low']:.4f} to "
        f"{figures['roc_auc_high']:.4f})",
        f"- average precision {figures['average_precision']:.4f}",
        f"- Brier score {calibration['brier']:.4f}, expected calibration error "
        f"{calibration['expected_error']:.4f} (both sides weighing half)",
        "",
        *table(("threshold", "positives kept", "negatives kept", "precision"), thresholds),
        *table(("score from", "windows", "mean score", "share of positives"), bins),
        *_groups("source", figures["by_source"]),
        *_groups("language", figures["by_language"]),
    ]


def _judged(figures: Mapping[str, Any]) -> list[str]:
    """Where the sides are a model's judgement: whose, by what, and how far it can be trusted."""
    if not figures:
        return []
    scores = [(score, count) for score, count in figures["scores"].items()]
    agreement = figures["agreement"]
    lines = [
        "## Judged by a model",
        "",
        f"{figures['model']} scored {figures['documents']:,} documents by {', '.join(figures['rubrics'])}; "
        f"{figures['threshold']:g} points or more are positive. Replies without a score: "
        f"{sum(figures['without_score'].values()):,}.",
        "",
        *table(("score", "judgements"), scores),
    ]
    if agreement["documents"]:
        lines += [
            f"Asked twice about {agreement['documents']:,} documents it gave the same score to "
            f"{agreement['same']:.3f} of them and one within a point to {agreement['within_one']:.3f}; "
            f"Krippendorff's alpha (ordinal) {_figure(agreement['alpha'])}.",
            "",
        ]
    rows = [("classifier, against the model's judgement, held out", figures["held_out"])]
    rows += [(f"{name}, against people", row) for name, row in figures["human"].items()]
    head = ("what", "documents", "positive", "ROC-AUC (95 % interval)", "F1 at the threshold")
    return lines + table(
        head,
        [
            (name, row["documents"], row["positives"],
             f"{row['roc_auc']:.3f} ({row['roc_auc_low']:.3f}-{row['roc_auc_high']:.3f})",
             f"{row['f1']:.3f}")
            for name, row in rows
            if row["documents"]
        ],
    )  # fmt: skip


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def card(figures: Mapping[str, Any]) -> str:
    """Return the Markdown text of a model's card."""
    settings = figures["settings"]
    lines = [
        f"# Quality classifier: {_NAMES[figures['engine']]}",
        "",
        "A score says which of two training sides a text is like, as a probability with both sides "
        "weighing half.",
        "It was trained on windows drawn by hash; the same texts and settings give the same bytes.",
        "",
        *_windows(figures["windows"]),
        *_judged(figures.get("judged", {})),
        *_held_out(figures["held_out"]),
        "## Settings",
        "",
        *table(("setting", "value"), sorted(settings.items())),
    ]
    return "\n".join(lines)


def write_card(model: Model, path: str) -> None:
    """Write the card of a model that was trained here, atomically."""
    files.write_bytes(path, card(model.card).encode())
