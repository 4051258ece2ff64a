"""The slow, obvious twin of the statistics kernel: Python's own str methods, `re` and
`unicodedata`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from corpusforge.filter.columns import COLUMNS
from corpusforge.filter.phrases import HEAD_GROUPS, HEAD_WORDS, PHRASES, STOP_WORDS
from corpusforge.filter.tables import BULLETS, COMMENTS, TERMINALS, TERMINALS_WIDE

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U00031fff]"
)
HAN = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U00031fff]")
KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff]")
WORD = re.compile(r"\w")


def is_mark(c: str) -> bool:
    return ord(c) < 0x32000 and (unicodedata.category(c)[0] == "M" or c in "\u200c\u200d")


def known(c: str) -> bool:
    return ord(c) < 0x32000


def is_word(c: str) -> bool:
    return known(c) and bool(WORD.match(c))


def is_unspaced(c: str) -> bool:
    return is_word(c) and bool(UNSPACED.match(c))


def is_han(c: str) -> bool:
    return is_word(c) and bool(HAN.match(c))


def words_of(text: str) -> list[str]:
    words: list[str] = []
    state = ""
    for c in text:
        small = c.lower() if len(c.lower()) == 1 and known(c) else c
        if is_unspaced(c):
            words.append(small)
            state = "one"
        elif is_word(c):
            if state == "run":
                words[-1] += small
            else:
                words.append(small)
            state = "run"
        elif is_mark(c) and state:
            words[-1] += c
        else:
            state = ""
    return words


def in_standard(c: str, codec: str, lead: range) -> bool:
    try:
        return c.encode(codec)[0] in lead
    except UnicodeEncodeError:
        return False


def is_simplified(c: str) -> bool:
    ideograph = "\u4e00" <= c <= "\u9fff"
    first = in_standard(c, "gb2312", range(0xB0, 0xD8))
    return ideograph and first and not in_standard(c, "big5", range(0xA4, 0xFA))


def is_traditional(c: str) -> bool:
    ideograph = "\u4e00" <= c <= "\u9fff"
    first = in_standard(c, "big5", range(0xA4, 0xC7))
    return ideograph and first and not in_standard(c, "gb2312", range(0xB0, 0xF8))


def is_garbled(c: str) -> bool:
    control = unicodedata.category(c) == "Cc" and not c.isspace()
    return c == "\ufffd" or control or "\ue000" <= c < "\uf900"


def is_closer(c: str) -> bool:
    return known(c) and (unicodedata.category(c) in ("Pe", "Pf", "Pi") or c in "\"'*_`»›")


def ends_sentence(line: str) -> bool:
    while line and is_closer(line[-1]) and line[-1] not in TERMINALS + TERMINALS_WIDE:
        line = line[:-1]
    return bool(line) and line[-1] in TERMINALS + TERMINALS_WIDE


def sentences_of(text: str) -> int:
    count = 0
    i = 0
    while i < len(text):
        if text[i] not in TERMINALS + TERMINALS_WIDE:
            i += 1
            continue
        end = i
        while end < len(text) and (text[end] in TERMINALS + TERMINALS_WIDE or is_closer(text[end])):
            end += 1
        wide = any(c in TERMINALS_WIDE for c in text[i:end])
        count += wide or end == len(text) or text[end].isspace()
        i = end
    return count


def characters(text: str) -> dict[str, int]:
    def count(test) -> int:
        return sum(1 for c in text if known(c) and test(c))

    tokens = text.split()
    return {
        "chars": len(text),
        "letters": count(str.isalpha),
        "digits": count(str.isdigit),
        "upper": count(str.isupper),
        "spaces": count(str.isspace),
        "punctuation": count(lambda c: unicodedata.category(c)[0] == "P"),
        "han": count(is_han),
        "kana": count(KANA.match),
        "unspaced": count(is_unspaced),
        "simplified": count(is_simplified),
        "traditional": count(is_traditional),
        "garbled": count(is_garbled),
        "non_ascii": sum(ord(c) > 127 for c in text),
        "hashes": text.count("#"),
        "curly": text.count("{"),
        "colons": text.count(":") + text.count("："),
        "ellipses": text.count("...") + text.count("…"),
        "spaced_han": sum(
            is_han(b) and a.isspace() and c.isspace()
            for a, b, c in zip(text, text[1:], text[2:], strict=False)
        ),
        "sentences": sentences_of(text),
        "tokens": len(tokens),
        "alpha_tokens": sum(any(known(c) and c.isalpha() for c in token) for token in tokens),
    }


def repeats(items: list[str], sizes: list[int]) -> tuple[int, int]:
    seen: set[str] = set()
    number = chars = 0
    for item, size in zip(items, sizes, strict=True):
        if item in seen:
            number += 1
            chars += size
        seen.add(item)
    return number, chars


def is_comment(line: str) -> bool:
    if line[0] in COMMENTS or line.startswith(("//", "/*", "--", "<!", "*/")):
        return True
    return line == "*" or line.startswith("* ")


def line_statistics(text: str) -> dict[str, int]:
    raw = re.split(r"\r\n|\r|\n", text)
    stripped = [line.strip() for line in raw]
    lines = [line for line in stripped if line]
    blocks: list[list[str]] = []
    wrapped = 0
    before = ""
    for line in stripped:
        if line and before:
            blocks[-1].append(line)
            first = line[0]
            small = known(first) and first.isalpha() and not first.isupper()
            small = small and not is_han(first) and not KANA.match(first)
            wrapped += small and len(before) >= 40 and not ends_sentence(before)
        elif line:
            blocks.append([line])
        before = line
    duplicate_lines, duplicate_chars = repeats(lines, [len(line) for line in lines])
    sizes = [sum(map(len, block)) for block in blocks]
    same_blocks, same_block_chars = repeats(["\n".join(block) for block in blocks], sizes)
    wide = [len(s) + 2 * sum(bool(is_han(c) or KANA.match(c)) for c in s) for s in lines]
    return {
        "breaks": len(raw) - 1,
        "lines": len(lines),
        "line_chars": sum(map(len, lines)),
        "longest_line": max(map(len, lines), default=0),
        "short_lines": sum(width <= 30 for width in wide),
        "bullet_lines": sum(line[0] in BULLETS for line in lines),
        "ellipsis_lines": sum(line.endswith(("...", "…")) for line in lines),
        "terminal_lines": sum(map(ends_sentence, lines)),
        "wrapped_lines": wrapped,
        "comment_lines": sum(map(is_comment, lines)),
        "duplicate_lines": duplicate_lines,
        "duplicate_line_chars": duplicate_chars,
        "paragraphs": len(blocks),
        "duplicate_paragraphs": same_blocks,
        "duplicate_paragraph_chars": same_block_chars,
    }


def top_gram(words: list[str], n: int) -> int:
    grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    if not grams:
        return 0
    gram, count = grams.most_common(1)[0]
    return count * sum(map(len, gram)) if count > 1 else 0


def duplicate_grams(words: list[str], n: int) -> int:
    seen: set[tuple[str, ...]] = set()
    i = chars = 0
    while i + n <= len(words):
        gram = tuple(words[i : i + n])
        if gram in seen:
            chars += sum(map(len, gram))
            i += n
        else:
            seen.add(gram)
            i += 1
    return chars


def phrase_count(words: list[str], group: str) -> int:
    count = 0
    for phrase in PHRASES[group]:
        wanted = words_of(phrase)
        for i in range(len(words) - len(wanted) + 1):
            if group in HEAD_GROUPS and i >= HEAD_WORDS:
                break
            count += words[i : i + len(wanted)] == wanted
    return count


def measure_slowly(text: str) -> dict[str, int]:
    """Every statistic of one text, by name."""
    words = words_of(text)
    row = characters(text) | line_statistics(text)
    row |= {
        "words": len(words),
        "word_chars": sum(map(len, words)),
        "alpha_words": sum(any(known(c) and c.isalpha() for c in word) for word in words),
        "unique_words": len(set(words)),
        "longest_word": max(map(len, words), default=0),
        "long_word_chars": sum(len(word) for word in words if len(word) >= 64),
    }
    row |= {f"top_{n}_gram_chars": top_gram(words, n) for n in (2, 3, 4)}
    row |= {f"duplicate_{n}_gram_chars": duplicate_grams(words, n) for n in range(5, 11)}
    row |= {
        f"stop_words_{language}": len(set(stops.split()) & set(words))
        for language, stops in STOP_WORDS.items()
    }
    row |= {f"phrase_{group}": phrase_count(words, group) for group in PHRASES}
    return {name: int(row[name]) for name in COLUMNS}
