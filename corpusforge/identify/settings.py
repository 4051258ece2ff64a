"""What a recipe may say under [identify]."""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.cputime import CPU_SECONDS, Bound
from corpusforge.errors import RecipeError, nearest
from corpusforge.identify.model_file import fetched

__all__ = ["ENGINE_NAMES", "PARAGRAPHS", "Settings"]

ENGINE_NAMES = ("auto", "blend", "lid176", "pycld2")
PARAGRAPHS = ("", "count", "keep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Which engine names the language, what part of a document it sees, and what is kept."""

    engine: str = "auto"
    """`pycld2` (model inside its wheel, offline), `lid176` (fastText) or `blend` (both vote). `auto` becomes
    `blend` where lid.176 is given or was fetched, else `pycld2`, when the settings are made."""
    model: str = ""
    """Path of `lid.176.ftz` or `lid.176.bin`, for engines `lid176` and `blend`; empty: the file that
    `corpusforge models fetch lid.176` fetched."""
    places: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    """Where slices are cut, as shares of the text: 0 its head, 0.5 its middle, 1 its tail."""
    slice_bytes: int = 300
    """Length of each slice in UTF-8 bytes; 0 reads the full text."""
    sure: float = 0.1
    """Where the slices score less than this, 0..1, the full text is read after all. Of 7,156 technical texts,
    1,765 of which score below 0.6, the full text names another language for 38, 33 of them below 0.1."""
    languages: tuple[str, ...] = ()
    """Labels to keep, such as ("en", "zh"); empty keeps all."""
    min_score: float = 0.0
    """Least score, 0..1, of a kept document where `languages` is set (usual for lid.176: 0.65)."""

    paragraphs: str = ""
    """Language of each paragraph: `count` notes paragraphs and bytes by language in the ledger, `keep`
    leaves only paragraphs of `languages`, before the document's language is asked; empty: neither."""

    cpu_seconds: float = CPU_SECONDS
    """CPU time that a document may take, for every megabyte begun; over it the document fails."""

    def __post_init__(self) -> None:
        if wrong := Bound.check("identify", self.cpu_seconds):
            raise RecipeError(wrong)
        if self.engine not in ENGINE_NAMES:
            raise RecipeError(
                f"identify.engine is {self.engine!r}.{nearest(self.engine, ENGINE_NAMES)}"
            )
        there = bool(self.model or fetched())
        if self.engine == "auto":
            object.__setattr__(self, "engine", "blend" if there else "pycld2")
        if self.engine != "pycld2" and not there:
            raise RecipeError(
                f'identify.model is empty, but engine "{self.engine}" needs the path of lid.176.ftz. '
                "Give it, fetch it by `corpusforge models fetch lid.176`, or use engine "
                '"pycld2", whose model is inside its wheel.'
            )
        if not self.places or not all(0.0 <= place <= 1.0 for place in self.places):
            raise RecipeError(
                f"identify.places is {self.places!r}; expected shares of the text between 0 and 1."
            )
        if list(self.places) != sorted(self.places):
            raise RecipeError(f"identify.places is {self.places!r}; expected ascending shares.")
        if self.slice_bytes < 0:
            raise RecipeError(
                f"identify.slice_bytes is {self.slice_bytes}; expected 0 (full text) or more."
            )
        for name in ("sure", "min_score"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise RecipeError(f"identify.{name} is {getattr(self, name)}; expected 0..1.")
        if self.paragraphs not in PARAGRAPHS:
            raise RecipeError(
                f"identify.paragraphs is {self.paragraphs!r}.{nearest(self.paragraphs, PARAGRAPHS)}"
            )
        if self.paragraphs == "keep" and not self.languages:
            raise RecipeError(
                'identify.paragraphs is "keep", but identify.languages names none. Name some.'
            )
