"""The guess of a text's form agrees with its plain definition on lines."""

import re
from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusforge.ingest.formats import guess

SPEAKER = re.compile(r"\s{0,4}[*_]{0,2}([^\W\d_][\w .'-]{0,24}?)[*_]{0,2}\s?[:：]\s?\S")


def twin(text: str) -> str:
    lines = [line for line in text[:20_000].split("\n") if line.strip()]
    if len(lines) < 4:
        return "text"
    for separator in "\t|;,":
        common, times = Counter(line.count(separator) for line in lines).most_common(1)[0]
        tight = sum(line.count(separator + " ") for line in lines) * 4 < common * len(lines)
        least = 2 if separator in ",;" else 1
        if common >= least and 10 * times >= 9 * len(lines) and (tight or separator in "\t|"):
            return "table"
    speakers = Counter(found[1] for line in lines if (found := SPEAKER.match(line)))
    spoken = speakers.total()
    returning = sum(count >= 2 for count in speakers.values())
    enough = 5 * spoken >= 2 * len(lines) and 2 * len(speakers) <= spoken
    return "dialogue" if returning >= 2 and enough else "text"


LINES = st.sampled_from(
    ["Ann: hello", "Bob: hi, you", "  **Ann**: so", "甲：你好", "乙 ： 好", "a\tb", "1\t2", "a,b,c", "1,2,3",
     "1, 2, 3", "x|y", "x;y;z", "", " ", "\t", "\u3000", "\xa0\x85", "\u2028", "\x1c \x1f", "def f(x):",
     "https://a.b/c", "A" * 45 + ": x", "Zoë O'Neil-Smith: ça", "word " * 9, ":", "a\rb: c", "𝒜nn: hello",
     "１: a", "_Ann_ : b", "Ann\v: x", "é" * 24 + ": far", "\ud800", "｜：；"]
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@example(["Ann: hello", "甲：你好"] * 3)
@given(st.lists(LINES, max_size=14).flatmap(lambda own: st.permutations(own * 2)))
def test_guess_agrees_with_the_twin(lines):
    text = "\n".join(lines)
    assert guess(text) == twin(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=":：\n\t,;| aé\u3000中\x85𝒜\r", max_size=60))
def test_guess_agrees_with_the_twin_on_any_signs(text):
    assert guess(text) == twin(text)


def test_only_the_first_characters_count():
    table = "name\tage\n" * 2500
    assert len(table) > 20_000
    assert guess(table) == guess(table + "Some prose without any sign.\n" * 9000) == "table"
