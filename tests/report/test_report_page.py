"""The page: complete, escaped, self-contained, with figures counted by hand."""

import html.parser
import re
from dataclasses import replace

import pytest
from report_values import RUN

from corpusforge.report import Histogram, LedgerRow, RunData, charts, page, write_report

VOID = {"meta", "link", "br", "rect", "img", "hr", "input", "col"}


class Outline(html.parser.HTMLParser):
    """Checks nesting, collects ids, links, texts."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.ids = []
        self.addresses = []
        self.tags = []
        self.texts = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.addresses += [values[key] for key in ("href", "src", "action") if key in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def text():
    return page(RUN)


@pytest.fixture(scope="module")
def outline(text):
    parser = Outline()
    parser.feed(text)
    parser.close()
    return parser


def test_every_element_is_closed(outline):
    assert outline.open == []


def test_nothing_is_loaded_and_nothing_runs(text, outline):
    assert "script" not in outline.tags
    assert all(address.startswith(("#", "data:")) for address in outline.addresses)
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_every_link_of_the_navigation_has_its_section(outline):
    targets = [address[1:] for address in outline.addresses if address.startswith("#")]
    assert targets
    assert set(targets) <= set(outline.ids)


def test_values_are_escaped(text):
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text
    assert "<fox>" not in text
    assert "<lamp>" not in text


def test_headline_is_counted_by_hand(text):
    figures = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)<small>", text))
    assert figures == {
        "records read": "1.02k",
        "documents kept": "518",  # 500 of web and 18 books leave dedup
        "duplicates removed": "102",
        "tokens to train on": "4k",
        "in all stages": "15.0 s",
    }
    assert "50.8 %" in text  # 518 / 1020


def test_differing_words_of_an_example_are_marked(text):
    assert "quick <mark>brown</mark> &lt;fox&gt;" in text
    assert "quick <mark>red</mark> &lt;fox&gt;" in text
    assert "这个道理<mark>许</mark>多人" in text


def test_histogram_bars_are_linear_in_their_counts(text):
    block = re.search(r'<svg class="hist"[^>]*aria-label="Scores of web.*?</svg>', text, re.S)
    heights = [float(value) for value in re.findall(r'height="([\d.]+)"><title>', block[0])]
    assert heights[3] == 96.0
    assert heights[1] == pytest.approx(96 * 20 / 570, abs=0.01)
    assert heights[2] == 0.0
    assert "0.75 to 1: 570 documents" in block[0]


def test_years_without_documents_have_a_place(text):
    assert "2020: 0 documents" in text
    assert "5 of web bear no date" in text


def test_an_empty_run_has_a_page():
    text = page(RunData(name="空", version="0", complete=False))
    parser = Outline()
    parser.feed(text)
    assert parser.open == []
    assert "has not finished" in text
    assert "nan" not in text.lower().replace("finance", "")


def test_page_is_the_same_each_time():
    assert page(RUN) == page(replace(RUN))


def test_file_is_utf8_and_says_so(tmp_path):
    path = tmp_path / "report.html"
    write_report(RUN, str(path))
    assert path.read_text("utf-8") == page(RUN)
    assert '<meta charset="utf-8">' in page(RUN)
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]


def test_empty_bins_outside_the_values_are_left_out():
    data = Histogram(edges=(1.0, 2.0, 4.0, 8.0, 16.0, 32.0), counts=(0, 3, 0, 7, 0))
    whole = charts.histogram(data, "x")
    trimmed = charts.histogram(data, "x", trim=True)
    assert whole.svg.count("<rect") == 5
    assert whole.axis == ("1", "", "32")  # no edge stands in the middle of five bins
    assert trimmed.svg.count("<rect") == 3
    assert (trimmed.axis[0], trimmed.axis[2]) == ("2", "16")
    assert trimmed.total == whole.total == "10"


def test_a_histogram_without_values_is_drawn_empty():
    data = Histogram(edges=(0.0, 1.0, 2.0), counts=(0, 0))
    assert charts.histogram(data, "x", trim=True).peak == "0"


def test_segments_fill_the_bar_and_rare_keys_are_summed():
    parts = charts.segments({"en": 6, "zh": 3, "": 1, "de": 10}, ["de", "en", ""])
    assert [(part.label, part.value, part.text) for part in parts] == [
        ("de", 10, "50.0 %"),
        ("en", 6, "30.0 %"),
        ("unknown", 1, "5.0 %"),
        ("other", 3, "15.0 %"),
    ]
    assert sum(part.percent for part in parts) == 100.0


def test_every_source_has_a_row_with_what_each_stage_kept(text):
    matrix = re.search(r'<table class="matrix">.*?</table>', text, re.S)[0]
    web = re.search(r'<th scope="row">web</th>.*?</tr>', matrix, re.S)[0]
    cells = re.findall(r'<td class="num"[^>]*>([\d,]+)', web)
    assert cells == ["1,000", "950", "600", "500", "400"]
    assert re.findall(r"width:([\d.]+)%", web) == ["95.00", "60.00", "50.00", "40.00"]


def test_language_counts_are_shares_and_not_notes():
    row = LedgerRow(stage="identify", source="a", seen=2, kept=2, notes={"lang:en": 2, "cut": 1})
    text = page(replace(RUN, ledger=(row,)))
    assert "lang:en" not in text
    assert "<b>1</b> cut" in text
