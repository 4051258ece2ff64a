"""Rankings: prompts, pairs and figures against the output's own files, agreement by scipy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from corpusforge.errors import RunError
from corpusforge.view import rankings
from corpusforge.view.sites import Choice, site_of


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def own(rankings_output: Path) -> rankings.Rankings:
    return rankings.open_rankings(str(rankings_output))


def test_prompts_stand_with_every_rater_s_order_least_agreed_first(
    rankings_output: Path, own: rankings.Rankings
) -> None:
    kway = {row["prompt_id"]: row for row in lines(rankings_output / "training/kway/train.jsonl")}
    found = [
        row for start in (0, rankings.PAGE) for row in rankings.prompts(own, start=start)["rows"]
    ]
    assert {row["id"] for row in found} == kway.keys()
    assert [row["tau"] for row in found] == sorted(row["tau"] for row in found)
    for row in found:
        stored = kway[row["id"]]
        by_id = {one["id"]: place for place, one in enumerate(stored["candidates"])}
        ranks = [answer["rank"] or 99 for answer in row["answers"]]
        assert ranks == sorted(ranks)
        for answer in row["answers"]:
            place = by_id[answer["id"]]
            assert answer["text"] == stored["candidates"][place]["text"]
            assert answer["ranks"] == [one["ranks"][place] for one in stored["rankings"]]
        orders = [np.array(one["ranks"], float) for one in stored["rankings"]]
        taus = []
        for i, a in enumerate(orders):
            for b in orders[i + 1 :]:
                both = (a > 0) & (b > 0)
                taus.append(kendalltau(a[both], b[both]).statistic)
        assert row["tau"] == pytest.approx(np.nanmean(taus))


def test_prompts_are_chosen_by_language_and_words(
    rankings_output: Path, own: rankings.Rankings
) -> None:
    kway = lines(rankings_output / "training/kway/train.jsonl")
    chinese = sum(row["language"] == "zh" for row in kway)
    assert rankings.prompts(own, lang="zh")["total"] == chinese > 0
    holding = sum("parcel" in json.dumps(row) for row in kway)
    assert rankings.prompts(own, words="PARCEL")["total"] == holding > 0


def test_pairs_are_those_of_training_least_agreed_first(
    rankings_output: Path, own: rankings.Rankings
) -> None:
    stored = lines(rankings_output / "training/pairs/train.jsonl")
    texts = {
        one["id"]: one["text"]
        for row in lines(rankings_output / "training/kway/train.jsonl")
        for one in row["candidates"]
    }
    found = [
        row
        for start in range(0, len(stored), rankings.PAGE)
        for row in rankings.pairs(own, start=start)["rows"]
    ]
    assert rankings.pairs(own)["total"] == len(found) == len(stored)
    assert [row["agreement"] for row in found] == sorted(row["agreement"] for row in stored)

    def said(row: dict) -> tuple[str, ...]:
        return tuple("".join(text for text, _ in side["pieces"]) for side in row["sides"])

    expected = [(texts[row["chosen_id"]], texts[row["rejected_id"]]) for row in stored]
    assert sorted(map(said, found)) == sorted(expected)


def test_figures_are_those_of_the_file(rankings_output: Path) -> None:
    site = site_of(str(rankings_output), Choice())
    told = site.answers["overview"]({})
    assert told["figures"] == json.loads((rankings_output / "figures.json").read_text())  # type: ignore[index]


def test_an_output_without_whole_rows_is_told(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    with pytest.raises(RunError, match="--format kway"):
        site_of(str(tmp_path), Choice())
