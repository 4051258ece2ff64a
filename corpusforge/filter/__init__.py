"""Filter: measure every document once, then decide by named, versioned bounds.

`stats.measure` writes all statistics of a batch of texts; `decide` compares them with rule sets;
`lines.clean` and `redact.redact` change text, and count what they change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from corpusforge.errors import InputError
from corpusforge.filter import c4, code, fineweb, gopher, light, lists, url, zh
from corpusforge.filter.decide import Decision, decide
from corpusforge.filter.rules import Bound, Ratio, Rule, RuleSet, TextRule
from corpusforge.filter.settings import Settings
from corpusforge.plugins import find

__all__ = [
    "RULES",
    "Bound",
    "Decision",
    "Ratio",
    "Rule",
    "RuleSet",
    "Settings",
    "TextRule",
    "address_rule",
    "decide",
    "rule",
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


def rules_for(settings: Settings, source: str, kind: str) -> tuple[Rule, ...]:
    """Return the rules of one source, bounds and list files of the settings applied.

    Call once per process and source: list files are read
    here. Raises RecipeError on an unknown bound, InputError on a missing list file or plug-in.
    """
    return tuple(
        _loaded(name, settings).with_bounds(settings.bounds.get(name, {}))
        for name in settings.rules_of(source, kind)
    )


def address_rule(rules: Sequence[Rule], settings: Settings) -> url.AddressRule | None:
    """Return url.v1 as a rule on single addresses, where the rules hold it."""
    for rule_set in rules:
        if isinstance(rule_set, RuleSet) and rule_set.name == "url.v1":
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


def rule(name: str) -> Rule:
    """Return a rule by its name: of `RULES`, of an installed package, or "package.module:NAME".

    A plug-in is a `RuleSet`, or a function from a text to a bool (True: keep) or to a number, whose bounds
    the recipe gives. Raises InputError where there is none of that name, or it is something else.
    """
    known = find(name, "rules", RULES)
    if isinstance(known, (RuleSet, TextRule)):
        return replace(known, name=name)
    if callable(known):
        return TextRule(name=name, function=known)
    raise InputError(
        f"rule {name!r} is {type(known).__name__}; expected a RuleSet, or a function from a text to a bool "
        "or a number."
    )


def _loaded(name: str, settings: Settings) -> Rule:
    return url.rule_set(_url_lists(settings)) if name == "url.v1" else rule(name)
