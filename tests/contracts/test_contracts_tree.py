"""The house rules that a program can check."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from source_names import dotted, imports

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("corpusforge", "pipelines", "classifiers")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
VERBS = (
    "ingest", "extract", "identify", "filter", "score", "dedup", "decontaminate", "tokenize",
    "mix", "shard", "report",
)  # fmt: skip


def imported(path: Path, *, at_load: bool = False) -> set[str]:
    """The top names that a module imports: anywhere in it, or outside functions alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if at_load else ast.walk(tree)
    return {meant.split(".")[0] for _, meant in imports(nodes)}


def test_beam_is_imported_where_it_runs_and_where_object_stores_are() -> None:
    rooms = (
        "corpusforge/beam/",
        "corpusforge/io/remote.py",
        "corpusforge/io/s3.py",
        "corpusforge/startup.py",
        "corpusforge/testing/",
    )
    guilty = [
        name
        for path in MODULES
        for name in [path.relative_to(ROOT).as_posix()]
        if "apache_beam" in imported(path) and not name.startswith(rooms)
    ]
    assert guilty == []


LAYERS = (
    {"cputime", "errors", "startup", "__version__"},
    {"fields", "printing"},
    {"options", "program"},
    {"hashing", "ledger", "losses", "plugins", "records"},
    {"text"},
    {"io"},
    {"manifest"},
    {"survivors", "steps"},
    set(VERBS),
    {"fetch", "models", "recipe"},
    {"annotate", "run"},
    {"ablate", "beam", "instruct"},
    {"executor", "rephrase", "view"},
    {"api", "cli", "judged", "marks", "testing"},
    {"kernels"},
)
"""Packages and top modules of corpusforge, from the ground up: each may import those of lower layers."""
BESIDE = {("score", "identify")}
"""The only arrows inside one layer: a classifier's texts are told apart by language."""


def arrows() -> set[tuple[str, str]]:
    """Every (importer, imported) pair of packages and top modules, imports inside functions included."""
    pairs: set[tuple[str, str]] = set()
    for path in (ROOT / "corpusforge").rglob("*.py"):
        if path.parent.name == "corpusforge" and path.stem == "__main__":
            continue  # the command, above everything
        here = path.relative_to(ROOT / "corpusforge").with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module == "corpusforge":
                names = [f"corpusforge.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            pairs |= {
                (here, name.split(".")[1])
                for name in names
                if name.startswith("corpusforge.") and name.split(".")[1] != here
            }
    return pairs


def test_arrows_only_run_down() -> None:
    level = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    rooms = {
        path.relative_to(ROOT / "corpusforge").with_suffix("").parts[0]
        for path in (ROOT / "corpusforge").rglob("*.py")
    }
    assert rooms - {"__init__"} <= set(level), "a new room needs its layer"
    climbing = {
        (here, there)
        for here, there in arrows()
        if here != "__init__" and level[here] <= level[there] and (here, there) not in BESIDE
    }
    assert climbing == set()


def renamed(path: Path) -> set[tuple[str, str]]:
    """Every (package, name) under which a module imports another package's `Settings`."""
    return {
        (node.module.removesuffix(".settings").rpartition(".")[2], alias.asname)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("corpusforge.")
        for alias in node.names
        if alias.name == "Settings" and alias.asname and node.module
    }


def test_settings_of_another_package_have_its_name() -> None:
    guilty = {
        path.relative_to(ROOT).as_posix(): sorted(names)
        for path in MODULES
        if not {"annotate", "instruct", "models"} & set(path.relative_to(ROOT).parts)  # not yet
        if (
            names := {
                n for n in renamed(path) if n[1] != f"{n[0].capitalize().rstrip('s')}Settings"
            }
        )
    }
    assert guilty == {}


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    heavy = {"torch", "transformers", "openai", "fasttext", "trafilatura", "matplotlib", "datasets"}
    guilty = {
        path.relative_to(ROOT).as_posix(): sorted(found)
        for path in MODULES
        if (found := heavy & imported(path, at_load=True))
    }
    assert guilty == {}


_DECODERS = frozenset({
    "json.load", "json.loads", "json.JSONDecoder", "json.JSONDecodeError", "msgspec.json.decode",
    "msgspec.json.Decoder", "msgspec.DecodeError", "tomllib.load", "tomllib.loads",
    "tomllib.TOMLDecodeError",
})  # fmt: skip


def used(path: Path) -> set[str]:
    """Every dotted name a module uses (`msgspec.json.decode`), by whatever name it was imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = dict(imports(ast.walk(tree)))
    return {*names.values()} | {dotted(node, names) for node in ast.walk(tree)}


def test_json_and_toml_of_others_are_decoded_in_one_place() -> None:
    schemas = sorted((ROOT / "schemas").rglob("*.py"))
    guilty = {
        path.relative_to(ROOT).as_posix(): sorted(found)
        for path in [*MODULES, *schemas]
        if (found := _DECODERS & used(path))
    }
    assert sorted(guilty) == ["corpusforge/io/decoding.py", "corpusforge/io/repair.py"], guilty


def test_import_loads_neither_beam_nor_torch_nor_openai() -> None:
    code = (
        "import sys, corpusforge; "
        "print([m for m in ('apache_beam', 'torch', 'openai') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_rooms(verb: str) -> None:
    assert (ROOT / "corpusforge" / verb / "__init__.py").is_file()
    assert (ROOT / "docs" / f"{verb}.md").is_file()
    assert list((ROOT / "tests" / verb).glob("test_*.py")) != []


def test_the_ledger_has_an_account_for_every_verb_that_sees_documents() -> None:
    from corpusforge.ledger import STAGES

    assert list(STAGES) == [verb for verb in VERBS if verb != "report"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module opens with what it is"
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            assert isinstance(node.value, (ast.List, ast.Tuple))
            names = [
                element.value for element in node.value.elts if isinstance(element, ast.Constant)
            ]
            assert len(set(names)) == len(names)
            unbound = {str(name) for name in names} - defined(tree)
            if "__getattr__" in {getattr(node, "name", "") for node in ast.walk(tree)}:
                unbound = {name for name in unbound if not given(path, name)}
            assert unbound == set(), "names of __all__ that the module does not have"


def given(path: Path, name: str) -> bool:
    """Whether a module that makes names when they are asked for gives this one, by asking for it."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    return getattr(module, name, None) is not None


def test_a_name_that_a_lazy_module_does_not_give_is_seen() -> None:
    """`corpusforge` makes its names when they are asked for; others it does not have."""
    face = ROOT / "corpusforge" / "__init__.py"
    assert given(face, "plan_mix")
    assert given(face, "extract")
    assert not given(face, "plan_mixes")


def defined(tree: ast.Module) -> set[str]:
    """Every name a module binds at its top."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                names |= {item.id for item in ast.walk(target) if isinstance(item, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return names


def absent(source: str) -> set[str]:
    """The names that a source imports of corpusforge and that are not there."""
    found = set()
    for _, meant in imports(ast.walk(ast.parse(source))):
        home, _, name = meant.rpartition(".")
        place = ROOT.joinpath(*home.split("."))
        module = any((place / own).exists() for own in (name, f"{name}.py"))
        if home.split(".")[0] != "corpusforge" or module:
            continue
        path = place.with_suffix(".py")
        path = path if path.exists() else place / "__init__.py"
        there = path.exists() and name in defined(ast.parse(path.read_text(encoding="utf-8")))
        if not there and not (path.exists() and given(path, name)):
            found.add(meant)
    return found


def test_benchmarks_import_what_is_there() -> None:
    """They are run by hand, so a function that has gone would be missed for long."""
    paths = sorted((ROOT / "benchmarks").rglob("*.py"))
    found = {path.name: absent(path.read_text(encoding="utf-8")) for path in paths}
    assert {name: names for name, names in found.items() if names} == {}
    assert absent("from corpusforge.manifest import added, subtracted") == {
        "corpusforge.manifest.subtracted"
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_one_screen_a_function_one_idea_a_module(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 800
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            start = node.body[0].lineno
            if ast.get_docstring(node) and len(node.body) > 1:
                start = node.body[1].lineno
            length = (node.end_lineno or start) - start + 1
            kernel = any("jit" in ast.dump(item) for item in node.decorator_list)
            # a kernel is one loop over bytes: cutting it up costs inlining and hides the state
            assert kernel or length <= 45, f"{node.name} has {length} lines"


def called(path: Path) -> set[str]:
    """The names that a module calls, as they stand there: `print`, `argparse.ArgumentParser`."""
    calls = (
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    )
    return {ast.unparse(call.func) for call in calls}


def test_commands_print_and_parse_in_one_way() -> None:
    """By `say`, which makes strangers' text printable, and by `Parser`, which guesses at nothing."""
    guilty = {
        path.relative_to(ROOT).as_posix(): sorted(found)
        for path in MODULES
        if (found := called(path) & {"print", "argparse.ArgumentParser", "ArgumentParser"})
    }
    assert guilty == {
        "corpusforge/beam/options.py": ["argparse.ArgumentParser"]
    }  # reads Beam's own


def test_the_repository_speaks_of_the_software_alone() -> None:
    words = (*(f"/{name}/" for name in ("work", "root")), "sandbox", "subagent", "this session")
    tracked = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if tracked.returncode:
        pytest.skip("not a git checkout: nothing says which files belong to the project")
    guilty = []
    for name in tracked.stdout.splitlines():
        if name == "tests/contracts/test_contracts_tree.py":
            continue
        text = (ROOT / name).read_text(encoding="utf-8").lower()
        for own in ("--no-sandbox", "jinja2.sandbox", "immutablesandboxedenvironment"):
            text = text.replace(own, "")  # a browser's option and a library's class, by their names
        guilty += [f"{name}: {word}" for word in words if word in text]
    assert guilty == []


def test_slow_modules_are_there() -> None:
    named = (ROOT / "tests/slow_modules.txt").read_text(encoding="utf-8").splitlines()
    files = [line for line in named if not line.startswith("#")]
    assert files == sorted(files)
    assert [name for name in files if not (ROOT / name).is_file()] == []
