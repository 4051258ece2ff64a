"""A whole ablation of the embedded sample: two variants, resumed, checked against what it was trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: extra local")

from corpusforge.ablate.corpus import open_corpus  # noqa: E402
from corpusforge.ablate.evaluation import Evaluation  # noqa: E402
from corpusforge.ablate.held_out import HeldOut  # noqa: E402
from corpusforge.ablate.settings import Settings  # noqa: E402
from pipelines import ablate  # noqa: E402
from schemas import build  # noqa: E402

pytestmark = pytest.mark.torch

SMALL = [
    "--tokens=8192", "--batch=4", "--seeds=2", "--points=2", "--threads=1", "--device=cpu",
    "--held-out-bytes=3000", "--items=5", "--probes=20", "--quiet",
]  # fmt: skip


@pytest.fixture
def sets(tmp_path, unseen):
    items = tmp_path / "items.jsonl"
    question = "Which of these birds waited along the drained canal in the cold morning?"
    row = {"question": question, "choices": ["herons", "owls"], "answer": 0}
    items.write_text(json.dumps(row) + "\n", encoding="utf-8")
    words = tmp_path / "words.jsonl"
    words.write_text(json.dumps({"text": unseen[0]}) + "\n", encoding="utf-8")
    held = tmp_path / "held.jsonl"
    held.write_text("".join(json.dumps({"text": text}) + "\n" for text in unseen), encoding="utf-8")
    return [f"--held-out=unseen={held}", f"--choices=birds={items}", f"--cloze=bell={words}"]


def result_files(folder: Path) -> dict[str, dict]:
    return {
        path.parent.name: json.loads(path.read_text("utf-8"))
        for path in folder.glob("trainings/*/result.json")
    }


def without_clock(results):
    return {name: {**row, "seconds": 0, "fingerprint": ""} for name, row in results.items()}


def untimed(report):
    rows = [{**row, "seconds": 0} for row in report["trained"]]
    return {**report, "trained": rows, "settings": {**report["settings"], "loader_workers": 0}}


def test_two_variants_of_the_sample(runs, sets, unseen, tmp_path, capsys):
    output = tmp_path / "out"
    named = [f"--run={name}={folder}" for name, folder in runs.items()]
    line = [*named, *sets, *SMALL, f"--output={output}"]
    assert ablate.main(line) == 0
    told = capsys.readouterr().out
    report = json.loads((output / "report.json").read_text("utf-8"))
    schema = json.loads(build.documents()["ablation_report.v1.json"])
    jsonschema.Draft202012Validator(schema).validate(report)
    assert (output / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (output / "report.md").read_text("utf-8") in told

    rows = {(row["measure"], row["run"]): row for row in report["figures"]}
    whole = rows["bits_per_byte/unseen", "fuzzy"]
    first = result_files(output)
    by_hand = [
        sum(above) / sum(below)
        for above, below in (
            first[f"fuzzy-{seed}"]["tallies"]["bits_per_byte/unseen"] for seed in (0, 1)
        )
    ]
    assert whole["values"] == pytest.approx(by_hand)
    assert sum(first["fuzzy-0"]["tallies"]["bits_per_byte/unseen"][1]) == sum(map(len, unseen))
    assert {"accuracy/birds", "answer/birds", "cloze/bell", "memorised", "stream/10"} <= {
        name for name, _ in rows
    }
    assert not any(row["measure"].startswith("stream") for row in report["differences"])
    assert [row["run"] for row in report["differences"]] == ["exact"] * len(report["differences"])
    assert report["trained"][0]["tokens"] == report["trained"][1]["tokens"] == 8192

    kept = (output / "trainings" / "exact-1" / "result.json").read_bytes()
    (output / "trainings" / "fuzzy-0" / "result.json").unlink()
    (output / "trainings" / "fuzzy-0" / "checkpoint.pt").unlink()
    assert ablate.main(line) == 0  # trains what is missing, and that alone, to the same numbers
    assert without_clock(result_files(output)) == without_clock(first)
    assert (output / "trainings" / "exact-1" / "result.json").read_bytes() == kept
    assert ablate.main([*line, "--loader-workers=1"]) == 0  # all is there: the same report again
    assert untimed(json.loads((output / "report.json").read_text("utf-8"))) == untimed(report)
    assert ablate.main([*line, "--seeds=3"]) == 2
    assert "holds another ablation (--seeds differ)" in capsys.readouterr().err


def test_a_directory_of_something_else_is_left_alone(runs, sets, capsys):
    report = Path(runs["fuzzy"], "report.json")
    before = report.read_bytes()
    line = [f"--run=fuzzy={runs['fuzzy']}", *sets, *SMALL, f"--output={runs['fuzzy']}"]
    assert ablate.main(line) == 2
    assert "holds files that no run wrote" in capsys.readouterr().err
    assert report.read_bytes() == before


def test_recipe_and_values_make_the_runs(sets, tmp_path):
    output = tmp_path / "out"
    line = ["--recipe=sample", "--vary=dedup.method=exact,fuzzy", "--set=tokenize.vocab_size=512"]
    line += [
        "--set=mix.budget=60000",
        "--workers=1",
        *sets,
        *SMALL,
        "--seeds=1",
        f"--output={output}",
    ]
    assert ablate.main(line) == 0
    assert sorted(result_files(output)) == ["method=exact-0", "method=fuzzy-0"]


def test_nothing_is_measured_where_all_is_known(runs, sets, tmp_path, capsys):
    settings = Settings(tokens=8192, batch=4, seeds=2)
    seen = next(open_corpus("fuzzy", runs["fuzzy"], settings).trained(settings))
    held = tmp_path / "held.jsonl"
    held.write_text(json.dumps({"text": seen}) + "\n", encoding="utf-8")
    bare = shutil.copytree(runs["fuzzy"], tmp_path / "run")
    shutil.rmtree(bare / "shards" / "val")
    line = [f"--run=bare={bare}", f"--held-out=seen={held}", *sets[1:], *SMALL]
    assert ablate.main([*line, f"--output={tmp_path / 'out'}"]) == 2
    assert "each of 1 held-out texts is too short" in capsys.readouterr().err


def test_a_text_of_several_sets_counts_once_in_all():
    texts = [HeldOut("val:a", "en", "one"), HeldOut("val:a", "en", "two")]
    texts += [HeldOut("val:b", "en", "two"), *(HeldOut("books", "en", str(n)) for n in range(8))]
    found = Evaluation(texts, {}, {}, ()).groups()
    assert found["all"] == found["lang:en"] == [0, 1, *range(3, 11)]
    assert (found["val:a"], found["val:b"]) == ([0, 1], [2])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--run=a"], "expected NAME=VALUE"),
        (["--run=a/b=c"], "expected NAME=VALUE"),
        (["--run=a=b", "--run=a=c"], "each name once"),
        (["--run=a=b", "--recipe=sample"], "give --run NAME=DIR for each run, or --recipe"),
        (["--recipe=sample"], "with --vary"),
        (["--recipe=sample", "--vary=dedup.method"], "expected KEY=A,B"),
        (["--run=a=missing"], "is not a run"),
        (["--run=a=b", "--set=mix.budget=9"], "--source and --set are for --recipe"),
        (["--recipe=sample", "--vary=a.b=1,1"], "two runs would be named 'b=1'"),
        (["--recipe=sample", "--vary=a.b=1,2", "--cloze=c=gone"], "--cloze 'gone' matches no file"),
        (["--run=a=b", "--held-out=all=c"], "'all' names two sets"),
        (["--run=a=b", "--held-out=c=d", "--cloze=c=e"], "'c' names two sets"),
    ],
)
def test_a_wrong_option_is_told(line, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert ablate.main([*line, "--output=out"]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_values_are_parted_outside_of_brackets():
    assert ablate._variants(["a.b=1,2", 'c=["x","y,z"],[]']) == {
        "b=1,c=[_x_,_y,z_]".replace("[", "_").replace("]", "_"): ["a.b=1", 'c=["x","y,z"]'],
        "b=1,c=__": ["a.b=1", "c=[]"],
        "b=2,c=__x_,_y,z__": ["a.b=2", 'c=["x","y,z"]'],
        "b=2,c=__": ["a.b=2", "c=[]"],
    }
