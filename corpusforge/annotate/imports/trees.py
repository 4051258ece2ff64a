"""Open Assistant's message trees (Köpf et al. 2023), nested or as a table of messages.

Of a tree every message with two or more ranked assistant replies is a comparison. What moderation left
out (`deleted`, or `review_result` false) is left out here with all that answers it; a reply that cannot be
read costs itself alone and is refused by its `message_id`. Limit: a table is held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from corpusforge.annotate.imports.ranked import Ranked, ranked
from corpusforge.annotate.records import Refused
from corpusforge.models.records import Message, Role

__all__ = ["nested", "tree_rankings"]

_ROLES: dict[str, Role] = {"prompter": "user", "assistant": "assistant"}

Node = Mapping[str, Any]


def nested(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield (where, row), and behind them the messages of a table as trees, where their roots stand.

    A message without an id of its own, whose parent is not in the file, or that answers itself (a circle of
    parents) is refused, and what answers it goes with it.
    """
    nodes: dict[str, dict[str, Any]] = {}
    places: list[tuple[str, dict[str, Any]]] = []
    for where, row in rows:
        if not (isinstance(row, Mapping) and _is_message(row)):
            yield where, row
            continue
        name = row["message_id"]
        if not isinstance(name, str) or name in nodes:
            told = (
                f"the message {name[:60]} comes twice"
                if isinstance(name, str)
                else "message_id is no text"
            )
            yield where, Refused(locator=where, rule="malformed", value=told)
            continue
        nodes[name] = {**row, "replies": []}
        places.append((where, nodes[name]))
    yield from _trees(nodes, places)


def _is_message(row: Node) -> bool:
    """Whether a row is one message of a table: it names its parent and holds no replies."""
    named = {"message_id", "parent_id", "text", "role"} <= row.keys()
    return named and "replies" not in row and "prompt" not in row


def _trees(
    nodes: Mapping[str, dict[str, Any]], places: Iterable[tuple[str, dict[str, Any]]]
) -> Iterator[tuple[str, dict[str, Any] | Refused]]:
    roots = []
    circular = _circular({name: node["parent_id"] for name, node in nodes.items()})
    for where, node in places:
        parent = node["parent_id"]
        if node["message_id"] in circular:
            value = f"the message {node['message_id'][:60]} answers itself, by way of {parent[:60]}"
            yield where, Refused(locator=where, rule="malformed", value=value)
        elif not isinstance(parent, str) or not parent:
            roots.append((where, node))
        elif parent in nodes:
            nodes[parent]["replies"].append(node)
        else:
            value = f"the parent {parent[:60]} of message {node['message_id']} is not in the file"
            yield where, Refused(locator=where, rule="malformed", value=value)
    for where, node in roots:
        yield where, {"message_tree_id": node["message_id"], "prompt": node}


def _circular(parents: Mapping[str, Any]) -> set[str]:
    """The names that are their own parents, at whatever distance."""
    found: set[str] = set()
    seen: dict[str, str] = {}  # by name: where the walk began that came by first
    for start in parents:
        name = start
        while isinstance(name, str) and name in parents and name not in seen:
            seen[name] = start
            name = parents[name]
        if isinstance(name, str) and seen.get(name) == start:
            while name not in found:
                found.add(name)
                name = parents[name]
    return found


def tree_rankings(row: Node, where: str, job: str) -> Iterator[Ranked | Refused]:
    """Yield one task for each message of a tree that has two or more ranked assistant replies."""
    waiting: list[tuple[Node, tuple[Message, ...]]] = []
    root = _read(row["prompt"], (), where)
    if isinstance(root, Refused):
        yield root
    elif not _moderated(row["prompt"]):
        waiting.append((row["prompt"], root))
    while waiting:
        node, thread = waiting.pop()
        replies = [reply for reply in node.get("replies") or () if not _moderated(reply)]
        count = len(node.get("replies") or ())
        told: list[tuple[str, str]] = []
        ranks: list[int | None] = []
        further = []
        for reply in replies:
            found = _read(reply, thread, where)
            if isinstance(found, Refused):
                yield found
                continue
            further.append((reply, found))
            if reply["role"] == "assistant":
                rank = _from_zero(reply.get("rank"), count, where, reply)
                if isinstance(rank, Refused):
                    yield rank
                told.append((reply["text"], str(reply.get("model_name") or "")))
                ranks.append(None if isinstance(rank, Refused) else rank)
        waiting += reversed(further)
        if sum(rank is not None for rank in ranks) > 1:
            spot = f"{where}/{node.get('message_id', '')}"
            yield ranked(spot, job, "oasst", thread, told, ranks, language=node.get("lang") or "")


def _moderated(node: Any) -> bool:
    """Whether moderation left a message out; one that nobody reviewed stays."""
    if not isinstance(node, Mapping):
        return False
    return node.get("deleted") is True or node.get("review_result") is False


def _read(node: Any, before: tuple[Message, ...], where: str) -> tuple[Message, ...] | Refused:
    """The thread up to a message, or why it cannot be read."""
    if not isinstance(node, Mapping):
        return Refused(locator=where, rule="malformed", value="a message that is no object")
    spot, role = f"{where}/{node.get('message_id', '')}", node.get("role")
    text = node.get("text")
    if role not in ("prompter", "assistant"):
        value = f"role {str(role)[:40]!r}; expected prompter or assistant"
        return Refused(locator=spot, rule="malformed", value=value)
    if not isinstance(text, str):
        return Refused(locator=spot, rule="malformed", value="a message without text")
    if not text.strip():
        return Refused(locator=spot, rule="empty_answer", value="a message of white space")
    expected = "user" if not before or before[-1].role == "assistant" else "assistant"
    if _ROLES[role] != expected:
        return Refused(locator=spot, rule="roles", value=f"{role} answers {role}")
    return (*before, Message(_ROLES[role], text))


def _from_zero(rank: Any, count: int, where: str, reply: Node) -> int | Refused | None:
    """Return a rank as Open Assistant counts them, from 0 (best); None where the reply has none."""
    if rank is None or rank != rank:  # noqa: PLR0124  # NaN: what a table holds where there is none
        return None
    whole = isinstance(rank, (int, float)) and not isinstance(rank, bool) and rank == rank // 1
    if whole and 0 <= rank < count:
        return int(rank)
    value = f"rank {str(rank)[:40]!r}: expected a whole number from 0 to {count - 1}"
    spot = f"{where}/{reply.get('message_id', '')}"
    return Refused(locator=spot, rule="malformed", value=value)
