"""What a recipe and its overrides may say: wrong ones are named at once, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusforge import recipe as recipes
from corpusforge.errors import RecipeError

SOURCE_NAMES = ["a/b", "../x", "/etc", "", "a b", "a\nb", "a:b", "a=b", "a|b", "a,b", ".hidden", "-x", "+x",
                "\x1b[2J", "a\u202eb", "a*", "a[1]", "a?", "'a'", "x" * 101, "a\\b"]  # fmt: skip


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_a_source_s_name_is_checked_before_anything_is_read(name: str) -> None:
    with pytest.raises(RecipeError, match="a source's name is a part of paths and options"):
        recipes.parse({"name": "own", "sources": {name: {"kind": "web", "path": "x"}}})


@pytest.mark.parametrize("name", ["web", "cc_2024-10", "books.v1", "c++", "2024", "网页", "été"])
def test_plain_names_of_any_script_are_taken(name: str) -> None:
    made = recipes.parse({"name": "own", "sources": {name: {"kind": "web", "path": "x"}}})
    assert list(made.sources) == [name]


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "a\\b", ".x", "..", "a\x1b[31m", "a\nb", "\u202e"]
)
def test_a_recipe_s_name_is_a_folder_s_name(name: str) -> None:
    with pytest.raises(RecipeError, match="expected a plain name"):
        recipes.parse({"name": name})


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("wbe:weeb=x", r"kind is 'weeb'.* Did you mean 'web'\?"),
        ("other=x", "has no source 'other'; say of which kind"),
        ("a/b:web=x", "part of paths and options"),
        ("web:=x", None),  # an empty kind is the recipe's own
        ("web=", "expected NAME=GLOB"),
        ("=x", "expected NAME=GLOB"),
        ("web", "expected NAME=GLOB"),
        ("", "expected NAME=GLOB"),
    ],
)
def test_a_source_option(option: str, words: str | None) -> None:
    if words is None:
        recipes.load("sample", [option])
        return
    with pytest.raises(RecipeError, match=words):
        recipes.load("sample", [option])


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("mix.bugdet=5", "Did you mean 'budget'"),
        ("mx.budget=5", "Did you mean 'mix'"),
        ("mix=5", "expected a table"),
        ("mix.budget=abc", "expected a number of tokens"),
        ("mix.budget=-5", "more than 0"),
        ("mix.budget=1\nseed=5", "expected a number of tokens"),  # not: the second line passed over
        ("mix.budget.x=4", "is a value, not a section"),
        ("dedup.threshold=nan", "expected a number"),
        ("mix.weights={web=nan}", "expected a number"),
        ("mix.epoch_cap=inf", "expected more than 0"),
        ("seed=" + "9" * 30, "more than 64 bits"),
        ("seed=" + "9" * 5000, "expected a whole number"),
        ("seed=" + "[" * 5000, "expected a whole number"),
        ("seed=true", "expected a whole number"),
        ("sources.web=5", r"write a section \[sources\.web\]"),
        ("sources.web.path=5", "expected a list"),
        ("sources.web.kind=[1]", "expected one of"),
        ("sources.a/b.kind=web", "part of paths and options"),
        ("nothing", "expected section.key=value"),
        (".=1", "expected section.key=value"),
        ("", "expected section.key=value"),
    ],
)
def test_an_override(option: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as told:
        recipes.load("sample", (), [option])
    assert len(str(told.value)) < 500


def test_recipe_files_as_editors_write_them(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes('name = "own"\n'.encode("utf-8-sig"))
    assert recipes.load(str(path)).name == "own"
    for content, words in [
        (b'name = "\xe9"', "not UTF-8"),
        ('name = "own"'.encode("utf-16"), "not UTF-8"),
        (b"name = ", "not valid TOML"),
        (b"x = " + b"[" * 20_000, "not valid TOML"),
        (b"seed = " + b"9" * 5000, "not valid TOML"),
        (b"\x00", "not valid TOML"),
        (b"[sources]\nweb = 1", "write a section"),
        (b"sources = 1", "not a table"),
    ]:
        path.write_bytes(content)
        with pytest.raises(RecipeError, match=words):
            recipes.load(str(path))
    path.unlink()
    path.mkdir()
    with pytest.raises(RecipeError, match="cannot be read"):
        recipes.load(str(path))
    with pytest.raises(RecipeError, match=r"does not exist"):
        recipes.load(str(tmp_path / "none.toml"))
    with pytest.raises(RecipeError, match="Did you mean 'gpt3'"):
        recipes.load("gtp3")
