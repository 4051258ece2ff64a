"""One function a file format: a group in, its rows out.

Keys as the trainers read them: TRL (preference explicit or implicit, as chat or as strings,
unpaired), OpenRLHF, LLaMA-Factory (ranking and KTO), NeMo-RL, OpenAI's preference fine-tuning,
DeepSpeed-Chat, Anthropic HH, WebGPT comparisons, Open Assistant trees. Of them NeMo-RL's and Open
Assistant's hold more than two answers; `kway` holds all there is, and is what the others are made from.
Every pair row of TRL's and OpenRLHF's formats carries group_id, weight and margin. Limits: string formats
leave out dialogues whose texts hold the opening of a turn, `QUESTIONS` all dialogues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from corpusforge import hashing
from corpusforge.annotate.export.group import Group
from corpusforge.annotate.export.tree import tree
from corpusforge.annotate.pairs import Pair
from corpusforge.annotate.records import Candidate
from corpusforge.annotate.transcripts import completion, opens_turn, prompt_text
from corpusforge.annotate.understand import SHAREGPT
from corpusforge.errors import InputError
from corpusforge.plugins import find

__all__ = ["DATASET_INFO", "FORMATS", "QUESTIONS", "STRINGS", "Format", "Row", "find_format", "is_dialogue",
           "unclear"]  # fmt: skip

Row = dict[str, Any]

STRINGS = ("deepspeed_chat", "hh", "trl_explicit", "trl_implicit", "trl_unpaired")
"""Formats whose dialogues are one string."""

QUESTIONS = ("webgpt",)
"""Formats that have room for a question alone, and not for what was said before it."""


def _turns(group: Group, answer: str | None = None) -> list[Row]:
    turns: list[Row] = [{"role": m.role, "content": m.content} for m in group.prompt.messages]
    return turns if answer is None else [*turns, _reply(answer)]


def _reply(text: str) -> Row:
    return {"role": "assistant", "content": text}


def _tail(pair: Pair) -> Row:
    return {
        "margin": pair.margin,
        "group_id": pair.group_id,
        "weight": pair.weight,
        "agreement": pair.agreement,
        "n_annotators": pair.n_annotators,
    }


def _texts(group: Group) -> Iterator[tuple[Pair, str, str]]:
    text = {row.id: row.text for row in group.candidates}
    for pair in group.pairs:
        yield pair, text[pair.chosen], text[pair.rejected]


def kway(group: Group) -> Iterator[Row]:
    """One row per prompt: all answers, the aggregated ranks, every rater's own ranks."""
    if not any(group.ranks):
        return
    ranked = [rank for rank in group.ranks if rank]
    yield {
        "prompt_id": group.prompt.id,
        "split": group.split,
        "messages": _turns(group),
        "language": group.prompt.language,
        "use_case": group.prompt.use_case,
        "origin": group.prompt.origin,
        "k": len(group.candidates),
        "candidates": [_candidate(row) for row in group.candidates],
        "method": group.method,
        "ranks": list(group.ranks),
        "scores": list(group.scores),
        "errors": list(group.errors),
        "ties": len(ranked) - len(set(ranked)),
        "n_rankings": len(group.rankings),
        "rankings": [
            {
                "rater": row.rater,
                "kind": row.kind,
                "round": row.round,
                "seconds": row.seconds,
                "ranks": list(row.ranks),
            }
            for row in group.rankings
        ],
    }


def _candidate(row: Candidate) -> Row:
    return {
        "id": row.id,
        "text": row.text,
        "model": row.model,
        "params": row.params,
        "finish_reason": row.finish_reason,
    }


def pair_rows(group: Group) -> Iterator[Row]:
    """The pairs by id, without texts: to be joined with `kway`."""
    for pair in group.pairs:
        ids = {"chosen_id": pair.chosen, "rejected_id": pair.rejected}
        yield {**ids, **_tail(pair), "score_margin": pair.score_margin}


def trl_explicit_chat(group: Group) -> Iterator[Row]:
    """TRL preference with explicit prompt, as messages."""
    for pair, good, bad in _texts(group):
        answers = {"chosen": [_reply(good)], "rejected": [_reply(bad)]}
        yield {"prompt": _turns(group), **answers, **_tail(pair)}


def trl_implicit_chat(group: Group) -> Iterator[Row]:
    """TRL preference with implicit prompt, as messages: what its RewardTrainer recommends."""
    for pair, good, bad in _texts(group):
        yield {"chosen": _turns(group, good), "rejected": _turns(group, bad), **_tail(pair)}


def trl_explicit(group: Group) -> Iterator[Row]:
    """TRL preference with explicit prompt, as strings."""
    prompt = prompt_text(group.prompt.messages)
    for pair, good, bad in _texts(group):
        answers = {"chosen": completion(good), "rejected": completion(bad)}
        yield {"prompt": prompt, **answers, **_tail(pair)}


def trl_implicit(group: Group) -> Iterator[Row]:
    """TRL preference with implicit prompt, as strings: prompt and answer in one."""
    prompt = prompt_text(group.prompt.messages)
    for pair, good, bad in _texts(group):
        answers = {"chosen": prompt + completion(good), "rejected": prompt + completion(bad)}
        yield {**answers, **_tail(pair)}


def hh(group: Group) -> Iterator[Row]:
    """Anthropic HH: chosen and rejected alone."""
    for row in trl_implicit(group):
        yield {"chosen": row["chosen"], "rejected": row["rejected"]}


def openrlhf(group: Group) -> Iterator[Row]:
    """OpenRLHF's reward model: prompt key, chosen, rejected as messages for a chat template."""
    yield from trl_explicit_chat(group)


def _said(role: str, text: str) -> Row:
    return {"from": SHAREGPT[role], "value": text}


def llamafactory(group: Group) -> Iterator[Row]:
    """LLaMA-Factory's ranking data (`"ranking": true`): ShareGPT turns, and two answers beside them."""
    turns = [_said(m.role, m.content) for m in group.prompt.messages]
    for _, good, bad in _texts(group):
        answers = {"chosen": _said("assistant", good), "rejected": _said("assistant", bad)}
        yield {"conversations": turns, **answers}


def llamafactory_kto(group: Group) -> Iterator[Row]:
    """LLaMA-Factory's KTO data: ShareGPT turns with the answer, and `kto_tag`."""
    turns = [_said(m.role, m.content) for m in group.prompt.messages]
    for text, good in _labels(group):
        yield {"conversations": [*turns, _said("assistant", text)], "kto_tag": good}


def nemo_rl(group: Group) -> Iterator[Row]:
    """NeMo-RL's preference data: the prompt, and all ranked answers whole, best first, rank from 0."""
    ranked = sorted(
        (rank, row.id, row.text)
        for rank, row in zip(group.ranks, group.candidates, strict=True)
        if rank
    )
    if len({rank for rank, *_ in ranked}) > 1:
        completions = [{"rank": rank - 1, "completion": [_reply(text)]} for rank, _, text in ranked]
        yield {"context": _turns(group), "completions": completions}


def openai(group: Group) -> Iterator[Row]:
    """OpenAI's preference fine-tuning (DPO): the prompt, a preferred and a non-preferred answer."""
    for _, good, bad in _texts(group):
        answers = {"preferred_output": [_reply(good)], "non_preferred_output": [_reply(bad)]}
        yield {"input": {"messages": _turns(group)}, **answers}


def deepspeed_chat(group: Group) -> Iterator[Row]:
    """DeepSpeed-Chat's local files: prompt, chosen, rejected as strings."""
    for row in trl_explicit(group):
        yield {key: row[key] for key in ("prompt", "chosen", "rejected")}


def webgpt(group: Group) -> Iterator[Row]:
    """WebGPT-like comparisons: a question, two answers in drawn order, scores that sum to 0."""
    question = {"full_text": group.prompt.messages[-1].content, "id": group.prompt.id}
    for pair, good, bad in _texts(group):
        score = 2 * pair.agreement - 1 if pair.agreement > 0.5 else 0.0
        key = hashing.id_keys([pair.chosen + pair.rejected])
        first = float(hashing.uniform(key, 0, "annotate.webgpt")[0]) < 0.5
        one, two = (good, bad) if first else (bad, good)
        score = score if first else -score
        answers = {"answer_0": one, "answer_1": two, "score_0": score, "score_1": -score}
        yield {"question": question, **answers, "group_id": pair.group_id}


def _labels(group: Group) -> Iterator[tuple[str, bool]]:
    """Answers that win more pairs than they lose are good, that lose more bad, others neither."""
    balance = {row.id: 0 for row in group.candidates}
    for pair in group.pairs:
        balance[pair.chosen] += 1
        balance[pair.rejected] -= 1
    for row in group.candidates:
        if balance[row.id]:
            yield row.text, balance[row.id] > 0


def trl_unpaired(group: Group) -> Iterator[Row]:
    """TRL unpaired preference (KTO), as strings."""
    prompt = prompt_text(group.prompt.messages)
    for text, good in _labels(group):
        yield {
            "prompt": prompt,
            "completion": completion(text),
            "label": good,
            "group_id": group.prompt.id,
        }


def trl_unpaired_chat(group: Group) -> Iterator[Row]:
    """TRL unpaired preference (KTO), as messages."""
    for text, good in _labels(group):
        yield {
            "prompt": _turns(group),
            "completion": [_reply(text)],
            "label": good,
            "group_id": group.prompt.id,
        }


def oasst(group: Group) -> Iterator[Row]:
    """An Open Assistant tree a prompt: siblings with rank from 0, equal for ties."""
    if any(group.ranks):
        yield tree(group)


def sft(group: Group) -> Iterator[Row]:
    """Demonstrations, and the best-ranked answer where one alone is best and was not cut short."""
    head = {"prompt_id": group.prompt.id}
    for row in group.demonstrations:
        lineage = {"source": "demonstration", "rater": row.rater, "model": "", "candidate": ""}
        yield {"messages": _turns(group, row.text), **head, **lineage}
    best = [row for row, rank in zip(group.candidates, group.ranks, strict=True) if rank == 1]
    if group.pairs and len(best) == 1 and best[0].finish_reason == "stop":
        answer = best[0]
        lineage = {"source": "ranking", "rater": "", "model": answer.model, "candidate": answer.id}
        yield {"messages": _turns(group, answer.text), **head, **lineage}


def unclear(group: Group) -> bool:
    """Whether a string format would not show where turns begin."""
    texts = [message.content for message in group.prompt.messages]
    return any(map(opens_turn, texts + [row.text for row in group.candidates]))


def is_dialogue(group: Group) -> bool:
    """Whether turns or a system text stand before the question."""
    return len(group.prompt.messages) > 1


Format = Callable[[Group], Iterable[Row]]

FORMATS: dict[str, Format] = {
    "kway": kway,
    "pairs": pair_rows,
    "sft": sft,
    "trl_explicit_chat": trl_explicit_chat,
    "trl_implicit_chat": trl_implicit_chat,
    "trl_unpaired_chat": trl_unpaired_chat,
    "trl_explicit": trl_explicit,
    "trl_implicit": trl_implicit,
    "trl_unpaired": trl_unpaired,
    "openrlhf": openrlhf,
    "llamafactory": llamafactory,
    "llamafactory_kto": llamafactory_kto,
    "nemo_rl": nemo_rl,
    "openai": openai,
    "deepspeed_chat": deepspeed_chat,
    "hh": hh,
    "oasst": oasst,
    "webgpt": webgpt,
}
"""Every format by name, K-way first."""

DATASET_INFO: dict[str, Row] = {
    "llamafactory": {
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    },
    "llamafactory_kto": {
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "kto_tag": "kto_tag"},
    },
}
"""What LLaMA-Factory's dataset_info.json says of the files of a format, but for their names."""


def find_format(name: str) -> Format:
    """Return a format by its name: of `FORMATS`, of an installed package, or "package.module:NAME".

    One's own is a function from a `Group` (one prompt, its answers, rankings and pairs) to rows. Raises
    InputError where there is none of that name, or it is no function.
    """
    found: Any = find(name, "formats", FORMATS)
    if not callable(found):
        raise InputError(
            f"format {name!r} is {type(found).__name__}; expected a function from a group to rows "
            "(docs/add-a-format.md)."
        )
    made: Format = found
    return made
