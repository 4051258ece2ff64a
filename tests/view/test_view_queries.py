"""What each panel asks, on a run of the embedded sample, against counts by pyarrow from the run's files."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from view_runs import stored

from corpusforge import cli
from corpusforge.errors import InputError, RunError

pytest.importorskip("duckdb")

from corpusforge.view import bounds, dropped, search
from corpusforge.view.spans import marked, offending
from corpusforge.view.tables import View, open_run


def test_every_rule_of_the_funnel_shows_the_documents_it_dropped(run: Path, view: View) -> None:
    rows = stored(run, "dropped")
    counted = Counter((row["stage"], row["rule"]) for row in rows)
    all_sources = next(own for own in dropped.funnel(view) if own["source"] == "")
    told = {(step["stage"], rule): n for step in all_sources["steps"] for rule, n in step["rules"]}
    del told["mix", "not_drawn"]  # of which the run keeps no rows
    assert told == dict(counted)
    for (stage, rule), n in counted.items():
        found = dropped.documents(view, stage=stage, rule=rule)
        assert found["total"] == n == sum(found["languages"].values())
        mine = {row["id"]: row for row in rows if (row["stage"], row["rule"]) == (stage, rule)}
        for row in found["rows"]:
            assert {key: row[key] for key in ("value", "bound", "url")} == {
                key: mine[row["id"]][key] for key in ("value", "bound", "url")
            }


def test_what_was_dropped_after_it_had_a_text_shows_it(run: Path, view: View) -> None:
    texts = {row["id"]: row["text"] for row in stored(run, "samples") + stored(run, "documents")}
    for stage, rule in {(row["stage"], row["rule"]) for row in stored(run, "dropped")}:
        for row in dropped.documents(view, stage=stage, rule=rule)["rows"]:
            if stage == "ingest":
                assert row["pieces"] is None
            else:
                assert "".join(text for text, _ in row["pieces"]) == texts[row["id"]]


def test_source_and_language_choose(run: Path, view: View) -> None:
    rows = [row for row in stored(run, "dropped") if row["rule"] == "minhash"]
    langs = {row["id"]: row["lang"] for row in stored(run, "documents")}
    for source in {row["source"] for row in rows}:
        mine = [row for row in rows if row["source"] == source]
        found = dropped.documents(view, stage="dedup", rule="minhash", source=source)
        assert found["total"] == len(mine)
        assert found["languages"] == dict(Counter(langs[row["id"]] for row in mine))
    chinese = dropped.documents(view, stage="dedup", rule="minhash", lang="zh")
    assert {row["id"] for row in chinese["rows"]} == {
        row["id"] for row in rows if langs[row["id"]] == "zh"
    }


def test_at_the_run_s_own_bound_nothing_moves(view: View) -> None:
    rules = [own for own in bounds.measures(view) if own.kind == "rule"]
    assert len(rules) > 30
    for own in rules:
        if not own.others:
            for row in bounds.counts(view, own.name, own.low, own.high):
                assert (row["now"], row["back"], row["gone"]) == (row["then"], 0, 0), own.name


@pytest.mark.parametrize("low", [0, 30, 120, 500])
def test_a_moved_bound_counts_as_a_loop_over_the_rows(run: Path, view: View, low: float) -> None:
    """Of the sample's sources gopher_quality.v1 judges web pages alone (docs/filter.md)."""
    name = "gopher_quality.v1:words"
    expected: dict[tuple[str, str], list[int]] = {}
    for row in stored(run, "stats"):
        if row["rule"] in ("", name):
            own = expected.setdefault((row["source"], row["lang"]), [0, 0, 0, 0, 0])
            kept = row["source"] != "web" or low <= row["words"] <= 100_000
            now = row["rule"] == ""
            for place, one in enumerate((True, now, kept, kept and not now, now and not kept)):
                own[place] += one
    found = {
        (row["source"], row["lang"]): [row[k] for k in ("documents", "now", "then", "back", "gone")]
        for row in bounds.counts(view, name, low, 100_000)
    }
    assert found == expected


def test_columns_and_scores_are_measures_too(run: Path, view: View) -> None:
    kept = [row["words"] for row in stored(run, "stats") if row["rule"] == ""]
    then = sum(row["then"] for row in bounds.counts(view, "words", 100, None))
    assert then == sum(n >= 100 for n in kept)
    scores = [row["score"] for row in stored(run, "scores") if row["source"] == "web"]
    found = {row["source"]: 0 for row in bounds.counts(view, "score", 0.5, None)}
    for row in bounds.counts(view, "score", 0.5, None):
        found[row["source"]] += row["then"]
    assert found["web"] == sum(score >= 0.5 for score in scores)
    with pytest.raises(InputError, match="Did you mean 'words'"):
        bounds.counts(view, "wordz", 1, None)


def test_the_histogram_holds_every_document_once(run: Path, view: View) -> None:
    drawn = bounds.histogram(view, "text_bytes", source="web", lang="zh")
    sizes = [
        row["text_bytes"] for row in stored(run, "stats")
        if (row["rule"], row["source"], row["lang"]) == ("", "web", "zh")
    ]  # fmt: skip
    assert sum(drawn["documents"]) == len(sizes)
    assert (drawn["lowest"], drawn["highest"]) == (min(sizes), max(sizes))
    assert drawn["edges"] == sorted(drawn["edges"]) and len(drawn["edges"]) == 61


def test_near_a_bound_are_the_nearest_on_both_sides(run: Path, view: View) -> None:
    name = "gopher_quality.v1:words"
    found = bounds.near(view, name, 100, end="low", source="web")
    values = sorted(
        row["words"] for row in stored(run, "stats")
        if row["source"] == "web" and row["rule"] in ("", name)
    )  # fmt: skip
    assert [row["value"] for row in found["kept"]] == [n for n in values if n >= 100][:5]
    assert [row["value"] for row in found["dropped"]] == [n for n in values if n < 100][::-1][:5]


def test_search_finds_by_text_address_and_id(run: Path, view: View) -> None:
    documents = stored(run, "documents")
    chinese = {row["id"] for row in documents if "节气" in row["text"]}
    assert chinese <= {row["id"] for row in search.find(view, "节气")}
    one = next(row for row in documents if row["url"])
    assert one["id"] in {row["id"] for row in search.find(view, one["url"].upper())}
    assert [row["id"] for row in search.find(view, one["id"])] == [one["id"]]
    sample = stored(run, "samples")[0]
    assert sample["rule"] in {row["rule"] for row in search.find(view, sample["id"])}
    assert search.find(view, "%' OR 1=1 --") == []
    with pytest.raises(InputError, match="nothing to search for"):
        search.find(view, "  ")


def test_the_history_is_what_why_tells(
    run: Path, view: View, capsys: pytest.CaptureFixture
) -> None:
    for row in stored(run, "dropped")[:5]:
        assert cli.main(["why", str(run), row["id"]]) == 0
        told = [line.strip() for line in capsys.readouterr().out.splitlines()[1:]]
        assert search.history(view, row["id"])["lines"] == told
    with pytest.raises(InputError, match="no document 'x'"):
        search.history(view, "x")


def test_signs_of_patterns_in_a_name_are_no_pattern(run: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a[1]*?"
    odd.mkdir()
    shutil.copy(run / "recipe.json", odd)
    shutil.copytree(run / "stats", odd / "stats")
    rows = len(stored(run, "stats"))
    assert open_run(str(odd)).rows("SELECT count(*) AS n FROM stats") == [{"n": rows}]


def test_nothing_to_see_is_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(RunError, match="is not a run"):
        open_run(str(tmp_path))
    (tmp_path / "recipe.json").write_text('{"name": "a", "sources": {}}')
    with pytest.raises(RunError, match="holds no statistics"):
        open_run(str(tmp_path))
    assert cli.main(["view", str(tmp_path), "--port", "70000"]) == 2
    assert "--port 70000: expected 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("statistic", "text"),
    [
        ("curly", "a [{] b [{]"),
        ("ellipses", "so [...] and […]"),
        ("bullet_lines", "x\n[- one]\n[• two]\ny"),
        ("ellipsis_lines", "one.\n[two ...]\n[three…]"),
        ("duplicate_lines", "a b\nc\n[a b]\nd\n[ c ]"),
        ("duplicate_paragraphs", "a\nb\n\nc\n\n[a\nb]"),
        ("phrase_lorem_ipsum", "Say [Lorem ipsum] twice: [lorem IPSUM]."),
        ("top_2_gram_chars", "[the dog] saw [the dog] and a cat"),
        ("duplicate_5_gram_chars", "a b c d e x [a b c d e] y"),
        ("long_word_chars", f"a [{'x' * 64}] b"),
        ("longest_line", "a\n[bbb]\ncc"),
        ("words", "few words"),
    ],
)
def test_what_a_statistic_counts_is_marked(statistic: str, text: str) -> None:
    """Marked by hand in brackets."""
    plain = text.replace("[", "").replace("]", "")
    pieces = marked(plain, offending(plain, statistic))
    assert "".join(f"[{part}]" if own else part for part, own in pieces) == text


def test_marks_of_one_character_statistics_count_alike(run: Path) -> None:
    """As many marks as the kernel counted, on every text of the run."""
    counts = {row["id"]: row for row in stored(run, "stats")}
    for row in stored(run, "documents"):
        if "<" in row["text"]:
            continue  # redaction comes after counting and may bring or take a sign
        for name in ("curly", "hashes", "colons"):
            assert len(offending(row["text"], name)) == counts[row["id"]][name], (row["id"], name)
