"""Packed files for tests: the five codings, what their own libraries read of a cut file, and bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable

import brotli
import lz4.frame
import zstandard

__all__ = [
    "CODINGS",
    "brotli_bomb",
    "deflate_bomb",
    "partial",
    "skippable",
    "tar_of",
    "warc_record",
    "zeros",
    "zstd_bomb",
]

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": lambda data: bz2.compress(data, 1),
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": zstandard.ZstdCompressor().compress,
    ".lz4": lz4.frame.compress,
}
"""How each coding packs, by the ending of a file's name."""

_MIB = 1 << 20


def partial(coding: str, cut: bytes) -> bytes:
    """Return what the coding's own library unpacks of the beginning of a packed file."""
    if coding == ".gz":
        return zlib.decompressobj(31).decompress(cut)
    if coding == ".bz2":
        return bz2.BZ2Decompressor().decompress(cut)
    if coding == ".xz":
        return lzma.LZMADecompressor().decompress(cut)
    if coding == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(cut)).read()
    return bytes(lz4.frame.LZ4FrameDecompressor().decompress(cut))


def skippable(data: bytes, number: int = 0) -> bytes:
    """Return a skippable frame of zstd and lz4 (RFC 8878, 3.1.2), one of 16 kinds."""
    return struct.pack("<II", 0x184D2A50 + number, len(data)) + data


def zeros(coding: str, mebibytes: int) -> bytes:
    """Return units of a coding that unpack to so many MiB of zeros, a multiple of 16."""
    return CODINGS[coding](bytes(16 * _MIB)) * (mebibytes // 16)


def zstd_bomb(mebibytes: int) -> bytes:
    """Return one zstd frame of blocks that repeat a byte: 4 bytes for 128 KiB (RFC 8878, 3.1.1.2)."""
    blocks = mebibytes * 8
    head = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x50"  # no content size; a window of 1 MiB
    block = (0x20000 << 3 | 1 << 1).to_bytes(3, "little") + b"0"
    last = (0x20000 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"0"
    return head + block * (blocks - 1) + last


def brotli_bomb(mebibytes: int) -> bytes:
    """Return a brotli stream of so many MiB of zeros, a multiple of 16: 14 bytes for each 16 MiB."""
    packer = brotli.Compressor(quality=5, lgwin=24)
    piece = bytes(16 * _MIB)
    first, next_ = (packer.process(piece) + packer.flush() for _ in range(2))
    return bytes(first + next_ * (mebibytes // 16 - 1) + packer.finish())


def deflate_bomb(mebibytes: int) -> bytes:
    """Return raw deflate of so many MiB of zeros, a multiple of 16."""
    packer = zlib.compressobj(wbits=-15)
    piece = packer.compress(bytes(16 * _MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * (mebibytes // 16) + b"\x03\x00"


def tar_of(files: dict[str, bytes]) -> bytes:
    """Return a plain tar of the files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def warc_record(name: str, body: bytes, headers: bytes = b"", kind: str = "response") -> bytes:
    """Return one WARC record of an HTTP response with HTML and the header lines given."""
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n" + headers + b"\r\n"
    block += body
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:x:{name}>\r\n"
        "WARC-Date: 2024-01-02T03:04:05Z\r\n"
        f"WARC-Target-URI: https://example.org/{name}\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"
