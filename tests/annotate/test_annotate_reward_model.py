"""Reward models read the exported files and their loss falls; the data are Open Assistant's trees."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from corpusforge.annotate.imports.public import import_source
from corpusforge.annotate.results import write_results


@pytest.fixture(scope="module")
def training(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("reward")
    source = data / "preference" / "oasst-trees-50.jsonl.gz"
    import_source("oasst", [str(source)], str(base / "in"))
    formats = ("kway", "trl_implicit")
    write_results([str(base / "in/job")], [str(base / "in")], str(base / "out"), formats=formats)
    return base / "out" / "training"


def test_the_listwise_loss_is_the_formula_of_the_paper() -> None:
    torch = pytest.importorskip("torch", reason="extra: local")
    from examples.reward_model.__main__ import listwise_loss

    rewards, ranks = [0.3, -1.2, 0.8, 0.1], [1, 2, 2, 3]
    losses = [
        -np.log(1 / (1 + np.exp(-(rewards[i] - rewards[j]))))
        for i, j in [*combinations(range(4), 2)]
        if ranks[i] < ranks[j]
    ]
    assert len(losses) == 5
    found = listwise_loss(torch.tensor(rewards), torch.tensor(ranks))
    assert float(found) == pytest.approx(np.mean(losses), abs=1e-6)


def test_fifty_steps_of_plain_torch_lower_the_loss(training: Path) -> None:
    pytest.importorskip("torch", reason="extra: local")
    from examples.reward_model.__main__ import groups, train

    rows = groups(training / "kway" / "train.jsonl")
    assert {len(ranks) for _, ranks in rows} >= {3, 4}
    losses = train(rows, 50)
    assert np.mean(losses[-7:]) < np.mean(losses[:7]) - 0.05
    assert losses[:3] == train(rows, 3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of trl and transformers, not ours
def test_fifty_steps_of_trl_lower_the_loss(training: Path, tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="pip install trl")
    from examples.reward_model.with_trl import train

    losses = train(training, tmp_path, 50)
    assert len(losses) == 10
    assert losses[-1] < losses[0] - 0.3
