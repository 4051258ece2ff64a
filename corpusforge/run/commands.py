"""Commands that look at a run: why, inspect, diff, verify; and at a recipe: check, recipe show."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from corpusforge import recipe as recipes
from corpusforge.errors import RunError
from corpusforge.io import files
from corpusforge.io.decoding import read_json
from corpusforge.io.parquet import read_table
from corpusforge.printing import say
from corpusforge.recipe import Recipe
from corpusforge.run import directory, family

__all__ = ["add_parsers", "explain", "lint", "story", "verify"]


def add_parsers(commands: Any) -> None:
    """Mount the subcommands."""
    _add_why(commands)
    inspect = commands.add_parser("inspect", help="the funnel, the mix and the files of a run")
    inspect.add_argument("run", metavar="RUN", help="its directory")
    inspect.set_defaults(run_command=_inspect)
    diff = commands.add_parser("diff", help="what differs between two runs")
    diff.add_argument("run_a", metavar="RUN_A", help="the directory of one run")
    diff.add_argument("run_b", metavar="RUN_B", help="the directory of the other")
    diff.set_defaults(run_command=_diff)
    check_run = commands.add_parser("verify", help="recompute every digest and balance of a run")
    check_run.add_argument("run", metavar="RUN", help="its directory")
    check_run.set_defaults(run_command=_verify)
    check = commands.add_parser("check", help="lint a recipe without running it")
    check.add_argument(
        "recipe", metavar="RECIPE", help="a recipe file or the name of a built-in one"
    )
    check.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="NAME=GLOB",
        help="files of a source, in place of the recipe's; may be repeated",
    )
    check.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help="a setting in place of the recipe's; may be repeated",
    )
    check.set_defaults(run_command=_check)
    recipe = commands.add_parser("recipe", help="list the recipes, or explain one")
    actions = recipe.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="names and descriptions").set_defaults(run_command=_list)
    show = actions.add_parser("show", help="a recipe with what each of its lines means")
    show.add_argument("name", metavar="RECIPE", help="a recipe file or the name of a built-in one")
    show.set_defaults(run_command=_show)


def _add_why(commands: Any) -> None:
    why = commands.add_parser("why", help="what became of a document, stage by stage")
    why.add_argument("run", metavar="RUN", help="its directory")
    why.add_argument(
        "id", metavar="ID", help="a document's id in the run, its URL, or a part of its locator"
    )
    why.add_argument(
        "made",
        nargs="*",
        metavar="DIR",
        help="directories of rephrase, kinds or judged.train: what was made of the document is told, too",
    )
    why.set_defaults(run_command=_why)


def _tables(run: str, *patterns: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        for info in files.list_files(files.join(run, pattern)):
            yield info.path, read_table(info.path)


def explain(run: str, name: str, made: Sequence[str] = ()) -> list[str]:
    """Return, in path order, every line that the run holds about a document.

    `name` is an id, a URL, or a part of a locator. `made` are directories in which a model made something of
    documents: what it made of these is told as well, and a rewrite or grounded row is told with the document
    that it comes from. Raises RunError where the run knows nothing.
    """
    directory.read_recipe(run)
    if not name:
        raise RunError("the name of a document is empty; give an id, a URL or a part of a locator.")
    ids = {key: at for one in family.parents(name, made) for key, at in _find(run, one).items()}
    lines: list[str] = []
    for identifier, where in ids.items():
        lines.append(f"{identifier}  {where}")
        lines += [f"  {line}" for line in story(run, identifier)]
        lines += [f"  {line}" for line in family.relatives(identifier, made)]
    if not lines:
        raise RunError(
            f"{run!r} knows no document {name!r}; give an id, a URL or a part of a locator as they stand "
            "in documents/, dropped/ or failed/."
        )
    return lines


def _find(run: str, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in ("documents/*.parquet", "dropped/*.parquet", "failed/*.parquet"):
        for info in files.list_files(files.join(run, path)):
            table = read_table(info.path, ["id", "url", "locator"])
            hit = pc.or_(
                pc.equal(table.column("id"), name),
                pc.or_(
                    pc.fill_null(pc.equal(table.column("url"), name), False),
                    pc.fill_null(pc.match_substring(table.column("locator"), name), False),
                ),
            )
            for row in table.filter(hit).to_pylist():
                found.setdefault(row["id"], row["url"] or row["locator"] or "")
    return found


def story(run: str, identifier: str) -> Iterator[str]:
    """Yield, in path order, every line that the run holds about the document of an id."""
    yield from _writer(run, identifier)
    yield from _losses(run, identifier)
    yield from _overlaps(run, identifier)
    for name in ("train", "val"):
        for _, table in _tables(run, f"mix/{name}*.parquet"):
            rows = table.filter(pc.equal(table.column("id"), identifier))
            if rows.num_rows:
                tokens = pc.sum(rows.column("length")).as_py()
                yield f"in the {name} stream {rows.num_rows} times, {tokens} tokens"


def _writer(run: str, identifier: str) -> Iterator[str]:
    for info in files.list_files(files.join(run, "documents/part-*.parquet")):
        table = read_table(info.path, ["id", "origin", "model", "prompt_version", "locator"])
        for row in table.filter(pc.equal(table.column("id"), identifier)).to_pylist():
            if row["origin"] != "human":
                by = row["model"] or row["origin"]
                yield f"written by {by}, {row['prompt_version'] or 'no prompt'}, from {row['locator']}"


def _losses(run: str, identifier: str) -> Iterator[str]:
    for _, table in _tables(run, "failed/*.parquet"):
        for row in table.filter(pc.equal(table.column("id"), identifier)).to_pylist():
            yield f"failed at {row['stage']}: {row['error']}"
    for _, table in _tables(run, "dropped/*.parquet"):
        for row in table.filter(pc.equal(table.column("id"), identifier)).to_pylist():
            yield f"dropped at {row['stage']}: {row['rule']} = {row['value']} (bound {row['bound']})"
    for path, table in _tables(run, "scores/part-*.parquet"):
        for row in table.filter(pc.equal(table.column("id"), identifier)).to_pylist():
            yield f"score {row['score']:.4f} ({Path(path).stem})"


def _overlaps(run: str, identifier: str) -> Iterator[str]:
    for _, table in _tables(run, "duplicates/part-*.parquet"):
        mask = pc.or_(
            pc.equal(table.column("removed"), identifier),
            pc.equal(table.column("kept"), identifier),
        )
        for row in table.filter(mask).to_pylist():
            yield (
                f"duplicate: {row['removed']} removed, {row['kept']} kept, similarity "
                f"{row['similarity']:.3f} by {row['method']}"
            )
    for _, table in _tables(run, "contamination/part-*.parquet"):
        for row in table.filter(pc.equal(table.column("id"), identifier)).to_pylist():
            what = "dropped" if row["drop"] else f"cut {row['start']}..{row['end']}"
            yield f"contamination: {what}, {row['benchmark']} {row['item']} by {row['rule']}"


def _why(options: argparse.Namespace) -> int:
    for line in explain(options.run, options.id, options.made):
        say(line)
    return 0


def _report(run: str) -> dict[str, Any]:
    path = files.join(run, "report.json")
    if not files.exists(path):
        raise RunError(
            f"{run!r} has no report.json: it is not a complete run. Give its command again."
        )
    report: dict[str, Any] = read_json(path)
    return report


def _inspect(options: argparse.Namespace) -> int:
    from corpusforge.run.report import print_summary

    print_summary(options.run)
    for info in files.list_files(files.join(options.run, "shards")):
        say(f"{info.size:>14,} bytes  {info.path}")
    return 0


def _diff(options: argparse.Namespace) -> int:
    from corpusforge.report.diff import difference

    rows = difference(_report(options.run_a), _report(options.run_b))
    for row in rows:
        say(str(row))
    if not rows:
        say("no difference in any reported figure")
    return 0


def verify(run: str) -> list[str]:
    """Return what is wrong with a run: missing files, other digests, ledgers that do not balance."""
    top = directory.read_manifest(run)
    faults = []
    for output in top.outputs:
        path = files.join(run, output.path)
        if not files.exists(path):
            faults.append(f"{output.path}: missing")
        elif files.sha256(path) != output.sha256:
            faults.append(f"{output.path}: its SHA-256 is not the recorded one")
    for (stage, source), account in top.accounts().accounts.items():
        if not account.balanced:
            faults.append(f"ledger of {stage}, {source}: seen is not kept + dropped + failed")
    return faults


def _verify(options: argparse.Namespace) -> int:
    faults = verify(options.run)
    for fault in faults:
        say(fault)
    if faults:
        raise RunError(
            f"{options.run!r}: {len(faults)} faults. Give the run's command again with --force STAGE for "
            "each directory named above; missing files are made again without it."
        )
    say(f"{options.run}: every file has its recorded SHA-256, every ledger balances")
    return 0


def lint(recipe: Recipe) -> list[str]:
    """Return findings about a recipe whose keys are already known to be right."""
    findings: list[str] = []
    seen: dict[str, str] = {}
    for name, source in recipe.sources.items():
        if not source.path and not source.optional:
            findings.append(f"sources.{name}: no path; give --source {name}=GLOB")
        for pattern in source.path:
            if pattern in seen:
                findings.append(f"sources.{name}: {pattern} is also a path of {seen[pattern]}")
            seen[pattern] = name
            if not files.list_files(recipes.resolve_path(pattern)) and not source.optional:
                findings.append(f"sources.{name}: no file matches {pattern}")
    used = set(recipe.mix.weights) | {n for p in recipe.mix.phases for n in p.weights}
    for name in sorted(used - set(recipe.sources)):
        findings.append(f"mix.weights.{name}: the recipe has no such source")
    if used:
        unused = set(recipe.sources) - used
        for name in sorted(name for name in unused if not recipe.sources[name].optional):
            findings.append(f"sources.{name}: has no weight in mix.weights, so it is never drawn")
    for side in ("positive", "negative"):
        for name in getattr(recipe.score.train, side):
            if name not in recipe.sources:
                findings.append(f"score.train.{side}: the recipe has no source {name!r}")
    return findings


def _check(options: argparse.Namespace) -> int:
    recipe = recipes.load(options.recipe, options.source, options.overrides)
    findings = lint(recipe)
    for finding in findings:
        say(finding)
    total = sum(recipe.mix.weights.values())
    if recipe.mix.weights:
        shares = ", ".join(
            f"{name} {weight / total:.4f}" for name, weight in recipe.mix.weights.items()
        )
        say(f"weights sum to {total:g}; normalised: {shares}")
    say(f"{recipe.name}: {len(recipe.sources)} sources, {len(findings)} findings")
    return 2 if findings else 0


def _list(_: argparse.Namespace) -> int:
    for name in recipes.names():
        say(f"{name:<16} {recipes.load(name).description}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from corpusforge.run.explained import explained

    recipes.load(options.name)  # a wrong one is refused by name
    say(*explained(recipes.text(options.name)))
    say("", "# Every other setting has its default: docs/settings.md")
    return 0
