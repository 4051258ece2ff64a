"""One description for each setting: in --help, in docs/settings.md, in the recipe's schema."""

from __future__ import annotations

import argparse
import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

import pytest
from test_contracts_settings import classes

from corpusforge.errors import RecipeError
from corpusforge.fields import descriptions
from corpusforge.models.options import add_model_options, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser, add_settings, settings_of
from corpusforge.recipe import SECTIONS
from schemas import build, settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Every type of setting."""

    whole: int = 3
    """A whole number,
    in 100 % of cases."""
    share: float | None = None
    """A share."""
    switch: bool = True
    """A switch."""
    off: bool = False
    """Another."""
    name: str = "a"
    """A name."""
    kind: Literal["x", "y"] = "x"
    """A kind."""
    many: tuple[str, ...] = ("p", "q")
    """Names."""
    numbers: tuple[float, ...] = ()
    """Numbers."""
    table: dict[str, str] = dataclasses.field(default_factory=dict)
    """No option can say it."""

    def __post_init__(self) -> None:
        if self.whole < 0:
            raise RecipeError("sample.whole is below 0")


def parser() -> Parser:
    made = Parser(prog="sample")
    add_settings(made, Sample, "sample", rename={"name": "other-name"}, prefix="own_")
    return made


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_setting_is_described(cls: type) -> None:
    assert {item.name for item in dataclasses.fields(cls)} <= set(descriptions(cls))


def test_the_page_and_the_schema_are_what_the_classes_say() -> None:
    text = settings.PAGE.read_text(encoding="utf-8")
    assert text == settings.page(), "run `python -m schemas.build` and look at the diff"
    schema = build.documents()["recipe.v1.json"]
    for cls in SECTIONS.values():
        for meaning in descriptions(cls).values():
            assert json.dumps(meaning, ensure_ascii=False) in schema
            assert meaning.replace("|", "\\|") in text


def test_options_give_the_settings_back() -> None:
    nothing = settings_of(parser().parse_args([]), Sample, prefix="own_")
    assert nothing == Sample()
    line = "--whole 5 --share 0.25 --no-switch --off --other-name b --kind y --many s,t --numbers 1,2.5"
    found = settings_of(parser().parse_args(line.split()), Sample, prefix="own_")
    assert found == Sample(
        whole=5, share=0.25, switch=False, off=True, name="b", kind="y", many=("s", "t"),
        numbers=(1.0, 2.5),
    )  # fmt: skip
    other = Sample(whole=9, name="c")
    over = settings_of(parser().parse_args(["--whole", "5"]), Sample, prefix="own_", default=other)
    assert (over.whole, over.name) == (5, "c")
    with pytest.raises(RecipeError, match="below 0"):
        settings_of(parser().parse_args(["--whole=-1"]), Sample, prefix="own_")


def test_help_tells_meaning_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--whole N A whole number, in 100 % of cases (default: 3)" in said
    assert "--many A,B Names (default: p,q)" in said
    assert "--table" not in said


def test_every_model_option_reads_back() -> None:
    made = argparse.ArgumentParser()
    add_model_options(made)
    assert settings_from(made.parse_args([])) == ModelSettings()
    line = [
        "--engine",
        "openai",
        "--model-seed",
        "4",
        "--model-workers",
        "2",
        "--max-requests",
        "9",
    ]
    assert settings_from(made.parse_args(line)) == ModelSettings(
        engine="openai", seed=4, workers=2, max_requests=9
    )
