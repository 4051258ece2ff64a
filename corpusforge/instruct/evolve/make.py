"""Rounds of evolving: every task gets an operation, a check, an answer; what fails stays as it was.

Method: WizardLM (Xu et al. 2023). A task that is eliminated goes back to the pool and is evolved anew
in the next round. Operations are drawn by (seed, round, task). The novelty gate looks at everything
but a task's own ancestors, to which a deepened task is near by design. Limit: one answer per task.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from corpusforge.hashing import make_id, word64
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import (
    Ask,
    Check,
    Made,
    Origin,
    Question,
    Trail,
    asked,
    checked,
    lineage,
    sampling_text,
    seeded,
    unanswered,
)
from corpusforge.instruct.echo import copied
from corpusforge.instruct.evolve.eliminate import check_answer, check_task
from corpusforge.instruct.evolve.settings import Settings
from corpusforge.instruct.forms import YES_NO, shaped, yes_or_no
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import Finding, profile
from corpusforge.instruct.records import Row, Similar
from corpusforge.instruct.rules import check_instance
from corpusforge.models.prompts import Value, prompt
from corpusforge.models.records import Completion, Request, Sampling
from corpusforge.models.structured import Field, Form

__all__ = ["Task", "evolve"]

_EQUAL = Sampling(max_tokens=16)
WRITE = Form(fields=(Field(name="task", words={"en": ("task",), "zh": ("任务",)}),))
"""The one field of an evolving reply in the form json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as it stands: its text, the tasks it came from (nearest last), the text `before` it, and
    how it was made. `left_out`: what the server refused of the request that wrote it."""

    id: str
    text: str
    language: str
    line: tuple[str, ...] = ()
    before: str = ""
    operation: str = ""
    trail: Trail = ()
    left_out: str = ""
    similar: tuple[Similar, ...] = ()

    @property
    def root(self) -> str:
        """The task that the line began with."""
        return self.line[0] if self.line else self.id


def evolve(
    tasks: Sequence[Task], settings: Settings, ask: Ask, origin: Origin, check: Check
) -> Iterator[Made]:
    """Yield one part a round; `tasks` are of one language, with different texts."""
    language = tasks[0].language
    gate = Gate(profile(language), settings.numerator, settings.denominator)
    front = list(tasks)
    born: dict[str, str] = {}
    for task in front:
        gate.add(task.id, task.text)
    for number in range(settings.rounds):
        made = Made()
        evolved = _write(front, number, settings, ask, gate, born, made)
        if settings.equal:
            evolved = _gain(evolved, settings, ask, made)
        rows = _answer(evolved, number, settings, origin, ask, made)
        checked(made, [row for _, row in rows], check, "evol.row")
        kept = {row.id for row in made.rows}
        changed = {task.line[-1]: task for task, row in rows if row.id in kept}
        front = [changed.get(task.id, task) for task in front]
        yield made


def _write(
    front: Sequence[Task], number: int, settings: Settings, ask: Ask, gate: Gate,
    born: dict[str, str], made: Made,
) -> list[Task]:  # fmt: skip
    """Return the evolved tasks that are fit and new; `born` gets the parent of each."""
    questions = []
    for task in front:
        draw = word64(settings.seed, "evol", number, task.id)
        operation = settings.operations[draw % len(settings.operations)]
        sampling = seeded(settings.write, settings.seed, "evol", number, task.id)
        version, request = _request(f"evol_{operation}", task, sampling, "evol.write",
                                    instruction=task.text)  # fmt: skip
        shape = shaped(WRITE, request, version, task.language, structured=settings.structured)
        questions.append(Question(*shape, (task, operation)))
    evolved = []
    for question, reply in asked(ask, questions):
        parent, operation = question.subject
        text = parse.answer(reply.text).strip()
        if settings.structured and (found := WRITE.read(text)):
            text = found[0]["task"]
        finding = unanswered(reply) or check_task(parent.text, text, parent.language)
        finding = finding or profile(parent.language).check_instruction(text)
        similar = () if finding else gate.judge(text, top=10).nearest
        finding = finding or _near(similar, parent, born, settings)
        if not made.decide(parent.language, "evol.write", text, finding, key=reply.key,
                           nearest=parent.id):  # fmt: skip
            continue
        task = Task(
            id=make_id("instruct.evol", f"{parent.id}\x00{number}\x00{text}"), text=text,
            language=parent.language, line=(*parent.line, parent.id), before=parent.text,
            operation=operation,
            trail=((reply.key, question.prompt_version),), left_out=reply.left_out, similar=similar,
        )  # fmt: skip
        gate.add(task.id, text)
        born[task.id] = parent.id
        evolved.append(task)
    return evolved


def _near(
    similar: Sequence[Similar], parent: Task, born: Mapping[str, str], settings: Settings
) -> Finding | None:
    """A near copy of a task outside of the own line; an eliminated sibling does not count."""
    own = {parent.id, *parent.line}
    for one in similar:
        close = settings.denominator * one.lcs > settings.numerator * (one.left + one.right)
        if close and one.id not in own and born.get(one.id) != parent.id:
            return "near_copy", f"{one.f1:.4f} {one.id}", "a new task"
    return None


def _gain(evolved: Sequence[Task], settings: Settings, ask: Ask, made: Made) -> list[Task]:
    """Return the tasks that the model finds not equal to their parents."""
    questions = []
    for task in evolved:
        version, request = _request("evol_equal", task, _EQUAL, "evol.equal",
                                    first=task.before, second=task.text)  # fmt: skip
        shape = shaped(YES_NO, request, version, task.language, structured=settings.structured)
        questions.append(Question(*shape, task))
    kept = []
    for question, reply in asked(ask, questions):
        task = question.subject
        finding = unanswered(reply)
        verdict = yes_or_no(parse.answer(reply.text), structured=settings.structured)
        if finding is None and verdict:
            finding = ("no_gain", "yes", "no: the tasks differ")
        if made.decide(task.language, "evol.equal", task.text, finding, key=reply.key,
                       nearest=task.line[-1]):  # fmt: skip
            kept.append(replace(task, trail=(*task.trail, (reply.key, question.prompt_version))))
    return kept


def _answer(
    evolved: Sequence[Task], number: int, settings: Settings, origin: Origin, ask: Ask, made: Made
) -> list[tuple[Task, Row]]:
    questions = []
    for task in evolved:
        sampling = seeded(settings.answer, settings.seed, "evol.answer", task.id)
        version, request = _request("evol_answer", task, sampling, "evol.answer",
                                    instruction=task.text)  # fmt: skip
        questions.append(Question(request, version, task))
    rows = []
    for question, reply in asked(ask, questions):
        task, answer = question.subject, parse.answer(reply.text).strip()
        finding = unanswered(reply) or check_answer(answer, task.language)
        finding = finding or check_instance(
            task.text, "", answer, task.language, reply.finish_reason, settings.allow
        )
        finding = finding or copied(answer, task.language, task.text)
        if made.decide(task.language, "evol.answer", answer, finding, key=reply.key,
                       nearest=task.id):  # fmt: skip
            rows.append((task, _row(task, answer, question, reply, number, settings, origin)))
    return rows


def _row(
    task: Task, answer: str, question: Question[Task], reply: Completion, number: int,
    settings: Settings, origin: Origin,
) -> Row:  # fmt: skip
    trail = (*task.trail, (reply.key, question.prompt_version))
    sampling = (
        sampling_text("write", settings.write, task.left_out),
        sampling_text("answer", settings.answer, reply.left_out),
    )
    source = lineage(trail, origin, sampling, (task.line[-1],), (task.root,), reply.model)
    return Row(
        id=task.id, task=task.root, instruction=task.text, input="", output=answer,
        language=task.language, kind="evol", group=task.root, most_similar=task.similar,
        flags=(task.operation,), lineage=replace(source, round=number),
    )  # fmt: skip


def _request(
    name: str, task: Task, sampling: Sampling, step: str, **values: Value
) -> tuple[str, Request]:
    text = prompt(name, task.language)
    messages = text.render(**values)
    return text.version, Request(messages=messages, sampling=sampling, purpose=f"instruct.{step}")
