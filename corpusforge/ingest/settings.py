"""What a recipe may say about reading: caps, dates, columns; one value for every kind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields

from corpusforge.cputime import CPU_SECONDS, Bound
from corpusforge.errors import RecipeError, nearest
from corpusforge.records import ORIGINS

__all__ = ["COLUMNS", "MIB", "Settings"]

MIB = 1 << 20
COLUMNS = ("text", "id", "url", "date", "lang", "licence", "title", "format")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\dZ)?)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How records are read. Sizes are bytes after decompression."""

    category: str = ""
    """Category of the documents; empty: the kind's own (crawl, wikipedia, books…)."""
    licence: str = ""
    """SPDX id for documents whose record states none; empty leaves them unknown."""
    origins: tuple[str, ...] = ("human",)
    """Who may have written its documents: human, model, template, mixed; others are dropped as `origin`, so
    that what a model wrote enters a mixture only where the recipe says so."""
    after: str = ""
    """Keep records dated on or after this ISO date (2024, 2024-05…); undated ones stay."""
    before: str = ""
    """Keep records dated before this ISO date; undated ones stay."""
    columns: dict[str, str] = field(default_factory=dict)
    """For ready documents: our field → their column; dots reach into objects (`meta.url`)."""
    chapters: bool = False
    """Cut a plain-text book into one document a chapter, instead of one a book."""
    max_record_bytes: int = 16 * MIB
    """Largest web record, wiki page or ready document; a larger one is dropped as `record_size`."""
    max_book_bytes: int = 64 * MIB
    """Largest plain-text book, and largest EPUB on disk."""
    max_file_bytes: int = MIB
    """Largest code file; a larger one is dropped as `file_size` (The Stack's bound)."""
    max_archive_bytes: int = 8192 * MIB
    """Largest sum of an archive's members; beyond it the whole archive is refused."""
    max_archive_files: int = 1_000_000
    """Most members of an archive; beyond it the whole archive is refused."""
    max_ratio: float = 250.0
    """Most bytes out for a byte in, once `ratio_floor_bytes` came out; beyond it: a bomb."""
    ratio_floor_bytes: int = 64 * MIB
    """Decompressed bytes below which the ratio is not judged."""
    cpu_seconds: float = CPU_SECONDS
    """CPU time that reading a record may take, for every megabyte begun; over it the record fails. Where the
    reader itself is over between two records (megabytes passed over count), the rest of the file does."""
    links: str = ""
    """File of `url<TAB>votes` (or JSONL with url and votes): keep only web pages it curates."""
    min_votes: int = 3
    """Votes a link needs to count as curated (GPT-2's WebText asked for 3)."""
    min_answer_votes: int = 0
    """Lowest score of a forum answer that is kept."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.startswith("max_") and value <= 0:
                raise RecipeError(f"ingest.{item.name} = {value}: expected a number above 0.")
        if wrong := Bound.check("ingest", self.cpu_seconds):
            raise RecipeError(wrong)
        if self.ratio_floor_bytes < 0:
            raise RecipeError(
                f"ingest.ratio_floor_bytes = {self.ratio_floor_bytes}: expected 0 or more."
            )
        for name in ("after", "before"):
            value = getattr(self, name)
            if value and not _DATE.fullmatch(value):
                raise RecipeError(f"ingest.{name} = {value!r}: expected an ISO date as 2024-05-01.")
        if self.after and self.before and self.after >= self.before:
            raise RecipeError(
                f"ingest.after = {self.after!r} is not before ingest.before = {self.before!r}."
            )
        if unknown := [name for name in self.origins if name not in ORIGINS]:
            raise RecipeError(
                f"ingest.origins: {unknown[0]!r} is none.{nearest(unknown[0], ORIGINS)}"
            )
        for name in self.columns:
            if name not in COLUMNS:
                raise RecipeError(
                    f"ingest.columns.{name}: no field of a document.{nearest(name, COLUMNS)}"
                )

    @property
    def bound(self) -> Bound:
        """The bound on a record's CPU time."""
        return Bound("ingest.cpu_seconds", self.cpu_seconds)
