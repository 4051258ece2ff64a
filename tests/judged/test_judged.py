"""A classifier from judgements: the example's journal, figures counted by hand, a run that uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from classifiers.judged.train import main
from corpusforge import score
from corpusforge.errors import InputError
from corpusforge.io.jsonl import read_jsonl, write_jsonl
from corpusforge.judged.judge import Judged, Text, judge, rubrics
from corpusforge.judged.run import f1, figures_of
from corpusforge.judged.sample import draw
from corpusforge.judged.settings import Settings
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Request
from corpusforge.rephrase.sources import find_sources, read_source
from corpusforge.score import load
from examples.judged.make_journal import HERE, make
from pipelines import pretrain_mix

ROOT = HERE.parent.parent
REPLAY = ["--engine", "replay", "--journal", str(HERE / "journal.jsonl")]


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # journal.args names the documents from there


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.lock"}


def test_the_example_gives_the_hand_written_scores_and_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main([*REPLAY, "--output", str(tmp_path / name)]) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    rows = {row["text"]: row for row in read_jsonl(str(tmp_path / "one" / "judgements.jsonl"))}
    documents = [row["text"] for row in read_jsonl(str(HERE / "documents.jsonl"))]
    scores = [tuple(rows[text]["scores"]) for text in documents]
    assert scores[:5] == [(5, 5), (5, 4), (4, 4), (4, 3), (5, 4)]
    assert scores[8] == (0, -1)  # the second reply refuses
    assert rows[documents[8]]["faults"] == ["", "no_score"]
    assert scores[7] == (0, 1)  # inside a fence
    assert scores[17] == (0, 0)  # behind a thought
    figures = json.loads((tmp_path / "one" / "model.bin.json").read_text())["judged"]
    # by hand: 17 documents have two scores, of 8 they are equal, none is two points apart
    assert figures["agreement"]["documents"] == 17
    assert figures["agreement"]["same"] == round(8 / 17, 6)
    assert figures["agreement"]["within_one"] == 1.0
    card = (tmp_path / "one" / "model.bin.CARD.md").read_text()
    assert "## Judged by a model" in card
    assert "Replies without a score: 1." in card
    model = load(str(tmp_path / "one" / "model.bin"))
    good, bad = model.score(pa.array([documents[0], documents[5]], pa.large_string()))
    assert good > 0.5 > bad  # two of the texts that it learned from


def test_the_committed_journal_is_what_the_replies_give(tmp_path: Path) -> None:
    make(tmp_path / "journal.jsonl")
    assert (tmp_path / "journal.jsonl").read_bytes() == (HERE / "journal.jsonl").read_bytes()


class Scripted:
    """A judge that gives a text as many points as it says, in the form given."""

    name = model = "scripted"
    context = 0

    def __init__(self, form: str) -> None:
        self.form, self.sent = form, list[Request]()

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in requests:
            self.sent.append(request)
            points = request.messages[-1].content.split("<data>\npoints ")[1][0]
            yield Completion(
                key=request.key, text=self.form.replace("N", points), finish_reason="stop",
                model=self.model,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ('{"Reason": "so", "Score": N}', True),
        ('{"Reason": "so", "Score": "N"}', True),
        ('Here it is:\n```json\n{"Reason": "so", "Score": N.0}\n```', True),
        ("Reason: so.\nScore: N/5", True),
        ("Reason: so.\nScore: **N**", True),
        ('{"Reason": "so", "Score": 1N}', False),  # 13 is no score
        ('{"Reason": "so", "Score": "N.5"}', False),
        ('{"Reason": "N points"}', False),
        ("N", False),
    ],
)
def test_scores_are_read_or_are_missing(form: str, read: bool) -> None:
    texts = [
        Text(id="a", language="en", text="points 3"),
        Text(id="b", language="en", text="points 0"),
    ]
    engine = Scripted(form)
    with Client(engine) as client:
        made = list(judge(texts, Settings(samples=1), client.complete))
    assert [one.scores for one in made] == ([(3,), (0,)] if read else [(-1,), (-1,)])
    schema = json.loads(engine.sent[0].json_schema)
    assert schema["properties"]["Score"] == {"type": "integer", "minimum": 0, "maximum": 5}
    assert list(schema["properties"]) == ["Reason", "Score"]


def test_the_sample_is_the_same_in_any_order_and_each_stratum_gives_as_many(tmp_path: Path) -> None:
    rows = [
        {"text": f"Document {n} says: " + "a plain sentence of words. " * (n % 9 + 1)}
        for n in range(400)
    ]

    def drawn(order: Sequence[dict[str, str]], settings: Settings) -> list[Text]:
        path = tmp_path / "docs.jsonl"
        write_jsonl(str(path), order)
        documents = (one for source in find_sources([str(path)]) for one in read_source(source))
        return draw(documents, settings, frozenset())

    first = drawn(rows, Settings(sample=50))
    assert len(first) == 50
    again = drawn(rows[::-1], Settings(sample=50))
    assert [one.text for one in again] == [one.text for one in first]
    settings = score.Settings(train=score.TrainSettings(samples=200))
    long, short = (
        [row["text"] for n, row in enumerate(rows) if (n % 9 > 4) == side] for side in (True, False)
    )
    model = score.train({"a": [pa.array(long)]}, {"b": [pa.array(short)]}, settings)
    score.save(model, str(tmp_path / "model.bin"))
    made = drawn(rows, Settings(sample=50, strata=5, present=str(tmp_path / "model.bin")))
    counts = np.bincount([text.stratum for text in made])
    assert counts.tolist() == [10] * 5
    means = [np.mean(model.score(pa.array([t.text for t in made if t.stratum == k], pa.large_string())))
             for k in range(5)]  # fmt: skip
    assert means == sorted(means)


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    kept, truths = np.array([1, 1, 1, 0, 0], bool), np.array([1, 0, 1, 1, 0], bool)
    precision, recall = 2 / 3, 2 / 3
    assert f1(kept, truths) == pytest.approx(2 * precision * recall / (precision + recall))


def test_judge_and_classifier_are_held_against_people(tmp_path: Path) -> None:
    """The judge's mean of 0 and 4 is wrong once in four: AUC by hand 0.75."""

    class Fixed:
        def score(self, texts: pa.Array) -> np.ndarray:
            return np.array(
                [0.9 if "good" in text else 0.1 for text in texts.to_pylist()], np.float32
            )

    def one(name: str, human: int, points: int) -> Judged:
        return Judged(
            id=name, language="en", stratum=0, scores=(points, points), reasons=("", ""),
            faults=("", ""), requests=("", ""), prompt_version="r", model="m",
            text="good" if human else "bad", human=human,
        )  # fmt: skip

    judged = [one("a", 1, 4), one("b", 1, 0), one("c", 0, 0), one("d", 0, 0)]
    told = figures_of(judged, [], Fixed(), Settings())["human"]  # type: ignore[arg-type]
    assert told["judge"]["roc_auc"] == 0.75
    assert told["judge"]["f1"] == pytest.approx(2 / 3, abs=1e-6)
    assert told["classifier"]["roc_auc"] == told["classifier"]["f1"] == 1.0


def test_judgements_of_one_side_are_told_with_their_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*REPLAY, "--threshold", "5", "--held-out", "0.9", "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "a classifier needs 2 on each side" in error
    assert "--threshold" in error
    assert not (tmp_path / "model.bin").exists()


def test_a_rubric_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "craft.en.v2.txt"
    path.write_text("[user]\nGive 0 to 5 points for craft:\n\n{{text}}\n")
    found = rubrics(Settings(rubric=("education", str(path))))
    assert found["en"].version.startswith("craft.v2@")
    assert found["zh"].version.startswith("rubric_education.v1@")
    with pytest.raises(InputError, match="no rubric in 'zh'"):
        rubrics(Settings(rubric=(str(path),)))


def test_a_recipe_uses_the_classifier_like_any_other(tmp_path: Path) -> None:
    assert main([*REPLAY, "--output", str(tmp_path / "judged")]) == 0
    recipe = tmp_path / "edu.toml"
    recipe.write_text(
        f"""
name = "edu"
[sources.docs]
kind = "documents"
path = ["{HERE}/documents.jsonl"]
[filter.rules]
docs = []
[identify]
min_score = 0.0
[score]
model = "{tmp_path}/judged/model.bin"
[score.keep]
rule = "threshold"
threshold = 0.5
[tokenize]
vocab_size = 512
[mix]
weights = {{ docs = 1 }}
validation = 0.0
"""
    )
    assert pretrain_mix.main(["--recipe", str(recipe), "--output", str(tmp_path / "run")]) == 0
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    (row,) = [row for row in report["ledger"] if row["stage"] == "score"]
    model = load(str(tmp_path / "judged" / "model.bin"))
    texts = [one["text"] for one in read_jsonl(str(HERE / "documents.jsonl"))]
    kept = int((model.score(pa.array(texts, pa.large_string())) >= 0.5).sum())
    assert (row["seen"], row["kept"]) == (18, kept)
    assert 4 <= kept <= 14
    assert "fitted to hand-written's judgement of 18 documents" in report["score_bound"]
    rows = list(read_jsonl(str(tmp_path / "judged" / "judgements.jsonl")))
    # the run's documents have ids of their own source; those of the judging are of the file
    assert all(len(one["document"]) == 32 for one in rows)
