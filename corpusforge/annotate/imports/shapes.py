"""Preference rows as the world publishes them: a prompt, answers, and who is better, whatever the names.

TRL (explicit and implicit, text and chat), RewardBench, LLaMA-Factory, axolotl, HelpSteer 2 and 3, PKU,
SHP, Nectar, Arena, distilabel, NeMo-RL, OpenAI, summaries with feedback. `compared` says by name which
shape it took, so that a file that is taken for another is seen. Limit: a row that fits two shapes is the
first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge.annotate.imports.answers import LeftOut
from corpusforge.annotate.imports.gather import UNPAIRED
from corpusforge.annotate.imports.transcripts import (
    is_dialogue,
    messages_of,
    opens_turn,
    turns_of,
)
from corpusforge.annotate.understand import NotUnderstood, asked
from corpusforge.models.records import Message

__all__ = ["Compared", "compared", "ranked_list", "unpaired"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison: `ranks` are lower for better answers, None for those without a place."""

    shape: str
    messages: tuple[Message, ...]
    answers: tuple[tuple[str, str], ...]
    ranks: tuple[float | None, ...]


def compared(row: Row) -> Compared | None:
    """Return the comparison that a row holds, None for no known shape. Raises ValueError in words."""
    for fields, read in _SHAPES:
        if all(name in row for name in fields):
            try:
                return read(row)
            except NotUnderstood as error:
                raise ValueError(f"the prompt is not understood ({error})") from error
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
    if isinstance(last, Mapping) and last.get("role", last.get("from")) in _ASKING:
        raise LeftOut("roles", f"{name} is a turn of the user")
    if isinstance(text, str):
        return text
    raise ValueError(f"{name} is not one answer: expected text or one assistant turn")


def _prompted(row: Row, *names: str) -> tuple[Message, ...]:
    """The prompt without the fields that hold answers."""
    return asked({key: value for key, value in row.items() if key not in names})


def _spoken(value: Any) -> bool:
    """Whether a list of turns holds its prompt, too."""
    first = value[0] if isinstance(value, list) and value else None
    role = first.get("role", first.get("from")) if isinstance(first, Mapping) else ""
    return role in (*_ASKING, "system")


_ASKING = ("user", "human")


def _told(row: Row, *names: str) -> tuple[tuple[Message, ...], list[Any]]:
    """The prompt, and the answers beside it.

    A prompt in HH's notation ends with an open turn, and its answers begin with the blank of it.
    """
    answers = [row[name] for name in names]
    spaced = all(isinstance(one, str) and one.startswith(" ") for one in answers)
    if is_dialogue(row.get("prompt")) and spaced:
        *turns, _ = turns_of(row["prompt"])
        return messages_of(turns), [one.removeprefix(" ") for one in answers]
    return _prompted(row, *names), answers


def _chosen(row: Row) -> Compared:
    one, two = row["chosen"], row["rejected"]
    models = (str(row.get("chosen_model") or ""), str(row.get("rejected_model") or ""))
    if _spoken(one) and _spoken(two):
        messages, one, two = _dialogues(one, two)
    else:
        messages, (one, two) = _told(row, "chosen", "rejected")
    if one == two:
        raise ValueError("chosen and rejected are the same")
    texts = (_words(one, "chosen"), _words(two, "rejected"))
    return Compared("chosen", messages, tuple(zip(texts, models, strict=True)), (1, 2))


def _dialogues(one: list[Any], two: list[Any]) -> tuple[tuple[Message, ...], list[Any], list[Any]]:
    """Part two dialogues where they part; each goes on with one answer."""
    shared = 0
    while shared < min(len(one), len(two)) and one[shared] == two[shared]:
        shared += 1
    if len(one) == len(two) == shared:
        raise ValueError("chosen and rejected are the same")
    if not shared:
        raise ValueError("chosen and rejected share no turn before an answer")
    if shared in (len(one), len(two)):
        raise LeftOut("more_turns", "one dialogue is not one answer longer than the other's prompt")
    messages = asked({"messages": one[:shared]})
    if len(messages) != shared:
        raise LeftOut("roles", "the shared turns do not end with a question")
    return messages, one[shared:], two[shared:]


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


def unpaired(row: Row) -> Compared:
    """Answers to one prompt that are good or bad, as `gather` brings them together."""
    given = row[UNPAIRED]
    if len({good for _, good in given}) < 2:
        told = "good" if given[0][1] else "bad"
        raise LeftOut("one_sided", f"{len(given)} answers, all {told}")
    keyed = {**row, **{str(place): text for place, (text, _) in enumerate(given)}}
    try:
        messages, answers = _told(
            {name: value for name, value in keyed.items() if name != UNPAIRED},
            *map(str, range(len(given))),
        )
    except NotUnderstood as error:
        raise ValueError(f"the prompt is not understood ({error})") from error
    texts = tuple((_words(one, "completion"), "") for one in answers)
    return Compared("unpaired", messages, texts, tuple(1 if good else 2 for _, good in given))


def _arena(row: Row) -> Compared:
    messages, one, two = _dialogues(row["conversation_a"], row["conversation_b"])
    models = (str(row.get("model_a") or ""), str(row.get("model_b") or ""))
    texts = (_words(one, "conversation_a"), _words(two, "conversation_b"))
    return Compared(
        "arena", messages, tuple(zip(texts, models, strict=True)), _verdict(row["winner"])
    )


def _verdict(value: Any) -> tuple[float, float]:
    word = str(value).strip().lower().replace("_", " ")
    if word in {"model a", "a", "response a"}:
        return (1, 2)
    if word in {"model b", "b", "response b"}:
        return (2, 1)
    if "tie" in word or word in {"both bad", "bothbad", "both good"}:
        return (1, 1)
    raise ValueError(f"winner is {str(value)[:40]!r}; expected model_a, model_b or a tie")


def _two(shape: str, first: str, second: str, better: Callable[[Row], tuple[float, float]]) -> Any:
    def read(row: Row) -> Compared:
        texts = (_words(row[first], first), _words(row[second], second))
        given = {"prompt": row["history"]} if shape == "shp" else row
        messages = _prompted(given, first, second)
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
    numbers = [isinstance(one, int | float) and not isinstance(one, bool) for one in ratings]
    ranks = tuple(
        -float(one) if known else None for one, known in zip(ratings, numbers, strict=True)
    )
    messages = _prompted(row, "generations", "ratings", "rationales")
    answers = tuple(
        (_words(text, "generations"), str(model or ""))
        for text, model in zip(texts, models, strict=True)
    )
    return _several("distilabel", messages, answers, ranks)


def _several(
    shape: str, messages: tuple[Message, ...], answers: Sequence[tuple[str, str]], ranks: Any
) -> Compared:
    if sum(rank is not None for rank in ranks) < 2:
        raise ValueError("fewer than two ranked answers")
    return Compared(shape, messages, tuple(answers), tuple(ranks))


def _listed(name: str, shape: str) -> Callable[[Row], Compared]:
    """Answers of a list that carry their `rank` (Nectar counts from 1, NeMo-RL from 0)."""

    def read(row: Row) -> Compared:
        items = row[name]
        answers = [
            (
                _words(one.get("answer", one.get("completion", one.get("text"))), name),
                str(one.get("model") or ""),
            )
            for one in items
        ]
        ranks = [float(one["rank"]) if one.get("rank") is not None else None for one in items]
        return _several(shape, _prompted(row, name), answers, ranks)

    return read


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
     _two("shp", "human_ref_A", "human_ref_B", _numbered("labels", 1))),
    (("response_a", "response_b", "winner"),
     _two("arena", "response_a", "response_b", lambda row: _verdict(row["winner"]))),
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
            try:
                return _listed(name, shape)(row)
            except NotUnderstood as error:
                raise ValueError(f"the prompt is not understood ({error})") from error
    return None
