"""The example, whole: every format goes out and comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.annotate.__main__ import main


def test_the_example_goes_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--output", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "36 rows read: 36 accepted, 0 known already, 0 refused" in said
    assert "72 rows read: 36 accepted, 36 known already, 0 refused" in said
    assert "72 of 72 tasks answered, 0 missing" in said
    # the careless fourth rater's 18 untouched answers do not count
    assert "54 rankings of 18 prompts count; left out: 18 unconfirmed" in said
    assert said.index("careful") < said.index("brief") < said.index("vague") < said.index("wrong ")
    dropped = [
        json.loads(line) for line in (tmp_path / "job/pool/dropped.jsonl").read_text().splitlines()
    ]
    assert [row["rule"] for row in dropped] == ["near_duplicate"]
    everything = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert b"tom.baker" not in everything
    summary = json.loads((tmp_path / "results/training/summary.json").read_text())
    # 16 prompts, K = 4: C(4, 2) pairs each, less ties and what nobody ranked; 2 gold ones stay out
    assert summary["pairs"] + summary["tied_pairs"] <= 16 * 6
    kway = (tmp_path / "results/training/kway/train.jsonl").read_text().splitlines()
    assert len(kway) == 16
