"""Rows of a file that say something only together: a table of messages, and answers that are good or bad.

Open Assistant's table has one row per message (`trees`). Unpaired preference (KTO: `completion` and
`label`, or LLaMA-Factory's `kto_tag`) has one row per answer: good ones of a prompt are better than its
bad ones. Other rows pass as they are. Limit: such rows are held in memory, and come after the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from corpusforge.annotate.imports.trees import is_message, trees
from corpusforge.annotate.records import Refused

__all__ = ["UNPAIRED", "gathered"]

UNPAIRED = "unpaired_answers"
"""The field of a gathered row that holds [answer, good or bad] of one prompt."""

Rows = Iterable[tuple[str, Any]]


def gathered(rows: Rows) -> Iterator[tuple[str, Any]]:
    """Yield (where, row), rows that belong together as one, where the first of them stands.

    A tree is `{"prompt": …}` with replies nested; unpaired answers are their prompt's fields and
    `UNPAIRED`. What fits nowhere is a `Refused`.
    """
    messages: list[tuple[str, Any]] = []
    unpaired: dict[str, tuple[str, dict[str, Any]]] = {}
    for where, row in rows:
        if isinstance(row, Mapping) and is_message(row):
            if isinstance(row["message_id"], str):
                messages.append((where, row))
            else:
                yield where, Refused(locator=where, rule="malformed", value="message_id is no text")
        elif isinstance(row, Mapping) and (found := _unpaired(row)):
            prompt, answer, good = found
            key = json.dumps([prompt, row.get("group_id")], sort_keys=True, default=str)
            unpaired.setdefault(key, (where, {**prompt, UNPAIRED: []}))[1][UNPAIRED].append(
                [answer, good]
            )
        else:
            yield where, row
    yield from trees(messages)
    yield from unpaired.values()


def _unpaired(row: Mapping[str, Any]) -> tuple[dict[str, Any], Any, bool] | None:
    """The fields that ask, the answer, and whether it is good; None for other rows."""
    if isinstance(row.get("label"), bool) and "completion" in row and "prompt" in row:
        return {"prompt": row["prompt"]}, row["completion"], row["label"]
    if isinstance(row.get("kto_tag"), bool):
        name = next((name for name in ("conversations", "messages") if row.get(name)), "")
        if name and isinstance(row[name], list):
            system = {"system": row["system"]} if row.get("system") else {}
            return {name: row[name][:-1], **system}, row[name][-1], row["kto_tag"]
        if row.get("instruction") and "output" in row:
            asks = {key: value for key, value in row.items() if key not in ("output", "kto_tag")}
            return asks, row["output"], row["kto_tag"]
    return None
