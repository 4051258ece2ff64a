"""From a row to a row of another kind, in two steps: a request is written, then it is answered.

Ours, after the behaviours that ChatGPT's announcement named: asking back, owning errors, challenging
false premises, refusing with a reason, and saying what is not known. The model that answers is told
by a note what the request hides; the note is in no row. An admitted error becomes a dialogue of four
turns whose second is wrong on purpose (flag "wrong_turn_2"): train on its last turn only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

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
from corpusforge.instruct.chat import transcript
from corpusforge.instruct.echo import copied
from corpusforge.instruct.export import shapes
from corpusforge.instruct.forms import YES_NO, blocks, shaped, yes_or_no
from corpusforge.instruct.kinds.checks import check_answer, check_request
from corpusforge.instruct.kinds.seeds import KindSeed, kind_seeds
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import Finding, profile
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_instance, check_text
from corpusforge.models.prompts import Prompt, Value, prompt
from corpusforge.models.records import Completion, Request, Sampling
from corpusforge.models.structured import Field, Form

__all__ = ["make_kind", "prompt_names"]

_REQUEST = Field(name="request", words={"en": ("Request",), "zh": ("请求",)})
_QUESTION = Field(name="request", words={"en": ("Question",), "zh": ("问题",)})


def _note(english: str, chinese: str) -> Field:
    return Field(name="note", words={"en": (english,), "zh": (chinese,)})


WRITE: dict[str, Form] = {
    "clarify": Form(fields=(_REQUEST, _note("Missing", "缺少"))),
    "admit": Form(
        fields=(
            Field(name="wrong", words={"en": ("Wrong answer",), "zh": ("错误答案", "错误回答")}),
            _note("Error", "错误之处"),
            Field(name="request", words={"en": ("Objection",), "zh": ("用户指正", "指正")}),
        )
    ),
    "premise": Form(fields=(_QUESTION, _note("Truth", "事实"))),
    "refuse": Form(fields=(_REQUEST, _note("Harm", "危害"))),
    "unknown": Form(fields=(_QUESTION, _note("Why", "原因"))),
}
"""The fields of a `KIND_write` reply."""

ALLOWED = ("evasion", "missing_material")
"""Rules that these answers may break: an apology or a refusal is what is wanted."""

_SHOWN = 3  # seeds in a prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A row on its way; `parent` is the row it is made from."""

    parent: Row
    seeds: tuple[KindSeed, ...]
    request: str = ""
    note: str = ""
    wrong: str = ""
    output: str = ""
    trail: Trail = ()
    model: str = ""
    left_out: tuple[str, str] = ("", "")
    """What the server refused of the request that wrote, and of the one that answered."""


def prompt_names(kinds: Sequence[str], *, judge: bool) -> list[str]:
    """Return the names of the prompts that these kinds use."""
    names = [f"{kind}_{step}" for kind in kinds for step in ("write", "answer")]
    return [*names, *(["judge_kind"] if judge else [])]


def make_kind(
    kind: str,
    language: str,
    rows: Sequence[Row],
    settings: Settings,
    ask: Ask,
    origin: Origin,
    check: Check,
) -> Iterator[Made]:
    """Yield the rows of one kind and language in parts, one new row at most from each given row."""
    made = _Maker(kind, language, settings, origin)
    for start in range(0, len(rows), CHUNK):
        yield made.part(rows[start : start + CHUNK], ask, check)


class _Maker:
    """One kind in one language, and the requests that it has so far."""

    def __init__(self, kind: str, language: str, settings: Settings, origin: Origin) -> None:
        self.kind, self.language, self.settings, self.origin = kind, language, settings, origin
        self.seeds = kind_seeds(kind, language)
        self.profile = profile(language)
        self.gate = Gate(self.profile)
        for seed in self.seeds:
            self.gate.add(seed.id, seed.request)

    def part(self, rows: Sequence[Row], ask: Ask, check: Check) -> Made:
        made = Made()
        drafts = [self._draft(row) for row in rows]
        drafts = self._step(drafts, self._write, self._written, ask, made)
        drafts = self._step(drafts, self._answer, self._answered, ask, made)
        if self.settings.judge:
            drafts = self._step(drafts, self._judge, self._judged, ask, made)
        checked(made, [self._row(one) for one in drafts], check, f"{self.kind}.row")
        return made

    def _step(
        self, drafts: Sequence[_Draft], put: Callable[[_Draft], Question[_Draft]],
        take: Callable[[Question[_Draft], Completion, Made], _Draft | None], ask: Ask, made: Made,
    ) -> list[_Draft]:  # fmt: skip
        """The drafts that a step lets through, in order."""
        answers = asked(ask, [put(one) for one in drafts])
        taken = (take(question, reply, made) for question, reply in answers)
        return [one for one in taken if one is not None]

    def _draft(self, row: Row) -> _Draft:
        draws = uniform(
            id_keys(seed.id for seed in self.seeds), self.settings.seed, f"shown {row.id}"
        )
        order = sorted(range(len(self.seeds)), key=lambda place: float(draws[place]))
        return _Draft(parent=row, seeds=tuple(self.seeds[place] for place in order[:_SHOWN]))

    def _ask(
        self, step: str, made: Prompt, draft: _Draft, sampling: Sampling, **values: Value
    ) -> Question[_Draft]:
        wanted = {name: value for name, value in values.items() if name in made.placeholders}
        sampling = seeded(sampling, self.settings.seed, self.kind, step, draft.parent.id)
        purpose = f"instruct.{self.kind}.{step}"
        request = Request(messages=made.render(**wanted), sampling=sampling, purpose=purpose)
        form = {"write": WRITE[self.kind], "judge": YES_NO}.get(step)
        if form is None:
            return Question(request, made.version, draft)
        shape = shaped(
            form, request, made.version, self.language, structured=self.settings.structured
        )
        return Question(*shape, draft)

    def _write(self, draft: _Draft) -> Question[_Draft]:
        return self._ask(
            "write", prompt(f"{self.kind}_write", self.language), draft, self.settings.write,
            examples=[seed.request for seed in draft.seeds], task=shapes.prompt(draft.parent),
            output=draft.parent.output,
        )  # fmt: skip

    def _answer(self, draft: _Draft) -> Question[_Draft]:
        return self._ask(
            "answer", prompt(f"{self.kind}_answer", self.language), draft, self.settings.answer,
            request=draft.request, note=draft.note, task=shapes.prompt(draft.parent),
            wrong=draft.wrong,
        )  # fmt: skip

    def _judge(self, draft: _Draft) -> Question[_Draft]:
        return self._ask(
            "judge", prompt("judge_kind", self.language), draft, Sampling(max_tokens=16),
            kind=self.kind, conversation=transcript(self._turns(draft)),
        )  # fmt: skip

    def _written(self, question: Question[_Draft], reply: Completion, made: Made) -> _Draft | None:
        step, text = f"{self.kind}.write", parse.answer(reply.text)
        finding, nearest = unanswered(reply), ""
        draft = replace(
            question.subject, trail=((reply.key, question.prompt_version),),
            left_out=(reply.left_out, ""),
        )  # fmt: skip
        if finding is None:
            form = WRITE[self.kind]
            found = blocks(text, form, structured=self.settings.structured)
            fields = found[0] if found else {}
            missing = [one.name for one in form.fields if one.name not in fields]
            if missing:
                finding = "no_fields", ", ".join(missing), "every field of the form"
            else:
                draft = replace(
                    draft, request=fields["request"], note=fields["note"],
                    wrong=fields.get("wrong", ""),
                )  # fmt: skip
                finding, nearest = self._check_request(draft)
        kept = made.decide(self.language, step, text, finding, key=reply.key, nearest=nearest)
        return draft if kept else None

    def _check_request(self, draft: _Draft) -> tuple[Finding | None, str]:
        task = shapes.prompt(draft.parent)
        found = check_request(self.kind, draft.request, task, draft.wrong, draft.parent.output)
        found = found or check_text(draft.request, ALLOWED)
        written = (draft.request, draft.note, draft.wrong)
        found = found or next(
            filter(None, (copied(one, self.language, task) for one in written)), None
        )
        if self.kind == "admit":  # objections are short and alike; the task is the row's own
            return found or check_text(draft.wrong, self.settings.allow), ""
        found = found or self.profile.check_instruction(draft.request)
        if found:
            return found, ""
        verdict = self.gate.admit(draft.trail[0][0], draft.request)
        if verdict.accepted:
            return None, ""
        near = verdict.nearest[0]
        return ("near_copy", near.fraction, "<= 0.7"), near.id

    def _answered(self, question: Question[_Draft], reply: Completion, made: Made) -> _Draft | None:
        step, text = f"{self.kind}.answer", parse.answer(reply.text).strip()
        draft = question.subject
        trail = (*draft.trail, (reply.key, question.prompt_version))
        draft = replace(
            draft, output=text, trail=trail, model=reply.model,
            left_out=(draft.left_out[0], reply.left_out),
        )  # fmt: skip
        allow = (*ALLOWED, *self.settings.allow)
        finding = unanswered(reply) or check_instance(
            draft.request, "", text, self.language, reply.finish_reason, allow
        )
        finding = finding or check_answer(self.kind, text, draft.wrong, self.language)
        finding = finding or copied(text, self.language, f"{draft.request}\n{draft.wrong}")
        shown = f"{draft.request}\n→ {text}"
        return draft if made.decide(self.language, step, shown, finding, key=reply.key) else None

    def _judged(self, question: Question[_Draft], reply: Completion, made: Made) -> _Draft | None:
        step, draft = f"{self.kind}.judge", question.subject
        verdict = yes_or_no(parse.answer(reply.text), structured=self.settings.structured)
        finding = unanswered(reply, cut=False)
        if finding is None and not verdict:
            finding = "judge", "no" if verdict is False else "unclear", "yes"
        text = f"{draft.request}\n→ {draft.output}"
        if not made.decide(self.language, step, text, finding, key=reply.key):
            return None
        return replace(draft, trail=(*draft.trail, (reply.key, question.prompt_version)))

    def _turns(self, draft: _Draft) -> tuple[tuple[str, str], ...]:
        turns = (("user", draft.request), ("assistant", draft.output))
        if self.kind != "admit":
            return turns
        return (("user", shapes.prompt(draft.parent)), ("assistant", draft.wrong), *turns)

    def _row(self, draft: _Draft) -> Row:
        parent, admits = draft.parent, self.kind == "admit"
        instruction = shapes.prompt(parent) if admits else draft.request
        steps = (
            sampling_text("write", self.settings.write, draft.left_out[0]),
            sampling_text("answer", self.settings.answer, draft.left_out[1]),
        )
        return Row(
            id=make_id(f"instruct.{self.kind}", f"{parent.id}\x00{draft.request}\x00{draft.output}"),
            task=parent.task if admits else f"{self.kind}.{parent.task}",
            instruction=instruction, input="", output=draft.output, language=self.language,
            kind=self.kind, turns=self._turns(draft) if admits else (),
            flags=("wrong_turn_2",) if admits else (), group=parent.group or parent.task,
            lineage=lineage(
                draft.trail, self.origin, steps, (parent.id,),
                [seed.id for seed in draft.seeds], draft.model,
            ),
        )  # fmt: skip
