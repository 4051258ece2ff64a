"""Settings of the extract verb."""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge import plugins
from corpusforge.cputime import CPU_SECONDS, Bound
from corpusforge.errors import RecipeError, nearest
from corpusforge.extract.wikivariants import VARIANTS

__all__ = ["MARKUP", "UNICODE", "Settings"]

UNICODE = ("nfc", "keep")
MARKUP = ("text", "markdown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How raw documents become text."""

    engine: str = "fast"
    """HTML extractor: "fast" (ours), "trafilatura" (needs the extra of that name), or your own as
    "package.module:NAME", a function from a page to its text."""

    max_bytes: int = 20_000_000
    """Longest content in bytes (characters for decoded text); longer content is skipped. Common
    Crawl cuts pages at 1 MiB; books in EPUB with pictures reach tens of megabytes."""

    cpu_seconds: float = CPU_SECONDS
    """CPU time that one extractor may spend on a document, for every megabyte begun; over it the document
    fails (of HTML the next engine is tried first). It is a last resort, far above what real pages need,
    because a cap on time cannot cut at the same document on every machine."""

    unicode: str = "nfc"
    """"nfc": texts and titles in Unicode's normal form C, without soft hyphens; "keep": as they come.
    Code always stays as it comes."""

    markup: str = "text"
    """"text": a page's text alone; "markdown": headings, lists, tables and code marked (fast engine)."""

    markup_links: bool = False
    """Whether links of pages are written as Markdown writes them, addresses in full where the page's own
    is known; links inside the page, scripts and mail addresses stay text. Needs markup = "markdown"."""

    wiki_tables: bool = True
    """Whether data tables of wikitext are kept, one line per row, cells separated by " | "."""

    wiki_variant: str = "zh-cn"
    """Variant of Chinese whose form a conversion mark -{…}- shows, for the whole dump."""

    epub_max_files: int = 5_000
    """Most entries an EPUB archive may hold, and most chapters its spine may list."""

    epub_max_unpacked: int = 200_000_000
    """Most bytes the entries of an EPUB may claim or yield together."""

    epub_max_ratio: float = 200.0
    """Highest ratio of unpacked to packed bytes of one entry above 1 MB."""

    def __post_init__(self) -> None:
        from corpusforge.extract.html import ENGINES  # which takes these settings

        engines = (*plugins.names("extractors", ENGINES), *filter(plugins.is_plugin, [self.engine]))
        for name, known in (
            ("engine", engines),
            ("unicode", UNICODE),
            ("markup", MARKUP),
            ("wiki_variant", tuple(VARIANTS)),
        ):
            value = getattr(self, name)
            if value not in known:
                raise RecipeError(
                    f"extract.{name} is {value!r}; expected one of {known}." + nearest(value, known)
                )
        if self.markup_links and self.markup != "markdown":
            raise RecipeError(
                f"extract.markup_links is true and extract.markup {self.markup!r}; links are written in "
                "Markdown alone: set extract.markup to 'markdown', or leave markup_links out."
            )
        for name in (
            "max_bytes",
            "epub_max_files",
            "epub_max_unpacked",
            "epub_max_ratio",
        ):
            number = getattr(self, name)
            if not number > 0:
                raise RecipeError(f"extract.{name} is {number!r}; expected a number above 0.")
        if wrong := Bound.check("extract", self.cpu_seconds):
            raise RecipeError(wrong)

    @property
    def bound(self) -> Bound:
        """The bound on a document's CPU time."""
        return Bound("extract.cpu_seconds", self.cpu_seconds)
