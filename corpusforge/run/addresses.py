"""What a record's address decides before anything is extracted: url.v1, and one capture per page."""

from __future__ import annotations

from collections.abc import Sequence

from corpusforge.filter.url import AddressRule
from corpusforge.ingest.addresses import displaced
from corpusforge.ingest.dates import window
from corpusforge.ingest.settings import Settings as IngestSettings
from corpusforge.recipe import Recipe
from corpusforge.records import Failed, RawDocument, Skipped
from corpusforge.run.inputs import InputFile, check_unchanged

__all__ = ["Addresses", "one_capture"]


def one_capture(source: str, recipe: Recipe) -> str:
    """Return "newest" or "oldest": the capture of an address that `dedup` keeps anyway; "" for all.

    Only web archives of a source whose equal addresses the recipe calls copies: the others are
    then not extracted where they lie in the same part; in other parts `dedup` removes them.
    """
    rules = recipe.dedup
    named = {"*", source} & set(rules.url_sources)
    removes = rules.method != "off" and rules.action == "keep_one" and rules.scope != "snapshot"
    plain = recipe.sources[source].kind == "web" and not recipe.sources[source].ingest.links
    if not (named and removes and plain):
        return ""
    return "oldest" if "oldest" in rules.order else "newest"


class Addresses:
    """The judge of the addresses of some files: by `rule`, and one capture per page of those files.

    `capture` says which of them stays, "newest" or "oldest"; "" for all.
    """

    def __init__(
        self,
        items: Sequence[InputFile],
        settings: IngestSettings,
        rule: AddressRule | None,
        capture: str,
    ) -> None:
        self._rule = rule
        self._settings = settings
        own = [item for item in items if not item.outside]
        paths = [(item.path, item.path.removesuffix(item.name)) for item in own]
        self._displaced: dict[str, str] = {}
        try:
            if capture:
                self._displaced = displaced(paths, self._wanted, newest=capture == "newest")
        except OSError:
            for item in items:
                check_unchanged(item)
            raise

    def _wanted(self, url: str, date: str) -> bool:
        dated = window(RawDocument("", "", "html", date=date), self._settings)
        return isinstance(dated, RawDocument) and not self._refusal(url)

    def _refusal(self, url: str) -> tuple[str, str, str] | None:
        return self._rule.refusal(url) if self._rule and url else None

    def judge(self, record: RawDocument | Skipped | Failed) -> RawDocument | Skipped | Failed:
        """Return the record, or the skip that its address earns."""
        if not isinstance(record, RawDocument):
            return record
        if kept := self._displaced.get(record.locator):
            return Skipped(record.locator, "url_duplicate", kept, "one capture", record.url)
        refused = self._refusal(record.url)
        return Skipped(record.locator, *refused, record.url) if refused else record
