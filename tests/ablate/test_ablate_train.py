"""Training: killed and resumed, one or two loader workers, equal losses; it learns."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: extra local")

from corpusforge.ablate.corpus import open_corpus  # noqa: E402
from corpusforge.ablate.settings import Settings  # noqa: E402
from corpusforge.ablate.train import rate_at, train  # noqa: E402
from corpusforge.errors import RunError  # noqa: E402

pytestmark = pytest.mark.torch

SETTINGS = Settings(tokens=12_288, batch=4, checkpoint_every=3, device="cpu", threads=1)
STEPS = 12


def losses(run, path, settings=SETTINGS, seed=0, watch=lambda _: None):
    return train(open_corpus("a", run, settings), settings, seed, str(path), watch).losses


@pytest.fixture(scope="module")
def whole(runs, tmp_path_factory):
    return losses(runs["fuzzy"], tmp_path_factory.mktemp("whole") / "checkpoint.pt")


def test_it_learns(whole):
    assert len(whole) == SETTINGS.steps == STEPS
    # branches begin as nothing, and the embedding is the head too: the logit of an id's own is sqrt(128),
    # of width 128, and the others are about 0, so the model guesses the id that it reads
    assert whole[0] == pytest.approx(math.sqrt(128) / math.log(2), abs=1.5)
    assert whole[-1] < whole[0] - 0.5


@pytest.mark.parametrize("workers", [1, 2])
def test_loader_workers_change_nothing(runs, whole, tmp_path, workers):
    settings = Settings(
        tokens=SETTINGS.tokens, batch=4, checkpoint_every=3, device="cpu", threads=1,
        loader_workers=workers,
    )  # fmt: skip
    assert losses(runs["fuzzy"], tmp_path / "checkpoint.pt", settings) == whole


def test_another_seed_begins_elsewhere_with_other_weights(runs, whole, tmp_path):
    corpus = open_corpus("a", runs["fuzzy"], SETTINGS)
    assert corpus.numbers(0, 0, SETTINGS).tolist() != corpus.numbers(0, 1, SETTINGS).tolist()
    assert losses(runs["fuzzy"], tmp_path / "checkpoint.pt", seed=1)[0] != whole[0]


DRIVER = """
import json, os, signal, sys
from corpusforge.ablate.corpus import open_corpus
from corpusforge.ablate.settings import Settings
from corpusforge.ablate.train import train

run, path, last = sys.argv[1:]
settings = Settings(tokens=12_288, batch=4, checkpoint_every=3, device="cpu", threads=1)

def watch(state):
    if state.step == int(last):
        os.kill(os.getpid(), signal.SIGKILL)

print(json.dumps(train(open_corpus("a", run, settings), settings, 0, path, watch).losses))
"""


def test_killed_and_resumed_it_has_equal_losses(runs, whole, tmp_path):
    root = Path(__file__).resolve().parents[2]
    path = tmp_path / "checkpoint.pt"

    def driver(last):
        command = [sys.executable, "-c", DRIVER, runs["fuzzy"], str(path), str(last)]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    for last in (2, 5, 7, 11):  # before the first checkpoint, between two, twice, near the end
        assert driver(last).returncode == -signal.SIGKILL
    done = driver(0)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == whole


def test_a_damaged_checkpoint_is_told(runs, tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(RunError, match="is no checkpoint"):
        losses(runs["fuzzy"], path)


def test_a_training_that_diverges_is_told(runs, tmp_path):
    settings = Settings(
        tokens=4096, batch=4, rate=1e38, warmup=0.0, device="cpu", threads=1, precision="f32"
    )
    with pytest.raises(RunError, match=r"the loss of step 1 is .*nan.* has diverged"):
        losses(runs["fuzzy"], tmp_path / "checkpoint.pt", settings)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_the_rate_rises_and_falls_to_a_tenth():
    settings = Settings(tokens=4096 * 100, batch=16, warmup=0.1, rate=1.0)
    rates = [rate_at(step, settings) for step in range(settings.steps)]
    assert settings.steps == 100
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert max(rates) == rates[10] == 1.0
    assert rates[55] == pytest.approx(0.55)  # half way of the cosine
    assert rates[-1] == pytest.approx(0.1, abs=1e-3)
