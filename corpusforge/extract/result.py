"""What an extractor returns: the text of one raw document.

Kept apart from the package's front so that each extractor can import it without a cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Extracted", "Unreadable"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document, its title ("" if unknown), its format (text, code, table …), and what the
    account should note of how it was found (`second_pass`: almost nothing on the page convinced, and the
    subtree with most text was taken; `json_ld`: the article in the page's JSON-LD was taken)."""

    text: str
    title: str
    format: str
    notes: tuple[str, ...] = ()


class Unreadable(Exception):
    """Raised inside an extractor where the content cannot be read; becomes a `Failed` row."""
