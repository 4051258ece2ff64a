"""The quality gate by kind: made pages and real segments, floors pinned in `benchmarks/floors.d`."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks.extract_kinds import element_f1, made_pages, measure, ours

ROOT = Path(__file__).resolve().parents[2]
FLOORS = json.loads((ROOT / "benchmarks" / "floors.d" / "extract_kinds.json").read_text())
WORD = re.compile(r"\w+")


@pytest.fixture(scope="module")
def measured(data):
    return measure(ours, made_pages(FLOORS["pages"]))


@pytest.mark.parametrize("kind", sorted(FLOORS["kinds"]))
def test_words_of_a_kind_stay_above_their_floor(measured, kind):
    assert np.mean(measured[0][kind]) >= FLOORS["kinds"][kind]


@pytest.mark.parametrize("element", sorted(FLOORS["elements"]))
def test_elements_stay_above_their_floor(measured, element):
    assert element_f1(np.array(measured[1][element])) >= FLOORS["elements"][element]


def test_no_row_of_a_made_table_is_cut(measured):
    assert np.array(measured[1]["table"]).sum(axis=0)[1] == 0


def test_segments_of_real_pages_stay_above_their_floor(data):
    """The pages are in training: the floor is the shipped model's; unseen sites are in the results."""
    folder = data / "web" / "html_segments"
    hit = wrong = asked = 0
    for name, known in json.loads((folder / "segments.json").read_text("utf-8")).items():
        page = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        text = f" {' '.join(WORD.findall(ours(page, '')))} "
        hit += sum(f" {' '.join(WORD.findall(part))} " in text for part in known["with"])
        wrong += sum(f" {' '.join(WORD.findall(part))} " in text for part in known["without"])
        asked += len(known["with"])
    assert 2 * hit / (hit + wrong + asked) >= FLOORS["segments"]
