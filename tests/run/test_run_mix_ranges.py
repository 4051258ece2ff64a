"""The mixture in ranges: whatever the ranges and parts, the stream, ledger and receipt of one task."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.errors import InputError, RecipeError
from corpusforge.hashing import id_keys, make_id, uniform
from corpusforge.io.parquet import read_between, write_batches, write_table
from corpusforge.manifest import Manifest, describe, part_name
from corpusforge.mix.plan import plan
from corpusforge.mix.settings import Diversity, Phase, Settings, Split
from corpusforge.recipe import Recipe, Source
from corpusforge.run.context import Context
from corpusforge.run.mix import stream_files
from corpusforge.run.mixture import draws_stage, mix_stage, supply_stage
from corpusforge.run.stage import Part, Stage, run_part, run_stage
from corpusforge.tokenize.part import INDEX

SEED = 5
DOCUMENTS = {"web": 210, "books": 60, "odd": 20}
LANGUAGES = ("en", "zh", "de", "")


def documents() -> list[dict[str, Any]]:
    """Documents of three sources; each third is a near duplicate of the one before it.

    `alike` is the size of its group, unknown (null) for the documents of `odd`.
    """
    rows: list[dict[str, Any]] = []
    for source, count in DOCUMENTS.items():
        for n in range(count):
            name = make_id(source, str(n))
            u = float(uniform(id_keys([name]), 1, "tokens")[0])
            near = n % 3 == 2
            rows.append(
                {
                    "id": name,
                    "source": source,
                    "lang": LANGUAGES[n % 4] or None,
                    "category": None,
                    "format": "plain",
                    "tier": "high" if n % 5 else "low",
                    "tokens": 2 + int(40 * u * u),
                    "bytes": 1,
                    "cluster": rows[-1]["id"] if near else name,
                    "alike": None if source == "odd" else 2 if n % 3 else 1,
                }
            )
    return rows


def make(folder: Path, parts: int) -> None:
    rows = documents()
    for number in range(parts):
        own = rows[number::parts] if number != 1 else []  # one part is empty
        if number == 0:
            own = rows[0::parts] + rows[1::parts]
        ends = np.cumsum([0, *(row["tokens"] for row in own)]).tolist()
        told = [{**row, "offset": start} for row, start in zip(own, ends, strict=False)]
        table = pa.Table.from_pylist(told, schema=INDEX)
        write_table(str(folder / "tokens" / f"{part_name(number)}.parquet"), table)


def execute(stage: Stage, parts: Sequence[Part]) -> None:
    for part in reversed(parts):  # the order of tasks must not matter
        run_part(stage.work, part)


def mixed(
    folder: Path, settings: Settings, parts: int, choice: dict[str, Any] | None = None
) -> Path:
    """Make the stages in a folder of token parts; return it."""
    if not folder.exists():
        make(folder, parts)
    recipe = Recipe(
        name="ranges",
        seed=SEED,
        sources={name: Source(kind="html", path=("none",)) for name in [*DOCUMENTS, "none"]},
        mix=settings,
    )
    outputs = tuple(
        describe(str(folder), path, pq.read_metadata(folder / path).num_rows)
        for path in (f"tokens/{part_name(n)}.parquet" for n in range(parts))
    )
    tokens = Manifest("tokens", "", "", {}, [], outputs, [], documents=sum(DOCUMENTS.values()))
    first = Manifest("documents", "", "", {}, [], (), [], {"parts": parts})
    context = Context(str(folder), recipe, [], [], {"documents": first, "tokens": tokens})
    if choice:
        extra = {"leaves": choice}
        context.manifests["choice"] = Manifest("choice", "", "", {}, [], (), [], extra)
    for name, build in (("supply", supply_stage), ("draws", draws_stage), ("mix", mix_stage)):
        stage = build(context)
        if stage is not None:
            context.manifests[name], _ = run_stage(stage, execute)
    return folder


def streams(run: Path) -> dict[str, pa.Table]:
    """The streams without places in parts, and the ledger, each from all of its files."""
    found = {}
    for name in ("train", "val", "repetitions"):
        tables = [pq.read_table(path) for path in stream_files(str(run), name)]
        found[name] = pa.concat_tables(tables)
    return found


def facts(run: Path) -> Any:
    return json.loads((run / "mix" / "receipt.json").read_text())


def ledger(run: Path) -> Any:
    return json.loads((run / "mix" / "manifest.json").read_text())["ledger"]


WEIGHTS = {"web": 5.0, "books": 2.0}
SPLIT = {
    "web": Split(by="lang", weights={"en": 3.0, "zh": 1.0}),
    "web/en": Split(by="tier", weights={"high": 2.0, "*": 1.0}),
}
PHASES = (
    Phase(name="bulk", share=0.6, weights=WEIGHTS),
    Phase(name="bulk again", share=0.25, weights={"web": 1.0, "books": 9.0}),
    Phase(name="anneal", share=0.15, weights={"books": 1.0, "odd": 3.0}),
)
CASES = {
    "all, a cap of one epoch": Settings(epoch_cap=1.0),
    "three and a half epochs": Settings(weights=WEIGHTS, epoch_cap=3.5, validation=0.1),
    "a little of each": Settings(weights=WEIGHTS, budget=700, validation=0.2),
    "splits": Settings(weights=WEIGHTS, split=SPLIT, epoch_cap=2.3, validation=0.05),
    "phases": Settings(phases=PHASES, split=SPLIT, epoch_cap=5.0, budget=9000, validation=0.1),
    "no validation": Settings(weights={"odd": 1.0, "web": 1.0}, validation=0.0, epoch_cap=4.0),
    "a tenth of many epochs": Settings(
        weights=WEIGHTS, budget=12_000, epoch_cap=9.0, validation=0.1
    ),
}


def slow(settings: Settings, receipt: Any) -> dict[str, list[tuple[str, int, int]]]:
    """The streams by the rule as the mix page states it, leaf by leaf, no shortcut taken."""
    rows = documents()
    keys = dict(zip([r["id"] for r in rows], id_keys([r["id"] for r in rows]), strict=True))

    def u(name: str, purpose: str, copy: int = 0) -> float:
        return float(uniform(id_keys([name]), SEED, purpose, copy)[0])

    def leaf(row: dict[str, Any]) -> str:
        if row["source"] != "web" or "web" not in settings.split:
            return str(row["source"])
        if row["lang"] == "en":
            return "web/en/high" if row["tier"] == "high" else "web/en/*"
        return "web/zh" if row["lang"] == "zh" else ""

    found: dict[str, list[tuple[str, int, int]]] = {}
    held = held_out(settings, leaf, u)
    for side in ("train", "val"):
        own = [r for r in rows if (r["id"] in held) == (side == "val")]
        orders: dict[str, list[tuple[str, int, int]]] = {}
        found[side] = []
        for asked in asked_by_phase(receipt, side):
            stretch = []
            for path, tokens in asked.items():
                if path not in orders:
                    mine = [r for r in own if leaf(r) == path]
                    orders[path] = [
                        (r["id"], copy, r["tokens"])
                        for copy in range(10)
                        for r in sorted(
                            mine, key=lambda r, c=copy: (u(r["id"], "mix", c), keys[r["id"]])
                        )
                    ]
                before = 0
                while before < tokens:
                    name, copy, length = orders[path].pop(0)
                    length = min(length, tokens - before)
                    v = (before + length / 2) / tokens
                    stretch.append((v, path, keys[name], (name, copy, length)))
                    before += length
            found[side] += [row[-1] for row in sorted(stretch)]
    return found


def held_out(settings: Settings, leaf: Callable[..., str], u: Callable[..., float]) -> set[str]:
    """The ids that are held out, by the rule as the mix page states it."""
    rows, share = documents(), settings.validation
    position = {row["id"]: u(row["cluster"], "validation") for row in rows}
    held = {row["id"] for row in rows if position[row["id"]] < share}
    for _ in range(8 if share else 0):
        before = set(held)
        left: Counter[str] = Counter(dict.fromkeys(DOCUMENTS, 0))
        for row in rows:
            if leaf(row):
                left[leaf(row)] += row["tokens"] if row["id"] not in before else 0
        if settings.split:
            del left["web"]
        asked = {one.path: one.asked for one in plan(settings, left).shares}
        for path in left:
            want = round(Fraction(share) * asked.get(path, 0))
            mine = [row for row in rows if leaf(row) == path]
            total = sum(row["tokens"] for row in mine)
            have = sum(row["tokens"] for row in mine if row["id"] in held)
            steps: dict[int, list[dict[str, Any]]] = {}
            for row in mine:
                if row["alike"] == 1 and row["id"] not in held:
                    step = int((position[row["id"]] - share) / (1 - share) * 4096)
                    steps.setdefault(step, []).append(row)
            for step in sorted(steps):
                have_then = have + sum(row["tokens"] for row in steps[step])
                if have >= want or have_then > min(2 * want, total // 2):
                    break
                held |= {row["id"] for row in steps[step]}
                have = have_then
        if held == before:
            break
    return held


def asked_by_phase(receipt: Any, side: str) -> list[dict[str, int]]:
    if side == "train":
        return [{k: n for k, n in phase["asked"].items() if n} for phase in receipt["phases"]]
    asked = {}
    for source, row in receipt["val"]["sources"].items():
        for path, part in row.get("parts", {source: row}).items():
            asked[path] = part["asked_tokens"]
    return [{path: n for path, n in asked.items() if n}]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A case made by one task."""
    folder = tmp_path_factory.mktemp("whole")
    return cache(lambda case: mixed(folder / case.replace(" ", "-"), CASES[case], 4))


@pytest.mark.parametrize("case", CASES)
def test_one_task_draws_by_the_rule(whole: Callable[[str], Path], case: str) -> None:
    run = whole(case)
    expected = slow(CASES[case], facts(run))
    got = streams(run)
    for side in ("train", "val"):
        columns = (got[side].column(name).to_pylist() for name in ("id", "copy", "length"))
        assert list(zip(*columns, strict=True)) == expected[side]
    stands = Counter(name for name, _, _ in expected["train"])
    counted = got["repetitions"]
    assert (
        dict(zip(*(counted.column(n).to_pylist() for n in ("id", "times")), strict=True)) == stands
    )
    assert counted.column("id").to_pylist() == sorted(stands)
    assert facts(run)["repetitions"] == {
        str(n): count for n, count in sorted(Counter(stands.values()).items())
    }
    kept = Counter(row["source"] for row in documents() if drawn_at_all(row, expected))
    assert {row["source"]: row["kept"] for row in ledger(run)} == {s: kept[s] for s in DOCUMENTS}


def drawn_at_all(row: dict[str, Any], expected: dict[str, list[tuple[str, int, int]]]) -> bool:
    return any(row["id"] == name for side in expected.values() for name, _, _ in side)


@pytest.mark.parametrize("case", ["three and a half epochs", "a tenth of many epochs"])
def test_validation_has_its_size_and_shares_where_documents_are_drawn_again(
    whole: Callable[[str], Path], case: str
) -> None:
    """By hash alone a source that is drawn four times had a quarter of what was asked."""
    run, share = whole(case), CASES[case].validation
    receipt = facts(run)
    train, val = receipt["train"]["sources"], receipt["val"]["sources"]
    for source, row in train.items():
        assert row["epochs"] > 1.5
        assert val[source]["delivered_tokens"] == round(Fraction(share) * row["delivered_tokens"])
    assert receipt["val"]["asked_tokens"] == receipt["val"]["tokens"]
    assert not [note for note in receipt["notes"] if "validation" in note]


def test_what_validation_lacks_is_told(whole: Callable[[str], Path]) -> None:
    """`odd` has no documents that are known to be single, so none are added."""
    receipt = facts(whole("phases"))
    asked, there = receipt["val"]["asked_tokens"], receipt["val"]["tokens"]
    assert there < asked
    notes = [note for note in receipt["notes"] if note.startswith("validation")]
    assert notes[-1].startswith(
        f"validation has {there:,} of {asked:,} tokens: 10.0000% of training"
    )
    assert any("'odd'" in note for note in notes[:-1])


@pytest.mark.parametrize("ranges", [289, 100, 37, 5])
@pytest.mark.parametrize("case", CASES)
def test_ranges_change_nothing(
    whole: Callable[[str], Path], tmp_path: Path, case: str, ranges: int
) -> None:
    one = whole(case)
    parts = mixed(tmp_path / "parts", replace(CASES[case], range_documents=ranges), 4)
    assert len(list((parts / "mix").glob("train-*.parquet"))) >= len(facts(one)["phases"])
    assert not (parts / "mix" / "train.parquet").exists()
    for name, table in streams(one).items():
        assert streams(parts)[name].equals(table), name
    assert facts(parts) == facts(one)
    assert ledger(parts) == ledger(one)


def test_how_documents_lie_in_parts_changes_no_draw(tmp_path: Path) -> None:
    settings = replace(CASES["phases"], range_documents=37)
    few, many = (mixed(tmp_path / str(n), settings, n) for n in (3, 11))
    for name, table in streams(few).items():
        named = [column for column in table.column_names if column not in ("part", "row", "offset")]
        assert streams(many)[name].select(named).equals(table.select(named))
    assert facts(few) == facts(many)


def test_the_ledger_of_an_earlier_run_goes_on_in_ranges(tmp_path: Path) -> None:
    first = replace(CASES["a little of each"], range_documents=20)
    earlier = mixed(tmp_path / "earlier", first, 4)
    settings = replace(CASES["phases"], earlier=str(earlier))
    whole = mixed(tmp_path / "whole", settings, 4)
    parts = mixed(tmp_path / "parts", replace(settings, range_documents=30), 4)
    assert streams(parts)["repetitions"].equals(streams(whole)["repetitions"])
    before = dict(
        zip(
            *(streams(earlier)["repetitions"].column(n).to_pylist() for n in ("id", "times")),
            strict=True,
        )
    )
    rows = streams(whole)["repetitions"].to_pylist()
    assert {row["id"]: row["before"] for row in rows if row["before"]} == before
    assert any(not row["times"] for row in rows), "documents of the earlier run alone stay in it"


def test_a_changed_number_of_ranges_leaves_no_file_of_the_last(tmp_path: Path) -> None:
    settings = CASES["splits"]
    run = mixed(tmp_path / "run", replace(settings, range_documents=20), 4)
    many = len(list((run / "mix").glob("train-*.parquet")))
    mixed(run, replace(settings, range_documents=120), 4)
    assert len(list((run / "mix").glob("train-*.parquet"))) < many
    mixed(run, settings, 4)
    assert [path.name for path in sorted((run / "mix").glob("*.parquet"))] == [
        "repetitions.parquet",
        "train.parquet",
        "val.parquet",
    ]


@pytest.mark.parametrize("ranges", [1000, 50])
def test_bounds_of_diversity_end_the_run(tmp_path: Path, ranges: int) -> None:
    settings = Settings(diversity=Diversity(entropy={"lang": 3.0}), range_documents=ranges)
    with pytest.raises(RecipeError, match=r"entropy of lang is 1\.\d+ bits, at least 3 is asked"):
        mixed(tmp_path / "run", settings, 3)


@pytest.mark.parametrize("ranges", [1000, 50])
def test_a_chosen_head_that_is_too_short_is_told(tmp_path: Path, ranges: int) -> None:
    facts_of_choice = {
        name: {"bytes": 100_000, "chosen_bytes": 1000, "complete": False} for name in DOCUMENTS
    }
    settings = Settings(weights=WEIGHTS, budget=40_000, range_documents=ranges)
    with pytest.raises(InputError, match=r"Lower mix\.bytes_per_token or raise mix\.margin"):
        mixed(tmp_path / "run", settings, 3, facts_of_choice)


def test_rows_between_two_values(tmp_path: Path) -> None:
    path, names = str(tmp_path / "x.parquet"), [f"{n:04d}" for n in range(0, 1000, 2)]
    table = pa.table({"id": names, "n": list(range(500))})
    write_batches(path, table.schema, table.to_batches(max_chunksize=7))
    for low, high in (("", ""), ("0100", "0300"), ("0101", "0101"), ("", "0014"), ("0990", "")):
        inside = [n for n in names if n >= low and (not high or n < high)]
        assert read_between(path, "id", low, high).column("id").to_pylist() == inside
