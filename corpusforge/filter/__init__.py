"""Filter: measure every document once, then decide by named, versioned bounds.

`stats.measure` writes all statistics of a batch of texts; `decide` compares them with rule sets;
`lines.clean` and `redact.redact` change text, and count what they change.
"""

from __future__ import annotations

from collections.abc import Sequence

from corpusforge.filter import c4, code, fineweb, gopher, light, lists, url, zh
from corpusforge.filter.decide import Decision, decide
from corpusforge.filter.rules import Bound, Ratio, RuleSet
from corpusforge.filter.settings import DEFAULT_RULES, Settings

__all__ = [
    "RULES",
    "Bound",
    "Decision",
    "Ratio",
    "RuleSet",
    "Settings",
    "address_rule",
    "decide",
    "rules_for",
]

RULES: dict[str, RuleSet] = {
    rule_set.name: rule_set
    for rule_set in (
        c4.DOCUMENT,
        c4.CURLY,
        code.CODE,
        fineweb.QUALITY,
        gopher.QUALITY,
        gopher.REPETITION,
        light.LIGHT,
        lists.LISTED_WORDS,
        url.rule_set(url.UrlLists()),
        zh.CHINESE,
    )
}
"""Every rule set by its versioned name, with published bounds and no list files."""


def rules_for(settings: Settings, source: str, kind: str) -> tuple[RuleSet, ...]:
    """Return the rule sets of one source, bounds and list files of the settings applied.

    A kind without an entry gets the web rules. Call once a process and source: list files are read
    here. Raises RecipeError on an unknown bound, InputError on a missing list file.
    """
    chosen = {**DEFAULT_RULES, **settings.rules}
    names = chosen.get(source, chosen.get(kind, DEFAULT_RULES["web"]))
    return tuple(
        _loaded(name, settings).with_bounds(settings.bounds.get(name, {})) for name in names
    )


def address_rule(rules: Sequence[RuleSet], settings: Settings) -> url.AddressRule | None:
    """Return url.v1 as a rule on single addresses, where the rule sets hold it."""
    for rule_set in rules:
        if rule_set.name == "url.v1":
            return url.AddressRule(_url_lists(settings), rule_set.bounds)
    return None


def _url_lists(settings: Settings) -> url.UrlLists:
    return url.load(
        settings.url_blocked,
        settings.url_domains,
        settings.url_words,
        settings.url_soft_words,
        settings.url_parts,
    )


def _loaded(name: str, settings: Settings) -> RuleSet:
    if name != "url.v1":
        return RULES[name]
    return url.rule_set(_url_lists(settings))
