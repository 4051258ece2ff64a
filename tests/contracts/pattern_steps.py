"""Counts the steps that a backtracking search takes, and writes texts on which a pattern may take many.

`Steps` is a twin of the matcher in `re`, over the same parse tree (`re._parser`): each item that is
tried at each place is a step, so the count says how the time of `re` grows, without a clock. Its
finds are held to those of `re` in `test_contracts_patterns`. `attacks` derives texts from the tree:
what leads to each repeat, what the repeat takes, many times, and an end that does not match.
Limit: `re`'s jumps to a literal beginning save a factor, not an order, and are left out.
"""

from __future__ import annotations

import re
import re._compiler as compiler
import re._constants as op
import re._parser as parser
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numba
import numpy as np

Text = str | bytes
_WIDE = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
_SINGLE = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN, op.CATEGORY)
_ALPHABET = "aZ0 _-.\n\r\t,:;=/\\|*+#@%&'\"`~^$?!<>()[]{}éß中。（）“½\u3000\xa0\u200bxX19"
_ALL = np.iinfo(np.int64).max
(CHAR, GREEDY, LAZY, POSSESSIVE, SPLIT, JUMP, PLACE, OPEN, CLOSE, INIT, MORE, LESS, ATOM, ATOM_END, LOOK,
 AGAIN, EITHER, LOOK_END, MATCH) = range(19)  # fmt: skip
_CHOICE, _RANGE, _FORWARD, _UNDO, _LOOKED = range(5)  # what a frame of the stack is
_PLACES = {
    op.AT_BEGINNING: 0, op.AT_BEGINNING_STRING: 0, op.AT_BEGINNING_LINE: 1, op.AT_BOUNDARY: 2,
    op.AT_NON_BOUNDARY: 3, op.AT_END: 4, op.AT_END_LINE: 5, op.AT_END_STRING: 6,
}  # fmt: skip


@numba.njit(cache=True)
def _at(kind: int, i: int, text: Any, newline: Any, word: Any) -> bool:
    n = len(text)
    if kind == 0:
        return i == 0
    if kind == 1:
        return i == 0 or newline[text[i - 1]]
    if kind in (2, 3):
        before = i > 0 and word[text[i - 1]]
        after = i < n and word[text[i]]
        return (before != after) == (kind == 2)
    if kind == 4:
        return i == n or (i == n - 1 and newline[text[i]])
    if kind == 5:
        return i == n or newline[text[i]]
    return i == n


@numba.njit(cache=True)
def _run(code: Any, i: int, text: Any, takes: Any, newline: Any, word: Any,
         regs: Any, stack: Any, steps: Any) -> int:  # fmt: skip
    """Run the program at place `i`; return where the match ends, -1 for none, -2 for too many steps.

    `regs`: groups as (start, end), loops as (count, last place). A frame of the stack is
    (kind, pc or register, place or value, other end or value, set).
    """
    n, pc, top = len(text), 0, 0
    while True:
        steps[0] += 1
        if steps[0] > steps[1] or top + 8 > len(stack):
            return -2
        c, x, y, z, w = code[pc, 0], code[pc, 1], code[pc, 2], code[pc, 3], code[pc, 4]
        good = True
        if c == CHAR:
            good = i < n and takes[x, text[i]]
            if good:
                i, pc = i + 1, pc + 1
        elif c in (GREEDY, POSSESSIVE):
            end = i
            while end < n and end - i < z and takes[x, text[end]]:
                end += 1
            steps[0] += end - i
            good = end - i >= y
            if good:
                if c == GREEDY and end - i > y:
                    stack[top] = (_RANGE, pc + 1, i + y, end - 1, 0)
                    top += 1
                i, pc = end, pc + 1
        elif c == LAZY:
            end = i
            while end < n and end - i < y and takes[x, text[end]]:
                end += 1
            good = end - i >= y
            if good:
                stack[top] = (_FORWARD, pc + 1, end, z - y, x)
                top += 1
                i, pc = end, pc + 1
        elif c == SPLIT:
            stack[top] = (_CHOICE, y, i, 0, 0)
            top += 1
            pc = x
        elif c == JUMP:
            pc = x
        elif c == PLACE:
            good = _at(x, i, text, newline, word)
            pc += 1
        elif c in (OPEN, CLOSE, INIT, ATOM):
            stack[top] = (_UNDO, x, regs[x, 0], regs[x, 1], 0)
            top += 1
            if c == OPEN:
                regs[x, 0] = i
            elif c == CLOSE:  # a group counts from its end on: OPEN wrote to a register of its own
                regs[x, 0], regs[x, 1] = regs[y, 0], i
            elif c == INIT:
                regs[x, 0], regs[x, 1] = 0, -1
            else:
                regs[x, 0] = top
            pc += 1
        elif c in (MORE, LESS):  # x register, y the body, z and w bounds; the exit is the next one
            count, last = regs[x, 0], regs[x, 1]
            again = count < w and not (count >= z and i == last)
            if not again and count < z:
                good = False
            elif not again:
                pc += 1
            elif c == LESS and count >= z:
                stack[top] = (_CHOICE, -pc - 1, i, 0, 0)  # later: once more
                top += 1
                pc += 1
            else:
                if count >= z:
                    stack[top] = (_CHOICE, pc + 1, i, 0, 0)
                    top += 1
                stack[top] = (_UNDO, x, count, last, 0)
                top += 1
                regs[x, 0], regs[x, 1] = count + 1, i
                pc = y
        elif c == ATOM_END:
            keep = regs[x, 0]
            for k in range(keep, top):  # what was set stays to be undone; choices are gone
                if stack[k, 0] == _UNDO:
                    stack[keep] = stack[k]
                    keep += 1
            top = keep
            pc += 1
        elif c == LOOK:  # x: after it; y: -1 ahead or the width behind; z: wanted; w: register
            stack[top] = (_UNDO, w, regs[w, 0], regs[w, 1], 0)
            regs[w, 0] = top + 1
            stack[top + 1] = (_LOOKED, x, i, z, 0)
            top += 2
            good = i >= y
            if y > 0:
                i -= y
            pc += 1
        elif c == LOOK_END:
            height = regs[x, 0]
            pc, i, wanted = stack[height, 1], stack[height, 2], stack[height, 3]
            keep = height
            for k in range(top - 1, height, -1):
                if stack[k, 0] == _UNDO and not wanted:
                    regs[stack[k, 1], 0], regs[stack[k, 1], 1] = stack[k, 2], stack[k, 3]
            for k in range(height + 1, top):
                if stack[k, 0] == _UNDO and wanted:
                    stack[keep] = stack[k]
                    keep += 1
            top = keep
            good = wanted == 1
        elif c == AGAIN:
            size = regs[x, 1] - regs[x, 0]
            good = regs[x, 1] >= 0 and i + size <= n
            if good:
                for k in range(size):
                    good = good and text[regs[x, 0] + k] == text[i + k]
                steps[0] += size
                i, pc = i + size, pc + 1
        elif c == EITHER:
            pc = y if regs[x, 1] >= 0 else z
        elif c == MATCH:
            if i != steps[2]:
                return i
            good = False
        if good:
            continue
        while True:  # go back to the last choice
            if top == 0:
                return -1
            top -= 1
            steps[0] += 1
            kind, a, b, d, e = stack[top]
            if kind == _UNDO:
                regs[a, 0], regs[a, 1] = b, d
                continue
            if kind == _CHOICE and a < 0:
                pc, i = -a - 1, b
                x, y = code[pc, 1], code[pc, 2]
                stack[top] = (_UNDO, x, regs[x, 0], regs[x, 1], 0)
                top += 1
                regs[x, 0], regs[x, 1] = regs[x, 0] + 1, i
                pc = y
            elif kind == _CHOICE:
                pc, i = a, b
            elif kind == _LOOKED:
                if d == 1:
                    continue
                pc, i = a, b
            elif kind == _RANGE:
                pc, i = a, d
                if d > b:
                    stack[top, 3] = d - 1
                    top += 1
            else:  # one more of a lazy run
                if d == 0 or b >= n or not takes[e, text[b]]:
                    continue
                pc, i = a, b + 1
                stack[top] = (_FORWARD, a, b + 1, d - 1, e)
                top += 1
            break


@numba.njit(cache=True)
def _scan(code: Any, text: Any, takes: Any, newline: Any, word: Any, registers: int, stack: Any,
          steps: Any, at_start: bool, found: Any) -> int:  # fmt: skip
    """Search again and again as `finditer` does; return how many were found, -1 for too many steps."""
    regs = np.empty((registers, 2), np.int64)
    count, start = 0, 0
    while start <= len(text):
        regs[:] = -1
        end = _run(code, start, text, takes, newline, word, regs, stack, steps)
        if end == -2:
            return -1
        if end >= 0:
            found[count, 0], found[count, 1] = start, end
            count += 1
            steps[2] = end if end == start else -1  # an empty match may not be found again
            start = end
        else:
            start += 1
        if at_start:
            break
    return count


class TooManySteps(Exception):
    """The search was given up."""


def _alone(item: Any, flags: int) -> re.Pattern[Any]:
    """Return one item of a tree as a pattern of its own."""
    state = parser.State()
    state.flags = flags
    return compiler.compile(parser.SubPattern(state, [item]))


_TAKERS: dict[tuple[str, int, bool], Callable[[int], bool]] = {}


def taker(item: Any, flags: int, is_text: bool) -> Callable[[int], bool]:
    """Return whether a one-character item takes a code, by `re` itself."""
    key = (repr(item), flags, is_text)
    if key not in _TAKERS:
        compiled = _alone(item, flags)
        _TAKERS[key] = cache(
            lambda code: compiled.match(chr(code) if is_text else bytes([code])) is not None
        )
    return _TAKERS[key]


class Steps:
    """One pattern, ready to be counted; `most`: steps after which a search is given up."""

    def __init__(self, pattern: re.Pattern[Any], most: int = 4_000_000) -> None:
        self.tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
        self.flags, self.most = self.tree.state.flags, most
        self.is_text = isinstance(pattern.pattern, str)
        self._takes: list[Callable[[int], bool]] = []
        self._code: list[list[int]] = []
        self._registers = 2 * self.tree.state.groups
        self._sequence(self.tree)
        self._emit(MATCH)
        self._array = np.array(self._code, np.int64)
        self._word = taker((op.IN, [(op.CATEGORY, op.CATEGORY_WORD)]), self.flags, self.is_text)
        self._stack = np.empty((200_000, 5), np.int64)
        self._kinds: dict[int, int] = {}
        self._tables: tuple[Any, ...] = ()

    def scan(self, text: Text, *, at_start: bool = False) -> tuple[int, list[tuple[int, int]]]:
        """Return (steps, spans found) of `finditer` over the text, or of one `match`."""
        return self.scan_codes(self.encoded(text), at_start)

    def scan_codes(self, codes: Any, at_start: bool = False) -> tuple[int, list[tuple[int, int]]]:
        """The same for a text as `encoded` returns it."""
        steps = np.array([0, self.most, -1], np.int64)
        found = np.empty((2 * len(codes) + 2, 2), np.int64)
        count = _scan(self._array, codes, *self._tables, self._registers, self._stack, steps, at_start,
                      found)  # fmt: skip
        if count < 0:
            raise TooManySteps
        return int(steps[0]), [(a, b) for a, b in found[:count].tolist()]

    def encoded(self, text: Text) -> Any:
        """Return a text as int64 [n]: characters by number, in the order in which they were met."""
        codes = list(map(ord, text)) if isinstance(text, str) else list(text)
        before = len(self._kinds)
        places = [self._kinds.setdefault(code, len(self._kinds)) for code in codes]
        if len(self._kinds) != before or not self._tables:
            known = list(self._kinds) or [0]
            takes = np.array(
                [[each(c) for c in known] for each in self._takes or [lambda _: False]]
            )
            newline = np.array([code == 10 for code in known])
            self._tables = takes, newline, np.array([self._word(code) for code in known])
        return np.array(places, np.int64)

    def _emit(self, *row: int) -> int:
        self._code.append([*row, *[0] * (5 - len(row))])
        return len(self._code) - 1

    def _register(self) -> int:
        self._registers += 1
        return self._registers - 1

    def _set(self, item: Any) -> int:
        self._takes.append(taker(item, self.flags, self.is_text))
        return len(self._takes) - 1

    def _sequence(self, items: Any) -> None:
        for item in items:
            self._node(*item)

    def _node(self, code: Any, value: Any) -> None:
        if code in _SINGLE:
            self._emit(CHAR, self._set((code, value)))
        elif code in _WIDE:
            self._repeat(code, *value)
        elif code is op.BRANCH:
            self._branch(value[1])
        elif code is op.SUBPATTERN:
            self._group(*value)
        elif code is op.ATOMIC_GROUP:
            self._atomic(lambda: self._sequence(value))
        elif code in (op.ASSERT, op.ASSERT_NOT):
            self._look(code is op.ASSERT, *value)
        elif code is op.AT:
            self._emit(PLACE, self._place(value))
        elif code is op.GROUPREF:
            self._emit(AGAIN, value)
        elif code is op.GROUPREF_EXISTS:
            self._either(*value)
        else:
            raise NotImplementedError(str(code))

    def _place(self, value: Any) -> int:
        if self.flags & re.MULTILINE:
            value = {op.AT_BEGINNING: op.AT_BEGINNING_LINE, op.AT_END: op.AT_END_LINE}.get(
                value, value
            )
        return _PLACES[value]

    def _repeat(self, code: Any, low: int, high: Any, inner: Any) -> None:
        most = _ALL if high is op.MAXREPEAT else int(high)
        if len(inner) == 1 and inner[0][0] in _SINGLE:
            kind = {op.MAX_REPEAT: GREEDY, op.MIN_REPEAT: LAZY, op.POSSESSIVE_REPEAT: POSSESSIVE}[
                code
            ]
            self._emit(kind, self._set(inner[0]), low, most)
        elif code is op.POSSESSIVE_REPEAT:
            self._atomic(lambda: self._loop(MORE, low, most, inner))
        else:
            self._loop(MORE if code is op.MAX_REPEAT else LESS, low, most, inner)

    def _loop(self, kind: int, low: int, most: int, inner: Any) -> None:
        register = self._register()
        self._emit(INIT, register)
        start = self._emit(JUMP)
        body = len(self._code)
        self._sequence(inner)
        test = self._emit(kind, register, body, low, most)
        self._code[start][1] = test

    def _branch(self, ways: Any) -> None:
        ends = []
        for way in ways[:-1]:
            split = self._emit(SPLIT)
            self._code[split][1] = split + 1
            self._sequence(way)
            ends.append(self._emit(JUMP))
            self._code[split][2] = len(self._code)
        self._sequence(ways[-1])
        for end in ends:
            self._code[end][1] = len(self._code)

    def _group(self, number: int | None, more: int, less: int, inner: Any) -> None:
        flags, self.flags = self.flags, (self.flags | more) & ~less
        if number is None:
            self._sequence(inner)
        else:
            own = self.tree.state.groups + number
            self._emit(OPEN, own)
            self._sequence(inner)
            self._emit(CLOSE, number, own)
        self.flags = flags

    def _atomic(self, body: Callable[[], None]) -> None:
        register = self._register()
        self._emit(ATOM, register)
        body()
        self._emit(ATOM_END, register)

    def _look(self, wanted: bool, direction: int, inner: Any) -> None:
        width = -1 if direction > 0 else inner.getwidth()[0]
        register = self._register()
        look = self._emit(LOOK, 0, width, int(wanted), register)
        self._sequence(inner)
        self._emit(LOOK_END, register)
        self._code[look][1] = len(self._code)

    def _either(self, number: int, yes: Any, no: Any) -> None:
        test = self._emit(EITHER, number)
        self._code[test][2] = len(self._code)
        self._sequence(yes)
        end = self._emit(JUMP)
        self._code[test][3] = len(self._code)
        self._sequence(no or [])
        self._code[end][1] = len(self._code)


class _Writer:
    """Texts for one tree: every prefix of it, every repeat's body."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.codes = list(
            dict.fromkeys(map(ord, _ALPHABET) if steps.is_text else _ALPHABET.encode())
        )
        self.pumps: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self._ones: dict[str, list[int]] = {}

    def one(self, item: Any, many: int) -> list[tuple[int, ...]]:
        """Up to `many` characters that an item takes, unlike ones first."""
        key = repr(item)
        if key not in self._ones:
            takes = taker(item, self.steps.flags, self.steps.is_text)
            parts = item[1] if item[0] is op.IN else [item]
            own = [value if code is op.LITERAL else value[0] for code, value in parts
                   if code in (op.LITERAL, op.RANGE)]  # fmt: skip
            found = [code for code in dict.fromkeys([*own, *self.codes]) if takes(code)]
            found = found or [code for code in range(256) if takes(code)]
            spread = sorted(found, key=lambda code: chr(code).isalnum())
            self._ones[key] = [*found[:1], *spread[:7], *found[-1:]]
        chosen = self._ones[key]
        return [(code,) for code in dict.fromkeys([*chosen[:many], *chosen[-1:]])][:many]

    def texts(self, item: Any, many: int) -> list[tuple[int, ...]]:
        """Up to `many` texts that an item matches, short ones."""
        code, value = item
        if code in _SINGLE:
            return self.one(item, many)
        if code in _WIDE:
            few = [part * max(value[0], 1) for part in self.sequence(value[2], many)]
            return few if value[0] else [*few, ()]
        if code is op.BRANCH:
            ways = [self.sequence(way, 2) for way in value[1]]
            return [text for turn in (0, 1) for way in ways for text in way[turn : turn + 1]][:many]
        inner = _inner(item)
        if inner and code is not op.ASSERT_NOT and not (code is op.ASSERT and value[0] < 0):
            few = self.sequence(inner[0], many)
            return [(), *few] if code is op.ASSERT else few
        return [()]

    def sequence(self, items: Any, many: int) -> list[tuple[int, ...]]:
        """Up to `many` texts that a sequence matches: each varies all its items at once."""
        choices = [self.texts(item, many) or [()] for item in items]
        number = min(many, max(map(len, choices), default=1))
        choices = [each for each in choices if each != [()]] or [[()]]
        return [
            tuple(code for each in choices for code in each[min(turn, len(each) - 1)])
            for turn in range(number)
        ]

    def walk(self, items: Any, before: list[tuple[int, ...]]) -> None:
        """Note what leads to each repeat with what it repeats, and what leads there as a repeat."""
        wide = [code in _WIDE and value[1] > _FEW for code, value in items]
        for place, item in enumerate(items):
            code, value = item
            if wide[place]:
                self.pumps += [((), lead) for lead in before]
                bodies = self.texts((code, (1, 1, value[2])), 8)
                self.pumps += [(lead, body) for lead in before for body in bodies]
                self.pumps += [(before[0], a + b) for a in bodies[:3] for b in bodies[:4] if a != b]
            for each in _inner(item):
                self.walk(each, before)
            nexts = self.texts(item, len(before))
            before = [lead + nexts[min(turn, len(nexts) - 1)] for turn, lead in enumerate(before)]
            if wide[place] or has_repeat([item]):
                self.pumps += [((), lead) for lead in before]
        if any(wide) or has_repeat(items):
            self.pumps += [((), lead) for lead in before]


_FEW = 20


def _inner(item: Any) -> list[Any]:
    """The sequences that an item holds."""
    code, value = item
    if code in _WIDE:
        return [value[2]]
    if code is op.BRANCH or code is op.GROUPREF_EXISTS:
        return [way for way in (value[1] if code is op.BRANCH else value[1:]) if way]
    if code is op.SUBPATTERN:
        return [value[3]]
    if code in (op.ASSERT, op.ASSERT_NOT):
        return [value[1]]
    return [value] if code is op.ATOMIC_GROUP else []


def has_repeat(tree: Any) -> bool:
    """Whether a tree holds a repeat that is not small: without one the steps at a place are few."""
    wide = any(code in _WIDE and value[1] > _FEW for code, value in tree)
    return wide or any(has_repeat(each) for item in tree for each in _inner(item))


def attacks(steps: Steps) -> Iterator[tuple[Text, Text, Text]]:
    """Yield (beginning, part to repeat, end), each once."""
    writer = _Writer(steps)
    writer.walk(steps.tree, [()] * 4)
    own = writer.sequence(steps.tree, 2)
    ends = [(), (0,), *(text[-1:] for text in own if text), (10,)]

    def made(codes: tuple[int, ...]) -> Text:
        return "".join(map(chr, codes)) if steps.is_text else bytes(codes)

    for lead, pump in dict.fromkeys(writer.pumps):
        for end in dict.fromkeys(ends):
            if pump:
                yield made(lead), made(pump), made(end)


def text_of(attack: tuple[Text, Text, Text], size: int) -> Text:
    """Return an attack of about `size` characters."""
    lead, pump, end = attack
    times = max(1, (size - len(lead) - len(end)) // len(pump))
    return lead + pump * times + end  # type: ignore[operator]


def _count(steps: Steps, attack: tuple[Text, Text, Text], size: int, at_start: bool) -> int:
    """Return the steps on an attack of a size; 16 times the most where the search is given up."""
    lead, pump, end = map(steps.encoded, attack)
    times = max(1, (size - len(lead) - len(end)) // len(pump))
    try:
        return steps.scan_codes(np.concatenate([lead, np.tile(pump, times), end]), at_start)[0]
    except TooManySteps:
        return 16 * steps.most


MOST = 400
"""Steps for each character: what a pattern may take. Those of the project take 1 to 30."""


def worst(steps: Steps, *, at_start: bool = False, size: int = 4000) -> str:
    """Return on which text a pattern takes more than linear time, "" for none.

    Texts of 1/16 and 1/4 of `size` show where it may; there 1/4 and all of it tell: what has a bound
    of some hundreds has stopped growing, what has none takes 16 times as many steps.
    """
    steps.most = MOST * size
    for attack in attacks(steps):
        small = _count(steps, attack, size // 16, at_start)
        if small > 10 * size // 16:
            middle = _count(steps, attack, size // 4, at_start)
            grows = middle > 6 * small and _count(steps, attack, size, at_start) > 7 * middle
            if grows or middle > steps.most:
                return f"{attack[0]!r} + {attack[1]!r} * n + {attack[2]!r}"
    return ""


def heaviest(steps: Steps, size: int, *, at_start: bool = False) -> int:
    """Return the most steps that a pattern takes on a text of `size` characters."""
    steps.most = MOST * size
    return max((_count(steps, attack, size, at_start) for attack in attacks(steps)), default=0)
