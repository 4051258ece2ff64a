"""Ids of known tokenizers: golden values, special tokens as data, errors that name what to do."""

import pickle

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.errors import InputError, RecipeError
from corpusforge.tokenize import Settings, load


def ids_of(tokenizer, text):
    ids, offsets = tokenizer.encode(pa.array([text]))
    assert offsets.tolist() == [0, len(ids)]
    return ids.tolist()


@pytest.fixture(scope="session")
def r50k(data):
    return load(Settings(tokenizer=str(data / "tokenizers" / "r50k_base.tiktoken")))


@pytest.fixture(scope="session")
def cl100k(data):
    return load(Settings(tokenizer=str(data / "tokenizers" / "cl100k_base.tiktoken")))


def test_gpt2_golden_sentence(r50k):
    expected = [16594, 257, 1621, 546, 1271, 17031, 2231, 3134, 13]
    assert ids_of(r50k, "Write a story about number 1234567.") == expected
    assert r50k.decode(expected) == "Write a story about number 1234567."
    assert (r50k.vocab_size, r50k.end_id, r50k.dtype) == (50257, 50256, np.dtype("<u2"))


def test_cl100k_golden_sentence(cl100k):
    # "hello world" is the example of tiktoken's own README and tests
    assert ids_of(cl100k, "hello world") == [15339, 1917]
    assert (cl100k.vocab_size, cl100k.end_id, cl100k.dtype) == (100258, 100257, np.dtype("<u4"))


def test_han_takes_about_two_ids_a_character(r50k):
    for count, text in ((5, "今天天气好"), (12, "我们一起去公园里看花好吗")):
        assert len(text) == count
        assert 1.5 <= len(ids_of(r50k, text)) / count <= 2.5


@pytest.mark.parametrize("text", ["<|endoftext|>", "a<|endoftext|>b", "<|fim_prefix|>"])
def test_special_tokens_in_text_are_text(r50k, cl100k, text):
    for tokenizer in (r50k, cl100k):
        ids = ids_of(tokenizer, text)
        assert max(ids) < tokenizer.end_id
        assert tokenizer.decode(ids) == text


def test_ids_equal_the_reference_on_mixed_scripts(data, r50k, cl100k):
    import tiktoken
    from tiktoken_ext import openai_public

    texts = [*MIXED, (data / "tokenizers" / "sample-text-wikipedia.txt").read_text("utf-8")]
    cut = openai_public.r50k_pat_str
    for tokenizer, file, pattern in (
        (r50k, "r50k_base", cut),
        (cl100k, "cl100k_base", CL100K_AS_FIRST_PUBLISHED),
    ):
        ranks = tiktoken.load.load_tiktoken_bpe(str(data / "tokenizers" / f"{file}.tiktoken"))
        reference = tiktoken.Encoding(
            file, pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )
        ids, offsets = tokenizer.encode(pa.array(texts))
        for row, text in enumerate(texts):
            assert ids[offsets[row] : offsets[row + 1]].tolist() == reference.encode_ordinary(text)


def test_null_and_empty_texts_have_no_ids(r50k):
    ids, offsets = r50k.encode(pa.array(["", None, "a"]))
    assert offsets.tolist() == [0, 0, 0, 1]
    assert ids.tolist() == [64]


def test_pickles_as_its_arguments(r50k):
    again = pickle.loads(pickle.dumps(r50k))
    assert again.fingerprint == r50k.fingerprint
    assert len(pickle.dumps(r50k)) < 2000
    assert ids_of(again, "Write") == [16594]


def test_renamed_ranks_are_known_by_content(data, tmp_path):
    copy = tmp_path / "anything.tiktoken"
    copy.write_bytes((data / "tokenizers" / "r50k_base.tiktoken").read_bytes())
    assert load(Settings(tokenizer=str(copy))).end_id == 50256


def test_unknown_ranks_need_a_pattern(tmp_path):
    from corpusforge.tokenize.ranks import dump_ranks

    path = str(tmp_path / "mine.tiktoken")
    dump_ranks(path, {bytes([n]): n for n in range(256)})
    with pytest.raises(RecipeError, match=r"tokenize\.pattern"):
        load(Settings(tokenizer=path))
    tokenizer = load(Settings(tokenizer=path, pattern="gpt2"))
    assert ids_of(tokenizer, "Aé") == [65, 0xC3, 0xA9]
    assert (tokenizer.end_id, tokenizer.vocab_size) == (256, 257)
    started = load(Settings(tokenizer=path, pattern="gpt2", start_token=True))
    assert (started.start_id, started.vocab_size) == (257, 258)
    with pytest.raises(InputError, match="not usable"):
        load(Settings(tokenizer=path, pattern="(("))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(tokenizer="o200k_bse"), "Did you mean 'o200k_base'"),
        (Settings(tokenizer="no/such.tiktoken"), "does not exist"),
        (Settings(tokenizer="no/such.json"), "does not exist"),
        (Settings(), "train one first"),
    ],
)
def test_what_cannot_be_loaded_says_what_to_do(settings, message):
    with pytest.raises(InputError, match=message):
        load(settings)


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4", "cl100k_base"), ("gpt-3.5-turbo", "cl100k_base"), ("gpt-4o", "o200k_base"),
        ("gpt-4-0613", "cl100k_base"), ("text-davinci-003", "p50k_base"), ("davinci", "r50k_base"),
    ],
)  # fmt: skip
def test_a_models_name_is_its_encodings(tmp_path, monkeypatch, model, encoding):
    """Pairs as OpenAI documents them; the encoding is named, whether or not it can be had."""
    import tiktoken

    asked = []

    def get(name):
        asked.append(name)
        raise OSError("no route to host")

    monkeypatch.setattr(tiktoken, "get_encoding", get)
    with pytest.raises(InputError, match=rf"'{encoding}' \(of model '{model}'\)"):
        load(Settings(tokenizer=model))
    assert asked == [encoding]


def test_a_name_that_cannot_be_fetched_is_a_clear_error(tmp_path, monkeypatch):
    import tiktoken
    import tiktoken.load

    def offline(path):
        raise OSError("no route to host")

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tiktoken.load, "read_file", offline)
    with pytest.raises(InputError, match=r"Offline, give the path of its ranks file"):
        load(Settings(tokenizer="p50k_base"))


@pytest.mark.parametrize("damage", [b"QQ==\n", b"!!!! 1\n", b"QQ== x\n", b""])
def test_a_damaged_ranks_file_is_named(tmp_path, damage):
    path = tmp_path / "r50k_base.tiktoken"
    path.write_bytes(damage)
    with pytest.raises(InputError, match="r50k_base"):
        load(Settings(tokenizer=str(path)))


@pytest.mark.parametrize(
    "values",
    [{"tokenizer": ""}, {"vocab_size": 10}, {"train_megabytes": 0}, {"check_share": 0.0}],
)
def test_settings_refuse_what_makes_no_sense(values):
    with pytest.raises(RecipeError, match=f"tokenize.{next(iter(values))}"):
        Settings(**values)


# The expression that tiktoken published first; today's is a faster one of the same meaning.
CL100K_AS_FIRST_PUBLISHED = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

MIXED = [
    "今天天气很好，我们去公园。\n\n“好吗？”——他说。１２３",
    "Привет, мир!  Здравствуйте…\t\tДа.",
    "مرحبا بالعالم ١٢٣ ، كيف الحال؟",
    "हिन्दी में नमस्ते ๑๒๓ ไทย ภาษา",
    "don't I'LL we've  it's 'S 'tis\r\n\r\n   x  \n",
    "def f(x):\n    return {'a': [1, 22, 333, 4444]}\n\n\n",
    "👩‍👩‍👧‍👦 e\u0301 \u200b\u00a0\u3000end   ",
    "𠮷野家で食べる。カタカナ ｱｲｳ",
    "",
    " ",
    "\n",
    "a" * 3000,
    " " * 500 + "x",
]
