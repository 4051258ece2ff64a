"""From settings to a job: the passages drawn, the tools opened, two export forms beside the common ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.instruct.accounts import Ask, Made, Origin
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.derived import Derived
from corpusforge.instruct.export import Settings as ExportSettings
from corpusforge.instruct.export import Writer, Written
from corpusforge.instruct.export.lines import write_lines
from corpusforge.instruct.ground.passages import draw_passages, read_documents
from corpusforge.instruct.records import Row
from corpusforge.instruct.tools.calls import ARGUMENTS, inline
from corpusforge.instruct.tools.execute import open_tools
from corpusforge.instruct.tools.make import CALLS, Call, make_calls
from corpusforge.instruct.tools.settings import Settings

__all__ = ["chat", "job"]

_TOLD = {
    "calculator": "Exact arithmetic: + - * / // % ** and brackets.",
    "calendar": "The weekday of a date, the days between two dates, a date some days away.",
    "convert": "An amount in another unit, such as '5 miles to km'.",
    "search": "The best passage of a collection of documents for a few words.",
    "python": "Runs a short Python program and returns what it prints.",
}


def _writers(made: Made) -> Mapping[str, Writer]:
    """The forms that know a call: `tool_calls` (OpenAI's chat) and `inline` (one text)."""
    calls: dict[str, list[Call]] = {}
    for call in made.tables.get(CALLS, ()):
        if call.row:
            calls.setdefault(call.row, []).append(call)

    def write_chat(place: str, parts: dict[str, list[Row]], form: ExportSettings) -> list[Written]:
        return write_lines(place, parts, lambda row, _: chat(row, calls[row.id]), form)

    def write_text(place: str, parts: dict[str, list[Row]], form: ExportSettings) -> list[Written]:
        return write_lines(place, parts, lambda row, _: {"id": row.id, "text": text(row)}, form)

    return {"tool_calls": write_chat, "inline": write_text}


def job(settings: Settings) -> Derived:
    """Return the job of these settings; reads its documents. Raises InputError."""
    if not settings.ground:
        raise InputError("no texts to put calls into: give --ground RUN|JSONL.")
    documents = list(read_documents(settings.ground))
    drawn = draw_passages(
        documents, settings.languages, settings.each, settings.passage, settings.seed
    )
    if not any(drawn.values()):
        raise InputError(
            f"--ground {settings.ground!r} has no passage in {', '.join(settings.languages)} of "
            f"{settings.passage // 4} to {settings.passage} characters. Lower --passage."
        )
    execute = open_tools(settings, documents)
    check = open_check(settings.evaluation, settings.allow)

    def make(ask: Ask, origin: Origin) -> Iterator[Made]:
        for language, passages in drawn.items():
            yield from make_calls(language, passages, settings, execute, ask, origin, check)

    read = {name: [one.id for one in passages] for name, passages in drawn.items()}
    searched = [one.id for one in documents] if "search" in settings.tools else []
    return Derived(
        stage="tool_calls", settings=settings.fixed(), maker=make, own=(CALLS,), figures=_figures,
        own_forms=("tool_calls", "inline"), writers=_writers,
        inputs=records.fingerprint(read, searched, check.evaluation),
        prompts=[(f"tool_{tool}", language) for language in settings.languages for tool in settings.tools],
    )  # fmt: skip


def _figures(made: Made) -> dict[str, Any]:
    """Calls by tool: weighed and kept, and the mean gain of each."""
    found: dict[str, Any] = {}
    calls: Sequence[Call] = made.tables.get(CALLS, [])
    for tool in sorted({call.tool for call in calls}):
        own = [call for call in calls if call.tool == tool]
        kept = [call for call in own if call.kept]
        found[tool] = {
            "weighed": len(own), "kept": len(kept),
            "mean gain": round(sum(call.gain for call in own) / len(own), 3),
        }  # fmt: skip
    return {"calls": found}


def text(row: Row) -> str:
    """Return the whole passage with its calls and results inside: Toolformer's form."""
    gap = "" if row.language == "zh" else " "
    return f"{row.input}{gap}{row.output}"


def chat(row: Row, calls: Sequence[Call]) -> dict[str, Any]:
    """Return {"id", "messages", "tools"} in OpenAI's form: a call is a turn, and its result another.

    `calls` are those of the row, in any order.
    """
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": f"{row.instruction}\n\n{row.input}"}
    ]
    rest = row.output
    for call in sorted(calls, key=lambda one: one.place):
        written = inline(call.tool, call.argument, call.result)
        before, _, rest = rest.partition(written + " ")
        arguments = json.dumps({ARGUMENTS[call.tool]: call.argument}, ensure_ascii=False)
        name = f"call_{call.id[-12:]}"
        function = {"name": call.tool, "arguments": arguments}
        messages += [
            {"role": "assistant", "content": before.rstrip() or None,
             "tool_calls": [{"id": name, "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": name, "content": call.result},
        ]  # fmt: skip
    messages.append({"role": "assistant", "content": rest})
    return {"id": row.id, "messages": messages, "tools": [_schema(tool) for tool in row.flags]}


def _schema(tool: str) -> dict[str, Any]:
    name = ARGUMENTS[tool]
    parameters = {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}
    return {
        "type": "function",
        "function": {"name": tool, "description": _TOLD[tool], "parameters": parameters},
    }
