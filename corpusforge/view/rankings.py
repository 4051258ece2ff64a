"""What raters said: prompts with their answers in the order found, each rater's own, pairs and figures.

Reads an output of `export_rankings` (or the results of an import): figures.json and training/.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from corpusforge.annotate.agreement import kendall_tau_b
from corpusforge.errors import RunError
from corpusforge.io.decoding import read_json
from corpusforge.io.jsonl import read_jsonl
from corpusforge.view.differences import compared

__all__ = ["Rankings", "figures", "open_rankings", "pairs", "prompts"]

PAGE = 10
_Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Rankings:
    """An opened output of rankings."""

    directory: str

    @cached_property
    def prompts(self) -> list[_Row]:
        """Every prompt with all its answers, as `training/kway` has it, least agreement first."""
        rows = list(_table(self.directory, "kway"))
        return sorted(rows, key=lambda row: (_tau(row), row["prompt_id"]))

    @cached_property
    def pairs(self) -> list[_Row]:
        """Every training pair by ids, those that fewest raters agree on first."""
        rows = list(_table(self.directory, "pairs"))
        return sorted(
            rows, key=lambda row: (row["agreement"], row["score_margin"], row["chosen_id"])
        )

    @cached_property
    def answers(self) -> dict[tuple[str, str], _Row]:
        """Each answer by prompt and id."""
        return {
            (row["prompt_id"], one["id"]): one for row in self.prompts for one in row["candidates"]
        }


def _table(directory: str, form: str) -> Iterator[_Row]:
    for path in sorted(Path(directory, "training", form).glob("*.jsonl")):
        yield from read_jsonl(str(path))


def _tau(row: _Row) -> float:
    """The mean tau-b of each two raters of a prompt; 1 where nothing can be compared."""
    ranks = [np.array([n or np.nan for n in own["ranks"]], np.float64) for own in row["rankings"]]
    found = [kendall_tau_b(a, b) for i, a in enumerate(ranks) for b in ranks[i + 1 :]]
    known = [value for value in found if not np.isnan(value)]
    return float(np.mean(known)) if known else 1.0


def open_rankings(directory: str) -> Rankings:
    """Open an output. Raises RunError where its training/kway, of which all is made, is not there."""
    if not list(Path(directory, "training", "kway").glob("*.jsonl")):
        raise RunError(
            f"{directory!r} holds no training/kway/*.jsonl. Name an --output of pipelines.export_rankings, "
            "made with --format kway among others."
        )
    return Rankings(directory)


def prompts(own: Rankings, *, lang: str = "", words: str = "", start: int = 0) -> dict[str, Any]:
    """Return a page of prompts, those on which raters agree least first, answers best first."""
    found = [
        row
        for row in own.prompts
        if lang in ("", row["language"])
        and (not words or any(words.lower() in text.lower() for text in _texts(row)))
    ]
    return {"total": len(found), "rows": [_prompt(row) for row in found[start : start + PAGE]]}


def _texts(row: _Row) -> Iterator[str]:
    yield row["prompt_id"]
    yield from (one["content"] for one in row["messages"])
    yield from (one["text"] for one in row["candidates"])


def _prompt(row: _Row) -> dict[str, Any]:
    order = sorted(
        range(row["k"]), key=lambda n: (row["ranks"][n] or row["k"] + 1, row["candidates"][n]["id"])
    )
    answers = [
        {
            **{key: row["candidates"][n][key] for key in ("id", "text", "model")},
            "rank": row["ranks"][n],
            "score": row["scores"][n],
            "error": row["errors"][n],
            "ranks": [own["ranks"][n] for own in row["rankings"]],
        }
        for n in order
    ]
    return {
        "id": row["prompt_id"],
        "lang": row["language"],
        "messages": [(one["role"], one["content"]) for one in row["messages"]],
        "raters": [own["rater"] for own in row["rankings"]],
        "tau": _tau(row),
        "answers": answers,
        **{key: row[key] for key in ("use_case", "method", "split")},
    }


def pairs(own: Rankings, *, start: int = 0) -> dict[str, Any]:
    """Return a page of training pairs with what differs marked, those that fewest raters agree on first."""
    questions = {row["prompt_id"]: row for row in own.prompts}
    rows = []
    for row in own.pairs[start : start + PAGE]:
        two = [own.answers[row["group_id"], row[key]] for key in ("chosen_id", "rejected_id")]
        chosen, rejected = compared(two[0]["text"], two[1]["text"])
        messages = questions[row["group_id"]]["messages"]
        rows.append(
            {
                "id": row["group_id"],
                "messages": [(one["role"], one["content"]) for one in messages],
                "sides": [
                    {"model": answer["model"], "pieces": pieces}
                    for answer, pieces in zip(two, (chosen, rejected), strict=True)
                ],
                **{
                    key: row[key]
                    for key in ("margin", "score_margin", "agreement", "n_annotators", "weight")
                },
            }
        )
    return {"total": len(own.pairs), "rows": rows}


def figures(own: Rankings) -> dict[str, Any]:
    """Return the figures as figures.json has them; raters and standings as lists. Empty without the file."""
    path = Path(own.directory, "figures.json")
    found: dict[str, Any] = read_json(str(path)) if path.exists() else {}
    return found
