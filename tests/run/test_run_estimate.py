"""The estimate: its scaling by hand, the canary's draw, and one canary of the embedded sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusforge import recipe as recipes
from corpusforge.errors import InputError
from corpusforge.run import estimate as module
from corpusforge.run.estimate import Canary, Cost, canary_recipe, choose_files, estimate, lines
from corpusforge.run.inputs import InputFile, find_inputs
from pipelines import pretrain_mix


def canary(seconds: float = 36.0, parts: int = 100) -> Canary:
    """Source a is covered by a tenth, b whole."""
    return Canary(
        stored={"a": 1000, "b": 50},
        covered={"a": 100, "b": 50},
        files={"a": 2, "b": 1},
        parts=parts,
        costs={
            "documents": Cost(seconds, {"a": 72.0, "b": 36.0}, {"a": 3e8, "b": 1e9}),
            "duplicates": Cost(7.0, {"a": 3.6, "b": 36.0}, {"a": 1e8, "b": 0.0}),
            "evaluation": Cost(1.0, {"a": 18.0, "b": 18.0}, {"a": 5.0, "b": 5.0}),
            "tokenizer": Cost(0.0, {"a": 0.36}, {"a": 20.0}),
        },
        documents={"a": 7, "b": 3},
        tokens={"a": 400.0, "b": 10.0},
        budget="all",
    )


def test_scaling_equals_a_hand_calculation() -> None:
    guess = estimate(canary(), workers=4)
    # documents: (72 x 10 + 36) s on 4 workers; duplicates: 36 + 36 s in one task; models stay as large
    assert guess.hours == pytest.approx(
        {"documents": 189 / 3600, "duplicates": 72 / 3600, "evaluation": 0.01, "tokenizer": 0.001}
    )
    assert guess.disk == pytest.approx(
        {"documents": 4e9, "duplicates": 1e9, "evaluation": 10.0, "tokenizer": 20.0}
    )
    assert (guess.documents, guess.tokens) == (73, 4010)


def test_no_more_workers_than_parts_are_busy() -> None:
    guess = estimate(canary(parts=2), workers=64)
    assert guess.hours["documents"] == pytest.approx(378 / 3600)
    assert guess.hours["duplicates"] == pytest.approx(72 / 3600)


def test_lines_show_totals_whole_sources_and_warn_only_when_short() -> None:
    text = list(lines(canary(), 4, (2_000_000_000, 1_500_000_000)))
    total = next(line for line in text if line.startswith("total")).split()
    assert total == ["total", "44.0", "0.0835", "5"]
    assert [line.split()[0] for line in text if "taken whole" in line] == ["b"]
    assert any("2.00 GB this process, 1.50 GB" in line for line in text)
    assert not any(line.startswith("warning") for line in text)
    short = list(lines(canary(seconds=1.5), 4, (1, 1)))
    assert "9.5 s" in next(line for line in short if line.startswith("warning"))


def inputs() -> list[InputFile]:
    names = [f"d{n % 3}/{n:03}.txt" for n in range(200)]
    many = [InputFile("a", name, 100 + n, 0, f"/x/{name}") for n, name in enumerate(names)]
    whole = InputFile("b", "one.bz2", 10**9, 0, "/y/one.bz2")
    return [*many, whole, InputFile("a", "empty", 0, 0, "/x/empty")]


@pytest.mark.parametrize("share", [0.001, 0.01, 0.2, 1.0])
def test_canary_covers_the_share_without_a_file_too_many(share: float) -> None:
    chosen = choose_files(inputs(), share, seed=1)
    sizes = [item.size for item in chosen if item.source == "a"]
    stored = sum(100 + n for n in range(200))
    assert sum(sizes) >= share * stored
    assert sum(sizes) - max(sizes) < share * stored
    assert [item.name for item in chosen if item.source == "b"] == ["one.bz2"]


def test_canary_is_the_same_for_any_order_and_another_for_another_seed() -> None:
    first = choose_files(inputs(), 0.05, seed=1)
    assert choose_files(inputs()[::-1], 0.05, seed=1) == first
    assert choose_files(inputs(), 0.05, seed=2) != first


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, float("nan")])
def test_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="--estimate"):
        choose_files(inputs(), share, seed=1)


def test_files_keep_their_names_and_the_budget_shrinks(tmp_path: Path) -> None:
    for name in ("x/same.txt", "y/same.txt", "y/odd[1].txt", "z/none.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    recipe = recipes.load(
        "sample", [f"books={tmp_path}/*/*.txt"], ["mix.budget=1000", "mix.policy=error"]
    )
    every = [item for item in find_inputs(recipe)[0] if item.source == "books"]
    small = canary_recipe(recipe, every, every[:3])
    assert find_inputs(small)[0] == every[:3]
    assert small.mix.budget == 750
    assert small.mix.policy == "redistribute"


def test_estimate_of_the_sample_prints_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "deep" / "run"
    assert (
        pretrain_mix.main(["--output", str(output), "--workers", "1", "--quiet", "--estimate"]) == 0
    )
    text = capsys.readouterr().out.splitlines()
    first: dict[str, list[str]] = {}
    for line in filter(None, text):
        first.setdefault(line.split()[0], line.split())
    for stage in ("documents", "signatures", "duplicates", "tokens", "mix", "shards", "total"):
        assert float(first[stage][2]) > 0
        assert len(first[stage]) == 4
    assert first["books"][1] == "1"
    assert "GB this process" in " ".join(text)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_canary_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise InputError("broken")

    monkeypatch.setattr(module, "run", broken)
    with pytest.raises(InputError, match="broken"):
        pretrain_mix.run(["--output", str(tmp_path / "run"), "--workers", "1", "--estimate", "0.5"])
    assert list(tmp_path.iterdir()) == []
