"""Settings of the filter verb: which rules apply to which source, and where their bounds differ."""

from __future__ import annotations

from dataclasses import dataclass, field

from corpusforge import plugins
from corpusforge.cputime import CPU_SECONDS, Bound
from corpusforge.errors import RecipeError, nearest

__all__ = ["DEFAULT_RULES", "LINE_RULES", "REDACTIONS", "Settings"]

LINE_RULES = ("lines.v1", "lines_c4.v1")
REDACTIONS = ("pii.v1", "secrets.v1")

_WEB = ("url.v1", "gopher_quality.v1", "gopher_repetition.v1", "c4.v1", "fineweb.v1", "zh.v1")
DEFAULT_RULES: dict[str, tuple[str, ...]] = {
    "web": _WEB,
    "html": _WEB,
    "documents": _WEB,
    "wikipedia": ("light.v1",),
    "books": ("light.v1",),
    "code": ("code.v1",),
    "run": (),  # judged by the earlier run
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How documents are filtered."""

    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Source name or ingest kind → names of rules, in the order they are tried; a source's own entry
    wins over its kind's, kinds left out keep their defaults. An empty list keeps everything. A rule of your
    own is "package.module:NAME" (docs/add-a-rule.md)."""

    bounds: dict[str, dict[str, float]] = field(default_factory=dict)
    """Rule set → limits that replace its own: {"gopher_quality.v1": {"words_low": 30}}."""

    lines: tuple[str, ...] = ("lines.v1",)
    """Line rules, applied to text before it is measured: lines.v1, lines_c4.v1. Empty for none."""

    lines_skip: tuple[str, ...] = ("code", "books", "run")
    """Source names or ingest kinds whose lines are left as they are."""

    redact: tuple[str, ...] = REDACTIONS
    """What is replaced by typed placeholders before text is first written: pii.v1, secrets.v1."""

    url_blocked: tuple[str, ...] = ()
    """Files of exact addresses that url.v1 refuses, one a line."""

    url_domains: tuple[str, ...] = ()
    """Files of domains; each refuses its subdomains too."""

    url_words: tuple[str, ...] = ()
    """Files of words of which one in the address is enough."""

    url_soft_words: tuple[str, ...] = ()
    """Files of words of which two in the address are needed."""

    url_parts: tuple[str, ...] = ()
    """Files of strings that refuse an address wherever they stand in it."""

    word_lists: tuple[str, ...] = ()
    """Files of words and phrases (toxic terms, for one), one a line, whose occurrences the statistic
    phrase_listed counts; `listed.v1` drops by it, where a recipe names that rule set."""

    cpu_seconds: float = CPU_SECONDS
    """CPU time that a document may take in each step (names, lines, rules, redaction), for every megabyte
    begun; over it the document fails. Far above what real documents need (`corpusforge.cputime`)."""

    def rules_of(self, source: str, kind: str) -> tuple[str, ...]:
        """Return the names of the rules that judge a source; a kind without an entry gets the web rules."""
        chosen = {**DEFAULT_RULES, **self.rules}
        return chosen.get(source, chosen.get(kind, DEFAULT_RULES["web"]))

    def __post_init__(self) -> None:
        from corpusforge.filter import RULES  # of which this module is a part

        known = tuple(plugins.names("rules", RULES))
        for source, own in (*self.rules.items(), ("", tuple(self.bounds))):
            key = f"filter.rules.{source}" if source else "filter.bounds"
            _known(key, tuple(name for name in own if not plugins.is_plugin(name)), known)
        _known("filter.lines", self.lines, LINE_RULES)
        _known("filter.redact", self.redact, REDACTIONS)
        if wrong := Bound.check("filter", self.cpu_seconds):
            raise RecipeError(wrong)


def _known(key: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise RecipeError(f"{key}: no rule {name!r}.{nearest(name, known)}")
