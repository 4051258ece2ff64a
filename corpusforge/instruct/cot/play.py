"""The bootstrap: batches of questions are sampled, judged, hinted where all failed, and kept.

All requests of a step are fixed before any of its replies is used, and replies are used in the order
of their requests, so neither concurrency nor the order of arrival can change a row. Limit: a batch is
kept whole or not at all; what a stopped batch had paid for is in the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from corpusforge.hashing import make_id
from corpusforge.instruct.accounts import Ask, Check, Made, Origin, sampling_text, unanswered
from corpusforge.instruct.cot import steps
from corpusforge.instruct.cot.judge import Judged, RunCode, finished, judge, vote, with_answer
from corpusforge.instruct.cot.keep import refusals, surplus
from corpusforge.instruct.cot.mix import formats
from corpusforge.instruct.cot.plain import plain
from corpusforge.instruct.cot.records import Question, Vote
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.cot.steps import Asked, shown
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Lineage, Reject, Row
from corpusforge.models.records import Completion

__all__ = ["SAMPLES", "VOTES", "play"]

SAMPLES, VOTES = "samples.jsonl", "votes.jsonl"


@dataclass(slots=True)
class _Work:
    """One question in its batch."""

    question: Question
    samples: list[Judged] = field(default_factory=list)
    hints: list[Judged] = field(default_factory=list)
    failed: list[Reject] = field(default_factory=list)
    kept: list[tuple[Judged, Row]] = field(default_factory=list)
    refused: list[Reject] = field(default_factory=list)
    account: Vote | None = None


def play(
    questions: Sequence[Question],
    settings: Settings,
    origin: Origin,
    ask: Ask,
    check: Check,
    run_code: RunCode,
) -> Iterator[Made]:
    """Yield whole batches; whatever `ask` raises passes through."""
    known: set[str] = set()
    for start in range(0, len(questions), settings.batch):
        part = [_Work(question) for question in questions[start : start + settings.batch]]
        _sample(part, settings, ask, run_code)
        _hint(part, settings, ask)
        _keep(part, settings, origin, check)
        yield _book(part, settings, known)


def _sample(part: Sequence[_Work], settings: Settings, ask: Ask, run_code: RunCode) -> None:
    """Ask for the samples, and for the answers of those that state none."""
    by_id = {work.question.id: work for work in part}
    asked = steps.ask_samples([work.question for work in part], settings)
    for one, completion in zip(asked, ask([one.request for one in asked]), strict=True):
        _take(by_id[one.question.id], one, completion, run_code)
    silent = [
        (work, place)
        for work in part
        for place, one in enumerate(work.samples)
        if _states_nothing(one)
    ]
    again = steps.ask_answers([(w.question, w.samples[k].sample) for w, k in silent], settings)
    if again:
        replies = ask([one.request for one in again])
        for (work, place), completion in zip(silent, replies, strict=True):
            text = steps.unshaped(completion, steps.EXTRACT, work.question, settings)
            work.samples[place] = with_answer(work.samples[place], text)


def _states_nothing(one: Judged) -> bool:
    sample = one.sample
    return (
        one.answer is None and sample.trigger == "zero_shot" and one.question.kind != "code"
        and sample.finish_reason == "stop" and bool(sample.reasoning)
    )  # fmt: skip


def _take(work: _Work, asked: Asked, completion: Completion, run_code: RunCode) -> None:
    if finding := unanswered(completion, cut=False):
        work.failed.append(_reject(asked.step, asked.question, completion.key, "", finding))
        return
    sampling = sampling_text(asked.step, asked.request.sampling, completion.left_out)
    made = judge(asked, completion, sampling, run_code)
    (work.hints if asked.step == "hint" else work.samples).append(made)


def _hint(part: Sequence[_Work], settings: Settings, ask: Ask) -> None:
    """Ask with the answer where samples came and none is right; code is not rationalised."""
    needy = [
        work for work in part
        if settings.hints and work.question.answer and work.question.kind != "code" and work.samples
        and not any(one.sample.right for one in finished(work.samples))
    ]  # fmt: skip
    asked = steps.ask_hints([work.question for work in needy], settings)
    by_id = {work.question.id: work for work in needy}
    if asked:
        for one, completion in zip(asked, ask([one.request for one in asked]), strict=True):
            text = steps.unshaped(completion, steps.HINT, one.question, settings)
            _take(by_id[one.question.id], one, text, lambda code, tests: None)


def _keep(part: Sequence[_Work], settings: Settings, origin: Origin, check: Check) -> None:
    """Decide what stays: rules of one question, then language, personal data, evaluation text."""
    for work in part:
        account = work.account = vote(work.question, work.samples)
        said = (one for one in finished(work.samples) if one.sample.answer == account.answer)
        majority = next(said, None)
        everything = [*work.samples, *work.hints]
        for one, finding in zip(
            everything, refusals(everything, account, majority, settings), strict=True
        ):
            if finding:
                work.refused.append(_refused(one, finding))
            else:
                work.kept.append((one, _row(one, account, origin)))
    rows = [
        replace(row, output=f"{row.reasoning}\n\n{row.output}") for w in part for _, row in w.kept
    ]
    findings = iter(check(rows))
    for work in part:
        work.kept = _without(work, [next(findings) for _ in work.kept])
        work.kept = _without(work, surplus([one for one, _ in work.kept], settings))


def _without(work: _Work, findings: Sequence[Finding | None]) -> list[tuple[Judged, Row]]:
    """The kept samples without those that have a finding, which are refused."""
    stay = []
    for (one, row), finding in zip(work.kept, findings, strict=True):
        if finding is None:
            stay.append((one, row))
        else:
            work.refused.append(_refused(one, finding))
    return stay


def _book(part: Sequence[_Work], settings: Settings, known: set[str]) -> Made:
    """What a batch has made, with one account for all languages; `known` are the ids of all rows."""
    made = Made(tables={SAMPLES: [], VOTES: []})
    for work in part:
        assert work.account is not None
        for step, samples in (("sample", work.samples), ("hint", work.hints)):
            rejects = [one for one in (*work.failed, *work.refused) if one.step == step]
            made.see("", step, len(samples) + sum(one.step == step for one in work.failed))
            made.accept("", step, sum(one.sample.step == step for one, _ in work.kept))
            for reject in rejects:
                made.book("", reject)
            made.tables[SAMPLES] += [one.sample for one in samples]
        asked = bool(work.hints) or any(one.step == "hint" for one in work.failed)
        made.tables[VOTES].append(replace(work.account, hinted=asked, kept=len(work.kept)))
        for row in (form for _, kept in work.kept for form in formats(kept, settings)):
            if row.id not in known:
                known.add(row.id)
                made.rows.append(row)
    return made


def _row(one: Judged, account: Vote, origin: Origin) -> Row:
    question, sample = one.question, one.sample
    output = _output(one)
    flags = {"hinted": sample.step == "hint", "wrong": sample.right is False,
             "unverified": sample.right is None}  # fmt: skip
    return Row(
        id=make_id(f"cot.{question.id}", f"{sample.reasoning}\x00{output}"),
        task=question.id, instruction=shown(question), input="", output=output,
        language=question.language, kind="cot", is_classification=question.kind in {"choice", "yesno"},
        reasoning=sample.reasoning, group=question.id,
        pass_rate=(account.right, account.samples),
        flags=tuple(name for name, raised in flags.items() if raised),
        lineage=Lineage(
            seeds=(question.source,), prompt_version=one.prompt_version, engine=origin.engine,
            model=origin.model, model_licence=origin.model_licence, sampling=one.sampling,
            requests=one.requests,
        ),
    )  # fmt: skip


def _output(one: Judged) -> str:
    """The gold answer where the sample is right, else the sample's own."""
    question = one.question
    if question.kind == "code":
        return f"```python\n{one.stated}\n```"
    if one.sample.right:
        return question.answer
    return one.sample.answer if question.kind in {"choice", "yesno"} else plain(one.stated)


def _refused(one: Judged, finding: Finding) -> Reject:
    sample = one.sample
    return _reject(sample.step, one.question, sample.request, sample.text, finding)


def _reject(step: str, question: Question, key: str, text: str, finding: Finding) -> Reject:
    rule, value, bound = finding
    return Reject(
        id=make_id(f"cot.{step}", key), step=step, rule=rule, language=question.language,
        text=text, value=value, bound=bound, nearest=question.id, request=key,
    )  # fmt: skip
