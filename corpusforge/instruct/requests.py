"""What a round asks: the examples drawn for each prompt, and the requests of the three steps.

Method: Self-Instruct (Wang et al. 2023): six seed and two machine tasks in a generation prompt, a
yes-or-no question, then instances, output first for classification tasks. Every draw is a hash of
(seed, step, language, round, number), so a round's requests follow from the pool before it and from
nothing else. Limit: places are drawn modulo the pool's size, a bias below size / 2^64.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from corpusforge.errors import InputError
from corpusforge.hashing import word64
from corpusforge.instruct.accounts import seeded
from corpusforge.instruct.forms import YES_NO
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import Profile
from corpusforge.instruct.records import Machine, Task
from corpusforge.instruct.settings import Settings
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Message, Request, Sampling
from corpusforge.models.structured import object_schema

__all__ = ["Asked", "Pool", "ask_classify", "ask_generate", "ask_instances", "open_pool", "pick",
           "plain_request", "prompt_names"]  # fmt: skip

_SECOND = {"en": ("\nExample 2\nOutput:",), "zh": ("\n示例 2\n输出：",)}
"""Where a second example has no input, neither had the first: one answer is wanted, and it is there."""

_LINE = "====="  # parts few-shot examples in a plain prompt; a reply is over where it stands


@dataclass(slots=True)
class Pool:
    """One language's tasks: the seeds, the accepted machine instructions, and the novelty gate."""

    profile: Profile
    gate: Gate
    seeds: tuple[Task, ...]
    machine: list[Machine]

    @property
    def language(self) -> str:
        """The language of every task here."""
        return self.profile.language


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request and what it was made of. `first` is the number that the first new task should have;
    `subject` is the instruction that the request is about, after the generation step."""

    request: Request
    prompt_version: str
    seeds: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    first: int = 1
    subject: Machine | None = None


def open_pool(profile: Profile, gate: Gate, seeds: Sequence[Task], settings: Settings) -> Pool:
    """Return the pool before the first round. Raises InputError where no seed can be used."""
    language = profile.language
    usable = [task for task in seeds if task.language == language]
    if settings.kind == "classification":
        usable = [task for task in usable if task.is_classification]
    if not usable:
        raise InputError(
            f"no seed task in {language!r} (kind {settings.kind!r}) among {len(seeds)}: give --seeds "
            "a file that has some, or leave it out for the built-in ones."
        )
    for task in usable:
        gate.add(task.id, task.instruction)
    return Pool(profile, gate, tuple(usable), [])


def prompt_names(settings: Settings) -> list[str]:
    """Return the names of the prompts that a run with these settings uses."""
    checks = ["answer_again"] if settings.consistency else []
    checks += ["judge_row"] if settings.judge else []
    if settings.method == "alpaca":
        return ["triple", *checks]
    ending = "_json" * settings.structured
    first = "generate_classification" if settings.kind == "classification" else "generate"
    steps = [first, "instance_output_first"]
    if settings.kind == "any":
        steps += ["classify", "instance_input_first"]
    return [*(name + ending for name in steps), *checks]


def pick(count: int, size: int, *key: object) -> list[int]:
    """Return `count` different places below `size` (all of them where it is smaller), drawn by key."""
    chosen: dict[int, None] = {}
    turn = 0
    while len(chosen) < min(count, size):
        chosen.setdefault(word64(*key, turn) % size)
        turn += 1
    return list(chosen)


def ask_generate(pool: Pool, number: int, settings: Settings) -> list[Asked]:
    """Return the generation requests of round `number`."""
    return [_generate(pool, number, place, settings) for place in range(settings.prompts)]


def _generate(pool: Pool, number: int, place: int, settings: Settings) -> Asked:
    key = (settings.seed, pool.language, number, place)
    machine = [
        pool.machine[index] for index in pick(settings.machine, len(pool.machine), "machine", *key)
    ]
    wanted = settings.human + settings.machine - len(machine)
    seeds = [pool.seeds[index] for index in pick(wanted, len(pool.seeds), "human", *key)]
    tasks: list[Task | Machine] = [*machine, *seeds]
    shown = sorted(
        [(task.id, task.instruction) for task in tasks],
        key=lambda one: word64("order", *key, one[0]),
    )
    first = len(shown) + 1
    text = [instruction.strip().removesuffix(":").removesuffix("：") for _, instruction in shown]
    name = "generate_classification" if settings.kind == "classification" else "generate"
    request, version = _request(
        name, pool.language, settings, seeded(settings.generate, "generate", *key),
        opener=f"{first}.", stops=pool.profile.stop_strings(first + settings.asked),
        schema=_schema("tasks", _WRITTEN, settings.asked),
        examples=text, first=first, last=first + settings.asked - 1,
    )  # fmt: skip
    return Asked(
        request=request, prompt_version=version, first=first,
        seeds=tuple(task.id for task in seeds), parents=tuple(task.id for task in machine),
    )  # fmt: skip


def ask_classify(tasks: Sequence[Machine], settings: Settings) -> list[Asked]:
    """Return one request an instruction: is it a classification task?"""
    made = []
    for task in tasks:
        request, version = _request(
            "classify", task.language, settings, seeded(settings.classify, "classify", task.id),
            schema=YES_NO.schema("en"), instruction=task.instruction,
        )  # fmt: skip
        made.append(Asked(request=request, prompt_version=version, subject=task))
    return made


def ask_instances(tasks: Sequence[Machine], settings: Settings) -> list[Asked]:
    """Return one request an instruction: instances, output first for classification tasks."""
    made = []
    for task in tasks:
        name = "instance_output_first" if task.is_classification else "instance_input_first"
        form = _LABELLED if task.is_classification else _INSTANCE
        request, version = _request(
            name, task.language, settings, seeded(settings.instances, "instances", task.id),
            stops=() if task.is_classification else _SECOND[task.language],
            schema=_schema("instances", form, settings.max_instances),
            instruction=task.instruction, count=settings.max_instances,
        )  # fmt: skip
        made.append(Asked(request=request, prompt_version=version, subject=task))
    return made


def _request(
    name: str, language: str, settings: Settings, sampling: Sampling,
    *, schema: str, opener: str = "", stops: Sequence[str] = (),
    **values: str | int | Sequence[str],
) -> tuple[Request, str]:  # fmt: skip
    """The request of a prompt in the settings' form, and the prompt's version; `stops` end a list."""
    step = "instruct." + name.partition("_")[0]
    made = prompt(name + "_json" * settings.structured, language)
    messages = made.render(**values)
    if settings.structured:
        request = Request(messages=messages, sampling=sampling, json_schema=schema, purpose=step)
        return request, made.version
    sampling = replace(sampling, stop=(*sampling.stop, *stops))
    if settings.form == "chat":
        return Request(messages=messages, sampling=sampling, purpose=step), made.version
    sampling = replace(sampling, stop=(*sampling.stop, f"\n{_LINE}"))
    return Request(prompt=_plain(messages, opener), sampling=sampling, purpose=step), made.version


def plain_request(
    name: str, language: str, settings: Settings, *key: object, **values: str | int | Sequence[str]
) -> tuple[Request, str]:
    """Return a generation request by a prompt without a JSON twin, and the prompt's version."""
    sampling = seeded(settings.generate, *key)
    return _request(name, language, settings, sampling, schema="", opener="", stops=(), **values)


def _plain(messages: Sequence[Message], opener: str) -> str:
    """The chat as one text: rules, examples parted by lines, and the start of the answer."""
    parts: list[str] = []
    for message in messages:
        parted = message.role == "user" and parts
        parts.append((f"\n{_LINE}\n" if parted else "\n" if parts else "") + message.content + "\n")
    return "".join(parts) + (f"\n{opener}" if opener else "")


def _schema(name: str, items: dict[str, object], most: int) -> str:
    array = {"type": "array", "items": items, "minItems": 1, "maxItems": most}
    return json.dumps(object_schema({name: array}))


_TEXT: dict[str, object] = {"type": "string"}
_WRITTEN: dict[str, object] = {"type": "string", "minLength": 1}
_INSTANCE = object_schema({"input": _TEXT, "output": _WRITTEN})
_LABELLED = object_schema({"output": _WRITTEN, "input": _TEXT})
"""Output first: servers that hold a model to a schema keep the order of its properties."""
