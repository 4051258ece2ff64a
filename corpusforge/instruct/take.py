"""What a reply gives: accepted instructions, verdicts and rows, and a reason for all that is not.

The filters are Self-Instruct's (Wang et al. 2023) through the language's profile, the novelty gate
and the instance rules. Every candidate becomes exactly one row here or one `Reject`, so that a
funnel balances; a reply without any candidate counts as one. Limit: an instruction that is accepted
stays in the pool, and so in later prompts, also where its instances all fail (as in the original).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from corpusforge.draw import make_id
from corpusforge.instruct import instances as cut
from corpusforge.instruct import parse
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Instance, Lineage, Machine, Reject, Row
from corpusforge.instruct.rounds import Asked, Pool
from corpusforge.instruct.rules import settle
from corpusforge.instruct.settings import Settings
from corpusforge.models.records import Completion, Sampling
from corpusforge.text.edits import one_line

__all__ = [
    "Book",
    "Refusal",
    "Taken",
    "judge",
    "machine",
    "row",
    "sampling_text",
    "shown",
    "take_checked",
    "take_classify",
    "take_generate",
    "take_instances",
    "unanswered",
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule that a candidate breaks: its name, the value found, the bound, the nearest member."""

    rule: str
    value: str = ""
    bound: str = ""
    nearest: str = ""


@dataclass(slots=True)
class Taken:
    """What one reply gave. `seen` is counted apart from the lists, so that the balance is a check."""

    seen: int
    machine: list[Machine]
    rows: list[Row]
    rejects: list[Reject]


class Book:
    """Writes the rejects of one reply."""

    def __init__(self, step: str, language: str, number: int, completion: Completion) -> None:
        self._head = (step, language, number, completion.key)
        self.rejects: list[Reject] = []

    def refuse(self, place: int, text: str, refusal: Refusal) -> None:
        """Write down why the candidate at `place` of the reply was refused."""
        step, language, number, request = self._head
        self.rejects.append(
            Reject(
                id=make_id(f"instruct.{step}", f"{request}:{place}"), step=step, language=language,
                rule=refusal.rule, text=text, value=refusal.value, bound=refusal.bound,
                nearest=refusal.nearest, request=request, round=number,
            )
        )  # fmt: skip


def unanswered(completion: Completion) -> Refusal | None:
    """Return why a reply holds no candidate, as far as its end says."""
    if completion.finish_reason == "error":
        return Refusal("request_failed", completion.error, "an answer")
    if completion.finish_reason == "content_filter":
        return Refusal("content_filter", "content_filter", "stop")
    return None


def _items(text: str, asked: Asked, completion: Completion, settings: Settings) -> parse.Items:
    if settings.form == "json":
        found, ended = parse.json_objects(text, "tasks")
        lines = tuple(line for one in found if (line := one_line(str(one))))
        cut_off = "" if ended or completion.finish_reason != "length" else text[-200:]
        return parse.Items(lines, cut_off)
    return parse.listed(text, completion.finish_reason, asked.first)


def take_generate(
    pool: Pool, asked: Asked, completion: Completion, number: int, settings: Settings
) -> Taken:
    """Return the instructions of a generation reply that are fit and new; they join gate and pool."""
    book = Book("generate", pool.language, number, completion)
    text = parse.answer(completion.text)
    problem = unanswered(completion)
    items = parse.Items() if problem else _items(text, asked, completion, settings)
    accepted: list[Machine] = []
    for place, item in enumerate(items.complete):
        verdict = judge(pool, item)
        if verdict is None:
            accepted.append(machine(pool, asked, completion, item, number, settings))
        else:
            book.refuse(place, item, verdict)
    seen = len(items.complete)
    if items.cut:
        book.refuse(seen, items.cut, Refusal("cut", completion.finish_reason, "stop"))
        seen += 1
    if not seen:
        book.refuse(0, text, problem or Refusal("no_list", "0", ">= 1 task"))
        seen = 1
    return Taken(seen, accepted, [], book.rejects)


def judge(pool: Pool, text: str) -> Refusal | None:
    """Return why an instruction cannot join the pool: the first rule it breaks, or a near copy."""
    finding = pool.profile.check_instruction(text)
    if finding is not None:
        return Refusal(*finding)
    verdict = pool.gate.judge(text)
    if verdict.accepted:
        return None
    near = verdict.nearest[0]
    bound = f"<= {2 * pool.gate.numerator / pool.gate.denominator:g}"
    value = f"{near.f1:.4f} = 2·{near.lcs}/({near.left}+{near.right})"
    return Refusal("near_copy", value, bound, near.id)


def machine(
    pool: Pool, asked: Asked, completion: Completion, text: str, number: int, settings: Settings
) -> Machine:
    """Return an accepted instruction as a member of the pool; gate and nearest members know it."""
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


def take_classify(asked: Asked, completion: Completion, number: int) -> Taken:
    """Return the instruction with its verdict; none where the request failed.

    A reply that says neither yes nor no leaves None in the record and counts as no, as in the
    original.
    """
    assert asked.subject is not None
    book = Book("classify", asked.subject.language, number, completion)
    problem = unanswered(completion)
    if problem:
        book.refuse(0, asked.subject.instruction, problem)
        return Taken(1, [], [], book.rejects)
    verdict = parse.verdict(parse.answer(completion.text))
    return Taken(1, [replace(asked.subject, is_classification=verdict)], [], [])


def take_instances(
    asked: Asked, completion: Completion, number: int, lineage: Lineage, settings: Settings
) -> Taken:
    """Return the rows of an instance reply; `lineage` is that of its instruction."""
    task = asked.subject
    assert task is not None
    book = Book("instances", task.language, number, completion)
    text = parse.answer(completion.text)
    problem = unanswered(completion)
    found = () if problem else _parsed(text, task, completion, settings)
    if not found:
        book.refuse(0, text, problem or Refusal("no_instance", "0", ">= 1 instance"))
        return Taken(1, [], [], book.rejects)
    settled = settle(
        task.id, task.instruction, [Instance(one.input, one.output) for one in found],
        task.language, "length" if found[-1].cut else "stop", settings.max_instances, settings.seed,
        settings.allow,
    )  # fmt: skip
    for place, (one, finding) in enumerate(settled.refused):
        book.refuse(place, shown(one.input, one.output), Refusal(*finding))
    rows = [row(task, one, lineage) for one in settled.kept]
    return Taken(len(found), [], rows, book.rejects)


def take_checked(
    rows: list[Row], findings: Sequence[Finding | None], number: int
) -> tuple[list[Row], list[Reject]]:
    """Return the rows without a finding, and a reject for each of the others."""
    kept: list[Row] = []
    rejects: list[Reject] = []
    for row, finding in zip(rows, findings, strict=True):
        if finding is None:
            kept.append(row)
            continue
        rule, value, bound = finding
        rejects.append(
            Reject(
                id=make_id("instruct.row", row.id), step="instances", rule=rule,
                language=row.language, text=shown(row.input, row.output), value=value, bound=bound,
                request=row.lineage.requests[-1], round=number,
            )
        )  # fmt: skip
    return kept, rejects


def _parsed(
    text: str, task: Machine, completion: Completion, settings: Settings
) -> tuple[cut.Parsed, ...]:
    if settings.form == "json":
        return cut.structured(text, completion.finish_reason)
    if task.is_classification:
        return cut.output_first(text, completion.finish_reason)
    return cut.input_first(text, completion.finish_reason)


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


def sampling_text(step: str, sampling: Sampling) -> str:
    """Return the sampling values that differ from greedy decoding, as "step: name=value ..."."""
    plain = Sampling()
    values = [
        f"{name}={getattr(sampling, name)}"
        for name in Sampling.__slots__
        if name == "max_tokens" or getattr(sampling, name) != getattr(plain, name)
    ]
    return f"{step}: " + " ".join(values)
