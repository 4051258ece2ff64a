"""Rows with none, one and several worked examples before them, as prompt and completion (`shots`).

The layout is that of Super-NaturalInstructions' experiments (definition, examples, the task) in words of
ours. Worked examples are a task's own demonstrations first, then other rows of the same task, template and
split, those after it in an order drawn by hash; an example with the row's own input is never shown. Limit: a
row whose task has too few others gets as many as there are, and says how many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from corpusforge.instruct.export import Settings as ExportSettings
from corpusforge.instruct.export import Writer, Written
from corpusforge.instruct.export.shapes import prompt as whole
from corpusforge.instruct.modes.ready import drawn
from corpusforge.instruct.modes.records import Demonstration
from corpusforge.instruct.modes.settings import Settings
from corpusforge.instruct.records import Row
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl

__all__ = ["with_shots", "writer"]

Shown = tuple[str, str, str]
"""(id, input or whole prompt, output) of a worked example."""

_WORDS = {
    "en": ("Example", "Input: ", "Output: ", "This answer is wrong: ", "Why: "),
    "zh": ("示例", "输入：", "输出：", "这个回答是错的：", "原因："),
}


def writer(demonstrations: Sequence[Demonstration], settings: Settings) -> Writer:
    """Return the writer of the form: `SPLIT.K.jsonl` for K = 0, 1 and `shots`."""

    def write(place: str, parts: dict[str, list[Row]], export: ExportSettings) -> list[Written]:
        written = []
        for split, rows in parts.items():
            for count in dict.fromkeys((0, 1, settings.shots)):
                found = with_shots(rows, demonstrations, count, settings)
                path = files.join(place, f"{split}.{count}.jsonl")
                single = [one for one in found if one is not None]
                written.append(
                    Written(path, split, write_jsonl(path, single), len(found) - len(single))
                )
        return written

    return write


def with_shots(
    rows: Sequence[Row], demonstrations: Sequence[Demonstration], count: int, settings: Settings
) -> list[dict[str, Any] | None]:
    """Return {"id", "task", "shots", "shown", "prompt", "completion"} for each row; None for a dialogue."""
    own: dict[tuple[str, bool], list[Demonstration]] = defaultdict(list)
    for one in demonstrations:
        own[one.task, one.positive].append(one)
    rings: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for place in drawn([row.id for row in rows], 0, settings.seed, "shots"):
        rings[_alike(rows[place])].append(rows[place])
    places = {row.id: place for ring in rings.values() for place, row in enumerate(ring)}

    def shaped(row: Row) -> dict[str, Any] | None:
        if row.turns:
            return None
        ring, place = rings[_alike(row)], places[row.id]
        after = (*ring[place + 1 : place + 1 + 4 * count], *ring[: min(place, 4 * count)])
        shown = _chosen(row, own[row.task, True], after, count)
        return _shaped(row, shown, own[row.task, False][: settings.negatives] if count else ())

    return [shaped(row) for row in rows]


def _alike(row: Row) -> tuple[str, ...]:
    """Rows with one key can stand before each other: one task, one language, one template."""
    return (row.kind, row.task, row.language, *row.flags)


def _chosen(
    row: Row, own: Sequence[Demonstration], others: Sequence[Row], count: int
) -> list[Shown]:
    """The first `count` examples that do not say what the row or an earlier one says."""
    found = [("", one.input, one.output) for one in own if one.input != row.input][:count]
    taken = {whole(row)}
    for one in others:
        if len(found) < count and whole(one) not in taken and not one.turns:
            taken.add(whole(one))
            given = one.input if one.instruction == row.instruction else whole(one)
            found.append((one.id, given, one.output))
    return found


def _shaped(row: Row, shown: Sequence[Shown], wrong: Sequence[Demonstration]) -> dict[str, Any]:
    language = "en" if "prompt_english" in row.flags else row.language
    example, given, output, is_wrong, why = _WORDS.get(language, _WORDS["en"])
    blocks = []
    if row.input:
        blocks.append(row.instruction)
        for number, (_, one, answer) in enumerate(shown, 1):
            blocks.append(f"{example} {number}\n{given}{one}\n{output}{answer}")
        for bad in wrong:
            told = f"\n{why}{bad.explanation}" if bad.explanation else ""
            blocks.append(f"{given}{bad.input}\n{is_wrong}{bad.output}{told}")
        blocks.append(f"{given}{row.input}\n{output.rstrip()}")
    else:
        blocks += [f"{one}\n{output}{answer}" for _, one, answer in shown]
        blocks.append(f"{row.instruction}\n{output.rstrip()}")
    return {
        "id": row.id, "task": row.task, "shots": len(shown),
        "shown": [name for name, _, _ in shown if name],
        "prompt": "\n\n".join(blocks), "completion": row.output,
    }  # fmt: skip
