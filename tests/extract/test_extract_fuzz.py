"""Mutated real files and generated marks: no error out of any extractor, and bounded output."""

from __future__ import annotations

import bz2
import gzip

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from corpusforge.extract import EXTRACTORS, Extracted, Settings, extract
from corpusforge.records import Failed, RawDocument, Skipped

SETTINGS = Settings()
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
HTML = st.sampled_from(
    ["<p>", "</p>", "<div class=", '"', "'", "<td>", "</td>", "<table>", "</table>", "<li>", "<ul>",
     "</ul>", "<a href=x>", "</a>", "<script>", "</script>", "<!--", "-->", "<", ">", "&", "&#", ";",
     "&#x110000;", "&#0;", "text ", "中文。", " ", "\n", "\x00", "<br>", "<pre>", "</pre>", "<title>",
     "<svg>", "</svg>", "/", "=", "<?", "<![CDATA[", "]]>", "\ufeff", "\u2028", "<h1>", "<option>"]
)  # fmt: skip
WIKI = st.sampled_from(
    ["{{", "}}", "{{{", "}}}", "[[", "]]", "{|", "|}", "\n{|", "\n|}", "\n|-", "|", "||", "!", "\n",
     "'''", "''", "==", "\n== a ==\n", "*", "#", ":", "<ref>", "</ref>", "<ref name=a/>", "<nowiki>",
     "</nowiki>", "<math>", "</math>", "<!--", "-->", "File:a.jpg", "lang", "fr", "text ", "中文",
     "-{", "}-", "zh-hans:", ";", "__TOC__", "[http://a b]", "&lt;", "\x00", "0", "<br>"]
)  # fmt: skip


def check(media: str, content: str | bytes) -> None:
    row = extract(RawDocument("x", content, media), SETTINGS)
    assert isinstance(row, Extracted | Skipped | Failed)
    if isinstance(row, Extracted):
        row.text.encode("utf-8")
        assert "\x00" not in row.text
        assert len(row.text) <= 8 * len(content) + 64


@FUZZ
@given(st.lists(HTML, max_size=80).map("".join))
@example("<p title='" + "x" * 1000)
@example("<table><tr><td><table><td></table></div></td>")
@example("</br></p></h1><title></title><title>")
def test_html_of_any_marks(source):
    check("html", source)
    check("html", source.encode())


@FUZZ
@given(st.lists(WIKI, max_size=80).map("".join))
@example("{{lang|\n{|\n|}}\n|}")
@example("\x000\x00<nowiki>x</nowiki>")
def test_wikitext_of_any_marks(source):
    check("wikitext", source)
    row = extract(RawDocument("x", source, "wikitext"), SETTINGS)
    held = any(tag in source for tag in ("<nowiki>", "<math>"))
    if isinstance(row, Extracted) and not held:
        for mark in ("{{", "[[", "<ref"):
            assert mark not in row.text


@FUZZ
@given(st.binary(max_size=300), st.sampled_from(sorted(EXTRACTORS)))
def test_any_bytes_in_any_medium(data, media):
    check(media, data)


def mutations(source: bytes):
    """Yield the source cut, with a stretch doubled, and with a stretch overwritten, all along it."""
    step = max(len(source) // 12, 1)
    for place in range(0, len(source), step):
        yield source[:place]
        yield source[: place + step] + source[place:]
        yield source[:place] + b'<\x00"{{[[&\xff' * 8 + source[place + 64 :]


@pytest.mark.parametrize("number", range(0, 60, 10))
def test_mutated_pages(data, number):
    paths = sorted((data / "web" / "html_gold" / "aeb60" / "html").iterdir())
    for mutated in mutations(gzip.decompress(paths[number].read_bytes())):
        check("html", mutated)


def test_mutated_wikitext(data):
    dump = bz2.decompress((data / "wiki" / "minidumps" / "zhwiki.xml.bz2").read_bytes())
    for mutated in mutations(dump):
        check("wikitext", mutated.decode("utf-8", "replace"))


@pytest.mark.parametrize("depth", [100_000])
def test_deep_nesting_and_huge_values(depth):
    check("html", "<div>" * depth + "text" + "</div>" * depth)
    check("html", "<table><tr><td>" * depth + "text")
    check("html", f'<p class="{"a " * depth}" style="{"x" * depth}">text</p>')
    check("wikitext", "{{a|" * depth + "text" + "}}" * depth)
    check("wikitext", "[[a|" * depth + "text" + "]]" * depth)
    check("wikitext", "\n{|\n|" * depth + "text" + "\n|}" * depth)
    check("wikitext", "*" * depth + "text")
    check("text", "\r" * depth + "text")
