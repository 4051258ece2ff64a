"""The builtin lists against texts labelled by hand before they were written, and against books."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from corpusforge import extract, ingest
from corpusforge.errors import InputError
from corpusforge.filter import Settings, decide, rules_for
from corpusforge.filter.lists import BUILTIN, entries, load_patterns
from corpusforge.filter.stats import measure
from corpusforge.io.jsonl import read_jsonl, write_jsonl
from corpusforge.records import RawDocument
from pipelines.score import main as score_main

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "toxicity.jsonl").read_text("utf-8").splitlines()
]


def listed(texts):
    return measure(pa.array(texts, pa.large_string()), load_patterns(BUILTIN)).column(
        "phrase_listed"
    )


def test_toxic_lists_on_labelled_texts():
    hits = [count > 0 for count in listed([row["text"] for row in ROWS]).to_pylist()]
    for lang, missed in (("en", 16), ("zh", 12)):
        rows = [(hit, row["toxic"]) for hit, row in zip(hits, ROWS, strict=True)
                if row["lang"] == lang]  # fmt: skip
        assert sum(hit for hit, toxic in rows if not toxic) <= 1
        assert sum(not hit for hit, toxic in rows if toxic) <= missed


def test_every_entry_counts_alone_and_the_lists_are_in_order():
    for name in BUILTIN:
        words = list(entries([name]))
        assert len(words) == len(set(words)) > 200
        assert min(listed([f". {word} ." for word in words]).to_pylist()) >= 1


def test_annotated_by_default_and_dropped_only_by_the_rule():
    texts = pa.array(["You are a worthless idiot, fuck off.", "A quiet day in Scunthorpe."])
    meta = pa.record_batch({"lang": ["en", "en"], "url": ["", ""]})
    for rules, expected in (((), ["", ""]), (("listed.v1",), ["listed.v1:share", ""])):
        settings = Settings(rules={"web": rules}, word_lists=BUILTIN)
        stats = measure(texts, load_patterns(settings.word_lists))
        assert [count > 0 for count in stats.column("phrase_listed").to_pylist()] == [True, False]
        assert decide(stats, meta, rules_for(settings, "crawl", "web")).rule == expected


def test_an_unknown_builtin_list_names_the_known():
    with pytest.raises(InputError, match="Did you mean"):
        list(entries(["builtin:toxic.eng"]))


@pytest.mark.parametrize("name", ["en-alice-11-0.txt.gz", "zh-23864-0.txt.gz"])
def test_books_survive(data, name):
    for item in ingest.read("books", str(data / "books" / name), ingest.Settings()):
        assert isinstance(item, RawDocument)
        done = extract.extract(item, extract.Settings())
        assert sum(listed([done.text]).to_pylist()) <= 1  # "you coward!"


def test_a_toxicity_classifier_is_trained_and_annotates(tmp_path, monkeypatch, capsys):
    from classifiers.toxicity.train import main as train_main

    for toxic in (0, 1):
        rows = [{"text": row["text"]} for row in ROWS if row["toxic"] == toxic]
        write_jsonl(str(tmp_path / f"{toxic}.jsonl"), rows)
    model = str(tmp_path / "toxic.bin")
    sides = ["--positive", str(tmp_path / "1.jsonl"), "--negative", str(tmp_path / "0.jsonl")]
    assert train_main([*sides, "--output", model]) == 0
    given = ["--model", model, "--input", str(tmp_path / "*.jsonl"), "--score-column", "toxicity"]
    assert score_main([*given, "--output", str(tmp_path / "out.jsonl")]) == 0
    found = list(read_jsonl(str(tmp_path / "out.jsonl")))
    assert len(found) == len(ROWS)
    means = {
        toxic: [row["toxicity"] for row in found
                if row["text"] in {r["text"] for r in ROWS if r["toxic"] == toxic}]
        for toxic in (0, 1)
    }  # fmt: skip
    assert sum(means[1]) / len(means[1]) > sum(means[0]) / len(means[0]) + 0.2
