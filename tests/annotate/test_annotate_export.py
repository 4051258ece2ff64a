"""Training files: every format loads in `datasets`, pair counts are C(K, 2) minus ties."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from math import comb
from pathlib import Path

import msgspec
import numpy as np
import pytest
from annotate_rankings import make_job, random_job

from corpusforge.annotate.aggregate import consensus
from corpusforge.annotate.export import ALL, FORMATS, write
from corpusforge.annotate.export import rows as declared
from corpusforge.annotate.imports.public import import_source
from corpusforge.annotate.pairs import pair_counts, pairs
from corpusforge.annotate.pairwise import duels
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Task
from corpusforge.annotate.results import write_results
from corpusforge.annotate.split import assign, groups
from corpusforge.annotate.votes import votes_of
from corpusforge.decontaminate import EvalIndex, EvalItem
from corpusforge.errors import InputError
from corpusforge.models.records import Message


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def load(directory: Path, name: str, cache: Path):
    """The format as `datasets` reads it."""
    import datasets

    datasets.disable_progress_bars()
    if name == "kway_parquet":
        return datasets.load_dataset(str(directory / name), cache_dir=str(cache))
    return datasets.load_dataset(str(directory), name, cache_dir=str(cache))


def test_scores_become_the_pairs_of_the_paper_example() -> None:
    """Scores 5, 1, 2 of three answers: (1st > 2nd), (1st > 3rd), (3rd > 2nd)."""
    votes = votes_of(*make_job([("p_1", "r_1", [["a"], ["c"], ["b"]])], sizes={"p_1": 3}))
    made = list(pairs(votes.book, consensus(votes), duels(votes)))
    found = [(row.chosen[-1], row.rejected[-1], row.margin) for row in made]
    assert found == [("a", "c", 1), ("a", "b", 2), ("c", "b", 1)]
    assert {row.weight for row in made} == {1 / 3}
    assert {row.group_id for row in made} == {"p_1"}


@pytest.mark.parametrize(("size", "expected"), [(2, 1), (4, 6), (9, 36)])
def test_a_strict_order_gives_all_pairs(size: int, expected: int) -> None:
    tiers = [[x] for x in "abcdefghi"[:size]]
    votes = votes_of(*make_job([("p_1", "r_1", tiers)], sizes={"p_1": size}))
    assert len(list(pairs(votes.book, consensus(votes), duels(votes)))) == expected


def test_pairs_are_all_but_ties_and_say_who_agreed() -> None:
    job = make_job(
        [
            ("p_1", "r_1", [["a"], ["b", "c"], ["d"]]),
            ("p_1", "r_2", [["a"], ["b", "c"], ["d"]]),
            ("p_1", "r_3", [["d"], ["b", "c"], ["a"]]),
        ]
    )
    votes = votes_of(*job)
    found = consensus(votes)
    made = list(pairs(votes.book, found, duels(votes)))
    assert pair_counts(votes.book, found) == (5, 1)
    assert len(made) == 5
    assert [row.agreement for row in made] == pytest.approx([2 / 3] * 5)
    assert {row.n_annotators for row in made} == {3}
    assert sum(row.weight for row in made) == pytest.approx(1)


def test_users_and_equal_prompts_stay_on_one_side() -> None:
    prompts = [
        Prompt(
            id=f"p_{n:03x}",
            messages=(Message("user", f"Question  {n % 60}"),),
            origin="user",
            user=f"u_{n % 37}" if n % 5 else "",
        )
        for n in range(300)
    ]
    side = assign(prompts, validation=0.2, test=0.1, seed=1)
    member = groups(prompts)
    for key in (lambda p: p.user or p.id, lambda p: p.messages[0].content, lambda p: member[p.id]):
        seen: dict[str, set[str]] = {}
        for prompt in prompts:
            seen.setdefault(key(prompt), set()).add(side[prompt.id])
        assert all(len(sides) == 1 for sides in seen.values())
    assert side == assign(prompts[::-1], validation=0.2, test=0.1, seed=1)


def test_split_shares_are_about_what_was_asked() -> None:
    prompts = [
        Prompt(id=f"p_{n:04x}", messages=(Message("user", f"q {n}"),), origin="user", user=f"u_{n}")
        for n in range(4000)
    ]
    side = list(assign(prompts, validation=0.2, test=0.1).values())
    assert abs(side.count("validation") - 800) < 4 * np.sqrt(4000 * 0.2 * 0.8)
    assert abs(side.count("test") - 400) < 4 * np.sqrt(4000 * 0.1 * 0.9)


def test_a_pool_that_parts_a_user_is_refused() -> None:
    two = [
        Prompt(id=name, messages=(Message("user", name),), origin="user", user="u_1", split=split)
        for name, split in (("p_1", "train"), ("p_2", "validation"))
    ]
    with pytest.raises(InputError, match="same user"):
        assign(two)
    with pytest.raises(InputError, match="below 1"):
        assign(two, validation=0.6, test=0.4)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    directory = tmp_path_factory.mktemp("training")
    tasks, rankings = random_job(30, 3, 5, 21)
    texts = ["写一首关于秋天的诗。", "a\u2028b", "<script>"]
    for n, (name, task) in enumerate(tasks.items()):
        answers = tuple(
            Candidate(id=c.id, text=f"{texts[n % 3]} {c.text}", model=c.model)
            for c in task.candidates
        )
        tasks[name] = Task(
            **{f: getattr(task, f) for f in task.__slots__} | {"candidates": answers}
        )
    summary = write(tasks, rankings, str(directory), formats=ALL, validation=0.3, seed=3)
    return directory, summary


@pytest.mark.parametrize("name", ALL)
def test_every_format_loads_in_datasets(name: str, exported: tuple[Path, dict], tmp_path: Path):
    directory, summary = exported
    loaded = load(directory, name, tmp_path)
    counted = {side: table.num_rows for side, table in loaded.items()}
    assert counted == {side: n for side, n in summary["rows"][name].items() if n}
    assert set(counted) == {"train", "validation"}


def test_the_formats_hold_the_keys_their_trainers_read(exported: tuple[Path, dict]) -> None:
    directory, _ = exported
    first = {name: rows(directory / name / "train.jsonl")[0] for name in FORMATS}
    roles = [turn["role"] for turn in first["trl_implicit_chat"]["chosen"]]
    assert roles == ["user", "assistant"]
    assert [turn["role"] for turn in first["trl_explicit_chat"]["prompt"]] == ["user"]
    assert isinstance(first["trl_explicit_chat"]["margin"], float)
    assert first["trl_unpaired"].keys() == {"prompt", "completion", "label", "group_id"}
    assert first["hh"].keys() == {"chosen", "rejected"}
    assert first["hh"]["chosen"].startswith("\n\nHuman: question p_")
    assert first["deepspeed_chat"].keys() == {"prompt", "chosen", "rejected"}
    explicit, implicit = first["trl_explicit"], first["trl_implicit"]
    assert explicit["prompt"] + explicit["chosen"] == implicit["chosen"]
    assert first["webgpt"]["score_0"] == -first["webgpt"]["score_1"]
    replies = first["oasst"]["prompt"]["replies"]
    assert [reply["role"] for reply in replies] == ["assistant"] * 5
    ranks = [reply["rank"] for reply in replies if reply["rank"] is not None]
    assert ranks == sorted(ranks)
    assert ranks[0] == 0


DECLARED = {
    "kway": declared.KWay,
    "pairs": declared.PairIds,
    "sft": declared.Supervised,
    "trl_explicit_chat": declared.Preference,
    "trl_implicit_chat": declared.Preference,
    "openrlhf": declared.Preference,
    "trl_unpaired_chat": declared.Unpaired,
}


@pytest.mark.parametrize("name", DECLARED)
def test_rows_are_as_their_schemas_declare(name: str, exported: tuple[Path, dict]) -> None:
    directory, _ = exported
    kind = DECLARED[name]
    fields = {field.name for field in dataclasses.fields(kind)}
    for row in rows(directory / name / "train.jsonl"):
        msgspec.convert(row, kind)
        assert fields - row.keys() <= {"prompt"}
        assert row.keys() <= fields


def test_pairs_lie_together_and_no_group_is_on_two_sides(exported: tuple[Path, dict]) -> None:
    directory, summary = exported
    sides = {}
    for side in ("train", "validation"):
        ids = [row["group_id"] for row in rows(directory / "pairs" / f"{side}.jsonl")]
        sides[side] = set(ids)
        assert sum(a != b for a, b in pairwise(ids)) == len(set(ids)) - 1
    assert not sides["train"] & sides["validation"]
    whole = sum(n for name, n in summary["rows"]["pairs"].items())
    assert whole == summary["pairs"]
    for row in rows(directory / "kway" / "train.jsonl"):
        ranked = [rank for rank in row["ranks"] if rank]
        tied = sum(comb(ranked.count(rank), 2) for rank in set(ranked))
        mine = [
            x
            for x in rows(directory / "pairs" / "train.jsonl")
            if x["group_id"] == row["prompt_id"]
        ]
        assert len(mine) == comb(len(ranked), 2) - tied


def test_the_same_answers_give_the_same_bytes_and_old_files_go(tmp_path: Path) -> None:
    tasks, rankings = random_job(12, 2, 4, 5)
    one, two = tmp_path / "one", tmp_path / "two"
    write(tasks, rankings, str(one), formats=ALL, validation=0.3)
    write(dict(reversed(tasks.items())), rankings[::-1], str(two), formats=ALL, validation=0.3)
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert [(one / name).read_bytes() for name in names] == [
        (two / name).read_bytes() for name in names
    ]
    write(tasks, rankings, str(one), formats=("kway",))
    left = {path.relative_to(one).as_posix() for path in one.rglob("*") if path.is_file()}
    assert left == {"README.md", "summary.json", "decontaminated.jsonl", "kway/train.jsonl"}


def test_a_directory_written_again_is_not_read_from_the_cache(tmp_path: Path) -> None:
    for seed in (1, 2):
        summary = write(*random_job(10, 2, 4, seed), str(tmp_path / "t"), formats=("pairs",))
        loaded = load(tmp_path / "t", "pairs", tmp_path / "cache")["train"]
        assert loaded.to_list() == rows(tmp_path / "t" / "pairs" / "train.jsonl")
        assert loaded.num_rows == summary["pairs"]


def test_demonstrations_and_the_one_best_answer_are_for_sft(tmp_path: Path) -> None:
    tasks, rankings = make_job(
        [("p_1", "r_1", [["a"], ["b"]]), ("p_2", "r_1", [["a", "b"], ["c"]]), ("p_3", "r_1", [])]
    )
    last = rankings[2]
    rankings[2] = Ranking(task=last.task, prompt="p_3", rater="r_1", text="Written by hand.")
    write(tasks, rankings, str(tmp_path), formats=("sft",))
    found = [
        (row["prompt_id"], row["source"], row["messages"][-1]["content"])
        for row in rows(tmp_path / "sft" / "train.jsonl")
    ]
    assert found == [
        ("p_1", "ranking", "answer p_1.a"),
        ("p_3", "demonstration", "Written by hand."),
    ]


def test_what_overlaps_an_evaluation_set_is_left_out(tmp_path: Path) -> None:
    item = (
        "Which of the following seven planets of our solar system has the largest number of moons?"
    )
    texts = {"p_2": item, "p_3.b": f"You ask: {item} I say Saturn."}
    tasks, rankings = make_job(
        [(f"p_{n}", "r_1", [["a"], ["b"]]) for n in (1, 2, 3)], texts=texts, sizes={}
    )
    index = EvalIndex.build([EvalItem("astro", "7", (item,))])
    summary = write(tasks, rankings, str(tmp_path), formats=("kway", "pairs"), index=index)
    assert [row["prompt_id"] for row in rows(tmp_path / "kway" / "train.jsonl")] == ["p_1"]
    gone = rows(tmp_path / "decontaminated.jsonl")
    assert [(row["prompt"], row["benchmark"], row["item"]) for row in gone] == [
        ("p_2", "astro", "7"),
        ("p_3", "astro", "7"),
    ]
    assert summary["decontaminated"] == 2


@pytest.mark.parametrize("end", ["\n", "\r\n"])  # readers take both for the end of a line
def test_a_text_with_turns_in_it_is_left_out_of_string_formats(tmp_path: Path, end: str) -> None:
    texts = {"p_1.a": f"Sure.{end}{end}Human: and now?"}
    tasks, rankings = make_job(
        [("p_1", "r_1", [["a"], ["b"]]), ("p_2", "r_1", [["a"], ["b"]])], texts=texts
    )
    summary = write(tasks, rankings, str(tmp_path), formats=("hh", "trl_implicit_chat"))
    assert summary["rows"] == {"trl_implicit_chat": {"train": 2}, "hh": {"train": 1}}
    assert summary["unclear_prompts"] == 1


def test_unknown_formats_and_empty_answers_are_refused(tmp_path: Path) -> None:
    tasks, rankings = make_job([("p_1", "r_1", [["a"], ["b"]])])
    with pytest.raises(InputError, match="Did you mean 'kway'"):
        write(tasks, rankings, str(tmp_path), formats=("kwy",))
    with pytest.raises(InputError, match="nothing to write"):
        write(tasks, [], str(tmp_path / "none"))


REAL = {
    "hh": "hh-harmless-base-test-half.jsonl.gz",
    "oasst": "oasst-trees-50.jsonl.gz",
    "scores": "magpie-5res-armorm.json",
}


@pytest.mark.parametrize("kind", REAL)
def test_real_preference_files_go_in_and_out(kind: str, data: Path, tmp_path: Path) -> None:
    """All in, all out; pairs are C(K, 2) minus ties of every ranking; all files load."""
    made = import_source(kind, [str(data / "preference" / REAL[kind])], str(tmp_path / "in"))
    output = tmp_path / "out"
    figures, summary = write_results(
        [str(tmp_path / "in" / "job")], [str(tmp_path / "in")], str(output), formats=ALL
    )
    assert figures.rankings == made.rankings == made.accepted
    held = rows(output / "training" / "kway" / "train.jsonl")
    assert len(held) == figures.prompts_ranked == summary["rows"]["kway_parquet"]["train"]
    assert sum(row["n_rankings"] for row in held) == made.rankings
    expected = alone = 0
    for row in held:
        ranked = [rank for rank in row["ranks"] if rank]
        pairs = comb(len(ranked), 2) - sum(comb(ranked.count(r), 2) for r in set(ranked))
        expected += pairs
        alone += pairs if len(row["messages"]) == 1 else 0
        if row["n_rankings"] == 1:
            assert row["ranks"] == row["rankings"][0]["ranks"]
    for name in ("pairs", "trl_implicit_chat", "trl_explicit_chat", "openrlhf"):
        assert summary["rows"][name]["train"] == expected == summary["pairs"]
    assert summary["rows"]["webgpt"]["train"] == alone
    told = [line for line in summary["notices"] if "webgpt" in line]
    assert len(told) == (alone < expected)
    for name in ALL:
        loaded = load(output / "training", name, tmp_path / "cache")
        assert loaded["train"].num_rows == summary["rows"][name]["train"]
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page


def test_six_models_answers_go_out_as_sextuples(data: Path, tmp_path: Path) -> None:
    """252 prompts with six answers, ranked by how near they are to the first model's in length."""
    import gzip

    answers: dict[str, dict[str, str]] = {}
    asked: dict[str, str] = {}
    for path in sorted((data / "preference" / "self-instruct-predictions").glob("*.jsonl.gz")):
        for row in map(json.loads, gzip.decompress(path.read_bytes()).splitlines()):
            asked.setdefault(row["prompt"], row["instruction"] + "\n" + row["input"])
            text = row["response"]
            answers.setdefault(row["prompt"], {})[path.name.split(".")[0]] = text
    assert len(answers) == 252
    tasks, rankings, tied = {}, [], 0
    for number, (name, texts) in enumerate(sorted(answers.items())):
        ids = {model: f"c_{number:03x}_{model}" for model in texts}
        lengths = {ids[model]: len(text) for model, text in texts.items()}
        tiers = tuple(
            tuple(x for x in lengths if lengths[x] == n) for n in sorted(set(lengths.values()))
        )
        tied += sum(comb(len(tier), 2) for tier in tiers)
        candidates = tuple(Candidate(id=ids[m], text=t, model=m) for m, t in texts.items())
        prompt = Prompt(
            id=f"p_{number:03x}", messages=(Message("user", asked[name]),), origin="labeler"
        )
        tasks[f"t_{number}"] = Task(
            id=f"t_{number}", job="j", kind="ranking", prompt=prompt, candidates=candidates,
            presented_order=tuple(lengths), rater="r_1", batch="b",
        )  # fmt: skip
        rankings.append(Ranking(task=f"t_{number}", prompt=prompt.id, rater="r_1", tiers=tiers))
    summary = write(tasks, rankings, str(tmp_path), formats=("kway", "pairs"))
    assert (summary["pairs"], summary["tied_pairs"]) == (252 * 15 - tied, tied)
    assert summary["rows"]["kway"]["train"] == 252
