"""Preference rows as the world publishes them: a prompt, answers, and who is better, whatever the names.

TRL (explicit and implicit, text and chat), RewardBench, LLaMA-Factory, axolotl, HelpSteer 2 and 3, PKU,
SHP, Nectar, Arena, distilabel, NeMo-RL, OpenAI, summaries with feedback. `compared` says by name which
shape it took, so that a file that is taken for another is seen. Limit: a row that fits two shapes is the
first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from corpusforge.annotate.imports.answers import LeftOut
from corpusforge.annotate.imports.ranked import check_answers, check_turns, number
from corpusforge.annotate.transcripts import (
    is_dialogue,
    messages_of,
    opens_turn,
    turns_of,
)
from corpusforge.annotate.understand import NotUnderstood, asked, role_of, shared_turns
from corpusforge.models.records import Message

__all__ = [
    "Compared",
    "Judged",
    "compared",
    "is_judged",
    "judged",
    "parted",
    "ranked_list",
    "verdict",
]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison: `ranks` are lower for better answers, None for those without a place."""

    shape: str
    messages: tuple[Message, ...]
    answers: tuple[tuple[str, str], ...]
    ranks: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer that is good or bad, and the messages that it answers."""

    messages: tuple[Message, ...]
    text: str
    good: bool


def compared(row: Row) -> Compared | None:
    """Return the comparison that a row holds, None for no known shape.

    Raises ValueError in words, NotUnderstood for a prompt that is not understood whole.
    """
    for fields, read in _SHAPES:
        if all(name in row for name in fields):
            return read(row)
    return None


def _words(value: Any, name: str) -> str:
    """The words of one answer: text, a turn, or a list that ends in the one assistant turn.

    A text that goes on with a turn of HH's notation is no answer; in a chat it is what was said.
    """
    if isinstance(value, str):
        if not value.strip():
            raise LeftOut("empty_answer", f"{name} is an empty answer")
        if opens_turn(value):
            raise LeftOut("more_turns", f"{name} is not one answer: it holds further turns")
        return value
    turns = value if isinstance(value, list) else [value]
    if len(turns) > 1:
        raise LeftOut("more_turns", f"{name} is not one answer: it has {len(turns)} turns")
    last = turns[-1] if turns else None
    text = last.get("content", last.get("value")) if isinstance(last, Mapping) else None
    role = role_of(last)
    if role == "user":
        raise LeftOut("roles", f"{name} is a turn of the user")
    if role == "tool":
        raise ValueError(f"{name} is not one answer: it calls a tool")
    if isinstance(text, str):
        return text
    raise ValueError(f"{name} is not one answer: expected text or one assistant turn")


def _without(row: Row, *names: str) -> dict[str, Any]:
    """The fields that ask: all but those that hold answers."""
    return {key: value for key, value in row.items() if key not in names}


def _spoken(value: Any) -> bool:
    """Whether a list of turns holds its prompt, too."""
    return isinstance(value, list) and bool(value) and role_of(value[0]) in ("user", "system")


def _told(asks: Row, answers: list[Any]) -> tuple[tuple[Message, ...], list[Any]]:
    """The prompt, and the answers beside it.

    A prompt in HH's notation ends with an open turn, and its answers begin with the blank of it.
    """
    spaced = all(isinstance(one, str) and one.startswith(" ") for one in answers)
    if is_dialogue(asks.get("prompt")) and spaced:
        *turns, _ = turns_of(asks["prompt"])
        return messages_of(turns), [one.removeprefix(" ") for one in answers]
    return asked(asks), answers


def _chosen(row: Row) -> Compared:
    one, two = row["chosen"], row["rejected"]
    models = (str(row.get("chosen_model") or ""), str(row.get("rejected_model") or ""))
    if _spoken(one) and _spoken(two):
        messages, one, two = _dialogues(one, two)
    else:
        messages, (one, two) = _told(_without(row, "chosen", "rejected"), [one, two])
    if one == two:
        raise ValueError("chosen and rejected are the same")
    texts = (_words(one, "chosen"), _words(two, "rejected"))
    return Compared("chosen", messages, tuple(zip(texts, models, strict=True)), (1, 2))


def parted(one: list[Any], two: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the turns that two dialogues share, and each one's others. Raises ValueError for none."""
    if one == two:
        raise ValueError("the two dialogues are the same")
    shared = shared_turns(one, two)
    if not shared:
        raise ValueError("the two dialogues share no turn before an answer")
    return one[:shared], one[shared:], two[shared:]


def _dialogues(one: list[Any], two: list[Any]) -> tuple[tuple[Message, ...], list[Any], list[Any]]:
    """Part two dialogues where they part; each goes on with one answer."""
    shared, one, two = parted(one, two)
    if not (one and two):
        raise LeftOut("more_turns", "one dialogue is not one answer longer than the other's prompt")
    messages = asked({"messages": shared})
    if len(messages) != len(shared):
        raise LeftOut("roles", "the shared turns do not end with a question")
    return messages, one, two


def _preferred(row: Row) -> Compared:
    """OpenAI's preference fine-tuning."""
    asks = row["input"]
    if not isinstance(asks, Mapping):
        raise NotUnderstood("not_text", f"input is {type(asks).__name__}")
    if asks.get("tools"):
        raise NotUnderstood("unread_field", "tools")
    names = ("preferred_output", "non_preferred_output")
    if row[names[0]] == row[names[1]]:
        raise ValueError(f"{names[0]} and {names[1]} are the same")
    one, two = (_words(row[name], name) for name in names)
    return Compared(
        "openai", asked({"messages": asks.get("messages")}), ((one, ""), (two, "")), (1, 2)
    )


def is_judged(row: Row) -> bool:
    """Whether a row is an answer that is good or bad: TRL's `label`, LLaMA-Factory's `kto_tag`."""
    if isinstance(row.get("kto_tag"), bool):
        return bool(_dialogue(row)) or bool(row.get("instruction") and "output" in row)
    return isinstance(row.get("label"), bool) and {"prompt", "completion"} <= row.keys()


def _dialogue(row: Row) -> str:
    """The field of the turns of which the last is the answer, "" where there is none."""
    names = ("conversations", "messages")
    return next((name for name in names if row.get(name) and isinstance(row[name], list)), "")


def judged(row: Row) -> Judged:
    """Return the answer of a row that `is_judged`; raises as `compared` does."""
    tag = "kto_tag" if isinstance(row.get("kto_tag"), bool) else "label"
    name = "completion" if tag == "label" else "output"
    if tag == "kto_tag" and (turns := _dialogue(row)):
        answer: Any = row[turns][-1]
        asks = {**row, turns: row[turns][:-1]}
    else:
        answer, asks = row[name], _without(row, name)
    messages, (answer,) = _told(asks, [answer])
    text = _words(answer, name)
    check_turns(messages)
    check_answers([(text, "")])
    return Judged(messages, text, row[tag])


def _arena(row: Row) -> Compared:
    messages, one, two = _dialogues(row["conversation_a"], row["conversation_b"])
    models = (str(row.get("model_a") or ""), str(row.get("model_b") or ""))
    texts = (_words(one, "conversation_a"), _words(two, "conversation_b"))
    return Compared(
        "arena", messages, tuple(zip(texts, models, strict=True)), verdict(row, "winner")
    )


def verdict(row: Row, name: str, numbers: bool = False) -> tuple[float, float]:
    """Return the ranks of two answers by a verdict in words, or in PandaLM's `numbers` (0 is a tie)."""
    word = str(row[name]).strip().lower().replace("_", " ")
    found = _TIE if word.startswith("tie") else _VERDICTS.get(word)
    if found is None and numbers:
        found = _NUMBERS.get(word.removesuffix(".0"))  # a column with gaps is one of floats
    if found is None:
        known = "0, 1, 2, " if numbers else ""
        raise ValueError(
            f"{name} is {str(row[name])[:40]!r}; expected {known}model_a, model_b or a tie"
        )
    return found


_TIE = (1.0, 1.0)
_VERDICTS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("model a", "a", "response a"), (1, 2)),
    **dict.fromkeys(("model b", "b", "response b"), (2, 1)),
    **dict.fromkeys(("both bad", "bothbad", "both good"), _TIE),
}
_NUMBERS: dict[str, tuple[float, float]] = {"0": _TIE, "1": (1, 2), "2": (2, 1)}


def _two(
    shape: str,
    first: str,
    second: str,
    better: Callable[[Row], tuple[float, float]],
    asks: str = "",
) -> Callable[[Row], Compared]:
    """A shape of two answers beside a prompt, which is in the field `asks` where it has a name of its own."""

    def read(row: Row) -> Compared:
        texts = (_words(row[first], first), _words(row[second], second))
        messages = asked({"prompt": row[asks]} if asks else _without(row, first, second))
        return Compared(shape, messages, tuple((text, "") for text in texts), better(row))

    return read


def _signed(row: Row) -> tuple[float, float]:
    value = row["overall_preference"]
    if not isinstance(value, int | float) or not -3 <= value <= 3:
        raise ValueError(f"overall_preference is {str(value)[:40]!r}; expected -3 to 3")
    return (1, 1) if value == 0 else (1, 2) if value < 0 else (2, 1)


def _numbered(name: str, first: int) -> Callable[[Row], tuple[float, float]]:
    def better(row: Row) -> tuple[float, float]:
        if row[name] not in (0, 1):
            raise ValueError(f"{name} is {str(row[name])[:40]!r}; expected 0 or 1")
        return (1, 2) if row[name] == first else (2, 1)

    return better


def _generations(row: Row) -> Compared:
    texts, ratings = row["generations"], row["ratings"]
    models = row.get("generation_models") or [""] * len(texts)
    if not len(texts) == len(ratings) == len(models):
        raise ValueError(f"{len(texts)} generations, {len(ratings)} ratings, {len(models)} models")
    scores = [number(one) for one in ratings]
    ranks = tuple(None if score is None else -score for score in scores)
    messages = asked(_without(row, "generations", "ratings", "rationales"))
    answers = tuple(
        (_words(text, "generations"), str(model or ""))
        for text, model in zip(texts, models, strict=True)
    )
    return Compared("distilabel", messages, answers, ranks)


def _listed(name: str, shape: str, row: Row) -> Compared:
    """Answers of a list that carry their `rank` (Nectar counts from 1, NeMo-RL from 0)."""
    answers = tuple(
        (
            _words(one.get("answer", one.get("completion", one.get("text"))), name),
            str(one.get("model") or ""),
        )
        for one in row[name]
    )
    ranks = tuple(number(one["rank"]) for one in row[name])
    return Compared(shape, asked(_without(row, name)), answers, ranks)


def _summaries(row: Row) -> Compared:
    info, items, choice = row["info"], row["summaries"], row["choice"]
    post = info.get("post") or info.get("article") if isinstance(info, Mapping) else None
    if choice not in (0, 1) or len(items) != 2 or not isinstance(post, str):
        raise ValueError("expected info.post, two summaries and a choice of 0 or 1")
    texts = tuple(
        (_words(one.get("text"), "summaries"), str(one.get("policy") or "")) for one in items
    )
    return Compared("summaries", asked({"prompt": post}), texts, (1, 2) if choice == 0 else (2, 1))


_SHAPES: tuple[tuple[tuple[str, ...], Callable[[Row], Compared]], ...] = (
    (("conversation_a", "conversation_b", "winner"), _arena),
    (("response1", "response2", "overall_preference"), _two("helpsteer", "response1", "response2", _signed)),
    (("response_0", "response_1", "better_response_id"),
     _two("pku", "response_0", "response_1", _numbered("better_response_id", 0))),
    (("history", "human_ref_A", "human_ref_B", "labels"),
     _two("shp", "human_ref_A", "human_ref_B", _numbered("labels", 1), asks="history")),
    (("response_a", "response_b", "winner"),
     _two("arena", "response_a", "response_b", lambda row: verdict(row, "winner"))),
    (("generations", "ratings"), _generations),
    (("info", "summaries", "choice"), _summaries),
    (("input", "preferred_output", "non_preferred_output"), _preferred),
    (("chosen", "rejected"), _chosen),
)  # fmt: skip


def ranked_list(row: Row) -> Compared | None:
    """Return the comparison of a list whose answers carry ranks, None for other rows."""
    for name, shape in (("answers", "nectar"), ("completions", "nemo_rl")):
        items = row.get(name)
        if isinstance(items, list) and items and all(
            isinstance(one, Mapping) and "rank" in one for one in items
        ):  # fmt: skip
            return _listed(name, shape, row)
    return None
