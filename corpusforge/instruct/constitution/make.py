"""Critique and revision: an answer examined by one principle after another, rewritten where it fails.

Method: the supervised part of Constitutional AI (Bai et al. 2022), with a verdict before each revision,
so that a fitting answer is left alone. Each step is kept: answer, principle, critique, revision. The
last answer becomes a row; where it differs from the first, it is preferred to it, unless a judge who
is asked in both orders says otherwise. Limits: the critic is the model itself, blind where it is
blind; a revision may lose what was good, which only the judge can notice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from corpusforge.hashing import id_keys, make_id, uniform
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import (
    CHUNK,
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
from corpusforge.instruct.chat import chat, transcript
from corpusforge.instruct.constitution.principles import Constitution, Principle
from corpusforge.instruct.constitution.settings import Settings
from corpusforge.instruct.echo import copied
from corpusforge.instruct.export import shapes
from corpusforge.instruct.forms import fields, shaped
from corpusforge.instruct.judge import Judgement, Pair, judge
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_instance
from corpusforge.models.prompts import Value, prompt
from corpusforge.models.records import Completion, Message, Request, Sampling
from corpusforge.models.structured import Field, Form

__all__ = ["PROMPTS", "RULES", "Comparison", "Step", "make_revisions"]

PROMPTS = ("constitution_critique", "constitution_revise")
RULES: dict[str, str] = {
    "no_verdict": "a critique says neither revise nor keep",
    "meta_talk": "a revision speaks of the critique or of itself",
    "judge": "the judge prefers the first answer in both orders",
}
"""The rules of these steps, beside those for every answer."""

CRITIQUE = Form(
    fields=(
        Field(name="critique", words={"en": ("Critique",), "zh": ("意见", "批评")}),
        Field(name="verdict", words={"en": ("Verdict",), "zh": ("结论",)},
              choices={"en": ("revise", "keep"), "zh": ("修改", "保留")}),
    )
)  # fmt: skip
"""The fields of a critique."""
STEPS, COMPARISONS, JUDGEMENTS = "steps.jsonl", "comparisons.jsonl", "judgements.jsonl"
_REVISE = re.compile(
    r"\W*(?:(?P<revise>revise|revision|修改|改写)|(?P<keep>keep|保留|不改))", re.IGNORECASE
)
_META = re.compile(
    r"\b(?:critique|constitution|(?:revised|rewritten|updated|improved) (?:answer|version|response)"
    r"|previous (?:answer|version|response))\b"
    r"|(?:修改|改写|修订|改进)(?:后|过)的?(?:回答|版本|答案)|根据(?:意见|批评|原则)|先前的(?:回答|版本)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One examination of one answer (a line of steps.jsonl).

    `row` is the row it began with, `number` counts from 1. `revision` is empty where the verdict was
    to keep the answer, or where the revision was refused.
    """

    row: str
    number: int
    principle: str
    constitution: str
    answer: str
    critique: str
    revise: bool
    revision: str = ""
    requests: tuple[str, ...] = ()
    prompt_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A first answer beside the last one (a line of comparisons.jsonl): the matter of a preference.

    `preferred` is "last", or "tie" where a judge was asked and is of two minds.
    """

    row: str
    parent: str
    language: str
    messages: tuple[Message, ...]
    first: str
    first_model: str
    last: str
    last_model: str
    preferred: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """An answer on its way. `step` is the examination that is under way."""

    parent: Row
    conversation: tuple[tuple[str, str], ...]
    first: str
    answer: str
    principles: tuple[Principle, ...]
    steps: tuple[Step, ...] = ()
    applied: tuple[str, ...] = ()
    trail: Trail = ()
    first_model: str = ""
    model: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """By step (first, critique, revise): what the server refused of its last request."""


def make_revisions(
    language: str, rows: Sequence[Row], settings: Settings, law: Constitution, ask: Ask,
    origin: Origin, check: Check,
) -> Iterator[Made]:  # fmt: skip
    """Yield the rows with their last answers in parts, one a given row at most."""
    for start in range(0, len(rows), CHUNK):
        yield _Maker(language, settings, law, origin).part(rows[start : start + CHUNK], ask, check)


class _Maker:
    """One part of a language's rows."""

    def __init__(
        self, language: str, settings: Settings, law: Constitution, origin: Origin
    ) -> None:
        self.language, self.settings, self.law, self.origin = language, settings, law, origin
        self.made = Made()

    def part(self, rows: Sequence[Row], ask: Ask, check: Check) -> Made:
        drafts = [self._draft(row) for row in rows]
        if self.settings.fresh:
            drafts = self._step(drafts, self._first, self._given, ask)
        for number in range(min(self.settings.rounds, len(self.law.principles))):
            drafts = self._step(drafts, self._examine, self._examined, ask)
            wanting = [draft for draft in drafts if draft.steps[number].revise]
            revised = self._step(wanting, self._revise, self._revised, ask)
            by_id = {draft.parent.id: draft for draft in revised}
            drafts = [by_id.get(draft.parent.id, draft) for draft in drafts]
        self.made.tables[STEPS] = [step for draft in drafts for step in draft.steps]
        judged = self._judgements(drafts, ask) if self.settings.judge else {}
        kept = [draft for draft in drafts if self._settled(draft, judged)]
        pairs = [(draft, self._row(draft)) for draft in kept]
        checked(self.made, [row for _, row in pairs], check, "critique.row")
        finished = {row.id for row in self.made.rows}
        self.made.tables[COMPARISONS] = [
            self._comparison(draft, row, judged) for draft, row in pairs
            if row.id in finished and draft.answer != draft.first
        ]  # fmt: skip
        return self.made

    def _draft(self, row: Row) -> _Draft:
        turns = row.turns or (("user", shapes.prompt(row)), ("assistant", row.output))
        if row.system and turns[0][0] != "system":
            turns = (("system", row.system), *turns)
        principles = self.law.principles
        draws = uniform(id_keys(one.id for one in principles), self.settings.seed, f"law {row.id}")
        order = sorted(range(len(principles)), key=lambda place: float(draws[place]))
        return _Draft(
            parent=row, conversation=turns[:-1], first=turns[-1][1], answer=turns[-1][1],
            principles=tuple(principles[place] for place in order),
            first_model=row.lineage.model,
        )  # fmt: skip

    def _step(
        self, drafts: Sequence[_Draft], put: Callable[[_Draft], Question[_Draft]],
        take: Callable[[Question[_Draft], Completion], _Draft | None], ask: Ask,
    ) -> list[_Draft]:  # fmt: skip
        answers = asked(ask, [put(one) for one in drafts])
        taken = (take(question, reply) for question, reply in answers)
        return [one for one in taken if one is not None]

    def _ask(
        self, name: str, draft: _Draft, sampling: Sampling, **values: Value
    ) -> Question[_Draft]:
        made = prompt(f"constitution_{name}", self.language)
        key = (self.settings.seed, name, draft.parent.id, len(draft.steps))
        messages = made.render(
            conversation=transcript(draft.conversation), answer=draft.answer, **values
        )
        request = Request(
            messages=messages, sampling=seeded(sampling, *key), purpose=f"instruct.critique.{name}"
        )
        if name != "critique":
            return Question(request, made.version, draft)
        shape = shaped(
            CRITIQUE, request, made.version, self.language, structured=self.settings.structured
        )
        return Question(*shape, draft)

    def _first(self, draft: _Draft) -> Question[_Draft]:
        sampling = seeded(self.settings.first, self.settings.seed, "first", draft.parent.id)
        messages = chat(draft.conversation)
        request = Request(messages=messages, sampling=sampling, purpose="instruct.critique.first")
        return Question(request, "chat", draft)

    def _given(self, question: Question[_Draft], reply: Completion) -> _Draft | None:
        draft, text = question.subject, parse.answer(reply.text).strip()
        finding = unanswered(reply) or self._check(draft, text, reply)
        if not self.made.decide(self.language, "critique.first", text, finding, key=reply.key):
            return None
        return replace(
            draft, first=text, answer=text, trail=((reply.key, "chat"),), first_model=reply.model,
            model=reply.model, left_out={"first": reply.left_out},
        )  # fmt: skip

    def _examine(self, draft: _Draft) -> Question[_Draft]:
        principle = draft.principles[len(draft.steps)]
        return self._ask(
            "critique", draft, self.settings.critique, principle=principle.critique[self.language]
        )

    def _examined(self, question: Question[_Draft], reply: Completion) -> _Draft | None:
        """The draft with a new step; a critique that says nothing leaves the answer as it is."""
        draft, text = question.subject, parse.answer(reply.text)
        said = fields(text, CRITIQUE, structured=self.settings.structured)
        verdict = _REVISE.match(said.get("verdict", ""))
        finding = unanswered(reply)
        if finding is None and (verdict is None or "critique" not in said):
            finding = "no_verdict", text[:80], "a critique, and revise or keep"
        finding = finding or copied(said.get("critique", ""), self.language, self._shown(draft))
        self.made.decide(self.language, "critique.critique", text, finding, key=reply.key)
        step = Step(
            row=draft.parent.id, number=len(draft.steps) + 1,
            principle=draft.principles[len(draft.steps)].id, constitution=self.law.version,
            answer=draft.answer, critique=said.get("critique", text),
            revise=finding is None and verdict is not None and bool(verdict["revise"]),
            requests=(reply.key,), prompt_versions=(question.prompt_version,),
        )  # fmt: skip
        trail = (*draft.trail, (reply.key, question.prompt_version))
        return replace(
            draft, steps=(*draft.steps, step), trail=trail, model=reply.model,
            left_out={**draft.left_out, "critique": reply.left_out},
        )  # fmt: skip

    def _revise(self, draft: _Draft) -> Question[_Draft]:
        principle = draft.principles[len(draft.steps) - 1]
        return self._ask(
            "revise", draft, self.settings.revise, principle=principle.revise[self.language],
            critique=draft.steps[-1].critique,
        )  # fmt: skip

    def _revised(self, question: Question[_Draft], reply: Completion) -> _Draft | None:
        """The draft with its new answer; a refused revision leaves the answer as it was."""
        draft, text = question.subject, parse.answer(reply.text).strip()
        finding = unanswered(reply) or self._check(draft, text, reply)
        meta = _META.search(text)
        if finding is None and meta and not _META.search(draft.answer):
            finding = "meta_talk", meta[0], "the answer alone"
        finding = finding or copied(text, self.language, self._shown(draft))
        step = replace(
            draft.steps[-1], revision="" if finding else text,
            requests=(*draft.steps[-1].requests, reply.key),
            prompt_versions=(*draft.steps[-1].prompt_versions, question.prompt_version),
        )  # fmt: skip
        draft = replace(
            draft, steps=(*draft.steps[:-1], step),
            trail=(*draft.trail, (reply.key, question.prompt_version)),
            left_out={**draft.left_out, "revise": reply.left_out},
        )  # fmt: skip
        if not self.made.decide(self.language, "critique.revise", text, finding, key=reply.key):
            return draft
        changed = (step.principle,) if text != draft.answer else ()
        return replace(draft, answer=text, applied=(*draft.applied, *changed), model=reply.model)

    def _shown(self, draft: _Draft) -> str:
        """The material that the critic and the reviser are shown."""
        texts = [text for _, text in draft.conversation] + [draft.answer]
        for one in draft.principles:
            texts += [*one.critique.values(), *one.revise.values()]
        return "\n".join(texts)

    def _check(self, draft: _Draft, text: str, reply: Completion) -> Finding | None:
        allow = ("evasion", *self.settings.allow)
        prompted = draft.conversation[-1][1] if draft.conversation else ""
        return check_instance(prompted, "", text, self.language, reply.finish_reason, allow)

    def _judgements(self, drafts: Sequence[_Draft], ask: Ask) -> dict[str, Judgement]:
        pairs = [
            Pair(id=draft.parent.id, language=self.language, conversation=draft.conversation,
                 left=draft.answer, right=draft.first)
            for draft in drafts if draft.answer != draft.first
        ]  # fmt: skip
        principles = [one.critique[self.language] for one in self.law.principles]
        found = judge(
            pairs, principles, ask, "instruct.critique.judge", structured=self.settings.structured
        )
        self.made.tables[JUDGEMENTS] = found
        return {one.pair: one for one in found}

    def _settled(self, draft: _Draft, judged: dict[str, Judgement]) -> bool:
        """Whether the last answer stays; the judge's "no" is a reject."""
        found = judged.get(draft.parent.id)
        if found is None:
            return True
        value = "; ".join(f"{left}:{right}" for left, right in found.scores)
        against: Finding = ("judge", value, "the last answer, or undecided")
        return self.made.decide(
            self.language, "critique.judge", draft.answer,
            against if found.verdict == "right" else None, key=found.requests[0],
        )  # fmt: skip

    def _row(self, draft: _Draft) -> Row:
        parent, settings = draft.parent, self.settings
        revised = tuple(f"revised_by_{name}" for name in draft.applied)
        flags = revised if draft.answer != draft.first else ("unrevised",)
        sampling = [
            sampling_text(step, getattr(settings, step), draft.left_out.get(step, ""))
            for step in (*(("first",) if settings.fresh else ()), "critique", "revise")
        ]
        changed = draft.answer != parent.output
        made_by = lineage(draft.trail, self.origin, sampling, (parent.id,), (), draft.model)
        turns = (*draft.conversation, ("assistant", draft.answer)) if parent.turns else ()
        return replace(
            parent, id=make_id("instruct.revised", f"{parent.id}\x00{draft.answer}"),
            output=draft.answer, turns=turns, reasoning="" if changed else parent.reasoning,
            flags=(*parent.flags, *flags), group=parent.group or parent.task, lineage=made_by,
        )  # fmt: skip

    def _comparison(self, draft: _Draft, row: Row, judged: dict[str, Judgement]) -> Comparison:
        found = judged.get(draft.parent.id)
        clear = found is None or found.verdict == "left"
        return Comparison(
            row=row.id, parent=draft.parent.id, language=self.language,
            messages=chat(draft.conversation), first=draft.first,
            first_model=draft.first_model or "given", last=draft.answer,
            last_model=f"{draft.model} revised", preferred="last" if clear else "tie",
        )  # fmt: skip
