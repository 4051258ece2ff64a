"""Compressed bytes of strangers: told apart by their first bytes, unpacked in bounded pieces.

gzip members, bzip2 and xz streams, zstd and lz4 frames are read one after the other to the end of the
input, whatever zero padding (gzip, xz) or skippable frames (zstd, lz4) stand between them. Input that
ends inside one of them raises `TruncatedError`, other damage `DamagedError`, output beyond a cap
`RefusedError`: each after everything that came before was handed on. Formats: RFC 1952, RFC 8878, the xz
and lz4 frame format descriptions. Limits: a zstd window above 128 MiB and an xz stream that needs more
than 256 MiB to unpack are refused; of damage, up to 32 KiB before the damaged place may be lost.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, cast

from corpusforge.cputime import earn
from corpusforge.io import files

__all__ = [
    "MIB",
    "Caps",
    "DamagedError",
    "Pieces",
    "RefusedError",
    "Stream",
    "StreamError",
    "TruncatedError",
    "coding_of",
    "open_stream",
    "skippable",
    "unpack",
]

MIB = 1 << 20
_IN = _OUT = 1 << 15
"""Bytes read and bytes unpacked at a time."""
_XZ_MEMORY = 256 * MIB
_BLOCK = 1 << 17  # the most that a block of a zstd frame unpacks to
_DICTIONARY = b"\x5d\x2a\x4d\x18"  # the skippable frame that holds the dictionary of a WARC file
_LONGEST_DICTIONARY = 16 * MIB
_SKIPPING = (".zst", ".lz4")
_EMPTY_BZ2 = b"\x17rE8P\x90"
_HEAD = 10  # bytes that tell any coding


class StreamError(ValueError):
    """Packed bytes that cannot be unpacked any further; the message says what and where."""


class TruncatedError(StreamError):
    """The input ends inside a member, stream or frame."""


class DamagedError(StreamError):
    """Bytes that are not what their coding asks for."""


class RefusedError(ValueError):
    """A file or archive that passes a cap, or reaches outside: the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What may come out of a stream: at most `limit` bytes (0: any number), and above `floor` bytes
    at most `ratio` for each byte read. Text is packed some 20 to 1, zeros by gzip 1,030 to 1."""

    limit: int = 0
    ratio: float = 250.0
    floor: int = 64 * MIB


class _Decoder(Protocol):
    """One member, stream or frame; `bz2`, `lzma` and `lz4.frame` have such objects."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Inflate:
    """zlib's decompressor in the shape of `bz2`'s."""

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)
        self.eof, self.needs_input, self.unused_data = False, True, b""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        tail = self._stream.unconsumed_tail
        out = self._stream.decompress(tail + data if tail else data, max_length)
        self.eof, self.unused_data = self._stream.eof, self._stream.unused_data
        self.needs_input = not self._stream.unconsumed_tail
        return out


class _ZstdFrame:
    """One zstd frame, given to the library block by block: it unpacks all that it is given, and a
    block of 4 bytes may hold 128 KiB. The library's own readers do not tell a cut from an end."""

    def __init__(self, dictionary: Any = None) -> None:
        import zstandard

        self._stream = zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj()
        self._waiting = b""
        self._ahead = -1  # bytes before the next block's header; -1: the frame's header is to come
        self._last = False
        self.eof, self.needs_input, self.unused_data = False, True, b""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        data = self._waiting + data
        end = self._reach(data, max(1, max_length // _BLOCK))
        self._waiting = data[end:]
        out = self._stream.decompress(data[:end]) if end else b""
        self.eof = self._stream.eof
        if self.eof:
            self.unused_data = self._stream.unused_data + self._waiting
        return out

    def _reach(self, data: bytes, blocks: int) -> int:
        """Return the end of the next `blocks` blocks in `data`, or of what there is of them."""
        self.needs_input = True
        if self._ahead < 0:
            if len(data) < 5:
                return 0
            self._ahead = _zstd_header(data[4])
        at = 0
        while True:
            step = min(self._ahead, len(data) - at)
            at += step
            self._ahead -= step
            if self._ahead or len(data) - at < 3 or self._last:
                return len(data) if self._last else at
            if not blocks:
                self.needs_input = False
                return at
            header = int.from_bytes(data[at : at + 3], "little")
            self._last = bool(header & 1)
            self._ahead = 3 + (1 if header >> 1 & 3 == 1 else header >> 3)  # 1: a repeated byte
            blocks -= 1


def _zstd_header(descriptor: int) -> int:
    """Return the bytes of a frame's header, the magic number with it (RFC 8878, 3.1.1.1)."""
    single = descriptor >> 5 & 1
    content = (single, 2, 4, 8)[descriptor >> 6]
    return 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3] + content


def _lz4() -> _Decoder:
    import lz4.frame

    return cast(_Decoder, lz4.frame.LZ4FrameDecompressor())


@dataclass(frozen=True, slots=True)
class _Coding:
    """A coding: what one unit of it is called, how it begins, who unpacks it, what may stand between."""

    noun: str
    magic: bytes
    decoder: Callable[[], _Decoder]
    padding: bytes = b""


def _xz() -> _Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


CODINGS = {
    ".gz": _Coding("gzip member", b"\x1f\x8b", lambda: _Inflate(31), b"\x00"),
    ".bz2": _Coding("bzip2 stream", b"BZh", bz2.BZ2Decompressor),
    ".xz": _Coding("xz stream", b"\xfd7zXZ\x00", _xz, b"\x00"),
    ".zst": _Coding("zstd frame", b"\x28\xb5\x2f\xfd", _ZstdFrame),
    ".lz4": _Coding("lz4 frame", b"\x04\x22\x4d\x18", _lz4),
    "zlib": _Coding("zlib stream", b"", lambda: _Inflate(15)),
    "raw": _Coding("deflate stream", b"", lambda: _Inflate(-15)),
}
"""By the ending of a file name; the last two occur in HTTP bodies alone, and have no magic number."""


def coding_of(head: bytes, name: str = "") -> str:
    """Return the ending (".gz", ".bz2", ".xz", ".zst", ".lz4") of the coding that 10 first bytes tell, or "".

    Skippable frames belong to zstd and lz4 alike: there the file's name decides until a frame comes,
    and so it does of a file that is cut inside its first bytes.
    """
    for ending in files.COMPRESSED:
        if _begins(ending, head):
            return ending
        if name.lower().endswith(ending) and 0 < len(head) < _HEAD and _may_begin(ending, head):
            return ending
    if skippable(head):
        return ".lz4" if name.lower().endswith(".lz4") else ".zst"
    return ""


def _begins(ending: str, head: bytes) -> bool:
    if not head.startswith(CODINGS[ending].magic):
        return False
    # "BZh" alone begins many a text
    return ending != ".bz2" or (head[3:4].isdigit() and head[4:10] in (b"1AY&SY", _EMPTY_BZ2))


def _may_begin(ending: str, head: bytes) -> bool:
    """Whether so few bytes may be the beginning of a unit."""
    magic = CODINGS[ending].magic
    if ending in _SKIPPING and 0x50 <= head[0] <= 0x5F and b"\x2a\x4d\x18".startswith(head[1:]):
        return True
    return magic.startswith(head) or (ending == ".bz2" and head.startswith(magic))


def skippable(head: bytes) -> bool:
    """Whether a skippable frame begins here: 8 bytes of header, the last 4 its length."""
    return head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F


class _Unpacker:
    """Everything that the units of one coding hold, piece by piece; `start` is where `read` begins."""

    def __init__(
        self, read: Callable[[int], bytes], coding: str, start: int = 0, padding: bytes = b""
    ) -> None:
        self._read, self._coding = read, coding
        self._padding = padding + CODINGS[coding].padding
        self._input = b""
        self._decoder: _Decoder | None = None
        self._dictionary: Any = None
        self._units = 0
        self.unit = start  # where the unit being read, or about to be, begins
        self.taken = start  # packed bytes read so far

    def read1(self) -> bytes:
        """Return some bytes, b"" at the end."""
        while True:
            if self._decoder is None and not self._begin():
                return b""
            data = self._step()
            if data:
                return data

    def _step(self) -> bytes:
        assert self._decoder is not None
        decoder, ended = self._decoder, False
        if not self._input and decoder.needs_input:
            ended = not self._fill(1)
        given, self._input = self._input, b""
        try:
            data = decoder.decompress(given, _OUT)
        except MemoryError:
            raise
        except Exception as error:  # each library has its own, and none a common one
            noun = CODINGS[self._coding].noun
            raise DamagedError(
                f"the {noun} is damaged before byte {self.taken}: {error}"
            ) from error
        if decoder.eof:
            self._input, self._decoder = decoder.unused_data or b"", None  # lz4's may be None
        elif ended and not data:
            raise TruncatedError(self._cut())
        return data

    def _begin(self) -> bool:
        """Come to the next unit; False where there is none."""
        while self._fill(_HEAD):
            if skippable(self._input) and self._coding in _SKIPPING:
                self._skip()
                continue
            if self._units and self._padding and self._input[0] in self._padding:
                self._input = self._input.lstrip(self._padding)
                continue
            self._units += 1
            self.unit = self.taken - len(self._input)
            self._decoder = self._new()
            return True
        return False

    def _new(self) -> _Decoder:
        if self._coding in files.COMPRESSED and not _begins(self._coding, self._input[:_HEAD]):
            if self._units > 1 or coding_of(self._input[:_HEAD]) not in _SKIPPING:
                self._strange()
            self._coding = coding_of(self._input[:_HEAD])  # behind skippable frames
        if self._coding == ".zst" and self._dictionary is not None:
            return _ZstdFrame(self._dictionary)
        return CODINGS[self._coding].decoder()

    def _strange(self) -> None:
        coding = CODINGS[self._coding]
        if len(self._input) < _HEAD and _may_begin(self._coding, self._input):
            raise TruncatedError(self._cut())
        where = self.taken - len(self._input)
        raise DamagedError(f"at byte {where} no {coding.noun} begins: {self._input[:8]!r}")

    def _cut(self) -> str:
        return f"ends early, at byte {self.taken}, inside its last {CODINGS[self._coding].noun}"

    def _skip(self) -> None:
        """Pass over a skippable frame; of one that holds a dictionary, load it."""
        if not self._fill(8) or len(self._input) < 8:
            raise TruncatedError(self._cut())
        first = self.taken == len(self._input)
        size = int.from_bytes(self._input[4:8], "little")
        wanted = first and self._input[:4] == _DICTIONARY and size <= _LONGEST_DICTIONARY
        self._input = self._input[8:]
        kept: list[bytes] = []
        while size:
            if not self._fill(1):
                raise TruncatedError(self._cut())
            piece, self._input = self._input[:size], self._input[size:]
            size -= len(piece)
            if wanted:
                kept.append(piece)
        if wanted:
            self._dictionary = _dictionary(b"".join(kept))

    def _fill(self, size: int) -> int:
        """Have `size` bytes of input where there are so many; return how many there are."""
        while len(self._input) < size:
            data = self._read(_IN)
            if not data:
                break
            self.taken += len(data)
            self._input = self._input + data if self._input else data
        return len(self._input)


def _dictionary(data: bytes) -> Any:
    """The dictionary of a WARC file's first frame, itself a zstd frame or not (IIPC, WARC zstd 1.0)."""
    import zstandard

    if _begins(".zst", data):
        data = unpack(data, ".zst", _LONGEST_DICTIONARY)
    return zstandard.ZstdCompressionDict(data)


def unpack(
    data: bytes, coding: str, limit: int, *, padding: bytes = b"", cut: bool = False
) -> bytes:
    """Return what all units of `coding` in `data` hold: one of COMPRESSED, "zlib" or "raw" deflate.

    Bytes of `padding` may stand behind them; with `cut` an early end is one. Raises RefusedError where
    there is more than `limit` bytes, TruncatedError and DamagedError.
    """
    source = _Unpacker(io.BytesIO(data).read, coding, 0, padding)
    parts: list[bytes] = []
    size = 0
    try:
        while piece := source.read1():
            parts.append(piece)
            size += len(piece)
            if size > limit:
                raise RefusedError(f"more than {limit} bytes after decompression")
    except TruncatedError:
        if not cut:
            raise
    return b"".join(parts)


class Stream(io.BufferedIOBase):
    """An open file as it was before it was packed, a few kilobytes of it in memory.

    Where reading fails, `read1` and `chunk` have returned all that came before, and then each call raises:
    StreamError, RefusedError, or OSError of the file itself. `read` and `readline` never return a part.
    """

    def __init__(
        self, raw: BinaryIO, name: str = "", caps: Caps | None = None, start: int = 0, stop: int = 0
    ) -> None:
        self._raw, self._caps, self._left = raw, caps or Caps(), stop - start if stop else -1
        self._head = b""
        while len(self._head) < _HEAD and (more := self._take(_HEAD - len(self._head))):
            self._head += more
        self.coding = coding_of(self._head, name)
        self._unpacker = _Unpacker(self._packed, self.coding, start) if self.coding else None
        self._start = start
        self._buffer, self._at, self._out = b"", 0, 0
        self._broken: tuple[type[Exception], tuple[Any, ...]] | None = None

    @property
    def unit(self) -> int:
        """Where in the file the unit begins of which the last bytes came."""
        return self._unpacker.unit if self._unpacker else self._start

    def _take(self, size: int) -> bytes:
        if self._left >= 0:
            size = min(size, self._left)
        data = self._raw.read(size) if size else b""
        self._left -= len(data) if self._left >= 0 else 0
        return data

    def _packed(self, size: int) -> bytes:
        data, self._head = self._head, b""
        return data or self._take(size)

    def _more(self) -> bytes:
        """Return the next bytes, b"" at the end; the buffer is empty."""
        if self._broken is not None:
            raise self._broken[0](*self._broken[1])
        try:
            data = self._unpacker.read1() if self._unpacker else self._packed(_OUT)
            self._out += len(data)
            earn(len(data))
            self._check()
        except Exception as error:
            # not the error itself: its traceback holds this stream and what its readers collected
            self._broken = type(error), error.args
            raise
        return data

    def _check(self) -> None:
        caps = self._caps
        if caps.limit and self._out > caps.limit:
            raise RefusedError(f"more than {caps.limit} bytes after decompression")
        if self._unpacker and self._out > caps.floor:
            taken = max(1, self._unpacker.taken - self._start)
            if self._out > caps.ratio * taken:
                raise RefusedError(
                    f"decompression bomb: {self._out} bytes out of {taken}, "
                    f"more than {caps.ratio:g} to 1"
                )

    def readable(self) -> bool:
        """Return True: it is for reading only."""
        return True

    def tell(self) -> int:
        """Return how many unpacked bytes were handed out."""
        return self._out - (len(self._buffer) - self._at)

    def read1(self, size: int | None = -1, /) -> bytes:
        """Return at least one byte and at most `size`, b"" at the end."""
        if self._at >= len(self._buffer):
            self._buffer, self._at = self._more(), 0
        end = len(self._buffer) if size is None or size < 0 else self._at + size
        data = self._buffer[self._at : end]
        self._at += len(data)
        return data

    def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes, fewer only where the stream ends; damage before that raises."""
        if size is None or size < 0:
            return b"".join(iter(self.read1, b""))
        parts = [self.read1(size)]
        left = size - len(parts[0])
        while left and (data := self.read1(left)):
            parts.append(data)
            left -= len(data)
        return b"".join(parts) if len(parts) > 1 else parts[0]

    def chunk(self, size: int) -> bytes:
        """Return `size` bytes, fewer where the stream ends or breaks; what broke it raises next time."""
        parts: list[bytes] = []
        left = size
        try:
            while left and (data := self.read1(left)):
                parts.append(data)
                left -= len(data)
        except Exception:
            if not parts:
                raise
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return bytes up to and with the next line feed, at most `size` of them; damage raises."""
        most = -1 if size is None else size
        parts: list[bytes] = []
        while most and (data := self._line(most)):
            parts.append(data)
            most -= len(data) if most > 0 else 0
            if data.endswith(b"\n"):
                break
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def _line(self, most: int) -> bytes:
        """Return what the buffer has of a line, at most `most` bytes of it."""
        if self._at >= len(self._buffer):
            self._buffer, self._at = self._more(), 0
        end = self._buffer.find(b"\n", self._at) + 1 or len(self._buffer)
        data = self._buffer[self._at : end if most < 0 else min(end, self._at + most)]
        self._at += len(data)
        return data


class Pieces:
    """A stream for libraries that call `read` until it gives nothing: it gives what there is, so that
    all that comes before a damaged place reaches them before the damage raises."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.tell = stream.tell

    def read(self, size: int = -1) -> bytes:
        """Return at least one byte and at most `size`, b"" at the end."""
        return self._stream.read1(size)


@contextmanager
def open_stream(
    path: str, caps: Caps | None = None, start: int = 0, stop: int = 0
) -> Iterator[Stream]:
    """Open a file for reading, unpacked by its first bytes, whatever its name says.

    `start` and `stop` (0: the end) are offsets of stored bytes where a unit begins.
    """
    with files.open_raw(path) as raw:
        if start:
            raw.seek(start)
        yield Stream(raw, path, caps, start, stop)
