"""Eight bytes as one number, against Python's own integers and a look at each byte."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.text import word64
from corpusforge.text.jit import jit

WORDS = st.binary(min_size=8, max_size=8)


@jit
def _all(data, at, lowest, highest):
    word = word64.load64(data, at)
    found = word64.between(word, lowest, highest)
    return word, found, word64.low_zeros(found), word64.high_zeros(found)


@given(WORDS, st.integers(0, 7), st.integers(0, 127), st.integers(0, 127))
def test_the_bytes_between_two_characters(chosen, before, one, other):
    lowest, highest = sorted((one, other))
    data = np.frombuffer(bytes(before) + chosen, dtype=np.uint8)
    word, found, low, high = _all(data, before, lowest, highest)
    assert int(word) == int.from_bytes(chosen, "little")
    marks = [0x80 * (lowest <= byte <= highest) for byte in chosen]
    expected = int.from_bytes(bytes(marks), "little")
    assert int(found) == expected
    assert low == ((expected & -expected).bit_length() - 1 if expected else 64)
    assert high == 64 - expected.bit_length()


def test_every_byte_against_every_bound():
    data = np.arange(256, dtype=np.uint8)
    for lowest, highest in itertools.product(range(0, 128, 7), (0, 9, 13, 32, 57, 90, 122, 127)):
        for at in range(0, 256, 8):
            _, found, _, _ = _all(data, at, lowest, highest)
            marks = [0x80 * (lowest <= byte <= highest) for byte in range(at, at + 8)]
            assert int(found).to_bytes(8, "little") == bytes(marks)


@given(st.binary(max_size=24), st.data())
def test_the_head_of_a_piece_at_every_edge(text, draw):
    at = draw.draw(st.integers(0, len(text)))
    stop = draw.draw(st.integers(at, len(text)))
    head = _head(np.frombuffer(text, dtype=np.uint8), at, stop)
    assert int(head) == int.from_bytes(text[at:stop][:8], "little")


@jit
def _head(data, at, stop):
    return word64.head(data, at, stop)
