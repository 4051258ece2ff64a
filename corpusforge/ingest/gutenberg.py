"""Project Gutenberg's licence matter, told from the book: every generation of header and footer.

Generations (seen in the archive's files, 1991 to today): the "Etext" head that ends with *END*
THE SMALL PRINT; the EBOOK head between a title block and *** START OF …; small print moved to the
end; a bare "End of the Project Gutenberg EBook" line; and the same in other languages. Credits of
the volunteers (“Produced by …”) go with it. Limit: a remark about Project Gutenberg inside the
book itself stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["header_fields", "strip_licence"]

_PG = r"(?:project|projekt|proyecto|projeto|progetto|projet)\s+gutenberg"
_START = re.compile(
    rf"\s*\*{{2,}}\s*(?:start of|begin(?:ning)? of|d[ée]but d[eu]|anfang d|in[íi]cio d).*{_PG}",
    re.IGNORECASE,
)
_SMALL_PRINT_END = re.compile(r"\s*+\*++\s*+end\s*+\*?\s*+the small print", re.IGNORECASE)
_SMALL_PRINT = re.compile(r"\s*\*+\s*start\s*\*+\s*the small print", re.IGNORECASE)
_END = re.compile(
    rf"\s*(?:\*{{2,}}\s*(?:end of|fin d|ende d|fim d|fine d).*{_PG}"
    r"|(?:\*+\s*)?(?:this is (?:the )?|here )?(?:the )?"
    r"(?:end of|ende(?: d\w+)?|fin(?: d\w+)?|fim d\w+|fine d\w+)\s"
    rf"[^.]{{0,40}}{_PG}"
    r"|\*{2,}\s*end: full license"
    r"|\*{3}\s*start: full license|start: full license|the full project gutenberg licen[sc]e\s*$)",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    r"\s*\[?(?:produced by|e-?text prepared by|this (?:etext|e-text|ebook|e-book|file) was "
    r"(?:produced|prepared|created|converted|transcribed|scanned)|(?:transcribed|prepared|scanned|digitized|"
    r"html version|converted|proofed|typed) (?:from|by)\b|"
    r"updated editions will replace|credits?:|produit par|produziert von|producido por|"
    r"(?:file|images?) (?:was|were|generously) (?:made available|produced)|"
    r"online distributed proofreading)",
    re.IGNORECASE,
)
_MATTER = re.compile(
    rf"{_PG}|gutenberg-?tm|gutenberg\.(?:org|net)|\betexts?\b|\[e(?:text|book) ?#\d+\]|small print|"
    r"character set encoding:|^(?:posting|release) date:|^\[?last updated:|^language:\s*\w+$|"
    r"plain vanilla|archive foundation",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD = re.compile(
    r"^(title|author|language|release date|character set encoding|translator):\s*(\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_TELLING = re.compile(r"[Gg]utenberg|GUTENBERG|[Ss]mall [Pp]rint|SMALL PRINT|FULL LICENSE")
_HEAD_LINES = 1500  # the longest small print is some 400 lines
_NEAR = 60


def header_fields(text: str) -> dict[str, str]:
    """Return the header's `title`, `author`, `language`, `release date`… (lower-case names)."""
    fields: dict[str, str] = {}
    head = text[:20000]
    if not re.search(_PG, head, re.IGNORECASE):
        return fields
    for name, value in _FIELD.findall(head):
        fields.setdefault(name.lower(), value.strip())
    return fields


def strip_licence(text: str) -> tuple[str, dict[str, int]]:
    """Return (the book, lines removed by kind: `header`, `footer`, `credits`).

    A text that says nothing of Project Gutenberg comes back as it is, without counts.
    """
    if not re.search(_PG, text, re.IGNORECASE):
        return text, {}
    lines = text.split("\n")
    telling = [n for n, line in enumerate(lines) if _TELLING.search(line)]
    start = _book_start(lines, telling)
    end = _book_end(lines, telling, start)
    after = _after_credits(lines, start, end)
    before = _before_credits(lines, after, end)
    counts = {
        "header": start,
        "footer": len(lines) - end,
        "credits": (after - start) + (end - before),
    }
    body = "\n".join(lines[after:before]).strip("\n")
    return body + "\n" if body else "", {name: count for name, count in counts.items() if count}


def _book_start(lines: Sequence[str], telling: Sequence[int]) -> int:
    """The line after the last header marker, or after a head of licence paragraphs without one."""
    start = 0
    small_print = False
    for number in telling:
        line = lines[number]
        if number >= _HEAD_LINES:
            break
        small_print = small_print or bool(_SMALL_PRINT.match(line))
        if _SMALL_PRINT_END.match(line) and (small_print or number < 600):
            start = number + 1
        elif _START.match(line) and "small print" not in line.lower():
            start = _marker_end(lines, number) + 1
        elif start and _END.match(line):
            break
    return start or _head_paragraphs(lines)


def _marker_end(lines: Sequence[str], number: int) -> int:
    """A long title wraps: the marker ends where its asterisks close, at most three lines on."""
    for last in range(number, min(number + 4, len(lines))):
        if not lines[last].strip():
            break
        if lines[last].rstrip().endswith("*"):
            return last
    return number


def _head_paragraphs(lines: Sequence[str]) -> int:
    """Without a marker: the first paragraphs as long as they speak of the project."""
    position = end = 0
    while position < min(len(lines), _NEAR):
        while position < len(lines) and not lines[position].strip():
            position += 1
        stop = _paragraph_end(lines, position)
        if stop == position or not _MATTER.search("\n".join(lines[position:stop])):
            break
        position = end = stop
    return end


def _paragraph_end(lines: Sequence[str], position: int) -> int:
    while position < len(lines) and lines[position].strip():
        position += 1
    return position


def _book_end(lines: Sequence[str], telling: Sequence[int], start: int) -> int:
    """The first footer marker, or the end; an end marker in the first tenth is the head's."""
    floor = start if start else len(lines) // 10
    for number in telling:
        if number < floor:
            continue
        if _END.match(lines[number]) or (start and _SMALL_PRINT.match(lines[number])):
            return number
    return len(lines)


def _after_credits(lines: Sequence[str], start: int, end: int) -> int:
    """Pass over the credits and leftovers of the head in the first paragraphs of the book."""
    position = start
    if not start:
        return start
    for _ in range(6):
        begin = position
        while begin < end and not lines[begin].strip():
            begin += 1
        stop = _paragraph_end(lines[:end], begin)
        paragraph = "\n".join(lines[begin:stop])
        if stop == begin or not (_CREDIT.match(paragraph) or _project_line(paragraph)):
            break
        position = stop
    return position


def _before_credits(lines: Sequence[str], start: int, end: int) -> int:
    """Drop last paragraphs that only say who made the file or that the book ends here."""
    if end == len(lines):
        return end
    position = end
    for _ in range(3):
        stop = position
        while stop > start and not lines[stop - 1].strip():
            stop -= 1
        begin = stop
        while begin > start and lines[begin - 1].strip():
            begin -= 1
        paragraph = "\n".join(lines[begin:stop])
        if begin == stop or not (_CREDIT.match(paragraph) or _project_line(paragraph)):
            break
        position = begin
    return position


def _project_line(paragraph: str) -> bool:
    """A short paragraph that names the project or its proofreaders."""
    if len(paragraph) > 1200:
        return False
    return bool(re.search(rf"{_PG}|distributed proofread|pgdp\.net", paragraph, re.IGNORECASE))
