"""Pages whose article stands in their JSON-LD alone: a script would show it, or a wall hides it.

The right text is the one that was put in, by hand; trafilatura reads the same field (its own fallback).
"""

from __future__ import annotations

import json

import pytest

import corpusforge as cf
from corpusforge.extract.jsonld import article_body

FERRY = (
    "The ferry leaves the harbour at seven, and it is the only one that stops at the small island. "
    "Whoever misses it waits for the evening boat, or asks the keeper of the lighthouse for a bed."
)  # fmt: skip
CHINESE = (
    "渡船早上七点离开港口，星期天只有它停靠小岛。错过它的人要等晚上的船，或者向灯塔看守人借宿一夜。"
    * 4
)
TEASER = "<article><h1>Ferries</h1><p>The ferry leaves the harbour at seven …</p></article>"


def page(data: str, body: str = "<div id='root'></div>", kind: str = "application/ld+json") -> str:
    script = f'<script data-x="1" type="{kind}">{data}</script>'
    return f"<html><head><title>Ferries</title>{script}</head><body>{body}</body></html>"


def news(text: str) -> dict[str, str]:
    return {"@type": "NewsArticle", "headline": "Ferries", "articleBody": text}


TWO = f"{FERRY}\n\n{FERRY[::-1]}"
TAGGED = "".join(f"<p>{part}</p>" for part in TWO.split("\n\n"))
CASES = {
    "an object": (json.dumps(news(TWO)), TWO),
    "a list": (json.dumps([{"@type": "Organization"}, news(TWO)]), TWO),
    "a graph": (json.dumps({"@graph": [{"@type": "WebPage"}, news(TWO)]}), TWO),
    "inside mainEntity": (json.dumps({"@type": "WebPage", "mainEntity": news(TWO)}), TWO),
    "with tags": (json.dumps(news(TAGGED)), TWO),
    "with tags written as entities": (
        json.dumps(news(TAGGED.replace("<", "&lt;").replace(">", "&gt;"))), TWO),
    "with other entities": (json.dumps(news(TWO + " Caf&eacute; &amp; bar.")), TWO + " Café & bar."),
    "in a comment": (f"<!--\n{json.dumps(news(TWO))}\n-->", TWO),
    "in CDATA": (f"//<![CDATA[\n{json.dumps(news(TWO))}\n//]]>", TWO),
    "with a raw line feed": (json.dumps(news(TWO)).replace("\\n", "\n"), TWO),
    "with a comma too many": (json.dumps(news(TWO))[:-1] + ",}", TWO),
    "Chinese": (json.dumps(news(CHINESE), ensure_ascii=False), CHINESE),
    "the longer of two": (json.dumps([news("Short."), news(TWO)]), TWO),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_article_that_the_page_does_not_show(name: str) -> None:
    data, expected = CASES[name]
    assert cf.extract(page(data)) == expected
    assert cf.extract(page(data, TEASER)) == expected
    assert cf.extract(page(data, kind="APPLICATION/LD+JSON; charset=utf-8")) == expected


def test_an_article_that_the_page_shows_is_read_from_the_page() -> None:
    shown = f"<article><h1>Ferries</h1><p>{FERRY}</p><p>It is blue.</p></article>"
    found = cf.extract(page(json.dumps(news(FERRY)), shown))
    assert found == f"Ferries\n\n{FERRY}\n\nIt is blue."


@pytest.mark.parametrize(
    "data",
    [
        "", "{", "null", '"articleBody"', '{"articleBody": 7}', '{"articleBody": null}',
        '{"articleBody": ""}', '{"articleBody": ["a", "b"]}', "[" * 5000, '{"@graph":' * 3000,
        '{"articleBody": "' + "x" * 10,
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_json_that_holds_no_article_changes_nothing(data: str) -> None:
    assert article_body(page(data).encode()) == ""
    assert cf.extract(page(data, TEASER)) == cf.extract(page("{}", TEASER))


def test_another_kind_of_script_is_no_article() -> None:
    assert article_body(page(json.dumps(news(TWO)), kind="application/json").encode()) == ""
