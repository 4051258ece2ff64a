"""Magpie (Xu et al. 2024): a chat model, given its template up to the user's words, writes them itself.

A request whose chat ends in an empty user turn asks the engine `local` for that turn, by the model's own
template. A server is asked for a completion of `pre_query`, the template's text up to there ({system} in it
stands for the line that asks for the language). The answer is a chat without any other prompt. Limits: an
instruction-tuned model is needed, and its template must let a user's turn be begun; what comes is what it was
trained on, its evaluation sets perhaps among them, so give `evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from corpusforge.instruct.accounts import CHUNK, Check, Made, Question, checked, seeded
from corpusforge.instruct.modes.asking import Draft, Maker
from corpusforge.instruct.profile import Finding
from corpusforge.models.records import Message, Request

__all__ = ["make_magpie"]

_SYSTEM = {
    "en": "You are a helpful assistant for people who write in English.",
    "zh": "你是一个乐于助人的助手，用户用中文向你提问。",
}
_STOPS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "</s>")
"""What ends a user's turn in common templates, four as the interface takes; engines know their own."""


def make_magpie(maker: Maker, check: Check) -> Iterator[Made]:
    """Yield the rows of one language in parts."""
    for start in range(0, maker.settings.each, CHUNK):
        made = Made()
        numbers = range(start, min(start + CHUNK, maker.settings.each))
        questions = [Question(_request(maker, n), "pre_query", Draft(key=str(n))) for n in numbers]
        drafts = maker.taken("user", questions, lambda draft: _judge(maker, draft), made)
        drafts = [draft.with_texts(task=draft.texts["reply"]) for draft in drafts]
        drafts = maker.chatted(drafts, made)
        checked(made, [maker.row(draft) for draft in drafts], check, "magpie.row")
        yield made


def _request(maker: Maker, number: int) -> Request:
    """The request for a user's turn; `repeat` tells it from the others, which say the same."""
    settings = maker.settings
    sampling = seeded(settings.write, settings.seed, "magpie", maker.language, number)
    system, purpose = _SYSTEM[maker.language], "instruct.magpie.user"
    if settings.pre_query:
        tuned = replace(sampling, stop=sampling.stop or _STOPS)
        text = settings.pre_query.replace("{system}", system)
        return Request(prompt=text, sampling=tuned, repeat=number, purpose=purpose)
    turns = (Message("system", system), Message("user", ""))
    return Request(messages=turns, sampling=sampling, repeat=number, purpose=purpose)


def _judge(maker: Maker, draft: Draft) -> tuple[Finding | None, str]:
    return maker.new_task(draft, draft.texts["reply"])
