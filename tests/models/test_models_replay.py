"""Replay answers from a journal, the same bytes, and names what the journal lacks."""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from corpusforge.errors import InputError, RecipeError
from corpusforge.models import Client, Sampling, Settings
from corpusforge.models.engines import open_client, open_engine
from corpusforge.models.options import add_model_options, settings_from
from corpusforge.models.replay import ReplayEngine
from tests.models.test_models_client import Fake, ask

ROOT = Path(__file__).resolve().parents[2]


def record(path: Path) -> list[str]:
    with Client(Fake(), path) as client:
        return [item.text for item in client.complete([ask("a"), ask("乙")])]


def test_replay_gives_the_recorded_answers_and_writes_nothing(tmp_path: Path) -> None:
    texts = record(tmp_path / "j")
    before = (tmp_path / "j").read_bytes()
    settings = Settings(engine="replay", journal=str(tmp_path / "j"), max_requests=0)
    with open_client(settings, tmp_path / "out") as client:
        assert client.engine.model == "fake-1", "the journal knows its model"
        assert [item.text for item in client.complete([ask("a"), ask("乙")])] == texts
    assert (tmp_path / "j").read_bytes() == before
    assert not (tmp_path / "out").exists()


def test_a_missing_answer_names_its_purpose(tmp_path: Path) -> None:
    record(tmp_path / "j")
    with Client(ReplayEngine(tmp_path / "j")) as client:
        out = client.complete([ask("c", "instruct.classify"), ask("a")])
    assert [item.finish_reason for item in out] == ["error", "stop"]
    assert "instruct.classify" in out[0].error
    assert out[0].key in out[0].error


def test_other_sampling_is_another_question(tmp_path: Path) -> None:
    record(tmp_path / "j")
    other = replace(ask("a"), sampling=Sampling(max_tokens=11))
    with Client(ReplayEngine(tmp_path / "j")) as client:
        assert client.complete([other])[0].finish_reason == "error"


def test_the_model_must_be_said_where_a_journal_holds_several(tmp_path: Path) -> None:
    with Client(Fake(), tmp_path / "j") as client:
        client.complete([ask("a"), replace(ask("a"), model="second")])
    with pytest.raises(InputError, match=r"fake-1, second\. Say which by --model"):
        ReplayEngine(tmp_path / "j")
    with Client(ReplayEngine(tmp_path / "j", "second")) as client:
        assert client.complete([ask("a")])[0].text == "re: a"


def test_replay_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give --journal"):
        open_engine(Settings(engine="replay"))
    with pytest.raises(InputError, match="does not exist"):
        open_engine(Settings(engine="replay", journal=str(tmp_path / "none")))


def parse(*words: str) -> Settings:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_model_options(parser)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--workers", type=int)
    return settings_from(parser.parse_args(words))


def test_no_options_are_the_defaults_and_each_setting_has_one() -> None:
    assert parse() == Settings()
    values = {"engine": "replay", "dtype": "float16", "max_tokens_field": "max_completion_tokens"}
    for item in fields(Settings):
        value = values.get(item.name, "1" if item.name != "max_cost" else "")
        if value:
            prefix = "--model-" if item.name in ("seed", "workers") else "--"
            made = parse(prefix + item.name.replace("_", "-"), value)
            assert str(getattr(made, item.name)).startswith(value)
    assert parse("--max-cost", "2", "--price-in", "1").budget.max_cost == 2
    assert parse("--seed", "9").seed == 0


def test_every_option_stands_in_the_documentation() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    for item in fields(Settings):
        assert f"`{item.name}`" in page, item.name


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"engine": "opnai"}, "models.engine: 'opnai' is not known. Did you mean 'openai'"),
        ({"concurrency": 0}, "models.concurrency is 0"),
        ({"top_p": 0.0}, "models.top_p is 0"),
        ({"max_tokens": 0}, "models.max_tokens is 0"),
        ({"max_cost": 3.0}, "price_in and price_out"),
    ],
)
def test_settings_that_make_no_sense_are_named(values: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Settings(**values)


def test_settings_override_a_steps_sampling_only_where_they_are_given() -> None:
    step = Sampling(temperature=0.7, top_p=0.5, stop=("x",))
    assert Settings().sampling(step) == step
    assert Settings(temperature=0.0, max_tokens=9).sampling(step) == Sampling(
        temperature=0.0, top_p=0.5, stop=("x",), max_tokens=9
    )


def test_import_loads_none_of_the_engines() -> None:
    code = (
        "import sys, corpusforge.models; "
        "print([m for m in ('torch', 'transformers', 'openai', 'numba') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_object_store_is_no_place_for_a_journal(tmp_path: Path, monkeypatch) -> None:
    """Joined as a path "s3://b/out" is the local "s3:/b/out": it must be refused, and not made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="needs a local directory"):
        open_client(Settings(engine="openai", model="m"), "s3://bucket/out")
    assert list(tmp_path.iterdir()) == []
