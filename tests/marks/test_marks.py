"""Marks of machine text: torch's shuffle, the notes' watermark, curvature by hand, a curve by counting."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from corpusforge.io.jsonl import read_jsonl
from corpusforge.marks.detector import Curve, band_of, curvature, fit
from corpusforge.marks.watermark import green_tokens, is_green, z_score
from corpusforge.models.journal import Entry, Journal
from corpusforge.models.likelihood import Likelihood, ask_likelihood
from corpusforge.models.records import Completion
from pipelines.machine_marks import main

KEY = 15485863
SHUFFLED = {
    1: [958, 725, 179, 426, 565, 666, 461, 651, 863, 347, 768, 997],
    42: [244, 203, 72, 743, 829, 556, 762, 344, 252, 878, 666, 237],
    4096: [574, 714, 451, 146, 5, 536, 508, 556, 953, 453, 778, 48],
}
"""The first twelve of torch 2.15's randperm(1000), seeded with KEY times the token before."""


@pytest.mark.parametrize("before", SHUFFLED)
def test_the_green_list_is_torchs(before: int) -> None:
    found = {token for token in range(1000) if is_green(before, token, 0.012, KEY, 1000)}
    assert found == set(SHUFFLED[before])


@pytest.mark.torch
def test_the_green_list_is_torchs_at_a_real_vocabulary() -> None:
    torch = pytest.importorskip("torch", reason="extra local")
    for before in (3, 777):
        draws = torch.Generator().manual_seed(KEY * before)
        green = set(torch.randperm(49152, generator=draws)[:12288].tolist())
        for token in range(0, 49152, 300):
            assert is_green(before, token, 0.25, KEY, 49152) == (token in green)


def test_z_of_the_notes_example() -> None:
    assert z_score(28, 36, 0.25) == pytest.approx(7.3131, abs=1e-4)  # expected 9, deviation 2.598
    assert z_score(9, 36, 0.25) == 0
    for green, total, gamma in ((1, 0, 0.25), (1, 2, 0.0), (1, 2, 1.0)):
        with pytest.raises(ValueError, match="not defined"):
            z_score(green, total, gamma)


def test_unmarked_ids_have_z_of_chance_and_repeats_count_once() -> None:
    ids = np.random.default_rng(5).integers(0, 1000, 900).tolist()
    green, pairs = green_tokens(ids, 0.25, KEY, 1000)
    assert abs(z_score(green, pairs, 0.25)) < 3
    assert green_tokens([7, 8] * 50, 0.25, KEY, 1000)[1] == 2


def test_marked_ids_are_found_and_another_key_finds_nothing() -> None:
    ids, rng = [1], np.random.default_rng(6)
    while len(ids) < 200:
        token = int(rng.integers(0, 1000))
        if is_green(ids[-1], token, 0.25, KEY, 1000) or rng.random() < 0.3:
            ids.append(token)
    assert z_score(*green_tokens(ids, 0.25, KEY, 1000), 0.25) > 6
    assert abs(z_score(*green_tokens(ids, 0.25, KEY + 2, 1000), 0.25)) < 4


def test_curvature_by_hand() -> None:
    found = Likelihood(
        ends=(1, 2, 3), nats=(None, -1.0, -2.0), mean=(None, -2.0, -3.5), variance=(None, 3.0, 6.0)
    )
    assert curvature(found) == pytest.approx(((-1 + 2) + (-2 + 3.5)) / 3)
    assert curvature(Likelihood(ends=(1, 2), nats=(None, -1.0))) is None


def test_a_curve_puts_half_where_the_kinds_cross_and_bands_are_the_published_ones() -> None:
    rng = np.random.default_rng(1)
    human, machine = rng.normal(0, 1, 4000).tolist(), rng.normal(2, 1, 1000).tolist()
    curve = fit(human, machine)
    # two normals of one width, equal weights: the log-odds are 2 (x - 1)
    assert curve.slope == pytest.approx(2, abs=0.25)
    assert -curve.intercept / curve.slope == pytest.approx(1, abs=0.1)
    assert [band_of(p) for p in (0.05, 0.10, 0.44, 0.45, 0.9, 0.979, 0.98, 1.0)] == [
        "very_unlikely", "unlikely", "unlikely", "unclear", "possible", "possible", "likely", "likely",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="two texts"):
        fit([1.0], [1.0, 2.0])


def journal(path: Path, texts: dict[str, float], most: int) -> None:
    """A journal in which each text has the curvature given for it."""
    with Journal(path) as store:
        for text, value in texts.items():
            read = text[:most]
            found = Likelihood(
                ends=(1, len(read)), nats=(None, value - 1), mean=(None, -1.0), variance=(None, 1.0)
            )
            request = ask_likelihood(read, "machine_marks", "m")
            done = Completion(key=request.key, text=found.text(), finish_reason="stop", model="m")
            store.append(Entry(request=request, completion=done, engine="local"))


def test_marks_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = {
        (f"An English sentence about the sea and the number {n}. " * 30).strip(): float(n % 2 * 3)
        for n in range(8)
    }
    short = "A short English sentence about the sea, which is blue, and the sky."
    han = "今天天气很好，我们去海边散步，看到了许多船和海鸟。" * 60
    journal(tmp_path / "j.jsonl", {**long, short: 0.0, han: 3.0}, 3000)
    replay = ["--engine", "replay", "--journal", str(tmp_path / "j.jsonl")]
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text(
        "".join(json.dumps({"text": t, "machine": v > 1}) + "\n" for t, v in long.items())
    )
    assert main(["--fit", str(labelled), *replay, "--output", str(tmp_path / "fit")]) == 0
    curve = json.loads((tmp_path / "fit" / "curve.json").read_text())
    assert (curve["human"], curve["machine"]) == (4, 4)
    documents = tmp_path / "documents.jsonl"
    rows = [(next(iter(long)), "en"), (list(long)[1], "en"), (short, "en"), (han, "zh")]
    documents.write_text("".join(json.dumps({"text": t, "lang": lang}) + "\n" for t, lang in rows))
    given = ["--input", str(documents), "--curve", str(tmp_path / "fit" / "curve.json"), *replay]
    for name in ("one", "two"):
        assert main([*given, "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "one" / "marks.jsonl").read_bytes() == (
        tmp_path / "two" / "marks.jsonl"
    ).read_bytes()
    marks = list(read_jsonl(str(tmp_path / "one" / "marks.jsonl")))
    assert [one["band"] for one in marks][2] == "too_short" and marks[2]["probability"] is None
    assert marks[0]["probability"] < 0.5 < marks[1]["probability"]
    assert [one["caveat"] for one in marks] == ["", "", "", "not_english"]
    assert marks[0]["probability"] == pytest.approx(
        1 / (1 + math.exp(-curve["intercept"] - curve["slope"] * 0.0)), abs=1e-3
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing to mark"),
        (["--watermark-key", "3"], "together"),
        (["--no-likelihood"], "nothing to look for"),
        (["--watermark-gamma", "1.5"], "0 < x < 1"),
        (["--input", "none.jsonl"], "none.jsonl"),
    ],
)
def test_wrong_options(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "j.jsonl").write_text("")
    base = [
        "--output",
        str(tmp_path / "x"),
        "--engine",
        "replay",
        "--journal",
        str(tmp_path / "j.jsonl"),
    ]
    assert main([*base, *options]) == 2
    assert said in capsys.readouterr().err


def test_curves_probability_stays_a_number_far_out() -> None:
    assert Curve(intercept=0, slope=100).probability(1e9) == pytest.approx(1)
    assert Curve(intercept=0, slope=100).probability(-1e9) == pytest.approx(0)
