"""Ids that repeat: inside a file, over files, over parts, over sources; receipt, index, duplicates and
`why` then speak of one record each. Expected: the rows that were written, counted by hand.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.errors import RecipeError
from corpusforge.hashing import make_id
from corpusforge.io.slices import read_slice
from corpusforge.run.commands import explain, verify
from corpusforge.text.names import Names
from pipelines import pretrain_mix

WORDS = ("river", "stone", "cloud", "field", "engine", "letter", "market", "winter")


def text(number: int) -> str:
    """A text like no other."""
    return " ".join(f"{word}{number}x{turn}" for turn in range(8) for word in WORDS) + "."


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def run(folder: Path, sources: str, *more: str, name: str = "run") -> Path:
    recipe = folder / "recipe.toml"
    recipe.write_text(
        f'name = "mine"\n{sources}\n[filter.rules]\ndocuments = []\nrun = []\n'
        "[mix]\nbudget = 1000000\nepoch_cap = 1.0\nvalidation = 0.0\n"
    )
    output = folder / name
    pretrain_mix.run(
        ["--recipe", str(recipe), "--output", str(output), "--workers", "1", "--quiet", *more]
    )
    return output


def column(run: Path, pattern: str, name: str = "id") -> list[str]:
    return [
        value
        for path in sorted(run.glob(pattern))
        for value in pq.read_table(path, columns=[name]).column(name).to_pylist()
    ]


def notes(run: Path) -> dict[str, int]:
    rows = json.loads((run / "report.json").read_text())["ledger"]
    own = [row for row in rows if row["stage"] == "ingest"]
    return {
        row["source"]: row["notes"].get("repeated_ids", 0) for row in own if row["source"] != "all"
    }


def agree(run: Path, documents: int) -> None:
    """Every table that goes by id tells of so many documents, once each."""
    ids = column(run, "documents/*.parquet")
    assert len(ids) == len(set(ids)) == documents
    drawn = column(run, "mix/train*.parquet")
    repeated = {
        row["id"]: row["times"]
        for path in sorted(run.glob("mix/repetitions*.parquet"))
        for row in pq.read_table(path).to_pylist()
    }
    assert repeated == dict.fromkeys(ids, 1) == dict(Counter(drawn))
    assert sorted(column(run, "shards/train/*.parquet")) == sorted(ids)
    receipt = json.loads((run / "mix/receipt.json").read_text())
    drawn_of = receipt["train"]["sources"].values()
    assert sum(source["documents"] for source in drawn_of) == documents
    assert receipt["repetitions"] == {"1": documents}
    for identifier in ids:
        told = explain(str(run), identifier)  # a locator of a replayed document may hold it too
        (place,) = [n for n, line in enumerate(told) if line.startswith(identifier)]
        own = list(takewhile(lambda line: line.startswith(" "), told[place + 1 :]))
        assert sum("in the train stream 1 times" in line for line in own) == 1
    assert verify(str(run)) == []


def test_a_column_of_ids_that_repeat_in_a_file(tmp_path: Path) -> None:
    rows = [{"key": f"k{number % 4}", "text": text(number)} for number in range(10)]
    write(tmp_path / "a.jsonl", rows)
    made = run(
        tmp_path, f'[sources.a]\nkind="documents"\npath="{tmp_path}/a.jsonl"\ncolumns={{id="key"}}'
    )
    agree(made, 10)
    assert notes(made) == {"a": 6}
    locators = column(made, "documents/*.parquet", "locator")
    assert locators == [
        f"a.jsonl:{key}"
        for key in ("k0", "k1", "k2", "k3", "k0~2", "k1~2", "k2~2", "k3~2", "k0~3", "k1~3")
    ]
    ids = column(made, "documents/*.parquet")
    assert ids[:4] == [make_id("a", f"a.jsonl:k{number}") for number in range(4)], "as ever"
    told = [line for line in explain(str(made), "a.jsonl:k1") if not line.startswith(" ")]
    assert [line.partition("  ")[2] for line in told] == [
        "a.jsonl:k1", "a.jsonl:k1~2", "a.jsonl:k1~3",
    ]  # fmt: skip


def test_a_row_that_goes_and_one_that_stays_have_names_of_their_own(tmp_path: Path) -> None:
    """The first is dropped, the second stays, the third is a copy of the second."""
    rows = [{"key": "k", "text": ""}, *({"key": "k", "text": text(1)} for _ in range(2))]
    rows += [{"key": str(number), "text": text(number)} for number in range(2, 5)]
    write(tmp_path / "a.jsonl", rows)
    made = run(
        tmp_path, f'[sources.a]\nkind="documents"\npath="{tmp_path}/a.jsonl"\ncolumns={{id="key"}}'
    )
    (pair,) = [
        row
        for path in made.glob("duplicates/part-*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert pair["removed"] != pair["kept"]
    assert {pair["removed"], pair["kept"]} == {make_id("a", f"a.jsonl:k~{n}") for n in (2, 3)}
    gone = column(made, "dropped/documents-part-*.parquet")
    assert gone == [make_id("a", "a.jsonl:k")]
    (first, *_) = explain(str(made), gone[0])
    assert len([line for line in explain(str(made), gone[0]) if line[0] != " "]) == 1, first


def test_two_patterns_with_files_of_one_name(tmp_path: Path) -> None:
    for number, folder in enumerate("ab"):
        write(tmp_path / folder / "x.jsonl", [{"text": text(number * 10 + i)} for i in range(3)])
    write(tmp_path / "b" / "y.jsonl", [{"text": text(99)}])
    paths = f'["{tmp_path}/a/*.jsonl", "{tmp_path}/b/*.jsonl"]'
    made = run(tmp_path, f'[sources.s]\nkind="documents"\npath={paths}')
    agree(made, 7)
    assert column(made, "documents/*.parquet", "locator") == [
        *(f"a/x.jsonl:{i}" for i in (1, 2, 3)),
        *(f"b/x.jsonl:{i}" for i in (1, 2, 3)),
        "y.jsonl:1",
    ]


@pytest.mark.parametrize("held", [1 << 22, 3])
def test_two_earlier_runs_that_share_documents(
    tmp_path: Path, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replayed as two sources, their parts are made apart: the later source's are numbered.

    Ids are compared in one range, or in ranges of three.
    """
    monkeypatch.setattr("corpusforge.run.identity._RANGE", held)
    write(tmp_path / "a.jsonl", [{"text": text(i)} for i in range(4)])
    write(
        tmp_path / "more" / "a.jsonl", [{"text": text(i + (0 if i < 2 else 50))} for i in range(5)]
    )
    plain = '[sources.a]\nkind="documents"\npath="{}"'
    first = run(tmp_path, plain.format(tmp_path / "a.jsonl"), name="first")
    second = run(tmp_path, plain.format(tmp_path / "more" / "a.jsonl"), name="second")
    replay = "\n".join(
        f'[sources.{name}]\nkind="run"\npath="{path}"'
        for name, path in (("one", first), ("two", second))
    )
    more = ("--set", "dedup.method=off")
    third = run(tmp_path, replay, *more, name="third")
    agree(third, 9)
    assert notes(third) == {"one": 0, "two": 4}
    ids = column(third, "documents/*.parquet")
    assert ids[:4] == column(first, "documents/*.parquet"), "the earlier source keeps them"
    assert ids[-1] == column(second, "documents/*.parquet")[-1]
    again = run(tmp_path, replay, *more, name="third")
    assert column(again, "documents/*.parquet") == ids
    fourth = run(tmp_path, replay, *more, "--workers", "2", name="fourth")
    for path in sorted(third.glob("*/*.parquet")):
        assert path.read_bytes() == (fourth / path.relative_to(third)).read_bytes(), path
    with_dedup = run(tmp_path, replay, name="fifth")
    pairs = [
        row
        for path in with_dedup.glob("duplicates/part-*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert len(pairs) == 2
    assert all(pair["removed"] != pair["kept"] for pair in pairs)


def test_new_ids_are_looked_up_in_ranges_that_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where many ids are shared: not a range for each of them."""
    looks: Counter[int] = Counter()

    def counted(paths: Sequence[str], number: int) -> pa.Table:
        looks[number] += 1
        return read_slice(paths, number)

    monkeypatch.setattr("corpusforge.run.identity._RANGE", 10)
    monkeypatch.setattr("corpusforge.run.identity.read_slice", counted)
    write(tmp_path / "a.jsonl", [{"text": text(i)} for i in range(20)])
    plain = f'[sources.a]\nkind="documents"\npath="{tmp_path / "a.jsonl"}"'
    first = run(tmp_path, plain, name="first")
    replay = '[sources.{}]\nkind="run"\npath="{}"\n'
    both = replay.format("one", first) + replay.format("two", first)
    made = run(tmp_path, both, "--set", "dedup.method=off", name="again")
    assert len(set(column(made, "documents/*.parquet"))) == 40
    assert looks == dict.fromkeys(range(4), 2), "by the task of the range, and by the driver"


def test_a_part_that_was_numbered_is_made_again_with_its_stage(tmp_path: Path) -> None:
    """What a part wrote must not depend on what lay beside it in an earlier start."""
    write(tmp_path / "a.jsonl", [{"text": text(i)} for i in range(3)])
    write(tmp_path / "b.jsonl", [{"text": text(i + 9)} for i in range(3)])
    plain = '[sources.a]\nkind="documents"\npath="{}"'
    first = run(tmp_path, plain.format(tmp_path / "a.jsonl"), name="first")
    replay = '[sources.{}]\nkind="run"\npath="{}"\n'
    both = replay.format("one", first) + replay.format("two", first)
    more = ("--set", "dedup.method=off")
    made = run(tmp_path, both, *more, name="again")
    assert len(set(column(made, "documents/*.parquet"))) == 6
    other = plain.format(tmp_path / "b.jsonl") + "\n"  # `two` stands at part 1 in both
    alone = run(tmp_path, other + replay.format("two", first), *more, name="alone")
    resumed = run(tmp_path, other + replay.format("two", first), *more, name="again")
    assert column(resumed, "documents/*.parquet") == column(alone, "documents/*.parquet")


CODE = "def step(x):\n    if x < 3:\n        return x + 1\n    return x\n" * 12


@pytest.mark.parametrize("validation", [0.0, 0.3])
def test_byte_exact_sources_in_a_run(tmp_path: Path, validation: float) -> None:
    """Indentation counts in the one source and not in the other."""
    rows = [{"text": CODE}, {"text": CODE.replace("        ", "    ")}, {"text": CODE}]
    rows += [{"text": text(number)} for number in range(20)]
    for name in ("exact", "words"):
        write(tmp_path / name / "a.jsonl", rows)
    sources = "".join(
        f'[sources.{name}]\nkind="documents"\npath="{tmp_path}/{name}/a.jsonl"\n'
        for name in ("exact", "words")
    )
    more = ("--set", 'dedup.byte_exact=["exact"]', "--set", "dedup.audit_sample=50",
            "--set", f"mix.validation={validation}", "--set", "dedup.scope=source")  # fmt: skip
    made = run(tmp_path, sources, *more)
    pairs = [
        row
        for path in made.glob("duplicates/part-*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert Counter(row["removed_source"] for row in pairs) == {"exact": 1, "words": 2}
    with pytest.raises(
        RecipeError, match=r"dedup\.byte_exact: the recipe has no source 'exatc'.*exact"
    ):
        run(tmp_path, sources, "--set", 'dedup.byte_exact=["exatc"]', name="typo")


def test_names_are_free_and_cost_no_more_for_repeats() -> None:
    names = Names()
    given = [names.distinct(name) for name in ("a", "a~2", "a", "b", "a", "a~2", "a~2~2")]
    assert given == ["a", "a~2", "a~3", "b", "a~4", "a~2~2", "a~2~2~2"]
    many = [names.distinct("same") for _ in range(20_000)]
    assert many[-1] == "same~20000"
    assert len(set(many)) == 20_000
    assert all(names.take(f"new{number}") for number in range(20_000))
    assert not any(names.take(f"new{number}") for number in range(20_000))


@pytest.mark.parametrize("name", ["", "~2", "é\ud800", "a" * 100_000])
def test_any_name_can_be_numbered(name: str) -> None:
    names = Names()
    assert [names.distinct(name) for _ in range(3)] == [name, f"{name}~2", f"{name}~3"]
