"""Where in a text personal data or a secret could begin: one pass over its bytes.

Clean text has almost no anchors, so the exact patterns of `pii` and `secrets` run only on the few
bytes around one. An anchor promises nothing; a place without an anchor is never looked at, so every
pattern must be reachable from one. Method: ours, after the pre-filters of multi-pattern scanners.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.arrays import I64, U8, Bools
from corpusforge.text.jit import jit

__all__ = ["ASSIGN", "AT", "IBAN", "IPV6", "NUMBER", "TOKEN", "WIDE", "anchored", "anchors"]

AT = 1  # an at sign behind what may end a name or password, or "(at)" / "[at]"
NUMBER = (
    2  # digits and their separators: 10 digits, 3 dots, 3-2-4, or 7 digits behind a plus or a label
)
IBAN = 3  # two letters and two digits at the start of a word
IPV6 = 4  # hex digits with at least 3 colons
TOKEN = (
    5  # at least 16 key-like characters that begin as a known key, follow a scheme, or are mixed
)
ASSIGN = 6  # "=" or ":" after a name that holds key, pass, pwd, secret, token, cred or auth
WIDE = 7  # a full-width digit or at sign: the text must be folded first

_DIGIT, _UPPER, _LOWER, _TOKEN, _HEX, _SEPARATOR, _SINGLE = 1, 2, 4, 8, 16, 32, 64
_STOP = _DIGIT | _UPPER | _SINGLE
_MIN_DIGITS, _MIN_TOKEN, _MAX_GAP = 7, 16, 3
_SOCIAL_DIGITS = 9
_PLAIN_DIGITS = 10  # as many as a phone number without plus and label has


def _byte_table() -> NDArray[np.uint8]:
    table = np.zeros(256, dtype=np.uint8)
    for byte in range(256):
        c = chr(byte)
        if byte < 128 and c.isdigit():
            table[byte] |= _DIGIT
        if byte < 128 and c.isupper():
            table[byte] |= _UPPER
        if byte < 128 and c.islower():
            table[byte] |= _LOWER
        if byte < 128 and (c.isalnum() or c in "_+/-."):
            table[byte] |= _TOKEN
        if c in "0123456789abcdefABCDEF":
            table[byte] |= _HEX
        # The last four are the bytes of full-width brackets.
        if c in " \t.-()+/" or byte in (0xEF, 0xBC, 0x88, 0x89):
            table[byte] |= _SEPARATOR
        if (byte < 128 and c.isupper()) or c in "@=:([" or byte == 0xEF:
            table[byte] |= _SINGLE
    return table


_TABLE = _byte_table()
_WORDS = np.zeros((7, 6), dtype=np.uint8)
for _row, _word in enumerate((b"key", b"pass", b"pwd", b"secret", b"token", b"cred", b"auth")):
    _WORDS[_row, : len(_word)] = np.frombuffer(_word, dtype=np.uint8)
_LABELS = tuple(
    label.encode()
    for label in (
        [
            "tel",
            "tél",
            "phone",
            "fax",
            "mob",
            "cell",
            "whatsapp",
            "call",
            "电话",
            "手机",
            "号码",
            "传真",
            "座机",
            "热线",
            "联系方式",
            "ssn",
            "social sec",
        ]
    )
)
"""What every label of a number in `pii` holds, in lower case."""
_LABEL_BYTES = np.zeros((len(_LABELS), 13), dtype=np.uint8)
for _row, _label in enumerate(_LABELS):
    _LABEL_BYTES[_row, : len(_label)] = np.frombuffer(_label, dtype=np.uint8)
_LABEL_REACH = 40
_SECRET_HAN = np.frombuffer("密码密钥口令".encode(), dtype=np.uint8).reshape(3, 6).copy()
_PREFIXES = np.frombuffer(
    b"A3TAKIABIACCASIghoghpghrghsghugitglpgldglrglcglsxoxhoosk_rk_sk-AIzya2GOCeyJSG.npmpyphf_LTA"
    b"sq0shpdopdoodor" + b"".join(b"AC%cSK%c" % (c, c) for c in b"0123456789abcdef"),
    dtype=np.uint8,
).reshape(-1, 3)
"""First bytes of every shape in `secrets`; Mailchimp's, which begins with any hex digit, ends in -us."""
_FIRSTS = np.zeros(256, dtype=np.bool_)
_FIRSTS[_PREFIXES[:, 0]] = True


@jit
def _may_be_key(data: U8, start: int, end: int, table: U8, prefixes: U8, firsts: Bools) -> bool:
    """Whether a token could be what `secrets` takes: its cheap necessary conditions, any of them."""
    kinds, dots = 0, 0
    for p in range(start, end - 2):
        c = data[p]
        kinds |= table[c]
        dots += c == 46
        if firsts[c] and (p == start or not table[data[p - 1]] & (_DIGIT | _UPPER | _LOWER)):
            for row in range(prefixes.shape[0]):
                if (
                    prefixes[row, 0] == c
                    and prefixes[row, 1] == data[p + 1]
                    and prefixes[row, 2] == data[p + 2]
                ):
                    return True
        if c == 45 and data[p + 1] == 117 and data[p + 2] == 115:  # -us
            return True
    for p in range(end - 2, end):
        kinds |= table[data[p]]
        dots += data[p] == 46
    if start == 0:
        return False
    before = data[start - 1]
    if before in (32, 9):  # a bearer, basic or token scheme ends in r, c or n
        p = start - 1
        while p > 0 and data[p] in (32, 9):
            p -= 1
        if data[p] | 32 in (114, 99, 110):
            return True
    three = _DIGIT | _UPPER | _LOWER
    mixed = kinds & three == three and dots == 0 and end - start >= 20
    return bool(mixed and before in (61, 58, 34, 39, 32, 9))  # = : " ' space tab


@jit
def _names_secret(data: U8, at: int, words: U8, han: U8) -> bool:
    """Whether the name that ends before `at` (after spaces and quotes) speaks of a secret."""
    end = at
    while end > 0 and at - end < 4 and data[end - 1] in (32, 9, 34, 39, 93):  # space tab " ' ]
        end -= 1
    for row in range(han.shape[0]):
        if end >= 6:
            same = True
            for k in range(6):
                same = same and data[end - 6 + k] == han[row, k]
            if same:
                return True
    start = end
    while start > 0 and end - start < 48:
        c = data[start - 1]
        low = c | 32
        if not (97 <= low <= 122 or 48 <= c <= 57 or c in (45, 46, 95)):  # letter digit - . _
            break
        start -= 1
    for p in range(start, end - 2):
        for row in range(words.shape[0]):
            if data[p] | 32 == words[row, 0]:
                k = 1
                while k < 6 and words[row, k] and p + k < end and data[p + k] | 32 == words[row, k]:
                    k += 1
                if k == 6 or words[row, k] == 0:
                    return True
    return False


@jit
def _emit(out: I64, count: int, kind: int, start: int, end: int) -> int:
    if count < out.shape[0]:
        out[count, 0] = kind
        out[count, 1] = start
        out[count, 2] = end
    return count + 1


@jit
def _opens_iban(data: U8, i: int, table: U8) -> bool:
    """Whether two capitals and two digits begin a word at `i`, with room for the shortest IBAN."""
    if i + 14 >= len(data) or (i > 0 and table[data[i - 1]] & (_DIGIT | _UPPER | _LOWER)):
        return False
    digits = table[data[i + 2]] & table[data[i + 3]] & _DIGIT
    return bool(table[data[i + 1]] & _UPPER and digits)


@jit
def _other(data: U8, i: int, table: U8, words: U8, han: U8, out: I64, count: int) -> int:
    """Emit the anchors that stand at single bytes; return the new count."""
    c, n = data[i], len(data)
    if c == 64:
        # White space and / : @ " < > end neither a mailbox's name nor a password.
        before = data[i - 1] if i else 32
        bare = before == 32 or 9 <= before <= 13 or before in (47, 58, 64, 34, 60, 62)
        return count if bare else _emit(out, count, AT, i, i + 1)
    if c in (61, 58):  # = :
        if _names_secret(data, i, words, han):
            return _emit(out, count, ASSIGN, i, i + 1)
    elif c in (40, 91) and i + 3 < n:  # (at) [at]
        if data[i + 1] | 32 == 97 and data[i + 2] | 32 == 116 and data[i + 3] in (41, 93):
            return _emit(out, count, AT, i, i + 4)
    elif c == 0xEF and i + 2 < n and data[i + 1] == 0xBC:
        if 0x90 <= data[i + 2] <= 0x99 or data[i + 2] == 0xA0:
            return _emit(out, count, WIDE, i, i + 3)
        if data[i + 2] == 0x9A and _names_secret(data, i, words, han):
            return _emit(out, count, ASSIGN, i, i + 3)
    elif table[c] & _UPPER and _opens_iban(data, i, table):
        return _emit(out, count, IBAN, i, i + 4)
    return count


@jit
def _hex_run(data: U8, i: int, table: U8) -> tuple[int, int, int]:
    """Return (start, end, colons) of the run of hex digits and colons round the colon at `i`."""
    start, end, colons = i, i, 0
    while start > 0 and table[data[start - 1]] & _HEX:
        start -= 1
    while end < len(data) and (data[end] == 58 or table[data[end]] & _HEX):
        colons += data[end] == 58
        end += 1
    return start, end, colons


@jit
def _token_run(data: U8, i: int, table: U8) -> tuple[int, int, int]:
    """Return (start, end, mixed) of the token round `i`, its first digit or capital."""
    start, end, mixed = i, i, 0
    while start > 0 and table[data[start - 1]] & _TOKEN:
        start -= 1
    while end < len(data) and table[data[end]] & _TOKEN:
        bits = table[data[end]]
        mixed += 8 if bits & _DIGIT else (bits & _UPPER) != 0
        end += 1
    return start, end, mixed


@jit
def _joined(data: U8, last: int, i: int, table: U8) -> bool:
    """Whether only a few separators stand between two digits."""
    if i - last > _MAX_GAP + 1:
        return False
    for p in range(last + 1, i):  # noqa: SIM110  (numba compiles no generators)
        if not table[data[p]] & _SEPARATOR:
            return False
    return True


@jit
def _labelled(data: U8, start: int, labels: U8) -> bool:
    """Whether a label of a phone number stands in the bytes before `start`."""
    for p in range(max(0, start - _LABEL_REACH), start):
        low = data[p] + 32 if 65 <= data[p] <= 90 else data[p]
        for row in range(labels.shape[0]):
            if labels[row, 0] == low:
                k = 1
                while labels[row, k] and p + k < start:
                    c = data[p + k]
                    if labels[row, k] != (c + 32 if 65 <= c <= 90 else c):
                        break
                    k += 1
                if labels[row, k] == 0:
                    return True
    return False


@jit
def _opens_small_iban(data: U8, i: int, table: U8) -> bool:
    """Whether the digit at `i` and the next follow two letters, not both capitals, that begin a word."""
    letters = _UPPER | _LOWER
    if i < 2 or i + 12 >= len(data) or not table[data[i + 1]] & _DIGIT:
        return False
    first, second = table[data[i - 2]], table[data[i - 1]]
    if not first & letters or not second & letters or (first & second & _UPPER):
        return False
    return i == 2 or not table[data[i - 3]] & (_DIGIT | letters)


@jit
def _social(data: U8, first: int, end: int, table: U8) -> bool:
    """Whether three, two and four digits stand between hyphens."""
    for p in range(first, end - 10):
        if data[p + 3] == 45 and data[p + 6] == 45:
            same = True
            for k in range(11):
                same = same and (k in (3, 6) or table[data[p + k]] & _DIGIT != 0)
            if same:
                return True
    return False


@jit
def _number(data: U8, first: int, end: int, digits: int, dots: int, labels: U8, table: U8) -> bool:
    """Whether digits and separators from `first` to `end` could be what `pii` takes."""
    if digits >= _PLAIN_DIGITS or dots >= 3:
        return True
    if digits < _MIN_DIGITS:
        return False
    for p in range(max(0, first - 2), end):
        if data[p] == 43:  # +
            return True
    if digits == _SOCIAL_DIGITS and _social(data, first, end, table):
        return True
    return bool(_labelled(data, first, labels))


@jit
def _scan(  # noqa: PLR0912  (one loop, its state in registers)
    data: U8, table: U8, words: U8, han: U8, prefixes: U8, firsts: Bools, labels: U8, out: I64
) -> int:
    n, count = len(data), 0
    first, last, digits, dots = 0, -100, 0, 0
    token_end, hex_end = 0, 0
    i = 0
    while True:
        while i < n and not table[data[i]] & _STOP:  # nine bytes in ten of prose
            i += 1
        if i >= n:
            break
        bits = table[data[i]]
        if bits & _DIGIT:
            if not _joined(data, last, i, table):
                if _number(data, first, last + 1, digits, dots, labels, table):
                    count = _emit(out, count, NUMBER, first, last + 1)
                first, digits, dots = i, 0, 0
            elif i - last == 2 and data[i - 1] == 46:
                dots += 1
            digits += 1
            last = i
            if (
                i > 1
                and table[data[i - 1]] & (_LOWER | _UPPER)
                and _opens_small_iban(data, i, table)
            ):
                count = _emit(out, count, IBAN, i - 2, i + 2)
        if bits & (_DIGIT | _UPPER) and i >= token_end:
            start, token_end, mixed = _token_run(data, i, table)
            long = token_end - start >= _MIN_TOKEN and mixed >= 8
            if long and _may_be_key(data, start, token_end, table, prefixes, firsts):
                count = _emit(out, count, TOKEN, start, token_end)
        if data[i] == 58 and i >= hex_end:
            start, hex_end, colons = _hex_run(data, i, table)
            if colons >= 3:
                count = _emit(out, count, IPV6, start, hex_end)
        if bits & _SINGLE:
            count = _other(data, i, table, words, han, out, count)
        i += 1
    if _number(data, first, last + 1, digits, dots, labels, table):
        count = _emit(out, count, NUMBER, first, last + 1)
    return count


_TABLES = (_TABLE, _WORDS, _SECRET_HAN, _PREFIXES, _FIRSTS, _LABEL_BYTES)


def anchors(data: bytes) -> list[tuple[int, int, int]]:
    """Return (kind, start, end) of each anchor of one UTF-8 text, in bytes."""
    view = np.frombuffer(data, dtype=np.uint8)
    out = np.empty((len(data) // 32 + 16, 3), dtype=np.int64)
    count = _scan(view, *_TABLES, out)
    if count > len(out):
        out = np.empty((count, 3), dtype=np.int64)
        count = _scan(view, *_TABLES, out)
    return [(kind, start, end) for kind, start, end in out[:count].tolist()]


def anchored(texts: Sequence[bytes]) -> list[bool]:
    """Return whether each of many short UTF-8 texts has an anchor."""
    bounds = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in texts], out=bounds[1:])
    found = np.zeros(len(texts), dtype=np.bool_)
    _scan_each(np.frombuffer(b"".join(texts), dtype=np.uint8), bounds, *_TABLES, found)
    answer: list[bool] = found.tolist()
    return answer


@jit
def _scan_each(
    data: U8, bounds: I64, table: U8, words: U8, han: U8, prefixes: U8, firsts: Bools,
    labels: U8, found: Bools,
) -> None:  # fmt: skip
    none = np.empty((0, 3), dtype=np.int64)
    for t in range(len(found)):
        own = data[bounds[t] : bounds[t + 1]]
        found[t] = _scan(own, table, words, han, prefixes, firsts, labels, none) > 0
