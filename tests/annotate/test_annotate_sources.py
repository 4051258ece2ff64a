"""Public preference files: all of them in, all of them out, and pairs as combinatorics says."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from math import comb
from pathlib import Path

import pytest

from corpusforge.annotate.aggregate import consensus
from corpusforge.annotate.export import write
from corpusforge.annotate.imports.public import import_source
from corpusforge.annotate.imports.run import import_answers
from corpusforge.annotate.imports.sources import read_source
from corpusforge.annotate.imports.state import read_rankings
from corpusforge.annotate.jobs import read_job, read_tasks
from corpusforge.annotate.pairs import pair_counts, pairs
from corpusforge.annotate.pairwise import duels
from corpusforge.annotate.records import Ranking
from corpusforge.annotate.targets import find_target
from corpusforge.annotate.votes import votes_of
from corpusforge.errors import InputError
from pipelines import export_labelling, import_rankings


def packed(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def back(directory: Path) -> tuple[dict, list[Ranking]]:
    tasks = {task.id: task for task in read_tasks(str(directory / "job"))}
    return tasks, list(read_rankings(str(directory)))


def expected_pairs(rankings: list[Ranking]) -> tuple[int, int]:
    """Pairs across tiers, and pairs tied, of each ranking: C(K, 2) in all."""
    across = tied = 0
    for ranking in rankings:
        size = sum(map(len, ranking.tiers))
        ties = sum(comb(len(tier), 2) for tier in ranking.tiers)
        across, tied = across + comb(size, 2) - ties, tied + ties
    return across, tied


def made_pairs(tasks: dict, rankings: list[Ranking]) -> tuple[int, int]:
    votes = votes_of(tasks, rankings)
    found = consensus(votes)
    assert len(list(pairs(votes.book, found, duels(votes)))) == pair_counts(votes.book, found)[0]
    return pair_counts(votes.book, found)


def test_hh_comes_in_and_goes_out_to_the_byte(data: Path, tmp_path: Path) -> None:
    path = data / "preference" / "hh-harmless-base-test-half.jsonl.gz"
    made = import_source("hh", [str(path)], str(tmp_path / "in"))
    everything = packed(path)
    # told apart without our reader: where the last answer begins, and what stands behind it
    cut = [
        [row[side].rpartition("\n\nAssistant:") for side in ("chosen", "rejected")]
        for row in everything
    ]
    further = sum(one[0] != two[0] for one, two in cut)
    silent = sum(one[0] == two[0] and not (one[2].strip() and two[2].strip()) for one, two in cut)
    assert (further, silent) == (5, 2)
    given = [
        row for row, (one, two) in zip(everything, cut, strict=True)
        if one[0] == two[0] and one[2].strip() and two[2].strip()
    ]  # fmt: skip
    assert (made.rows, made.accepted) == (1156, 1149)
    assert made.refused == {"more_turns": further, "empty_answer": silent}
    assert made.rankings == len(given)
    tasks, rankings = back(tmp_path / "in")
    prompts = Counter(tasks[ranking.task].prompt.id for ranking in rankings)
    assert made_pairs(tasks, [r for r in rankings if prompts[r.prompt] == 1]) == (
        sum(count == 1 for count in prompts.values()), 0,
    )  # fmt: skip
    write(tasks, rankings, str(tmp_path / "out"), formats=("hh",))
    out = Counter(
        (row["chosen"], row["rejected"])
        for name in (tmp_path / "out" / "hh").glob("*.jsonl")
        for row in lines(name)
    )
    wanted = Counter((row["chosen"], row["rejected"]) for row in given)
    missing = sum((wanted - out).values())
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert missing == summary["unclear_prompts"] == 0
    # one prompt occurs twice with other answers: four answers of one prompt, compared across, too
    twice = out - wanted
    assert sum(twice.values()) == 2
    assert len({chosen.rpartition("\n\nAssistant:")[0] for chosen, _ in twice}) == 1
    assert [count for count in prompts.values() if count > 1] == [2]


def test_open_assistant_trees_keep_every_rank(data: Path, tmp_path: Path) -> None:
    path = data / "preference" / "oasst-trees-50.jsonl.gz"
    made = import_source("oasst", [str(path)], str(tmp_path / "in"))
    sizes: Counter[tuple[int, int]] = Counter()
    ranks: dict[str, list[tuple[str, int | None]]] = {}

    def walk(node: dict) -> None:
        replies = [reply for reply in node["replies"] if reply["role"] == "assistant"]
        known = [reply for reply in replies if reply.get("rank") is not None]
        if len(known) > 1:
            sizes[len(replies), len(known)] += 1
            ranks[node["message_id"]] = [(reply["text"], reply.get("rank")) for reply in replies]
        for reply in node["replies"]:
            walk(reply)

    for tree in packed(path):
        walk(tree["prompt"])
    assert sizes == {(3, 3): 65, (2, 2): 30, (4, 4): 14, (4, 3): 1, (6, 6): 1, (9, 9): 1}
    assert made.rankings == made.rows == sum(sizes.values()) == 112
    tasks, rankings = back(tmp_path / "in")
    for ranking in rankings:
        texts = {answer.id: answer.text for answer in tasks[ranking.task].candidates}
        wanted = ranks[ranking.annotation.split("/")[1]]
        best_first = [text for text, rank in sorted(
            (pair for pair in wanted if pair[1] is not None), key=lambda pair: pair[1])]  # fmt: skip
        assert [texts[name] for tier in ranking.tiers for name in tier] == best_first
        assert len(ranking.unrankable) == sum(rank is None for _, rank in wanted)
    across = sum(comb(ranked, 2) * count for (_, ranked), count in sizes.items())
    assert expected_pairs(rankings) == made_pairs(tasks, rankings) == (across, 0)
    assert across == 65 * 3 + 30 + 14 * 6 + 3 + 15 + 36


def test_the_thread_before_an_answer_is_its_prompt(tmp_path: Path) -> None:
    def say(text: str, role: str, rank=None, *replies) -> dict:
        return {"text": text, "role": role, "rank": rank, "lang": "zh", "message_id": text,
                "replies": list(replies)}  # fmt: skip

    deep = say("问", "prompter", None, say("b2", "assistant", 1), say("b1", "assistant", 0))
    tree = {"prompt": say("root", "prompter", None, say("a1", "assistant", 0, deep),
                          say("a2", "assistant", 1), say("a3", "assistant"))}  # fmt: skip
    (tmp_path / "t.jsonl").write_text(json.dumps(tree), encoding="utf-8")
    (top, first), (below, second) = read_source("oasst", [str(tmp_path / "t.jsonl")], "j_0")
    texts = {answer.id: answer.text for answer in (*top.candidates, *below.candidates)}
    assert [texts[name] for (name,) in first.tiers] == ["a1", "a2"]
    assert [texts[name] for name in first.unrankable] == ["a3"]
    assert [(m.role, m.content) for m in below.prompt.messages] == [
        ("user", "root"), ("assistant", "a1"), ("user", "问"),
    ]  # fmt: skip
    assert [texts[name] for (name,) in second.tiers] == ["b1", "b2"]
    assert below.prompt.language == "zh"


def test_scores_become_ranks_whatever_the_order_of_the_list(data: Path, tmp_path: Path) -> None:
    path = data / "preference" / "magpie-5res-armorm.json"
    made = import_source("scores", [str(path)], str(tmp_path / "in"))
    assert (made.rankings, made.refused) == (5, {})
    tasks, rankings = back(tmp_path / "in")
    for row, ranking in zip(json.loads(path.read_text()), rankings, strict=True):
        scores = [reward["score"] for reward in row["rewards_armorm"]]
        wanted = [text for _, text in sorted(zip(scores, row["responses"], strict=True))[::-1]]
        texts = {answer.id: answer.text for answer in tasks[ranking.task].candidates}
        assert [texts[name] for tier in ranking.tiers for name in tier] == wanted
        assert ranking.annotator_kind == "model", "a reward model's scores"
    assert expected_pairs(rankings) == made_pairs(tasks, rankings) == (5 * comb(5, 2), 0)
    turned = [
        {**row, "responses": row["responses"][::-1], "rewards_armorm": row["rewards_armorm"][::-1]}
        for row in json.loads(path.read_text())
    ]
    (tmp_path / "turned.json").write_text(json.dumps(turned))
    again = [
        found[1].tiers for found in read_source("scores", [str(tmp_path / "turned.json")], "j")
    ]
    assert again == [ranking.tiers for ranking in rankings]


@pytest.mark.parametrize(
    ("row", "tiers"),
    [
        ({"prompt": "p", "answers": [{"text": "a", "score": 1}, {"text": "b", "score": 3},
                                     {"text": "c", "score": 1}]}, [["b"], ["a", "c"]]),
        ({"instruction": "p", "input": "x", "completions": [{"response": "a", "overall_score": 2},
          {"response": "b", "overall_score": 7.5}]}, [["b"], ["a"]]),
        ({"question": "p", "answer_0": "a", "score_0": 0.5, "answer_1": "b", "score_1": -0.5},
         [["a"], ["b"]]),
        ({"question": {"full_text": "p"}, "answer_0": "a", "score_0": 0,
          "answer_1": "b", "score_1": 0}, [["a", "b"]]),
        ({"prompt": "p", "responses": ["a", "b", "c"], "scores": [5, None, 9]}, [["c"], ["a"]]),
    ],
)  # fmt: skip
def test_scored_lists_of_several_shapes(tmp_path: Path, row: dict, tiers: list) -> None:
    (tmp_path / "s.jsonl").write_text(json.dumps(row))
    ((task, ranking),) = read_source("scores", [str(tmp_path / "s.jsonl")], "j_0")
    texts = {answer.id: answer.text for answer in task.candidates}
    assert [sorted(texts[name] for name in tier) for tier in ranking.tiers] == tiers
    assert set(ranking.unrankable) == {n for n, t in texts.items() if t not in str(tiers)}


def test_pairs_with_verdicts_of_several_annotators(tmp_path: Path) -> None:
    row = {"instruction": "译", "input": "好", "response1": "good", "response2": "bad",
           "annotator1": 1, "annotator2": 0, "annotator3": "2"}  # fmt: skip
    (tmp_path / "p.jsonl").write_text(json.dumps(row))
    found = list(read_source("pairs", [str(tmp_path / "p.jsonl")], "j_0"))
    texts = {answer.id: answer.text for answer in found[0][0].candidates}
    tiers = [[sorted(texts[n] for n in tier) for tier in ranking.tiers] for _, ranking in found]
    assert tiers == [[["good"], ["bad"]], [["bad", "good"]], [["bad"], ["good"]]]
    assert len({task.rater for task, _ in found}) == 3
    made = import_source("pairs", [str(tmp_path / "p.jsonl")], str(tmp_path / "in"))
    assert (made.rankings, made.adjudicate) == (3, 1)


@pytest.mark.parametrize(
    ("kind", "row", "rule"),
    [
        ("hh", {"chosen": "\n\nHuman: a\n\nAssistant: b"}, "malformed"),
        ("hh", {"chosen": "x", "rejected": "y"}, "malformed"),
        ("hh", {"chosen": "\n\nHuman: a\n\nAssistant: b",
                "rejected": "\n\nHuman: a\n\nAssistant: b"}, "malformed"),
        ("oasst", {"prompt": {"text": "a", "role": "prompter", "replies": []}}, "unanswered"),
        ("oasst", {"prompt": {"text": "a", "role": "moderator"}}, "malformed"),
        ("scores", {"prompt": "p", "answers": ["a", "b"], "scores": [1]}, "malformed"),
        ("scores", {"prompt": "p", "answers": ["a", "b"]}, "malformed"),
        ("scores", {"answers": ["a", "b"], "scores": [1, 2]}, "malformed"),
        ("pairs", {"prompt": "p", "output_1": "a", "output_2": "b", "label": "7"}, "malformed"),
        ("pairs", {"prompt": "p", "output_1": "a", "output_2": "b"}, "unanswered"),
        ("pairs", [1], "malformed"),
    ],
)  # fmt: skip
def test_rows_that_are_no_preference_are_refused(tmp_path, kind, row, rule: str) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps(row))
    assert [one.rule for one in read_source(kind, [str(tmp_path / "x.jsonl")], "j_0")] == [rule]
    with pytest.raises(InputError, match=rule):
        import_source(kind, [str(tmp_path / "x.jsonl")], str(tmp_path / "in"))


def test_equal_answers_are_two_samples_and_repeated_rows_are_kept(tmp_path: Path) -> None:
    row = {"prompt": "p", "answers": ["same", "same", "other"], "scores": [1, 2, 3]}
    (tmp_path / "s.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(row)}\n")
    made = import_source("scores", [str(tmp_path / "s.jsonl")], str(tmp_path / "in"))
    assert (made.tasks, made.rankings, made.accepted) == (1, 2, 2)
    _, rankings = back(tmp_path / "in")
    assert all(len(ranking.tiers) == 3 for ranking in rankings)
    assert {ranking.flags for ranking in rankings} == {("again",)}
    with pytest.raises(InputError, match="not empty"):
        import_source("scores", [str(tmp_path / "s.jsonl")], str(tmp_path / "in"))


def test_six_models_answers_are_candidates_of_a_job_and_rankings_of_it(
    data: Path, tmp_path: Path, capsys
) -> None:
    """All 252 prompts out as pages, ranked by rule, and back: C(6, 2) pairs each, less ties."""
    folder = data / "preference" / "self-instruct-predictions"
    paths = sorted(map(str, folder.glob("*.jsonl.gz")))
    assert len(paths) == 6
    run = [
        "--prompts",
        paths[0],
        "--answers",
        *paths,
        "--pool",
        "all",
        "--user-cap",
        "0",
        "-k",
        "6",
    ]
    code = export_labelling.main([*run, "--raters", "1", "--overlap", "1", "--target", "html",
                                  "--output", str(tmp_path / "job")])  # fmt: skip
    assert code == 0, capsys.readouterr().err
    job, tasks = read_job(str(tmp_path / "job")), list(read_tasks(str(tmp_path / "job")))
    pages = sorted((tmp_path / "job" / "html").glob("*.html"))
    shown = sum(page.read_text(encoding="utf-8").count('"answers":[{') for page in pages)
    assert shown == len(tasks) > 200
    rows = []
    for task in tasks:
        lengths = {c.id: len(c.text) // 40 for c in task.candidates}
        tiers = [
            [n for n in lengths if lengths[n] == size] for size in sorted(set(lengths.values()))
        ]
        rows.append({"task": task.id, "tiers": tiers, "confirmed": True, "lead_time": 30})
    body = {
        "schema": "corpusforge.page/1",
        "job": job.id,
        "checksum": job.checksum,
        "answers": rows,
    }
    (tmp_path / "back.json").write_text(json.dumps(body))
    made = import_answers(
        str(tmp_path / "job"), [str(tmp_path / "back.json")], str(tmp_path / "in")
    )
    assert (made.accepted, made.missing) == (len(tasks), 0)
    rankings = list(read_rankings(str(tmp_path / "in")))
    assert [r.tiers for r in rankings] == [
        tuple(tuple(sorted(tier, key=task.presented_order.index)) for tier in row["tiers"])
        for task, row in zip(tasks, rows, strict=True)
    ]
    found = made_pairs({task.id: task for task in tasks}, rankings)
    assert found == expected_pairs(rankings)
    assert sum(found) == sum(comb(len(task.candidates), 2) for task in tasks)
    assert find_target("html") is not None


def test_the_command_reads_a_public_file(tmp_path: Path, capsys) -> None:
    row = {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"}
    (tmp_path / "hh.jsonl").write_text(json.dumps(row) + "\n{}\n")
    run = ["--source", "hh", "--answers", str(tmp_path / "hh.jsonl")]
    assert import_rankings.main([*run, "--output", str(tmp_path / "in")]) == 0
    assert "2 rows read: 1 accepted, 0 known already, 1 refused" in capsys.readouterr().out
    assert (tmp_path / "in" / "job" / "job.json").is_file()


@pytest.mark.parametrize(
    ("kind", "advice"), [("hh", "try --source auto\n"), ("auto", "row by row\n")]
)
def test_a_public_file_of_another_kind_is_told_what_helps_it(
    tmp_path: Path, capsys, kind: str, advice: str
) -> None:
    row = {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"}
    (tmp_path / "hh.jsonl").write_text(json.dumps(row) + 3 * '\n{"title": "t"}')
    run = ["--source", kind, "--answers", str(tmp_path / "hh.jsonl"), "--no-results"]
    assert import_rankings.main([*run, "--output", str(tmp_path / "in")]) == 0
    told = capsys.readouterr().err
    assert told.startswith("warning: import: 3 of 4 refused as malformed: refused.jsonl says why")
    assert told.endswith(advice)
