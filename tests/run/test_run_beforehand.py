"""What would fail after hours is told before the first stage; what is missing or empty is told alike."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from corpusforge.errors import InputError
from corpusforge.run import beforehand
from pipelines import pretrain_mix

WORDS = [
    "river", "valley", "miller", "story", "people", "bridge", "winter", "letter", "garden", "window",
    "market", "harbour", "teacher", "journey", "mountain", "kitchen", "morning", "evening", "quiet",
    "early", "golden", "distant", "narrow", "broken", "gentle", "careful", "remember", "carry",
    "follow", "gather", "listen", "wonder", "travel", "answer", "because", "although", "between",
    "behind", "without", "towards", "during",
]  # fmt: skip


def rows(path: Path, texts: list[str]) -> str:
    path.write_text(
        "".join(json.dumps({"id": str(n), "text": t}) + "\n" for n, t in enumerate(texts))
    )
    return str(path)


def text(number: int, sentences: int = 60) -> str:
    """Sentences that no other number's text has."""
    draw = random.Random(number)
    lines = (f"The {' '.join(draw.choices(WORDS, k=11))} of the day." for _ in range(sentences))
    return "\n".join(lines)


RECIPE = """
name = "own"
[sources.crawl]
kind = "documents"
[sources.wiki]
kind = "documents"
[sources.extra]
kind = "documents"
path = "none/*.jsonl"
optional = true
[filter.rules]
wiki = []
[tokenize]
vocab_size = 300
[mix]
weights = {{ crawl = 50, wiki = 30, extra = 20 }}
policy = "redistribute"
{more}
"""
CLASSIFIER = '[score.train]\npositive = ["wiki"]\nnegative = ["crawl"]\n'


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command on ten documents of each source, of the recipe that `own.toml` then holds."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(RECIPE.format(more=""))
    crawl = rows(tmp_path / "crawl.jsonl", [text(n) for n in range(10)])
    wiki = rows(tmp_path / "wiki.jsonl", [text(n) for n in range(10, 20)])
    sources = ["--source", f"crawl={crawl}", "--source", f"wiki={wiki}"]
    return ["--recipe", "own.toml", "--output", "run", "--workers", "1", "--quiet", *sources]


def run(told: list[str], *more: str) -> None:
    pretrain_mix.run([*told, *more])


def begun(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "run").glob("*") if path.is_dir())


def test_too_little_text_for_the_classifier_is_told_first_and_the_override_works(
    tmp_path: Path, told: list[str]
) -> None:
    (tmp_path / "own.toml").write_text(RECIPE.format(more=CLASSIFIER))
    short = rows(tmp_path / "few.jsonl", [text(2, 12), "too short", text(2, 12)])
    few = [*told, "--source", f"crawl={short}"]
    few.remove(f"crawl={tmp_path}/crawl.jsonl")
    few.remove("--source")
    with pytest.raises(InputError) as error:
        run(few)
    words = str(error.value)
    assert words.startswith("score.train.negative has 1 windows of text to train on in 3 records; ")
    assert begun(tmp_path) == [], "no stage has begun"
    options = [word.strip("'") for word in words.split("without a classifier: ")[1].split()]
    run(few, *options)
    assert (tmp_path / "run/report.html").exists()


def test_enough_text_goes_on_and_what_crashed_the_check_is_left_to_the_stage(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.toml").write_text(RECIPE.format(more=CLASSIFIER))
    (tmp_path / "run").mkdir()
    (tmp_path / "run/recipe.json").write_text('{"name": "own"}')
    (tmp_path / "run/check.begun").touch()  # as a crash in the middle of the check leaves it

    def crashes(*_: object) -> None:
        raise AssertionError("looked at again")

    with monkeypatch.context() as patch:
        patch.setattr(beforehand, "_check_side", crashes)
        run(told, "--until", "classifier")
    assert (tmp_path / "run/classifier/model.bin").exists()
    assert not (tmp_path / "run/check.begun").exists()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (
            "tokenize.tokenizer=gpt5-turbo",
            "neither 'train', a path, a tiktoken encoding, nor a model",
        ),
        ("tokenize.tokenizer=none.tiktoken", "does not exist"),
        ("tokenize.tokenizer=tokenizer.json", "does not exist"),
        ("score.model=none.bin", "does not exist"),
        ("decontaminate.index=none.index", "does not exist"),
        ('decontaminate.sets={own="none.jsonl:text"}', "does not exist"),
    ],
)
def test_files_and_names_of_later_stages(
    tmp_path: Path, told: list[str], option: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        run(told, "--set", option)
    assert not (tmp_path / "run").exists()
    if "tokenizer" in option:  # a run that stops before needs none
        run(told, "--set", option, "--until", "documents")


def test_an_estimate_skips_a_missing_optional_source_as_the_run_does(
    tmp_path: Path, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told.remove("--quiet")
    pretrain_mix.run([*told, "--estimate", "0.5"])
    shown = capsys.readouterr()
    assert "source 'extra': optional and not found, skipped" in shown.err
    listed = [line.split()[0] for line in shown.out.splitlines() if " taken whole" in line]
    assert listed == ["crawl", "wiki"]
    pretrain_mix.run(told)
    assert "source 'extra': optional and not found, skipped" in capsys.readouterr().err


def test_a_source_of_which_nothing_is_left_is_told_everywhere(
    tmp_path: Path, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of the weight on pages that all go: the rest takes its share, and four places say so."""
    rows(tmp_path / "crawl.jsonl", ["short", "shorter"])
    told.remove("--quiet")
    pretrain_mix.run([*told, "--set", "mix.validation=0.001"])
    shown = capsys.readouterr()
    lost = (
        "source 'crawl' has weight 50.0% and no document left; its share went to wiki (now 100.0%)"
    )
    assert f"warning: {lost}\n" in shown.err.replace("\n ", " ")
    assert f"warning: {lost}\n" in shown.out
    assert "warning: val is empty: " in shown.out
    receipt = json.loads((tmp_path / "run/mix/receipt.json").read_text())
    assert lost in receipt["warnings"] and any("val is empty" in w for w in receipt["warnings"])
    assert lost in json.loads((tmp_path / "run/report.json").read_text())["mix"]["warnings"]
    assert lost.replace("'", "&#39;") in (tmp_path / "run/report.html").read_text()
    assert lost in (tmp_path / "run/CARD.md").read_text()


def test_a_run_that_lacks_nothing_has_no_warning(tmp_path: Path, told: list[str]) -> None:
    run(told, "--set", "mix.weights={crawl=1, wiki=1}", "--set", "mix.validation=0.2")
    assert "warnings" not in json.loads((tmp_path / "run/mix/receipt.json").read_text())
