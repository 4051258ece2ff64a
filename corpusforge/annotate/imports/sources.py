"""Preference files that were made elsewhere, read as the tasks and rankings they would have been.

HH (Bai et al. 2022): `chosen` and `rejected` dialogues with a shared beginning. Open Assistant (Köpf et
al. 2023): message trees, siblings by `rank`, nested or as a table. Scored lists (Magpie, UltraFeedback,
WebGPT): scores become ranks within a prompt, whatever the order of the list. Pairs with a verdict
(PandaLM). Every row gives tasks with rankings, or Refused. Limits: raters of such files are not known and
get one pseudonym per column; raw rankings behind Open Assistant's consensus were never published.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from corpusforge.annotate.existing_answers import ANSWERS, answer_of
from corpusforge.annotate.imports.answers import LeftOut
from corpusforge.annotate.imports.gather import gathered
from corpusforge.annotate.imports.own import is_kway, kway_rankings
from corpusforge.annotate.imports.ranked import Ranked, guarded, number, ranked
from corpusforge.annotate.imports.shapes import Compared, compared, parted, ranked_list, verdict
from corpusforge.annotate.imports.trees import nested, tree_rankings
from corpusforge.annotate.records import Refused
from corpusforge.annotate.transcripts import messages_of, opens_turn, turns_of
from corpusforge.annotate.understand import asked
from corpusforge.io import layouts
from corpusforge.io.jsonl import Row

__all__ = ["SOURCES", "read_source"]

_SCORES = ("score", "reward", "rating", "overall_score", "rank_score")
_VERDICT = re.compile(r"(?:annotator|label|verdict|preference|winner)_?\d*")
"""Columns of verdicts; numbered ones are those of several annotators (not `label_id`, `winner_score`)."""


def read_source(kind: str, paths: Sequence[str], job: str) -> Iterator[Ranked | Refused]:
    """Yield (task, ranking) of every comparison in files of one kind of `SOURCES`, or Refused.

    Files are JSON (array or lines) or Parquet. Tasks carry the id `job`, a rater "r_" and hex for the
    source's column, and candidates in the order of the file.
    """
    for path in paths:
        rows = _values(path)
        if kind in ("oasst", "auto"):
            rows = nested(rows)
        if kind == "auto":
            rows = gathered(rows)
        for where, value in rows:
            yield from [value] if isinstance(value, Refused) else _read(kind, value, where, job)


def _read(kind: str, value: Any, where: str, job: str) -> list[Ranked | Refused]:
    """What one row holds, or why it is refused."""
    if isinstance(value, Compared):
        return [_ranked(value, where, job)]
    if not isinstance(value, dict):
        return [Refused(locator=where, rule="malformed", value="not a JSON object")]
    found = guarded(where, value, lambda row: list(SOURCES[kind](row, where, job)))
    if isinstance(found, Refused):
        return [found]
    return found or [Refused(locator=where, rule="unanswered", value="no ranked answers")]


def _ranked(found: Compared, where: str, job: str) -> Ranked:
    name = f"auto-{found.shape}"
    return ranked(where, job, name, found.messages, found.answers, found.ranks)


def _values(path: str) -> Iterator[tuple[str, Any]]:
    """Yield (file and number of the row, its value; None where it is no JSON)."""
    base = PurePosixPath(path).name
    for row in layouts.values(path):
        yield f"{base}#{row.number}", row.value if isinstance(row, Row) else None


def _hh(row: Mapping[str, Any], where: str, job: str) -> Iterator[Ranked]:
    """Yield the comparison of a `chosen` and a `rejected` dialogue that part at their last answer.

    The prompt is what both share up to the open assistant turn. Raises LeftOut where a dialogue goes on
    behind the answer: a string of several turns is no answer.
    """
    shared, *rests = parted(turns_of(row["chosen"]), turns_of(row["rejected"]))
    if any(len(rest) != 1 or rest[0][0] != "Assistant" for rest in rests):
        told = " / ".join(", ".join(who for who, _ in rest) or "nothing" for rest in rests)
        raise LeftOut("more_turns", f"behind the shared turns: {told}")
    pair = [(rest[0][1].removeprefix(" "), "") for rest in rests]
    yield ranked(where, job, "hh", messages_of(shared), pair, (1, 2))


def _scores(row: Mapping[str, Any], where: str, job: str) -> Iterator[Ranked]:
    """Yield the ranking of a list of scored answers, the highest score first; equal scores tie."""
    if "answer_0" in row:  # WebGPT: two answers in columns
        texts = [(_text(row[f"answer_{n}"]), "") for n in (0, 1)]
        scores = [number(row[f"score_{n}"]) for n in (0, 1)]
        question = row.get("prompt", row.get("question"))
        question = question.get("full_text") if isinstance(question, dict) else question
        messages = asked({"prompt": _text(question)})
    else:
        items = next((row[key] for key in ANSWERS if isinstance(row.get(key), list)), None)
        if items is None:
            raise ValueError(f"no list of answers ({', '.join(ANSWERS)})")
        texts = [_answer(item) for item in items]
        scores = _beside(row, len(items)) or [_first_score(item) for item in items]
        messages = asked(row)
    known = [score for score in scores if score is not None]
    ranks = [None if score is None else -score for score in scores]
    kept = known if len(known) == len(scores) else ()
    by_model = any(key.startswith("reward") for key in row)
    yield ranked(where, job, "scores", messages, texts, ranks, kept, by_model=by_model)


def _answer(item: Any) -> tuple[str, str]:
    found = answer_of(item, "")
    if found is None:
        raise TypeError(f"expected an answer's text, got {type(item).__name__} without one")
    return found[0], found[1]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected an answer's text, got {type(value).__name__}")
    return value


def _first_score(item: Any) -> float | None:
    """Return the score that an answer holds, None where it holds none."""
    if not isinstance(item, dict):
        return None
    return next((number(item[key]) for key in _SCORES if key in item), None)


def _beside(row: Mapping[str, Any], size: int) -> list[float | None]:
    """Return the scores of a list that runs beside the answers ("rewards_x": [...]), or []."""
    for key, value in row.items():
        if re.match(r"(scores?|rewards?|ratings?)(_|$)", key) and isinstance(value, list):
            if len(value) != size:
                raise ValueError(f"{len(value)} {key} for {size} answers")
            return [
                _first_score(item) if isinstance(item, dict) else number(item) for item in value
            ]
    return []


_PAIRS = (
    ("response1", "response2"), ("output_1", "output_2"), ("response_1", "response_2"),
    ("output1", "output2"), ("response_a", "response_b"),
)  # fmt: skip


def _pairs(row: Mapping[str, Any], where: str, job: str) -> Iterator[Ranked | Refused]:
    """Yield one ranking for each verdict on two answers: 1 or 2 is better, 0 or "tie" is neither.

    A verdict that is none of these is refused alone.
    """
    names = next((pair for pair in _PAIRS if pair[0] in row), None)
    if names is None:
        raise ValueError(f"no two answers ({', '.join(map(' and '.join, _PAIRS))})")
    texts = [(_text(row.get(name)), str(row.get(f"model_{n}") or "")) for n, name in
             enumerate(names, 1)]  # fmt: skip
    keys = sorted(key for key in row if _VERDICT.fullmatch(key))
    messages = asked(row) if keys else ()
    for key in keys:
        spot = f"{where}/{key}"
        ranks = guarded(spot, row, partial(verdict, name=key, numbers=True))
        if isinstance(ranks, Refused):
            yield ranks
        else:
            yield ranked(spot, job, f"pairs-{key}", messages, texts, ranks)


def _auto(row: Mapping[str, Any], where: str, job: str) -> Iterator[Ranked | Refused]:
    """Yield the comparisons of a row of any known shape; the rankings' `tool` says which it was."""
    chosen = row.get("chosen")
    if is_kway(row):
        yield from kway_rankings(row, where, job)
    elif isinstance(row.get("prompt"), dict):
        yield from tree_rankings(row, where, job)
    elif isinstance(chosen, str) and "prompt" not in row and opens_turn(chosen):
        yield from _hh(row, where, job)
    elif {"chosen_id", "rejected_id"} <= row.keys() and "chosen" not in row:
        raise ValueError("pairs by id hold no texts; import the kway file beside them")
    elif found := ranked_list(row) or compared(row):
        yield _ranked(found, where, job)
    elif "answer_0" in row or any(isinstance(row.get(key), list) for key in ANSWERS):
        yield from _scores(row, where, job)
    elif any(_VERDICT.fullmatch(key) for key in row):
        yield from _pairs(row, where, job)
    else:
        raise ValueError(
            f"no known shape of preferences; the row has {', '.join(map(str, row))}"[:200]
        )


SOURCES: dict[str, Callable[[Mapping[str, Any], str, str], Iterator[Ranked | Refused]]] = {
    "hh": _hh,
    "oasst": tree_rankings,
    "scores": _scores,
    "pairs": _pairs,
    "auto": _auto,
}
"""Readers by name: one row of a file to its rankings."""
