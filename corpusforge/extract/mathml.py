"""Presentation MathML in one line of text: fractions with "/", scripts with "^" and "_", brackets.

For formulas whose TeX source the page does not hold. Method: a tree of elements (W3C MathML Core),
each of which is written with how tightly it binds, so that brackets stand where reading needs them:
(a+c)/2, x^{n+1}, √(x+1). A blank parts two numbers that would read as one.
Limits: content MathML is not read; elements deeper than 60 count as their ancestor's.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from corpusforge.extract.markup import attributes

__all__ = ["linear", "script"]

_ATOM, _POWER, _PRODUCT, _SUM = range(4)
"""How tightly a piece binds: x, x^2, 2x, x+1."""
_DEPTH = 60
_TOKEN = re.compile(r"<(/?)(?:[a-zA-Z][\w.-]*+:)?([a-zA-Z][\w-]*+)([^<>]*+)>|([^<]++)|<")
_LEAVES = frozenset(("mi", "mn", "mo", "mtext", "ms"))
_SKIPPED = frozenset(("annotation", "annotation-xml", "mphantom"))
_EMPTY = frozenset(("mprescripts", "none", "mspace", "malignmark", "maligngroup"))
_OPEN, _CLOSE = "([{⟨⌊⌈", ")]}⟩⌋⌉"
_APPLY, _TIMES, _COMMA, _PLUS = "\u2061", "\u2062", "\u2063", "\u2064"
_LOOSE = re.compile(r"[^\w\s.'′()\[\]{}⟨⟩|⌊⌋⌈⌉^_√!\u0300-\u036f\u20d0-\u20ff]")
_BARE = re.compile(r"\d+|.")
_DASHES = str.maketrans("−–—‑", "----")
_ACCENTS = {
    "¯": "\u0304", "‾": "\u0304", "_": "\u0304", "^": "\u0302", "ˆ": "\u0302", "~": "\u0303",
    "˜": "\u0303", "˙": "\u0307", ".": "\u0307", "¨": "\u0308", "→": "\u20d7", "⃗": "\u20d7",
    "ˇ": "\u030c", "˘": "\u0306",
}  # fmt: skip


@dataclass(slots=True)
class _Node:
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[_Node] = field(default_factory=list)
    text: str = ""


Piece = tuple[str, int]
"""A written element and how tightly it binds."""


def script(mark: str, body: str, after: str = "") -> str:
    """Return `body` behind "^" or "_", in braces unless it is one sign or a number.

    `after` is the text that follows: where it would run into the body, braces part them.
    """
    body = body.translate(_DASHES)
    follows = after[:1]
    clash = follows.isalnum() if not body.isdigit() else follows.isdigit()
    return f"{mark}{body}" if _BARE.fullmatch(body) and not clash else f"{mark}{{{body}}}"


def _tree(markup: str) -> _Node:
    """Return the elements of a piece of MathML; ends without a start are passed over."""
    root = _Node("mrow")
    path = [root]
    skipped = 0
    for close, written, rest, text in _TOKEN.findall(markup):
        name = written.lower()
        if name in _SKIPPED:
            skipped = max(0, skipped + (-1 if close else 0 if rest.endswith("/") else 1))
        elif skipped:
            continue
        elif text:
            if path[-1].name in _LEAVES:
                path[-1].text += text
            elif text.strip():
                path[-1].children.append(_Node("mi", text=text))
        elif close:
            names = [node.name for node in path]
            if name in names[1:]:
                del path[len(names) - 1 - names[::-1].index(name) :]
        elif name and len(path) < _DEPTH:
            node = _Node(name, attributes(rest) if "=" in rest else {})
            path[-1].children.append(node)
            if not rest.endswith("/") and name not in _EMPTY:
                path.append(node)
    return root


def _enclosed(text: str) -> bool:
    """Whether one pair of brackets, or of bars, holds the whole text."""
    if len(text) > 2 and text[0] == text[-1] == "|":
        return "|" not in text[1:-1]
    if not text or text[0] not in _OPEN or text[-1] not in _CLOSE:
        return False
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if depth == 0:
            return place == len(text) - 1
    return False


def _within(piece: Piece, most: int) -> str:
    """Return the piece's text, in brackets where it binds less tightly than `most`."""
    text, binding = piece
    return text if binding <= most or not text else f"({text})"


def _leaf(node: _Node) -> Piece:
    text = " ".join(html.unescape(node.text).replace("\xa0", " ").split())
    if node.name == "mtext" and text:
        raw = html.unescape(node.text)
        return (" " * raw[:1].isspace() + text + " " * raw[-1:].isspace(), _ATOM)
    return text, _ATOM


def _gap(left: str, right: str, scripted: bool) -> str:
    """Return what must stand between two neighbours so that they are not read as one."""
    if not left or not right:
        return ""
    if left[-1] in (_TIMES, _COMMA):
        return ""
    digits = left[-1].isdigit() and right[0].isdigit()
    words = len(left) > 1 and left[-2:].isalpha() and (right[0].isalnum() or right[0] == "√")
    word_after = len(right) > 1 and left[-1].isalnum() and right[:2].isalpha()
    apart = digits or words or word_after or (scripted and right[0].isalnum())
    return " " if apart else ""


def _row(nodes: list[_Node]) -> Piece:
    pieces = [(node, *_write(node)) for node in nodes]
    pieces = [piece for piece in pieces if piece[1]]
    if len(pieces) == 1:
        return pieces[0][1], pieces[0][2]
    out = ""
    last = ""
    scripted = False
    for place, (node, text, _) in enumerate(pieces):
        if text in (_APPLY, _TIMES, _COMMA, _PLUS):
            after = pieces[place + 1][1] if place + 1 < len(pieces) else ""
            if text in (_TIMES, _COMMA) and last[-1:].isdigit() and after[:1].isdigit():
                out, last = out + ("·" if text == _TIMES else ","), "·"
            continue
        out += _gap(last, text, scripted) + text
        last, scripted = text, node.name in _SCRIPTED
    out = re.sub(" {2,}", " ", out)
    if _enclosed(out):
        return out, _ATOM
    operators = any(node.name == "mo" and _LOOSE.search(text) for node, text, _ in pieces)
    loosest = max((binding for _, _, binding in pieces), default=_ATOM)
    return out, _SUM if operators else max(_PRODUCT, loosest)


def _parts(node: _Node, number: int) -> list[Piece]:
    """Return an element's first children, empty ones where the page has too few."""
    found = [_write(child) for child in node.children[:number]]
    return found + [("", _ATOM)] * (number - len(found))


def _fraction(node: _Node) -> Piece:
    above, below = _parts(node, 2)
    if not below[0]:
        return above
    return f"{_within(above, _PRODUCT)}/{_within(below, _POWER)}", _SUM


def _scripts(node: _Node) -> Piece:
    """Write sub, sup, under and over; a known accent over one letter becomes its combining sign."""
    name = node.name
    base, first, second = _parts(node, 3)
    if name == "mover" and first[0] in _ACCENTS and len(base[0]) == 1:
        return base[0] + _ACCENTS[first[0]], _ATOM
    low, high = ("", first[0]) if name in ("msup", "mover") else (first[0], second[0])
    text = _within(base, _ATOM)
    text += script("_", low) if low else ""
    return text + (script("^", high) if high else ""), _POWER


def _multiscripts(node: _Node) -> Piece:
    before: list[str] = []
    after: list[str] = []
    side = after
    for child in node.children[1:]:
        if child.name == "mprescripts":
            side = before
        else:
            side.append(_write(child)[0])
    base = _within(_parts(node, 1)[0], _ATOM)

    def written(parts: list[str]) -> str:
        return "".join(script("_^"[place % 2], part) for place, part in enumerate(parts) if part)

    return written(before) + base + written(after), _POWER


def _root(node: _Node) -> Piece:
    if node.name == "mroot":
        base, index = _parts(node, 2)
        if index[0]:
            return f"{_within(base, _ATOM)}^{{1/{_within(index, _ATOM)}}}", _POWER
        return base
    inside = _row(node.children)
    return (f"√{_within(inside, _ATOM)}" if inside[0] else ""), _POWER


def _fenced(node: _Node) -> Piece:
    known = node.attributes
    marks = known.get("separators", ",").replace(" ", "")
    parts = [_write(child)[0] for child in node.children]
    out = "".join(
        (marks[min(place, len(marks)) - 1] if place and marks else "") + part
        for place, part in enumerate(parts)
    )
    return known.get("open", "(") + out + known.get("close", ")"), _ATOM


def _table(node: _Node) -> Piece:
    rows = [child for child in node.children if child.name in ("mtr", "mlabeledtr")]
    written = [", ".join(_row(cell.children)[0] for cell in row.children) for row in rows]
    return "; ".join(written), _SUM


_WRITERS: dict[str, Callable[[_Node], Piece]] = {
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    "mfenced": _fenced,
    "mtable": _table,
    "mmultiscripts": _multiscripts,
    **dict.fromkeys(("msub", "msup", "msubsup", "munder", "mover", "munderover"), _scripts),
    **dict.fromkeys(_LEAVES, _leaf),
}
_SCRIPTED = frozenset(name for name, writer in _WRITERS.items() if writer is _scripts)


def _write(node: _Node) -> Piece:
    if node.name == "mspace":
        return " ", _ATOM
    if node.name in _EMPTY:
        return "", _ATOM
    if node.name == "maction":
        return _row(node.children[:1])
    writer = _WRITERS.get(node.name)
    return writer(node) if writer else _row(node.children)


def linear(markup: str) -> str:
    """Return a piece of MathML as one line of text; "" where it shows nothing."""
    return " ".join(_write(_tree(markup))[0].strip().split())
