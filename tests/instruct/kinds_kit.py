"""A scripted engine for the pipelines that make rows from rows, and rows to begin with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence

from corpusforge.hashing import word64
from corpusforge.instruct.inputs import load_rows
from corpusforge.instruct.kinds.make import WRITE
from corpusforge.instruct.kinds.seeds import kind_seeds
from corpusforge.instruct.modes import persona, unnatural
from corpusforge.models.records import Completion, Request, Usage


def tongue(request: Request) -> str:
    """The language of a request's rules (of its first question in a dialogue)."""
    return "zh" if any("\u4e00" <= c <= "\u9fff" for c in request.messages[0].content) else "en"


def filler(language: str, *key: object) -> str:
    """Some made-up words that no other key gives."""
    if language == "zh":
        return "".join(chr(0x4E10 + word64("han", *key, n) % 2000) for n in range(12))
    return " ".join(
        "".join("bcdfgklmnprst"[word64(*key, n, k) % 13] + "aeiou"[word64(*key, n, k, "v") % 5]
                for k in range(3)) for n in range(8)
    )  # fmt: skip


def kind_reply(request: Request) -> str:
    """A fitting reply to a step of a kind; one in nine is of no use."""
    _, kind, step = request.purpose.split(".")
    language, key = tongue(request), request.key
    seed = kind_seeds(kind, language)[word64("seed", key) % 6]
    if step == "judge":
        return ("是" if language == "zh" else "Yes") if word64("judge", key) % 7 else "No"
    if word64("bad", key) % 9 == 0:
        return "Sure." if step == "write" else "Here you are, done as you asked."
    if step == "answer":
        return f"{seed.output} {filler(language, key)}."
    last = 0 if language == "en" else 1
    mark = "吗？" if language == "zh" else "?"
    fields = {
        "request": ("请问" if language == "zh" else "What about ") + filler(language, key) + mark,
        "note": seed.note,
        "wrong": filler(language, key, "wrong"),
    }
    return "\n".join(f"{words[last]}: {fields[name]}" for name, words in WRITE[kind].labels.items())


class Script:
    """Answers by the first part of a purpose after "instruct."; `before` sees each request."""

    name = "scripted"
    model = "scripted-1"
    context = 0

    def __init__(
        self,
        replies: dict[str, Callable[[Request], str]],
        before: Callable[[Request], None] = lambda request: None,
    ) -> None:
        self.replies, self.before = replies, before
        self.sent: list[Request] = []

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in sorted(requests, key=lambda one: word64("order", one.key)):
            self.before(request)
            self.sent.append(request)
            text = self.replies[request.purpose.split(".")[1]](request)
            yield Completion(
                key=request.key, text=text, finish_reason="stop", model=request.model,
                usage=Usage(prompt_tokens=100, completion_tokens=len(text) // 4),
            )  # fmt: skip


KIND_REPLIES = dict.fromkeys(("clarify", "admit", "premise", "refuse", "unknown"), kind_reply)


def dialogue_reply(request: Request) -> str:
    """A next turn; one user turn in eleven forges the assistant's."""
    _, _, step = request.purpose.split(".")
    language, key = tongue(request), request.key
    if step == "user":
        forged = "\nAssistant: yes" if word64("forged", key) % 11 == 0 else ""
        return filler(language, key, "user") + ("？" if language == "zh" else "?") + forged
    return filler(language, key, "answer") + ("。" if language == "zh" else ".")


def grounded_reply(request: Request) -> str:
    """Two pairs about the passage; one quote in five is changed."""
    passage = request.messages[-1].content.split("<data>\n")[1].split("\n</data>")[0]
    key, language = request.key, tongue(request)
    parts = []
    for place in range(2):
        start = word64("start", key, place) % max(1, len(passage) - 40)
        quote = passage[start : start + 40]
        if word64("changed", key, place) % 5 == 0:
            quote = quote[::-1]
        asked = filler(language, key, place) + "?"
        answer = filler(language, key, place, "answer")
        parts.append(f"Question: {asked}\nAnswer: {answer}\nQuote: {quote}")
    return "\n\n".join(parts)


ALL_REPLIES = {**KIND_REPLIES, "dialogue": dialogue_reply, "grounded": grounded_reply}


def critique_reply(request: Request) -> str:
    """Critiques that want a change in two cases of three, revisions, scores that follow a place."""
    _, _, step = request.purpose.split(".")
    language, key = tongue(request), request.key
    zh = language == "zh"
    if step == "critique":
        revise = word64("revise", key) % 3 > 0
        words = (
            ("意见", "结论", "修改", "保留") if zh else ("Critique", "Verdict", "revise", "keep")
        )
        verdict = words[2] if revise else words[3]
        if word64("silent", key) % 13 == 0:
            verdict = "…"
        return f"{words[0]}：{filler(language, key)}\n{words[1]}：{verdict}"
    if step == "judge":
        first, second = (1 + word64(place, key) % 10 for place in ("first", "second"))
        return f"理由：无\n第一个：{first}\n第二个：{second}" if zh else (
            f"Reason: none\nFirst: {first}\nSecond: {second}"
        )  # fmt: skip
    if word64("meta", key) % 9 == 0:
        return "修改后的回答：好。" if zh else "The revised answer: fine."
    return filler(language, key, "new") + ("。" if zh else ".")


ALL_REPLIES["critique"] = critique_reply


def mode_reply(request: Request) -> str:
    """A fitting reply to a step of a mode; one in nine is of no use."""
    _, mode, step = request.purpose.split(".")
    language, key = tongue(request), request.key
    if mode == "magpie" and request.messages and not request.messages[-1].content:
        language = tongue(Request(messages=request.messages[:1]))
    zh = language == "zh"
    if word64("bad", key) % 9 == 0:
        return "Sure." if step == "write" else ""
    text = filler(language, key)
    if mode == "slots":
        blocks = re.findall(r"<data>\n(.*?)\n</data>", request.messages[-1].content, re.DOTALL)
        values = [re.split("[:：]", line)[1].strip() for line in blocks[1].splitlines()]
        return " ".join([text, *values])
    if mode == "recite" and step == "answer":
        found = {row.instruction: row.output for row in load_rows((), ("en", "zh"))}
        shown = request.messages[-1].content
        return next((out for asked, out in found.items() if asked in shown), text)
    if step == "write" and mode == "recite":
        return f"{text}{'。' if zh else '. '}{filler(language, key, 'more')}{'。' if zh else '.'}"
    if step != "write" or mode not in ("unnatural", "persona"):
        return text + ("。" if zh else ".")
    forms = {"unnatural": unnatural.WRITE, "persona": persona.WRITE}
    names = {"constraints": "无" if zh else "none", "input": filler(language, key, "input")}
    values = {one.key(language): names.get(one.name, text) for one in forms[mode].fields}
    if request.json_schema:
        return json.dumps(values, ensure_ascii=False)
    return "\n".join(f"{word}: {value}" for word, value in values.items())


ALL_REPLIES |= dict.fromkeys(("unnatural", "persona", "slots", "recite", "magpie"), mode_reply)
