"""Power laws against planted ones, scipy and a closed form; a ladder of the sample, stopped and resumed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace as Made

import numpy as np
import pytest
from scipy import stats

from corpusforge.ablate.scaling import fit, needed, scaling
from pipelines import ablate

TOKENS = np.array([1e5, 2e5, 4e5, 8e5])


def test_a_planted_law_is_found():
    logs = np.log([[5.0 * n**-0.1 for n in TOKENS], [7.0 * n**-0.2 for n in TOKENS]])
    scales, exponents = fit(TOKENS, logs)
    assert np.exp(scales) == pytest.approx([5.0, 7.0])
    assert exponents == pytest.approx([0.1, 0.2])


def test_the_fit_is_that_of_scipy():
    noisy = np.log([[3.1, 2.8, 2.75, 2.4]])
    expected = stats.linregress(np.log(TOKENS), noisy[0])
    scales, exponents = fit(TOKENS, noisy)
    assert (scales[0], exponents[0]) == pytest.approx((expected.intercept, -expected.slope))


def test_two_points_by_hand():
    """From 4 to 2 bits in four times the tokens: the exponent is a half."""
    scales, exponents = fit(np.array([100.0, 400.0]), np.log([[4.0, 2.0]]))
    assert exponents[0] == pytest.approx(0.5)
    assert np.exp(scales[0]) == pytest.approx(40.0)


def test_half_the_tokens_for_equal_quality():
    """b * D**-a = b' * D'**-a at D' = D * (b' / b)**(1 / a)."""
    own, other = (np.log([[b * n**-0.25 for n in TOKENS]]) for b in (6.0 * 0.5**0.25, 6.0))
    assert np.exp(needed(TOKENS, own, other)) == pytest.approx([0.5])
    assert np.exp(needed(TOKENS, other, own)) == pytest.approx([2.0])
    assert np.exp(needed(TOKENS, own, own)) == pytest.approx([1.0])


def test_other_exponents_meet_at_the_first_runs_last_loss():
    own, other = (np.log([[b * n**-a for n in TOKENS]]) for a, b in ((0.3, 20.0), (0.2, 8.0)))
    target = 8.0 * 8e5**-0.2
    tokens = (20.0 / target) ** (1 / 0.3)
    assert np.exp(needed(TOKENS, own, other)) == pytest.approx([tokens / 8e5])


def test_a_law_that_does_not_fall_gives_no_ratio():
    rising = np.log([[1.0, 1.1, 1.2, 1.3]])
    assert math.isnan(needed(TOKENS, rising, -rising)[0])


def report(tokens, values):
    figures = [
        Made(measure=measure, run=run, values=tuple(own))
        for run, own in values.items()
        for measure in ("bits_per_byte/all", "accuracy/x")
    ]
    return Made(trained=[Made(tokens=tokens)], figures=figures)


def test_intervals_over_seeds():
    """Three seeds at known ratios 0.4, 0.5, 0.6: the t-interval is that of their logarithms."""
    ratios = np.array([0.4, 0.5, 0.6])
    reports = [
        report(int(n), {"a": [6.0 * n**-0.25] * 3, "b": 6.0 * ratios**0.25 * n**-0.25})
        for n in TOKENS
    ]
    found = scaling({"nano": reports})
    assert [law.run for law in found.laws] == ["a", "b"]  # bits per byte alone
    (row,) = found.ratios
    t = stats.t.interval(0.95, 2, np.log(ratios).mean(), stats.sem(np.log(ratios)))
    assert (row.low, row.high) == pytest.approx(tuple(np.exp(t)))
    assert row.value == pytest.approx(np.exp(np.log(ratios).mean()))
    assert (row.drawn_low, row.drawn_high) == pytest.approx((0.4, 0.6))
    assert (row.clear, row.extrapolated, row.seeds) == (True, False, 3)
    turned = scaling({"nano": [report(int(n), {"a": [9.0 * n**-0.25], "b": [6.0 * n**-0.25]})
                               for n in TOKENS]})  # fmt: skip
    assert turned.ratios[0].value == pytest.approx((6 / 9) ** 4)
    assert (turned.ratios[0].low, turned.ratios[0].clear) == (None, False)  # one seed


@pytest.mark.torch
def test_a_ladder_of_the_sample_is_resumed_to_the_same(runs, unseen, tmp_path, capsys):
    pytest.importorskip("torch", reason="torch is not installed: extra local")
    held = tmp_path / "unseen.jsonl"
    held.write_text("".join(json.dumps({"text": t}) + "\n" for t in unseen), encoding="utf-8")
    output = tmp_path / "out"
    line = [*(f"--run={name}={folder}" for name, folder in runs.items()), f"--held-out=new={held}"]
    line += ["--ladder=4_096,8192", "--sizes=pico", "--seeds=2", "--batch=4", "--points=1"]
    line += ["--probes=0", "--order=0", "--threads=1", "--quiet", f"--output={output}"]
    assert ablate.main(line) == 0
    told = capsys.readouterr().out
    first = (output / "scaling.json").read_bytes()
    found, wanted = json.loads(first), ("bits_per_byte/all", "exact")
    law = next(r for r in found["laws"] if (r["measure"], r["run"]) == wanted)
    rungs = [json.loads((output / f"pico-{n}" / "report.json").read_bytes()) for n in (4096, 8192)]
    rows = [row for rung in rungs for row in rung["figures"]]
    values = [row["values"] for row in rows if (row["measure"], row["run"]) == wanted]
    assert np.array(law["values"]) == pytest.approx(np.array(values).T)
    exponent = np.mean(np.log(values[0]) - np.log(values[1])) / math.log(2)
    assert law["exponent"] == pytest.approx(exponent)
    assert rungs[0]["sets"] == rungs[1]["sets"]
    assert (output / "scaling.md").read_text("utf-8") in told
    (output / "pico-8192" / "trainings" / "exact-1" / "result.json").unlink()
    (output / "pico-8192" / "trainings" / "exact-1" / "checkpoint.pt").unlink()
    (output / "scaling.json").unlink()
    assert ablate.main(line) == 0
    assert (output / "scaling.json").read_bytes() == first


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--sizes=nano"], "--sizes is for --ladder"),
        (["--ladder=1,2", "--export"], "--export is not for --ladder"),
        (["--ladder=0,2"], "expected at least 1"),
    ],
)
def test_a_wrong_ladder_is_told(line, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = ["--run=a=b", "--output=out", *line]
    try:
        assert ablate.main(line) == 2
    except SystemExit as stop:
        assert stop.code == 2
    assert message in capsys.readouterr().err
    assert list(Path(tmp_path).iterdir()) == []
