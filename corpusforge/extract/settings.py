"""Settings of the extract verb."""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.errors import RecipeError, nearest

__all__ = ["ENGINES", "Settings"]

ENGINES = ("fast", "trafilatura")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How raw documents become text."""

    engine: str = "fast"
    """HTML extractor: "fast" (ours) or "trafilatura" (needs the extra of that name)."""

    max_bytes: int = 20_000_000
    """Longest content in bytes (characters for decoded text); longer content is skipped. Common
    Crawl cuts pages at 1 MiB; books in EPUB with pictures reach tens of megabytes."""

    cpu_seconds: float = 30.0
    """CPU time one extractor may spend on one document. It is a last resort, far above what real
    pages need, because a cap on time cannot cut at the same document on every machine."""

    wiki_tables: bool = True
    """Whether data tables of wikitext are kept, one line a row, cells separated by " | "."""

    epub_max_files: int = 5_000
    """Most entries an EPUB archive may hold, and most chapters its spine may list."""

    epub_max_unpacked: int = 200_000_000
    """Most bytes the entries of an EPUB may claim or yield together."""

    epub_max_ratio: float = 200.0
    """Highest ratio of unpacked to packed bytes of one entry above 1 MB."""

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise RecipeError(
                f"extract.engine is {self.engine!r}; expected one of {ENGINES}."
                + nearest(self.engine, ENGINES)
            )
        for name in (
            "max_bytes",
            "cpu_seconds",
            "epub_max_files",
            "epub_max_unpacked",
            "epub_max_ratio",
        ):
            value = getattr(self, name)
            if not value > 0:
                raise RecipeError(f"extract.{name} is {value!r}; expected a number above 0.")
