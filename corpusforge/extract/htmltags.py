"""What the scanner knows about tags, attributes and telling words, as tables for the kernels.

Tags and their behaviour follow the HTML standard's tree construction, cut down to what text needs.
`hints.tsv` lists words that pages everywhere use in class names, ids and short lines; the words of
a group are found anywhere in a value by one Aho-Corasick automaton (Aho, Corasick 1975).
Limit: the words are mostly English and Chinese, as class names are English nearly everywhere.
"""

from __future__ import annotations

import functools
from collections import deque
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ATTRIBUTES",
    "CLASSES",
    "GROUPS",
    "NAME_CLASSES",
    "SAYS",
    "Tables",
    "name_key",
    "tables",
    "tag_id",
]

BLOCK, VOID, RAW, HIDE, IGNORE, CLOSES_P, SCOPE, PRE = 1, 2, 4, 8, 16, 32, 64, 128

_KINDS = {
    BLOCK | CLOSES_P: "address article aside blockquote center details dialog dir div dl fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup main menu nav ol p "
    "search section summary ul",
    BLOCK | CLOSES_P | PRE: "pre listing",
    BLOCK | CLOSES_P | VOID: "hr",
    BLOCK | CLOSES_P | SCOPE: "table",
    BLOCK: "body dd dt frameset head legend li optgroup option tbody tfoot thead tr",
    BLOCK | SCOPE: "html caption td th",
    VOID: "area base basefont bgsound br col embed frame img input keygen link meta param source "
    "track wbr",
    RAW: "script style xmp iframe noembed noframes plaintext",
    RAW | BLOCK | PRE: "textarea",
    HIDE: "noscript template svg object applet canvas audio video select datalist map math-source "
    "rp annotation annotation-xml",
    HIDE | SCOPE: "button",
    IGNORE: "abbr acronym b bdi bdo big cite data del dfn em font i ins kbd mark nobr rb rt "
    "rtc ruby s samp small strike strong sub sup time tt u var",
    0: "a code label q span math title picture meter progress output colgroup",
}
_TAGS = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_NAMES = ["", *sorted(_TAGS)]

ATTRIBUTES = (
    "class",
    "id",
    "role",
    "itemprop",
    "style",
    "hidden",
    "aria-hidden",
    "href",
    "colspan",
    "rowspan",
    "type",
    "src",
    "data-math",
    "data-expr",
    "data-latex",
    "data-tex",
    "data-formula",
)
"""Attributes that the scanner reads; the number of one is its place here plus one."""

_TAG_GROUPS = [
    "article",
    "aside",
    "blockquote",
    "dd",
    "dl",
    "div",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "header",
    "label",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "span",
    "table",
    "td",
    "th",
    "ul",
]
CLASSES, NAME_CLASSES = 160, 28
"""Letter classes of telling words in text, and of those in class names (ASCII letters alone): a small
table of transitions stays in the processor's nearest cache."""
SAYS = "says"


def _rows() -> list[tuple[str, list[str]]]:
    text = resources.files(__package__).joinpath("hints.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.split("\n") if line and not line.startswith("#"))
    return [(name, words.split()) for name, words in rows]


GROUPS: tuple[str, ...] = tuple(f"<{name}>" for name in _TAG_GROUPS) + tuple(
    name for name, _ in _rows()
)
"""Names of the bits of a hint mask: tags first, then the groups of `hints.tsv`, of which the last ones
say what a line of text says. Compiled kernels are cached with the constants they use, so none of them
may use a number that `hints.tsv` decides."""


AT_TAG, AT_ATTRIBUTE, AT_KIND, AT_FOLD, AT_GOTO = 0, 1024, 2048, 2304, 2560
AT_HINTS, AT_OUTPUT = 1024, 1280
AT_FORMULA = 255
"""Where the parts of the packed tables begin; the place of a tag that is none holds the group of
formulas. Each array that a kernel hands on costs time, so that all
tables are packed into two."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Constant arrays that the kernels read.

    wide: uint64, hashed tag and attribute names (0 if free), the hints of each tag, the groups of each
    state of the automaton; small: int16, numbers of those names as tags and as attributes, kinds of tags,
    byte to letter class, transitions of the automaton. says_wide, says_small: the same for words of text.
    """

    wide: NDArray[np.uint64]
    small: NDArray[np.int16]
    says_wide: NDArray[np.uint64]
    says_small: NDArray[np.int16]

    @property
    def kinds(self) -> NDArray[np.int16]:
        """Return the kinds of tags, by number: int16 [tags]."""
        return self.small[AT_KIND:AT_FOLD]


def tag_id(name: str) -> int:
    """Return the number of a tag; 0 for names that the table does not hold."""
    return _NAMES.index(name) if name in _TAGS else 0


def name_key(name: str) -> int:
    """Return the key of a lower-case name: its bytes in base 256, folded to 64 bits."""
    key = 0
    for byte in name.encode():
        key = (key * 257 + byte) % 2**64
    return key


def _name_table() -> tuple[NDArray[np.uint64], NDArray[np.int16]]:
    names, ids = np.zeros(1024, np.uint64), np.zeros((1024, 2), np.int16)
    entries = [(name, 0, number) for number, name in enumerate(_NAMES) if name]
    entries += [(name, 1, number) for number, name in enumerate(ATTRIBUTES, 1)]
    for name, column, number in entries:
        slot = name_key(name) % 1024
        while names[slot] and int(names[slot]) != name_key(name):
            slot = (slot + 1) % 1024
        names[slot], ids[slot, column] = name_key(name), number
    return names, ids


def _fold(words: list[str], classes: int) -> NDArray[np.uint8]:
    """Map bytes to classes: a-z to 1..26, each byte of other scripts to its own, the rest to 0."""
    fold = np.zeros(256, np.uint8)
    for offset in range(26):
        fold[ord("a") + offset] = fold[ord("A") + offset] = 1 + offset
    high = sorted({byte for word in words for byte in word.encode() if byte >= 128})
    if len(high) > classes - 28:
        raise ValueError("hints.tsv uses more bytes of other scripts than there are classes")
    fold[128:] = 27
    for place, byte in enumerate(high):
        fold[byte] = 28 + place
    return fold


def _automaton(
    words: list[tuple[list[int], int]], classes: int
) -> tuple[NDArray[np.int16], NDArray[np.uint64]]:
    """Return the transitions and outputs of the automaton that finds all words at once."""
    rows = [[-1] * classes]
    output = [0]
    for letters, group in words:
        state = 0
        for letter in letters:
            if rows[state][letter] < 0:
                rows[state][letter] = len(rows)
                rows.append([-1] * classes)
                output.append(0)
            state = rows[state][letter]
        output[state] |= 1 << group
    goto = np.array(rows, np.int16)
    fail = [0] * len(goto)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        own, fallback = goto[state], goto[fail[state]] * (state > 0)
        for letter in np.flatnonzero(own >= 0).tolist():
            following = int(own[letter])
            fail[following] = int(fallback[letter])
            output[following] |= output[fail[following]]
            queue.append(following)
        goto[state] = np.where(own < 0, fallback, own)
    return goto, np.array(output, np.uint64)


@functools.cache
def tables() -> Tables:
    """Return the constant tables, built once a process."""
    rows = _rows()
    bits = {name: bit for bit, name in enumerate(GROUPS)}
    if len(GROUPS) > 64:
        raise ValueError(f"{len(GROUPS)} hint groups do not fit 64 bits")
    automata: list[tuple[NDArray[np.uint8], NDArray[np.int16], NDArray[np.uint64]]] = []
    for says, classes in ((False, NAME_CLASSES), (True, CLASSES)):
        chosen = [(name, words) for name, words in rows if name.startswith(SAYS) == says]
        fold = _fold([word for _, words in chosen for word in words], classes)
        entries = [
            ([int(fold[byte]) for byte in word.encode()], bits[name])
            for name, words in chosen
            for word in words
        ]
        automata.append((fold, *_automaton(entries, classes)))
    hints = [0] * len(_NAMES)
    for bit, name in enumerate(_TAG_GROUPS):
        hints[tag_id(name)] |= 1 << bit
    for name, like in (("h5", "h4"), ("h6", "h4"), ("dt", "dd"), ("caption", "figcaption")):
        hints[tag_id(name)] |= hints[tag_id(like)]
    names, ids = _name_table()
    kinds = [_TAGS.get(name, 0) for name in _NAMES]
    packed: list[Any] = []
    for fold, goto, output in automata:
        wide = np.zeros(AT_OUTPUT + len(output), np.uint64)
        wide[:AT_HINTS] = names
        wide[AT_HINTS : AT_HINTS + len(hints)] = np.array(hints, np.uint64)
        wide[AT_HINTS + AT_FORMULA] = 1 << bits["formula"]
        wide[AT_OUTPUT:] = output
        small = np.zeros(AT_GOTO + goto.size, np.int16)
        small[:AT_ATTRIBUTE], small[AT_ATTRIBUTE:AT_KIND] = ids[:, 0], ids[:, 1]
        small[AT_KIND : AT_KIND + len(kinds)] = kinds
        small[AT_FOLD:AT_GOTO] = fold
        small[AT_GOTO:] = goto.ravel()
        packed += [wide, small]
    return Tables(*packed)
