"""The scanner against html.parser (standard library) and lexbor (resiliparse) as references."""

from __future__ import annotations

import gzip
import html
import re
from collections import Counter

import numpy as np
import pytest
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from corpusforge.extract.html import main_text, whole_text
from corpusforge.extract.htmlbytes import match_words
from corpusforge.extract.htmlscan import scan
from corpusforge.extract.htmltags import CLASSES, GROUPS, NAME_CLASSES, tables

WORD = re.compile(r"\w+")


def whole(source: str) -> str:
    return whole_text(source.encode())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>a<p>b", "a\n\nb"),
        ("<P>a</P>\n<DIV>b</DIV>", "a\n\nb"),
        ("a <b>b</b>c <i> d</i>", "a bc d"),
        ("a<b> b</b> <i>c</i>", "a b c"),
        ("a\n\t b", "a b"),
        ("a<br>b<br/>c<br><br>d", "a\nb\nc\n\nd"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "- a\n- b\n- c\n- d\n\ne"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"),
        ("<table><tr><td>a<td>b<tr><th>c</th><td><p>d<p>e</table>f", "a | b\nc | d e\n\nf"),
        ("<h1>a</h2>b", "a\n\nb"),
        ("<pre>  x = 1\n\ty\n</pre>z", "  x = 1\n\ty\n\nz"),
        ("a<script>if (x<y) '</p>'</script>b<style>p{}</style>c", "abc"),
        ("a<!-- <p>no</p> -->b<!-->c<!-- open", "abc"),
        ("<![CDATA[x]]>a<?php echo 1 ?>b<!DOCTYPE x>c", "ab c".replace(" ", "")),
        ("a &amp; b &lt;p&gt; &eacute;&#20013; &nbsp; &copy;", "a & b <p> é中 \xa0 ©"),
        ('<p title="a > b" class=\'x>y\'>t</p>', "t"),
        ('<p title="never closed>t</p><p>u', "t\n\nu"),
        ("1 < 2 <3 <", "1 < 2 <3 <"),
        ("<p>a<div>b</p>c</div>d", "a\n\nb\n\nc\n\nd"),
        ("<p hidden>a</p><p style='Display : None'>b</p><p aria-hidden=true>c</p>d", "d"),
        ("<noscript>a</noscript><template>b</template><svg><text>c</text></svg>d", "d"),
        ("<textarea>a</textarea><select><option>b</select><button>c</button>d", "d"),
        ("<custom-tag>a</custom-tag><x:y>b", "ab"),
        ("中文<b>字</b>，<span>好</span>", "中文字，好"),
        ("</p></div>a</td></table>b", "a\n\nb"),
        ("<a href=x>a<a href=y>b</a></a>c", "abc"),
    ],
)  # fmt: skip
def test_each_construct(source, expected):
    assert whole(source) == expected


def test_title_is_the_first_one_read_once():
    page = "<title> A &amp;amp;\n B </title><svg><title>no</title></svg><p>x"
    assert main_text(page.encode()).title == "A &amp; B"


def test_hints_are_found_as_words_and_parts():
    known = tables()

    def groups(text: str, *, says: bool = False) -> set[str]:
        data = np.frombuffer(text.encode(), np.uint8)
        names = (known.wide, known.small, NAME_CLASSES)
        spoken = (known.says_wide, known.says_small, CLASSES)
        mask = int(match_words(data, 0, len(data), *(spoken if says else names)))
        return {name for bit, name in enumerate(GROUPS) if mask >> bit & 1}

    assert "body" in groups("articleBody")
    assert "body" in groups("x ARTICLE__body-2")
    assert "ads" in groups("ad") and "ads" in groups("top_ad_box")
    assert "ads" not in groups("adam") and "ads" not in groups("read")
    assert "comment" in groups("userComments")
    assert "saysrights" in groups("版权所有", says=True)
    assert groups("") == set()


def test_words_and_their_order_agree_with_lexbor_on_real_pages(data):
    """lexbor shows display:none to nobody either, but keeps other hidden matter we drop."""
    folder = data / "web" / "html_gold" / "aeb60" / "html"
    shares = []
    for path in sorted(folder.iterdir()):
        source = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        ours = Counter(WORD.findall(whole(source)))
        theirs = Counter(
            WORD.findall(
                extract_plain_text(HTMLTree.parse(source), alt_texts=False, list_bullets=False)
            )
        )
        shares.append((ours & theirs).total() / max(ours.total(), 1))
    assert min(shares) > 0.8
    assert np.median(shares) > 0.99


@pytest.mark.parametrize(
    "unit",
    ["<div>", "<p>", "</div>", "<a href=x>", "<table>", "<td>", "<li>", "<ul><li>", "<!--", "<",
     '<p a="', "<p a='", "<script>", "<b", "&amp", "<td></div>", "<svg>", "\x00", "<br>", "é<p>"],
)  # fmt: skip
def test_a_hundred_thousand_of_anything_stays_small_and_returns(unit):
    source = unit * 100_000 + "end"
    page = scan(source.encode(), tables())
    assert page.elements[:, 3].max() <= 512
    assert len(whole(source)) <= 8 * len(source)
    main_text(source.encode())


def test_a_huge_attribute_is_passed_over():
    source = f"<p class='{'x y ' * 500_000}'>text</p><p data='{'>' * 500_000}'>more</p>"
    assert whole(source) == "text\n\nmore"


def test_parents_come_first_and_runs_lie_in_order():
    page = scan(b"<div><p>a<b>b</b></p><ul><li>c</ul></div>", tables())
    assert all(page.elements[1:, 1] < np.arange(1, len(page.elements)))
    assert all(np.diff(page.runs[:, 0]) > 0)
    assert html.unescape(page.data[slice(*page.runs[0, :2])].tobytes().decode()) == "a"
