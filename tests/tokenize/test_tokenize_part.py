"""Parts of token ids: the layout, the index, the counts, whatever the batches."""

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.io.parquet import read_table
from corpusforge.records import Document, document_batch
from corpusforge.tokenize import INDEX, Settings, load, open_part, write_part
from corpusforge.tokenize.ranks import dump_ranks

TEXTS = ["ab", "", "今天", "Zoë said\n“x”", "q" * 5000, "<|endoftext|>"]


def documents(texts=TEXTS):
    return document_batch(
        [
            Document(
                id=f"{n:032x}",
                source="web" if n % 2 else "wiki",
                category="crawl",
                format="text",
                text=text,
                locator=f"l{n}",
                lang="zh" if n == 2 else "",
            )
            for n, text in enumerate(texts)
        ]
    )


@pytest.fixture
def byte_settings(tmp_path):
    path = str(tmp_path / "bytes.tiktoken")
    dump_ranks(path, {bytes([n]): n for n in range(256)})
    return {"tokenizer": path, "pattern": "gpt2"}


def test_each_document_is_followed_by_the_end_id(tmp_path, byte_settings):
    tokenizer = load(Settings(**byte_settings))
    receipt = write_part([documents()], tokenizer, str(tmp_path / "part-00000"))
    expected = []
    for text in TEXTS:
        expected += [*text.encode(), 256]
    raw = np.fromfile(tmp_path / "part-00000.bin", dtype="<u2")
    assert raw.tolist() == expected
    assert np.array_equal(open_part(str(tmp_path / "part-00000"), tokenizer.dtype), raw)
    index = read_table(str(tmp_path / "part-00000.parquet"))
    assert index.schema.equals(INDEX)
    for row, text in zip(index.to_pylist(), TEXTS, strict=True):
        size = len(text.encode())
        assert (row["tokens"], row["bytes"], row["cluster"]) == (size + 1, size, row["id"])
        assert raw[row["offset"] : row["offset"] + row["tokens"]].tolist() == [*text.encode(), 256]
    assert {name: t.tokens for name, t in receipt.sources.items()} == {
        "wiki": sum(len(t.encode()) + 1 for t in TEXTS[::2]),
        "web": sum(len(t.encode()) + 1 for t in TEXTS[1::2]),
    }
    assert (receipt.languages["zh"].characters, receipt.languages["zh"].bytes) == (2, 6)
    assert receipt.languages["zh"].tokens_per_byte == 7 / 6
    assert receipt.total.documents == 6


def test_batches_do_not_change_the_bytes(tmp_path, byte_settings):
    one = load(Settings(**byte_settings))
    many = load(Settings(**byte_settings, batch_megabytes=0.00001))
    whole = documents()
    write_part([whole], one, str(tmp_path / "one"))
    write_part([whole.slice(0, 1), whole.slice(1, 0), whole.slice(1)], many, str(tmp_path / "many"))
    assert (tmp_path / "one.bin").read_bytes() == (tmp_path / "many.bin").read_bytes()
    assert read_table(str(tmp_path / "one.parquet")).equals(
        read_table(str(tmp_path / "many.parquet"))
    )


def test_a_start_id_stands_first(tmp_path, byte_settings):
    tokenizer = load(Settings(**byte_settings, start_token=True))
    write_part([documents(["ab", ""])], tokenizer, str(tmp_path / "p"))
    assert np.fromfile(tmp_path / "p.bin", dtype="<u2").tolist() == [257, 97, 98, 256, 257, 256]
    assert read_table(str(tmp_path / "p.parquet")).column("offset").to_pylist() == [0, 4]


def test_cluster_and_tier_are_taken_where_they_stand(tmp_path, byte_settings):
    batch = documents(["a", "b"])
    batch = batch.append_column("cluster", pa.array(["k", None]))
    batch = batch.append_column("tier", pa.array(["high", None]))
    write_part([batch], load(Settings(**byte_settings)), str(tmp_path / "p"))
    index = read_table(str(tmp_path / "p.parquet"))
    assert index.column("cluster").to_pylist() == ["k", f"{1:032x}"]
    assert index.column("tier").to_pylist() == ["high", None]


def test_nothing_in_gives_an_empty_part(tmp_path, byte_settings):
    tokenizer = load(Settings(**byte_settings))
    assert write_part([], tokenizer, str(tmp_path / "p")).total.documents == 0
    assert len(open_part(str(tmp_path / "p"), tokenizer.dtype)) == 0
    assert read_table(str(tmp_path / "p.parquet")).num_rows == 0


def test_a_failed_part_leaves_nothing(tmp_path, byte_settings):
    def broken():
        yield documents()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_part(broken(), load(Settings(**byte_settings)), str(tmp_path / "p"))
    assert [path.name for path in tmp_path.iterdir()] == ["bytes.tiktoken"]


def test_characters_without_an_id_are_in_the_account(tmp_path):
    from tokenizers import Tokenizer, models

    vocab = {"<unk>": 0, "</s>": 1, "a": 2, "b": 3}
    made = Tokenizer(models.BPE(vocab=vocab, merges=[], unk_token="<unk>"))
    (tmp_path / "tokenizer.json").write_text(made.to_str())
    tokenizer = load(Settings(tokenizer=str(tmp_path / "tokenizer.json")))
    receipt = write_part([documents(["ab", "axb", "今天", "b"])], tokenizer, str(tmp_path / "p"))
    assert np.fromfile(tmp_path / "p.bin", "<u2").tolist() == [2, 3, 1, 2, 0, 3, 1, 0, 0, 1, 3, 1]
    assert {name: tally.unknown for name, tally in receipt.sources.items()} == {"wiki": 2, "web": 1}
    assert {name: tally.unknown for name, tally in receipt.languages.items()} == {"und": 1, "zh": 2}
    assert receipt.total.unknown == 3
    other = write_part([documents(["x"])], tokenizer, str(tmp_path / "q"))
    other.merge(receipt)
    assert other.total.unknown == 4


def test_large_vocabularies_take_four_bytes(tmp_path, data):
    tokenizer = load(Settings(tokenizer=str(data / "tokenizers" / "cl100k_base.tiktoken")))
    write_part([documents(["hello world"])], tokenizer, str(tmp_path / "p"))
    assert np.fromfile(tmp_path / "p.bin", dtype="<u4").tolist() == [15339, 1917, 100257]
