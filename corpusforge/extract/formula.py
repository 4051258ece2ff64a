"""Numbers and formulas of pages, books and wikis as text that means the same.

Superscripts: 10<sup>6</sup> is 10^6 and never 106; ordinals stay fused (3rd), marks of notes go or stand
in brackets. Subscripts: a caret's twin "_" where fusing would make another number (101_2) or a name
unclear (x_i); H2O stays. Formulas: the TeX source where the page holds it (annotation, alttext, MathJax
script, data attribute, alternative text of an image), once, between dollars; else the MathML in a line
(`mathml`). Ruby: the base alone. `write_out` does all of it on a page's markup, before it is scanned.
Limits: a superscript behind a year without a link reads as a power; KaTeX without its MathML twin and
MathJax pictures without source are left as they are.
"""

from __future__ import annotations

import html as entities
import re
from urllib.parse import unquote

from corpusforge.extract.markup import BLOCK, Tags, attributes, plain
from corpusforge.extract.mathml import linear, script

__all__ = ["image", "mathml", "subscript", "superscript", "tex", "write_out"]

_PERCENT = re.compile(r"(?<!\\)%")
_STYLE = re.compile(r"\\(?:display|text)style(?![a-zA-Z])\s*")
_DOLLAR = re.compile(r"(?<!\\)\$")
_DELIMITED = (("$$", "$$", True), ("\\[", "\\]", True), ("\\(", "\\)", False), ("$", "$", False))


def _one_group(text: str) -> bool:
    """Whether the braces at both ends are a pair."""
    depth = 0
    for place, sign in enumerate(text):
        if place and text[place - 1] == "\\":
            continue
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return place == len(text) - 1
    return False


def tex(source: str, *, display: bool = False) -> str:
    """Return TeX source between dollars, two of them where displayed; "" where there is none.

    Delimiters that the source has already are not doubled, and what only sets the size of the whole
    ({\\displaystyle …}) goes.
    """
    if "%" in source:
        source = " ".join(_PERCENT.split(line, 1)[0] for line in source.split("\n"))
    body = " ".join(source.split())
    for start, end, shown in _DELIMITED:
        inner = body[len(start) : -len(end)]
        if body.startswith(start) and body.endswith(end) and inner and start not in inner:
            body, display = inner.strip(), display or shown
            break
    if body.startswith("{") and _STYLE.match(body, 1) and _one_group(body):
        body = body[1:-1].strip()
    if style := _STYLE.match(body):
        body = body[style.end() :]
    if body[:1] == body[-1:] == "$" and _DOLLAR.search(body, 1, len(body) - 1):
        return body
    mark = "$$" if display else "$"
    return f"{mark}{body}{mark}" if body else ""


_ANNOTATION = re.compile(r"<(?:\w{1,8}:)?annotation\b([^<>]*+)>", re.I)
_TEX_ENCODING = re.compile(r"(?:^|[-/])(?:la)?tex$", re.I)
_SPOKEN = re.compile(r"[^\\^_{}=+<>\d-]*")
_CDATA = "<![CDATA["


def mathml(markup: bytes) -> str:
    """Return a <math> element as text: its TeX source between dollars, else the marks in a line."""
    end = Tags(markup).end(0)
    known = attributes(_text(markup[:end]))
    inside = _text(markup[end:])
    display = known.get("display", "").lower() == "block" or known.get("mode") == "display"
    for match in _ANNOTATION.finditer(inside):
        if not _TEX_ENCODING.search(attributes(match[1]).get("encoding", "").strip()):
            continue
        if found := tex(_source(inside, match.end()), display=display):
            return found
        break
    source = known.get("alttext", "")
    if source and not _spoken(source):
        return tex(source, display=display)
    return linear(inside)


def _source(inside: str, start: int) -> str:
    """Return an annotation's text, which may stand in a CDATA section."""
    start += len(inside[start : start + 80]) - len(inside[start : start + 80].lstrip())
    if inside.startswith(_CDATA, start):
        end = inside.find("]]>", start)
        return inside[start + len(_CDATA) : end if end >= 0 else None]
    end = inside.find("<", start)
    return entities.unescape(inside[start : end if end >= 0 else None])


def _spoken(text: str) -> bool:
    """Whether an alternative text reads the formula aloud: words, and no sign of TeX."""
    words = [word for word in text.split() if len(word) > 2 and word.isalpha()]
    return len(words) > 1 and _SPOKEN.fullmatch(text) is not None


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", "replace")


_IMAGE_CLASS = re.compile(
    r"(?:^|\s)(?:latex|tex|math|mwe-math-fallback[\w-]*|eqn?|equation|formula|ql-img-\w+-equation)(?:\s|$)",
    re.I,
)
_IMAGE_SOURCE = re.compile(
    r"latex\.codecogs\.com/[\w.]{0,30}\?|latex\.php\?|/equation\?|cht=tx(?:&|$)|/media/math/|mimetex\.cgi\?",
    re.I | re.S,
)


def _of_address(address: str) -> str:
    """Return the TeX source in the address of an image that a server draws."""
    query = address.partition("?")[2]
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if equals and name in ("tex", "latex", "chl"):
            return unquote(value.replace("+", " ") if name == "chl" else value)
    return unquote(query) if "codecogs" in address or "mimetex" in address else ""


def image(known: dict[str, str]) -> str:
    """Return the formula that an <img> shows, by its attributes; "" where it shows none."""
    named = _IMAGE_CLASS.search(known.get("class", ""))
    source = _IMAGE_SOURCE.search(known.get("src", "") or known.get("data-src", ""))
    if not named and not source:
        return ""
    text = known.get("alt", "") or known.get("data-latex", "")
    if not text and source:
        text = _of_address(known.get("src", "") or known.get("data-src", ""))
    if not text.strip() or ("\\" not in text and _spoken(text)):
        return ""
    kind = known.get("class", "")
    return tex(text, display="-display" in kind or "displayed" in kind)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TRADE = {"TM": "™", "(TM)": "™", "SM": "℠", "(R)": "®", "®": "®", "™": "™", "©": "©", "℠": "℠"}
_ENDINGS = _words(
    "st nd rd th er ers ère ères ere eres re res e es ème èmes eme emes ième ièmes ieme nde nds ndes me lle "
    "lles mes ie te ve vve de gr or os o as a vo do to mo ta da ma ro ra ª º i й я е го му ый ая ое"
)
"""What is set high behind an ordinal or an abbreviation: 3rd, 1er, XXe, Mme, no."""
_ONE_LETTER = frozenset("eoaiйяеªº")
_ABBREVIATED = {"M": "re", "D": "r", "S": "te", "N": "oº", "n": "oº", "J": "r", "P": "re"}
_ROMAN = re.compile(r"(?:^|\W)[IVXLCDM]{1,12}$")
_WORD = re.compile(r"[^\W\d_]{1,60}$")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]$")
_UNITS = _words(
    "sinh cosh tanh coth arcsin arccos arctan sqrt meter metre meters metres kilometer kilometre kilometers "
    "kilometres centimeter centimetre centimeters centimetres foot feet inch inches mile miles yard yards "
    "second seconds Meter Kilometer mètre mètres metro metros метр метра метров"
)
_SHORT_WORDS = _words(
    "the and for was are but not his her its had has who one two may can did six ten"
)
_LENGTHS = "米里尺寸"
_ONE_NOTE = r"(?:\d{1,3}|[a-z])"
_NOTE = re.compile(rf"{_ONE_NOTE}(?:\s?[,;–-]\s?(?:{_ONE_NOTE}|[*†‡∗]))*")
_ENDS = '.,;:!?"”’»。，、；：！？」』）…'
_HOLDS = ")]}|⟩°%′'″"
_ISOTOPE = re.compile(r"[A-Z][a-z]?(?![a-z])")
_REMARK = frozenset("*†‡§¶∗⁎")
_ONE_SIGN = re.compile(r"(?:^|\W)\w$")
_DEGREES = re.compile(r"\s?[CF]\b")


def _is_note(before: str, body: str) -> bool:
    """Whether a number or letter set high is the mark of a note: behind a word or a sentence's end."""
    if not before or not _NOTE.fullmatch(body):
        return False
    if before[-1] in _ENDS:
        return True
    word = _WORD.search(before)
    if word is None:
        return False
    if _UNSPACED.search(before):
        return before[-1] not in _LENGTHS
    return (len(word[0]) > 3 or word[0] in _SHORT_WORDS) and word[0] not in _UNITS


def _lettered(before: str, body: str, after: str) -> str:
    """Write letters that are set high: endings fused, one letter as a power, a word apart."""
    last, word = before[-1:], _WORD.search(before)
    ending = body.rstrip(".").lower()
    short = last.isdigit() and ending in _ONE_LETTER
    fits = last.isalnum() and (len(ending) > 1 or short or _ROMAN.search(before))
    if ending in _ENDINGS and fits:
        return body
    if word and ending in _ABBREVIATED.get(word[0], ""):
        return body
    if not last.isalnum() and last not in _HOLDS:
        return body
    if len(body) > 1 and word and len(word[0]) > 1:
        return " " + body
    return script("^", body, after)


def _wordy(body: str) -> bool:
    """Whether a body is words rather than a formula."""
    words = [word for word in body.split() if word.isalpha()]
    return " " in body and (
        len([word for word in words if len(word) > 1]) > 1 or any(len(word) > 3 for word in words)
    )


def superscript(before: str, body: str, after: str) -> str:
    """Return what stands in the text for `body` set high between `before` and `after`.

    `before` and `after` are the neighbouring text (a few dozen signs are enough), `body` the text
    inside <sup>. "^6", "^{-7}", an ordinal's ending as it is, "[3]" for a note's mark.
    """
    body = " ".join(body.split())
    last = before[-1:]
    if not body or body in _TRADE:
        return _TRADE.get(body, "")
    if body in "o0º°" and before.rstrip()[-1:].isdigit() and _DEGREES.match(after):
        return "°"
    if set(body) <= _REMARK and not _ONE_SIGN.search(before):
        return body
    if body[0] == "[" and body[-1] == "]":
        return body
    if _is_note(before, body):
        return f"[{body}]"
    if body.rstrip(".").isalpha():
        return _lettered(before, body, after)
    if last and (last.isalnum() or last in _HOLDS):
        return " " + body if _wordy(body) else script("^", body, after)
    if body.rstrip("m").isdigit() and _ISOTOPE.match(after):
        return script("^", body)
    return body + " " if body[-1].isalnum() and after[:1].isalnum() else body


def subscript(before: str, body: str, after: str) -> str:
    """Return what stands in the text for `body` set low: fused where only letters touch it (H2O).

    Arguments as for `superscript`.
    """
    body = " ".join(body.split())
    last = before[-1:]
    if body.isdigit():
        if last.isdigit() or (last.isalnum() and after[:1].isdigit()):
            return script("_", body, after)
        return body
    holds = last and (last.isalnum() or last in _HOLDS)
    if _wordy(body):
        return " " + body if holds else body
    return script("_", body, after) if body and holds else body


_MARK = r"\[?\(?(?:\d{1,4}|[a-zA-Z]{1,2}|[ivxlc]{1,6}|[*†‡§¶#∗°]{1,6}|note \d+|n \d+)\)?\]?"
_MARKS = re.compile(rf"{_MARK}(?:(?:\s?[,;–-]\s?|\s){_MARK}){{0,9}}", re.I)
_NOTED = re.compile(
    r"reference|noteref|foot-?note|end-?note|fn-?ref|cite[_-]ref|\bfn\b|citation|inline-template",
    re.I,
)
_LINK = re.compile(r"<a\b([^<>]*+)>", re.I)
_LINK_ALONE = re.compile(r"<a\b([^<>]*+)>\s*", re.I)
_FRACTION = re.compile(
    rb"\s*+(?:/|\xe2\x81\x84|\xe2\x88\x95|&frasl;|&#8260;|&#x2044;)\s*+"
    rb"<sub\b[^<>]*>\s*+(\d{1,6})\s*+</sub\s*+>",
    re.I,
)
_LINK_END = re.compile(rb"\s*+</a\s*+>", re.I)
_SCRIPT_NEXT = re.compile(rb"\s*+<su[pb]\b", re.I)
_OPEN_TAG = re.compile(rb"<[a-z/]")
_RUBY_END = re.compile(rb"<(/?)r(?:[tpb]|tc|uby)\b")
_ENDS_OF = {
    name: re.compile(rb"</(?:\w{1,8}:)?%s\b" % name.encode())
    for name in ("script", "style", "textarea", "title", "math")
}
_SOURCES = ("data-math", "data-expr", "data-latex", "data-tex", "data-formula")
_NO_SOURCE = re.compile(r"true|false|\d*", re.I)
_UNIT_CLASS = re.compile(
    r"(?:^|\s)(?:katex(?:-display)?|mwe-math-element|mathjax(?:_(?:preview|display|svg|chtml|svg_display|mathml))?"
    r"|mjxc-display)(?:\s|$)",
    re.I,
)
_MATHJAX_NEXT = re.compile(
    rb"\s*+<(?:script\b[^<>]*math/|(?:span|div)\b[^<>]*class\s*+=\s*+[\"']?mathjax)", re.I
)
_SEVERAL = re.compile(rb"<(?:p|h[1-6]|li|article|section|td|tr)\b", re.I)
_STARTS = re.compile(
    rb"<(?:(!--)|(/?)(su[pb]|ruby|r[tpb]|rtc|script|style|textarea|title|img|(?:\w{1,8}:)?math"
    rb"|mjx-container)\b)"
)
_NAME = re.compile(rb"<([a-z]\w*+)")
_MATH_START = re.compile(rb"<(?:\w{1,8}:)?math\b", re.I)
_IMAGE_START = re.compile(rb"<img\b", re.I)
_TELLING = tuple(
    word.encode() for word in ("katex", "mwe-math", "mathjax", "mjxc-display", "noteref", *_SOURCES)
)
"""Words in the attributes of elements that show a formula, or the mark of a note."""
_HELD, _DEEPEST, _LONGEST, _TAIL = 2_000, 8, 40, 160
"""Most bytes of open <sup> and <sub>, most of them in each other, longest text of one that is a
number or mark, bytes of context."""


def _units(lowered: bytes) -> list[int]:
    """Return where the tags begin whose attributes hold a word of `_TELLING`."""
    places = []
    for word in _TELLING:
        place = lowered.find(word)
        while place >= 0:
            places.append(place)
            place = lowered.find(word, place + 1)
    found: list[int] = []
    start, end, seen = -1, -1, 0
    for place in sorted(places):
        start = max(start, lowered.rfind(b"<", seen, place))
        end = max(end, lowered.rfind(b">", seen, place))
        seen = place
        if start > end and (not found or found[-1] != start):
            found.append(start)
    return found


class _Writer:
    """One walk over a page's tags.

    Frames are the open <sup> and <sub>: name, start tag, pieces inside. What a step takes from the
    page it writes with `put`, and returns the place behind it.
    """

    def __init__(self, html: bytes) -> None:
        self.html = html
        self.lowered = html.lower()
        self.tags = Tags(html)
        self.out: list[bytes] = []
        self.frames: list[tuple[str, bytes, list[bytes]]] = []
        self.held = 0
        self.missing: set[str] = set()
        self.budget = 4 * len(html) + 100_000

    def put(self, text: bytes) -> None:
        if not text:
            return
        (self.frames[-1][2] if self.frames else self.out).append(text)
        if self.frames:
            self.held += len(text)
            if self.held > _HELD:
                self.give_up()

    def give_up(self) -> None:
        """Write the open frames as they stand in the page."""
        for _, tag, pieces in self.frames:
            self.out += [tag, *pieces]
        self.frames.clear()
        self.held = 0

    def formula(self, text: str) -> None:
        self.put(entities.escape(text, quote=False).encode("utf-8", "replace"))

    def before(self) -> str:
        """Return the last text that stands before this place, tags gone."""
        pieces = self.frames[-1][2] if self.frames else self.out
        tail = b"".join(piece[-_TAIL:] for piece in pieces[-8:])[-_TAIL:]
        first = tail.find(b">")
        if first >= 0 and tail.rfind(b"<", 0, first) < 0:
            tail = tail[first + 1 :]
        return plain(tail.decode("utf-8", "ignore"))

    def after(self, place: int) -> str:
        """Return the first signs of the text from `place` on; none where a script follows."""
        if _SCRIPT_NEXT.match(self.html, place):
            return ""
        piece = self.html[place : place + _TAIL]
        cut = piece.rfind(b"<")
        if cut >= 0 and piece.find(b">", cut) < 0:
            piece = piece[:cut]
        return plain(piece.decode("utf-8", "ignore"))[:8]

    def end_of(self, name: str, start: int) -> int:
        """Return where the end tag of a raw element begins; -1 where it has none."""
        found = None if name in self.missing else _ENDS_OF[name].search(self.lowered, start)
        if found is None:
            self.missing.add(name)
            return -1
        return found.start()

    def balanced(self, name: str, start: int) -> int:
        """Return where the end tag of an element begins; -1 where it has none, or looking cost too much."""
        depth, place = 1, start
        for found in re.compile(rb"<(/?)%s\b" % re.escape(name.encode())).finditer(
            self.lowered, start
        ):
            depth += -1 if found[1] else 1
            place = found.start()
            if depth == 0 or self.budget < 0:
                break
            self.budget -= 100
        else:
            place = len(self.html)
        self.budget -= place - start
        return place if depth == 0 else -1

    def run(self) -> bytes:
        html, lowered = self.html, self.lowered
        units = [*_units(lowered), len(html)]
        place = copied = unit = 0
        found = _STARTS.search(lowered)
        while found or units[unit] < len(html):
            if found and found.start() < place:
                found = _STARTS.search(lowered, place)
                continue
            if units[unit] < place:
                unit += 1
                continue
            first = found if found and found.start() <= units[unit] else None
            begin = first.start() if first else units[unit]
            outside = max(lowered.rfind(b">", copied, begin) + 1, copied)
            if _OPEN_TAG.search(lowered, outside, begin):
                place = begin + 1
                continue
            self.put(html[copied:begin])
            place = copied = self.step(first, begin)
        self.put(html[copied:])
        self.give_up()
        return b"".join(self.out)

    def step(self, start: re.Match[bytes] | None, begin: int) -> int:
        """Act on one tag or comment; return the place behind what it took."""
        html = self.html
        if start and start[1]:
            stop = html.find(b"-->", begin)
            stop = len(html) if stop < 0 else stop + 3
            self.put(html[begin:stop])
            return stop
        end = self.tags.end(begin)
        tag = html[begin:end]
        name = start[3].decode().rpartition(":")[2] if start else ""
        closing = start is not None and bool(start[2])
        if name in ("sup", "sub"):
            return self.script(name, tag, end, closing=closing)
        if name in ("ruby", "rb", "rt", "rp", "rtc"):
            return self.reading(tag, end) if name in ("rt", "rp", "rtc") and not closing else end
        if closing:
            self.put(tag)
            return end
        if name in _ENDS_OF:
            return self.raw(name, begin, end)
        if name == "img":
            text = image(attributes(_text(tag[4:])))
            self.formula(text) if text else self.put(tag)
            return end
        named = _NAME.match(self.lowered, begin)
        if name or named:
            return self.unit(name or named[1].decode() if named else name, tag, end)
        self.put(tag)
        return end

    def raw(self, name: str, begin: int, end: int) -> int:
        """Write a formula for <math> and MathJax's scripts; copy other raw elements as they are."""
        stop = self.end_of(name, end)
        if stop < 0:
            self.put(self.html[begin:end] if name == "math" else self.html[begin:])
            return end if name == "math" else len(self.html)
        body, stop = self.html[end:stop], self.tags.end(stop)
        tag = self.html[begin:end]
        kind = (
            attributes(_text(tag[7:])).get("type", "")
            if name == "script" and b"math" in tag
            else ""
        )
        if name == "math":
            self.formula(mathml(tag + body))
        elif kind.lower().startswith("math/tex"):
            self.formula(tex(_text(body), display="display" in kind))
        elif kind.lower().startswith("math/mml"):
            self.formula(mathml(body))
        else:
            self.put(self.html[begin:stop])
        return stop

    def reading(self, tag: bytes, end: int) -> int:
        """Leave a ruby's reading out, whose end tag may be missing."""
        found = _RUBY_END.search(self.lowered, end, end + 600)
        if found is None or BLOCK.search(_text(self.html[end : found.start()])):
            self.put(tag)
            return end
        own = found[1] and not found[0].endswith(b"ruby")
        return self.tags.end(found.start()) if own else found.start()

    def script(self, name: str, tag: bytes, end: int, *, closing: bool) -> int:
        """Open a superscript or subscript, or write the one that ends here."""
        if not closing:
            if len(self.frames) == _DEEPEST:
                self.give_up()
            self.frames.append((name, tag, []))
            return end
        if not self.frames or self.frames[-1][0] != name:
            self.give_up()
            self.put(tag)
            return end
        _, opening, pieces = self.frames.pop()
        inside = b"".join(pieces)
        self.held = self.held - len(inside) if self.frames else 0
        marked = _text(inside)
        body = plain(marked).strip()
        if BLOCK.search(marked) or (marked and not body) or len(body) > _LONGEST:
            apart = b" " if len(body) > _LONGEST and self.before()[-1:].isalnum() else b""
            self.put(apart + opening + inside + tag)
            return end
        if name == "sub":
            self.formula(subscript(self.before(), body, self.after(end)))
            return end
        return self.power(_text(opening), marked, body, end)

    def power(self, opening: str, inside: str, body: str, end: int) -> int:
        """Write a superscript: nothing for a note's mark, a fraction with the subscript behind it."""
        if _NOTED.search(opening):
            return end
        if _MARKS.fullmatch(body):
            if any("#" in attributes(link[1]).get("href", "") for link in _LINK.finditer(inside)):
                return end
            if (close := self.linked(end)) >= 0:
                return close
        before = self.before()
        if body.isdigit() and (fraction := _FRACTION.match(self.html, end)):
            whole = " " if before.rstrip()[-1:].isdigit() else ""
            self.formula(f"{whole}{body}/{_text(fraction[1])}")
            return fraction.end()
        self.formula(superscript(before, body, self.after(end)))
        return end

    def linked(self, end: int) -> int:
        """Take back the link to a note that holds just this mark; return the place behind it, or -1."""
        pieces = self.frames[-1][2] if self.frames else self.out
        close = _LINK_END.match(self.html, end)
        if not close or not pieces:
            return -1
        last = pieces[-1]
        start = last.rfind(b"<", max(0, len(last) - 600))
        link = _LINK_ALONE.fullmatch(_text(last[start:])) if start >= 0 else None
        if link is None or "#" not in attributes(link[1]).get("href", ""):
            return -1
        pieces[-1] = last[:start]
        return close.end()

    def unit(self, name: str, tag: bytes, end: int) -> int:
        """Write the formula of an element that shows it twice, or names it; copy any other's tag."""
        known = attributes(_text(tag[1 + len(name) :]))
        kind = known.get("class", "").lower()
        note = name == "a" and any(
            "noteref" in known.get(key, "") for key in ("class", "role", "epub:type")
        )
        source = next(
            (
                known[key]
                for key in _SOURCES
                if not _NO_SOURCE.fullmatch(known.get(key, "").strip())
            ),
            "",
        )
        shown = name == "mjx-container" or _UNIT_CLASS.search(kind)
        stop = self.balanced(name, end) if note or source or shown else -1
        inside = self.html[end:stop] if stop >= 0 else b""
        if stop < 0 or _SEVERAL.search(inside):
            self.put(tag)
            return end
        close = self.tags.end(stop)
        whole = tag + self.html[end:close]
        if note:
            self.put(b"" if len(plain(_text(inside))) <= _LONGEST else whole)
        elif source:
            self.formula(tex(source, display=name in ("div", "figure", "p")))
        elif "mathjax" not in kind or not _MATHJAX_NEXT.match(self.html, close):
            text = _shown(
                inside, known, display="display" in kind or known.get("display") == "true"
            )
            self.formula(text) if text else self.put(whole)
        return close


def _shown(inside: bytes, known: dict[str, str], *, display: bool) -> str:
    """Return the formula inside an element that shows it once for the eye and once as MathML or image."""
    text = ""
    if start := _MATH_START.search(inside):
        stop = _ENDS_OF["math"].search(inside.lower(), start.end())
        text = mathml(inside[start.start() : stop.start() if stop else None])
    elif start := _IMAGE_START.search(inside):
        text = image(attributes(_text(inside[start.end() : Tags(inside).end(start.start())])))
    elif known.get("data-mathml"):
        text = mathml(known["data-mathml"].encode())
    return tex(text, display=True) if display and text.startswith("$") else text


def write_out(html: bytes) -> bytes:
    """Return a page's markup with superscripts, subscripts, formulas and ruby written as text.

    `html` is UTF-8. Linear in the page's length. What is written is escaped: the result is markup still.
    """
    return _Writer(html).run()
