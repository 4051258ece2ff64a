"""arXiv sources: LaTeX papers as text with formulas, without preamble, comments and bibliography.

After LLaMA's recipe: everything before the body, the comments and the bibliography go, macros
that the author defined without arguments are written out, `\\input` files stand in their place.
Read are the bulk archives (a tar of gzip members, each a tar or one file), single tars and single
`.tex` files. Limit: macros with arguments and commands of packages stay as they are.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from functools import partial

from corpusforge.ingest.archives import check_name, members, open_tar
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.streams import (
    DATA_ERRORS,
    RefusedError,
    bounded,
    name_of,
    open_capped,
    read_up_to,
    reason,
)
from corpusforge.io.compressed import unpack
from corpusforge.records import Failed, RawDocument, Skipped
from corpusforge.text import charset

__all__ = ["body", "read_arxiv"]

Item = RawDocument | Skipped | Failed
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*?(?:\n[ \t]*|$)")
_COMMENT_LINE = re.compile(r"^[ \t]*%.*\n?", re.MULTILINE)
_INPUT = re.compile(
    r"\\(?:input|include|subfile)\s*+\{\s*+([^{}\s](?:[^{}\n]{0,198}[^{}\s])?)\s*+\}"
)
_TITLE = re.compile(r"\\title\s*+(?:\[[^\]]{0,300}\]\s*+)?\{")
_MACRO = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|DeclareMathOperator)\*?\s*+\{?\s*+(\\[A-Za-z]++)\s*+\}?\s*+\{"
    r"|\\def\s*+(\\[A-Za-z]++)\s*+\{"
)
_BIBLIOGRAPHY = re.compile(
    r"\\begin\{thebibliography\}.*?(?:\\end\{thebibliography\}|\Z)|\\bibliography(?:style)?\s*+\{[^{}]*+\}"
    r"|\\printbibliography(?:\[[^\]]{0,500}\])?",
    re.DOTALL,
)
_DROPPED = re.compile(
    r"\\(?:label|includegraphics|maketitle|tableofcontents|vspace|hspace|thispagestyle|pagestyle|"
    r"newpage|clearpage|noindent|centering)\*?(?:\[[^\]]{0,500}\])?(?:\{[^{}]*+\})?"
)
_LONGEST_MACRO = 200
_MOST_TEXT = 40  # times the size of the sources that macros and inputs may make of it


def read_arxiv(path: str, settings: Settings, root: str = "") -> Iterator[Item]:
    """Yield each paper of a bulk archive, or the one paper of a file."""
    name = name_of(path, root)
    if not _is_bulk(path, settings):
        yield _paper(name, path, settings)
        return
    for member in members(path, settings):
        locator = f"{name}:{member.name}"
        if not member.name.endswith((".gz", ".tex")):
            yield Skipped(locator, "content_type", member.name.rpartition(".")[2], "LaTeX")
            continue
        if member.size > settings.max_record_bytes:
            bound = str(settings.max_record_bytes)
            yield Skipped(locator, "record_size", str(member.size), bound)
            continue
        data = member.read(member.size)
        try:
            paper = _unpacked(data, settings)
            make = partial(_document, locator, paper, settings)
            yield bounded(settings, locator, len(paper), make)
        except DATA_ERRORS as error:
            yield Failed(locator, reason(error))


def _is_bulk(path: str, settings: Settings) -> bool:
    """Whether a file is a plain tar whose first file is packed itself."""
    try:
        first = next(iter(members(path, settings)), None)
    except FileNotFoundError:
        raise
    except DATA_ERRORS:
        return False
    return first is not None and first.name.endswith((".gz", ".pdf"))


def _paper(name: str, path: str, settings: Settings) -> Item:
    with open_capped(path, settings) as stream:
        data = read_up_to(stream, settings.max_book_bytes)
    if data is None:
        bound = str(settings.max_book_bytes)
        return Skipped(name, "record_size", f">{bound}", bound)
    return bounded(settings, name, len(data), partial(_document, name, data, settings))


def _unpacked(data: bytes, settings: Settings) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    return unpack(data, ".gz", settings.max_book_bytes)


def _document(locator: str, data: bytes, settings: Settings) -> Item:
    sources = _sources(data, settings.max_book_bytes)
    main = _main(sources)
    if not main:
        kind = "pdf" if data.startswith(b"%PDF") else "no \\documentclass"
        return Skipped(locator, "content_type", kind, "LaTeX")
    title, text = body(sources, main)
    return RawDocument(
        locator,
        text,
        "text",
        title=title,
        licence=settings.licence,
        category=settings.category,
        meta={"main": main},
    )


def _sources(data: bytes, limit: int) -> dict[str, str]:
    """The LaTeX files of a paper by name; the whole data as one where it is no tar.

    Raises RefusedError where they claim more than `limit` bytes together.
    """
    if data[257:262] != b"ustar" and not _old_tar(data):
        return {"main.tex": charset.decode(data)[0]}
    found: dict[str, str] = {}
    claimed = 0
    with open_tar(io.BytesIO(data), "r:") as archive:
        for info in archive:
            check_name(info.name)
            opened = archive.extractfile(info) if info.isreg() else None
            if opened and info.name.lower().endswith((".tex", ".ltx", ".latex")):
                claimed += info.size
                if claimed > limit:
                    raise RefusedError(f"more than {limit} bytes in a paper's files")
                found[info.name.removeprefix("./")] = charset.decode(opened.read())[0]
    return found


def _old_tar(data: bytes) -> bool:
    return len(data) >= 512 and data[148:154].strip(b" \x00").isdigit() and b"\x00" in data[:100]


def _main(sources: Mapping[str, str]) -> str:
    """The file that begins the document: with \\documentclass and a body, the longest such."""
    starts = [
        name
        for name, text in sources.items()
        if re.search(r"^[^%\n]*\\document(?:class|style)\b", text, re.MULTILINE)
    ]
    return max(sorted(starts), key=lambda name: len(sources[name]), default="")


def body(sources: Mapping[str, str], main: str) -> tuple[str, str]:
    """Return (title, text) of the paper that begins in `main`."""
    bound = _MOST_TEXT * (1000 + sum(map(len, sources.values())))
    text = _inlined(sources, main, bound)
    found = _TITLE.search(text)
    title = _group(text, found.end()) if found else ""
    macros = _macros(text)
    begin = re.search(r"\\begin\s*\{document\}", text)
    text = text[begin.end() :] if begin else text
    text = re.split(r"\\end\s*\{document\}", text, maxsplit=1)[0]
    text = _BIBLIOGRAPHY.sub("", text)
    text = _expanded(text, macros, bound)
    text = _DROPPED.sub("", text)
    text = re.sub(r"(?<![ \t])[ \t]++\n", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return " ".join(title.split()), text + "\n" if text else ""


def _plain(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _COMMENT.sub(r"\1", _COMMENT_LINE.sub("", text))


def _inlined(sources: Mapping[str, str], main: str, bound: int) -> str:
    """The main file with its \\input files in place, each once on its way down."""
    size = 0

    def expand(name: str, above: frozenset[str]) -> str:
        nonlocal size
        text = _plain(sources[name])
        size += len(text)
        if size > bound:
            raise RefusedError("\\input files multiply beyond reason")
        folder = name.rpartition("/")[0]

        def put(found: re.Match[str]) -> str:
            wanted = found[1].removeprefix("./")
            for candidate in (
                wanted,
                f"{wanted}.tex",
                f"{folder}/{wanted}",
                f"{folder}/{wanted}.tex",
            ):
                if candidate in sources and candidate not in above:
                    return expand(candidate, above | {candidate})
            return ""

        return _INPUT.sub(put, text)

    return expand(main, frozenset({main}))


def _group(text: str, start: int) -> str:
    """What stands between the brace before `start` and its partner, at most 2,000 characters."""
    depth = 1
    for place in range(start, min(len(text), start + 2000)):
        if text[place] in "{}" and text[place - 1] != "\\":
            depth += 1 if text[place] == "{" else -1
            if depth == 0:
                return text[start:place]
    return ""


def _macros(text: str) -> dict[str, str]:
    """The author's macros without arguments, by name."""
    found: dict[str, str] = {}
    for match in _MACRO.finditer(text):
        meaning = _group(text, match.end())
        if meaning and len(meaning) <= _LONGEST_MACRO and "#" not in meaning:
            name = match[1] or match[2]
            operator = match[0].startswith("\\Declare")
            found[name] = f"\\operatorname{{{meaning}}}" if operator else meaning
    return found


def _expanded(text: str, macros: Mapping[str, str], bound: int) -> str:
    """Write macros out, three levels deep; macros that grow without end stop at the bound."""
    if not macros:
        return text
    for _ in range(3):
        longer = re.sub(r"\\[A-Za-z]+", lambda found: macros.get(found[0], found[0]), text)
        if longer == text or len(longer) > bound:
            break
        text = longer
    return text
