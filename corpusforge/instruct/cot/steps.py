"""What is asked about a question: k samples, the answer of a reply that states none, and a hint.

Few-shot and zero-shot chain of thought (Wei et al. 2022; Kojima et al. 2022, whose second request
asks for the answer) at several temperatures (Wang et al. 2022), and STaR's rationalisation (Zelikman
et al. 2022). A request follows from (seed, question, trigger, temperature, number) and from nothing
else. Limit: the worked examples are those of the prompt's file, the same for every kind of question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from corpusforge.hashing import word64
from corpusforge.instruct import parse
from corpusforge.instruct.cot.records import Question, Sample
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.forms import shaped
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Completion, Request, Sampling
from corpusforge.models.structured import Field, Form

__all__ = ["Asked", "ask_answers", "ask_hints", "ask_samples", "prompt_names", "unshaped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request about a question and what it was made of."""

    question: Question
    request: Request
    prompt_version: str
    step: str
    trigger: str
    temperature: float = 0.0
    repeat: int = 0


EXTRACT = Form(fields=(Field(name="answer", words={"en": ("answer",), "zh": ("答案",)}, most=80),))
HINT = Form(
    fields=(
        Field(name="reasoning", words={"en": ("reasoning",), "zh": ("推理",)}),
        Field(name="answer", words={"en": ("answer",), "zh": ("答案",)}, most=80),
    )
)
"""The fields of an extracted answer and of a hinted reasoning in the form json."""

_WHOLE = {"en": "{}\nThe answer is {}.", "zh": "{}\n答案是{}。"}


def prompt_names(settings: Settings) -> list[str]:
    """Return the names of the prompts that a run with these settings uses."""
    names = {f"cot_{trigger}" for trigger in settings.triggers}
    if "zero_shot" in settings.triggers:
        names.add("cot_extract")
    if settings.hints:
        names.add("cot_hint")
    if any(form.startswith("few_shot") for form in settings.mix):
        names.add("cot_few_shot")
    return sorted(names)


def ask_samples(questions: Sequence[Question], settings: Settings) -> list[Asked]:
    """Return the samples to be asked for, question by question."""
    return [
        _asked(question, f"cot_{trigger}", "sample", trigger, temperature, repeat, settings)
        for question in questions
        for trigger in settings.triggers
        for temperature in settings.temperatures
        for repeat in range(settings.samples if temperature else 1)
    ]


def ask_hints(questions: Sequence[Question], settings: Settings) -> list[Asked]:
    """Return the requests that carry the answer: the first greedy, the others at the highest
    temperature."""
    hottest = max(settings.temperatures)
    return [
        _asked(
            question, "cot_hint", "hint", "hint", hottest if repeat else 0.0, repeat, settings,
            answer=question.answer,
        )
        for question in questions
        for repeat in range(settings.hints if hottest else 1)
    ]  # fmt: skip


def ask_answers(samples: Sequence[tuple[Question, Sample]], settings: Settings) -> list[Asked]:
    """Return one short greedy request a sample: what answer does this reasoning come to?"""
    made = []
    for question, sample in samples:
        text = prompt("cot_extract", question.language)
        messages = text.render(question=question.question, reasoning=sample.reasoning)
        request = Request(
            messages=messages, sampling=Sampling(max_tokens=32), purpose="cot.extract"
        )
        request, version = shaped(
            EXTRACT, request, text.version, question.language, structured=settings.structured
        )
        made.append(
            Asked(question=question, request=request, prompt_version=version,
                  step="extract", trigger=sample.trigger)
        )  # fmt: skip
    return made


def _asked(
    question: Question, name: str, step: str, trigger: str, temperature: float, repeat: int,
    settings: Settings, **more: str,
) -> Asked:  # fmt: skip
    text = prompt(name, question.language)
    key = (settings.seed, "cot", question.id, trigger, temperature, repeat)
    sampling = Sampling(
        temperature=temperature,
        top_p=settings.top_p if temperature else 1.0,
        max_tokens=settings.max_tokens,
        seed=word64(*key) >> 33 if temperature else None,
    )
    request = Request(
        messages=text.render(question=shown(question), **more), sampling=sampling, repeat=repeat,
        purpose=f"cot.{step}",
    )  # fmt: skip
    structured = settings.structured and step == "hint"
    request, version = shaped(HINT, request, text.version, question.language, structured=structured)
    return Asked(
        question=question, request=request, prompt_version=version, step=step,
        trigger=trigger, temperature=temperature, repeat=repeat,
    )  # fmt: skip


def unshaped(
    completion: Completion, form: Form, question: Question, settings: Settings
) -> Completion:
    """Return a reply that came as an object of `form` as the text that would have been written
    without; any other reply as it is."""
    found = form.read(parse.answer(completion.text)) if settings.structured else None
    if not found or "answer" not in found[0]:
        return completion
    if form is EXTRACT:
        return replace(completion, text=found[0]["answer"])
    whole = _WHOLE[question.language].format(found[0].get("reasoning", ""), found[0]["answer"])
    return replace(completion, text=whole)


def shown(question: Question) -> str:
    """Return the question with its options, where its own text does not hold them."""
    if not question.choices or all(choice in question.question for choice in question.choices):
        return question.question
    options = [f"({chr(ord('A') + k)}) {one}" for k, one in enumerate(question.choices)]
    return "\n".join([question.question, *options])
