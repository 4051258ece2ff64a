"""Preference files that were made elsewhere, read as the tasks and rankings they would have been.

HH (Bai et al. 2022): `chosen` and `rejected` dialogues with a shared beginning. Open Assistant (Köpf et
al. 2023): message trees, siblings by `rank`. Scored lists (Magpie, UltraFeedback, WebGPT): scores
become ranks within a prompt, whatever the order of the list. Pairs with a verdict (PandaLM). Every row
gives tasks with rankings or one Refused. Limits: raters of such files are not known and get one
pseudonym per column; raw rankings behind Open Assistant's consensus were never published.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from corpusforge.annotate.candidates import candidate_id
from corpusforge.annotate.imports import stream
from corpusforge.annotate.imports.answers import by_rank
from corpusforge.annotate.imports.shapes import compared, ranked_list
from corpusforge.annotate.jobs import task_id
from corpusforge.annotate.prompts import prompt_id, row_messages
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Rating, Refused, Task
from corpusforge.models.records import Message

__all__ = ["SOURCES", "Ranked", "read_source"]

Ranked = tuple[Task, Ranking]
Answers = Sequence[tuple[str, str]]
"""(text, model) of each answer."""

_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLES = {
    "System": "system",
    "Human": "user",
    "Assistant": "assistant",
    "prompter": "user",
    "assistant": "assistant",
}
_TEXTS = ("response", "text", "answer", "completion", "output", "content")
_LISTS = ("responses", "completions", "answers", "candidates")
_SCORES = ("score", "reward", "rating", "overall_score", "rank_score")
_VERDICT = re.compile(r"(?:annotator|label|verdict|preference|winner)_?\d*")
"""Columns of verdicts; numbered ones are those of several annotators (not `label_id`, `winner_score`)."""


def read_source(kind: str, paths: Sequence[str], job: str) -> Iterator[Ranked | Refused]:
    """Yield (task, ranking) of every comparison in files of one kind of `SOURCES`, or Refused.

    Tasks carry the id `job`, a rater "r_" and hex for the source's column, and candidates in the order
    of the file.
    """
    read = SOURCES[kind]
    for path in paths:
        base = PurePosixPath(path).name
        for number, row in stream.rows(path):
            where = f"{base}#{number}"
            value = stream.decode(row)
            if not isinstance(value, dict):
                yield Refused(locator=where, rule="malformed", value="not a JSON object")
                continue
            try:
                found = list(read(value, where, job))
            except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
                yield Refused(locator=where, rule="malformed", value=str(error)[:200])
                continue
            if not found:
                yield Refused(locator=where, rule="unanswered", value="no ranked answers")
            yield from found


def _rater(name: str) -> str:
    return "r_" + hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _candidates(prompt: str, answers: Answers) -> tuple[Candidate, ...]:
    """Return candidates in order; equal texts of one model are two samples with ids of their own."""
    made: list[Candidate] = []
    seen: dict[tuple[str, str], int] = {}
    for text, model in answers:
        copy = seen[text, model] = seen.get((text, model), 0) + 1
        params = f'{{"copy":{copy}}}' if copy > 1 else ""
        name = candidate_id(prompt, model, params, text)
        made.append(Candidate(id=name, text=text, model=model, params=params))
    return tuple(made)


def _ranked(
    where: str,
    job: str,
    source: str,
    messages: tuple[Message, ...],
    answers: Answers,
    ranks: Sequence[float | None],
    scores: Sequence[float] = (),
    language: str = "",
    by_model: bool = False,
) -> Ranked:
    """Return the task and ranking of answers with rank numbers; None is not ranked."""
    if not messages:
        raise ValueError("no prompt")
    name = prompt_id(messages)
    candidates = _candidates(name, answers)
    order = tuple(candidate.id for candidate in candidates)
    rater = _rater(source)
    task = Task(
        id=task_id(job, name, order, rater),
        job=job,
        kind="pairwise" if len(order) == 2 else "ranking",
        prompt=Prompt(id=name, messages=messages, origin="user", language=language),
        candidates=candidates,
        # how these were shown is not known; an order by id says nothing about the ranking
        presented_order=tuple(sorted(order)),
        rater=rater,
        batch=source,
    )
    placed = [(one, rank) for one, rank in zip(order, ranks, strict=True) if rank is not None]
    ranking = Ranking(
        task=task.id,
        prompt=name,
        rater=rater,
        tiers=by_rank(placed),
        unrankable=tuple(one for one, rank in zip(order, ranks, strict=True) if rank is None),
        ratings=tuple(
            Rating(candidate=one, scores=(("score", score),))
            for one, score in zip(order, scores, strict=bool(scores))
        ),
        annotator_kind="model" if by_model else "human",
        tool=source,
        annotation=where,
    )
    return task, ranking


def _turns(text: Any) -> list[tuple[str, str]]:
    if not isinstance(text, str):
        raise TypeError(f"a dialogue is {type(text).__name__}, not text")
    parts = _TURN.split(text.replace("\r\n", "\n"))
    if len(parts) < 3:
        raise ValueError("not a dialogue of Human and Assistant turns")
    head = [("System", parts[0].strip())] if parts[0].strip() else []
    return head + [(parts[n], parts[n + 1]) for n in range(1, len(parts), 2)]


def _hh(row: dict[str, Any], where: str, job: str) -> Iterator[Ranked]:
    """Yield the comparison of a `chosen` and a `rejected` dialogue.

    The prompt is what both share up to the open assistant turn; where they part earlier, an answer is
    the rest of its dialogue, in the same notation.
    """
    one, two = _turns(row["chosen"]), _turns(row["rejected"])
    if one == two:
        raise ValueError("chosen and rejected are the same")
    shared = 0
    while shared < min(len(one), len(two)) and one[shared] == two[shared]:
        shared += 1
    while shared and (shared >= min(len(one), len(two)) or one[shared][0] != "Assistant"
                      or two[shared][0] != "Assistant"):  # fmt: skip
        shared -= 1
    if not shared:
        raise ValueError("chosen and rejected share no turn before an answer")
    messages = tuple(Message(_ROLES[who], text.removeprefix(" ")) for who, text in one[:shared])  # type: ignore[arg-type]  # values of _ROLES
    answers = [
        "".join(f"\n\n{who}:{text}" for who, text in rest).removeprefix("\n\nAssistant:")
        for rest in (one[shared:], two[shared:])
    ]
    pair = [(text.removeprefix(" "), "") for text in answers]
    yield _ranked(where, job, "hh", messages, pair, (1, 2))


def _oasst(row: dict[str, Any], where: str, job: str) -> Iterator[Ranked]:
    """Yield one task for each message of a tree that has two or more ranked assistant replies."""
    waiting: list[tuple[dict[str, Any], tuple[Message, ...]]] = [(row["prompt"], ())]
    while waiting:
        node, before = waiting.pop()
        thread = (*before, Message(_ROLES[node["role"]], node["text"]))  # type: ignore[arg-type]  # values of _ROLES
        replies = node.get("replies") or []
        waiting += [(reply, thread) for reply in reversed(replies)]
        answers = [reply for reply in replies if reply["role"] == "assistant"]
        ranks = [_from_zero(reply.get("rank"), len(answers)) for reply in answers]
        if sum(rank is not None for rank in ranks) > 1:
            told = [(reply["text"], reply.get("model_name") or "") for reply in answers]
            spot = f"{where}/{node.get('message_id', '')}"
            yield _ranked(spot, job, "oasst", thread, told, ranks, language=node.get("lang") or "")


def _scores(row: dict[str, Any], where: str, job: str) -> Iterator[Ranked]:
    """Yield the ranking of a list of scored answers, the highest score first; equal scores tie."""
    if "answer_0" in row:  # WebGPT: two answers in columns
        texts = [(_text(row[f"answer_{n}"]), "") for n in (0, 1)]
        scores = [_number(row[f"score_{n}"]) for n in (0, 1)]
        asked = row.get("prompt", row.get("question"))
        asked = asked.get("full_text") if isinstance(asked, dict) else asked
        messages = row_messages({"prompt": _text(asked)})
    else:
        items = next((row[key] for key in _LISTS if isinstance(row.get(key), list)), None)
        if items is None:
            raise ValueError(f"no list of answers ({', '.join(_LISTS)})")
        texts = [_answer(item) for item in items]
        scores = _beside(row, len(items)) or [_first_score(item) for item in items]
        messages = row_messages(row)
    known = [score for score in scores if score is not None]
    if len(known) < 2:
        raise ValueError("fewer than two scores")
    ranks = [None if score is None else -score for score in scores]
    kept = known if len(known) == len(scores) else ()
    by_model = any(key.startswith("reward") for key in row)
    yield _ranked(where, job, "scores", messages, texts, ranks, kept, by_model=by_model)


def _answer(item: Any) -> tuple[str, str]:
    if isinstance(item, str):
        return item, ""
    if not isinstance(item, dict):
        raise TypeError(f"expected an answer, got {type(item).__name__}")
    text = next((item[key] for key in _TEXTS if isinstance(item.get(key), str)), None)
    return _text(text), str(item.get("model") or "")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected an answer's text, got {type(value).__name__}")
    return value


def _from_zero(rank: Any, count: int) -> int | None:
    """Return a rank as Open Assistant counts them, from 0 (best); None where the reply has none."""
    if rank is None:
        return None
    whole = isinstance(rank, (int, float)) and not isinstance(rank, bool) and rank == rank // 1
    if not whole or not 0 <= rank < count:
        raise ValueError(f"rank {str(rank)[:40]!r}: expected a whole number from 0 to {count - 1}")
    return int(rank)


_NO_SCORE = frozenset(("n/a", "na", "none", "null"))
"""What judges write where they give no score; one of them does not cost the others' order."""


def _number(value: Any) -> float | None:
    """Return a score, None where there is none; raises ValueError for what is no finite number."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _NO_SCORE):
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"score {str(value)[:40]!r} is no finite number")
    return number


def _first_score(item: Any) -> float | None:
    """Return the score that an answer holds, None where it holds none."""
    if not isinstance(item, dict):
        return None
    return next((_number(item[key]) for key in _SCORES if key in item), None)


def _beside(row: dict[str, Any], size: int) -> list[float | None]:
    """Return the scores of a list that runs beside the answers ("rewards_x": [...]), or []."""
    for key, value in row.items():
        if re.match(r"(scores?|rewards?|ratings?)(_|$)", key) and isinstance(value, list):
            if len(value) != size:
                raise ValueError(f"{len(value)} {key} for {size} answers")
            return [
                _first_score(item) if isinstance(item, dict) else _number(item) for item in value
            ]
    return []


def _pairs(row: dict[str, Any], where: str, job: str) -> Iterator[Ranked]:
    """Yield one ranking for each verdict on two answers: 1 or 2 is better, 0 or "tie" is neither."""
    names = (("response1", "response2"), ("output_1", "output_2"), ("response_1", "response_2"),
             ("output1", "output2"), ("response_a", "response_b"))  # fmt: skip
    one, two = next((pair for pair in names if pair[0] in row), ("", ""))
    texts = [(_text(row.get(name)), str(row.get(f"model_{n}") or "")) for n, name in
             enumerate((one, two), 1)]  # fmt: skip
    keys = [key for key in row if _VERDICT.fullmatch(key)]
    for key in sorted(keys):
        ranks = _VERDICTS.get(str(row[key]).strip().lower())
        if ranks is None:
            raise ValueError(f"{key} is {str(row[key])[:40]!r}; expected 0, 1, 2 or tie")
        yield _ranked(f"{where}/{key}", job, f"pairs-{key}", row_messages(row), texts, ranks)


_VERDICTS: dict[str, tuple[float, float]] = {
    "0": (1, 1), "tie": (1, 1), "1": (1, 2), "2": (2, 1), "a": (1, 2), "b": (2, 1),
    "model_a": (1, 2), "model_b": (2, 1),
}  # fmt: skip


def _auto(row: dict[str, Any], where: str, job: str) -> Iterator[Ranked]:
    """Yield the comparisons of a row of any known shape; the rankings' `tool` says which it was."""
    chosen = row.get("chosen")
    if isinstance(row.get("prompt"), dict):
        yield from _oasst(row, where, job)
    elif (
        isinstance(chosen, str)
        and "prompt" not in row
        and _TURN.search(chosen.replace("\r\n", "\n"))
    ):
        yield from _hh(row, where, job)
    elif found := ranked_list(row) or compared(row):
        name = f"auto-{found.shape}"
        yield _ranked(where, job, name, found.messages, found.answers, found.ranks)
    elif "answer_0" in row or any(isinstance(row.get(key), list) for key in _LISTS):
        yield from _scores(row, where, job)
    elif any(_VERDICT.fullmatch(key) for key in row):
        yield from _pairs(row, where, job)
    else:
        raise ValueError(
            f"no known shape of preferences; the row has {', '.join(map(str, row))}"[:200]
        )


SOURCES: dict[str, Callable[[dict[str, Any], str, str], Iterator[Ranked]]] = {
    "hh": _hh,
    "oasst": _oasst,
    "scores": _scores,
    "pairs": _pairs,
    "auto": _auto,
}
"""Readers by name: one row of a file to its rankings."""
