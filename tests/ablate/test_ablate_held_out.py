"""Held-out texts: drawn by language, and searched for in what runs are trained on."""

from __future__ import annotations

import json
import shutil

import pytest

from corpusforge.ablate.corpus import open_corpus
from corpusforge.ablate.held_out import draw, overlaps, read_texts
from corpusforge.ablate.settings import Settings
from corpusforge.errors import InputError, RunError


def test_a_copy_without_its_marks_is_found(unseen):
    """Hyphens part words: where a copy lost them, most n-grams of the text as written are not in it."""
    text = (
        "The well-known half-price long-distance night-train left the snow-covered, wind-swept, "
        "half-empty border-town at mid-night with ice-cold, hand-made, wafer-thin window-panes."
    )
    for copy in (text, text.replace("-", " "), text.replace("-", "")):
        assert overlaps([text], [unseen[0], copy])[0] > 0.9
    assert overlaps([text], unseen)[0] == 0.0


def test_what_cannot_be_read_is_told(tmp_path, capsys, unseen):
    held = tmp_path / "held.jsonl"
    held.write_text(json.dumps({"text": unseen[0]}) + "\nno JSON\n", encoding="utf-8")
    assert list(read_texts(str(held), "--held-out a")) == [unseen[0]]
    assert "held.jsonl: 1 records could not be read" in capsys.readouterr().err


def test_a_run_that_is_not_complete_is_refused(runs, tmp_path):
    half = shutil.copytree(runs["fuzzy"], tmp_path / "run")
    (half / "manifest.json").unlink()
    with pytest.raises(RunError, match="the run is not complete"):
        open_corpus("half", str(half), Settings())


def test_what_a_run_was_trained_on_is_not_measured(runs, unseen):
    settings = Settings(tokens=60_000, batch=4)
    corpus = open_corpus("fuzzy", runs["fuzzy"], settings)
    seen = next(text for text in corpus.trained(settings) if len(text.split()) > 60)
    words = seen.split()
    half = " ".join([*unseen[0].split(), *words[: len(unseen[0].split())]])
    found = overlaps([unseen[0], seen, half, "too short"], corpus.trained(settings))
    assert found[0] == 0.0
    assert found[1] > 0.9
    assert 0.3 < found[2] < 0.7
    assert str(found[3]) == "nan"


def test_a_set_is_drawn_by_language(runs, unseen):
    settings = Settings(held_out_bytes=200)
    english, chinese = unseen * 3, ["河流发源于山中，向南流入大海，两岸的人们以捕鱼为生。"]
    found = draw("mixed", [*english, *chinese], settings)
    assert sorted({row.lang for row in found}) == ["en", "zh"]
    assert len(found) == 3  # texts that are given twice are one
    with pytest.raises(InputError, match="no text in its files"):
        draw("empty", [" "], settings)
