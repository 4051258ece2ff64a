"""Parts of one's own from a package outside the repository: found, used, fingerprinted, and sent along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpusforge import plugins
from corpusforge.errors import InputError, RecipeError
from corpusforge.filter import RULES, Settings, rules_for
from corpusforge.io.parquet import read_table

ROOT = Path(__file__).resolve().parents[2]
RULES_OF_MINE = """
from corpusforge.filter import Bound, Ratio, RuleSet

def keep(text):
    return "market" not in text

def words(text):
    return len(text.split())

def wrong(text):
    return "yes"

CHEERFUL = RuleSet(name="cheerful.v1", bounds=(
    Bound(name="commas", statistic=Ratio.of("punctuation / words"), high=0.5, unit="share", source="mine"),
))
NOTHING = 3
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"mine_{os.getpid()}_{tmp_path.name.replace('-', '_')}"
    (tmp_path / "site" / name).mkdir(parents=True)
    (tmp_path / "site" / name / "__init__.py").write_text("")
    (tmp_path / "site" / name / "rules.py").write_text(RULES_OF_MINE)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    plugins._packed.cache_clear()
    return name


def command(package: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / "site"), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "pipelines.pretrain_mix", "--output", str(folder / "run"),
         "--until", "documents", "--quiet", "--set", "max_failed_ratio=1.0", *options],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def dropped(run: Path) -> list[dict[str, str]]:
    return [
        row
        for path in sorted((run / "dropped").glob("documents-*"))
        for row in read_table(str(path)).to_pylist()
    ]


def test_rules_of_ones_own_in_a_recipe(package: str, tmp_path: Path) -> None:
    rules = json.dumps(
        [f"{package}.rules:keep", f"{package}.rules:CHEERFUL", f"{package}.rules:words"]
    )
    bounds = f'{{"{package}.rules:words" = {{low = 60.0}}}}'
    options = ("--set", f"filter.rules.web={rules}", "--set", f"filter.bounds={bounds}")
    done = command(package, tmp_path, *options)
    assert done.returncode == 0, done.stderr
    reasons = {(row["rule"].partition(":")[2], row["bound"]) for row in dropped(tmp_path / "run")}
    assert ("rules:keep", "True") not in reasons  # the name is the whole of it
    mine = {row["rule"] for row in dropped(tmp_path / "run") if package in row["rule"]}
    assert f"{package}.rules:keep" in mine and f"{package}.rules:words" in mine
    manifest = json.loads((tmp_path / "run/documents/manifest.json").read_text())
    assert set(manifest["settings"]["plugins"]) == {package}
    again = command(package, tmp_path, *options)
    assert again.returncode == 0
    same = json.loads((tmp_path / "run/documents/manifest.json").read_text())
    assert same["ended"] == manifest["ended"], "nothing changed, nothing made again"
    rule = tmp_path / "site" / package / "rules.py"
    rule.write_text(rule.read_text().replace("market", "harbour"))
    assert command(package, tmp_path, *options).returncode == 0
    changed = json.loads((tmp_path / "run/documents/manifest.json").read_text())
    assert changed["fingerprint"] != manifest["fingerprint"]


def test_a_rule_that_fails_costs_its_documents_and_is_named(package: str, tmp_path: Path) -> None:
    done = command(package, tmp_path, "--set", f'filter.rules.web=["{package}.rules:wrong"]')
    assert done.returncode == 0, done.stderr
    failed = [
        row
        for path in (tmp_path / "run/failed").glob("*")
        for row in read_table(str(path)).to_pylist()
    ]
    errors = {row["error"] for row in failed if row["stage"] == "filter"}
    assert all(
        error.startswith(f"{package}.rules:wrong: TypeError at rules.py:") for error in errors
    )
    assert errors


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{}.rules:kep", "has no 'kep'. Did you mean 'keep'"),
        ("{}.rule:keep", "cannot import"),
        ("{}.rules:NOTHING", "is int; expected a RuleSet"),
        ("no_such_package_at_all:x", "cannot import 'no_such_package_at_all'"),
    ],
)
def test_a_wrong_name_is_told_before_the_work(
    package: str, tmp_path: Path, name: str, words: str
) -> None:
    done = command(package, tmp_path, "--set", f'filter.rules.web=["{name.format(package)}"]')
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_names_without_a_colon_are_ours(package: str) -> None:
    with pytest.raises(RecipeError, match="no rule 'c4'"):
        Settings(rules={"web": ("c4",)})
    with pytest.raises(InputError, match="no rule 'c4'"):
        plugins.find("c4", "rules", RULES)
    assert plugins.find("c4.v1", "rules", RULES) is RULES["c4.v1"]
    (own,) = rules_for(Settings(rules={"web": (f"{package}.rules:CHEERFUL",)}), "s", "web")
    assert own.name == f"{package}.rules:CHEERFUL"


def test_entry_points_are_names_too(tmp_path: Path, package: str) -> None:
    info = tmp_path / "site" / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[corpusforge.rules]\nmy_market = {package}.rules:keep\n"
    )
    plugins._points.cache_clear()
    try:
        assert "my_market" in plugins.names("rules", RULES)
        (own,) = rules_for(Settings(rules={"web": ("my_market",)}), "s", "web")
        assert own.name == "my_market"
        packed = plugins.pack("my_market", "rules")
        assert packed is not None and packed.package == package
        with pytest.raises(InputError, match=r"Did you mean 'my_market'"):
            plugins.find("my_markt", "rules", RULES)
    finally:
        plugins._points.cache_clear()


def test_the_source_travels_to_a_process_that_does_not_have_it(
    package: str, tmp_path: Path
) -> None:
    packed = plugins.pack_all(
        {"rules": (f"{package}.rules:keep", "c4.v1", f"{package}.rules:words")}
    )
    assert [item.package for item in packed] == [package]
    import pickle

    (tmp_path / "packed").write_bytes(pickle.dumps(packed))
    code = f"""
import pickle, importlib.util
from corpusforge import plugins
from corpusforge.filter import RULES
assert importlib.util.find_spec({package!r}) is None
packed = pickle.load(open({str(tmp_path / "packed")!r}, "rb"))
plugins.unpack(packed); plugins.unpack(packed)
print(plugins.find("{package}.rules:keep", "rules", RULES)("a market"))
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env
    )
    assert done.stdout.strip() == "False", done.stderr


def test_another_version_on_a_worker_is_refused(package: str, tmp_path: Path) -> None:
    packed = plugins.pack_all({"rules": (f"{package}.rules:keep",)})
    (tmp_path / "site" / package / "rules.py").write_text("def keep(text): return True\n")
    plugins._packed.cache_clear()
    with pytest.raises(InputError, match="with another content"):
        plugins.unpack(packed)
