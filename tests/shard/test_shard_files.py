"""Shards: nanoGPT's memmap, Megatron's layout, the Parquet index; equal bytes however made."""

import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from corpusforge.hashing import id_keys, uniform
from corpusforge.io.parquet import read_table
from corpusforge.mix import Settings as MixSettings
from corpusforge.mix import plan, stream, supplies
from corpusforge.shard import Settings, shard_bounds, shard_name, verify, write_shard
from corpusforge.shard.writer import shard_stretches
from corpusforge.tokenize import INDEX, open_part

END = 256
U16 = np.dtype("<u2")
U32 = np.dtype("<u4")


def write_parts(folder, texts_by_part, dtype=U16):
    """Token parts written by hand: byte ids, END after each document."""
    prefixes = []
    for number, texts in enumerate(texts_by_part):
        ids = [[*text.encode(), END] for _, _, text in texts]
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        prefix = folder / f"tokens-{number:05d}"
        flat = np.array([n for row in ids for n in row], dtype=dtype)
        flat.tofile(prefix.with_suffix(".bin"))
        values = {
            "id": [name for name, _, _ in texts],
            "source": [source for _, source, _ in texts],
            "offset": np.cumsum(lengths) - lengths,
            "tokens": lengths.astype(np.int32),
            "bytes": lengths - 1,
            "cluster": [name for name, _, _ in texts],
        }
        columns = [
            pa.array(values[f.name], f.type) if f.name in values else pa.nulls(len(texts), f.type)
            for f in INDEX
        ]
        pa.parquet.write_table(pa.table(columns, schema=INDEX), prefix.with_suffix(".parquet"))
        prefixes.append(str(prefix))
    return prefixes


TEXTS = [
    *[(f"web-{n}", "web", f"page {n} " * (n % 5 + 1)) for n in range(30)],
    *[(f"wiki-{n}", "wiki", f"条目{n}。" * (n % 3 + 1)) for n in range(10)],
]


def make_stream(folder, texts_by_part, budget=900, dtype=U16):
    prefixes = write_parts(folder, texts_by_part, dtype)
    mix = MixSettings(weights={"web": 2, "wiki": 1}, budget=budget, validation=0.0)
    have = supplies([f"{prefix}.parquet" for prefix in prefixes], mix, seed=3)
    made = plan(mix, {name: supply.tokens for name, supply in have.train.items()})
    draws = stream(have.train, made.phases, seed=3)
    return have.named(draws), [open_part(prefix, dtype) for prefix in prefixes]


def write_all(folder, draws, parts, settings, dtype=U16, end_id=END):
    folder.mkdir(exist_ok=True)
    bounds = shard_bounds(draws.column("length").to_numpy(), settings, dtype)
    for number, (start, stop) in enumerate(bounds):
        piece = draws.slice(start, stop - start)
        write_shard(piece, parts, str(folder / shard_name(number)), dtype, end_id)
    return bounds


SMALL = Settings(shard_megabytes=0.0004)  # 200 ids of 2 bytes


@pytest.fixture
def shards(tmp_path):
    draws, parts = make_stream(tmp_path, [TEXTS])
    write_all(tmp_path / "train", draws, parts, SMALL)
    return tmp_path / "train", draws


def text_of(name):
    return next(text for known, _, text in TEXTS if known == name)


def test_memmap_holds_the_documents_that_the_index_names(shards):
    folder, draws = shards
    total = 0
    for path in sorted(folder.glob("*.bin")):
        ids = np.memmap(path, dtype=np.uint16, mode="r")  # as nanoGPT's train.py opens it
        rows = read_table(str(path.with_suffix(".parquet"))).to_pylist()
        for row in rows:
            document = ids[row["start"] : row["start"] + row["tokens"]].tolist()
            text = [*text_of(row["id"]).encode(), END]
            assert document == [*text[: row["tokens"] - 1], END]
            assert not row["cut"], "every row ends in the end id"
            assert row["source"] == row["id"].split("-")[0]
        total += len(ids)
    assert total == 900
    assert draws.num_rows == sum(
        read_table(str(path)).num_rows for path in folder.glob("*.parquet")
    )


def test_sizes_are_kept_and_no_document_lies_in_two_shards(shards):
    folder, draws = shards
    sizes = [path.stat().st_size // 2 for path in sorted(folder.glob("*.bin"))]
    longest = draws.column("length").to_numpy().max()
    assert len(sizes) >= 4
    assert all(200 <= size < 200 + longest for size in sizes[:-1])


MEGATRON_DTYPES = {1: np.uint8, 2: np.int8, 3: np.int16, 4: np.int32, 5: np.int64, 8: np.uint16}


class MegatronReader:
    """Reads an .idx/.bin pair by Megatron-LM's published layout, version 1."""

    def __init__(self, prefix):
        with open(f"{prefix}.idx", "rb") as stream:
            assert stream.read(9) == b"MMIDIDX\x00\x00"
            assert struct.unpack("<Q", stream.read(8)) == (1,)
            self.dtype = MEGATRON_DTYPES[struct.unpack("<B", stream.read(1))[0]]
            (sequences,) = struct.unpack("<Q", stream.read(8))
            (documents,) = struct.unpack("<Q", stream.read(8))
            self.lengths = np.frombuffer(stream.read(4 * sequences), dtype=np.int32)
            self.pointers = np.frombuffer(stream.read(8 * sequences), dtype=np.int64)
            self.document_indices = np.frombuffer(stream.read(8 * documents), dtype=np.int64)
            assert stream.read() == b""
        self.buffer = memoryview(np.memmap(f"{prefix}.bin", mode="r", order="C"))

    def get(self, n):
        return np.frombuffer(
            self.buffer, dtype=self.dtype, count=self.lengths[n], offset=self.pointers[n]
        )


@pytest.mark.parametrize("dtype", [U16, U32])
def test_megatron_reads_the_same_documents(tmp_path, dtype):
    draws, parts = make_stream(tmp_path, [TEXTS], dtype=dtype)
    write_all(tmp_path / "train", draws, parts, Settings(), dtype)
    reader = MegatronReader(tmp_path / "train" / "part-00000")
    names = draws.column("id").to_pylist()
    lengths = draws.column("length").to_pylist()
    assert reader.document_indices.tolist() == list(range(len(names) + 1))
    assert reader.lengths.tolist() == lengths
    for n, (name, length) in enumerate(zip(names, lengths, strict=True)):
        assert reader.get(n).tolist() == [*text_of(name).encode()[: length - 1], END]


def test_bytes_do_not_depend_on_parts_or_on_who_writes(tmp_path):
    hands = {"one": [TEXTS], "three": [TEXTS[25:], TEXTS[3:25], [], TEXTS[:3]]}
    made = {}
    for name, texts_by_part in hands.items():
        (tmp_path / name).mkdir()
        draws, parts = make_stream(tmp_path / name, texts_by_part)
        folder = tmp_path / name / "train"
        folder.mkdir()
        bounds = shard_bounds(draws.column("length").to_numpy(), SMALL, U16)
        order = list(enumerate(bounds))
        for number, (start, stop) in order if name == "one" else order[::-1]:
            piece = draws.slice(start, stop - start)
            write_shard(piece, parts, str(folder / shard_name(number)), U16, END)
        made[name] = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert made["one"] == made["three"]


def test_verify_is_silent_on_good_shards_and_names_each_damage(shards):
    from corpusforge.io.files import sha256

    folder, _ = shards
    digests = {path.name: sha256(str(path)) for path in folder.iterdir()}
    assert verify(folder, digests, END) == []
    path = folder / "part-00001.bin"
    good = path.read_bytes()
    path.write_bytes(good[:-2])
    assert any("end to end" in line for line in verify(folder, end_id=END))
    assert any("SHA-256" in line and "part-00001.bin" in line for line in verify(folder, digests))
    path.write_bytes(good[:-2] + b"\x07\x00")
    assert any("end-of-document id 256" in line for line in verify(folder, end_id=END))
    path.write_bytes(good)
    row, path = next(
        (row, path.with_suffix(".bin"))
        for path in sorted(folder.glob("*.parquet"))
        for row in read_table(str(path)).to_pylist()
        if row["tokens"] < len(text_of(row["id"]).encode()) + 1  # a document that the draw cuts
    )
    good = path.read_bytes()
    at = 2 * (row["start"] + row["tokens"] - 1)
    path.write_bytes(good[:at] + b"\x07\x00" + good[at + 2 :])
    assert verify(folder, end_id=END) == [
        f"{path}: 1 documents do not end in the end-of-document id 256"
    ]
    path.write_bytes(good)
    idx = folder / "part-00000.idx"
    idx.write_bytes(idx.read_bytes()[:-5])
    assert any("part-00000.idx" in line and "damaged" in line for line in verify(folder))
    idx.unlink()
    assert any("part-00000.idx: missing" in line for line in verify(folder, digests))
    assert verify(folder / "none") == [f"{folder / 'none'}: no shards"]


def draws_of(lengths, cut, wanted):
    """Documents of 9 ids each, end to end in one part; `wanted` ids of each are drawn."""
    count = len(lengths)
    columns = {
        **dict.fromkeys(("id", "source", "leaf"), ["d"] * count),
        "part": pa.array([0] * count, pa.int32()),
        "offset": [9 * n for n in range(count)],
        "length": wanted,
        "copy": pa.array([0] * count, pa.int32()),
        "cut": cut,
        "phase": pa.array([0] * count, pa.int32()),
    }
    return pa.table(columns)


@pytest.mark.parametrize("gathered", [1, 9, 10, 1 << 22])
@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize("left", range(1, 9))
def test_a_cut_document_ends_in_the_end_id_wherever_it_stands(
    tmp_path, monkeypatch, gathered, place, left
):
    monkeypatch.setattr("corpusforge.shard.writer.GATHERED", gathered)
    ids = np.array([*range(1, 9), END] * 4, dtype=U16)
    before = ids.copy()
    cut = [n == place for n in range(4)]
    wanted = [left if n == place else 9 for n in range(4)]
    receipt = write_shard(draws_of([9] * 4, cut, wanted), [ids], str(tmp_path / "s"), U16, END)
    expected = []
    for own in wanted:
        expected += [*range(1, own), END]
    assert np.fromfile(tmp_path / "s.bin", U16).tolist() == expected
    assert receipt.tokens == len(expected) == 27 + left
    assert read_table(str(tmp_path / "s.parquet")).column("cut").to_pylist() == [False] * 4
    assert np.array_equal(ids, before), "token parts are read, never written to"


def test_without_an_end_id_ids_stay_as_they_are_in_the_part(tmp_path):
    ids = np.array([*range(1, 9), END] * 2, dtype=U16)
    write_shard(draws_of([9] * 2, [True, False], [4, 9]), [ids], str(tmp_path / "s"), U16)
    assert np.fromfile(tmp_path / "s.bin", U16).tolist() == [1, 2, 3, 4, *range(1, 9), END]
    assert read_table(str(tmp_path / "s.parquet")).column("cut").to_pylist() == [True, False]


def test_an_empty_draw_gives_no_shards():
    assert shard_bounds(np.zeros(0, dtype=np.int64), Settings(), U16) == []


@pytest.mark.parametrize("pieces", [1, 2, 7, 40])
def test_bounds_from_lengths_in_pieces(pieces):
    u = uniform(id_keys(str(n) for n in range(300)), 1, "lengths")
    lengths = (1 + 60 * u * u).astype(np.int64)
    ends, expected, start = np.cumsum(lengths).tolist(), [], 0
    while start < len(lengths):  # document by document
        before, stop = ends[start - 1] if start else 0, start + 1
        while stop < len(lengths) and ends[stop - 1] - before < 200:
            stop += 1
        expected.append((start, stop, ends[stop - 1] - before))
        start = stop
    given = [np.zeros(0, np.int64), *np.array_split(lengths, pieces)]
    assert list(shard_stretches(given, SMALL, U16)) == expected


def test_one_long_document_fills_a_shard():
    assert shard_bounds(np.array([5000, 10, 10]), SMALL, U16) == [(0, 1), (1, 3)]


def test_a_cluster_stands_on_one_side_only(tmp_path):
    prefixes = write_parts(tmp_path, [TEXTS])
    table = read_table(f"{prefixes[0]}.parquet")
    clusters = pa.array([f"c{n // 4}" for n in range(table.num_rows)])
    at = table.column_names.index("cluster")
    table = table.set_column(at, INDEX.field("cluster"), clusters)
    pa.parquet.write_table(table, f"{prefixes[0]}.parquet")
    have = supplies([f"{prefixes[0]}.parquet"], MixSettings(validation=0.3), seed=1)
    sides = []
    for side in (have.train, have.validation):
        rows = np.concatenate([supply.rows for supply in side.values()])
        sides.append({clusters[int(row)].as_py() for row in rows})
    assert sides[0] and sides[1]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == {f"c{n}" for n in range(10)}
