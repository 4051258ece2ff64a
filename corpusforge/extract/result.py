"""What an extractor returns: the text of one raw document.

Kept apart from the package's front so that each extractor can import it without a cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Extracted", "Unreadable"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document, its title ("" if unknown) and its format (text, code, table …)."""

    text: str
    title: str
    format: str


class Unreadable(Exception):
    """Raised inside an extractor where the content cannot be read; becomes a `Failed` row."""
