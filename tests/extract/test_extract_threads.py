"""Discussions and pages that only look like one; the markup is written after the themes' manuals."""

# ruff: noqa: E501  (markup is kept on its line)

from __future__ import annotations

import pytest

from corpusforge.extract import extract
from corpusforge.extract.settings import Settings
from corpusforge.extract.threads import is_thread
from corpusforge.records import RawDocument

SAID = "The kettle trips the breaker only when the oven is on, so the two share one circuit. " * 3
ANSWER = "Then move the kettle to the other ring, or have the oven put on a fuse of its own. " * 3
THREADS = {
    "phpBB": (
        "",
        '<html><body id="phpbb" class="section-viewtopic"><div id="p101" class="post"><div class="content">{a}</div></div>'
        '<div id="p102" class="post"><div class="content">{b}</div></div></body></html>',
    ),
    "vBulletin": (
        "",
        '<html><head><meta name="generator" content="vBulletin 4.2.2"></head><body>'
        '<div id="post_message_77">{a}</div><div id="post_message_78">{b}</div></body></html>',
    ),
    "Discourse": (
        "https://talk.example/t/kettle-trips/812",
        '<html><body><div data-post-id="1"><p>{a}</p></div><div data-post-id="2"><p>{b}</p></div></body></html>',
    ),
    "Discuz": (
        "https://bbs.example.cn/thread-99-1-1.html",
        '<html><body><table id="pid5"><tr><td>{a}</td></tr></table><table id="pid6"><tr><td>{b}</td></tr></table></body></html>',
    ),
    "QAPage": (
        "",
        '<html itemscope itemtype="https://schema.org/QAPage"><body><div id="question" data-questionid="4"><p>{a}</p></div>'
        '<div id="answer-9" data-answerid="9"><p>{b}</p></div></body></html>',
    ),
}
OTHERS = {
    "an article with comments": (
        "https://news.example/2024/kettle",
        '<html><body><article><p>{a}</p></article><div id="comment-1">{b}</div><div id="comment-2">{b}</div></body></html>',
    ),
    "one post": (
        "https://bbs.example/thread-1-1-1.html",
        '<html><body><div id="pid5">{a}{b}</div></body></html>',
    ),
    "an index of threads": (
        "https://example.org/forum/",
        '<html><body id="phpbb"><ul><li><a href="viewtopic.php?t=1">Kettle</a><li><a href="viewtopic.php?t=2">Oven</a></ul></body></html>',
    ),
}


@pytest.mark.parametrize("name", THREADS)
def test_a_thread_is_a_dialogue_and_keeps_both_posts(name: str) -> None:
    url, page = THREADS[name]
    html = page.format(a=SAID, b=ANSWER)
    assert is_thread(html.encode(), url)
    found = extract(RawDocument("x", html, "html", url=url), Settings())
    assert getattr(found, "format", "") == "dialogue"
    assert "breaker" in found.text and "other ring" in found.text  # type: ignore[union-attr]


@pytest.mark.parametrize("name", OTHERS)
def test_other_pages_are_none(name: str) -> None:
    url, page = OTHERS[name]
    assert not is_thread(page.format(a=SAID, b=ANSWER).encode(), url)
