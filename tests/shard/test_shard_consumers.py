"""Exports as other tools read them: by published layouts, and, marked `consumers`, by their own readers.

docs/consumers.md says what to install for the latter.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.errors import InputError
from corpusforge.io.parquet import read_table
from corpusforge.shard import FORMS, TokenStream, export, mds, pack_shard, write_shard
from pipelines import export_shards

END, PAD = 65_000, 65_001
LENGTHS = (7, 1, 300, 12, 3, 70_000, 9, 2)  # lengths of one, two and four bytes
U16, U32 = np.dtype("<u2"), np.dtype("<u4")
NAMES = ("a", 'b,"c"', "é 中", "web")


def shards(folder: Path, dtype: np.dtype[Any] = U16) -> list[tuple[str, str, list[int]]]:
    """Write two shards; return (id, source, ids) of each document."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 60_000 if dtype == U16 else 200_000, sum(LENGTHS)).astype(dtype)
    ends = np.cumsum(LENGTHS)
    ids[ends - 1] = END
    rows = []
    for number, part in enumerate((range(5), range(5, len(LENGTHS)))):
        draws = pa.table(
            {
                "id": [f"d{n}" for n in part],
                "source": [NAMES[n % 4] for n in part],
                "leaf": ["x"] * len(part),
                "part": pa.array([0] * len(part), pa.int32()),
                "offset": (ends - LENGTHS)[part.start : part.stop],
                "length": np.array(LENGTHS[part.start : part.stop]),
                "copy": pa.array([n % 3 for n in part], pa.int32()),
                "cut": [False] * len(part),
                "phase": pa.array([0] * len(part), pa.int32()),
            }
        )
        write_shard(draws, [ids], str(folder / f"part-{number:05d}"), dtype)
        rows += [
            (f"d{n}", NAMES[n % 4], ids[ends[n] - LENGTHS[n] : ends[n]].tolist()) for n in part
        ]
    return rows


def packed(folder: Path, source: Path) -> list[list[int]]:
    """Pack those shards in sequences of 64; return the ids of each."""
    folder.mkdir()
    for path in sorted(source.glob("*.bin")):
        pack_shard(str(path.with_suffix("")), str(folder / path.stem), "best_fit", 64, PAD)
    stream = TokenStream(folder, 64)
    return [stream[n].tolist() for n in range(len(stream))]


def read_mds(folder: Path) -> Iterator[dict[str, Any]]:
    """By the layout in mosaicml-streaming's documentation, version 2."""
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        (count,) = struct.unpack_from("<I", data)
        assert count == shard["samples"]
        offsets = struct.unpack_from(f"<{count + 1}I", data, 4)
        assert offsets[-1] == len(data)
        columns = list(
            zip(
                shard["column_names"], shard["column_encodings"], shard["column_sizes"], strict=True
            )
        )
        for begin, end in itertools.pairwise(offsets):
            sizes, at = [], begin
            for _, _, size in columns:
                sizes.append(size or struct.unpack_from("<I", data, at)[0])
                at += 0 if size else 4
            row = {}
            for (name, encoding, _), size in zip(columns, sizes, strict=True):
                row[name] = decoded(encoding, data[at : at + size])
                at += size
            assert at == end
            yield row


def decoded(encoding: str, value: bytes) -> Any:
    if encoding == "str":
        return value.decode()
    if not encoding.startswith("ndarray:"):
        return np.frombuffer(value, encoding)[0]
    assert value[0] >> 2 == 1, "one dimension"
    width = 1 << (value[0] & 3)
    array = np.frombuffer(value[1 + width :], encoding.removeprefix("ndarray:"))
    assert len(array) == int.from_bytes(value[1 : 1 + width], "little")
    return array


@pytest.mark.parametrize("dtype", [U16, U32])
@pytest.mark.parametrize("size", [1 << 26, 1000, 1])
def test_mds_by_its_layout(
    tmp_path: Path, dtype: np.dtype[Any], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = shards(tmp_path / "train", dtype)
    monkeypatch.setattr(mds, "SIZE", size)
    export(tmp_path / "train", tmp_path / "mds", "mds")
    read = list(read_mds(tmp_path / "mds"))
    assert [(row["id"], row["source"], row["tokens"].tolist()) for row in read] == rows
    assert [int(row["copy"]) for row in read] == [n % 3 for n in range(len(rows))]
    assert {row["tokens"].dtype for row in read} == {dtype}
    files = json.loads((tmp_path / "mds/index.json").read_text())["shards"]
    assert [file["raw_data"]["basename"] for file in files] == sorted(
        path.name for path in (tmp_path / "mds").glob("*.mds")
    )
    assert len(files) == {1 << 26: 1, 1: 8}.get(size, 5)
    assert all(file["raw_data"]["bytes"] <= size for file in files if file["samples"] > 1)


def test_packed_mds_has_the_bounds(tmp_path: Path) -> None:
    shards(tmp_path / "train")
    sequences = packed(tmp_path / "packed", tmp_path / "train")
    export(tmp_path / "packed", tmp_path / "mds", "mds")
    read = list(read_mds(tmp_path / "mds"))
    assert [row["tokens"].tolist() for row in read] == sequences
    for row, ids in zip(read, sequences, strict=True):
        assert sum(row["lengths"]) == 64 - ids.count(PAD)
        assert row["starts"][0] == 0


def test_webdataset_is_read_by_datasets(tmp_path: Path) -> None:
    """`datasets` has a reader of its own for it; no cache outside the test's directory."""
    import datasets

    rows = shards(tmp_path / "train")
    export(tmp_path / "train", tmp_path / "wds", "webdataset")
    loaded = datasets.load_dataset(str(tmp_path / "wds"), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train"]
    read = list(loaded["train"])
    assert [(row["json"]["id"], row["json"]["source"], row["npy"]) for row in read] == rows


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it closes no file
@pytest.mark.parametrize("dtype", [U16, U32])
def test_webdataset_is_read_by_webdataset(tmp_path: Path, dtype: np.dtype[Any]) -> None:
    webdataset = pytest.importorskip("webdataset", reason="needs corpusforge[test]")
    rows = shards(tmp_path / "train", dtype)
    export(tmp_path / "train", tmp_path / "wds", "webdataset")
    urls = sorted(map(str, (tmp_path / "wds").glob("*.tar")))
    read = list(webdataset.WebDataset(urls, shardshuffle=False).decode())
    assert [(row["json"]["id"], row["json"]["source"], row["npy"].tolist()) for row in read] == rows
    assert {row["npy"].dtype for row in read} == {dtype}
    assert len({row["__key__"] for row in read}) == len(rows)


def test_olmo_by_its_layout(tmp_path: Path) -> None:
    """Dolma's: raw ids, and (start, end, id, source …) a document in a gzipped table."""
    rows = shards(tmp_path / "train")
    export(tmp_path / "train", tmp_path / "olmo", "olmo")
    read = []
    for path in sorted((tmp_path / "olmo").glob("*.npy")):
        ids = np.memmap(path, dtype=np.uint16, mode="r")
        with gzip.open(path.with_suffix(".csv.gz"), "rt", newline="") as table:
            for start, end, name, source in csv.reader(table):
                read.append((name, source, ids[int(start) : int(end)].tolist()))
    assert read == rows
    assert "uint16" in (tmp_path / "olmo" / "README.md").read_text()


@pytest.mark.parametrize("form", sorted(FORMS))
def test_equal_shards_give_equal_bytes(tmp_path: Path, form: str) -> None:
    shards(tmp_path / "train")
    for name in ("a", "b"):
        made = export(tmp_path / "train", tmp_path / name, form)
        assert made == {"rows": len(LENGTHS), "tokens": sum(LENGTHS)}
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def sizes(prefixes: list[str], out: Path) -> None:
    """A form of one's own."""
    for prefix in prefixes:
        tokens = read_table(f"{prefix}.parquet", ["tokens"]).column("tokens").to_pylist()
        (out / f"{Path(prefix).name}.txt").write_text(f"{tokens}")


def test_a_form_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards(tmp_path / "train")
    given = [str(tmp_path / "train"), "--output", str(tmp_path / "mine"), "--to"]
    assert export_shards.main([*given, f"{__name__}:sizes"]) == 0
    assert (tmp_path / "mine/part-00000.txt").read_text() == f"{list(LENGTHS[:5])}"
    given[2] = str(tmp_path / "none")
    assert export_shards.main([*given, "mdss"]) == 2
    assert "no form 'mdss'. Did you mean 'mds'" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    with pytest.raises(InputError, match="no form 'nothing'"):
        export(tmp_path / "train", tmp_path / "x", "nothing")


# By the consumers' own readers


@pytest.mark.consumers
@pytest.mark.parametrize("dtype", [U16, U32])
def test_mosaicml_streaming_reads_mds(
    tmp_path: Path, dtype: np.dtype[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    streaming = pytest.importorskip("streaming", reason="needs corpusforge[consumers]")
    monkeypatch.setattr(mds, "SIZE", 1000)  # several files
    rows = shards(tmp_path / "train", dtype)
    export(tmp_path / "train", tmp_path / "mds", "mds")
    data = streaming.StreamingDataset(local=str(tmp_path / "mds"), shuffle=False, batch_size=1)
    read = [data[n] for n in range(len(data))]
    assert [(row["id"], row["source"], row["tokens"].tolist()) for row in read] == rows
    assert {row["tokens"].dtype for row in read} == {dtype}
    assert [row["id"] for row in data] == [name for name, *_ in rows], "as training iterates"
    sequences = packed(tmp_path / "packed", tmp_path / "train") if dtype == U16 else []
    if sequences:
        export(tmp_path / "packed", tmp_path / "packed_mds", "mds")
        data = streaming.StreamingDataset(local=str(tmp_path / "packed_mds"), batch_size=1)
        assert [data[n]["tokens"].tolist() for n in range(len(data))] == sequences


@pytest.mark.consumers
@pytest.mark.parametrize("size", [1 << 26, 1000])  # of one byte theirs makes an empty file first
def test_mosaicml_streaming_writes_the_same_bytes(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their writer, given our rows: the same files and the same index."""
    streaming = pytest.importorskip("streaming", reason="needs corpusforge[consumers]")
    shards(tmp_path / "train")
    monkeypatch.setattr(mds, "SIZE", size)
    export(tmp_path / "train", tmp_path / "ours", "mds")
    index = json.loads((tmp_path / "ours/index.json").read_text())
    about = index["shards"][0]
    columns = dict(zip(about["column_names"], about["column_encodings"], strict=True))
    with streaming.MDSWriter(
        out=str(tmp_path / "theirs"), columns=columns, size_limit=size
    ) as writer:
        for row in read_mds(tmp_path / "ours"):
            writer.write(row)
    assert json.loads((tmp_path / "theirs/index.json").read_text()) == index
    for path in (tmp_path / "theirs").glob("*.mds"):
        assert path.read_bytes() == (tmp_path / "ours" / path.name).read_bytes()


@pytest.mark.consumers
@pytest.mark.parametrize("dtype", [U16, U32])
def test_olmo_core_reads_npy(tmp_path: Path, dtype: np.dtype[Any]) -> None:
    data = pytest.importorskip("olmo_core.data", reason="needs corpusforge[consumers]")
    from olmo_core.data.utils import get_document_indices, iter_document_indices

    rows = shards(tmp_path / "train", dtype)
    export(tmp_path / "train", tmp_path / "olmo", "olmo")
    paths = sorted((tmp_path / "olmo").glob("*.npy"))
    bounds = [get_document_indices(path) for path in paths]
    found = [list(iter_document_indices(path, eos_token_id=END, dtype=dtype)) for path in paths]
    assert bounds == found, "the table, and OLMo-core's own search for the end id"
    assert [end - start for each in bounds for start, end in each] == list(LENGTHS)
    tokenizer = data.TokenizerConfig(vocab_size=200_064, eos_token_id=END, pad_token_id=PAD)
    config = data.NumpyFSLDatasetConfig(
        tokenizer=tokenizer, paths=[str(tmp_path / "olmo/*.npy")], expand_glob=True,
        sequence_length=64, dtype=getattr(data.NumpyDatasetDType, dtype.name),
        work_dir=str(tmp_path / "work"), generate_doc_lengths=True,
    )  # fmt: skip
    dataset = config.build()
    dataset.prepare()
    whole = [ids for _, _, document in rows[:5] for ids in document]
    rest = [ids for _, _, document in rows[5:] for ids in document]
    expected = [part[n : n + 64] for part in (whole, rest) for n in range(0, len(part) - 63, 64)]
    assert [dataset[n]["input_ids"].tolist() for n in range(len(dataset))] == expected
