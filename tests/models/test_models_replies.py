"""What a reply holds: thoughts, odd fields, errors inside of HTTP 200, and parameters that are refused.

The shapes are those that vLLM, llama.cpp, SGLang, DeepSeek, OpenRouter, Mistral and Ollama send.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="extra openai")

from corpusforge.errors import InputError
from corpusforge.instruct import parse, phrases
from corpusforge.instruct.accounts import sampling_text
from corpusforge.models import Client, Message, Request, Sampling, Settings
from corpusforge.models.openai_engine import OpenAIEngine
from corpusforge.models.thoughts import ends_open, split
from tests.models.fault_server import FaultServer, answer_of, serve


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with serve() as running:
        yield running


def client(server: FaultServer, journal: Path | None = None, **values: Any) -> Client:
    settings = Settings(
        engine="openai", base_url=server.url, api_key_env="", model="tiny", concurrency=1, **values
    )
    return Client(OpenAIEngine(settings, sleep=lambda seconds: None), journal)


def ask(text: str, **sampling: Any) -> Request:
    return Request(messages=(Message("user", text),), sampling=Sampling(**sampling))


BESIDE = [
    {"content": "18", "reasoning_content": "3*6"},
    {"content": "18", "reasoning": "3*6"},
    {"content": "18", "reasoning": "3*6", "reasoning_content": "3*6"},
    {"content": "18", "reasoning_details": [{"type": "reasoning.text", "text": "3*6"}]},
    {
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "3*6"}]},
            {"type": "text", "text": "18"},
        ]
    },
    {"content": [{"type": "reasoning", "text": "3*6"}, {"type": "output_text", "text": "18"}]},
    {"content": "18", "thinking": "3*6"},
    {"content": "<think>3*6</think>18"},
    {"content": "18", "reasoning_content": "3*6", "tool_calls": None, "refusal": None},
]


@pytest.mark.parametrize("message", BESIDE, ids=lambda m: json.dumps(m)[:50])
def test_a_thought_is_kept_beside_the_answer_and_in_the_journal(
    server: FaultServer, tmp_path: Path, message: dict[str, Any]
) -> None:
    server.shapes = {"a": {"message": message}}
    with client(server, tmp_path / "j") as asked:
        first = asked.complete([ask("a")])[0]
    assert (first.text, first.reasoning, first.finish_reason) == ("18", "3*6", "stop")
    with client(server, tmp_path / "j") as asked:
        assert asked.complete([ask("a")])[0] == first
    assert server.tries == {}
    assert server.answers == {"a": 1}


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "length"), ("", "length"), (None, "stop"), ("", "stop")]
)
def test_a_thought_without_an_answer_is_a_reply_and_no_error(
    server: FaultServer, content: str | None, reason: str
) -> None:
    server.shapes = {
        "a": {
            "message": {"content": content, "reasoning": "3*6"},
            "choice": {"finish_reason": reason},
        }
    }
    out = client(server).complete([ask("a")])[0]
    assert (out.text, out.reasoning, out.finish_reason, out.error) == ("", "3*6", reason, "")


INLINE = [
    ("<think>a</think>b", "a", "b"),
    ("<think>\na\n</think>\n\nb", "a", "b"),
    ("a\n</think>\n\nb", "a", "b"),
    ("<thinking>a</thinking>b", "a", "b"),
    ("<thought>a</thought>b", "a", "b"),
    ("<reasoning>a</reasoning>b", "a", "b"),
    ("<seed:think>a</seed:think>b", "a", "b"),
    ("[THINK]a[/THINK]b", "a", "b"),
    ("◁think▷a◁/think▷b", "a", "b"),
    ("<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>b<|end_of_solution|>", "a", "b"),
    ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "a", "b"),
    ("<think>a</think><answer>b</answer>", "a", "b"),
    (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
        "a", "b",
    ),
    ("a<|end|><|start|>assistant<|channel|>final<|message|>b", "a", "b"),
    ("analysisa word.assistantfinalb", "a word.", "b"),
    ("<think>a", "a", ""),
    ("<|channel|>analysis<|message|>a", "a", ""),
    ("<THINK>a</THINK>b", "a", "b"),
    ("<think>a</think>b</think>c", "a\nb", "c"),
    ("no thought at all", "", "no thought at all"),
    ("The tag <think> opens a thought.", "", "The tag <think> opens a thought."),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "thought", "answer"), INLINE)
def test_inline_marks_of_each_family(reply: str, thought: str, answer: str) -> None:
    made = split(reply)
    assert (made.reasoning, made.text.strip()) == (thought, answer)
    assert parse.answer(reply).strip() == answer


@pytest.mark.parametrize(
    "mark", ["</think>", "<think>", "[/THINK]", "◁/think▷", "<|channel|>", "</thinking>"]
)
def test_a_mark_of_thought_is_a_leak_in_a_row(mark: str) -> None:
    assert phrases.LEAKS.search(f"an answer {mark} with a mark")


def test_the_prompt_of_some_templates_ends_inside_a_thought() -> None:
    assert ends_open("<|Assistant|><think>\n")
    assert ends_open("<|start|>assistant<|channel|>analysis<|message|>")
    assert not ends_open("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert split("a and", opened=True).text == ""


def test_a_reply_cut_in_a_thought_that_the_prompt_opened_is_no_answer(server: FaultServer) -> None:
    server.shapes = {
        "a": {"message": {"content": "3*6\n</think>\n\n18"}},
        "b": {"message": {"content": "Okay, the user"}, "choice": {"finish_reason": "length"}},
    }
    first, second = client(server).complete([ask("a"), ask("b")])
    assert (first.text.strip(), first.reasoning) == ("18", "3*6")
    assert (second.text, second.reasoning, second.finish_reason) == ("", "Okay, the user", "length")


BOUND = 512
USAGES: list[tuple[Any, int, int]] = [
    ({}, 0, BOUND),
    ({"total_tokens": 12}, 0, BOUND),
    ({"prompt_tokens": None, "completion_tokens": None}, 0, BOUND),
    ({"prompt_tokens": 7.0, "completion_tokens": 5.0}, 5, 0),
    ({"prompt_tokens": "7", "completion_tokens": "5"}, 5, 0),
    ({"prompt_tokens": 7}, 0, BOUND),
    ({"prompt_tokens": -1, "completion_tokens": 5}, 5, 0),
    ({"prompt_tokens": 7, "total_tokens": 12}, 5, 0),
    ([], 0, BOUND),
    ("many", 0, BOUND),
    (None, 0, BOUND),
]


@pytest.mark.parametrize(("usage", "counted", "missing"), USAGES, ids=str)
def test_a_count_that_cannot_be_read_costs_no_answer(
    server: FaultServer, usage: Any, counted: int, missing: int
) -> None:
    server.shapes = {"a": {"reply": {"usage": usage}}}
    out = client(server).complete([ask("a")])[0]
    assert (out.text, out.finish_reason) == (answer_of("a"), "stop")
    assert (out.usage.completion_tokens, out.wasted.completion_tokens) == (counted, missing)
    assert server.answers == {"a": 1}


@pytest.mark.parametrize(
    "shape",
    [
        {"choice": {"index": None}},
        {"choice": {"index": "0"}},
        {"reply": {"model": None}},
        {"reply": {"model": 5}},
        {"choice": {"logprobs": None, "text": None}},
        {"reply": {"error": None}},
    ],
    ids=str,
)  # fmt: skip
def test_an_odd_optional_field_costs_no_answer(server: FaultServer, shape: dict[str, Any]) -> None:
    server.shapes = {"a": shape}
    out = client(server).complete([ask("a")])[0]
    assert (out.text, out.model) == (answer_of("a"), "tiny")
    assert server.answers == {"a": 1}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("STOP", "stop"), ("end_turn", "stop"), ("eos", "stop"), ("MAX_TOKENS", "length"),
        ("max_length", "length"), ("model_length", "length"), ("SAFETY", "content_filter"),
        (None, "unknown"), ("", "unknown"),
        ("because", "unknown"), (7, "unknown"), ("abort", "error"), ("error", "error"),
    ],
)  # fmt: skip
def test_reasons_of_all_servers(server: FaultServer, told: Any, reason: str) -> None:
    server.shapes = {"a": {"choice": {"finish_reason": told}}}
    out = client(server).complete([ask("a")])[0]
    assert out.finish_reason == reason
    assert out.text == answer_of("a")


def test_an_unknown_end_is_told_once(
    server: FaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.shapes = {text: {"choice": {"finish_reason": None}} for text in "abc"}
    client(server).complete([ask(text) for text in "abc"])
    assert capsys.readouterr().err.count("finish_reason unknown") == 1


@pytest.mark.parametrize(
    "reply",
    [
        {"error": {"message": "the prompt is too long", "code": 400}, "choices": None},
        {"error": {"message": "the prompt is too long", "code": "400"}, "choices": []},
        {"object": "error", "message": "the prompt is too long", "code": 400, "choices": None},
        {"detail": "the prompt is too long", "status": 422, "choices": None},
        {"choices": [{"error": {"message": "the prompt is too long", "code": 400}}]},
    ],
    ids=lambda reply: json.dumps(reply)[:60],
)  # fmt: skip
def test_an_error_inside_of_200_is_an_error_with_the_servers_words(
    server: FaultServer, reply: dict[str, Any]
) -> None:
    server.shapes = {"a": {"reply": reply}}
    out = client(server).complete([ask("a"), ask("b")])
    assert [one.finish_reason for one in out] == ["error", "stop"]
    assert "the prompt is too long" in out[0].error
    assert server.answers["a"] == 1, "it is not asked again"


def test_a_busy_server_inside_of_200_is_asked_again_and_a_wrong_key_stops(
    server: FaultServer,
) -> None:
    server.shapes = {
        "a": {"reply": {"error": {"message": "overloaded", "code": 503}, "choices": None}}
    }
    out = client(server, retries=1).complete([ask("a")])[0]
    assert "overloaded" in out.error
    assert server.answers["a"] == 2
    server.shapes = {
        "a": {"reply": {"error": {"message": "wrong key", "code": 401}, "choices": None}}
    }
    with pytest.raises(InputError, match="wrong key"):
        client(server).complete([ask("a")])


@pytest.mark.parametrize(
    "message",
    [{"content": 5}, {"content": {"text": "a"}}, {"content": [{"type": "image_url", "image_url": "x"}]}],
    ids=str,
)  # fmt: skip
def test_what_is_no_text_is_no_answer(server: FaultServer, message: dict[str, Any]) -> None:
    server.shapes = {"a": {"message": message}}
    assert client(server).complete([ask("a")])[0].finish_reason == "error"


ALL = {
    "temperature": 0.7,
    "top_p": 0.9,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "seed": 3,
    "stop": ("\n",),
}
ONLY_ONE = (
    "Unsupported value: 'temperature' does not support 0.7. Only the default (1) is supported."
)
REFUSALS = [
    ("temperature", 400, {"error": {"message": ONLY_ONE, "param": "temperature"}}),
    ("temperature", 400, {"error": {"message": "temperature is not supported by this model"}}),
    ("top_p", 400, {"error": {"message": "`top_p` is deprecated for this model."}}),
    ("presence_penalty", 400,
     {"error": {"message": "Unsupported parameter: 'presence_penalty'. Supported: temperature"}}),
    ("frequency_penalty", 422,
     {"detail": [{"type": "extra_forbidden", "loc": ["body", "frequency_penalty"], "msg": "Extra"}]}),
    ("seed", 422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}),
    ("stop", 400, {"error": {"message": "Unsupported parameter: 'stop' is not supported here."}}),
    ("seed", 400, {"message": "Unknown parameter: 'seed'"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "told"), REFUSALS, ids=lambda value: str(value)[:30])
def test_a_refused_parameter_is_left_out_from_then_on_and_told_once(
    server: FaultServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    status: int,
    told: Any,
) -> None:
    server.refused = {name: (status, told)}
    with client(server, tmp_path / "j", retries=0) as asked:
        out = asked.complete([ask("a", **ALL), ask("b", **ALL)])
    assert [one.text for one in out] == [answer_of("a"), answer_of("b")]
    assert [name in body for body in server.bodies] == [True, False, False]
    others = set(ALL) - {name}
    assert all(others <= set(body) for body in server.bodies), "nothing else is left out"
    assert [one.left_out for one in out] == [name, name]
    err = capsys.readouterr().err
    assert err.count("warning") == 1
    assert name in err
    with client(server, tmp_path / "j") as asked:
        assert asked.complete([ask("a", **ALL)])[0] == out[0], "the journal says what was left out"


def test_a_model_that_takes_no_sampling_at_all(server: FaultServer) -> None:
    """As the reasoning models of OpenAI: each parameter costs one refused try, once."""
    refused = (*(set(ALL) - {"stop"}), "max_tokens")
    server.refused = {
        name: (400, {"error": {"message": f"Unsupported parameter: '{name}'"
               + (" Use 'max_completion_tokens' instead." if name == "max_tokens" else ""), "param": name}})
        for name in refused
    }  # fmt: skip
    out = client(server, retries=0).complete([ask("a", **ALL), ask("b", **ALL)])
    assert [one.finish_reason for one in out] == ["stop", "stop"]
    assert len(server.bodies) == len(refused) + 2
    assert set(server.bodies[-1]) == {"model", "messages", "stop", "max_completion_tokens"}


def test_a_system_turn_that_is_refused_opens_the_first_question(server: FaultServer) -> None:
    request = Request(messages=(Message("system", "Be short."), Message("user", "a")))
    server.always = "no_system"
    out = client(server, retries=0).complete([request])[0]
    assert out.left_out == "system"
    assert server.bodies[-1]["messages"] == [{"role": "user", "content": "Be short.\n\na"}]


@pytest.mark.parametrize(
    "told",
    [
        {"error": {"message": "maximum context length is 4096 tokens; lower max_tokens, please stop here"}},
        {"error": {"message": "the prompt is not allowed"}},
        {"detail": [{"loc": ["body", "messages"], "msg": "too many turns"}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_refusal_that_names_no_parameter_is_the_requests_own_with_its_words(
    server: FaultServer, told: dict[str, Any]
) -> None:
    server.refused = {"model": (422, told)}
    out = client(server, retries=0).complete([ask("a", **ALL)])[0]
    words = told["error"]["message"] if "error" in told else told["detail"][0]["msg"]
    assert out.finish_reason == "error"
    assert words in out.error
    assert len(server.bodies) == 1


def test_a_journal_without_thoughts_keeps_the_bytes_of_earlier_versions(
    server: FaultServer, tmp_path: Path
) -> None:
    with client(server, tmp_path / "j") as asked:
        asked.complete([ask('"reasoning":"",'), ask("a")])
    lines = [
        json.loads(line)["completion"] for line in (tmp_path / "j").read_text("utf-8").splitlines()
    ]
    names = ["key", "text", "finish_reason", "model", "usage", "error", "wasted"]
    assert [list(line) for line in lines] == [names, names]
    assert lines[0]["text"] == answer_of('"reasoning":"",')


def test_what_was_left_out_stands_in_the_rows_sampling() -> None:
    assert sampling_text("write", Sampling(temperature=1.0), "seed") == (
        "write: temperature=1.0 max_tokens=512 left_out=seed"
    )
    assert sampling_text("write", Sampling()) == "write: max_tokens=512"
