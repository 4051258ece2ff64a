"""A source, an extractor and a rule from outside the repository: in one process, forked, on Flink."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from corpusforge import plugins
from corpusforge.beam.flink_jar import find_jar
from corpusforge.beam.transforms import Extract, Filter, Read
from corpusforge.extract import Settings as ExtractSettings
from corpusforge.io.parquet import read_table
from corpusforge.testing.collect import Collect, collected
from corpusforge.testing.outputs import digests
from pipelines import pretrain_mix

MINE = """
from corpusforge.records import RawDocument

def cards(path):
    with open(path) as lines:
        for number, line in enumerate(lines):
            yield RawDocument(f"card:{number}", f"<div>{line}</div>", "html", id=f"c{number}")

def inner(page):
    return page.removeprefix("<div>").removesuffix("</div>").strip()

def ferry(text):
    return "ferry" in text
"""
FLINK = [
    pytest.mark.flink,
    pytest.mark.skipif(shutil.which("java") is None, reason="no java"),
    pytest.mark.skipif(find_jar() is None, reason="no Flink job server; see docs/flink.md"),
]
RULES = '["{0}:ferry"]'


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"mine_{tmp_path.name.replace('-', '_')}"
    site = tmp_path / "site"
    site.mkdir()
    (site / f"{name}.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(site))
    for number in range(3):
        lines = [f"The {('ferry', 'train')[n % 2]} number {number}.{n} leaves." for n in range(40)]
        (tmp_path / f"{number}.cards").write_text("\n".join(lines) + "\n")
    return name


def run(package: str, folder: Path, *options: str) -> Path:
    output = folder / f"run{len(list(folder.glob('run*')))}"
    recipe = folder / "plain.toml"
    recipe.write_text(
        f"""name = "plain"
max_failed_ratio = 1.0
[sources.cards]
kind = "{package}:cards"
path = "{folder}/*.cards"
[extract]
engine = "{package}:inner"
[filter.rules]
cards = ["{package}:ferry"]
"""
    )
    pretrain_mix.run(
        [
            "--recipe",
            str(recipe),
            "--output",
            str(output),
            "--until",
            "documents",
            "--quiet",
            *options,
        ]
    )
    return output


def kept(run: Path) -> list[str]:
    parts = sorted((run / "documents").glob("part-*.parquet"))
    return sorted(row["text"] for part in parts for row in read_table(str(part)).to_pylist())


@pytest.mark.parametrize(
    "options",
    [("--workers", "2"), pytest.param(("--runner", "FlinkRunner"), marks=FLINK)],
    ids=["forked", "flink"],
)
def test_a_run_of_plug_ins_alone(package: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    alone = run(package, tmp_path, "--workers", "1")
    wanted = sorted(f"The ferry number {n}.{k} leaves." for n in range(3) for k in range(0, 40, 2))
    assert kept(alone) == wanted
    other = run(package, tmp_path, *options)
    assert digests(other) == digests(alone)
    manifest = json.loads((other / "documents" / "manifest.json").read_text())
    assert list(manifest["settings"]["plugins"]) == [package]


def test_transforms_take_plug_ins_along(package: str, tmp_path: Path) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        rows = (
            pipeline
            | beam.Create([str(tmp_path / "0.cards")])
            | Read(f"{package}:cards")
            | Extract("cards", ExtractSettings(engine=f"{package}:inner"))
            | Filter(f"{package}:ferry")
        )
        _ = rows.dropped | Collect(tmp_path / "dropped")
    assert {row.rule for row in collected(tmp_path / "dropped")} == {f"{package}:ferry"}
    assert len(collected(tmp_path / "dropped")) == 20


def test_what_is_pickled_loads_where_the_package_is_not(package: str, tmp_path: Path) -> None:
    packed = plugins.pack_all(
        {"sources": (f"{package}:cards",), "extractors": (f"{package}:inner",)}
    )
    assert [item.package for item in packed] == [package]
    sys.modules.pop(package, None)
    sys.path.remove(str(tmp_path / "site"))
    try:
        plugins.unpack(packed)
        from corpusforge.ingest import Settings, read

        assert len(list(read(f"{package}:cards", str(tmp_path / "1.cards"), Settings()))) == 40
    finally:
        sys.path.append(str(tmp_path / "site"))  # for the fixture's undoing
