"""The client: each request once, the journal first, and never more than the budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.errors import CorpusforgeError, InputError, RecipeError
from corpusforge.models.budget import MARGIN, Bill, Budget, BudgetSpent, prompt_bound
from corpusforge.models.client import Client
from corpusforge.models.journal import read_entries
from corpusforge.models.progress import Progress
from corpusforge.models.records import Completion, Message, Request, Sampling, Usage


def ask(text: str, purpose: str = "test", tokens: int = 10) -> Request:
    sampling = Sampling(max_tokens=tokens)
    return Request(messages=(Message("user", text),), sampling=sampling, purpose=purpose)


class Fake:
    """Answers backwards; `faults` gives the failures before a text's answer."""

    name = "fake"
    model = "fake-1"
    context = 0

    def __init__(self, faults: dict[str, list[Completion]] | None = None) -> None:
        self.faults = faults or {}
        self.asked: Counter[str] = Counter()
        self.used = Usage(prompt_tokens=3, completion_tokens=2)
        self.doubled = False
        self.silent: set[str] = set()
        self.closed = False

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in reversed(requests):
            text = request.messages[0].content
            self.asked[text] += 1
            if text in self.silent:
                continue
            if self.faults.get(text):
                yield replace(self.faults[text].pop(0), key=request.key)
                continue
            answer = Completion(
                key=request.key, text=f"re: {text}", finish_reason="stop", model=request.model,
                usage=self.used,
            )  # fmt: skip
            yield answer
            if self.doubled:
                yield replace(answer, text="a second reply")

    def close(self) -> None:
        self.closed = True


def failed(prompt: int = 0, answer: int = 0, **values: object) -> Completion:
    wasted = Usage(prompt_tokens=prompt, completion_tokens=answer)
    return Completion(
        key="", text="", finish_reason="error", model="", error="lost", wasted=wasted, **values
    )


def texts(completions: Sequence[Completion]) -> list[str]:
    return [completion.text for completion in completions]


def test_answers_come_in_the_order_of_the_requests_and_equal_ones_are_asked_once() -> None:
    engine = Fake()
    with Client(engine) as client:
        out = client.complete([ask("a"), ask("b", "one"), ask("a"), ask("b", "another")])
        assert texts(out) == ["re: a", "re: b", "re: a", "re: b"]
        client.complete([ask("a")])
    assert engine.asked == {"a": 1, "b": 1}
    assert engine.closed is True


def test_repeats_are_asked_apart() -> None:
    engine = Fake()
    requests = [replace(ask("a"), repeat=number) for number in range(3)]
    assert len({item.key for item in Client(engine).complete(requests)}) == 3
    assert engine.asked == {"a": 3}


def test_the_model_is_filled_in_before_the_key_is_taken() -> None:
    out = Client(Fake()).complete([ask("a"), replace(ask("a"), model="other")])
    assert [item.model for item in out] == ["fake-1", "other"]
    assert out[0].key == replace(ask("a"), model="fake-1").key


def test_a_second_run_asks_nothing_and_counts_the_same(tmp_path: Path) -> None:
    requests = [ask("a"), ask("b", "other"), ask("c")]
    engine = Fake()
    with Client(engine, tmp_path / "j") as client:
        first, table = client.complete(requests), client.usage.table()
        paid = client.usage.spent
    with Client(engine, tmp_path / "j") as client:
        assert client.complete(requests) == first
        assert client.usage.table() == table
        assert client.usage.spent == paid == Bill(3, 9, 6)
        assert client.usage.of("test").replayed == 2
        assert client.usage.of("test").paid == Bill()
    assert engine.asked.total() == 3
    assert table == [
        {"purpose": "other", "answers": 1, "errors": 0, "prompt_tokens": 3, "completion_tokens": 2},
        {"purpose": "test", "answers": 2, "errors": 0, "prompt_tokens": 6, "completion_tokens": 4},
    ]


def test_errors_are_returned_and_asked_again_by_the_next_run(tmp_path: Path) -> None:
    engine = Fake({"a": [failed()]})
    with Client(engine, tmp_path / "j") as client:
        out = client.complete([ask("a"), ask("b")])
        assert [item.finish_reason for item in out] == ["error", "stop"]
        assert out[0].error == "lost"
    assert [item.completion.text for item in read_entries(tmp_path / "j")] == ["re: b"]
    with Client(engine, tmp_path / "j") as client:
        assert texts(client.complete([ask("a"), ask("b")])) == ["re: a", "re: b"]
    assert engine.asked == {"a": 2, "b": 1}


def test_a_try_that_may_have_been_billed_is_journalled_as_a_cost_and_repeated(
    tmp_path: Path,
) -> None:
    engine = Fake({"a": [failed(50, 10), failed(50, 10)], "b": [failed(50, 10)] * 9})
    with Client(engine, tmp_path / "j", retries=2) as client:
        out = client.complete([ask("a"), ask("b")])
        assert [item.finish_reason for item in out] == ["stop", "error"]
        assert client.usage.spent == Bill(6, 5 * 50 + 3, 5 * 10 + 2)
    assert engine.asked == {"a": 3, "b": 3}
    with Client(engine, tmp_path / "j") as client:
        assert client.usage.spent == Bill(6, 253, 52), "a later run knows what was wasted"


def test_an_answer_that_came_but_is_of_no_use_is_not_asked_again_at_once(tmp_path: Path) -> None:
    useless = failed(usage=Usage(prompt_tokens=3, completion_tokens=4))
    engine = Fake({"a": [useless]})
    with Client(engine, tmp_path / "j") as client:
        assert client.complete([ask("a")])[0].finish_reason == "error"
        assert client.usage.spent == Bill(1, 3, 4)
    assert engine.asked == {"a": 1}


def test_a_second_reply_is_ignored_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    engine = Fake()
    engine.doubled, engine.silent = True, {"b"}
    with Client(engine, tmp_path / "j") as client:
        out = client.complete([ask("a"), ask("b")])
    assert [item.finish_reason for item in out] == ["stop", "error"]
    assert out[0].text == "re: a"
    assert out[1].error == "the engine gave no reply"
    assert len(list(read_entries(tmp_path / "j"))) == 1


def test_answers_that_no_file_can_hold_are_replaced_before_anyone_sees_them(tmp_path: Path) -> None:
    engine = Fake()
    with Client(engine, tmp_path / "j") as client:
        fake = Completion(key="", text="a\ud800b😀", finish_reason="stop", model="m")
        engine.faults = {"a": [fake]}
        first = client.complete([ask("a")])
    assert texts(first) == ["a\ufffdb😀"]
    with Client(engine, tmp_path / "j") as client:
        assert client.complete([ask("a")]) == first


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ask("a\udfff"), "surrogate"),
        (Request(), "messages or a prompt"),
        (Request(prompt="a", messages=(Message("user", "b"),)), "messages or a prompt"),
        (ask("a", tokens=0), "make no sense"),
        (replace(ask("a"), sampling=Sampling(temperature=float("nan"))), "make no sense"),
    ],
)
def test_requests_that_make_no_sense_become_rows_and_are_not_sent(
    request_: Request, words: str
) -> None:
    engine = Fake()
    completion = Client(engine).complete([request_])[0]
    assert completion.finish_reason == "error"
    assert words in completion.error
    assert engine.asked.total() == 0


class Counted(Fake):
    """Knows its tokens: one a character."""

    context = 20

    def count(self, requests: Sequence[Request]) -> list[int]:
        return [len(request.messages[0].content) for request in requests]


def test_prompt_and_answer_must_fit_the_context() -> None:
    engine = Counted()
    out = Client(engine).complete([ask("x" * 10), ask("x" * 11)])
    assert [item.finish_reason for item in out] == ["stop", "error"]
    assert "prompt of 11 tokens + max_tokens 10 is more than the context of 20" in out[1].error
    assert engine.asked.total() == 1


def test_a_request_that_cannot_be_paid_is_not_sent(tmp_path: Path) -> None:
    bound = prompt_bound(ask("a")) + 10
    assert bound == 1 + 2 * MARGIN + 10
    engine = Fake()
    with Client(engine, tmp_path / "j", Budget(max_tokens=bound - 1)) as client:
        with pytest.raises(BudgetSpent, match="run the same command again") as caught:
            client.complete([ask("a")])
        assert engine.asked.total() == 0
    assert isinstance(caught.value, CorpusforgeError)
    assert not isinstance(caught.value, InputError)
    assert caught.value.exit_code == 2
    with Client(engine, tmp_path / "j", Budget(max_tokens=bound)) as client:
        client.complete([ask("a")])
    assert engine.asked.total() == 1


def test_what_fits_is_sent_and_kept_before_the_stop(tmp_path: Path) -> None:
    requests = [ask(str(number)) for number in range(10)]
    engine = Fake()
    with (
        Client(engine, tmp_path / "j", Budget(max_requests=4)) as client,
        pytest.raises(BudgetSpent, match=r"4 requests .*--max-requests.*6 requests are not"),
    ):
        client.complete(requests)
    assert engine.asked == {str(number): 1 for number in range(4)}
    with Client(engine, tmp_path / "j", Budget(max_requests=10)) as client:
        assert len(client.complete(requests)) == 10
    assert set(engine.asked.values()) == {1}, "nothing is paid twice"


def test_money_is_counted_at_its_prices(tmp_path: Path) -> None:
    engine = Fake()
    engine.used = Usage(prompt_tokens=60, completion_tokens=10)
    price = Budget(max_cost=0.01, price_in=10, price_out=40)
    with Client(engine, tmp_path / "j", price) as client:
        with pytest.raises(BudgetSpent, match=r"0\.01 of money \(--max-cost\)"):
            client.complete([ask(str(number)) for number in range(50)])
        # 60 tokens at 10 and 10 tokens at 40 for a million are 0.001: the tenth would just fit, but
        # may cost (65 prompt bytes and allowances at 10) + 0.0004
        assert engine.asked.total() == 9
        assert client.budget.cost(client.usage.spent) == pytest.approx(0.009)


@given(
    bills=st.lists(st.tuples(st.integers(0, 75), st.integers(0, 10)), min_size=1, max_size=30),
    lost=st.sets(st.integers(0, 29)),
    limit=st.integers(0, 2000),
    requests=st.integers(0, 40),
)
def test_no_budget_is_overspent_whatever_is_billed(
    bills: list[tuple[int, int]], lost: set[int], limit: int, requests: int
) -> None:
    class Billing(Fake):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = self.sent = 0

        def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
            for request in requests:
                number = int(request.messages[0].content)
                prompt, answer = bills[number]
                prompt = min(prompt, prompt_bound(request))
                self.tokens += prompt + answer
                self.sent += 1
                if number in lost:
                    lost.discard(number)
                    bound = Usage(prompt_tokens=prompt_bound(request), completion_tokens=10)
                    yield replace(failed(), key=request.key, wasted=bound)
                    continue
                usage = Usage(prompt_tokens=prompt, completion_tokens=answer)
                yield Completion(
                    key=request.key, text="x", finish_reason="stop", model="m", usage=usage
                )

    engine = Billing()
    client = Client(engine, budget=Budget(max_tokens=limit, max_requests=requests))
    try:
        done = client.complete([ask(str(number)) for number in range(len(bills))])
        assert len(done) == len(bills)
    except BudgetSpent:
        most = prompt_bound(ask("10")) + 10
        assert client.usage.spent.tokens + most > limit or client.usage.spent.requests == requests
    assert engine.tokens <= limit
    assert engine.sent <= requests


def test_budgets_that_make_no_sense_are_refused() -> None:
    with pytest.raises(RecipeError, match="price_in and price_out"):
        Budget(max_cost=1.0)
    with pytest.raises(RecipeError, match="max_tokens is -1"):
        Budget(max_tokens=-1)
    with pytest.raises(RecipeError, match="price_in is nan"):
        Budget(price_in=float("nan"))
    with pytest.raises(BudgetSpent):
        Client(Fake(), budget=Budget(max_requests=0)).complete([ask("a")])


def test_byte_bounds_hold_for_a_real_byte_level_tokenizer() -> None:
    import tiktoken

    encoding = tiktoken.core.Encoding(
        "bytes", pat_str=r"[\s\S]", mergeable_ranks={bytes([n]): n for n in range(256)},
        special_tokens={},
    )  # fmt: skip
    for text in ("plain", "中文也算", "😀 emoji", ""):
        assert prompt_bound(ask(text)) == len(encoding.encode(text)) + 2 * MARGIN


def test_long_work_says_how_far_it_is_and_short_work_is_silent() -> None:
    now, lines = [0.0], []
    progress = Progress(Budget(), interval=10, clock=lambda: now[0], write=lines.append)

    class Slow(Fake):
        def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
            for completion in super().complete(requests):
                now[0] += 4
                yield completion

    client = Client(Slow(), progress=progress)
    client.complete([ask("a"), ask("b")])
    assert lines == []
    client.complete([ask(f"more {number}") for number in range(5)])
    assert [line.split(",")[0] for line in lines] == ["3 of 5 answers", "5 of 5 answers"]
    assert "0.25/s" in lines[0]
    assert "about 8 s left" in lines[0]


def test_the_first_of_a_wave_says_nothing_about_the_time_left() -> None:
    now, lines = [0.0], []
    progress = Progress(Budget(), interval=10, clock=lambda: now[0], write=lines.append)

    class Wave(Fake):
        together = 4

        def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
            for number, completion in enumerate(super().complete(requests)):
                now[0] += 0 if number % 4 else 100  # four come back together, after 100 s
                yield completion

    Client(Wave(), progress=progress).complete([ask(f"more {number}") for number in range(8)])
    first, second = lines[0], lines[1]
    assert "100 s; time left not known before 4 are back" in first
    assert ", 0 tokens/s" not in first
    assert second.startswith("5 of 8") and "about 120 s left" in second
