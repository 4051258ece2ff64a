"""Main text of pages: news, lists, forums, manuals, tables, Chinese; and what must be gone.

The pages are written for these tests; the words expected are those a reader came for.
"""

from __future__ import annotations

import gzip

import pytest

from corpusforge import ingest
from corpusforge.extract import Extracted, Settings, extract, html, htmlmodel
from corpusforge.extract.html import main_text
from corpusforge.extract.step import Extract
from corpusforge.records import Failed, RawDocument

MENU = "".join(f'<li><a href="/{n}">{n}</a></li>' for n in ("Home", "World", "Sport", "Shop"))
SHELL = f"""<!DOCTYPE html><html><head><title>T</title><style>p{{}}</style></head><body>
<nav class="main-nav"><ul>{MENU}</ul></nav>
<div class="cookie-banner"><p>We use cookies to improve your experience. Accept all?</p></div>
<div id="page">%s</div>
<aside class="sidebar"><h3>Most read</h3><ul>{MENU}</ul></aside>
<footer class="footer"><p>Copyright 2020 Example. All rights reserved.</p>
<a href="/p">Privacy</a></footer><script>track("no")</script></body></html>"""
CHROME = ("cookies", "Copyright", "Privacy", "Shop", "Most read", "track")

SENTENCE = "The river rose by two metres overnight, and the town closed both of its bridges. "
ZH = "河水一夜之间上涨了两米，镇上的两座桥都关闭了。居民们被要求留在家中，等待进一步的通知。"


def read(body: str) -> str:
    return main_text((SHELL % body).encode()).text


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"<article><h1>Flood</h1><p>{SENTENCE * 3}</p><h2>Later</h2><p>{SENTENCE}</p></article>",
         [SENTENCE.strip(), "Later"]),
        (f"<div class='x1'><div>{SENTENCE * 2}</div><div>{SENTENCE * 3}</div></div>",
         [SENTENCE.strip()]),
        (f"<div>{SENTENCE}<br><br>One. {SENTENCE}<br><br>Two. {SENTENCE}</div>", [SENTENCE.strip()]),
        (f"<p>{SENTENCE * 2}</p><ul><li>First bring water for three days.</li>"
         f"<li>Then bring a torch and spare batteries.</li></ul><p>{SENTENCE}</p>",
         ["- First bring water", "- Then bring a torch"]),
        (f"<h1>洪水</h1><div class='content'><p>{ZH}</p><p>{ZH * 2}</p></div>", [ZH]),
        (f"<p>{SENTENCE * 2}</p><pre><code>def f(x):\n    return x</code></pre><p>{SENTENCE}</p>",
         ["def f(x):\n    return x"]),
        (f"<p>{SENTENCE * 2}</p><blockquote><p>{SENTENCE}</p></blockquote>", [SENTENCE.strip()]),
    ],
)  # fmt: skip
def test_what_a_reader_came_for_stays_and_the_rest_goes(body, wanted):
    text = read(body)
    for words in wanted:
        assert words in text
    for words in CHROME:
        assert words not in text


def test_all_posts_of_a_forum_thread_stay():
    posts = "".join(
        f'<div class="post"><div class="author"><a href="/u{n}">user{n}</a></div>'
        f'<div class="message">Answer {n}: {SENTENCE * 2}</div></div>'
        for n in range(6)
    )
    text = read(f'<div class="thread"><h1>Which bridge?</h1>{posts}</div>')
    assert all(f"Answer {n}:" in text for n in range(6))
    assert "Copyright" not in text


def test_chinese_boilerplate_goes():
    page = f"""<html><body><div class="nav"><a href="/">首页</a> <a href="/n">新闻</a>
    <a href="/t">体育</a></div><div class="main"><h1>洪水</h1><p>{ZH}</p><p>{ZH}</p><p>{ZH}</p></div>
    <div class="foot"><a href="/a">关于我们</a> | <a href="/c">联系我们</a><p>版权所有 京ICP备1号</p></div>
    </body></html>"""
    text = main_text(page.encode()).text
    assert text.count(ZH) == 3
    for words in ("体育", "联系我们", "版权所有"):
        assert words not in text


def test_a_data_table_keeps_whole_rows():
    rows = "".join(
        f"<tr><td><a href='/{n}'>Town {n}</a></td><td>{n} thousand people live here</td></tr>"
        for n in range(5)
    )
    text = read(f"<p>{SENTENCE * 3}</p><table class='wikitable'>{rows}</table><p>{SENTENCE}</p>")
    assert "Town 3 | 3 thousand people live here" in text.split("\n")


def test_the_format_is_what_most_of_the_text_is():
    code = "<pre>" + "x = f(1)\n" * 50 + "</pre>"
    assert main_text(f"<body><p>Example:</p>{code}</body>".encode()).format == "code"
    cells = "".join(f"<tr><td>{n}</td><td>{n * n}</td></tr>" for n in range(50))
    assert main_text(f"<body><table>{cells}</table></body>".encode()).format == "table"
    row = extract(RawDocument("a", SHELL % f"<p>{SENTENCE * 5}</p>", "html"), Settings())
    assert isinstance(row, Extracted) and row.format == "text"


def test_a_page_with_little_text_still_gives_it():
    assert main_text(b"<p>Hello world</p>").text == "Hello world"
    assert main_text(b"Only this").text == "Only this"


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "utf-16", "big5"])
def test_the_character_set_makes_no_difference(charset):
    traditional = "河水一夜之間上漲了兩米，鎮上的兩座橋都關閉了。" * 8
    page = f"<html><body><p>{traditional}</p></body></html>"
    row = extract(RawDocument("a", page.encode(charset), "html", charset=charset), Settings())
    assert isinstance(row, Extracted)
    assert row.text == traditional


def test_trafilatura_by_choice_gives_what_trafilatura_gives():
    trafilatura = pytest.importorskip("trafilatura")
    page = SHELL % f"<article><h1>Flood</h1><p>{SENTENCE * 3}</p><p>{SENTENCE}</p></article>"
    row = extract(RawDocument("a", page, "html"), Settings(engine="trafilatura"))
    assert isinstance(row, Extracted)
    assert row.text == trafilatura.extract(page, fast=True, include_comments=False)
    assert row.title == "T"


def test_an_engine_over_its_cpu_time_hands_over_and_the_last_one_fails(monkeypatch):
    page = SHELL % (f"<p>{SENTENCE}</p>" * 4)

    def endless(html: bytes) -> Extracted:
        while True:
            len(html)

    monkeypatch.setitem(html.ENGINES, "fast", endless)
    row = extract(RawDocument("a", page, "html", url="u"), Settings(cpu_seconds=0.1))
    assert isinstance(row, Extracted)
    assert SENTENCE.strip() in row.text
    monkeypatch.setattr(html, "_resiliparse", endless)
    row = extract(RawDocument("a", page, "html", url="u"), Settings(cpu_seconds=0.1))
    told = "every HTML engine: over extract.cpu_seconds = 0.1 s of CPU time"
    assert row == Failed("a", told, "u")


def test_the_page_behind_a_wet_record_gives_its_text_up_to_navigation(data):
    """Common Crawl's own extraction of one page holds every line of ours, and the menus besides."""
    folder = data / "web" / "commoncrawl"

    def only(name: str) -> Extracted:
        path = str(folder / name)
        rows = list(ingest.read("web", path, ingest.Settings()))
        found = [extract(row, Settings()) for row in rows if isinstance(row, RawDocument)]
        assert len(found) == 1
        assert isinstance(found[0], Extracted)
        return found[0]

    page, wet = only("whirlwind.warc.gz"), only("whirlwind.warc.wet.gz")
    letters = "".join(wet.text.split())
    lines = ["".join(line.removeprefix("- ").split()) for line in page.text.split("\n")]
    cells = [cell for line in lines for cell in line.split("|") if cell]
    assert len(cells) > 3
    assert all(cell in letters for cell in cells)
    assert "Escopete ye un municipio" in " ".join(page.text.split())
    assert "Creyar cuenta" in wet.text and "Creyar cuenta" not in page.text


def test_every_gold_page_gives_text_and_no_markup(data):
    for path in sorted((data / "web" / "html_gold" / "aeb60" / "html").iterdir()):
        page = gzip.decompress(path.read_bytes())
        row = extract(RawDocument(path.name, page, "html"), Settings())
        assert isinstance(row, Extracted), path.name
        for mark in ("<div", "<script", "</p>", "&nbsp;", "\x00"):
            assert mark not in row.text


@pytest.mark.parametrize("inner", ["<p>{}</p>", "<span>{}</span><br><br>", "<tr><td>{}</td></tr>"])
def test_a_page_on_which_nothing_convinces_keeps_its_largest_text_and_is_noted(monkeypatch, inner):
    """No look is sure enough, as in mark-up that none has seen."""
    prose = [
        f"{n} of the barges came up the river in spring, and {n} went down." for n in range(12)
    ]
    rows = "".join(inner.format(line) for line in prose)
    holder = f"<table>{rows}</table>" if "<td>" in inner else f"<div>{rows}</div>"
    page = SHELL % f'<div><p>Notes from the weir</p></div><div class="body">{holder}</div>'
    raw = RawDocument("a", page, "html")
    noted = []
    text = Extract("web").open(noted.extend)(raw).text
    assert all(line in text for line in prose)
    assert noted == []
    doubting = htmlmodel.stored()._replace(threshold=1.0)
    monkeypatch.setattr(htmlmodel, "stored", lambda: doubting)
    text = Extract("web").open(noted.extend)(raw).text
    assert [line for line in prose if line in text] == prose
    assert noted == ["second_pass"]
