"""A trained BPE: same file for any order, same ids by both engines, nothing lost."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.errors import InputError
from corpusforge.tokenize import Settings, load, sample, train

ENGLISH = [
    f"The {a} of the {b} sat on the mat, and 'twas {n} o'clock; it's don't we'll.\n"
    for n, (a, b) in enumerate((a, b) for a in ("cat", "dog", "bird") for b in ("king", "queen"))
] * 5
CHINESE = [
    "今天天气很好，我们去公园玩。",
    "他们今天去学校学习中文。",
    "公园里的花开了，天气很好。",
] * 8
SMALL = Settings(vocab_size=370)


def trained(texts, tmp_path, settings=SMALL):
    path = str(tmp_path / "bpe.tiktoken")
    made = train(texts, settings, path)
    return made, load(settings, path)


def test_order_does_not_matter(tmp_path):
    texts = ENGLISH + CHINESE
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    trained(texts, tmp_path / "a")
    trained(texts[::-1], tmp_path / "b")
    for name in ("bpe.tiktoken", "tokenizer.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_vocabulary_holds_the_end_id_and_compresses(tmp_path):
    made, tokenizer = trained(ENGLISH + CHINESE, tmp_path)
    assert made.vocab_size == tokenizer.vocab_size == 370
    assert tokenizer.end_id == 369
    assert made.documents == 54
    ids, _ = tokenizer.encode(pa.array(["今天天气很好"]))
    assert len(ids) < 6  # words learnt: fewer ids than characters, from 18 bytes


def test_start_token_has_an_id_of_its_own(tmp_path):
    made, tokenizer = trained(ENGLISH, tmp_path, Settings(vocab_size=300, start_token=True))
    assert (made.vocab_size, tokenizer.end_id, tokenizer.start_id) == (300, 298, 299)


@pytest.mark.parametrize("pattern", ["", "cl100k", "o200k"])
def test_tokenizer_json_gives_the_same_ids_and_text(tmp_path, data, pattern):
    from tokenizers import Tokenizer

    book = gzip.decompress((data / "books" / "en-alice-11.txt.gz").read_bytes()).decode()
    lunyu = gzip.decompress((data / "books" / "zh-lunyu.json.gz").read_bytes()).decode()
    texts = [*book.split("\n\n"), *json.dumps(json.loads(lunyu), ensure_ascii=False).split("，")]
    made, tokenizer = trained(texts, tmp_path, Settings(vocab_size=3000, pattern=pattern))
    theirs = Tokenizer.from_file(made.json)
    theirs.encode_special_tokens = True
    ids, offsets = tokenizer.encode(pa.array(texts))
    for row, text in enumerate(texts):
        got = ids[offsets[row] : offsets[row + 1]]
        assert theirs.encode(text, add_special_tokens=False).ids == got.tolist()
        assert tokenizer.decode(got) == text
        assert theirs.decode(got.tolist(), skip_special_tokens=False) == text
    assert theirs.token_to_id("<|endoftext|>") == tokenizer.end_id


def test_a_tokenizer_json_by_path_is_the_same_tokenizer(tmp_path):
    made, ours = trained(ENGLISH + CHINESE, tmp_path)
    theirs = load(Settings(tokenizer=made.json))
    texts = pa.array([*ENGLISH, *CHINESE, "<|endoftext|>", "", None])
    for a, b in zip(ours.encode(texts), theirs.encode(texts), strict=True):
        assert np.array_equal(a, b)
    assert (theirs.end_id, theirs.vocab_size, theirs.start_id) == (369, 370, None)


def test_no_text_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no text to train"):
        trained(["", ""], tmp_path)
    assert not (tmp_path / "bpe.tiktoken").exists()


def test_the_sample_reaches_its_size_in_any_order():
    keys = np.arange(1, 1001, dtype=np.uint64)
    size = np.full(1000, 1000, dtype=np.int64)
    settings = Settings(train_megabytes=0.1)
    chosen = sample(keys, size, settings, seed=1)
    assert chosen.sum() == 100
    assert np.array_equal(sample(keys[::-1], size, settings, seed=1)[::-1], chosen)
    assert sample(keys, size, Settings(train_megabytes=9), seed=1).all()
