"""K answers to a prompt: asked, asked again, given, told apart."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpusforge import hashing
from corpusforge.annotate.candidates import Item, Shortfall, Source, ask, parse_source, wanted
from corpusforge.annotate.existing_answers import GivenAnswers, row_answers
from corpusforge.annotate.gold import read_known
from corpusforge.annotate.near_copies import NGRAM, distinct
from corpusforge.annotate.prompts import collect, prompt_id
from corpusforge.annotate.records import Prompt
from corpusforge.annotate.settings import CandidateSettings
from corpusforge.errors import InputError, RecipeError
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Message, Request, Sampling
from corpusforge.text.words import words

WARM = Source(sampling=Sampling(temperature=1.0))


class Scripted:
    """An engine whose answers a function writes; it counts what it was asked."""

    name, model, context = "scripted", "script-1", 0

    def __init__(self, answer: Callable[[Request], str | None]) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in requests:
            self.asked.append(request)
            text = self.answer(request)
            yield Completion(
                key=request.key, text=text or "", model=request.model,
                finish_reason="error" if text is None else "stop",
                error="server gone" if text is None else "",
            )  # fmt: skip


def prompts(count: int) -> list[Prompt]:
    made = []
    for number in range(count):
        messages = (Message("user", f"question {number}"),)
        made.append(Prompt(id=prompt_id(messages), messages=messages, origin="user"))
    return made


def different(request: Request) -> str:
    warm = request.sampling.temperature
    asked = request.messages[-1].content
    return f"answer {request.repeat} of {request.model} at {warm} to {asked} 第{request.repeat}个"


def twin(groups: Sequence[Sequence[str]], threshold: float) -> list[list[bool]]:
    """The slow, obvious meaning of `distinct`."""

    def grams(text: str) -> set[tuple[str, ...]]:
        found = words(text)
        return {tuple(found[n : n + NGRAM]) for n in range(len(found) - NGRAM + 1)}

    def same(left: str, right: str) -> bool:
        def visible(text: str) -> str:
            return " ".join(text.lower().split())

        a, b = grams(left), grams(right)
        near = min(len(a), len(b)) > 1 and len(a & b) / len(a | b) >= threshold
        return near or visible(left) == visible(right)

    result = []
    for group in groups:
        kept: list[str] = []
        flags = []
        for text in group:
            good = bool(text.strip()) and not any(same(text, other) for other in kept)
            flags.append(good)
            if good:
                kept.append(text)
        result.append(flags)
    return result


def test_distinct_by_hand() -> None:
    groups = [
        ["The sky is blue today", "the sky  is blue today", "The sky is red today", "", "  "],
        ["7.", "8.", "7."],
        ["😀", "😢", "x = 1", "x = -1"],
        ["天空是蓝色的", "天空是蓝色的", "天空是红色的"],
        [],
    ]
    assert distinct(groups, 0.9) == [
        [True, False, True, False, False], [True, True, False], [True] * 4,
        [True, False, True], [],
    ]  # fmt: skip


def test_distinct_equals_its_slow_twin() -> None:
    stock = [
        "alpha beta gamma delta epsilon zeta",
        "今天天气很好我们去公园",
        "ναι όχι ίσως",
        "x",
        "🙂 ok",
        "",
    ]
    keys = hashing.id_keys(str(n) for n in range(4000))
    values = hashing.uniform(keys, 1, "twin")
    groups, place = [], 0
    for size in range(2, 10):
        for _ in range(40):
            texts = []
            for _ in range(size):
                base = stock[int(values[place % 4000] * len(stock))]
                more = " tail" * int(values[(place + 1) % 4000] * 4)
                cut = int(values[(place + 2) % 4000] * 5)
                texts.append(base[cut:] + more)
                place += 3
            groups.append(texts)
    for threshold in (0.5, 0.9, 1.0):
        assert distinct(groups, threshold) == twin(groups, threshold)


def test_k_answers_with_opaque_ids_and_lineage() -> None:
    engine = Scripted(different)
    pool = prompts(70)
    found = list(ask(Client(engine), pool, [WARM], CandidateSettings(k=4), 0))
    assert all(isinstance(item, Item) for item in found)
    assert [item.prompt for item in found if isinstance(item, Item)] == pool
    for item in found:
        assert isinstance(item, Item)
        assert len({c.id for c in item.candidates}) == 4
        for candidate in item.candidates:
            assert re.fullmatch(r"c_[0-9a-f]{12}", candidate.id)
            assert candidate.model == "script-1"
            assert json.loads(candidate.params)["temperature"] == 1.0
            assert re.fullmatch(r"[0-9a-f]{32}", candidate.request)
    assert len(engine.asked) == 280


def test_the_result_does_not_depend_on_how_prompts_arrive() -> None:
    pool = prompts(10)
    one = list(ask(Client(Scripted(different)), pool, [WARM], CandidateSettings(k=3), 0))
    two = list(ask(Client(Scripted(different)), pool[::-1], [WARM], CandidateSettings(k=3), 0))
    assert one == two[::-1]


def test_sources_take_turns() -> None:
    sources = [Source(model=name, sampling=Sampling(temperature=0.7)) for name in ("a", "b", "c")]
    items = list(ask(Client(Scripted(different)), prompts(60), sources, CandidateSettings(k=4), 0))
    often: Counter[str] = Counter()
    for item in items:
        assert isinstance(item, Item)
        models = Counter(c.model for c in item.candidates)
        assert sorted(models.values()) == [1, 1, 2]
        often.update(models)
    assert min(often.values()) > 60  # 80 each on average: the place to begin is drawn


def test_copies_are_asked_again_and_then_flagged() -> None:
    engine = Scripted(lambda r: "the same words every time" if r.repeat < 5 else different(r))
    (found,) = ask(Client(engine), prompts(1), [WARM], CandidateSettings(k=2, retries=6), 0)
    assert isinstance(found, Item)
    assert len(found.candidates) == 2
    engine = Scripted(lambda r: ["one two three four", "five six seven eight"][r.repeat % 2])
    short, kept = ask(Client(engine), prompts(1), [WARM], CandidateSettings(k=4, retries=2), 0)
    assert isinstance(short, Shortfall)
    assert (short.wanted, short.got, short.kept, short.alike) == (4, 2, True, 6)
    assert isinstance(kept, Item)
    assert len(engine.asked) == 4 + 2 + 2


def test_one_answer_is_no_task() -> None:
    engine = Scripted(lambda r: "always this")
    (short,) = ask(Client(engine), prompts(1), [WARM], CandidateSettings(k=4, retries=1), 0)
    assert isinstance(short, Shortfall)
    assert (short.got, short.kept) == (1, False)


def test_failures_and_empty_answers_are_counted() -> None:
    def answer(request: Request) -> str | None:
        return {0: None, 1: "   "}.get(request.repeat, different(request))

    found = list(
        ask(Client(Scripted(answer), retries=0), prompts(1), [WARM], CandidateSettings(k=3), 0)
    )
    short = found[0]
    assert isinstance(short, Shortfall)
    assert (short.got, short.kept, short.empty, short.failed) == (2, True, 1, 4)
    assert "server gone" in short.error


def test_greedy_sources_alone_are_refused_before_anything_is_paid() -> None:
    engine = Scripted(different)
    cold = Source(sampling=Sampling(temperature=0))
    with pytest.raises(InputError, match="greedy"):
        list(ask(Client(engine), prompts(1), [cold], CandidateSettings(k=2), 0))
    assert engine.asked == []
    (found,) = ask(Client(engine), prompts(1), [cold, WARM], CandidateSettings(k=4), 0)
    assert isinstance(found, Item)
    assert Counter(r.sampling.temperature for r in engine.asked) == {0: 1, 1.0: 3}


def test_variable_k_is_drawn_evenly() -> None:
    settings = CandidateSettings(k=4, k_high=9)
    drawn = Counter(wanted(f"p_{n}", settings, 0) for n in range(6000))
    assert sorted(drawn) == [4, 5, 6, 7, 8, 9]
    # Binomial(6000, 1/6): mean 1000, standard deviation 28.9; five of them.
    assert all(abs(count - 1000) < 145 for count in drawn.values())


def test_a_killed_run_pays_nothing_twice(tmp_path: Path) -> None:
    pool, journal = prompts(5), tmp_path / "journal.jsonl"
    with Client(Scripted(different), journal) as client:
        first = list(ask(client, pool, [WARM], CandidateSettings(k=3), 0))
    engine = Scripted(different)
    with Client(engine, journal) as client:
        assert list(ask(client, pool, [WARM], CandidateSettings(k=3), 0)) == first
    assert engine.asked == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Source(sampling=Sampling(temperature=0.7, top_p=0.9, max_tokens=512))),
        (
            "model=big,temperature=0.5,top_k=40",
            Source(
                model="big", sampling=Sampling(temperature=0.5, top_p=0.9, max_tokens=512, top_k=40)
            ),
        ),
    ],
)
def test_sources_are_parsed(text: str, expected: Source) -> None:
    assert parse_source(text, CandidateSettings()) == expected


@pytest.mark.parametrize("text", ["big", "temperature=hot", "warmth=1"])
def test_wrong_sources_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--source"):
        parse_source(text, CandidateSettings())


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"responses": ["a", "b"]}, [("a", "m"), ("b", "m")]),
        ({"answers": [{"text": "a", "model": "x"}, {"content": "b"}, 7]}, [("a", "x"), ("b", "m")]),
        ({"completions": [{"model": "x", "completion": "a"}]}, [("a", "x")]),
        ({"output": "a", "model": "y"}, [("a", "y")]),
        ({"response": "a", "generator": "z"}, [("a", "z")]),
        ({"choices": [{"index": 0, "turns": ["a", "later"]}], "model_id": "v"}, [("a", "v")]),
        ({"choices": [{"text": "a"}], "model": "v"}, [("a", "v")]),
        ({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
         [("a", "m")]),
        ({"messages": [{"role": "user", "content": "q"}]}, []),
        ({"custom_id": "1", "response": None, "error": {"message": "expired"}}, []),
        ({"custom_id": "1", "response": {"status_code": 400, "body": {"error": {}}}}, []),
        ({"text": "the prompt"}, []),
        ({}, []),
    ],
)  # fmt: skip
def test_the_shapes_of_given_answers(row: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert [(text, model) for text, model, _, _ in row_answers(row, "m")] == expected


def test_given_answers_are_joined_drawn_and_redacted(tmp_path: Path) -> None:
    pool = prompts(2)
    rows = [
        {"prompt": "question 0", "model": "a", "response": "one two three four"},
        {"prompt": "question 0", "model": "b", "response": "write to joe@example.org about it"},
        {"prompt": "question 0", "model": "b", "response": "one two three  four"},
        {"prompt_id": "row-1", "answers": ["x y z w", "甲乙丙丁", ""]},
        {"prompt": "never seen", "response": "x"},
        {"prompt": "question 0"},
    ]
    path = tmp_path / "some.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    aliases = {p.id: p.id for p in pool} | {"row-1": pool[1].id}
    with GivenAnswers([str(path)], aliases, ("pii.v1",)) as given:
        assert dict(given.counts) == {
            "rows": 6, "answers": 6, "unknown_prompt": 1, "without_answer": 1,
        }  # fmt: skip
        found = list(given.items(pool, CandidateSettings(k=2), 0))
    assert all(isinstance(item, Item) for item in found)
    first, second = found
    assert isinstance(first, Item)
    assert {c.model for c in first.candidates} == {"a", "b"}
    assert "joe" not in repr(first)
    assert isinstance(second, Item)
    assert {c.text for c in second.candidates} == {"x y z w", "甲乙丙丁"}
    assert {c.model for c in second.candidates} == {"some"}


def test_a_batch_of_requests_and_its_results_are_joined_by_their_ids(tmp_path: Path) -> None:
    """The result is written by OpenAI's own types."""
    types = pytest.importorskip("openai.types.chat")
    asked, results = tmp_path / "requests.jsonl", tmp_path / "results.jsonl"
    turns = [{"role": "user", "content": "Name a river."}]
    asked.write_text(
        json.dumps({"custom_id": "r-1", "url": "/v1/chat/completions", "body": {"messages": turns}})
    )
    body = types.ChatCompletion.model_validate({
        "id": "x", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [
            {"index": n, "finish_reason": reason, "logprobs": None,
             "message": {"role": "assistant", "content": text, "refusal": None}}
            for n, (text, reason) in enumerate([("The Nile.", "stop"), ("The Ama", "length")])],
    }).model_dump(mode="json")  # fmt: skip
    results.write_text(
        json.dumps({"custom_id": "r-1", "response": {"status_code": 200, "body": body}})
    )
    found = collect([("user", str(asked))], "", ())
    (prompt,) = found.prompts
    with GivenAnswers([str(results)], found.aliases, ()) as given:
        answers = [(one.text, one.model, one.finish_reason) for one in given.of(prompt.id)]
    assert answers == [("The Nile.", "m-1", "stop"), ("The Ama", "m-1", "length")]


def test_an_id_is_not_taken_for_another_fields(tmp_path: Path) -> None:
    """Each of the two prompts has as its `question_id` the other one's `id`."""
    rows = [{"prompt": "Name a river.", "id": 1, "question_id": 2},
            {"prompt": "Name a lake.", "id": 2, "question_id": 1}]  # fmt: skip
    asked, given = tmp_path / "asked.jsonl", tmp_path / "given.jsonl"
    asked.write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = [{"id": 1, "answer": "the Nile"}, {"question_id": 2, "answer": "the Rhine"},
               {"custom_id": 9, "answer": "nobody's"}]  # fmt: skip
    given.write_text("".join(json.dumps(row) + "\n" for row in answers))
    found = collect([("user", str(asked))], "", ())
    with GivenAnswers([str(given)], found.aliases, ()) as known:
        river, lake = ({one.text for one in known.of(prompt.id)} for prompt in found.prompts)
        assert known.counts["unknown_prompt"] == 1
    assert (river, lake) == ({"the Nile", "the Rhine"}, set())


def test_answers_of_mt_bench_are_joined_by_question(data: Path, tmp_path: Path) -> None:
    questions = data / "preference" / "mt-bench-question.jsonl"
    found = collect([("user", str(questions))], "", ())
    answers = tmp_path / "vicuna.jsonl"
    answers.write_text("".join(
        json.dumps({"question_id": json.loads(line)["question_id"], "answer_id": "x", "model_id": "vicuna",
                    "choices": [{"index": 0, "turns": ["first", "second"]}], "tstamp": 1.0}) + "\n"
        for line in questions.read_text().splitlines()
    ))  # fmt: skip
    with GivenAnswers([str(answers)], found.aliases, ()) as given:
        assert dict(given.counts) == {"rows": 80, "answers": 80}
        texts = {one.text for prompt in found.prompts for one in given.of(prompt.id)}
    assert len(found.prompts) == 80 and texts == {"first"}


def test_given_answers_are_filled_up_by_asking(tmp_path: Path) -> None:
    (only,) = pool = prompts(1)
    path = tmp_path / "human.jsonl"
    path.write_text(json.dumps({"prompt": "question 0", "answers": ["by a person"]}))
    engine = Scripted(different)
    with GivenAnswers([str(path)], {only.id: only.id}, ()) as given:
        (found,) = ask(Client(engine), pool, [WARM], CandidateSettings(k=3), 0, given.of)
    assert isinstance(found, Item)
    assert [c.model for c in found.candidates] == ["human", "script-1", "script-1"]
    assert len(engine.asked) == 2


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({}, [[0], [1], [2]]),
        ({"tiers": [[2], [0, 1]]}, [[2], [0, 1]]),
        ({"ranks": [2, 1, 2]}, [[1], [0, 2]]),
    ],
)
def test_known_items(tmp_path: Path, extra: dict[str, Any], expected: list[list[int]]) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(json.dumps({"prompt": "q", "answers": ["a", "b", "c"], **extra}))
    (item,) = read_known([str(path)], "0" * 16, ())
    ids = [c.id for c in item.candidates]
    assert item.tiers == tuple(tuple(ids[n] for n in tier) for tier in expected)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "q", "answers": ["a"]}, {"answers": ["a", "b"]},
        {"prompt": "q", "answers": ["a", "b"], "tiers": [[0], [2]]},
        {"prompt": "q", "answers": ["a", "b"], "tiers": [[0], [0]]},
        {"prompt": "q", "answers": ["a", "b"], "ranks": [1]},
    ],
)  # fmt: skip
def test_wrong_known_items_are_refused(tmp_path: Path, row: dict[str, Any]) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(InputError, match=r"gold\.jsonl"):
        read_known([str(path)], "0" * 16, ())


def test_settings_bound_k() -> None:
    for k in (1, 10):
        with pytest.raises(RecipeError, match="2 to 9"):
            CandidateSettings(k=k)
    with pytest.raises(RecipeError, match="k_high"):
        CandidateSettings(k=4, k_high=3)


def test_real_models_answers_are_joined(data: Path, tmp_path: Path) -> None:
    import gzip

    folder = data / "preference" / "self-instruct-predictions"
    paths = sorted(str(path) for path in folder.glob("*.jsonl.gz"))
    with gzip.open(paths[0], "rt", encoding="utf-8") as stream:
        texts = [json.loads(line)["prompt"] for line in stream]
    pool = []
    for text in texts:
        messages = (Message("user", text.strip()),)
        pool.append(Prompt(id=prompt_id(messages), messages=messages, origin="user"))
    with GivenAnswers(paths, {p.id: p.id for p in pool}, ()) as given:
        assert given.counts["rows"] == 6 * 252
        assert given.counts["unknown_prompt"] == 0
        sizes = np.array([len(given.of(p.id)) for p in pool])
    assert sizes.max() <= 12  # a few of the 252 prompts stand twice
