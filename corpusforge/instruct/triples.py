"""Alpaca's method: one request gives whole examples, instruction, input and output at once.

After Taori et al. 2023 (Stanford Alpaca): three seeds in the prompt, each with its input and output,
no machine examples, twenty tasks a reply, one instance a task, no classification step, temperature 1.
The instruction passes the loop's filters and gate, its instance the instance rules; words for other
media are refused as there. Limits: machine tasks never come back into a prompt, so variety is that of
the seeds and of the model; an answer is written in the same breath as its task.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from corpusforge.instruct import parse
from corpusforge.instruct.accounts import Made, unanswered
from corpusforge.instruct.instances import field
from corpusforge.instruct.labels import Labels, labelled
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Instance, Lineage, Machine, Row, Task
from corpusforge.instruct.replies import judge, machine, row, shown
from corpusforge.instruct.requests import Asked, Pool, pick, plain_request
from corpusforge.instruct.rules import settle
from corpusforge.instruct.settings import Settings
from corpusforge.models.records import Completion
from corpusforge.text.edits import one_line

__all__ = ["ask_triples", "take_triples"]

LABELS: Labels = {
    "instruction": ("Instruction", "指令"),
    "input": ("Input", "输入"),
    "output": ("Output", "输出"),
}
_MEDIA = re.compile(
    r"\b(?:video|videos|audio|music|flowcharts?|diagrams?)\b|视频|音频|录音|流程图|示意图",
    re.IGNORECASE,
)
_BREAK = re.compile(r"\n[ \t]*#{2,}[^\n]*\s*\Z")


def ask_triples(pool: Pool, number: int, settings: Settings) -> list[Asked]:
    """Return the requests of round `number`: whole examples, from seeds alone."""
    return [_ask(pool, number, place, settings) for place in range(settings.prompts)]


def _ask(pool: Pool, number: int, place: int, settings: Settings) -> Asked:
    key = (settings.seed, pool.language, number, place)
    seeds = [pool.seeds[one] for one in pick(settings.human, len(pool.seeds), "triple", *key)]
    first = len(seeds) + 1
    request, version = plain_request(
        "triple", pool.language, settings, "triple", *key,
        examples="\n\n".join(_shown(task, place) for place, task in enumerate(seeds, 1)),
        first=first, last=first + settings.asked - 1,
    )  # fmt: skip
    return Asked(
        request=request, prompt_version=version, first=first,
        seeds=tuple(task.id for task in seeds),
    )  # fmt: skip


def _shown(task: Task, number: int) -> str:
    """A seed in the form asked for; every line of a text after its first is indented."""
    one = task.instances[0]
    names = ("指令：", "输入：", "输出：") if task.language == "zh" else (
        "Instruction: ", "Input: ", "Output: ",
    )  # fmt: skip
    texts = (task.instruction, one.input or "<noinput>", one.output)
    lines = [
        name + text.strip().replace("\n", "\n  ") for name, text in zip(names, texts, strict=True)
    ]
    return "\n".join([f"### {number}", *lines])


def take_triples(
    pool: Pool, asked: Asked, completion: Completion, number: int, lineage: Lineage,
    settings: Settings, made: Made,
) -> tuple[list[Machine], list[Row]]:  # fmt: skip
    """Return what a reply gives: its instructions, which join gate and pool, and their rows.

    Rows are seen here and accepted by `take.take_checked`.
    """
    language = pool.language

    def refuse(step: str, place: int, text: str, finding: Finding, nearest: str = "") -> None:
        key = f"{completion.key}:{place}"
        made.refuse(language, step, text, finding, key=key, nearest=nearest, number=number)

    problem = unanswered(completion, cut=False)
    text = parse.answer(completion.text)
    blocks = [] if problem else labelled(text, LABELS)
    made.see(language, "generate", max(1, len(blocks)))
    if not blocks:
        refuse("generate", 0, text, problem or ("no_list", "0", ">= 1 task"))
    tasks: list[Machine] = []
    rows: list[Row] = []
    refused: list[tuple[int, Instance, Finding]] = []
    for place, block in enumerate(blocks):
        cut = completion.finish_reason == "length" and place == len(blocks) - 1
        given = one_line(block.get("instruction", ""))
        finding, nearest = (("cut", "length", "stop"), "") if cut else _judge(pool, given)
        if finding:
            refuse("generate", place, given or text[:200], finding, nearest)
            continue
        task = machine(pool, asked, completion, given, number, settings)
        made.accept(language, "generate")
        tasks.append(task)
        one = Instance(field(_whole(block, "input")), _whole(block, "output"))
        made.see(language, "instances")
        finding = _settled(task.id, given, one, language, settings)
        if finding:
            refused.append((place, one, finding))
        else:
            rows.append(row(task, one, replace(lineage, seeds=asked.seeds)))
    for place, one, finding in refused:
        refuse("instances", place, shown(one.input, one.output), finding)
    return tasks, rows


def _judge(pool: Pool, instruction: str) -> tuple[Finding | None, str]:
    media = _MEDIA.search(instruction)
    return (("blacklist", media[0], "none"), "") if media else judge(pool, instruction)


def _whole(block: dict[str, str], name: str) -> str:
    """A field without the line that opens the next example."""
    return _BREAK.sub("", "\n" + block.get(name, "")).strip()


def _settled(
    task: str, instruction: str, one: Instance, language: str, settings: Settings
) -> Finding | None:
    refused: Sequence[tuple[Instance, Finding]] = settle(
        task, instruction, [one], language, "stop", 1, settings.seed, settings.allow
    ).refused
    return refused[0][1] if refused else None
