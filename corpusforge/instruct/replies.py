"""What a reply gives: accepted instructions, verdicts and rows, and a reason for all that is not.

The filters are Self-Instruct's (Wang et al. 2023) through the language's profile, the novelty gate
and the instance rules. Every candidate becomes exactly one row here or one `Reject`, so that a
funnel balances; a reply without any candidate counts as one. Limit: an instruction that is accepted
stays in the pool, and so in later prompts, also where its instances all fail (as in the original).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from corpusforge.hashing import make_id
from corpusforge.instruct import instances as cut
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import Made, unanswered
from corpusforge.instruct.echo import copied
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Instance, Lineage, Machine, Reject, Row
from corpusforge.instruct.requests import Asked, Pool
from corpusforge.instruct.rules import settle
from corpusforge.instruct.settings import Settings
from corpusforge.models.records import Completion

__all__ = [
    "judge",
    "machine",
    "row",
    "shown",
    "take_checked",
    "take_classify",
    "take_generate",
    "take_instances",
]


_TASK_NAMES = ("instruction", "task", "text", "question", "description")


def _items(text: str, asked: Asked, completion: Completion, settings: Settings) -> parse.Items:
    if settings.structured:
        found, ended = parse.json_objects(text, "tasks")
        lines = tuple(line for one in found if (line := parse.unmarked(_said(one))))
        cut_off = "" if ended or completion.finish_reason != "length" else text[-200:]
        return parse.Items(lines, cut_off)
    return parse.listed(text, completion.finish_reason, asked.first)


def _said(item: object) -> str:
    """The task that an element of a JSON list says: a text, or an object with one ({"task": ...})."""
    if isinstance(item, dict):
        texts = [text for text in item.values() if isinstance(text, str)]
        named = [item[name] for name in _TASK_NAMES if isinstance(item.get(name), str)]
        return str([*named, *texts, ""][0])
    return item if isinstance(item, str) else ""


def take_generate(
    pool: Pool, asked: Asked, completion: Completion, number: int, settings: Settings, made: Made
) -> list[Machine]:
    """Return the instructions of a generation reply that are fit and new; they join gate and pool."""
    language, step = pool.language, "generate"

    def refuse(place: int, text: str, finding: Finding, nearest: str = "") -> None:
        key = f"{completion.key}:{place}"
        made.refuse(language, step, text, finding, key=key, nearest=nearest, number=number)

    text = parse.answer(completion.text)
    problem = unanswered(completion, cut=False)
    items = parse.Items() if problem else _items(text, asked, completion, settings)
    seen = len(items.complete) + bool(items.cut)
    made.see(language, step, max(1, seen))
    accepted: list[Machine] = []
    for place, item in enumerate(items.complete):
        finding, nearest = judge(pool, item)
        if finding is None:
            made.accept(language, step)
            accepted.append(machine(pool, asked, completion, item, number, settings))
        else:
            refuse(place, item, finding, nearest)
    if items.cut:
        refuse(len(items.complete), items.cut, ("cut", completion.finish_reason, "stop"))
    if not seen:
        refuse(0, text, problem or ("no_list", "0", ">= 1 task"))
    return accepted


def judge(pool: Pool, text: str) -> tuple[Finding | None, str]:
    """Return why an instruction cannot join the pool, the first rule it breaks, and the member that it
    is a near copy of."""
    finding = pool.profile.check_instruction(text) or copied(text, pool.language)
    if finding is not None:
        return finding, ""
    verdict = pool.gate.judge(text)
    if verdict.accepted:
        return None, ""
    near = verdict.nearest[0]
    bound = f"<= {2 * pool.gate.numerator / pool.gate.denominator:g}"
    return ("near_copy", near.fraction, bound), near.id


def machine(
    pool: Pool, asked: Asked, completion: Completion, text: str, number: int, settings: Settings
) -> Machine:
    """Return an accepted instruction as a member of the pool; gate and nearest members know it."""
    # a second look: `judge` decided at 1 in 20 of its cost, which the refused are spared (benchmarks/LOG.md)
    similar = pool.gate.judge(text, top=settings.similar).nearest if settings.similar else ()
    made = Machine(
        id=make_id(f"instruct.{pool.language}", text),
        instruction=text, language=pool.language, round=number, request=completion.key,
        prompt_version=asked.prompt_version, seeds=asked.seeds, parents=asked.parents,
        most_similar=similar,
        is_classification=True if settings.kind == "classification" else None,
    )  # fmt: skip
    pool.gate.add(made.id, text)
    return made


def take_classify(asked: Asked, completion: Completion, number: int, made: Made) -> list[Machine]:
    """Return the instruction with its verdict; none where the request failed.

    A reply that says neither yes nor no leaves None in the record and counts as no, as in the
    original.
    """
    task, step = asked.subject, "classify"
    assert task is not None
    problem, key = unanswered(completion, cut=False), f"{completion.key}:0"
    if not made.decide(task.language, step, task.instruction, problem, key=key, number=number):
        return []
    verdict = parse.verdict(parse.answer(completion.text))
    return [replace(task, is_classification=verdict)]


def take_instances(
    asked: Asked, completion: Completion, number: int, lineage: Lineage, settings: Settings,
    made: Made,
) -> list[Row]:  # fmt: skip
    """Return the rows of an instance reply; `lineage` is that of its instruction.

    They are seen here and accepted by `take_checked`.
    """
    task, step = asked.subject, "instances"
    assert task is not None
    text = parse.answer(completion.text)
    problem = unanswered(completion, cut=False)
    found = () if problem else _parsed(text, task, completion, settings)
    made.see(task.language, step, max(1, len(found)))
    if not found:
        finding = problem or ("no_instance", "0", ">= 1 instance")
        key = f"{completion.key}:0"
        made.refuse(task.language, step, text, finding, key=key, number=number)
        return []
    settled = settle(
        task.id, task.instruction, [Instance(one.input, one.output) for one in found],
        task.language, "length" if found[-1].cut else "stop", settings.max_instances, settings.seed,
        settings.allow,
    )  # fmt: skip
    for place, (one, finding) in enumerate(settled.refused):
        key = f"{completion.key}:{place}"
        made.refuse(
            task.language, step, shown(one.input, one.output), finding, key=key, number=number
        )
    return [row(task, one, lineage) for one in settled.kept]


def take_checked(
    rows: Sequence[Row], findings: Sequence[Finding | None], number: int, made: Made
) -> None:
    """Take into `made` the rows without a finding, and a reject for each of the others."""
    for row, finding in zip(rows, findings, strict=True):
        if finding is None:
            made.accept(row.language, "instances")
            made.rows.append(row)
            continue
        rule, value, bound = finding
        made.book(
            row.language,
            Reject(
                id=make_id("instruct.row", row.id), step="instances", rule=rule,
                language=row.language, text=shown(row.input, row.output), value=value, bound=bound,
                request=row.lineage.requests[-1], round=number,
            ),
        )  # fmt: skip


def _parsed(
    text: str, task: Machine, completion: Completion, settings: Settings
) -> tuple[cut.Parsed, ...]:
    if settings.structured:
        return cut.structured(text, completion.finish_reason)
    forms = (cut.output_first, cut.input_first)
    first, second = forms if task.is_classification else reversed(forms)
    # a model may answer in the other step's form
    return first(text, completion.finish_reason) or second(text, completion.finish_reason)


def shown(given: str, output: str) -> str:
    """Return an instance as one text, for a reject."""
    return f"{given}\n→ {output}" if given else output


def row(task: Machine, one: Instance, lineage: Lineage) -> Row:
    """Return the finished row of an instance."""
    return Row(
        id=make_id(f"instruct.{task.id}", f"{one.input}\x00{one.output}"),
        task=task.id, instruction=task.instruction, input=one.input, output=one.output,
        language=task.language, is_classification=bool(task.is_classification), group=task.id,
        most_similar=task.most_similar, lineage=lineage,
    )  # fmt: skip
