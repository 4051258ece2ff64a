"""What docs/add-a-*.md show works as it stands there: the module is written, the commands are run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from corpusforge.io.parquet import read_table

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path.name for path in (ROOT / "docs").glob("add-a*.md"))


def perform(page: str, folder: Path) -> str:
    """Do what a page says, in an empty folder; return what was printed."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    modules, commands = (
        re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("python", "bash")
    )
    (folder / "mine.py").write_text(modules[0], encoding="utf-8")
    interpreter = folder / "bin" / "python"
    interpreter.parent.mkdir()
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "".join(commands) or "true"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{interpreter.parent}:{os.environ['PATH']}",
             "PYTHONPATH": os.pathsep.join(["", str(ROOT)])},
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_kind_of_plug_in_has_a_page() -> None:
    assert PAGES == [
        "add-a-format.md",
        "add-a-rule.md",
        "add-a-source.md",
        "add-a-target.md",
        "add-an-extractor.md",
    ]


def test_a_source(tmp_path: Path) -> None:
    said = perform("add-a-source.md", tmp_path)
    assert "['Tides']" in said
    (row,) = rows(tmp_path / "mail.jsonl")
    assert row["title"] == "Tides" and str(row["text"]).startswith("The ferry leaves at seven")
    parts = (tmp_path / "run" / "documents").glob("part-*.parquet")
    made = [row for part in parts for row in read_table(str(part)).to_pylist()]
    (document,) = [row for row in made if row["source"] == "mail"]
    assert document["title"] == "Tides" and document["locator"] == "mail.db:7"
    manifest = json.loads((tmp_path / "run/documents/manifest.json").read_text())
    assert set(manifest["settings"]["plugins"]) == {"mine"}


def test_an_extractor(tmp_path: Path) -> None:
    assert "The ferry leaves at seven.\n" in perform("add-an-extractor.md", tmp_path)
    (row,) = rows(tmp_path / "page.jsonl")
    assert row["text"] == "The ferry leaves at seven."
    manifest = json.loads((tmp_path / "run/documents/manifest.json").read_text())
    assert set(manifest["settings"]["plugins"]) == {"mine"}


def test_a_target(tmp_path: Path) -> None:
    perform("add-a-target.md", tmp_path)
    (ranking,) = rows(tmp_path / "rankings" / "rankings.jsonl")
    (task,) = rows(tmp_path / "job" / "tasks.jsonl")
    assert ranking["tiers"] == [[name] for name in reversed(task["presented_order"])]  # type: ignore[call-overload]


def test_a_format(tmp_path: Path) -> None:
    said = perform("add-a-format.md", tmp_path)
    wanted = {"prompt": "When?", "best": "At seven.", "rest": ["No idea."]}
    assert json.loads(said.splitlines()[-1]) == wanted
    (line,) = rows(tmp_path / "made/training/kway/train.jsonl")
    assert line["k"] == 2


def test_a_rule(tmp_path: Path) -> None:
    perform("add-a-rule.md", tmp_path)
    text = "The ferry leaves. " * 4
    code = f"import corpusforge as cf; print(cf.check([{text!r}, 'Lorem ipsum'], 'mine:keep', 'mine:CALM'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "kept=True" in done.stdout and "rule='mine:keep'" in done.stdout


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("yield 'one'; raise OSError('disk')", "after 1 documents: OSError: disk"),
        ("yield 3", "expected an object or string, got int"),
        ("return None", "TypeError"),
    ],
)
def test_a_source_that_fails_loses_nothing_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, rule: str
) -> None:
    from corpusforge import ingest
    from corpusforge.records import Failed

    name = f"broken_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(f"def read(path):\n    {body}\n")
    (tmp_path / "a.bin").write_bytes(b"x")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = list(ingest.read(f"{name}:read", str(tmp_path / "a.bin"), ingest.Settings()))
    assert isinstance(found[-1], Failed) and rule in found[-1].error, found
