"""Large files are cut where their format allows; what comes out does not depend on the cuts."""

from __future__ import annotations

import bz2
import codecs
import gzip
import hashlib
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from corpusforge.ingest import Settings, read
from corpusforge.ingest.spans import WHOLE, cut
from corpusforge.records import Failed
from pipelines import pretrain_mix

SAMPLE = Path(pretrain_mix.__file__).parents[1] / "examples" / "sample_corpus"

RECIPE = """
name = "cuts"
[sources.web]
kind = "web"
[sources.wikipedia]
kind = "wikipedia"
[score.keep]
rule = "none"
[tokenize]
vocab_size = 400
[mix]
budget = 20_000
weights = { web = 1, wikipedia = 1 }
epoch_cap = 10.0
"""


def members(path: Path) -> list[bytes]:
    """The records of a WARC file compressed record by record, decompressed one by one."""
    import zlib

    data, records = path.read_bytes(), []
    while data:
        member = zlib.decompressobj(31)
        records.append(member.decompress(data))
        data = member.unused_data
    return records


def write_web(folder: Path, name: str) -> Path:
    path = folder / name
    records = members(SAMPLE / "web.warc.gz")
    if name.startswith("quoted"):  # a record that holds other records
        body = b"".join(records[:9])
        head = b"WARC/1.0\r\nWARC-Type: resource\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
        records.insert(5, head % len(body) + body + b"\r\n\r\n")
    if name.endswith(".zst"):
        path.write_bytes(b"".join(zstandard.compress(record) for record in records))
    elif name.endswith(".warc"):
        path.write_bytes(b"".join(records))
    elif name.startswith("one"):
        path.write_bytes(gzip.compress(b"".join(records)))
    else:
        path.write_bytes(b"".join(gzip.compress(record, mtime=0) for record in records))
    return path


def write_dump(folder: Path) -> Path:
    text = bz2.decompress(next(iter(sorted(SAMPLE.glob("*wiki*.bz2")))).read_bytes())
    start, end = text.index(b"<page>"), text.rindex(b"</page>") + len(b"</page>")
    pages = re.findall(rb"<page>.*?</page>\s*", text[start:end] + b"\n", re.DOTALL)
    groups = [b"".join(pages[i : i + 5]) for i in range(0, len(pages), 5)]
    path = folder / "dump.xml.bz2"
    streams = [text[:start], *groups, text[end:]]
    path.write_bytes(b"".join(bz2.compress(stream) for stream in streams))
    return path


def write_rows(folder: Path) -> Path:
    path = folder / "rows.parquet"
    table = pa.table({"text": [f"row {n} " * 40 for n in range(1000)]})
    pq.write_table(table, path, row_group_size=100, compression="none", use_dictionary=False)
    return path


@pytest.mark.parametrize(
    ("kind", "name", "piece"),
    [("web", "a.warc.gz", 3_000), ("web", "a.warc.gz", 20_000), ("web", "a.warc.zst", 5_000),
     ("web", "a.warc", 9_000), ("web", "quoted.warc", 9_000),
     ("wikipedia", "dump", 1_500), ("documents", "rows", 70_000)],
)  # fmt: skip
def test_the_stretches_of_a_file_hold_its_records_each_once(
    tmp_path: Path, kind: str, name: str, piece: int
) -> None:
    writers = {"dump": write_dump, "rows": write_rows}
    path = writers[name](tmp_path) if name in writers else write_web(tmp_path, name)
    spans = cut(kind, str(path), path.stat().st_size, piece)
    assert len(spans) > 2
    assert spans[0][0] == 0
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
    whole = list(read(kind, str(path), Settings()))
    assert len(whole) > 14
    parts = [list(read(kind, str(path), Settings(), "", span)) for span in spans]
    assert [item for part in parts for item in part] == whole
    assert sum(bool(part) for part in parts) > 2


TEXT = b"".join(bz2.decompress((SAMPLE / name).read_bytes()) for name in ("wikipedia.xml.bz2",))


def pbzip2(piece: int) -> bytes:
    """As programs write it that pack on several processors: a stream for each piece, cut anywhere."""
    return b"".join(bz2.compress(TEXT[i : i + piece]) for i in range(0, len(TEXT), piece))


def many_blocks() -> bytes:
    """One stream of blocks of 100 kB, with words that do not repeat inside some pages."""
    noise = hashlib.shake_256(b"noise").digest(60_000).hex().encode()
    return bz2.compress(TEXT.replace(b"</text>", noise + b"</text>", 8), 1)


DUMPS: dict[str, Callable[[], bytes]] = {
    "plain.xml": lambda: TEXT,
    "mark.xml": lambda: codecs.BOM_UTF8 + TEXT,
    "one.xml.bz2": lambda: bz2.compress(TEXT),
    "blocks.xml.bz2": many_blocks,
    "streams.xml.bz2": lambda: pbzip2(7_001),
    "small.xml.bz2": lambda: pbzip2(900),
}


@pytest.mark.parametrize("name", DUMPS)
@pytest.mark.parametrize("parts", [2, 7, 41])
def test_a_dump_that_is_cut_anywhere_gives_its_pages_each_once(
    tmp_path: Path, name: str, parts: int
) -> None:
    path = tmp_path / name
    path.write_bytes(DUMPS[name]())
    size = path.stat().st_size
    edges = [size * n // parts for n in range(parts + 1)]
    whole = list(read("wikipedia", str(path), Settings()))
    assert len(whole) == 42
    found = [item for span in itertools.pairwise(edges)
             for item in read("wikipedia", str(path), Settings(), "", span)]  # fmt: skip
    assert [item.locator for item in found] == [item.locator for item in whole]
    assert found == whole


def test_a_damaged_block_costs_its_stretch_alone(tmp_path: Path) -> None:
    path = tmp_path / "blocks.xml.bz2"
    data = bytearray(many_blocks())
    whole = {item.locator for item in read_all(path, bytes(data), 6)}
    data[len(data) // 2] ^= 0xFF
    found = read_all(path, bytes(data), 6)
    (failed,) = (item for item in found if isinstance(item, Failed))
    assert "bzip2 block at byte" in failed.error and "is damaged" in failed.error
    left = {item.locator for item in found}
    assert len(whole & left) > len(whole) / 2
    cut_off = read_all(path, many_blocks()[: len(data) * 3 // 4], 3)
    assert "ends early, inside the bzip2 block at byte" in cut_off[-1].error
    assert {item.locator for item in cut_off[:-1]} < whole


def read_all(path: Path, data: bytes, parts: int) -> list[Any]:
    path.write_bytes(data)
    edges = [len(data) * n // parts for n in range(parts + 1)]
    return [item for span in itertools.pairwise(edges)
            for item in read("wikipedia", str(path), Settings(), "", span)]  # fmt: skip


def test_large_dumps_are_cut(tmp_path: Path) -> None:
    for name, write in DUMPS.items():
        path = tmp_path / name
        path.write_bytes(write())
        assert len(cut("wikipedia", str(path), path.stat().st_size, 3_000)) > 3, name
    wide, packed = tmp_path / "wide.xml", tmp_path / "a.xml.gz"
    wide.write_bytes(TEXT.decode().encode("utf-16"))
    packed.write_bytes(gzip.compress(TEXT))
    for path in (wide, packed):
        assert cut("wikipedia", str(path), path.stat().st_size, 3_000) == [WHOLE]


def test_damage_in_two_places_costs_two_records(tmp_path: Path) -> None:
    records = members(SAMPLE / "web.warc.gz")
    stored = [gzip.compress(record, mtime=0) for record in records]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(stored))
    whole = {item.locator for item in read("web", str(path), Settings())}
    for number in (20, 60):
        damaged = bytearray(stored[number])
        damaged[len(damaged) // 2 :] = b"\xaa" * (len(damaged) - len(damaged) // 2)
        stored[number] = bytes(damaged)
    path.write_bytes(b"".join(stored))
    left = list(read("web", str(path), Settings()))
    assert sum(isinstance(item, Failed) for item in left) == 2
    assert len(whole - {item.locator for item in left}) <= 2


def test_what_cannot_be_cut_stays_whole(tmp_path: Path) -> None:
    one = write_web(tmp_path, "one.warc.gz")
    assert cut("web", str(one), one.stat().st_size, 1_000) == [WHOLE]
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"text": "one"}\n' * 1000)
    assert cut("documents", str(lines), lines.stat().st_size, 100) == [WHOLE]
    small = write_web(tmp_path, "small.warc.gz")
    assert cut("web", str(small), small.stat().st_size, small.stat().st_size) == [WHOLE]


def test_a_magic_number_inside_a_member_is_no_boundary(tmp_path: Path) -> None:
    """Stored blocks of incompressible bytes that hold gzip's magic number again and again."""
    noise = hashlib.shake_256(b"noise").digest(3_000)
    body = b"".join(noise[i : i + 300] + b"\x1f\x8b\x08" for i in range(0, 3_000, 300))
    record = b"WARC/1.0\r\nWARC-Type: resource\r\nContent-Length: %d\r\n\r\n" % len(body)
    member = gzip.compress(record + body + b"\r\n\r\n", 0, mtime=0)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(member * 20)
    spans = cut("web", str(path), path.stat().st_size, 5_000)
    assert len(spans) > 5
    assert all(start % len(member) == 0 for start, _ in spans)


def test_a_run_has_the_same_shards_however_its_files_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    write_dump(tmp_path / "in")
    write_web(tmp_path / "in", "a.warc.zst")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    sources = [f"--source=wikipedia={tmp_path}/in/*.bz2", f"--source=web={tmp_path}/in/*.zst",
               f"--recipe={tmp_path}/recipe.toml"]  # fmt: skip
    digests = []
    for name, size in (("whole", 32_000_000), ("cut", 6_000)):
        monkeypatch.setattr("corpusforge.run.inputs.PART_BYTES", size)
        output = tmp_path / name
        pretrain_mix.run(["--output", str(output), "--workers", "1", "--quiet", *sources])
        digests.append(
            {p.name + p.parent.name: hashlib.sha256(p.read_bytes()).hexdigest()
             for p in (output / "shards").rglob("*.bin")}
        )  # fmt: skip
    parts = [
        len(list((tmp_path / name / "documents").glob("*.parquet"))) for name in ("whole", "cut")
    ]
    assert parts[1] > parts[0] + 3
    assert digests[0] == digests[1]
