"""The licence of code: licence texts, notices in headers, package metadata, Debian's file.

A text is told by the sentences that only it has, after letters alone are compared; `tests` hold
it to licences in sixty variants of layout. What metadata say and what the texts say must agree:
where they differ, both apply (AND). Limit: a modified licence text that keeps the telling
sentences passes as the original unless its title says "modified".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from corpusforge.ingest.spdx import expression, identifiers
from corpusforge.io.decoding import DecodingError, decode_json, decode_toml

__all__ = ["Evidence", "evidence", "is_evidence", "of_header", "of_text", "resolve"]

_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AGPL-3.0-only", ("gnu affero general public license version 3 19 november 2007",)),
    ("LGPL-3.0-only", ("gnu lesser general public license version 3 29 june 2007",)),
    ("LGPL-2.1-only", ("gnu lesser general public license version 2 1 february 1999",)),
    ("LGPL-2.0-only", ("gnu library general public license version 2 june 1991",)),
    ("GPL-3.0-only", ("gnu general public license version 3 29 june 2007",)),
    ("GPL-2.0-only", ("gnu general public license version 2 june 1991",)),
    ("GPL-1.0-only", ("gnu general public license version 1 february 1989",)),
    ("GFDL-1.3-only", ("gnu free documentation license version 1 3",)),
    ("MPL-2.0", ("mozilla public license version 2 0", "1 definitions")),
    ("MPL-1.1", ("mozilla public license version 1 1",)),
    ("EPL-2.0", ("eclipse public license v 2 0",)),
    ("EPL-1.0", ("eclipse public license v 1 0",)),
    ("EUPL-1.2", ("european union public licence v 1 2",)),
    ("CDDL-1.0", ("common development and distribution license cddl version 1 0",)),
    ("Apache-2.0", ("apache license version 2 0 january 2004", "terms and conditions for use")),
    ("Apache-1.1", ("apache software license version 1 1",)),
    ("Artistic-2.0", ("the artistic license 2 0",)),
    ("Artistic-1.0-Perl", ("the artistic license preamble", "aggregation")),
    ("CC-BY-NC-SA-4.0", ("attribution noncommercial sharealike 4 0 international",)),
    ("CC-BY-NC-ND-4.0", ("attribution noncommercial noderivatives 4 0 international",)),
    ("CC-BY-NC-4.0", ("attribution noncommercial 4 0 international",)),
    ("CC-BY-ND-4.0", ("attribution noderivatives 4 0 international",)),
    ("CC-BY-SA-4.0", ("attribution sharealike 4 0 international",)),
    ("CC-BY-4.0", ("attribution 4 0 international",)),
    ("CC0-1.0", ("cc0 1 0 universal",)),
    ("BSL-1.0", ("boost software license version 1 0",)),
    ("OFL-1.1", ("sil open font license version 1 1",)),
    ("WTFPL", ("do what the fuck you want to public license",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("Vim", ("vim license", "there are no restrictions on distributing unmodified copies of vim")),
    ("PSF-2.0", ("python software foundation license version 2",)),
    (
        "Zlib",
        (
            "this software is provided as is without any express or implied warranty in no event "
            "will the authors be held liable",
            "altered source versions must be plainly marked",
        ),
    ),
)
_BSD = (
    "redistribution and use in source and binary forms with or without modification are permitted"
)
_ENDORSE = re.compile(
    r"\bnor the names?\b|\bnames? of .{0,200}may not be used to endorse|endorse or promote"
)
_MIT = "permission is hereby granted free of charge to any person obtaining a copy of this software"
_MIT_NOTICE = "shall be included in all copies or substantial portions of the software"
_ISC = re.compile(
    r"permission to use copy modify and (?:or )?distribute this software "
    r"(?:and its documentation )?for any purpose with or without fee is hereby granted"
)
_NOTICES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "Apache-2.0",
        re.compile(r"under the (?:terms of the )?apache license (?:version )?2 0"),
    ),
    (
        "MPL-2.0",
        re.compile(r"subject to the terms of the mozilla public license v(?:ersion)? ?2 0"),
    ),
)
_GNU_NOTICE = re.compile(
    r"under the terms of (?:version (?P<before>[\d .]+?) of )?the gnu "
    r"(?P<family>lesser |library |affero )?general public license "
    r".{0,80}?(?:version (?P<version>\d(?: \d)?)|v(?P<short>\d))(?P<tail>.{0,80})"
)
_WORDS = re.compile(r"[^a-z0-9]+")
_HEADER = 4_000
_IDENTIFIER = re.compile(r"SPDX-License-Identifier:\s*+((?:(?!-->)[^\n*])++)(?:\*/|-->|\n|$)")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one file says of its tree's licence; `kind`: text, metadata, debian or header."""

    directory: str
    kind: str
    expr: str
    place: str = ""


def _flat(text: str) -> str:
    text = re.sub(r"<[^<>\n]{1,200}>|&\w+;", " ", text)
    return " ".join(_WORDS.sub(" ", text.lower()).split())


def of_text(text: str) -> str:
    """Return the SPDX identifier of a licence text, or ""."""
    flat = _flat(text)
    if flat.startswith("modified ") and not flat.startswith("modified bsd"):
        return ""
    start = flat[:1200]
    for identifier, phrases in _RULES:
        if phrases[0] in start and all(phrase in flat for phrase in phrases[1:]):
            return identifier
    return _academic(flat)


def _academic(flat: str) -> str:
    """The short licences: MIT, BSD in its counts of clauses, ISC."""
    if _MIT in flat and "without restriction" in flat:
        return _mit(flat)
    if _BSD in flat and "redistributions of source code must retain" in flat:
        return _bsd(flat)
    if _ISC.search(flat):
        return "ISC" if "appear in all copies" in flat else "0BSD"
    return ""


def _mit(flat: str) -> str:
    if _MIT_NOTICE in flat:
        return "X11" if "x consortium shall not be used" in flat else "MIT"
    return "MIT-0" if "to permit persons to whom the software is furnished" in flat else ""


def _bsd(flat: str) -> str:
    if "all advertising materials mentioning" in flat:
        return "BSD-4-Clause"
    if _ENDORSE.search(flat):
        return "BSD-3-Clause"
    binary = "redistributions in binary form must reproduce" in flat
    return "BSD-2-Clause" if binary else "BSD-1-Clause"


def of_header(text: str) -> str:
    """Return the SPDX expression a source file's first lines state, or ""."""
    head = text[:_HEADER]
    tag = _IDENTIFIER.search(head)
    if tag:
        return expression(tag[1].strip()) or ""
    flat = " ".join(_WORDS.sub(" ", head.lower()).split())
    gnu = _gnu_notice(flat)
    if gnu:
        return gnu
    for identifier, pattern in _NOTICES:
        if pattern.search(flat):
            return identifier
    return _academic(flat)


def _gnu_notice(flat: str) -> str:
    flat = flat.replace(" as published by the free software foundation", "")
    found = _GNU_NOTICE.search(flat)
    if not found:
        return ""
    family = {"lesser": "LGPL", "library": "LGPL", "affero": "AGPL"}.get(
        (found["family"] or "").strip(), "GPL"
    )
    version = (found["before"] or found["version"] or found["short"]).strip().replace(" ", ".")
    later = "later version" in found[0]
    version = version if "." in version else f"{version}.0"
    return f"{family}-{version}-{'or-later' if later else 'only'}"


_TEXT_NAME = re.compile(
    r"(?:un)?licen[cs]es?(?:[-._].*)?|copying(?:[-._].*)?|(?:mit|apache|bsd|gpl|lgpl)[-._]licen[cs]e(?:\..*)?",
    re.I,
)
_CODE_ENDING = re.compile(
    r"\.(?:py|js|ts|rb|go|rs|c|h|java|php|pl|pm|lua|html?|json|ya?ml)$", re.IGNORECASE
)


def is_evidence(path: str) -> bool:
    """Whether a file by its name speaks about licences."""
    name = path.rsplit("/", 1)[-1]
    low = name.lower()
    return bool(
        (_TEXT_NAME.fullmatch(name) and not _CODE_ENDING.search(name))
        or low in METADATA
        or low.endswith(".gemspec")
        or low == "copyright"
    )


def evidence(path: str, text: str) -> Evidence | None:
    """Return what a file named like a licence or package metadata says, or None."""
    directory, _, name = path.rpartition("/")
    if directory.endswith(".dist-info") or directory.endswith(".egg-info"):
        directory = directory.rpartition("/")[0]
    low = name.lower()
    if low == "copyright":
        expr = _debian(text)
        return Evidence(directory, "debian", expr, path) if expr else None
    reader = METADATA.get(low, _ruby if low.endswith(".gemspec") else None)
    if reader is not None:
        said = reader(text)
        return Evidence(directory, "metadata", said, path) if said else None
    expr = of_text(text)
    return Evidence(directory, "text", expr, path) if expr else None


def _json(text: str) -> str:
    try:
        value = decode_json(text)
    except DecodingError:
        return ""
    if not isinstance(value, dict):
        return ""
    said = value.get("license", value.get("licenses", ""))
    items = said if isinstance(said, list) else [said]
    names = [item.get("type", "") if isinstance(item, dict) else item for item in items]
    return " OR ".join(name for name in names if isinstance(name, str) and name)


def _toml(text: str) -> str:
    try:
        value = decode_toml(text)
    except DecodingError:
        return ""
    for table in ("package", "project"):
        part = value.get(table)
        said = part.get("license", "") if isinstance(part, dict) else ""
        said = said.get("text", "") if isinstance(said, dict) else said
        if isinstance(said, str) and said:
            return said
    return ""


def _python(text: str) -> str:
    head = text.split("\n\n", 1)[0]
    stated = re.search(r"^License-Expression:\s*(.+)$", head, re.M) or re.search(
        r"^License:\s*(.+)$", head, re.M
    )
    classifiers = re.findall(r"^Classifier: License :: (?:OSI Approved :: )?(.+)$", head, re.M)
    said = stated[1].strip() if stated else ""
    if said and expression(said):
        return said
    exact = [name for name in classifiers if expression(name)]
    return " OR ".join(exact) or said or " OR ".join(classifiers)


_ASSIGNMENT = re.compile(
    r"^[^\S\n]*+license\s*+=\s*+[\"']?([^\"'\n]++)[\"']?[^\S\n]*+,?[^\S\n]*+$", re.M | re.I
)


def _assignment(text: str) -> str:
    found = _ASSIGNMENT.search(text)
    return found[1].rstrip().removesuffix(",").rstrip() if found else ""


def _ruby(text: str) -> str:
    names = re.findall(r"\.licenses?\s*=\s*(.+)$", text, re.M)
    found = re.findall(r"[\"']([^\"']+)[\"']", names[0]) if names else []
    return " OR ".join(found)


METADATA = {
    "package.json": _json,
    "composer.json": _json,
    "bower.json": _json,
    "meta.json": _json,
    "cargo.toml": _toml,
    "pyproject.toml": _toml,
    "metadata": _python,
    "pkg-info": _python,
    "setup.py": _assignment,
    "setup.cfg": _assignment,
}


def _debian(text: str) -> str:
    """The licence of the `Files: *` stanza (DEP-5), else what a free-form file's text tells."""
    for stanza in re.split(r"\n\s*\n", text):
        files = re.search(r"^Files:\s*(.+)$", stanza, re.M)
        said = re.search(r"^License:\s*(.+)$", stanza, re.M)
        if files and files[1].split()[0] == "*" and said:
            return expression(said[1])
    return of_text(text) or of_header(text)


def resolve(found: Iterable[Evidence]) -> str:
    """Return the SPDX expression that several pieces of evidence about one tree amount to, or "".

    Debian's reviewed file comes first. Metadata that name a licence exactly stand, joined by AND
    with a differing text; vague metadata give way to the text, and headers settle "or later".
    """
    items = list(found)
    reviewed = [item.expr for item in items if item.kind == "debian"]
    if reviewed:
        return reviewed[0]
    said = [item.expr for item in items if item.kind == "metadata"]
    exact = next((expr for expr in map(expression, said) if expr), "")
    texts = sorted({item.expr for item in items if item.kind == "text"})
    notices = [item.expr for item in items if item.kind == "header"]
    later = any("+" in name or "later" in name.lower() for name in said)
    texts = [_or_later(text, notices, later) for text in texts]
    if exact:
        exact = _with_version(exact, texts)
        families = {
            name.rsplit("-", 1)[0] if "GPL" in name else name for name in identifiers(exact)
        }
        extra = [
            text
            for text in texts
            if (text.rsplit("-", 1)[0] if "GPL" in text else text) not in families
        ]
        extra = [] if _paired(exact, texts) else extra
        return " AND ".join([f"({exact})" if " OR " in exact and extra else exact, *extra])
    if texts:
        return " OR ".join(texts)
    return max(sorted(set(notices)), key=notices.count, default="")


def _paired(exact: str, texts: list[str]) -> bool:
    """LGPL-3.0 is published together with the GPL-3.0 text it builds on."""
    return exact.startswith("LGPL-3.0") and set(texts) <= {
        "GPL-3.0-only",
        "GPL-3.0-or-later",
        exact,
        "LGPL-3.0-only",
    }


def _or_later(text: str, notices: list[str], later: bool) -> str:
    if not text.endswith("-only") or "GPL" not in text:
        return text
    wide = text.removesuffix("-only") + "-or-later"
    agreeing = notices.count(wide)
    return wide if agreeing > notices.count(text) or (later and not notices.count(text)) else text


def _with_version(exact: str, texts: list[str]) -> str:
    """Metadata's "LGPLv2 or later" beside the text of the LGPL 2.1 means 2.1 or later."""
    family, _, version = exact.removesuffix("-or-later").rpartition("-")
    if not exact.endswith("-or-later") or " " in exact or len(texts) != 1:
        return exact
    text_family, _, text_version = re.sub(r"-(?:only|or-later)$", "", texts[0]).rpartition("-")
    if text_family == family and text_version > version:
        return f"{family}-{text_version}-or-later"
    return exact
