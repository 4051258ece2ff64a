"""The kernel against its slow twin, tiktoken: equal ids on every text that hypothesis can think of."""

import gzip
import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.text.packed import packed
from corpusforge.tokenize import Settings, load, pretokenize
from corpusforge.tokenize import kernel as kernels
from corpusforge.tokenize.ranks import parse_ranks

ALPHABET = "aZésſ'’ \t\n\r\u00a0\u3000\u20281٣½中文字ไทम्\u0301.,!-_\"(€👍🏽𠮷\u200d\x00\x1c\x85"
WORDS = [
    "'s",
    "'LL",
    "'ſ",
    "'ve ",
    " the",
    "  ",
    "\r\n",
    " \n ",
    "1234",
    "ing",
    "公园",
    "don't",
    " the",
]
TEXT = st.lists(st.sampled_from([*ALPHABET, *WORDS]) | st.characters(codec="utf-8"), max_size=40)


@pytest.fixture(scope="session", params=["r50k_base", "cl100k_base"])
def pair(request, data):
    path = str(data / "tokenizers" / f"{request.param}.tiktoken")
    fast = load(Settings(tokenizer=path, check_share=1e-9))
    return fast, load(Settings(tokenizer=path, accelerator="off"))


def assert_same_ids(pair, texts):
    batch = pa.array(texts, pa.large_string())
    for a, b in zip(pair[0].encode(batch), pair[1].encode(batch), strict=True):
        assert np.array_equal(a, b)
    assert pair[0].refused == 0


@settings(max_examples=400, deadline=None)
@given(texts=st.lists(TEXT.map("".join), max_size=4))
def test_equals_tiktoken_on_any_text(pair, texts):
    assert_same_ids(pair, texts)


def test_equals_tiktoken_on_every_known_letter_between_others(pair):
    table = pretokenize.classes()
    known = [chr(c) for c in np.flatnonzero(table != pretokenize.UNKNOWN).tolist()]
    for shape in ("a{}b", " {}", "{} ", "1{}\n", "'{}"):
        assert_same_ids(
            pair, ["\u4e00".join(shape.format(c) for c in known[n::97]) for n in range(97)]
        )


def test_equals_tiktoken_on_real_text(pair, data):
    names = ["en-alice-11.txt.gz", "fr-entre-nous-44157-0.txt.gz", "zh-lunyu.json.gz"]
    texts = [gzip.decompress((data / "books" / name).read_bytes()).decode() for name in names]
    assert_same_ids(
        pair,
        [
            *texts,
            *texts[0].split("\n"),
            (data / "tokenizers" / "sample-text-wikipedia.txt").read_text(),
        ],
    )


def test_long_pieces_and_unknown_code_points_are_left_to_tiktoken(pair, data):
    path = data / "tokenizers" / "r50k_base.tiktoken"
    kernel = kernels.Kernel.of(parse_ranks(path.read_bytes(), "r50k"), "gpt2")
    texts = ["fine", "a" * 600, "new \U000323b0 letter", "also fine"]
    _, offsets, left = kernels.encode(kernel, *packed(texts))
    assert left.tolist() == [False, True, True, False]
    assert offsets[2] == offsets[1] and offsets[3] == offsets[1]
    assert_same_ids(pair, texts)


def test_a_full_table_of_pieces_starts_anew(pair, monkeypatch, data):
    monkeypatch.setattr(kernels, "ARENA_BYTES", 400)
    path = str(data / "tokenizers" / "r50k_base.tiktoken")
    fast = load(Settings(tokenizer=path, check_share=1e-9))
    slow = load(Settings(tokenizer=path, accelerator="off"))
    assert_same_ids((fast, slow), [f"qx{n}zvw" * 2 + " same-again" for n in range(300)] * 2)


def test_pieces_of_one_hash_are_told_apart_by_their_bytes():
    ranks = {bytes([byte]): byte for byte in range(256)}
    table = kernels.Kernel.of(ranks, "gpt2").table
    data = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz" * 2, dtype=np.uint8)
    value, ids = np.uint64(0x1234_5678_9ABC_DEF1), np.array([7], dtype=np.uint32)

    def look(low, high, start, stop):
        return kernels._look(np.uint64(low), np.uint64(high), value, data, start, stop, table)

    for low, high, start, stop in ((1, 2, 0, 12), (3, 0, 0, 20)):  # by two numbers; by its bytes
        row = -1 - look(low, high, start, stop)
        kept = (np.uint64(low), np.uint64(high), value, data, start, stop, ids, 0, 1, table)
        kernels._keep(row, *kept)
        assert look(low, high, start, stop) == row
    assert look(1, 2, 26, 38) >= 0  # wherever it stands
    assert look(1, 3, 0, 12) < 0  # other bytes behind
    assert look(2, 2, 0, 12) < 0  # other bytes before
    assert look(1, 2, 0, 11) < 0  # shorter
    assert look(3, 0, 26, 46) >= 0
    assert look(3, 0, 1, 21) < 0  # other bytes of one hash


def test_more_pieces_than_are_remembered(pair):
    words = [f"q{n:x}w" for n in range(kernels.SEEN + 5000)]
    assert_same_ids(pair, [" ".join(words), " ".join(words[:50] + words[-50:])])


def test_a_trained_vocabulary_is_encoded_by_the_kernel_too(tmp_path):
    from corpusforge.tokenize import train

    texts = ["今天天气很好，我们去公园玩。", "The cat's on the mat, it's 12 o'clock."] * 20
    for pattern in ("gpt2", "cl100k"):
        path = str(tmp_path / f"{pattern}.tiktoken")
        chosen = {"vocab_size": 360, "pattern": pattern}
        train(texts, Settings(**chosen), path)
        pair = load(Settings(**chosen), path), load(Settings(**chosen, accelerator="off"), path)
        assert_same_ids(pair, [*texts, "unseen 天气 words'll \n\n come"])


def test_other_cuts_are_left_to_tiktoken(data):
    path = str(data / "tokenizers" / "cl100k_base.tiktoken")
    tokenizer = load(Settings(tokenizer=path, pattern="o200k"))
    assert type(tokenizer.engine).__name__ == "Tiktoken"


def test_the_quick_cuts_are_the_cuts_wherever_they_are_sure(pair):
    """All texts of five characters' classes, with room behind: the ids are tiktoken's."""
    classes = "a1.\n\r 'é"
    heads = ["".join(five) for five in itertools.product(classes, repeat=5)]
    assert_same_ids(
        pair,
        [f"{head}{tail}" for tail in ("xxxxxxxx", "        x", "é123456789") for head in heads],
    )


def test_quick_cuts_are_taken(data):
    text = np.frombuffer(
        b"The quick brown fox, 12 or 13 of them,\n    jumps over lazy dogs.", dtype=np.uint8
    )
    for quick, cut in (
        (pretokenize.short_gpt2, pretokenize.cut_gpt2),
        (pretokenize.short_cl100k, pretokenize.cut_cl100k),
    ):
        at = taken = pieces = 0
        while at < len(text):
            stop = cut(text, at, len(text), pretokenize.classes())
            found = quick(text, at, len(text))
            assert found in (at, stop)
            taken, pieces, at = taken + (found > at), pieces + 1, stop
        assert taken > 0.7 * pieces
