"""Packed files: every coding, cut at every byte, padded, skipped into, damaged, and larger than it looks.

What a whole file holds is known, and what a cut one begins with is asked of the coding's own library.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tracemalloc
import zlib

import lz4.frame
import pytest
import zstandard

from corpusforge.io.compressed import (
    MIB,
    Caps,
    DamagedError,
    Pieces,
    RefusedError,
    Stream,
    StreamError,
    TruncatedError,
    coding_of,
    open_stream,
    unpack,
)
from corpusforge.testing.packed import (
    CODINGS,
    partial,
    skippable,
    zeros,
    zstd_bomb,
)

WORDS = random.Random(7).choices([b"keeper", b"basin", b"gauge", b"river", b"ledger"], k=20_000)
TEXT = b"".join(b"%d %s\n" % (n, word) for n, word in enumerate(WORDS))
SMALL = TEXT[:700]


def read(data: bytes, name: str = "") -> bytes:
    return Stream(io.BytesIO(data), name).read()


def read_to_the_damage(data: bytes, name: str = "", size: int = 4096) -> tuple[bytes, str]:
    """What comes out in pieces, and the error that ends it ("" at a clean end)."""
    stream, parts = Stream(io.BytesIO(data), name), []
    try:
        while piece := stream.read1(size):
            parts.append(piece)
    except StreamError as error:
        with pytest.raises(StreamError):  # and it stays so
            stream.read1()
        return b"".join(parts), str(error)
    return b"".join(parts), ""


@pytest.mark.parametrize("coding", CODINGS)
def test_units_behind_each_other_are_one_stream(coding: str) -> None:
    pack = CODINGS[coding]
    whole = pack(TEXT)
    assert read(whole) == TEXT
    assert read(pack(TEXT[:5000]) + pack(b"") + pack(TEXT[5000:])) == TEXT
    assert read(b"".join(pack(TEXT[n : n + 999]) for n in range(0, 9990, 999))) == TEXT[:9990]
    assert unpack(whole, coding, len(TEXT)) == TEXT
    with pytest.raises(RefusedError):
        unpack(whole, coding, len(TEXT) - 1)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_small_file_cut_at_every_byte(coding: str) -> None:
    whole = CODINGS[coding](SMALL)
    for end in range(1, len(whole)):
        out, error = read_to_the_damage(whole[:end], f"file{coding}")
        assert "ends early" in error, end
        assert SMALL.startswith(out)
    assert read_to_the_damage(whole) == (SMALL, "")


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("share", [0.3, 0.75, 0.999])
def test_what_comes_before_a_cut_is_handed_on(coding: str, share: float) -> None:
    whole = CODINGS[coding](TEXT)
    cut = whole[: int(len(whole) * share)]
    out, error = read_to_the_damage(cut)
    assert out == partial(coding, cut)
    assert "ends early" in error
    assert f"byte {len(cut)}," in error


@pytest.mark.parametrize("coding", CODINGS)
def test_a_cut_in_a_second_unit(coding: str) -> None:
    pack = CODINGS[coding]
    first, second = pack(SMALL), pack(TEXT)
    for end in (1, 3, 5, 9, len(second) // 2, len(second) - 1):
        out, error = read_to_the_damage(first + second[:end])
        assert out.startswith(SMALL)
        assert "ends early" in error


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("junk", [b"JUNKJUNK", b"\n", b"PK\x03\x04 and more", b"x" * 5000])
def test_bytes_behind_the_last_unit_are_told(coding: str, junk: bytes) -> None:
    out, error = read_to_the_damage(CODINGS[coding](SMALL) + junk)
    assert out == SMALL
    assert "begins" in error


@pytest.mark.parametrize("coding", CODINGS)
def test_damage_inside(coding: str) -> None:
    """Whatever a flipped byte does, it is no silent other text: checksums are compared."""
    whole = bytearray(
        CODINGS[coding](TEXT)
        if coding not in (".zst", ".lz4")
        else zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)
        if coding == ".zst"
        else lz4.frame.compress(TEXT, content_checksum=True, block_checksum=True)
    )
    for place in range(20, len(whole), len(whole) // 15):
        damaged = bytearray(whole)
        damaged[place] ^= 0x40
        _, error = read_to_the_damage(bytes(damaged))
        assert error, place
        assert "damaged" in error or "ends early" in error or "begins" in error


@pytest.mark.parametrize("coding", [".gz", ".xz"])
@pytest.mark.parametrize("count", [4, 512, 100_000])
def test_zero_padding_is_no_damage(coding: str, count: int) -> None:
    """gzip files from tapes; xz's stream padding (its format, 2.2)."""
    pack = CODINGS[coding]
    assert read(pack(SMALL) + bytes(count)) == SMALL
    assert read(pack(SMALL) + bytes(count) + pack(TEXT)) == SMALL + TEXT


@pytest.mark.parametrize("coding", [".zst", ".lz4"])
def test_skippable_frames_anywhere(coding: str) -> None:
    pack = CODINGS[coding]
    frames = [pack(TEXT[:1000]), pack(TEXT[1000:2000])]
    for frame in (skippable(b""), skippable(b"hello", 3), skippable(bytes(100_000), 15)):
        for data in (
            frame + b"".join(frames),
            frames[0] + frame + frames[1],
            b"".join(frames) + frame,
            frame * 3 + frames[0] + frame + frame + frames[1] + frame,
        ):
            assert read(data) == TEXT[:2000]
            assert read(data, f"name{coding}") == TEXT[:2000]
            other = {".zst": ".lz4", ".lz4": ".zst"}[coding]
            assert read(data, f"name{other}") == TEXT[:2000]
    pzstd = b"".join(skippable(struct.pack("<I", len(frame))) + frame for frame in frames)
    assert read(pzstd) == TEXT[:2000]
    assert read(skippable(b"nothing else")) == b""


@pytest.mark.parametrize("coding", [".zst", ".lz4"])
def test_a_cut_skippable_frame(coding: str) -> None:
    frame, tail = CODINGS[coding](SMALL), skippable(b"x" * 40)
    for end in range(1, len(tail)):
        out, error = read_to_the_damage(frame + tail[:end])
        assert out == SMALL
        assert "ends early" in error


def test_a_zstd_dictionary_in_the_first_frame() -> None:
    rows = [
        b'{"text": "Level %d was written into the book by the keeper"}\n' % n for n in range(500)
    ]
    dictionary = zstandard.train_dictionary(2048, rows)
    pack = zstandard.ZstdCompressor(dict_data=dictionary).compress
    frames = b"".join(map(pack, rows[:5]))
    for kept in (dictionary.as_bytes(), zstandard.ZstdCompressor().compress(dictionary.as_bytes())):
        assert read(skippable(kept, 13) + frames) == b"".join(rows[:5])
        out, error = read_to_the_damage(skippable(kept, 13) + frames[:-3])
        assert out == b"".join(rows[:4])
        assert "ends early" in error
    _, error = read_to_the_damage(frames)
    assert "zstd frame is damaged" in error and "ictionary" in error


@pytest.mark.parametrize(
    "options",
    [
        {"level": 1},
        {"level": 19},
        {"write_checksum": True},
        {"write_content_size": False},
        {"write_checksum": True, "write_content_size": False, "level": 19},
    ],
)
@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_791, 65_792, 131_072, 131_073, 300_000])
def test_every_form_of_zstd_frame(options: dict[str, object], size: int) -> None:
    """Headers of every length, raw, repeated and packed blocks, sizes around a block's."""
    noise = random.Random(size).randbytes(size)
    for data in (noise, bytes(size), (TEXT * 2)[:size]):
        packed = zstandard.ZstdCompressor(**options).compress(data)  # type: ignore[arg-type]
        assert read(packed) == data
        for end in {5, 6, 9, 13, 18, len(packed) - 1} & set(range(1, len(packed))):
            assert "ends early" in read_to_the_damage(packed[:end])[1]


def test_first_bytes_and_names() -> None:
    for coding, pack in CODINGS.items():
        assert coding_of(pack(b"")[:10]) == coding
        assert coding_of(pack(TEXT)[:10], "plain.txt") == coding
    for text in (
        b"",
        b"BZh",
        b"BZhang is a name",
        b"BZh9 is no block",
        b"PK",
        b"{",
        b"\x1f",
        b"\xfd7z",
    ):
        assert coding_of(text) == ""
    assert coding_of(b"\x1f", "a.gz") == ".gz"
    assert coding_of(skippable(b"")[:10], "a.lz4") == ".lz4"
    assert coding_of(skippable(b"")[:10]) == ".zst"
    assert read(b"BZhang is a name", "name.bz2") == b"BZhang is a name"
    assert read(b"", "empty.gz") == b""


def test_bodies_without_a_magic_number() -> None:
    raw = zlib.compressobj(wbits=-15)
    deflated = raw.compress(TEXT) + raw.flush()
    assert unpack(deflated, "raw", len(TEXT)) == TEXT
    assert unpack(zlib.compress(TEXT), "zlib", len(TEXT)) == TEXT
    assert unpack(gzip.compress(SMALL) + b"\r\n", ".gz", 1000, padding=b"\r\n") == SMALL
    for data, coding in ((deflated, "raw"), (zlib.compress(TEXT), "zlib")):
        with pytest.raises(TruncatedError):
            unpack(data[:-20], coding, len(TEXT))
        assert TEXT.startswith(unpack(data[:-20], coding, len(TEXT), cut=True))
    with pytest.raises(DamagedError):
        unpack(b"<html>", "zlib", 100)


@pytest.mark.parametrize("coding", ["", *CODINGS])
def test_reading_in_every_way(coding: str) -> None:
    def new() -> Stream:
        return Stream(io.BytesIO(CODINGS[coding](TEXT) if coding else TEXT))

    lines = TEXT.splitlines(keepends=True)
    assert list(new()) == lines
    stream = new()
    assert [stream.readline() for _ in range(100)] == lines[:100]
    assert stream.tell() == sum(map(len, lines[:100]))
    assert stream.read() == b"".join(lines[100:])
    assert stream.read(5) == stream.readline() == stream.read1() == b""
    assert new().readline(3) == TEXT[:3]
    stream = new()
    assert b"".join(iter(lambda: stream.read(777), b"")) == TEXT
    stream = new()
    assert [len(stream.chunk(70_000)) for _ in range(3)] == [70_000] * 3
    reader = Pieces(new())
    assert b"".join(iter(lambda: reader.read(65_536), b"")) == TEXT
    assert io.TextIOWrapper(new(), "utf-8").read() == TEXT.decode()  # type: ignore[type-var]


@pytest.mark.parametrize("coding", CODINGS)
def test_read_and_readline_never_return_a_part(coding: str) -> None:
    """A caller who asks for so many bytes must not take fewer for the end of the file."""
    whole = CODINGS[coding](TEXT)
    cut = whole[: len(whole) * 3 // 4]
    there = partial(coding, cut)
    with pytest.raises(TruncatedError):
        Stream(io.BytesIO(cut)).read(len(there) + 1)
    with pytest.raises(TruncatedError):
        Stream(io.BytesIO(cut)).read()
    stream = Stream(io.BytesIO(cut))
    lines = []
    with pytest.raises(TruncatedError):
        while line := stream.readline():
            lines.append(line)
    assert lines == there.splitlines(keepends=True)[: there.count(b"\n")]
    stream = Stream(io.BytesIO(cut))
    if there:
        assert stream.chunk(len(there) + 100) == there
    with pytest.raises(TruncatedError):
        stream.chunk(1)


@pytest.mark.parametrize("coding", CODINGS)
def test_bombs_stop_at_the_caps_in_flat_memory(coding: str) -> None:
    data = zstd_bomb(1024) if coding == ".zst" else zeros(coding, 1024)
    for caps, words in (
        (Caps(limit=3 * MIB), "more than 3145728 bytes"),
        (Caps(ratio=200), "bomb"),  # lz4 reaches 250 to 1, the others 1,000 and more
    ):
        stream = Stream(io.BytesIO(data), "", caps)
        size = 0
        tracemalloc.start()
        with pytest.raises(RefusedError, match=words):
            while piece := stream.read1():
                size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10 * MIB  # 8 MiB of it is xz's dictionary
        assert size <= (caps.limit or caps.floor * 2)


def test_the_bound_on_its_edge() -> None:
    data = gzip.compress(bytes(1000))
    assert Stream(io.BytesIO(data), "", Caps(limit=1000)).read() == bytes(1000)
    with pytest.raises(RefusedError):
        Stream(io.BytesIO(data), "", Caps(limit=999)).read()
    at_most = Caps(floor=999, ratio=1000 / len(data))
    assert Stream(io.BytesIO(data), "", at_most).read() == bytes(1000)
    with pytest.raises(RefusedError):
        Stream(io.BytesIO(data), "", Caps(floor=999, ratio=999 / len(data))).read()
    assert Stream(io.BytesIO(data), "", Caps(floor=1000, ratio=1)).read() == bytes(1000)


def test_decoders_that_ask_for_much_memory_are_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * MIB}]
    _, error = read_to_the_damage(lzma.compress(SMALL, filters=filters))
    assert "emory" in error
    frame = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(
            window_log=30, write_content_size=False
        )
    ).compressobj()
    _, error = read_to_the_damage(frame.compress(SMALL) + frame.flush())
    assert "emory" in error


def test_a_stretch_of_a_file(tmp_path) -> None:
    parts = [bz2.compress(TEXT[n : n + 1000]) for n in range(0, 3000, 1000)]
    path = tmp_path / "multistream.bz2"
    path.write_bytes(b"".join(parts))
    start, stop = len(parts[0]), len(parts[0]) + len(parts[1])
    with open_stream(str(path), None, start, stop) as stream:
        assert stream.read() == TEXT[1000:2000]
    with open_stream(str(path), None, start) as stream:
        assert stream.read() == TEXT[1000:3000]
    with (
        open_stream(str(path), None, start, stop - 1) as stream,
        pytest.raises(TruncatedError) as told,
    ):
        stream.read()
    assert f"byte {stop - 1}," in str(told.value)


def test_an_error_of_the_disk_stays_what_it_is() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        Stream(Broken())  # type: ignore[arg-type]
