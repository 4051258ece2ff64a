"""The quality gate: pinned floors on pinned inputs. Floors rise by hand and never fall by themselves."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

import pytest

from corpusforge.extract import Extracted, Settings, extract
from corpusforge.io.compressed import open_stream
from corpusforge.records import RawDocument

ROOT = Path(__file__).resolve().parents[2]
FLOORS = json.loads((ROOT / "benchmarks" / "floors.d" / "extract.json").read_text())["extract"]


def digest(folder: Path) -> str:
    """Return one SHA-256 over the names and SHA-256 of a folder's files."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        whole.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n".encode())
    return whole.hexdigest()


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_quality_stays_above_its_floor(data, name):
    floor = FLOORS[name]
    folder = data / "web" / "html_gold" / name
    assert digest(folder) == floor["inputs_sha256"], "the pages changed: measure the floor again"
    path = data.parent / "tools" / "score_extraction.py"
    spec = importlib.util.spec_from_file_location("score_extraction", path)
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    gold = score.read_gold(folder / "ground-truth.json" if name == "aeb60" else folder)
    assert len(gold) == floor["pages"]
    rows = []
    for key, wanted in gold.items():
        inside = f"html/{key}.html.gz" if name == "aeb60" else f"{key}/source.html.gz"
        with open_stream(str(folder / inside)) as stream:
            page = stream.read()
        found = extract(RawDocument(key, page, "html"), Settings())
        text = found.text if isinstance(found, Extracted) else ""
        rows.append(score.counts(wanted, text, 4))
    assert score.summary(rows)["f1"] >= floor["f1"]
