"""Funnel, terminal, card, comparison, JSON and numbers, against hand counts."""

import io
import json
from dataclasses import replace

import pytest
from report_values import LEDGER, RUN

from corpusforge.errors import InputError
from corpusforge.report import (
    Histogram,
    LedgerRow,
    RunData,
    data_card,
    difference,
    from_json,
    lines,
    numbers,
    show,
    tables,
    to_json,
)
from corpusforge.report.funnel import funnels, survivors
from corpusforge.report.texts import SNIPPET, marked


def test_funnel_of_all_sources_sums_the_others():
    whole, web, books = funnels(LEDGER)
    assert (web.source, books.source) == ("web", "书籍")
    assert [step.stage for step in whole.steps] == ["ingest", "filter", "dedup", "mix"]
    assert [step.seen for step in whole.steps] == [1020, 970, 620, 518]
    assert [step.kept for step in whole.steps] == [970, 620, 518, 418]
    for funnel in (whole, web, books):
        for step in funnel.steps:
            assert step.seen == step.kept + step.dropped + step.failed


def test_rules_come_most_frequent_first_and_ties_by_name():
    ledger = [
        LedgerRow(stage="filter", source="b", seen=4, kept=1, dropped={"z": 2, "a": 1}),
        LedgerRow(stage="filter", source="a", seen=3, kept=1, dropped={"a": 1, "m": 1}),
    ]
    assert funnels(ledger)[0].steps[0].rules == (("a", 2), ("z", 2), ("m", 1))


def test_survivors_are_counted_before_the_mixture_draws():
    assert survivors(LEDGER) == 518
    assert survivors([]) == 0


def test_plain_lines_are_aligned_with_wide_characters():
    text = lines(RUN)
    header = text[0]
    row = next(line for line in text if line.startswith("书籍"))
    stage = header.index("stage")
    assert row[stage - 2 :].startswith("ingest")  # two characters take four columns
    assert any("1,020" in line and line.startswith("all") for line in text)
    assert any("gopher_quality.v1:words 200" in line for line in text)
    mix = next(line for line in text if line.startswith("web") and "75.0 %" in line)
    assert mix.split() == ["web", "75.0", "%", "3,000", "3,000", "75.0", "%", "0.75", "400"]
    assert "duplicates removed: 102" in text
    assert "documents with evaluation text: 3" in text
    assert "train: 4k tokens in 1 file" in text


def test_summary_is_plain_where_there_is_no_terminal():
    stream = io.StringIO()
    show(RUN, stream)
    assert stream.getvalue() == "\n".join(lines(RUN)) + "\n"
    assert "\x1b" not in stream.getvalue()


def test_tables_show_markup_as_text():
    from rich.console import Console

    ledger = (LedgerRow(stage="filter", source="[red]x[/red]", seen=1, kept=1),)
    console = Console(file=io.StringIO(), width=200)
    for table in tables(replace(RUN, ledger=ledger)):
        console.print(table)
    assert "[red]x[/red]" in console.file.getvalue()


def test_an_empty_run_has_a_summary():
    assert lines(RunData(name="x", version="0"))[0].startswith("source")


def test_json_comes_back_as_the_same_data():
    text = json.dumps(to_json(RUN), ensure_ascii=False)
    assert from_json(json.loads(text)) == from_json(to_json(RUN))
    again = from_json(json.loads(text))
    assert again.mix.sources["书籍"].epochs == 2.0
    assert again.ledger == RUN.ledger


def test_json_has_the_promised_keys():
    content = to_json(RUN)
    assert set(content["ledger"][0]) >= {"stage", "source", "seen", "kept", "dropped", "failed"}
    assert set(content["mix"]["sources"]["web"]) >= {
        "weight",
        "asked_tokens",
        "delivered_tokens",
        "epochs",
        "documents",
    }
    assert {"dedup", "decontamination", "timing"} <= set(content)


def test_json_of_something_else_is_refused():
    with pytest.raises(InputError, match="not one of this version"):
        from_json({"name": 3})


def test_difference_names_each_figure_by_stage_and_source():
    ledger = list(LEDGER)
    ledger[2] = replace(ledger[2], kept=590, dropped={**ledger[2].dropped, "new": 10})
    other = replace(RUN, ledger=tuple(ledger), seed=8, timing=(), description="")
    rows = [str(row) for row in difference(to_json(RUN), to_json(other))]
    assert rows == [
        "description: 'Figures made by hand <script>alert(1)</script>.' → ''",
        "seed: 7 → 8 (+1)",
        "ledger.filter.web.kept: 600 → 590 (-10)",
        "ledger.filter.web.dropped.new: none → 10",
    ]


def test_difference_does_not_depend_on_the_order_of_rows():
    other = replace(RUN, ledger=tuple(reversed(LEDGER)))
    assert difference(to_json(RUN), to_json(other)) == []


def test_difference_shows_what_only_one_run_has():
    other = replace(RUN, ledger=LEDGER[:-1])
    rows = difference(to_json(RUN), to_json(other))
    assert {row.path for row in rows} == {
        f"ledger.mix.书籍.{name}" for name in ("seen", "kept", "failed")
    }
    assert all(row.b is None for row in rows)


def test_card_states_sizes_thresholds_and_removal():
    text = data_card(RUN)
    assert text.startswith("# hand-made\n")
    assert "| documents kept | 518 |" in text
    assert "| text kept | 1.23 MB |" in text
    assert "| training tokens | 4,000 |" in text
    assert "| filter.bounds.gopher_quality.v1.words | 50, 100000 |" in text
    assert "| dedup.threshold | 0.8 |" in text
    assert "filter.off" not in text
    assert "| zh | 38 | 500 | 3.00 |" in text
    assert "| dedup | 620 | 518 | 102 | 0 | minhash 70, url 30, exact 2 |" in text
    assert "FLOP" not in text


def test_card_states_compute_where_a_model_size_is_given():
    assert "| 2.4e+07 FLOP for 1,000 parameters |" in data_card(RUN, parameters=1000)


def test_card_cells_cannot_break_the_table():
    ledger = (LedgerRow(stage="filter", source="a", seen=1, kept=0, dropped={"x|y\nz": 1}),)
    assert "x\\|y z 1" in data_card(replace(RUN, ledger=ledger))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (999, "999"), (1234, "1.23k"), (1_500_000, "1.5M"), (3e9, "3B"), (0.25, "0.25")],
)
def test_short(value, expected):
    assert numbers.short(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1_234_567, "1.23 MB"), (5e15, "5 PB")],
)
def test_size(value, expected):
    assert numbers.size(value) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(1, 2, "50.0 %"), (1, 0, "–"), (2, 2, "100 %"), (1, 100_000, "< 0.1 %"), (0, 5, "0.0 %")],
)
def test_percent(part, whole, expected):
    assert numbers.percent(part, whole) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(4.21, "4.2 s"), (75, "1 min 15 s"), (3725, "1 h 2 min"), (59.96, "60.0 s")],
)
def test_duration(seconds, expected):
    assert numbers.duration(seconds) == expected


def test_histogram_needs_one_edge_more_than_counts():
    with pytest.raises(InputError, match="one edge more"):
        Histogram(edges=(0.0, 1.0), counts=(1, 2))


def test_texts_cut_at_different_places_do_not_differ_at_the_cut():
    same = "word " * 200
    left, right = marked("A " + same, "A longer beginning " + same)
    assert "<mark>" not in left
    assert right.count("<mark>") == 1
    assert len(left) <= SNIPPET


def test_equal_texts_have_no_mark():
    left, right = marked("甲 & 乙", "甲 & 乙")
    assert left == right == "甲 &amp; 乙"
