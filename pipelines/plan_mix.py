"""The plan of a recipe's mixture, from token counts alone, before anything is tokenized.

    python -m pipelines.plan_mix --recipe gpt3
    python -m pipelines.plan_mix --recipe gpt3 --tokens wikipedia=3e9 --set mix.budget=1_000_000

Counts come from the recipe's [mix.counts], or from --tokens, which go first.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from corpusforge import recipe as recipes
from corpusforge.errors import RecipeError
from corpusforge.mix import Plan, Settings, diversity, leaf_paths, plan
from corpusforge.options import Parser
from corpusforge.printing import say_text
from corpusforge.program import guard

__all__ = ["main", "run"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.plan_mix",
        description="Print how many tokens and epochs each source of a recipe would give.",
    )
    add = options.add_argument
    add("--recipe", default="gpt3", metavar="NAME|FILE.toml", help="a recipe (default: gpt3)")
    add("--tokens", action="append", default=[], metavar="NAME=COUNT",
        help="tokens of a source, or of a sub-mix as SOURCE/VALUE; may be repeated")  # fmt: skip
    add("--set", action="append", default=[], dest="overrides", metavar="SECTION.KEY=VALUE",
        help="override a recipe value, e.g. mix.budget=1000000; may be repeated")  # fmt: skip
    return options


def run(argv: Sequence[str] | None = None) -> str:
    """Return the plan as text; raises CorpusforgeError where something given is wrong."""
    options = parser().parse_args(argv)
    recipe = recipes.load(options.recipe, (), options.overrides)
    settings = recipe.mix
    if settings.budget == "all" and settings.reported_budget:
        settings = replace(settings, budget=int(settings.reported_budget))
    available = counts(settings, sorted(recipe.sources), _given(options.tokens))
    made = plan(settings, available)
    return "\n".join([made.table(), *_diversity(settings, made)])


def counts(settings: Settings, sources: Sequence[str], given: Mapping[str, int]) -> dict[str, int]:
    """Return tokens by leaf path of the weighted sources; RecipeError where one is missing."""
    known = {**{name: int(tokens) for name, tokens in settings.counts.items()}, **given}
    paths = leaf_paths(settings, sources)
    missing = [path for path in paths if path not in known]
    if missing:
        raise RecipeError(
            f"no token count for {missing[0]!r}. Give --tokens {missing[0]}=COUNT, or set it in "
            "[mix.counts]."
        )
    unknown = sorted(set(given) - set(paths))
    if unknown:
        raise RecipeError(f"--tokens {unknown[0]}=…: known are {', '.join(paths)}.")
    return {path: known[path] for path in paths}


def _given(options: Sequence[str]) -> dict[str, int]:
    given = {}
    for option in options:
        name, equals, text = option.rpartition("=")
        try:
            given[name] = int(float(text.replace("_", "")))
        except ValueError:
            equals = ""
        if not equals or given[name] <= 0:
            raise RecipeError(f"--tokens {option!r}: expected NAME=COUNT, for example wiki=3e9.")
    return given


def _diversity(settings: Settings, made: Plan) -> list[str]:
    tokens: dict[str, int] = {}
    for share in made.shares:
        tokens[share.source] = tokens.get(share.source, 0) + share.asked
    bounds = settings.diversity
    only = {name: bits for name, bits in bounds.entropy.items() if name == "source"}
    report = diversity({"source": tokens}, replace(bounds, entropy=only))
    shares = report.shares["source"]
    largest = max(shares, key=lambda name: shares[name])
    line = (
        f"diversity: {report.entropy['source']:.3f} bits over sources; "
        f"largest {largest!r} with {shares[largest]:.1%}"
    )
    return [line, *(f"bound not met: {failure}" for failure in report.failures)]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return guard(lambda: say_text(run(argv)))


if __name__ == "__main__":
    sys.exit(main())
