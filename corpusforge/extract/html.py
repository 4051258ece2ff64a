"""HTML to main text.

Method: resiliparse's tree and main-content rules (Bevendorff et al. 2018), character sets by
`charset`. Trafilatura (Barbaresi 2021) by choice.
"""

from __future__ import annotations

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from corpusforge.extract.charset import decode
from corpusforge.extract.result import Extracted
from corpusforge.extract.settings import Settings
from corpusforge.records import RawDocument

__all__ = ["extract_html"]


def extract_html(raw: RawDocument, settings: Settings) -> Extracted:
    """Return the main text of a page."""
    html = raw.content if isinstance(raw.content, str) else decode(raw.content, raw.charset)
    html = html.replace("\x00", "\ufffd")
    if settings.engine == "trafilatura":
        import trafilatura

        text = trafilatura.extract(html, fast=True, include_comments=False) or ""
        title = ""
    else:
        tree = HTMLTree.parse(html)
        title = tree.title or ""
        text = extract_plain_text(
            tree, main_content=True, list_bullets=False, alt_texts=False, comments=False
        )
    return Extracted(text.strip(), raw.title or " ".join(title.split()), raw.format)
