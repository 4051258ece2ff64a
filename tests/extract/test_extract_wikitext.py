"""Wikitext: what each mark becomes, by MediaWiki's own documentation of the mark."""

from __future__ import annotations

import pytest

from corpusforge.extract.wikitext import to_text


def text(source: str, lang: str = "en", tables: bool = True) -> str:
    return to_text(source, "Page", lang, tables)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("'''Bold''' and ''italic'' and '''''both'''''", "Bold and italic and both"),
        ("l'amour ''d'hiver''", "l'amour d'hiver"),
        ("[[Berlin]] is", "Berlin is"),
        ("[[Berlin|the city]]s", "the citys"),
        ("[[Pipe (computing)|]]", "Pipe"),
        ("[[:Category:Birds]] and [[:fr:Paris|Paris]]", "Category:Birds and Paris"),
        ("a[[Category:Birds]][[File:x.jpg|thumb|a [[bird]] caption]][[fr:Oiseau]]b", "ab"),
        ("[[Datei:x.svg|mini]][[文件:一.jpg|thumb]][[分类:鸟]]鸟", "鸟"),
        ("[http://example.org the site] and [http://example.org]", "the site and"),
        ("see http://example.org now", "see http://example.org now"),
        ("a{{cite web|url=x|title=[[y]] {{z}}}}b", "ab"),
        ("a<ref>no {{x}} [[y]]</ref>b<ref name=q />c<REF name='r'>z</REF>d", "abcd"),
        ("a<!-- no -->b<!-- open", "ab open"),
        ("__NOTOC__a__目录__ and __init__", "a and __init__"),
        ("{{lang|fr|''bon mot''}} {{lang-de|Wort}} {{nowrap|10 km}}", "bon mot Wort 10 km"),
        ("{{convert|10|km|mi}} long", "10 km long"),
        ("Foo ({{audio|x.ogg}}; {{IPA|x}}) bar", "Foo bar"),
        ("Foo ({{audio|x.ogg}}, born 1900) bar", "Foo (born 1900) bar"),
        ("{{{1|}}}a {{{{{x}}}}}b", "a b"),
        ("<nowiki>[[not]] {{a}}</nowiki> link", "[[not]] {{a}} link"),
        ("<math>{{a}\\over b}</math>", "${{a}\\over b}$"),
        ("a<br/>b<br>c", "a\nb\nc"),
        ("x &lt; y &amp; z&nbsp;!", "x < y & z !"),
        ("-{zh-hans:计算机;zh-hant:電腦}-程序", "计算机程序"),
        ("== H ==\ntext", "H\n\ntext"),
        ("=== Empty ===\n== H ==\ntext\n== References ==\n{{reflist}}", "H\n\ntext"),
        ("* a\n** b\n# c\n: d\n; e", "- a\n  - b\n- c\nd\ne"),
        ("----\na", "a"),
        ("<syntaxhighlight lang=py>\nif a[[0]]:\n    x = '''y'''\n</syntaxhighlight>",
         "if a[[0]]:\n    x = '''y'''"),
        ("unclosed {{a|b [[c", "unclosed a|b c"),
        ("closed }} twice ]] here |}", "closed twice here |}"),
    ],
)  # fmt: skip
def test_each_mark(source, expected):
    assert " ".join(text(source).split(" ")).replace("  ", " ") == expected.replace("  ", " ")


TABLE = """before
{| class="wikitable" style="x"
|+ Cities
! Name !! scope="col" | People
|-
| [[Berlin]] || align="right" | 3,405,259
|-
| Bern{{ref|a}}
| 133,883<br>in 2017
|}
after"""


def test_data_tables_are_rows_or_dropped():
    rows = "Cities\nName | People\nBerlin | 3,405,259\nBern | 133,883 in 2017"
    assert text(TABLE) == f"before\n\n{rows}\n\nafter"
    assert text(TABLE, tables=False) == "before\nafter"


def test_a_navigation_box_is_no_data():
    assert text('{| class="navbox"\n| a\n|}\nb') == "b"


def test_a_template_name_may_mean_prose_in_one_language_only():
    assert text("{{citation|Bonjour.}}", lang="fr") == "Bonjour."
    assert text("{{citation|title=x}}", lang="en") == ""


@pytest.mark.parametrize(
    "unit", ["{{", "[[", "{|\n", "\n{|", "<ref>", "<!--", "|", "}}", "'''", "-{"]
)
def test_a_hundred_thousand_open_brackets_take_linear_time(unit):
    assert len(text(unit * 100_000 + "end")) < 400_000
