"""A model's first ordering by a written constitution, for a person to confirm or change.

After Bai et al. 2022 ("Constitutional AI"): principles in words, an order, a reason. Each set of
answers is shown in two opposite orders and the two replies are averaged, since judges favour places;
where the first places differ the suggestion is flagged. Suggestions are never rankings: they are
marked `annotator_kind="model"`, unconfirmed, in a file of their own. Limit: a suggestion anchors the
person who sees it, so keep a share of tasks without (`share`).
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from corpusforge import fields, hashing
from corpusforge.annotate.jobs import Words
from corpusforge.annotate.records import Ranking, Refused, Task
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_toml, read_json
from corpusforge.models.client import Client
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Completion, Request, Sampling
from corpusforge.models.structured import Field, Form

__all__ = ["Constitution", "add_predictions", "confirmed_share", "constitution", "suggest"]

PURPOSE = "annotate.prerank"
FLIPPED = "places_decided"
"""Flag of a suggestion whose best answer changed when the answers were shown the other way."""

_CHUNK = 64
_ORDER = re.compile(r"ORDER\s*[:：]\s*(.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constitution:
    """Principles by which answers are ordered, and the name and hash of their file."""

    principles: tuple[Words, ...]
    version: str = ""


@functools.cache
def constitution(name: str) -> Constitution:
    """Return a constitution: a built-in one ("plain.v1") or a TOML file's [[principles]]."""
    built_in = resources.files("corpusforge.annotate") / "constitutions" / f"{name}.toml"
    if built_in.is_file():
        data = built_in.read_bytes()
    elif files.exists(name):
        data = files.read_bytes(name)
    else:
        raise InputError(f"constitution {name!r} is neither built in (plain.v1) nor a file.")
    try:
        table = decode_toml(data)
    except DecodingError as error:
        raise InputError(f"constitution {name!r}: not TOML ({error}).") from error
    digest = hashlib.blake2b(data, digest_size=4).hexdigest()
    found = fields.build(Constitution, table, name)
    if not found.principles:
        raise InputError(f"constitution {name!r} has no [[principles]].")
    return Constitution(principles=found.principles, version=f"{Path(name).stem}@{digest}")


def suggest(
    client: Client,
    tasks: Iterable[Task],
    rules: Constitution,
    *,
    share: float = 1.0,
    seed: int = 0,
    form: str = "chat",
) -> Iterator[Ranking | Refused]:
    """Yield one suggestion a task, or why there is none; tasks outside `share` of prompts have none.

    `form` "json": reason and order are asked for as a JSON object, with a schema.

    Tasks on the same answers share their two requests. Raises BudgetSpent as the client does.
    """
    structured = form == "json"
    stream = (task for task in tasks if len(task.candidates) > 1 and _drawn(task, share, seed))
    while chunk := list(itertools.islice(stream, _CHUNK)):
        orders = [_orders(task) for task in chunk]
        asked = [
            _request(task, order, rules, structured=structured)
            for task, pair in zip(chunk, orders, strict=True)
            for order in pair
        ]
        replies = client.complete(asked)
        if structured:
            replies = [_unshaped(reply) for reply in replies]
        for number, (task, pair) in enumerate(zip(chunk, orders, strict=True)):
            mine = replies[2 * number : 2 * number + 2]
            failed = next((reply.error for reply in mine if reply.finish_reason == "error"), None)
            ranks = [parse(r.text, order) for r, order in zip(mine, pair, strict=True)]
            if failed is not None or None in ranks:
                rule = "no_reply" if failed is not None else "no_order"
                value = failed if failed is not None else mine[0].text[-200:]
                yield Refused(locator=mine[0].key, rule=rule, value=value, task=task.id)
                continue
            version = f"{prompt('prerank', _language(task)).version}{'+json' * structured}"
            yield _suggestion(task, [rank for rank in ranks if rank], mine, rules, version)


def _drawn(task: Task, share: float, seed: int) -> bool:
    return hashing.uniform(hashing.id_keys([task.prompt.id]), seed, "annotate.prerank")[0] < share


def _orders(task: Task) -> tuple[tuple[str, ...], tuple[str, ...]]:
    first = tuple(sorted(candidate.id for candidate in task.candidates))
    return first, first[::-1]


def _language(task: Task) -> str:
    return "zh" if task.prompt.language.startswith("zh") else "en"


def _order_form(count: int) -> Form:
    """Reason and order of `count` answers: their numbers between > and =."""
    number = f"[1-{count}]" if count < 10 else "[1-9][0-9]?"
    pattern = f"{number}( [>=] {number}){{{count - 1}}}"
    return Form(
        fields=(
            Field(name="reason", words={"en": ("reason",), "zh": ("理由",)}),
            Field(name="order", words={"en": ("ORDER",), "zh": ("ORDER",)}, pattern=pattern),
        )
    )


def _unshaped(reply: Completion) -> Completion:
    """A reply that came as an object as the text that would have been written without."""
    found = _order_form(2).read(reply.text)
    if not found or "order" not in found[0]:
        return reply
    return replace(reply, text=f"{found[0].get('reason', '')}\nORDER: {found[0]['order']}")


def _request(task: Task, order: Sequence[str], rules: Constitution, *, structured: bool) -> Request:
    texts = {candidate.id: candidate.text for candidate in task.candidates}
    language = _language(task)
    talk = "\n\n".join(f"{m.role}: {m.content}" for m in task.prompt.messages)
    messages = prompt("prerank", language).render(
        principles=[words.say(language) for words in rules.principles],
        conversation=talk,
        answers=[texts[name] for name in order],
    )
    request = Request(
        messages=messages, sampling=Sampling(temperature=0.0, max_tokens=400), purpose=PURPOSE
    )
    return _order_form(len(order)).asked(request, language) if structured else request


def parse(text: str, order: Sequence[str]) -> dict[str, float] | None:
    """Return each candidate's mid-rank from the last "ORDER: 2 > 1 = 3"; None unless a permutation."""
    found = _ORDER.findall(text)
    if not found:
        return None
    tiers = [[int(n) for n in re.findall(r"\d+", tier)] for tier in re.split("[>＞]", found[-1])]
    if sorted(n for tier in tiers for n in tier) != list(range(1, len(order) + 1)):
        return None
    ranks: dict[str, float] = {}
    before = 0
    for tier in tiers:
        for number in tier:
            ranks[order[number - 1]] = before + (len(tier) + 1) / 2
        before += len(tier)
    return ranks


def _suggestion(
    task: Task, ranks: list[dict[str, float]], replies: Sequence[Any], rules: Constitution,
    version: str,
) -> Ranking:  # fmt: skip
    total = {name: sum(rank[name] for rank in ranks) for name in ranks[0]}
    tiers = tuple(
        tuple(sorted(name for name in total if total[name] == level))
        for level in sorted(set(total.values()))
    )
    best = [{name for name in rank if rank[name] == min(rank.values())} for rank in ranks]
    model = hashlib.blake2b(replies[0].model.encode(), digest_size=6).hexdigest()
    return Ranking(
        task=task.id,
        prompt=task.prompt.id,
        rater=f"m_{model}",
        tiers=tiers,
        text=_ORDER.split(replies[0].text)[0].strip()[:2000],
        confirmed=False,
        annotator_kind="model",
        tool=f"{replies[0].model} {version} {rules.version}",
        annotation=replies[0].key,
        flags=() if best[0] & best[1] else (FLIPPED,),
    )


def add_predictions(directory: str, suggestions: Mapping[str, Ranking]) -> int:
    """Put suggestions into a job's Label Studio task files as predictions; return how many.

    They are shown as the model's and open an annotation only when a person takes them.
    """
    count = 0
    for path in sorted((Path(directory) / "label-studio").glob("*.json")):
        if path.name.endswith(".project.json"):
            continue
        rows = read_json(str(path))
        for row in rows:
            found = suggestions.get(row["data"]["task_id"])
            if found is not None:
                row["predictions"] = [_prediction(found)]
                count += 1
        files.write_bytes(str(path), b"[" + b",\n".join(map(msgspec.json.encode, rows)) + b"]\n")
    return count


def _prediction(found: Ranking) -> dict[str, Any]:
    buckets = {f"t{number}": list(tier) for number, tier in enumerate(found.tiers, 1)}
    return {
        "model_version": f"suggestion of {found.tool}",
        "result": [
            {"id": "suggestion", "from_name": "rank", "to_name": "answers", "type": "ranker",
             "value": {"ranker": buckets}}
        ],
    }  # fmt: skip


def confirmed_share(
    rankings: Iterable[Ranking], suggestions: Mapping[str, Ranking]
) -> tuple[int, int, float]:
    """Return (rankings with a suggestion, those equal to it, mean share of pairs turned round)."""
    seen = equal = 0
    turned = 0.0
    for ranking in rankings:
        found = suggestions.get(ranking.task)
        if found is None or not ranking.tiers:
            continue
        seen += 1
        equal += [set(tier) for tier in ranking.tiers] == [set(tier) for tier in found.tiers]
        turned += _turned(ranking.tiers, found.tiers)
    return seen, equal, turned / seen if seen else 0.0


def _turned(left: Sequence[Sequence[str]], right: Sequence[Sequence[str]]) -> float:
    first = {name: place for place, tier in enumerate(left) for name in tier}
    second = {name: place for place, tier in enumerate(right) for name in tier}
    pairs = list(itertools.combinations(sorted(first.keys() & second.keys()), 2))
    against = sum((first[a] - first[b]) * (second[a] - second[b]) < 0 for a, b in pairs)
    return against / len(pairs) if pairs else 0.0
