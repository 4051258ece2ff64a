"""The engine `openai` against a server on loopback that does all that servers do on a bad day."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="extra openai")

from corpusforge.errors import InputError
from corpusforge.models import Client, Message, Request, Sampling, Settings, read_entries
from corpusforge.models.budget import Budget, BudgetSpent, prompt_bound
from corpusforge.models.openai_engine import OUTAGE, OpenAIEngine
from tests.models.fault_server import FaultServer, answer_of, serve

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-test-0123456789"


class Clock:
    """Time that passes only when somebody sleeps; shared by the engine's threads."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.slept.append(seconds)
            self.now += seconds


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with serve() as running:
        yield running


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv("TEST_KEY", KEY)
    return Clock()


def engine(server: FaultServer, clock: Clock, **values: object) -> OpenAIEngine:
    given = {"concurrency": 1, "timeout": 30.0, "model": "tiny", **values}
    settings = Settings(engine="openai", base_url=server.url, api_key_env="TEST_KEY", **given)
    return OpenAIEngine(settings, clock=clock, sleep=clock.sleep)


def ask(text: str, **values: object) -> Request:
    return Request(messages=(Message("user", text),), sampling=Sampling(**values), purpose="test")


def test_chat_and_plain_completion_and_what_is_sent(server: FaultServer, clock: Clock) -> None:
    client = Client(engine(server, clock))
    values = {
        "temperature": 0.7, "top_p": 0.5, "top_k": 40, "max_tokens": 33, "stop": ("\n\n",),
        "frequency_penalty": 0.5, "presence_penalty": 0.25, "repetition_penalty": 1.1, "seed": 5,
    }  # fmt: skip
    out = client.complete([ask("你好", **values), Request(prompt="Once upon")])
    assert [item.text for item in out] == [answer_of("你好"), answer_of("Once upon")]
    assert [item.model for item in out] == ["tiny", "tiny"]
    assert (out[0].usage.prompt_tokens, out[0].usage.completion_tokens) == (7, 5)
    chat, plain = server.bodies
    assert chat == {
        "model": "tiny", "messages": [{"role": "user", "content": "你好"}], **values,
        "stop": ["\n\n"],
    }  # fmt: skip
    assert plain == {"model": "tiny", "prompt": "Once upon", "max_tokens": 512, "temperature": 0}
    headers = {name.lower(): text for name, text in server.sent_headers[0].items()}
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["idempotency-key"] == out[0].key


def test_repeats_have_seeds_of_their_own(server: FaultServer, clock: Clock) -> None:
    requests = [Request(messages=(Message("user", "a"),), sampling=Sampling(seed=5), repeat=n)
                for n in range(3)]  # fmt: skip
    Client(engine(server, clock)).complete(requests)
    seeds = [body["seed"] for body in server.bodies]
    assert seeds[0] == 5
    assert len(set(seeds)) == 3


def test_the_only_model_of_a_server_needs_no_name(server: FaultServer, clock: Clock) -> None:
    assert engine(server, clock, model="").model == "tiny"


def test_retry_after_is_obeyed_to_the_second(server: FaultServer, clock: Clock) -> None:
    server.faults = {"a": ["429"], "b": ["429_date"]}
    out = Client(engine(server, clock)).complete([ask("a"), ask("b")])
    assert [item.text for item in out] == [answer_of("a"), answer_of("b")]
    assert clock.slept == [7, 11]
    assert server.tries == {"a": 2, "b": 2}


def test_a_wait_beyond_the_limit_is_an_error_and_not_slept(
    server: FaultServer, clock: Clock
) -> None:
    server.faults = {"a": ["429_long"]}
    out = Client(engine(server, clock)).complete([ask("a")])
    assert "asks to wait 86400 s" in out[0].error
    assert clock.slept == []


def test_server_errors_are_tried_again_with_growing_jitter(
    server: FaultServer, clock: Clock
) -> None:
    server.faults = {"a": ["500"] * 4}
    client = Client(engine(server, clock))
    assert client.complete([ask("a")])[0].text == answer_of("a")
    assert len(clock.slept) == 4
    for wait, longest in zip(clock.slept, (0.5, 1, 2, 4), strict=True):
        assert longest / 2 <= wait <= longest
    assert client.usage.spent.requests == 1, "what was refused is not billed"


def test_after_the_last_try_the_request_is_an_error_row(server: FaultServer, clock: Clock) -> None:
    server.faults = {"a": ["500"] * 9}
    out = Client(engine(server, clock, retries=2)).complete([ask("a"), ask("b")])
    assert out[0].finish_reason == "error"
    assert "gave up after 3 tries" in out[0].error
    assert out[1].text == answer_of("b")


@pytest.mark.parametrize("fault", ["cut", "malformed", "wrong_shape", "no_choices", "slow"])
def test_lost_replies_are_asked_again_and_counted_as_billed(
    server: FaultServer, clock: Clock, tmp_path: Path, fault: str
) -> None:
    server.faults = {"a": [fault]}
    waiting = 0.3 if fault == "slow" else 30.0
    with Client(engine(server, clock, timeout=waiting), tmp_path / "j", retries=1) as client:
        assert client.complete([ask("a")])[0].text == answer_of("a")
        assert server.billed == 24
        assert client.usage.spent.requests == 2
        assert client.usage.spent.tokens == 12 + prompt_bound(ask("a")) + 512
    assert len(clock.slept) == 1, "one wait before the second try"
    assert [item.answers for item in read_entries(tmp_path / "j")] == [False, True]


def test_replies_that_stay_lost_become_an_error_row(server: FaultServer, clock: Clock) -> None:
    server.faults = {"a": ["malformed"] * 5}
    out = Client(engine(server, clock), retries=2).complete([ask("a")])
    assert out[0].finish_reason == "error"
    assert "not what the interface promises" in out[0].error
    assert server.tries == {"a": 3}


def test_a_doubled_reply_is_one_answer(server: FaultServer, clock: Clock, tmp_path: Path) -> None:
    server.faults = {"a": ["twice"]}
    with Client(engine(server, clock), tmp_path / "j") as client:
        out = client.complete([ask("a"), ask("b")])
    assert [item.text for item in out] == [answer_of("a"), answer_of("b")]
    answers = [item for item in read_entries(tmp_path / "j") if item.answers]
    assert len(answers) == 2


def test_reasons_and_odd_answers(server: FaultServer, clock: Clock) -> None:
    server.faults = {
        "cut": ["length"], "tool": ["tool"], "bad": ["400"], "no": ["filter"],
        "free": ["no_usage"], "half": ["surrogate"],
    }  # fmt: skip
    client = Client(engine(server, clock))
    out = {text: client.complete([ask(text)])[0] for text in server.faults}
    assert out["cut"].finish_reason == "length"
    assert out["cut"].text == answer_of("cut")
    assert (out["tool"].finish_reason, out["tool"].usage.completion_tokens) == ("error", 5)
    assert "tool_calls" in out["tool"].error
    assert out["bad"].finish_reason == "error"
    assert "context length exceeded" in out["bad"].error
    assert (out["no"].finish_reason, out["no"].text) == ("content_filter", "")
    assert out["free"].text == answer_of("free")
    assert out["free"].wasted.completion_tokens == 512, "an unknown bill counts at its bound"
    assert out["half"].text == "half \ufffd and whole 中文 😀"
    assert set(server.tries.values()) == {1}


def test_structured_output_is_asked_for_and_given_up_once(
    server: FaultServer, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = '{"type":"object","properties":{"answer":{"type":"string"}}}'
    requests = [
        Request(messages=(Message("user", text),), json_schema=schema) for text in ("a", "b", "c")
    ]
    client = Client(engine(server, clock))
    client.complete(requests[:1])
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == json.loads(schema)
    server.always = "no_schema"
    out = client.complete(requests[1:])
    assert [item.text for item in out] == [answer_of("b"), answer_of("c")]
    assert ["response_format" in body for body in server.bodies] == [True, True, False, False]
    assert [item.left_out for item in out] == ["response_format", "response_format"]
    assert capsys.readouterr().err.count("refuses structured output") == 1


def test_the_newer_name_of_max_tokens_is_found_out(server: FaultServer, clock: Clock) -> None:
    server.always = "new_names"
    out = Client(engine(server, clock, retries=0)).complete([ask("a"), ask("b")])
    assert [item.text for item in out] == [answer_of("a"), answer_of("b")]
    assert [sorted(set(body) & {"max_tokens", "max_completion_tokens"}) for body in server.bodies] == [
        ["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "words"), [("401", "refuses"), ("404", "refuses"), ("quota", "used up")]
)
def test_what_no_request_can_escape_stops_at_once(
    server: FaultServer, clock: Clock, fault: str, words: str
) -> None:
    server.always = fault
    with pytest.raises(InputError, match=words) as caught:
        Client(engine(server, clock)).complete([ask(str(number)) for number in range(20)])
    assert server.tries.total() <= 2
    assert KEY not in str(caught.value)


def test_answers_before_a_stop_are_kept(server: FaultServer, clock: Clock, tmp_path: Path) -> None:
    server.faults = {"5": ["401"]}
    with Client(engine(server, clock), tmp_path / "j") as client, pytest.raises(InputError):
        client.complete([ask(str(number)) for number in range(20)])
    assert [item.completion.text for item in read_entries(tmp_path / "j")] == [
        answer_of(str(number)) for number in range(5)
    ]


def test_a_refusal_of_one_request_after_others_were_answered_is_its_own(
    server: FaultServer, clock: Clock
) -> None:
    server.faults = {"b": ["404"]}
    out = Client(engine(server, clock)).complete([ask("a"), ask("b"), ask("c")])
    assert [item.finish_reason for item in out] == ["stop", "error", "stop"]


def test_a_server_that_is_down_ends_the_run_with_a_message(clock: Clock, tmp_path: Path) -> None:
    with serve() as gone:
        made = engine(gone, clock, retries=1, concurrency=4)
    client = Client(made, tmp_path / "j")
    with pytest.raises(InputError, match=r"requests in a row.*run the same command again"):
        client.complete([ask(str(number)) for number in range(500)])
    client.close()
    assert list(read_entries(tmp_path / "j")) == [], "what never left was not billed"
    assert len(clock.slept) <= 2 * (OUTAGE + 4)


def test_concurrency_is_used_and_held(server: FaultServer, clock: Clock) -> None:
    requests = [ask(str(number)) for number in range(60)]
    server.always = "together"
    out = Client(engine(server, clock, concurrency=6)).complete(requests)
    assert [item.text for item in out] == [answer_of(str(number)) for number in range(60)]
    assert server.most_in_flight == 6


def test_our_own_limit_spaces_the_requests(server: FaultServer, clock: Clock) -> None:
    made = engine(server, clock, requests_per_minute=30)
    Client(made).complete([ask(str(number)) for number in range(4)])
    assert clock.slept == [2, 2, 2]


def test_the_servers_headers_hold_the_next_request_back(server: FaultServer, clock: Clock) -> None:
    server.headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m3s"}
    Client(engine(server, clock)).complete([ask("a"), ask("b")])
    assert clock.slept == [63]


def test_a_budget_holds_with_many_in_flight(
    server: FaultServer, clock: Clock, tmp_path: Path
) -> None:
    server.prompt_tokens, server.completion_tokens = 60, 16
    server.faults = {str(number): ["malformed", "cut"] for number in range(0, 40, 7)}
    limit = 2000
    requests = [ask(f"{number}", max_tokens=16) for number in range(40)]
    made = engine(server, clock, concurrency=8)
    with Client(made, tmp_path / "j", Budget(max_tokens=limit)) as client:
        with pytest.raises(BudgetSpent):
            client.complete(requests)
        assert server.billed <= client.usage.spent.tokens <= limit
        most = prompt_bound(requests[10]) + 16
        assert limit - client.usage.spent.tokens < most, "it stops only where nothing more fits"
    before = dict(server.answers)
    with Client(made, tmp_path / "j", Budget(max_tokens=100 * limit)) as client:
        assert len(client.complete(requests)) == 40
    kept = [item for item in read_entries(tmp_path / "j") if item.answers]
    assert len({item.completion.key for item in kept}) == len(kept) == 40
    assert sum(server.answers.values()) == 40 + 2 * 6
    assert sum(before.values()) < sum(server.answers.values())


def test_the_key_is_in_no_file_and_no_message(
    server: FaultServer, clock: Clock, tmp_path: Path
) -> None:
    server.faults = {"b": ["malformed"], "c": ["401"]}
    with Client(engine(server, clock), tmp_path / "j") as client:
        client.complete([ask("a"), ask("b")])
        with pytest.raises(InputError, match="wrong key") as caught:
            client.complete([ask("c")])
    assert KEY not in (tmp_path / "j").read_text(encoding="utf-8")
    assert KEY not in str(caught.value)


def test_a_key_is_wanted_for_the_public_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match="'OPENAI_API_KEY' holds no key"):
        OpenAIEngine(Settings(engine="openai", model="m"))
    OpenAIEngine(Settings(engine="openai", model="m", base_url="http://127.0.0.1:9/v1"))


def test_a_tokenizer_counts_prompts_where_one_is_named(
    server: FaultServer, clock: Clock, data: Path
) -> None:
    ranks = data / "tokenizers" / "cl100k_base.tiktoken"
    if not ranks.is_file():
        pytest.skip("no ranks file among the real files")
    from tiktoken.core import Encoding
    from tiktoken.load import load_tiktoken_bpe
    from tiktoken_ext.openai_public import ENDOFTEXT

    text = "The quick brown fox, 敏捷的棕色狐狸。" * 20
    pattern = (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    )
    judge = Encoding("judge", pat_str=pattern, mergeable_ranks=load_tiktoken_bpe(str(ranks)),
                     special_tokens={ENDOFTEXT: 100257})  # fmt: skip
    expected = len(judge.encode(text))
    made = engine(server, clock, tokenizer=str(ranks), context=expected + 64 + 10)
    counted = made.count([ask(text)])
    assert counted is not None
    assert expected <= counted[0] <= expected + 2 * 32 + 2
    out = Client(made).complete([ask(text, max_tokens=5), ask(text, max_tokens=20)])
    assert [item.finish_reason for item in out] == ["stop", "error"]


JOB = """
import sys
from corpusforge.models import Settings
from corpusforge.models.engines import open_client
from tests.models.test_models_openai import ask
settings = Settings(engine="openai", base_url=sys.argv[1], model="tiny", concurrency=4)
with open_client(settings, sys.argv[2]) as client:
    for start in range(0, 60, 20):
        client.complete([ask(str(number)) for number in range(start, start + 20)])
"""


@pytest.mark.parametrize("point", [1, 26, 59])
def test_killed_anywhere_and_run_again_nothing_kept_is_paid_twice(
    server: FaultServer, tmp_path: Path, point: int
) -> None:
    reached = threading.Event()

    class Trap(dict[str, list[str]]):
        """At the given try the server stops answering, and says that it did."""

        def get(self, prompt: str, _: object = None) -> list[str]:
            if server.tries.total() < point:
                return []
            reached.set()
            return ["slow"]

    server.faults = Trap()
    command = [sys.executable, "-c", JOB, server.url, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OPENAI_API_KEY": "k"}) as process:
        assert reached.wait(60)
        process.send_signal(signal.SIGKILL)
    kept = {item.completion.text for item in read_entries(tmp_path / "journal.jsonl")}
    server.release.set()
    server.faults = {}
    subprocess.run(
        command, cwd=ROOT, env={**os.environ, "OPENAI_API_KEY": "k"}, check=True, timeout=60
    )
    answers = [item.completion.text for item in read_entries(tmp_path / "journal.jsonl")]
    assert sorted(answers) == sorted(answer_of(str(number)) for number in range(60))
    assert server.tries.total() <= 60 + 4, "at most what was in flight is asked again"
    for number in range(60):
        if answer_of(str(number)) in kept:
            assert server.tries[str(number)] == 1
