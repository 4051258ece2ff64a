"""Line cleaning: what is cut and counted, what must stay."""

from __future__ import annotations

import gzip

import pytest

from corpusforge.filter.lines import clean
from corpusforge.filter.settings import Settings

BODY = "A first line of ordinary text, long enough to stay.\nAnd a second one."


def cut(text: str, lang: str = "en", lines: tuple[str, ...] = ("lines.v1",)) -> tuple[str, dict]:
    return clean(text, lang, Settings(lines=lines))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("![logo](a.png) ![b](c.png)", "image_only"),
        ("[![build](b.svg)](https://ci)", "image_only"),
        ("We use cookies to give you the best experience.", "policy"),
        ("By using this site you agree to our privacy policy.", "policy"),
        ("点击即表示同意我们的隐私政策。", "policy"),
        ("Please enable JavaScript to view this page.", "javascript"),
        ("您的浏览器不支持视频播放", "javascript"),
        ("Read more »", "navigation"),
        ("SIGN IN", "navigation"),
        ("Skip to content", "navigation"),
        ("上一篇：怎样煮饭", "navigation"),
        ("返回首页>>", "navigation"),
        ("您现在的位置：首页 > 新闻", "navigation"),
        ("12 comments", "counter"),
        ("1.2K likes · 34 shares", "counter"),
        ("阅读 1.2万 评论 30", "counter"),
        ("© 2019 Example Media. All rights reserved.", "copyright"),
        ("责任编辑：张三", "copyright"),
        ("京ICP备11020872号", "copyright"),
        ("Page 3 of 20", "page_number"),
        ("Slide 4", "page_number"),
        ("第 3 页 共 20 页", "page_number"),
        ("- 12 -", "page_number"),
    ],
)
def test_filter_lines_cut_furniture(line: str, rule: str) -> None:
    text, counts = cut(f"{BODY}\n{line}\nThe end of it.")
    assert text == f"{BODY}\nThe end of it."
    assert counts == {f"lines.v1:{rule}": 1}


@pytest.mark.parametrize(
    "line",
    [
        "The new law says that every site which uses cookies must ask first, and most do not.",
        "JavaScript is a language that runs in browsers.",
        "I like to read more books.",
        "Home is where the heart is.",
        "She has 12 comments on the draft, and I have none.",
        "Copyright law changed in 1976.",
        "| Login | Register |",
        "There are 3 of 20 left.",
        "他在位置上坐了一会儿，没有说话。",
        "编辑部的故事很有意思，大家都喜欢。",
        "In 2020 the committee met on page 3 of the plan.",
        "Share prices fell.",
    ],
)
def test_filter_lines_keep_prose(line: str) -> None:
    text = f"{BODY}\n{line}\nThe end of it."
    assert cut(text) == (text, {})


def test_filter_lines_keep_lines_of_wrapped_paragraphs() -> None:
    text = (
        "Copyright (c) 2014 IETF Trust and the persons identified as the\n"
        "document authors. All rights reserved.\n\nThis document is subject to rules."
    )
    assert cut(text) == (text, {})


def test_filter_lines_cut_front_matter_once() -> None:
    text = "---\ntitle: A page\ntags:\n  - one\n---\n\nBody: yes\n---\nmore: text\n---\n"
    assert cut(text) == ("Body: yes\n---\nmore: text\n---\n", {"lines.v1:front_matter": 1})
    text = '+++\ntitle = "A"\n+++\nBody.'
    assert cut(text) == ("Body.", {"lines.v1:front_matter": 1})
    rule = "---\nThis is a line of prose after a rule.\n---\nMore."
    assert cut(rule) == (rule, {})


def test_filter_lines_cut_trackers_out_of_addresses() -> None:
    text = (
        "See https://a.org/x?utm_source=b&id=3&fbclid=9#top, (https://b.org/?spm=1.2) "
        "and https://c.org/?q=utm_source."
    )
    assert cut(text) == (
        "See https://a.org/x?id=3#top, (https://b.org/) and https://c.org/?q=utm_source.",
        {"lines.v1:tracker_url": 2},
    )


def test_filter_lines_undo_markdown_escapes_but_not_tex() -> None:
    text = "Use my\\_name and \\*this\\*.\nBut $\\alpha\\_1$ and C:\\_x\\new stay."
    assert cut(text) == (
        "Use my_name and *this*.\nBut $\\alpha\\_1$ and C:\\_x\\new stay.",
        {"lines.v1:markdown_escape": 3},
    )


def test_filter_lines_leave_fenced_code_alone() -> None:
    text = "Text.\n```\nLogin\n12 comments\n```\nMore text."
    assert cut(text) == (text, {})


def test_filter_lines_close_the_gap_they_leave() -> None:
    text = "One.\n\nRead more\n\nTwo.\n\n12 comments\n"
    assert cut(text)[0] == "One.\n\nTwo."


def test_filter_lines_c4_to_the_letter() -> None:
    text = (
        "This line really ends well.\nThis one does not\nToo short.\nIt trails off after all...\n"
        "We only mention JavaScript here.\nOur privacy policy is this one.\n这一行也有句号。\n"
        + "x" * 1001
        + " is too long."
    )
    kept, counts = cut(text, lines=("lines_c4.v1",))
    assert kept == "This line really ends well.\n这一行也有句号。"
    assert counts == {
        "lines_c4.v1:few_words": 1,
        "lines_c4.v1:javascript": 1,
        "lines_c4.v1:long_word": 1,
        "lines_c4.v1:no_terminal_punctuation": 2,
        "lines_c4.v1:policy": 1,
    }


def test_filter_lines_may_be_off_and_are_idempotent() -> None:
    text = f"{BODY}\nRead more\n"
    assert cut(text, lines=()) == (text, {})
    once, _ = cut(text)
    assert cut(once) == (once, {})
    assert cut("") == ("", {})


def test_filter_lines_cut_nothing_from_books(data) -> None:
    for name in ("en-alice-noheader.asciidoc", "fr-entre-nous-44157-0.txt", "zh-23864-0.txt"):
        with gzip.open(data / "books" / f"{name}.gz", "rt", encoding="utf-8") as stream:
            text = stream.read()
        assert clean(text, "en", Settings()) == (text, {})
