"""Sweeps over stored statistics: the same counts as deciding anew with each threshold."""

from __future__ import annotations

import argparse
import json
import sys

import pyarrow as pa
import pytest

from corpusforge.errors import InputError
from corpusforge.filter import RULES, decide
from corpusforge.filter.stats import measure
from corpusforge.filter.sweep import add_parser
from corpusforge.io.parquet import write_table

TEXTS = [f"word number {i} " * (i + 1) for i in range(20)] + ["一二三四五" * 9, "国國" * 5]
LANGUAGES = ["en"] * 10 + ["fr"] * 10 + ["zh"] * 2
SOURCES = ["web"] * 15 + ["books"] * 7


@pytest.fixture
def run(tmp_path):
    """Statistics of a run in two parts; the second document was dropped by another rule."""
    stats = measure(pa.array(TEXTS))
    columns = {
        "id": [str(i) for i in range(len(TEXTS))],
        "source": SOURCES,
        "lang": LANGUAGES,
        "text_bytes": [len(text.encode()) for text in TEXTS],
        "rule": ["", "url.v1:domain", *[""] * 20],
    }
    whole = pa.table({**columns, **dict(zip(stats.schema.names, stats.columns, strict=True))})
    write_table(str(tmp_path / "stats" / "part-00000.parquet"), whole.slice(0, 9))
    write_table(str(tmp_path / "stats" / "part-00001.parquet"), whole.slice(9))
    return tmp_path


def sweep(capsys, *arguments: str) -> list[str]:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    options = parser.parse_args(["sweep", *arguments])
    assert options.run_command(options) == 0
    return capsys.readouterr().out.splitlines()


def block(lines: list[str], name: str) -> list[list[str]]:
    start = next(i for i, line in enumerate(lines) if line.startswith(name))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith(" "):
            break
        rows.append(line.split())
    return rows


def test_filter_sweep_counts_what_deciding_anew_counts(run, capsys) -> None:
    arguments = (str(run), "--rule", "gopher_quality.v1:words", "--alone", "--at", "6,30,50")
    rows = block(sweep(capsys, *arguments), "all / all")
    meta = pa.record_batch({"lang": ["en"] * len(TEXTS)})
    for row, threshold in zip(rows, (6, 30, 50), strict=True):
        rules = RULES["gopher_quality.v1"].with_bounds({"words_low": threshold})
        rule = decide(measure(pa.array(TEXTS)), meta, [rules]).rule
        kept = [i for i, name in enumerate(rule) if name != "gopher_quality.v1:words"]
        assert float(row[0].rstrip("*")) == threshold
        assert int(row[1]) == len(kept)
        assert int(row[3]) == sum(len(TEXTS[i].encode()) for i in kept)
    assert [row[0].endswith("*") for row in rows] == [False, False, True]


def test_filter_sweep_leaves_out_what_other_rules_dropped(run, capsys) -> None:
    arguments = (str(run), "--rule", "gopher_quality.v1:words", "--at", "1")
    assert block(sweep(capsys, *arguments), "all / all")[0][1] == "21"
    assert block(sweep(capsys, *arguments, "--alone"), "all / all")[0][1] == "22"


def test_filter_sweep_splits_by_source_and_language(run, capsys) -> None:
    lines = sweep(capsys, str(run), "--rule", "gopher_quality.v1:words", "--alone", "--at", "1")
    heads = [line.split(":")[0] for line in lines[2:] if not line.startswith(" ")]
    assert set(heads) == {"all / all", "web / en", "web / fr", "books / fr", "books / zh"}
    assert block(lines, "web / en")[0][1] == "10"


def test_filter_sweep_keeps_where_a_rule_does_not_apply(run, capsys) -> None:
    arguments = (str(run), "--rule", "zh.v1:mixed_variants", "--at", "0.3")
    lines = sweep(capsys, *arguments)
    assert block(lines, "web / fr")[0][2] == "100.0%"
    assert block(lines, "books / zh")[0][1] == "1"


def test_filter_sweep_estimates_tokens_and_draws(run, capsys) -> None:
    tokens = {"source": ["web"], "lang": ["en"], "tokens": [25], "bytes": [100]}
    write_table(str(run / "tokens" / "part-00000.parquet"), pa.table(tokens))
    picture = run / "curve.png"
    rule = "gopher_repetition.v1:top_2_gram_chars"
    lines = sweep(capsys, str(run), "--rule", rule, "--alone", "--at", "1", "--png", str(picture))
    size = sum(len(text.encode()) for text in TEXTS[:10])
    assert block(lines, "web / en")[0][-1] == f"{size / 4:.0f}"
    assert block(lines, "web / fr")[0][-1] == "-"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_filter_sweep_leaves_out_sources_that_the_rule_does_not_judge(run, capsys) -> None:
    """Of kind `web` gopher_quality.v1 judges, of `books` light.v1; zh.v1 is taken from both."""
    kinds = {name: {"kind": name} for name in ("web", "books")}
    recipe = {"sources": kinds, "filter": {"rules": {"web": ["gopher_quality.v1"]}}}
    (run / "recipe.json").write_text(json.dumps(recipe))
    lines = sweep(capsys, str(run), "--rule", "gopher_quality.v1:words", "--alone", "--at", "1")
    heads = [line.split(":")[0] for line in lines[2:] if not line.startswith(" ")]
    assert heads == ["all / all", "web / fr", "web / en"]  # the largest first
    assert block(lines, "all / all")[0][1] == str(SOURCES.count("web"))
    lines = sweep(capsys, str(run), "--rule", "light.v1:words", "--alone", "--at", "1")
    assert block(lines, "all / all")[0][1] == str(SOURCES.count("books"))
    lines = sweep(capsys, str(run), "--rule", "zh.v1:mixed_variants", "--alone", "--at", "1")
    assert block(lines, "all / all")[0][1] == str(len(SOURCES))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rule", "gopher_quality.v1:word"), "gopher_quality.v1:words"),
        (("--rule", "url.v1:domain"), "stored statistic"),
        (("--rule", "c4.v1:sentences", "--at", "x"), "expected numbers"),
    ],
)
def test_filter_sweep_refuses(run, capsys, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sweep(capsys, str(run), *arguments)


def test_filter_sweep_says_where_statistics_should_be(tmp_path, capsys) -> None:
    with pytest.raises(InputError, match="stats/part"):
        sweep(capsys, str(tmp_path), "--rule", "c4.v1:sentences")


def test_a_picture_without_matplotlib_is_refused_before_anything_is_printed(
    run, capsys, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    picture = run / "none.png"
    with pytest.raises(InputError, match=r"pip install 'corpusforge\[plots\]'"):
        sweep(capsys, str(run), "--rule", "gopher_quality.v1:words", "--png", str(picture))
    assert capsys.readouterr().out == ""
    assert not picture.exists()
