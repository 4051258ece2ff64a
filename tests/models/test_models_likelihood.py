"""A server's answer to `echo`: vLLM's shape of logprobs is read, its new token left out, none an error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from corpusforge.models.engines import TwoEngines
from corpusforge.models.likelihood import ask_likelihood, read_likelihood
from corpusforge.models.records import Completion, Request, Usage
from corpusforge.models.wire import Form, decode, payload

TEXT = "Tea, 茶."
SENT = {"tokens": ["Tea", ",", " 茶", ".", " And"], "token_logprobs": [None, -1.5, -7.25, -0.5, -2.0],
        "text_offset": [0, 3, 4, 6, 7]}  # fmt: skip


def answer(logprobs: object) -> Completion:
    choice = {"index": 0, "text": TEXT + " And", "logprobs": logprobs, "finish_reason": "length"}
    usage = {"prompt_tokens": 4, "completion_tokens": 1}
    body = json.dumps({"choices": [choice], "usage": usage, "model": "m"}).encode()
    return decode(body, ask_likelihood(TEXT, "test"), Usage())


def test_the_request_asks_for_the_prompt_back() -> None:
    sent = payload(ask_likelihood(TEXT, "test", "m"), Form())
    assert (sent["echo"], sent["logprobs"], sent["max_tokens"], sent["prompt"]) == (
        True,
        1,
        1,
        TEXT,
    )
    assert "echo" not in payload(Request(prompt="x"), Form())


def test_the_tokens_of_the_text_alone_are_read() -> None:
    found = read_likelihood(answer(SENT))
    assert found is not None
    assert (found.ends, found.nats) == ((3, 4, 6, 7), (None, -1.5, -7.25, -0.5))


@pytest.mark.parametrize(
    "logprobs",
    [None, {}, {"text_offset": [0], "token_logprobs": []}, {"text_offset": ["a"], "token_logprobs": [-1.0]},
     {"content": [{"token": "x", "logprob": -1}]}],
)  # fmt: skip
def test_a_server_that_tells_nothing_is_an_error(logprobs: object) -> None:
    made = answer(logprobs)
    assert made.finish_reason == "error" and "log-probabilities" in made.error
    assert read_likelihood(made) is None


class Named:
    def __init__(self, name: str) -> None:
        self.name = self.model = name
        self.context = 0

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for one in requests:
            yield Completion(key=one.key, text=self.name, finish_reason="stop", model=self.model)


def test_two_engines_share_the_work() -> None:
    both = TwoEngines(Named("answers"), Named("echoes"))
    asked = [Request(prompt="a"), ask_likelihood("b", "t"), Request(prompt="c")]
    told = {one.key: one.text for one in both.complete(asked)}
    assert [told[one.key] for one in asked] == ["answers", "echoes", "answers"]
    assert (both.name, both.model) == ("answers", "answers")
