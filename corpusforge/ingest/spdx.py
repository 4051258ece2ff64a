"""Licence names as people write them → SPDX expressions, and what an expression allows.

Class of an identifier: permissive as in the Blue Oak Council's list (which The Stack used),
copyleft for share-alike licences weak or strong, unknown for the rest. OR takes the freest
alternative, AND the strictest part. Limit: exceptions (`WITH …`) are kept in the expression and
do not change its class.
"""

from __future__ import annotations

import re

__all__ = ["expression", "identifiers", "licence_class"]

_PERMISSIVE = re.compile(
    r"(?:MIT(?:-.+)?|X11|0BSD|BSD-.+|Apache-\d.*|ISC|Zlib|WTFPL|Unlicense|CC0-1\.0|CC-BY-\d.*|BSL-1\.0|"
    r"PSF-2\.0|Python-2\.0.*|NCSA|PostgreSQL|Artistic-2\.0|AFL-.+|ECL-.+|MS-PL|UPL-1\.0|Zope-.+|ZPL-.+|TCL|"
    r"HPND|Beerware|LicenseRef-public-domain|BlueOak-1\.0\.0|OpenSSL|PHP-3\.\d+|Ruby|W3C|Unicode-.+|curl|"
    r"JSON|libpng.*|FTL|Info-ZIP|NTP|OLDAP-2\.\d+|EDL-1\.0|MulanPSL-.+)"
)
_COPYLEFT = re.compile(
    r"(?:[AL]?GPL-.+|MPL-.+|EPL-.+|CDDL-.+|EUPL-.+|CC-BY-SA-.+|GFDL-.+|OSL-.+|CECILL.*|Artistic-1\.0.*|"
    r"MS-RL|OFL-.+|CPL-1\.0|IPL-1\.0|QPL-1\.0|SPL-1\.0|RPL-.+|Sleepycat|Vim|ODbL-1\.0|NPL-.+)"
)
_GNU = re.compile(
    r"(?:gnu\s+)?(?P<family>affero\s+general\s+public\s+licen[cs]e|lesser\s+general\s+public\s+licen[cs]e|"
    r"library\s+general\s+public\s+licen[cs]e|general\s+public\s+licen[cs]e|"
    r"free\s+documentation\s+licen[cs]e|a?gpl|lgpl|gfdl)"
    r"[\s,(-]*(?:gpl|lgpl|agpl)?[\s)]*v?(?:ersion)?[\s.-]*(?P<version>\d(?:\.\d)?)?(?:\.0)*"
    r"\s*\)?\s*(?P<later>\+|\s*-?or-?later|"
    r"\s*or\s+(?:\(at your option\)\s+)?(?:any\s+)?(?:later|newer|greater).*)?"
    r"(?P<only>-only)?(?:\s+\(.*\))?",
    re.IGNORECASE,
)
_FAMILIES = {
    "affero": "AGPL",
    "agpl": "AGPL",
    "lesser": "LGPL",
    "library": "LGPL",
    "lgpl": "LGPL",
    "free": "GFDL",
    "gfdl": "GFDL",
}
_KNOWN = {
    name.lower(): name
    for name in [
        "MIT",
        "MIT-0",
        "X11",
        "0BSD",
        "BSD-1-Clause",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-4-Clause",
        "Apache-1.0",
        "Apache-1.1",
        "Apache-2.0",
        "ISC",
        "Zlib",
        "WTFPL",
        "Unlicense",
        "CC0-1.0",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
        "CC-BY-NC-4.0",
        "CC-BY-NC-SA-4.0",
        "CC-BY-ND-4.0",
        "CC-BY-NC-ND-4.0",
        "BSL-1.0",
        "PSF-2.0",
        "Python-2.0",
        "NCSA",
        "PostgreSQL",
        "Artistic-1.0",
        "Artistic-1.0-Perl",
        "Artistic-2.0",
        "MPL-1.0",
        "MPL-1.1",
        "MPL-2.0",
        "EPL-1.0",
        "EPL-2.0",
        "CDDL-1.0",
        "CDDL-1.1",
        "EUPL-1.1",
        "EUPL-1.2",
        "OSL-3.0",
        "AFL-3.0",
        "ECL-2.0",
        "MS-PL",
        "MS-RL",
        "UPL-1.0",
        "ZPL-2.1",
        "TCL",
        "HPND",
        "OFL-1.1",
        "CPL-1.0",
        "QPL-1.0",
        "Ruby",
        "Vim",
        "PHP-3.01",
        "Beerware",
        "BlueOak-1.0.0",
        "W3C",
        "CECILL-2.1",
        "MulanPSL-2.0",
        "LicenseRef-public-domain",
    ]
}
_ALIASES = {
    "expat": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "mit licence": "MIT",
    "mit/x11": "MIT",
    "x11/mit": "MIT",
    "x11 license": "X11",
    "osi approved :: mit license": "MIT",
    "mit no attribution": "MIT-0",
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "bsd-2-clauses": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "bsd-2": "BSD-2-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "artistic": "Artistic-1.0-Perl",
    "artistic license": "Artistic-1.0-Perl",
    "artistic_1": "Artistic-1.0-Perl",
    "artistic_2": "Artistic-2.0",
    "perl_5": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "perl 5": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "perl": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "mozilla public license 2.0": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "eclipse public license 1.0": "EPL-1.0",
    "eclipse public license 2.0": "EPL-2.0",
    "boost software license 1.0": "BSL-1.0",
    "boost": "BSL-1.0",
    "the unlicense": "Unlicense",
    "the unlicense (unlicense)": "Unlicense",
    "public domain": "LicenseRef-public-domain",
    "public-domain": "LicenseRef-public-domain",
    "cc0": "CC0-1.0",
    "psf": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "zlib/libpng": "Zlib",
    "zlib license": "Zlib",
    "wtfpl-2": "WTFPL",
}
_JOIN = re.compile(
    r"(?:(?<!\s)\s++)?(?:(?:,\s*+)?\b(?P<word>and/or|and|or)\b|(?P<slash>[/|])|(?P<comma>[,;]))\s*+",
    re.I,
)
_LONGEST = 1_000
"""Characters of an expression; Debian's longest are some hundred, and a longer one is no licence."""
_RANK = {"copyleft": 0, "unknown": 1, "permissive": 2}


def expression(name: str) -> str:
    """Return the SPDX expression of a licence name or expression, or "" where it says too little.

    `GPL-2+ or Artistic` → `GPL-2.0-or-later OR Artistic-1.0-Perl`; a bare `BSD` does not.
    """
    if len(name) > _LONGEST:
        return ""
    text = " ".join(name.replace("(", " ( ").replace(")", " ) ").split()).strip(" .\"'")
    whole = _single(text)
    if whole:
        return whole
    flat = text.replace("( ", "").replace(" )", "").replace("(", "").replace(")", "")
    parts: list[str] = []
    position = 0
    for found in _JOIN.finditer(flat):
        word = (found["word"] or "").lower()
        parts += [
            flat[position : found.start()],
            "AND" if word == "and" or found["comma"] else "OR",
        ]
        position = found.end()
    parts.append(flat[position:])
    if len(parts) == 1:
        return ""
    names = [_single(part.strip()) for part in parts[::2]]
    if not all(names):
        return ""
    joined = [names[0]]
    for operator, following in zip(parts[1::2], names[1:], strict=True):
        if following not in joined:
            joined += [operator, following]
    return " ".join(joined)


def _single(text: str) -> str:
    text = text.strip(" .\"'").replace("( ", "(").replace(" )", ")")
    low = re.sub(r"\s+", " ", text.lower())
    low = low.replace(", version ", " ").replace(" version ", " ").removeprefix("the ")
    if low in _KNOWN:
        return _KNOWN[low]
    if low in _ALIASES:
        return _ALIASES[low]
    found = re.fullmatch(r"(.+?) with (.+)", text, re.IGNORECASE)
    if found and (base := _single(found[1])):
        return f"{base} WITH {found[2].strip().replace(' ', '-')}"
    gnu = _GNU.fullmatch(text)
    if gnu and gnu["version"]:
        family = _FAMILIES.get(gnu["family"].split()[0].lower(), "GPL")
        version = gnu["version"] if "." in gnu["version"] else gnu["version"] + ".0"
        return f"{family}-{version}-{'or-later' if gnu['later'] else 'only'}"
    for prefix in ("license :: osi approved :: ", "license ::"):
        if low.startswith(prefix):
            return _single(text[len(prefix) :])
    return ""


def identifiers(expr: str) -> list[str]:
    """Return the licence identifiers of an SPDX expression, in order."""
    bare = re.sub(r"(?<!\s)\s++WITH\s+\S+", "", expr)
    return [part for part in re.split(r"\s+(?:AND|OR)\s+|[()\s]+", bare) if part]


def licence_class(expr: str) -> str:
    """Return `permissive`, `copyleft` or `unknown` for an SPDX expression; "" is unknown."""
    if not expr:
        return "unknown"
    best = "copyleft"
    alternatives = [
        min((_class_of(part) for part in identifiers(side)), key=_RANK.__getitem__)
        for side in expr.split(" OR ")
        if identifiers(side)
    ]
    return max(alternatives, key=_RANK.__getitem__, default=best)


def _class_of(identifier: str) -> str:
    if _PERMISSIVE.fullmatch(identifier):
        return "permissive"
    return "copyleft" if _COPYLEFT.fullmatch(identifier) else "unknown"
