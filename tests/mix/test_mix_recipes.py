"""Every recipe that ships: loads, plans from counts alone, and closes where its paper does."""

import pytest

from corpusforge import recipe as recipes
from corpusforge.mix import check
from pipelines.plan_mix import run

PLANNED = sorted(set(recipes.names()) - {"sample"})
NOTED = {"gpt3": ["webtext2", "wikipedia"]}


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_names_its_references_and_only_its_own_sources(name):
    recipe = recipes.load(name)
    assert recipe.name == name
    assert recipe.description and recipe.notes
    check(recipe.mix, sorted(recipe.sources))


@pytest.mark.parametrize("name", PLANNED)
def test_a_recipe_can_be_planned_and_says_where_its_paper_does_not_close(name):
    text = run(["--recipe", name])
    for source in recipes.load(name).mix.weights:
        assert source in text
    said = [line for line in text.splitlines() if "does not follow from its own table" in line]
    assert len(said) == len(NOTED.get(name, []))
    for line, source in zip(said, NOTED.get(name, []), strict=True):
        assert repr(source) in line


def test_the_systems_of_the_literature_are_there():
    asked = {
        "gpt1",
        "gpt2",
        "gpt3",
        "codex",
        "opt",
        "roots",
        "palm",
        "llama",
        "glm130b",
        "promptclue",
    }
    assert asked | {"chinese", "openwebtext", "fineweb_like", "dclm_like"} <= set(recipes.names())
