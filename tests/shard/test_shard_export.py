"""Exports and packed sequences: the same ids, read back by other libraries."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.errors import InputError
from corpusforge.io.parquet import read_table
from corpusforge.shard import TokenStream, export, pack_shard, verify, write_shard
from corpusforge.shard.pack import best_fit

END, PAD = 9999, 9998
LENGTHS = (7, 1, 12, 30, 3, 3, 44, 9, 21, 2, 2, 5)
U16 = np.dtype("<u2")


def write(folder, lengths, shards=2, dtype=U16):
    """Shards whose ids are their own positions in the stream, END behind each document."""
    ids = np.arange(sum(lengths), dtype=dtype)
    ids[np.cumsum(lengths) - 1] = END
    starts = np.cumsum((0, *lengths))[:-1]
    edges = np.linspace(0, len(lengths), shards + 1).astype(int)
    for number in range(shards):
        rows = range(edges[number], edges[number + 1])
        draws = pa.table(
            {
                "id": [f"d{n}" for n in rows],
                "source": ["web" if n % 2 else "wiki" for n in rows],
                "leaf": ["web" if n % 2 else "wiki" for n in rows],
                "part": pa.array([0] * len(rows), pa.int32()),
                "offset": starts[rows.start : rows.stop],
                "length": np.array(lengths[rows.start : rows.stop], dtype=np.int64),
                "copy": pa.array([n % 3 for n in rows], pa.int32()),
                "cut": [False] * len(rows),
                "phase": pa.array([0] * len(rows), pa.int32()),
            }
        )
        write_shard(draws, [ids], str(folder / f"part-{number:05d}"), dtype)
    return ids, starts


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "train"
    path.mkdir()
    return path, *write(path, LENGTHS)


@pytest.mark.parametrize("dtype", [U16, np.dtype("<u4")])
def test_arrow_opens_with_datasets_and_gives_the_same_ids(tmp_path, dtype):
    import datasets

    path = tmp_path / "train"
    path.mkdir()
    ids, starts = write(path, LENGTHS, dtype=dtype)
    assert export(path, tmp_path / "arrow", "arrow") == {"rows": 12, "tokens": sum(LENGTHS)}
    loaded = datasets.load_from_disk(str(tmp_path / "arrow"))
    assert loaded.features["input_ids"].feature.dtype == {2: "uint16", 4: "uint32"}[dtype.itemsize]
    assert len(loaded) == 12
    for n, row in enumerate(loaded):
        assert row["input_ids"] == ids[starts[n] : starts[n] + LENGTHS[n]].tolist()
        assert (row["id"], row["copy"], row["cut"]) == (f"d{n}", n % 3, False)
    assert loaded.with_format("numpy")[3]["input_ids"].tolist() == ids[20:50].tolist()


def test_parquet_holds_the_same_ids(folder, tmp_path):
    path, ids, _ = folder
    export(path, tmp_path / "out", "parquet", notes="Made for a test.")
    tables = [pq.read_table(file) for file in sorted((tmp_path / "out").glob("*.parquet"))]
    flat = [n for table in tables for row in table.column("input_ids").to_pylist() for n in row]
    assert flat == ids.tolist()
    text = (tmp_path / "out" / "README.md").read_text()
    assert "12 rows, 139 ids" in text
    wiki = sum(LENGTHS[::2])
    assert f"| wiki | 6 | {wiki} | {wiki / 139:.2%} |" in text
    assert "Made for a test." in text


def test_the_same_shards_give_the_same_bytes(folder, tmp_path):
    path, *_ = folder
    for name in ("a", "b"):
        export(path, tmp_path / name, "arrow")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_no_shards_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no shards"):
        export(tmp_path, tmp_path / "out", "parquet")


def pack_all(path, out, packing, sequence):
    out.mkdir()
    names = sorted(file.stem for file in path.glob("*.bin"))
    return [pack_shard(str(path / name), str(out / name), packing, sequence, PAD) for name in names]


@pytest.mark.parametrize("packing", ["best_fit", "one"])
def test_packed_sequences_hold_whole_documents(folder, tmp_path, packing):
    path, ids, starts = folder
    out = tmp_path / "packed"
    receipts = pack_all(path, out, packing, 16)
    assert verify(out) == []
    seen = {}
    padding = 0
    for file in sorted(out.glob("*.bin")):
        block = np.fromfile(file, dtype=U16).reshape(-1, 16)
        rows = read_table(str(file.with_suffix(".parquet"))).to_pylist()
        filled = np.zeros(block.size, dtype=bool)
        for row in rows:
            at = slice(row["start"], row["start"] + row["tokens"])
            assert row["start"] // 16 == (row["start"] + row["tokens"] - 1) // 16
            assert not filled[at].any()
            filled[at] = True
            piece = block.reshape(-1)[at].tolist()
            assert row["cut"] == (piece[-1] != END)
            seen.setdefault(row["id"], []).append(piece)
        assert (block.reshape(-1)[~filled] == PAD).all()
        padding += (~filled).sum()
        if packing == "one":
            assert len(rows) == len(block)
    assert padding == sum(receipt.padding for receipt in receipts)
    for n, length in enumerate(LENGTHS):
        whole = ids[starts[n] : starts[n] + length].tolist()
        # pieces of a long document may be packed in any order; sort them by where they began
        assert sorted((i for piece in seen[f"d{n}"] for i in piece), key=whole.index) == whole
        assert len(seen[f"d{n}"]) == -(-length // 16)


def test_packed_shards_are_read_by_sequence(folder, tmp_path):
    path, *_ = folder
    out = tmp_path / "packed"
    pack_all(path, out, "best_fit", 16)
    stream = TokenStream(out, 16, batch_size=2)
    assert stream.packing == "best_fit"
    first, second = (np.fromfile(f, dtype=U16) for f in sorted(out.glob("*.bin")))
    blocks = np.concatenate([first, second])
    assert len(stream) == len(blocks) // 16
    for n in range(len(stream)):
        assert stream[n].tolist() == blocks[16 * n : 16 * n + 16].tolist()
    rows = [
        (int(row["start"]) // 16 + base, row["id"])
        for base, file in ((0, "part-00000"), (len(first) // 16, "part-00001"))
        for row in read_table(str(out / f"{file}.parquet")).to_pylist()
    ]
    for n in range(len(stream)):
        assert [p.id for p in stream.documents(n)] == [name for at, name in rows if at == n]
    pad = np.flatnonzero(blocks == PAD)[0]
    assert stream.locate(int(pad)).id == ""
    with pytest.raises(InputError, match="packed in sequences of 16"):
        TokenStream(out, 8)


def test_packed_export_names_the_bounds(folder, tmp_path):
    import datasets

    path, *_ = folder
    pack_all(path, tmp_path / "packed", "best_fit", 16)
    export(tmp_path / "packed", tmp_path / "arrow", "arrow")
    stream = TokenStream(tmp_path / "packed", 16)
    rows = list(datasets.load_from_disk(str(tmp_path / "arrow")))
    assert [row["input_ids"] for row in rows] == [stream[n].tolist() for n in range(len(stream))]
    for row in rows:
        for start, length in zip(row["starts"], row["lengths"], strict=True):
            assert PAD not in row["input_ids"][start : start + length]
        assert sum(row["lengths"]) == 16 - row["input_ids"].count(PAD)


def slow_best_fit(sizes, sequence):
    """Longest first; of the bins with room, the one with the least; the last used of equal ones."""
    bins, used = {}, {}
    rooms = []  # (room, time of last use, bin)
    for clock, item in enumerate(sorted(range(len(sizes)), key=lambda n: (-sizes[n], n))):
        fitting = [entry for entry in rooms if entry[0] >= sizes[item]]
        if fitting:
            chosen = min(fitting, key=lambda entry: (entry[0], -entry[1]))
            rooms.remove(chosen)
            room, number = chosen[0], chosen[2]
        else:
            room, number = sequence, len(set(bins.values()))
        bins[item], used[item] = number, sequence - room
        rooms.append((room - sizes[item], clock, number))
    return [bins[n] for n in range(len(sizes))], [used[n] for n in range(len(sizes))]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=40), st.integers(20, 30))
def test_best_fit_equals_its_slow_twin(sizes, sequence):
    bins, inside = best_fit(np.array(sizes, dtype=np.int64), sequence)
    assert (bins.tolist(), inside.tolist()) == slow_best_fit(sizes, sequence)


def test_best_fit_wastes_little():
    from corpusforge.hashing import id_keys, uniform

    u = uniform(id_keys([str(n) for n in range(5000)]), 1, "test")
    sizes = np.minimum(2048, 20 + (-500 * np.log1p(-u))).astype(np.int64)
    bins, _ = best_fit(sizes, 2048)
    assert (bins.max() + 1) * 2048 <= sizes.sum() * 1.01


def test_the_command_packs_and_exports(folder, tmp_path, capsys):
    from pipelines.export_shards import main, run

    path, *_ = folder
    packed = str(tmp_path / "packed")
    line = run(
        [str(path), "--to", "best_fit", "--sequence", "16", "--pad", "1", "--output", packed]
    )
    assert line.startswith("10 sequences of 16 in")
    assert main([str(path), "--to", "arrow", "--output", str(tmp_path / "a")]) == 0
    for wrong, message in (
        (["--to", "arrow", "--output", packed], "is not empty"),
        (["--to", "one", "--output", str(tmp_path / "c")], "need --pad"),
    ):
        assert main([str(path), *wrong]) == 2
        assert message in capsys.readouterr().err
