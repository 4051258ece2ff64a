"""An accelerator: checked batch by batch, and off from the first batch that differs."""

import gzip

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.errors import InputError, RecipeError
from corpusforge.tokenize import Settings, engines, load

TEXTS = [
    "今天天气很好，我们去公园。\n\n“好吗？”",
    "don't I'LL  we've\r\n\t x <|endoftext|> 12345",
    "",
    "Привет, мир! مرحبا ١٢٣ हिन्दी 👩‍👩‍👧‍👦 e\u0301\u3000end",
    "def f(x):\n        return x\n",
]


class Stub:
    """Stands in for gigatoken: tiktoken's own ids, changed by `change` text by text."""

    def __init__(self, reference, change):
        self.reference = reference
        self.change = change

    def __call__(self, texts):
        rows = [self.change(self.reference.encode(texts.slice(n, 1))[0]) for n in range(len(texts))]
        flat = np.concatenate([np.zeros(0, np.uint32), *rows])
        return flat, np.cumsum([0, *map(len, rows)])


def accelerated(data, monkeypatch, change, **more):
    path = str(data / "tokenizers" / "r50k_base.tiktoken")
    reference = load(Settings(tokenizer=path, accelerator="off")).engine
    stub = Stub(reference, change)
    monkeypatch.setattr(engines, "_gigatoken", lambda ranks, pattern: stub)
    return load(Settings(tokenizer=path, accelerator="gigatoken", **more)), reference


def same(got, expected):
    return all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


def test_equal_ids_are_taken(data, monkeypatch):
    tokenizer, reference = accelerated(data, monkeypatch, lambda ids: ids)
    assert same(tokenizer.encode(pa.array(TEXTS)), reference.encode(pa.array(TEXTS)))
    assert tokenizer.refused == 0
    nothing = tokenizer.encode(pa.array([], pa.string()))
    assert (len(nothing[0]), nothing[1].tolist()) == (0, [0])


@pytest.mark.parametrize(
    "change",
    [
        lambda ids: ids[:-1],
        lambda ids: np.append(ids, np.uint32(13)),
        lambda ids: np.where(ids == ids[0], np.uint32(50_000), ids) if ids.size else ids,
        lambda ids: np.append(ids, np.uint32(60_000)),
    ],
)
def test_ids_that_do_not_decode_to_the_text_are_refused_without_any_sample(
    data, monkeypatch, change
):
    tokenizer, reference = accelerated(data, monkeypatch, change, check_share=1e-9)
    batch = pa.array(TEXTS)
    assert same(tokenizer.encode(batch), reference.encode(batch))
    assert tokenizer.refused == 1
    tokenizer.engine._fast = None  # off: never asked again
    assert same(tokenizer.encode(batch), reference.encode(batch))
    assert tokenizer.refused == 1


def test_another_merge_with_the_same_bytes_is_found_in_the_sample(data, monkeypatch):
    def bytewise(ids):
        # " the" (262) as " " (220) and "the" (1169): the same bytes by other ids
        return np.array([n for i in ids for n in ([220, 1169] if i == 262 else [i])], np.uint32)

    tokenizer, reference = accelerated(data, monkeypatch, bytewise, check_share=1.0)
    batch = pa.array([*TEXTS, "of the people"])
    assert same(tokenizer.encode(batch), reference.encode(batch))
    assert tokenizer.refused == 1


def test_slices_of_a_batch_are_checked_against_their_own_text(data, monkeypatch):
    tokenizer, reference = accelerated(data, monkeypatch, lambda ids: ids, check_share=1.0)
    batch = pa.array(TEXTS).slice(1, 3)
    assert same(tokenizer.encode(batch), reference.encode(batch))
    assert tokenizer.refused == 0


def test_an_absent_accelerator_and_an_unknown_pattern_are_clear_errors(data, monkeypatch):
    import sys

    path = str(data / "tokenizers" / "r50k_base.tiktoken")
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    with pytest.raises(InputError, match="'gigatoken' is not installed"):
        load(Settings(tokenizer=path, accelerator="gigatoken"))
    with pytest.raises(InputError, match="knows the patterns gpt2"):
        load(Settings(tokenizer=path, pattern=r"\S+|\s+", accelerator="gigatoken"))


def test_a_tokenizer_json_takes_no_accelerator(tmp_path, data):
    from corpusforge.tokenize import train

    made = train(["abc abd"], Settings(vocab_size=300), str(tmp_path / "t.tiktoken"))
    with pytest.raises(RecipeError, match="set it to 'auto'"):
        load(Settings(tokenizer=made.json, accelerator="gigatoken"))


@pytest.mark.parametrize("file", ["r50k_base", "cl100k_base"])
def test_gigatoken_gives_tiktokens_ids(data, file):
    pytest.importorskip("gigatoken", reason="gigatoken is not installed; pip install gigatoken")
    path = str(data / "tokenizers" / f"{file}.tiktoken")
    fast = load(Settings(tokenizer=path, accelerator="gigatoken", check_share=1.0))
    slow = load(Settings(tokenizer=path, accelerator="off"))
    lunyu = gzip.decompress((data / "books" / "zh-lunyu.json.gz").read_bytes()).decode()
    alice = gzip.decompress((data / "books" / "en-alice-11.txt.gz").read_bytes()).decode()
    batch = pa.array([*TEXTS, lunyu, alice, "a" * 3000, " " * 500])
    assert same(fast.encode(batch), slow.encode(batch))
    assert fast.refused == 0
