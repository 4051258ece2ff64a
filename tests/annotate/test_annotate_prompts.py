"""Prompts read, redacted, collapsed, capped and divided."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from corpusforge.annotate.pool import QUOTAS, check_pools, collapse, divide, first_words
from corpusforge.annotate.prompts import collect, prompt_id, prompt_text, pseudonym, row_messages
from corpusforge.annotate.records import Prompt
from corpusforge.annotate.settings import PoolSettings
from corpusforge.annotate.usecases import INSTRUCTGPT_SHARES, use_case
from corpusforge.errors import InputError, InternalError, RecipeError
from corpusforge.models.records import Message
from corpusforge.text.words import words

RULES = ("pii.v1", "secrets.v1")
SALT = "0123456789abcdef"


def rows_file(path: Path, rows: list[Any]) -> str:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return str(path)


def prompt(text: str, origin: str = "user", user: str = "", **more: Any) -> Prompt:
    messages = (Message("user", text),)
    return Prompt(id=prompt_id(messages), messages=messages, origin=origin, user=user, **more)


def many(count: int, origin: str = "user", users: int = 10) -> list[Prompt]:
    """Prompts that share no three words: each is made of its own numbers."""
    return [
        prompt(f"{origin}{n}a {origin}{n}b {origin}{n}c {origin}{n}d", origin, f"u_{n % users}")
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": " Hi "}, [("user", "Hi")]),
        ({"text": "你好"}, [("user", "你好")]),
        ({"instruction": "Add", "input": "1 2", "output": "3"}, [("user", "Add\n\n1 2")]),
        ({"instruction": "Add", "input": ""}, [("user", "Add")]),
        ({"system": "Be brief", "instruction": "Go"}, [("system", "Be brief"), ("user", "Go")]),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            [("user", "a")],
        ),
        (
            {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"},
                               {"from": "human", "value": "c"}]},
            [("user", "a"), ("assistant", "b"), ("user", "c")],
        ),
        ({"turns": [["user", "a"], ["assistant", "b"], ["user", "c"], ["assistant", "d"]],
          "instruction": "a"}, [("user", "a"), ("assistant", "b"), ("user", "c")]),
        ({"prompt": ""}, []),
        ({"prompt": 7}, []),
        ({"messages": [{"role": "wizard", "content": "a"}]}, []),
        ({"messages": [{"role": "assistant", "content": "a"}]}, []),
        ({}, []),
    ],
)  # fmt: skip
def test_the_shapes_of_rows(row: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert [(m.role, m.content) for m in row_messages(row)] == expected


def test_every_row_is_a_prompt_or_dropped_with_its_line(tmp_path: Path) -> None:
    path = rows_file(
        tmp_path / "in.jsonl", [{"prompt": "one"}, "not json", {"prompt": ""}, [1], {"text": "二"}]
    )
    found = collect([("user", path)], SALT, RULES)
    assert found.seen == 5
    assert [prompt_text(p) for p in found.prompts] == ["one", "二"]
    assert [(d.locator, d.rule) for d in found.dropped] == [
        ("in.jsonl:2", "not_json"), ("in.jsonl:3", "no_prompt"), ("in.jsonl:4", "no_prompt"),
    ]  # fmt: skip


def test_personal_data_never_reaches_a_prompt(tmp_path: Path) -> None:
    row = {"prompt": "Mail me at jane.doe@example.org please", "user": "jane.doe@example.org"}
    found = collect([("user", rows_file(tmp_path / "a.jsonl", [row]))], SALT, RULES)
    (only,) = found.prompts
    assert "jane" not in repr(only)
    assert found.redacted == {"<EMAIL>": 1}
    assert only.user == pseudonym("u", "jane.doe@example.org", SALT)
    assert only.user != pseudonym("u", "jane.doe@example.org", SALT + "x")


def test_logs_need_consent(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a", "consent": True}, {"prompt": "b", "consent": "同意"},
        {"prompt": "c", "consent": "no"}, {"prompt": "d"}, {"prompt": "e", "consent": False},
    ]  # fmt: skip
    found = collect([], SALT, RULES, logs=[rows_file(tmp_path / "log.jsonl", rows)])
    assert [prompt_text(p) for p in found.prompts] == ["a", "b"]
    assert [d.rule for d in found.dropped] == ["no_consent"] * 3
    assert {p.origin for p in found.prompts} == {"user"}


def test_a_rows_own_labels_win(tmp_path: Path) -> None:
    row = {"prompt": "Write a poem", "origin": "labeler", "language": "xx", "use_case": "poetry"}
    (only,) = collect([("user", rows_file(tmp_path / "a.jsonl", [row]))], SALT, RULES).prompts
    assert (only.origin, only.language, only.use_case) == ("labeler", "xx", "poetry")


def test_languages_are_named(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Please explain to me how the tides of the sea come about and why they differ."},
        {"prompt": "请给我解释一下海洋潮汐是怎样形成的，为什么各地不同。"},
        {"prompt": "你好"},
    ]
    found = collect([("user", rows_file(tmp_path / "a.jsonl", rows))], SALT, RULES)
    assert [p.language for p in found.prompts] == ["en", "zh", "zh"]


def test_an_unknown_origin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="labeler"):
        collect([("labeller", rows_file(tmp_path / "a.jsonl", [{"prompt": "x"}]))], SALT, RULES)


def test_broken_surrogates_do_not_stop_an_import(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"prompt": "half \\ud83d pair"}\n{"prompt": "nul \\u0000 inside"}\n\xff\xfe\n'
    )
    found = collect([("user", str(path))], SALT, RULES)
    assert found.seen == 3
    for item in found.prompts:
        prompt_text(item).encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Summarize the text below in one line.", "summarization"),
        ("请总结下面这段话。", "summarization"),
        ("Translate into French: good morning", "rewrite"),
        ("把这句话翻译成英文", "rewrite"),
        ("Write a story about a lighthouse.", "generation"),
        ("写一首关于秋天的诗", "generation"),
        ("Give me ideas for a birthday party", "brainstorming"),
        ("Why is the sky blue?", "open_qa"),
        ("天空为什么是蓝的", "open_qa"),
        ("Classify the sentiment of this tweet", "classification"),
        ("Extract all dates from the email.", "extract"),
        ("qwzx", "other"),
    ],
)
def test_use_cases(text: str, expected: str) -> None:
    assert use_case(prompt(text)) == expected


def test_the_published_shares_add_up() -> None:
    assert sum(INSTRUCTGPT_SHARES.values()) == pytest.approx(0.999)  # table 1, as printed


def test_near_copies_and_prefixes_collapse_to_the_labelers() -> None:
    text = "Write a short story about a lighthouse keeper who finds a letter in a bottle one day"
    template = " ".join(f"template{n}" for n in range(45))
    prompts = [
        prompt(text, "user", "u_1"),
        prompt(text + " please", "labeler"),
        prompt(f"{template} apples are red and sweet and grow on trees in the orchard of my uncle "
               "near the old mill by the river where we used to swim in summer " * 2, "user", "u_2"),
        prompt(f"{template} 完全不同的内容 " + " ".join(f"other{n}" for n in range(60)), "user", "u_3"),
        prompt("Something else entirely", "user", "u_4"),
    ]  # fmt: skip
    kept, dropped = collapse(prompts, PoolSettings(), 0)
    assert Counter(d.rule for d in dropped) == {"near_duplicate": 1, "common_prefix": 1}
    (near,) = [d for d in dropped if d.rule == "near_duplicate"]
    assert (near.prompt, near.nearest) == (prompts[0], prompts[1].id)
    assert len(kept) == 3
    again, more = collapse(list(reversed(prompts)), PoolSettings(), 0)
    assert (again, {d.locator for d in more}) == (kept, {d.locator for d in dropped})


def test_chinese_copies_collapse() -> None:
    text = "请写一篇关于灯塔守护人在海边捡到漂流瓶的短篇小说，要求情节完整，语言优美，不少于八百字"
    kept, dropped = collapse([prompt(text), prompt(text + "。谢谢")], PoolSettings(), 0)
    assert (len(kept), [d.rule for d in dropped]) == (1, ["near_duplicate"])


@pytest.mark.parametrize(
    "text",
    [
        "It's A_b 3.14 (x-y)\tand\nMore",
        "",
        "  ...  ",
        "~tilde^caret`tick",
        "灯塔 and café",
        "a" * 99,
    ],
)
def test_first_words_have_the_one_meaning_of_word(text: str) -> None:
    for count in (1, 3, 50):
        assert first_words(text, count) == words(text)[:count] or len(text) > 24 * count


def test_users_are_capped_and_labelers_are_not() -> None:
    prompts = many(250, users=1) + many(250, "labeler", users=1)
    kept, dropped = collapse(prompts, PoolSettings(), 0)
    assert Counter(p.origin for p in kept) == {"user": 200, "labeler": 250}
    assert {(d.rule, d.value, d.bound) for d in dropped} == {("user_cap", "250", "200")}
    assert len(dropped) == 50


def test_the_preset_is_the_papers_table() -> None:
    counts = {(q.pool, q.split, q.origin): q.count for q in QUOTAS["instructgpt"]}
    train = Counter[str]()
    for (pool, split, _), count in counts.items():
        if split == "train":
            train[pool] += count
    assert train == {"sft": 12_725, "rm": 33_207, "ppo": 31_144}
    assert counts["ppo", "train", "user"] + counts["ppo", "valid", "user"] == 47_329


def test_quotas_scale_down_and_ppo_meets_nobody() -> None:
    prompts = many(900, users=300) + many(260, "labeler")
    settings = PoolSettings(quotas="instructgpt", scale=0.01, user_cap=0)
    pools = divide(prompts, settings, 3)
    assert pools.asked["sft", "train", "labeler"] == 113  # 112.95
    assert pools.asked["ppo", "train", "user"] == 311
    ids = {name: {p.id for p in members} for name, members in pools.prompts.items()}
    assert ids["ppo"] & (ids["sft"] | ids["rm"]) == set()
    assert {p.origin for p in pools.prompts["ppo"]} == {"user"}
    for cell, count in pools.got.items():
        assert count <= pools.asked[cell]
    sides = {
        (p.user, p.split)
        for members in pools.prompts.values()
        for p in members
        if p.origin == "user"
    }
    assert len(sides) == len({user for user, _ in sides})


def test_the_largest_scale_that_fits_is_found() -> None:
    pools = divide(
        many(900, users=900) + many(260, "labeler"), PoolSettings(quotas="instructgpt"), 3
    )
    assert 0 < pools.scale < 0.02
    for cell, asked in pools.asked.items():
        assert pools.got.get(cell, 0) >= asked - 3  # rounding of three quotas in one cell
    assert pools.reused <= 2


def test_rm_reuses_sft_prompts_only_where_it_must() -> None:
    labelers = many(200, "labeler")
    pools = divide(labelers, PoolSettings(quotas="instructgpt", scale=0.01), 0)
    # train cell: 113 for SFT, 66 asked for RM; what is not there twice is reused, never invented.
    members = Counter(p.split for p in labelers)
    assert members
    assert pools.reused == len(
        {p.id for p in pools.prompts["rm"]} & {p.id for p in pools.prompts["sft"]}
    )
    assert pools.got["sft", "train", "labeler"] == 113
    assert pools.got["rm", "train", "labeler"] == 66
    assert pools.reused > 0
    assert pools.prompts["ppo"] == ()


def test_without_quotas_everything_is_used() -> None:
    pools = divide(many(100, users=100) + many(50, "labeler"), PoolSettings(), 0)
    assert pools.unused == 0
    assert {p.id for p in pools.prompts["sft"]} == {p.id for p in pools.prompts["rm"]}
    assert 40 <= len(pools.prompts["ppo"]) <= 50


def test_the_checks_bite() -> None:
    one, two = (
        prompt("alpha beta gamma delta epsilon"),
        prompt("alpha beta gamma delta epsilon zeta"),
    )
    with pytest.raises(InternalError, match="ppo meets"):
        check_pools({"sft": (one,), "rm": (), "ppo": (one,)}, 0.7)
    with pytest.raises(InternalError, match="nearly"):
        check_pools({"sft": (one,), "rm": (), "ppo": (two,)}, 0.7)
    with pytest.raises(InternalError, match="from users"):
        check_pools({"ppo": (prompt("a b c", "labeler"),)}, 0.7)
    torn = (prompt("a b c", user="u_1", split="train"), prompt("d e f", user="u_1", split="valid"))
    with pytest.raises(InternalError, match="both sides"):
        check_pools({"rm": torn}, 0.7)


def test_settings_are_checked() -> None:
    with pytest.raises(RecipeError, match="instructgpt"):
        PoolSettings(quotas="instructgtp")
    with pytest.raises(RecipeError, match=r"pool\.valid_ratio"):
        PoolSettings(valid_ratio=1.0)


def test_real_prompts_all_accounted_for(data: Path) -> None:
    path = data / "preference" / "tulu-eval-instances.jsonl.gz"
    found = collect([("user", str(path))], SALT, RULES)
    kept, dropped = collapse(found.prompts, PoolSettings(), 0)
    assert found.seen == 996
    assert len(kept) + len(dropped) + len(found.dropped) == 996
    assert len({prompt_text(p) for p in kept}) == len(kept)
