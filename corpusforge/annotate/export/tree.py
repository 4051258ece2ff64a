"""A group as an Open Assistant message tree (Köpf et al. 2023).

The prompt's earlier turns are a chain; the ranked answers are the replies to its last one. Ids are
UUIDs made from ours by hash. Limit: a system message has no role there and joins the first turn.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from corpusforge.annotate.export.group import Group

__all__ = ["tree"]


def _uuid(*parts: object) -> str:
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest))


def _turns(group: Group) -> list[tuple[str, str]]:
    """(role, text) of the prompt, a system message put before the text of the next turn."""
    turns: list[tuple[str, str]] = []
    before = ""
    for turn in group.prompt.messages:
        if turn.role == "system":
            before += turn.content + "\n\n"
            continue
        role = "prompter" if turn.role == "user" else "assistant"
        turns.append((role, before + turn.content))
        before = ""
    return turns or [("prompter", before.strip())]


def tree(group: Group) -> dict[str, Any]:
    """Return the tree; replies nobody ranked have rank null and stand last."""
    turns = _turns(group)
    ids = [_uuid("message", group.prompt.id, place) for place in range(len(turns))]
    order = sorted(
        (rank or len(group.ranks) + 1, row.id, row, rank)
        for row, rank in zip(group.candidates, group.ranks, strict=True)
    )
    replies: list[dict[str, Any]] = [
        {
            "message_id": _uuid("answer", group.prompt.id, row.id),
            "parent_id": ids[-1],
            "text": row.text,
            "role": "assistant",
            "lang": group.prompt.language,
            "rank": rank - 1 if rank else None,
            "synthetic": bool(row.model),
            "model_name": row.model,
            "replies": [],
        }
        for _, _, row, rank in order
    ]
    node: dict[str, Any] = {}
    for place in reversed(range(len(turns))):
        role, text = turns[place]
        node = {
            "message_id": ids[place],
            "parent_id": ids[place - 1] if place else None,
            "text": text,
            "role": role,
            "lang": group.prompt.language,
            "rank": None,
            "synthetic": False,
            "model_name": "",
            "replies": [node] if node else replies,
        }
    return {"message_tree_id": ids[0], "tree_state": "ready_for_export", "prompt": node}
