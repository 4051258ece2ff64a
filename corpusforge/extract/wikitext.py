"""Wikitext to text: one pass over brackets, one over lines.

Method: MediaWiki's own order (comments and extension tags first, then templates, links and tables
from the inside out, then lines), with a stack instead of repeated substitution, so time is linear
in the page's length whatever its brackets do. Which templates carry prose or quantities, and which
namespaces are files or categories, stand in `prose_templates.tsv` and `namespaces.tsv`. Powers, ruby and
formulas are written as `formula` says, conversion marks as one variant shows them (`wikivariants`).
Limits: templates are not expanded (their text lies in other pages); a template that the table does
not name is dropped whole; unclosed brackets lose their marks and keep their text.
"""

from __future__ import annotations

import html
import re

from corpusforge.extract.formula import write_out
from corpusforge.extract.plain import normalise
from corpusforge.extract.result import Extracted
from corpusforge.extract.settings import Settings
from corpusforge.extract.wikibrackets import resolve
from corpusforge.extract.wikitags import protect, restore
from corpusforge.records import RawDocument
from corpusforge.text.charset import decode

__all__ = ["extract_wikitext", "to_text"]

_EXTERNAL = re.compile(
    r"\[(?:(?:https?|ftp|sftp|irc|ircs|news|gopher|git|svn):|mailto:|(?=//))(?://)?[^\s\[\]<>]++([^\[\]\n]*+)\]",
    re.I,
)
_BREAK = re.compile(
    r"</?(?:br|p|div|center|blockquote|ul|ol|li|dl|dd|dt|table|caption|thead|tbody|tr|td|th|hr|h[1-6]"
    r"|poem|section|article)\b[^<>]*>",
    re.I,
)
_INLINE = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|noinclude|includeonly"
    r"|onlyinclude|q|rb|rp|rt|rtc|ruby|s|samp|small|span|strike|strong|sub|sup|tt|u|var|wbr|data|time"
    r"|nowiki|ref|references|gallery|math|languages|tvar|translate|noautolink|img|includes?)\b[^<>]*>",
    re.I,
)
_SCRIPT = re.compile(r"<(?:su[pb]|ruby|r[tpb])\b", re.I)
_QUOTES = re.compile(r"'{2,}")
_MAGIC = re.compile(r"__([^\W\d_]{2,})__")
_STRAY = re.compile(r"\{\{+|\}\}+|\[\[+|\]\]+|<ref\b[^<>\n]{0,200}>?|</ref\s*>?", re.I)
_HOLLOW = re.compile(r" ?[(（][\s,;:.，；：、]*[)）]")
_LEADING = re.compile(r"([(（])[\s,;，；、]+")
_HEADING = re.compile(r"(={1,6})(.*)=$")
_LIST = re.compile(r"^([*#:;]+)\s*")


def _quotes(match: re.Match[str]) -> str:
    return "'" if len(match[0]) == 4 or len(match[0]) > 5 else ""


def _inline(text: str) -> str:
    """Remove the marks that stand inside lines: external links, tags, quotes, magic words."""
    text = _EXTERNAL.sub(lambda match: match[1].strip(), text)
    text = _QUOTES.sub(_quotes, text)
    if _SCRIPT.search(text):
        text = write_out(text.encode("utf-8", "replace")).decode()
    text = _INLINE.sub("", _BREAK.sub("\n", text))
    text = _MAGIC.sub(lambda match: "" if match[1].upper() == match[1] else match[0], text)
    text = html.unescape(text).replace("\xa0", " ")
    text = _STRAY.sub("", text)
    return _LEADING.sub(r"\1", _HOLLOW.sub("", text))


def _item(marks: str, body: str) -> str:
    if marks[-1] in "*#":
        return "  " * (len(marks) - 1) + "- " + body
    return body


def _plain_line(line: str) -> str:
    """Return one line without rules and indents, list items behind a dash."""
    line = line.lstrip("-").strip() if line.startswith("----") else line
    marks = _LIST.match(line)
    if marks is None:
        return " ".join(line.split())
    body = line[marks.end() :].strip()
    return _item(marks[1], body) if body else ""


def _lines(text: str) -> list[str]:
    """Return the text's lines; headings stand between blank lines and only above some content."""
    out: list[str] = []
    pending: list[tuple[int, str]] = []
    for raw in text.split("\n"):
        stripped = raw.strip()
        if heading := _HEADING.match(stripped):
            level = len(heading[1])
            pending = [known for known in pending if known[0] < level]
            pending.append((level, heading[2].strip("= \t\xa0\u3000")))
            continue
        line = _plain_line(stripped)
        if line and pending:
            for _, title in pending:
                out += [title, ""] if out and not out[-1] else ["", title, ""]
            pending = []
        if line or (out and out[-1]):
            out.append(line)
    return out


def to_text(wikitext: str, title: str, lang: str, tables: bool, variant: str = "zh-cn") -> str:
    """Return a page's text.

    `lang` chooses among templates named alike, "" for none; `variant` is one of
    `wikivariants.VARIANTS`.
    """
    marked, kept = protect("\n" + normalise(wikitext))
    resolved = resolve(marked, title, lang, tables, variant)
    lines = _lines(_inline(resolved))
    return restore("\n".join(lines).strip(), kept)


def extract_wikitext(raw: RawDocument, settings: Settings) -> Extracted:
    """Return the prose of one page, headings, lists and (by setting) tables as lines."""
    content = raw.content if isinstance(raw.content, str) else decode(raw.content, raw.charset)[0]
    text = to_text(content, raw.title, raw.lang, settings.wiki_tables, settings.wiki_variant)
    return Extracted(text, raw.title, raw.format)
