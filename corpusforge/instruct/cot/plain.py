"""Answers without their dress: LaTeX, Markdown, full-width forms, quotes and closing marks taken off.

The list of things to undo is that of published graders of mathematics (Minerva, Lewkowycz et al.
2022, appendix) with Chinese forms added; the code is our own. Limits: LaTeX is read by name, not
parsed as mathematics, so two ways of writing one expression are two texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

__all__ = ["CALCULATOR", "boxed", "plain", "text_key", "unlatex"]

CALCULATOR = re.compile(r"<<[^<>]*>>")
"""GSM8K's marks of a calculator: <<48/2=24>>."""
_MATRIX = re.compile(r"\\(begin|end)\{(?:p|b|small)matrix\}")
_INFINITY = re.compile(r"\binfinity\b|无穷大?")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_WRAPS = re.compile(
    r"\\(?:boxed|fbox|text|textbf|textit|mathrm|mathbf|mathit|operatorname|mbox)\s*\{([^{}]*)\}"
)
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_ROOT = re.compile(r"\\sqrt\s*(?:\{(\w+)\}|(\w))")
_NAMES = {
    r"\times": "×", r"\cdot": "×", r"\div": "÷", r"\pi": "π", r"\infty": "∞", r"\pm": "±", r"\degree": "°",
    r"\circ": "°", r"\left": "", r"\right": "", r"\displaystyle": "", r"\%": "%", r"\$": "$",
    r"\,": " ", r"\;": " ", r"\!": "", r"\:": " ", r"\ ": " ", r"\(": "", r"\)": "", r"\[": "",
    r"\]": "", "{,}": ",", "**": "", "`": "", "^{°}": "°", "^°": "°",
}  # fmt: skip
_THOUSANDS = re.compile(r"(?:,|\{,\})\\!\s*+(?=\d{3}(?!\d))")  # MATH writes 11,\! 111
_FACTORIAL = re.compile(r"(?:(?<![^\W_])[A-Za-z]|[\d)}\]])!+\Z")
_ENDS = " \t\n.。．!！,，;；:：、?？*#"
_WITHOUT_FACTORIAL = _ENDS.replace("!", "")
_QUOTES = "\"'“”‘’「」『』《》"
_FROM = "−–—‑’‘“”"
_TO = "----''\"\""


def plain(text: str) -> str:
    """Return the text in NFKC, on one line, without LaTeX, Markdown, quotes and closing marks."""
    text = _VULGAR.sub(lambda found: " " + unicodedata.normalize("NFKC", found[0]), text)
    text = text.replace("！", " ! ")  # the full-width mark is never a factorial
    text = unicodedata.normalize("NFKC", text).replace("⁄", "/")
    text = text.translate(str.maketrans(_FROM, _TO))
    text = unlatex(text, _over)
    text = " ".join(text.split())
    return _bare(text)


def unlatex(text: str, over: Callable[[str, str], str]) -> str:
    """Return the text without LaTeX and Markdown; `over` writes a fraction of two parts."""
    if "\\" not in text and "*" not in text and "`" not in text and "{" not in text:
        return text
    text = _THOUSANDS.sub(",", text)
    for name, sign in _NAMES.items():
        text = text.replace(name, sign)
    while True:  # from the inside out, since braces nest
        made = _WRAPS.sub(r" \1", text)
        made = _FRACTION.sub(
            lambda found: over(found[1] or found[2] or "", found[3] or found[4] or ""), made
        )
        made = _ROOT.sub(lambda found: "√" + (found[1] or found[2]), made)
        if made == text:
            return re.sub(r"\{(-?\w+)\}", r"\1", made)
        text = made


def _over(above: str, below: str) -> str:
    above, below = above.strip(), below.strip()
    simple = all(re.fullmatch(r"-?[\d.,]+", part) for part in (above, below))
    return f" {above}/{below}" if simple else f"({above})/({below})"


def _bare(text: str) -> str:
    """Strip what encloses the whole text: marks, quotes, math dollars, one pair of brackets."""
    while True:
        made = _unended(text)
        if len(made) > 1 and made[0] in _QUOTES and made[-1] in _QUOTES:
            made = made[1:-1]
        if len(made) > 2 and made[0] == made[-1] == "$":
            made = made[1:-1]
        if re.fullmatch(r"\([^(),]*\)", made):
            made = made[1:-1]
        made = made.removesuffix("$") if made.count("$") == 1 and made[-1] == "$" else made
        if made == text:
            return made
        text = made


def _unended(text: str) -> str:
    """Without marks at both ends, but for the sign of a factorial."""
    ends = len(text.rstrip(_WITHOUT_FACTORIAL))
    if _FACTORIAL.search(text, 0, ends):
        text = text[:ends]
        return text if text.startswith(".") else text.lstrip(_ENDS)
    return text.strip(_ENDS) if not text.startswith(".") else text.rstrip(_ENDS)


def boxed(text: str) -> str | None:
    r"""Return the content of the last `\boxed{…}`, braces balanced; None where there is none."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    begin = start + len("\\boxed{")
    depth = 1
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[begin:place]
    return None


def text_key(text: str) -> str:
    """Return what two spellings of one plain-text answer share: no case, spaces, articles, marks."""
    if "matrix}" in text:
        text = _MATRIX.sub(r"\\\1{matrix}", text).replace("\\\\", ";")
    made = _INFINITY.sub("∞", plain(text).casefold())
    shorter = re.sub(r"^(?:the|an?)\s+(?=[^\W\d_]{2})", "", made)
    made = shorter or made
    made = re.sub(r"(?<=\b[a-z])\.", "", made)  # p.m., U.S.
    return re.sub(r"\s+|[《》\"]", "", made)
