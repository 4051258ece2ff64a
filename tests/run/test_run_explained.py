"""`corpusforge recipe show` adds comments alone, and one for each key that is a setting."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from corpusforge import recipe as recipes
from corpusforge.cli import main
from corpusforge.run.explained import explained

FREE = ("[mix.counts]", "[filter.rules]", "[filter.bounds.")
"""Tables whose keys are the recipe's own names: the table is told, not each key."""


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_explained_is_the_same_recipe(name: str) -> None:
    assert tomllib.loads("\n".join(explained(recipes.text(name)))) == tomllib.loads(
        recipes.text(name)
    )


@pytest.mark.parametrize("name", recipes.names())
def test_every_key_and_table_of_free_names_is_told(name: str) -> None:
    lines, free = list(explained(recipes.text(name))), False
    for above, line, below in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        if line.startswith("["):
            free = line.startswith(FREE)
            assert below.startswith("# ") or not free, line
        elif re.match(r"\w+ =", line) and not free:
            assert above.startswith("# "), line


def test_a_key_s_meaning_is_that_of_its_own_table() -> None:
    text = '[score.keep]\nrule = "pareto"\n[mix.counts]\nrule = 1\n[[mix.phases]]\nshare = 0.5\n'
    said = list(explained(text))
    assert said[said.index('rule = "pareto"') - 1].startswith("# ")
    assert said[said.index("rule = 1") - 2] == "[mix.counts]"  # then what the table is
    assert said[said.index("share = 0.5") - 1].startswith("# ")


def test_text_in_a_string_of_several_lines_is_left_alone() -> None:
    text = 'description = """\n[mix]\nseed = 1\n"""\nseed = 2\n'
    assert tomllib.loads("\n".join(explained(text))) == tomllib.loads(text)


def test_the_command_prints_a_file_too(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\n[sources.web]\npath = "x"\n')
    assert main(["recipe", "show", str(path)]) == 0
    assert tomllib.loads(capsys.readouterr().out)["sources"] == {"web": {"path": "x"}}
    assert main(["recipe", "show", "smaple"]) == 2
    assert "Did you mean 'sample'?" in capsys.readouterr().err
