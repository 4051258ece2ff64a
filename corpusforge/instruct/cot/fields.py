r"""Question rows as the world names their fields, brought into `question`, `answer`, `choices`, `rationale`.

MATH (`problem`, `solution` with its last `\boxed`), MATH-500, AQuA (`options`, `correct`), ARC (`choices` as
`text` and `label`, `answerKey`; `question` with a `stem`), MMLU (an index), BoolQ, and the RLVR files of
verl (`prompt`, `reward_model`), open-instruct (`messages`, `ground_truth`), TRL (`prompt`, `solution`) and
OpenRLHF (`input`, `label`). A gold answer that is there and is not read refuses the row: without it the
row would be kept by majority, and nobody would know. Limit: of several right answers none is the one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from corpusforge.instruct.cot.answers import KINDS, kind_of
from corpusforge.instruct.cot.plain import boxed

__all__ = ["RULES", "common_fields"]

RULES: dict[str, str] = {
    "unread_gold": "a field that looks like a gold answer and is none that can be read",
    "several_answers": "more than one right answer",
    "ambiguous_answer": "a number that may be an option's place or its text",
    "no_such_choice": "an answer that points at no option",
}
"""Every rule of this module, with what it finds."""

_QUESTIONS = ("question", "problem", "query", "prompt", "input_question", "Question", "Problem")
_GOLDS = ("answer", "final_answer", "expected_answer", "correct_answer", "gold_answer", "ground_truth",
          "gold", "target", "correct", "answerKey", "answer_key", "label", "answers")  # fmt: skip
_CHATS = ("messages", "input")
"""Fields that hold the question where they are a chat of one user turn."""
_LETTERED = re.compile(r"\s*[(（\[]?([A-Ja-j])[)）\].:：、]\s*(.*)", re.DOTALL)


def common_fields(row: Mapping[str, Any]) -> dict[str, Any] | str:
    """Return the row with the fields that `questions` knows, or the rule that it breaks."""
    made = dict(row)
    text, options = _asked(row)
    made["question"] = text
    labels: Sequence[str] = ()
    if options is None:
        options = row.get("choices") or row.get("options")
    if options:
        options, labels = _options(options)
        made["choices"] = options
    name, gold = _gold(row)
    if isinstance(gold, list | tuple):
        if len(set(map(str, gold))) > 1:
            return "several_answers"
        gold = gold[0] if gold else None
    others = row.get("answers")
    if name != "answers" and isinstance(others, list) and len(set(map(str, others))) > 1:
        return "several_answers"
    _told(row, made)
    solution = row.get("solution")
    if gold is None and isinstance(solution, str) and _bare(solution, row):
        gold = solution.strip()
        gold = gold[1:-1] if _in_dollars(gold) else gold
    elif isinstance(solution, str) and solution.strip():
        made.setdefault("rationale", solution)
        if gold is None:
            gold = boxed(solution)
            if gold is None and "####" in solution:
                gold = solution.rsplit("####", 1)[1].strip()
            if gold is None:
                return "unread_gold"
    return _answered(made, gold, options, labels)


def _bare(solution: str, row: Mapping[str, Any]) -> bool:
    """Whether a solution is an answer alone, as TRL's GRPO files have it: mathematics between dollar
    signs, or a line beside a chat that is no text or whose row says its kind."""
    text = solution.strip()
    if not text or "\n" in text or "\\boxed" in text or "####" in text:
        return False
    short = row.get("kind") in KINDS or kind_of(text) != "text"
    return _in_dollars(text) or (short and isinstance(row.get("prompt"), list))


def _in_dollars(text: str) -> bool:
    return len(text) > 2 and text[0] == text[-1] == "$" and "$" not in text[1:-1]


def _told(row: Mapping[str, Any], made: dict[str, Any]) -> None:
    """Put in the kind and language that verl's file keeps in `extra_info`."""
    more = row.get("extra_info")
    if isinstance(more, Mapping):
        told = {
            name: more[name] for name in ("kind", "language") if isinstance(more.get(name), str)
        }
        if len(told) == 2:
            made.update({name: value for name, value in told.items() if name not in row})


def _answered(
    made: dict[str, Any], gold: Any, options: Any, labels: Sequence[str]
) -> dict[str, Any] | str:
    """Put the gold answer in as text: a letter for an option, yes or no for a truth value."""
    if isinstance(gold, bool):
        made.update(answer="yes" if gold else "no")
        made.setdefault("kind", "yesno")
        return made
    if gold is not None and not isinstance(gold, str | int | float):
        return "unread_gold"
    listed = isinstance(options, list) and bool(options)
    if listed and isinstance(gold, int):
        if str(gold) in labels:
            gold = str(gold)
        elif str(gold) in options:
            return "ambiguous_answer"
        elif not 0 <= gold < len(options):
            return "no_such_choice"
        else:
            gold = chr(ord("A") + gold)
    if listed and isinstance(gold, str) and gold.strip() in labels:
        gold = chr(ord("A") + labels.index(gold.strip()))
    made["answer"] = "" if gold is None else gold
    return made


def _asked(row: Mapping[str, Any]) -> tuple[Any, Any]:
    """The question's text, and the options that stand in it (ARC)."""
    value = next((row[name] for name in _QUESTIONS if row.get(name)), row.get("question", ""))
    if not value:
        chats = (row[name] for name in _CHATS if isinstance(row.get(name), list))
        value = next((chat for chat in chats if chat), value)
    if isinstance(value, Mapping) and isinstance(value.get("stem"), str):
        return value["stem"], value.get("choices")
    if isinstance(value, list):  # a chat; its last question
        turns = [one for one in value if isinstance(one, Mapping) and one.get("role") == "user"]
        return (turns[0].get("content", "") if len(turns) == 1 == len(value) else value), None
    return value, None


def _options(value: Any) -> tuple[Any, list[str]]:
    """The options' texts, and their labels where these are not A, B, C …"""
    if isinstance(value, Mapping) and isinstance(value.get("text"), list):
        return list(value["text"]), [str(one) for one in value.get("label") or ()]
    if isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values()):
        return list(value.values()), [str(one) for one in value]
    if isinstance(value, list) and all(isinstance(one, Mapping) and "text" in one for one in value):
        return [one["text"] for one in value], [str(one.get("label", "")) for one in value]
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        found = [_LETTERED.fullmatch(one) for one in value]
        letters = "".join(one[1].upper() if one else "-" for one in found)
        if letters == "ABCDEFGHIJ"[: len(value)]:
            return [one[2].strip() for one in found if one], []
    return value, []


def _gold(row: Mapping[str, Any]) -> tuple[str, Any]:
    """The field of the gold answer and what it holds; None where there is none."""
    for name in _GOLDS:
        if row.get(name) is not None and row[name] != "":
            return name, row[name]
    model = row.get("reward_model")
    if isinstance(model, Mapping):
        return "reward_model", model.get("ground_truth")
    return "", None
