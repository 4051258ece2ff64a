"""Address rules: exact entries, domains and their hosts, words, soft words, parts."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

from corpusforge.filter import Settings, decide, rules_for
from corpusforge.filter.stats import measure
from corpusforge.filter.url import UrlLists, load
from corpusforge.filter.url import measure as measure_url


@pytest.mark.parametrize(
    ("url", "counts"),
    [
        ("https://www.example.org/a/", (1, 0, 0, 0, 0)),
        ("http://example.org/a#top", (1, 0, 0, 0, 0)),
        ("http://example.org/a/b", (0, 0, 0, 0, 0)),
        ("http://cdn.bad.example:8080/x", (0, 1, 0, 0, 0)),
        ("http://notbad.example/x", (0, 0, 0, 0, 0)),
        ("http://x.org/free-porn-here", (0, 0, 1, 0, 0)),
        ("http://x.org/essex-poker/casino", (0, 0, 0, 2, 0)),
        ("http://x.org/popcorn", (0, 0, 0, 0, 0)),
        ("http://x.org/%E5%8D%9A%E5%BD%A9", (0, 0, 0, 0, 1)),
        ("http://[broken/x", (0, 0, 0, 0, 0)),
        ("", (0, 0, 0, 0, 0)),
    ],
)
def test_filter_url_counts(url: str, counts: tuple[int, ...]) -> None:
    lists = UrlLists(
        urls=frozenset({"example.org/a"}), domains=frozenset({"bad.example"}), parts=("博彩",)
    )
    assert measure_url(url, lists) == counts


def test_filter_url_lists_come_from_files(tmp_path) -> None:
    domains = tmp_path / "domains.txt.gz"
    domains.write_bytes(gzip.compress(b"# list\n.Spam.example\n\nbad.example # reason\n"))
    words = tmp_path / "words.txt"
    words.write_text("爱彩\n", encoding="utf-8")
    lists = load(domains=[str(domains)], hard_words=[str(words)])
    assert lists.domains == {"spam.example", "bad.example"}
    assert measure_url("http://a.spam.example/爱彩/1", lists) == (0, 1, 1, 0, 0)


def test_filter_url_drops_with_rule_and_value(tmp_path) -> None:
    blocked = tmp_path / "urls.txt"
    blocked.write_text("https://example.org/page\n")
    settings = Settings(rules={"web": ("url.v1",)}, url_blocked=(str(blocked),))
    urls = ["http://www.example.org/page/", None, "http://ok.example/adult", "http://a/sex-adult"]
    meta = pa.record_batch({"url": urls, "lang": ["en"] * 4})
    decision = decide(measure(pa.array(["text"] * 4)), meta, rules_for(settings, "s", "web"))
    assert decision.rule == ["url.v1:exact", "", "", "url.v1:soft_words"]
    assert (decision.value[3], decision.bound[3]) == ("2", "<= 1")
