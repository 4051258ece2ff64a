"""Row sets: what of a row is learned, bits of answers by hand, pair accuracy by hand, killed and resumed."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: extra local")

from corpusforge.ablate import model, tuned  # noqa: E402
from corpusforge.ablate.rows import Group, Row, encoded, fitted, read_groups, read_rows  # noqa: E402
from corpusforge.ablate.settings import RowSettings  # noqa: E402
from pipelines import ablate, ablate_rows  # noqa: E402

pytestmark = pytest.mark.torch

SMALL = ["--steps=6", "--batch=2", "--seeds=2", "--threads=1", "--quiet"]
ASKED = "Which bird fishes along the drained canal number {n} while the engineers argue about the sluice?"


@pytest.fixture(scope="module")
def base(runs, unseen, tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    held = folder / "held.jsonl"
    held.write_text(json.dumps({"text": unseen[0]}) + "\n", encoding="utf-8")
    line = [f"--run=fuzzy={runs['fuzzy']}", f"--held-out=held={held}", "--size=pico", "--seeds=1"]
    line += ["--tokens=8192", "--batch=4", "--points=1", "--probes=0", "--order=0", "--threads=1"]
    assert ablate.main([*line, "--quiet", f"--output={folder / 'ablation'}"]) == 0
    return str(folder / "ablation" / "trainings" / "fuzzy-0")


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def message(n, answer):
    return {"messages": [{"role": "user", "content": ASKED.format(n=n)},
                         {"role": "assistant", "content": answer}]}  # fmt: skip


def ranked(n, *answers):
    return {
        "messages": message(n, "")["messages"][:1],
        "candidates": [{"text": text} for text, _ in answers],
        "ranks": [rank for _, rank in answers],
    }


@pytest.fixture
def sets(tmp_path):
    herons = [message(n, f"The grey heron does, said the keeper of lock {n}.") for n in range(7)]
    noise = [message(n, "zq xv " * 9) for n in range(7)]
    other = "How many boats were tied beside the brown river since the autumn, and who counted them twice?"
    judge = [{"messages": [{"role": "user", "content": other},
                           {"role": "assistant", "content": "The grey heron does."}]}]  # fmt: skip
    return {
        "herons": written(tmp_path / "herons.jsonl", herons),
        "noise": written(tmp_path / "noise.jsonl", noise),
        "judge": written(tmp_path / "judge.jsonl", judge),
    }


def line_of(base, sets, output):
    return [f"--base={base}", f"--rows=noise={sets['noise']}", f"--rows=herons={sets['herons']}",
            f"--judge=held={sets['judge']}", *SMALL, f"--output={output}"]  # fmt: skip


def test_the_answer_and_its_end_are_learned(base, tmp_path):
    opened = tuned.open_base(base, RowSettings(threads=1))
    row = read_rows(str(written(tmp_path / "a.jsonl", [message(1, "A heron.")])), "--rows a")[0]
    assert row == Row(f"User: {ASKED.format(n=1)}\n\nAssistant:", " A heron.")
    ((inputs, targets),) = tuned._answer_batches(
        opened, [row, row], RowSettings(steps=1, batch=2), 0, 0
    )
    learned = targets[0][targets[0] >= 0].tolist()
    tokenizer = opened.corpus.tokenizer
    assert learned[-1] == tokenizer.end_id
    assert tokenizer.decode(learned[:-1]) == " A heron."
    ((prompt, answer),) = encoded([row], opened.corpus)
    assert inputs[0].tolist() == [*prompt.tolist(), *answer.tolist()]


def test_what_is_too_long_loses_the_beginning_of_the_prompt():
    prompt, answer = np.arange(100, 120), np.arange(1, 6)
    ids, at = fitted(prompt, answer, 0, 11)
    assert ids.tolist() == [114, 115, 116, 117, 118, 119, 1, 2, 3, 4, 5, 0]
    assert at == 6
    ids, at = fitted(prompt, np.arange(1, 30), 0, 10)  # an answer that is too long leaves it a half
    assert ids.tolist() == [115, 116, 117, 118, 119, 1, 2, 3, 4, 5, 6]
    assert at == 5


def test_rows_are_read_in_other_orders():
    settings = RowSettings(steps=5, batch=2)
    first, other = (list(tuned._numbers(5, settings, seed, 0)) for seed in (0, 1))
    numbers = [number for step in first for number in step]
    assert sorted(numbers[:5]) == sorted(numbers[5:]) == list(range(5))
    assert first != other
    assert list(tuned._numbers(5, settings, 0, 3)) == first[3:]  # as a resumed training reads them


def test_bits_of_answers_and_pairs_by_hand(base):
    """A model without weights gives each id log2 V bits; one without a head rewards all answers alike."""
    opened = tuned.open_base(base, RowSettings(threads=1, precision="f32"))
    rows = [
        Row("User: what?\n\nAssistant:", " seven grey herons"),
        Row("User: x\n\nAssistant:", " 鹭"),
    ]
    blank = {name: torch.zeros_like(value) for name, value in opened.weights.items()}
    score = tuned.measure.scorer(blank, opened.settings)
    found = tuned._answer_bits(score, opened.corpus, rows)
    sizes = [len(answer) for _, answer in encoded(rows, opened.corpus)]
    each = math.log2(opened.corpus.tokenizer.vocab_size)
    assert found.above == pytest.approx(np.array(sizes) * each, rel=1e-5)
    assert found.below.tolist() == [18.0, 4.0]
    group = Group((rows[0], rows[1], rows[0]), (1, 2, 2))
    assert group.pairs == [(0, 1), (0, 2)]
    width = opened.settings.shape.width
    none = {**opened.weights, "score.weight": torch.zeros((1, width))}
    tally = tuned._pair_accuracy(none, opened, [group])
    assert (tally.above.tolist(), tally.below.tolist()) == ([1.0], [2.0])
    head = {**opened.weights, "score.weight": torch.ones((1, width))}
    turned = [Group(tuple(rows), ranks) for ranks in ((1, 2), (2, 1))]
    rewards = [
        float(
            model.hidden(opened.weights, torch.from_numpy(row)[None], opened.settings.shape)[
                0, -1
            ].sum()
        )
        for row in tuned._group_ids(opened, turned)[0]
    ]
    right = float(rewards[0] > rewards[1])
    assert tuned._pair_accuracy(head, opened, turned).above.tolist() == [right, 1.0 - right]


def test_the_set_like_the_judge_is_better(base, sets, tmp_path, capsys):
    output = tmp_path / "out"
    line = [*line_of(base, sets, output), "--steps=30", "--rate=0.004"]
    assert ablate_rows.main(line) == 0
    found = json.loads((output / "rows.json").read_text("utf-8"))
    rows = {row["run"]: row for row in found["figures"]}
    assert rows["herons"]["mean"] < rows["base"]["mean"] < rows["noise"]["mean"]
    assert [row["run"] for row in found["differences"]] == ["herons"]
    assert "| answers/held | herons | -" in capsys.readouterr().out
    first = (output / "rows.json").read_bytes()
    assert ablate_rows.main(line) == 0  # all is there
    assert (output / "rows.json").read_bytes() == first
    assert ablate_rows.main([*line, "--batch=3"]) == 2
    assert "holds another ablation (--batch differ)" in capsys.readouterr().err


DRIVER = """
import os, signal, sys
from corpusforge.ablate import tuned
from pipelines import ablate_rows

whole = tuned.descend

def killed(*given, **named):
    def watch(state):
        if state.step == 5:
            os.kill(os.getpid(), signal.SIGKILL)
    return whole(*given[:5], watch, **named)

tuned.descend = killed
ablate_rows.main(sys.argv[1:])
"""


@pytest.mark.parametrize("kind", ["rows", "rankings"])
def test_killed_and_resumed_it_has_equal_figures(base, sets, tmp_path, kind):
    if kind == "rankings":
        own = [ranked(n, ("A heron.", 1), ("A swan, or two.", 2), ("No.", 2)) for n in range(5)]
        held = ranked(3, ("Herons, seven of them, grey.", 1), ("A stone in the mud.", 2))
        held["messages"][0]["content"] = (
            "Who stood all winter on the far bank below the mill, and why there?"
        )
        sets["herons"] = sets["noise"] = written(tmp_path / "k.jsonl", own)
        sets["judge"] = written(tmp_path / "kj.jsonl", [held])
    options = ["--checkpoint-every=2"]
    lines = {}
    for name in ("whole", "killed"):
        line = [*line_of(base, sets, tmp_path / name), *options]
        lines[name] = [part.replace("--rows=", f"--{kind}=") for part in line]
    assert ablate_rows.main(lines["whole"]) == 0
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *lines["killed"]], env=environment, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert ablate_rows.main(lines["killed"]) == 0
    whole, killed = (json.loads((tmp_path / name / "rows.json").read_bytes()) for name in lines)
    assert whole["figures"] == killed["figures"]
    losses = [json.loads((tmp_path / name / "trainings" / "noise-0" / "result.json").read_bytes())["losses"]
              for name in lines]  # fmt: skip
    assert losses[0] == losses[1]
    assert len(losses[0]) == 6


def test_a_row_that_is_known_is_not_judged(base, sets, tmp_path, capsys):
    line = line_of(base, sets, tmp_path / "out")
    line[3] = f"--judge=held={sets['herons']}"
    assert ablate_rows.main(line) == 2
    assert "stands in some row set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"messages": [{"role": "user", "content": "x"}]}],
            "row 1: expected `messages` that end in",
        ),
        ([{"text": "x"}], "row 1: expected `messages` that end in"),
        ([], "no row"),
    ],
)
def test_other_rows_are_refused(rows, message, tmp_path):
    with pytest.raises(tuned.InputError, match=message):
        read_rows(str(written(tmp_path / "rows.jsonl", rows)), "--rows a")


def test_rankings_without_pairs_are_refused(tmp_path):
    path = written(tmp_path / "rows.jsonl", [ranked(1, ("a", 1), ("b", 0), ("c", 1))])
    with pytest.raises(tuned.InputError, match="no prompt has answers of two ranks"):
        read_groups(str(path), "--rankings a")


def test_a_base_that_is_none_is_refused(sets, tmp_path, capsys):
    assert (
        ablate_rows.main(line_of(tmp_path / "x" / "trainings" / "a-0", sets, tmp_path / "out")) == 2
    )
    assert "is no training of a finished ablation" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
