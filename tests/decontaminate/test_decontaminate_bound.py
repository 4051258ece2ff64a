"""The bound on the search of one text: counted steps, a row of its own, in every command that searches."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge.annotate.export.clean import contaminated as prompts_left_out
from corpusforge.annotate.export.group import Group
from corpusforge.annotate.records import Prompt
from corpusforge.decontaminate import EvalIndex, EvalItem, Scanner, Settings
from corpusforge.decontaminate import report as reports
from corpusforge.decontaminate.fuzzy import Fuzzy
from corpusforge.decontaminate.words import split_words
from corpusforge.errors import RecipeError
from corpusforge.instruct.limits import contaminated
from corpusforge.models import Message
from corpusforge.run import commands
from pipelines import build_eval_index, decontaminate, pretrain_mix

ITEM = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(200)]
SHARED = [[*ITEM[:4], *(f"own{chr(97 + k)}{word}" for word in ITEM[4:30])] for k in range(24)]
INDEX = EvalIndex.build(
    [EvalItem("set", str(n), (" ".join(words),)) for n, words in enumerate([ITEM, *SHARED])]
)
FUZZY = Fuzzy.of(INDEX, 0.75)


def shuffled(times: int) -> list[str]:
    runs = [ITEM[k : k + 4] for k in range(0, 200, 4)] * times
    random.Random(1).shuffle(runs)
    return [word for run in runs for word in run]


ATTACKS = {
    "the item": lambda n: ITEM * n,
    "its end": lambda n: ITEM + ITEM[-10:] * 20 * n,
    "its beginning": lambda n: ITEM[:10] * 20 * n,
    "one seed": lambda n: ITEM[50:54] * 50 * n,
    "one seed of 24 items": lambda n: ITEM[:4] * 50 * n,
    "its seeds in any order": shuffled,
    "backwards": lambda n: ITEM[::-1] * n,
    "every other word": lambda n: (ITEM[::2] + ITEM[1::2]) * n,
    "halves": lambda n: (ITEM[100:] + ITEM[:100]) * n,
}


def steps(words: list[str]) -> int:
    return int(FUZZY.find(split_words([" ".join(words)]), 1 << 60).steps[0])


@pytest.mark.parametrize("attack", ATTACKS)
def test_steps_grow_with_the_text_and_no_faster(attack: str) -> None:
    taken = [steps(ATTACKS[attack](n)) for n in (8, 16, 32)]
    assert taken[1] <= 2.2 * taken[0] + 1e6
    assert taken[2] <= 2.2 * taken[1] + 1e6


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_takes_many_more_steps_than_it_may(attack: str) -> None:
    """At most the bound, or one more look at the last alignment (as many cells again)."""
    words = split_words([" ".join(ATTACKS[attack](4))])
    for bound in (1, 1000, 100_000):
        assert FUZZY.find(words, bound).steps[0] <= 2 * bound + 1


def test_a_text_over_the_bound_is_one_row_and_its_neighbours_are_searched() -> None:
    texts = ["nothing", " ".join(ITEM), " ".join(ITEM * 40), " ".join(ITEM), ""]
    bound = steps(ITEM)
    rows = Scanner(INDEX, ("fuzzy.v1",), max_steps=bound).scan(texts).to_pylist()
    assert [(r["document"], r["rule"], r["item"]) for r in rows] == [
        (1, "fuzzy.v1", 0),
        (2, "max_steps", -1),
        (3, "fuzzy.v1", 0),
    ]
    assert (rows[1]["start"], rows[1]["end"], rows[1]["gram"]) == (0, len(texts[2]), -1)
    alone = Scanner(INDEX, ("fuzzy.v1",), max_steps=bound).scan(texts[2:3]).to_pylist()
    assert [dict(row, document=2) for row in alone] == rows[1:2]
    assert Scanner(INDEX, ("fuzzy.v1",)).scan(texts)["rule"].unique().to_pylist() == ["fuzzy.v1"]


def test_the_texts_of_a_block_are_those_of_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(ATTACKS[name](2)) for name in ATTACKS]
    whole = Scanner(INDEX, ("fuzzy.v1",)).scan(texts)
    monkeypatch.setattr("corpusforge.decontaminate.fuzzy._BLOCK", 1)
    assert Scanner(INDEX, ("fuzzy.v1",)).scan(texts).equals(whole)


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"max_steps = 0: expected 1 or more"):
        Settings(max_steps=0)


@pytest.fixture
def index(tmp_path: Path) -> str:
    source = tmp_path / "set.jsonl"
    source.write_text(json.dumps({"id": "a", "question": " ".join(ITEM)}) + "\n")
    path = str(tmp_path / "eval.index")
    assert build_eval_index.main(["--set", f"set={source}", "--output", path]) == 0
    return path


ROWS = [
    {"id": "clean", "text": "The rain fell on the roofs while the town slept. " * 30},
    {"id": "over", "text": " ".join(ITEM * 40) + " and more"},
    {"id": "copy", "text": " ".join(ITEM)},
]
BOUND = str(4 * steps(ITEM))


@pytest.mark.parametrize("field", ["text", "texts"])
def test_stand_alone(tmp_path: Path, index: str, field: str) -> None:
    rows = [
        {"id": row["id"], field: [row["text"], ""] if field == "texts" else row["text"]}
        for row in ROWS
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "out"
    arguments = ["--index", index, "--input", str(tmp_path / "in.jsonl"), "--output", str(out)]
    assert (
        decontaminate.main(
            [*arguments, "--field", field, "--rule", "fuzzy.v1", "--max-steps", BOUND]
        )
        == 0
    )
    report = json.loads((out / "report.json").read_text())
    assert (report["seen"], report["kept"], report["failed"]) == (3, 1, 1)
    assert (report["dropped"], report["unsearched"]) == ({"fuzzy.v1": 1}, 1)
    hits = [json.loads(line) for line in (out / "hits.jsonl").read_text().splitlines()]
    assert {(hit["id"], hit["rule"], hit["action"], hit["item"]) for hit in hits} == {
        ("over", "max_steps", "failed", ""),
        ("copy", "fuzzy.v1", "dropped", "a"),
    }
    kept = (out / "kept.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in kept] == ["clean"]


def test_in_a_run(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "set.jsonl").write_text(json.dumps({"id": "a", "q": " ".join(ITEM)}) + "\n")
    recipe = tmp_path / "bound.toml"
    recipe.write_text(
        'name = "bound"\n[sources.docs]\nkind = "documents"\n[filter.rules]\ndocs = []\n'
        f'[decontaminate]\nrules = ["fuzzy.v1"]\nmax_steps = {BOUND}\nsets = {{ s = '
        f'"{tmp_path}/set.jsonl:q" }}\n[dedup]\nmethod = "off"\n[score.keep]\nrule = "none"\n'
        "[tokenize]\nvocab_size = 300\n[mix]\nvalidation = 0.0\nepoch_cap = 1.0\n"
        "[mix.weights]\ndocs = 1\n"
    )
    output = tmp_path / "run"
    options = ["--recipe", str(recipe), "--source", f"docs={tmp_path}/in.jsonl", "--workers", "1"]
    pretrain_mix.run(["--output", str(output), "--quiet", *options])
    manifest = json.loads((output / "contamination/manifest.json").read_text())
    (account,) = manifest["ledger"]
    assert (account["seen"], account["kept"], account["failed"]) == (3, 1, 1)
    assert account["dropped"] == {"fuzzy.v1": 1}
    assert manifest["extra"]["benchmarks"].keys() == {"s"}
    (failed,) = pq.read_table(output / "failed/contamination-part-00000.parquet").to_pylist()
    assert (failed["stage"], failed["source"]) == ("decontaminate", "docs")
    assert "decontaminate.max_steps" in failed["error"]
    assert any(
        "failed at decontaminate" in li for li in commands.explain(str(output), failed["id"])
    )
    assert commands.verify(str(output)) == []
    assert json.loads((output / "report.json").read_text())


def test_in_instruct() -> None:
    scanner = Scanner(INDEX, ("fuzzy.v1",), max_steps=int(BOUND))
    found = contaminated([row["text"] for row in ROWS], scanner)
    assert found == [
        None,
        ("unsearched", "max_steps", f"<= {BOUND} steps"),
        ("contaminated", "set/0 1.00", "fuzzy.v1"),
    ]


def test_in_annotate() -> None:
    groups = [
        Group(
            prompt=Prompt(id=row["id"], messages=(Message("user", row["text"]),), origin="human"),
            split="train",
            method="none",
            candidates=(),
            ranks=(),
            scores=(),
            errors=(),
            rankings=(),
            pairs=(),
            demonstrations=(),
        )
        for row in ROWS
    ]
    settings = Settings(rules=("fuzzy.v1",), max_steps=int(BOUND))
    gone = prompts_left_out(groups, INDEX, settings)
    assert {name: (row.rule, row.benchmark) for name, row in gone.items()} == {
        "over": ("max_steps", ""),
        "copy": ("fuzzy.v1", "set"),
    }


def test_a_phrase_of_every_item_in_every_row_is_walked_once(monkeypatch) -> None:
    """400 items begin alike and 300 rows hold the phrase: not 400 x 300 looks."""
    phrase = " ".join(ITEM[:13])
    items = [EvalItem("set", str(n), (f"{phrase} own{n}",)) for n in range(400)]
    index = EvalIndex.build(items)
    texts = [phrase] * 300
    hits = Scanner(index, ("gpt3.v1",)).scan(texts).to_pylist()
    assert len(hits) == 300
    named = [dict(row, id=str(row["document"]), excerpt="") for row in hits]
    asked: list[int] = []
    name_of = EvalIndex.name_of
    monkeypatch.setattr(EvalIndex, "name_of", lambda self, n: asked.append(n) or name_of(self, n))
    about = reports.report(index, named, {})["set"]
    assert about["items_found"] == 400
    assert about["rules"] == {"gpt3.v1": 400 * 300}
    assert (about["documents"], about["actions"]) == (300, {"ignored": 300})
    assert [example["item"] for example in about["examples"]] == ["0"] * 5
    assert len(asked) == 400
