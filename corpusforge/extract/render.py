"""A whole HTML document as lines: no boilerplate decision, only invisible matter left out."""

from __future__ import annotations

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

__all__ = ["whole_text"]


def whole_text(html: str) -> str:
    """Return all visible text; blocks are lines, paragraphs parted by a blank line."""
    tree = HTMLTree.parse(html)
    return extract_plain_text(tree, list_bullets=True, alt_texts=False).strip()
