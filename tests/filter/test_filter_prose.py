"""Ordinary prose survives every rule: books, Wikipedia articles, one declaration in many
languages.
"""

from __future__ import annotations

import bz2
import gzip
import html
import json
import re
import zipfile

import mwparserfromhell
import pyarrow as pa
import pytest

from corpusforge.filter import RULES, decide
from corpusforge.filter.stats import measure

PROSE_RULES = (
    *("gopher_quality.v1", "gopher_repetition.v1", "c4.v1", "fineweb.v1", "light.v1"),
    *("url.v1", "zh.v1"),
)
PAGE = re.compile(r"<page>.*?<title>(.*?)</title>.*?<ns>0</ns>.*?<text[^>]*>(.*?)</text>", re.S)


NO_PROSE = {
    "Academy Award for Best Production Design",  # a list
    "Allan Dwan",  # mostly a list of films
    "America the Beautiful",  # a song and its refrain, three times
    "Demographics of Angola",  # figures
}


def dropped(texts: list[str], languages: list[str]) -> dict[int, str]:
    """Index of each document that a rule drops, with the rule."""
    meta = pa.record_batch({"lang": languages, "url": [""] * len(texts)})
    stats = measure(pa.array(texts, type=pa.large_string()))
    decision = decide(stats, meta, [RULES[name] for name in PROSE_RULES])
    return {i: rule for i, rule in enumerate(decision.rule) if rule}


def json_book(path) -> str:
    book = json.loads(gzip.decompress(path.read_bytes()))
    chapters = book if isinstance(book, list) else [book]
    return "\n\n".join("\n".join(chapter["paragraphs"]) for chapter in chapters)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("en-alice-11-0.txt.gz", "en"),
        ("en-alice-noheader.asciidoc.gz", "en"),
        ("fr-entre-nous-44157-0.txt.gz", "fr"),
        ("zh-23864-0.txt.gz", "zh"),
        ("zh-lunyu.json.gz", "zh"),
        ("zh-mengzi.json.gz", "zh"),
        ("zh-sanzijing-traditional.json.gz", "zh"),
    ],
)
def test_filter_prose_books_survive_whole_and_in_chapters(data, name: str, language: str) -> None:
    path = data / "books" / name
    if name.endswith(".json.gz"):
        text = json_book(path)
    else:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
        text = text.split("*** START", 1)[-1].split("*** END", 1)[0]  # not the licence
    prose = text[:60_000]  # the French reader closes with a vocabulary
    chapters = [prose[i : i + 6000] for i in range(0, len(prose) - 3000, 6000)]
    assert dropped([text, *chapters], [language] * (1 + len(chapters))) == {}


def test_filter_prose_wikipedia_articles_survive(data) -> None:
    """Of the long articles; pages that are lists (disambiguation, tables) are no prose."""
    name = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
    dump = bz2.decompress((data / "wiki" / name).read_bytes()).decode("utf-8")
    pages = [(title, html.unescape(text)) for title, text in PAGE.findall(dump)]
    articles = [
        (title, mwparserfromhell.parse(text[:30_000]).strip_code())
        for title, text in pages
        if len(text) > 8000 and "(disambiguation)" not in title
    ][:40]
    assert len(articles) >= 20
    lost = dropped([text for _, text in articles], ["en"] * len(articles))
    assert {articles[i][0] for i in lost} <= NO_PROSE


UDHR = {
    "arb": "ar", "ben": "bn", "bul": "bg", "cat": "ca", "ces": "cs", "cmn_hans": "zh",
    "cmn_hant": "zh", "dan": "da", "deu_1901": "de", "ell_monotonic": "el", "eng": "en",
    "est": "et", "fin": "fi", "fra": "fr", "guj": "gu", "heb": "he", "hin": "hi", "hrv": "hr",
    "hun": "hu", "hye": "hy", "ita": "it", "jpn": "ja", "kan": "kn", "kat": "ka", "khm": "km",
    "kor": "ko", "lao": "lo", "lit": "lt", "mal": "ml", "mar": "mr", "mya": "my", "nld": "nl",
    "pes_1": "fa", "pol": "pl", "por_BR": "pt", "por_PT": "pt", "ron_2006": "ro", "rus": "ru",
    "slk": "sk", "spa": "es", "swe": "sv", "swh": "sw", "tam": "ta", "tel": "te", "tha": "th",
    "tur": "tr", "ukr": "uk", "urd": "ur", "vie": "vi",
}  # fmt: skip


def test_filter_prose_survives_in_every_large_language(data) -> None:
    """The Universal Declaration of Human Rights: legal prose, and repetitive."""
    with zipfile.ZipFile(data / "langid" / "udhr2.zip") as archive:
        names = [name for name in UDHR if f"udhr2/{name}.txt" in archive.namelist()]
        texts = [archive.read(f"udhr2/{name}.txt").decode("utf-8") for name in names]
    assert len(names) >= 45
    lost = dropped(texts, [UDHR[name] for name in names])
    assert {names[i]: rule for i, rule in lost.items()} == {}


def test_filter_prose_rules_see_what_is_no_prose(data) -> None:
    """The same rules drop most of the pages that people labelled low quality, fewer of the good."""
    path = data / "quality" / "human-quality-labels.jsonl.gz"
    rows = [json.loads(row) for row in gzip.decompress(path.read_bytes()).split(b"\n") if row]
    lost = dropped([row["text"] for row in rows], ["en"] * len(rows))
    share = {
        label: sum(i in lost for i, row in enumerate(rows) if row["label"] == label)
        / sum(row["label"] == label for row in rows)
        for label in (0, 1)
    }
    assert share[0] > 2 * share[1]
