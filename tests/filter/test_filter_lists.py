"""A recipe's own word lists: counted always, dropped only where the recipe names the rule set."""

from __future__ import annotations

import pyarrow as pa

from corpusforge.filter import Settings, decide, rules_for
from corpusforge.filter.lists import load_patterns
from corpusforge.filter.settings import DEFAULT_RULES
from corpusforge.filter.stats import measure

TEXT = "Some mild words. What a darn heck of a day, darn it! 真是混蛋。Darning socks is no crime."


def test_filter_lists_count_words_and_phrases(tmp_path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# mild\nDarn\nheck of a # phrase\n混蛋\n\n", encoding="utf-8")
    stats = measure(pa.array([TEXT, ""]), load_patterns([str(path)]))
    assert stats.column("phrase_listed").to_pylist() == [4, 0]
    plain = measure(pa.array([TEXT, ""]))
    assert plain.column("phrase_listed").to_pylist() == [0, 0]
    assert plain.drop_columns(["phrase_listed"]) == stats.drop_columns(["phrase_listed"])


def test_filter_lists_drop_only_where_named(tmp_path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("darn\n")
    assert "listed.v1" not in {name for names in DEFAULT_RULES.values() for name in names}
    settings = Settings(rules={"web": ("listed.v1",)}, word_lists=(str(path),))
    stats = measure(pa.array([TEXT, "clean"]), load_patterns(settings.word_lists))
    meta = pa.record_batch({"lang": ["en", "en"]})
    decision = decide(stats, meta, rules_for(settings, "crawl", "web"))
    assert decision.rule == ["listed.v1:share", ""]
