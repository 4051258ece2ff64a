"""`python -m pipelines.plan_mix`: the plan from counts alone."""

import pytest

from pipelines.plan_mix import main, run

GPT3 = """
name = "mini"
[sources.cc]
kind = "web"
[sources.webtext2]
kind = "web"
[sources.books1]
kind = "books"
[sources.books2]
kind = "books"
[sources.wiki]
kind = "wikipedia"
[mix]
weights = { cc = 60, webtext2 = 22, books1 = 8, books2 = 8, wiki = 3 }
budget = 300_000
counts = { cc = 410_000, webtext2 = 19_000, books1 = 12_000, books2 = 55_000, wiki = 3_000 }
reported_epochs = { webtext2 = 2.9, wiki = 3.4 }
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "mini.toml"
    path.write_text(GPT3)
    return str(path)


def test_prints_the_plan_and_where_the_paper_does_not_close(recipe):
    text = run(["--recipe", recipe])
    rows = {line.split()[0]: line.split()[-1] for line in text.splitlines()}
    assert (rows["cc"], rows["webtext2"], rows["books1"]) == ("0.435", "3.439", "1.980")
    assert (rows["books2"], rows["wiki"]) == ("0.432", "2.970")
    assert "note: the weights sum to 101" in text
    assert text.count("does not follow from its own table") == 2
    assert "largest 'cc' with 59.4%" in text


def test_counts_and_values_can_be_given(recipe):
    text = run(["--recipe", recipe, "--tokens", "cc=820e3", "--set", "mix.budget=101_000"])
    row = next(line for line in text.splitlines() if line.startswith("cc"))
    assert row.split()[-3:] == ["820,000", "60,000", "0.073"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tokens", "cc"], "expected NAME=COUNT"),
        (["--tokens", "cc=many"], "expected NAME=COUNT"),
        (["--tokens", "dd=1"], "known are"),
        (["--set", "mix.split.cc={by='lang', weights={en=1, zh=1}}"], "--tokens cc/en=COUNT"),
    ],
)
def test_what_is_wrong_is_said_and_ends_with_two(recipe, options, message, capsys):
    assert main(["--recipe", recipe, *options]) == 2
    assert message in capsys.readouterr().err


def test_a_bound_that_does_not_hold_is_said(recipe):
    text = run(["--recipe", recipe, "--set", "mix.diversity.largest_source=0.5"])
    assert "bound not met: source 'cc' has 59.4% of the tokens, at most 50.0%" in text
