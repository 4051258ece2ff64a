"""The journal of replies: append-only JSON lines, one a reply, so that nothing is paid twice.

A line holds the whole request and its completion, readable by a person; lines are found by the
request's key, which is computed from the line (so a journal may be written by hand). A killed
writer leaves at most a torn last line, a power cut perhaps a tail of zeros; both are cut away when
the next writer opens the file.
Failed tries that may have been billed are lines too, but never answer a request. Limits: a local
file; one writer at a time (flock); a power cut may lose what the operating system had not written.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol, Self

import msgspec

from corpusforge.errors import InputError
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.files import is_remote, make_directory
from corpusforge.models.records import Completion, Request

__all__ = ["Entry", "Journal", "Memory", "Store", "read_entries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: what was asked of which engine, and what came back."""

    request: Request
    completion: Completion
    engine: str = ""

    @property
    def answers(self) -> bool:
        """Whether this line answers its request; a failed try does not."""
        return self.completion.finish_reason != "error"


class Store(Protocol):
    """Where a client keeps replies."""

    def get(self, key: str) -> Completion | None:
        """Return the answer kept under a request's key."""

    def append(self, entry: Entry) -> None:
        """Keep one reply."""

    def entries(self) -> Iterator[Entry]:
        """Yield what was kept before this store was opened."""

    def close(self) -> None:
        """Release the store; nothing may be appended afterwards."""


class Memory:
    """A store that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._answers: dict[str, Completion] = {}

    def get(self, key: str) -> Completion | None:
        """Return the answer kept under a request's key."""
        return self._answers.get(key)

    def append(self, entry: Entry) -> None:
        """Keep one reply."""
        if entry.answers:
            self._answers[entry.completion.key] = entry.completion

    def entries(self) -> Iterator[Entry]:
        """Yield nothing: a new store is empty."""
        return iter(())

    def close(self) -> None:
        """Do nothing."""


class Journal:
    """A journal file, opened for reading alone or, under its lock, for appending.

    Memory: two integers a line; answers are read from the file when they are asked for.
    """

    def __init__(self, path: str | Path, *, write: bool = True) -> None:
        """Open `path`; a missing file is made when writing. Raises InputError, also when locked."""
        self.path = str(path)
        if is_remote(self.path):
            raise InputError(f"journal {self.path!r} is remote; a journal is a local file.")
        self._spans: dict[str, tuple[int, int]] = {}
        self._encoder = msgspec.json.Encoder()
        self._file = self._open(write)
        end = 0
        try:
            for start, end, entry in _scan(self.path):
                if entry.answers:
                    self._spans.setdefault(entry.request.key, (start, end - start))
        except InputError:
            self._file.close()
            raise
        self._end = _mend(self._file, end) if write else end
        self.write = write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._spans)

    def _open(self, write: bool) -> IO[bytes]:
        if not write:
            if not Path(self.path).is_file():
                raise InputError(f"journal {self.path!r} does not exist. Give --journal FILE.")
            return Path(self.path).open("rb", buffering=0)
        make_directory(str(Path(self.path).parent))
        try:
            stream = Path(self.path).open("a+b", buffering=0)  # noqa: SIM115 - close() does
        except OSError as error:
            raise InputError(f"cannot write journal {self.path!r}: {error.strerror}.") from error
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            stream.close()
            raise InputError(
                f"journal {self.path!r} is being written by another process. Wait for it, or give "
                "this one a --journal of its own."
            ) from error
        return stream

    def get(self, key: str) -> Completion | None:
        """Return the first answer kept under a request's key."""
        entry = self.entry(key)
        return None if entry is None else replace(entry.completion, key=key)

    def entry(self, key: str) -> Entry | None:
        """Return the first line that answers the request of a key."""
        span = self._spans.get(key)
        if span is None:
            return None
        entry: Entry = decode_json(os.pread(self._file.fileno(), span[1], span[0]), Entry)
        return entry

    def append(self, entry: Entry) -> None:
        """Write one line; it is with the operating system when this returns, whole or not at all.

        Raises InputError where the disk refuses; the journal is then as it was.
        """
        assert self.write, "a journal opened for reading takes no lines"
        line = self._encoder.encode(entry) + b"\n"
        for empty in _EMPTY:
            line = line.replace(empty, b"", 1)
        problem = "the disk is full"
        try:
            whole = self._file.write(line) == len(line)
        except OSError as error:
            whole, problem = False, error.strerror or str(error)
        if not whole:
            self._file.truncate(self._end)
            raise InputError(
                f"cannot append to journal {self.path!r}: {problem}. What it holds is kept; make "
                "room and run the same command again."
            )
        if entry.answers:
            self._spans.setdefault(entry.completion.key, (self._end, len(line)))
        self._end += len(line)

    def entries(self) -> Iterator[Entry]:
        """Yield every line of the file, failed tries included."""
        for _, _, entry in _scan(self.path):
            yield entry

    def close(self) -> None:
        """Flush to the disk and release the lock."""
        if not self._file.closed:
            if self.write:
                os.fsync(self._file.fileno())
            self._file.close()


def read_entries(path: str | Path) -> Iterator[Entry]:
    """Yield every line of a journal without locking it; a torn last line is passed over."""
    with Journal(path, write=False) as journal:
        yield from journal.entries()


def _scan(path: str) -> Iterator[tuple[int, int, Entry]]:
    """Yield (start, end, entry) of each line; a last line that was torn is not yielded.

    Zeros at the end are none of ours: a power cut leaves them where a file had grown already and
    its bytes had not come to the disk.
    """
    start = 0
    with Path(path).open("rb") as lines:
        for number, stored in enumerate(lines, 1):
            line = stored if stored.endswith(b"\n") else stored.rstrip(b"\0")
            end = start + len(line)
            if line.strip():
                try:
                    yield start, end, decode_json(line, Entry)
                except DecodingError as error:
                    if _torn(line):
                        return
                    raise InputError(
                        f"{path}:{number}: not a journal line ({error}). Is it another file? Else "
                        "remove the line; what it answered will be asked again."
                    ) from error
            start = end


def _torn(line: bytes) -> bool:
    """Whether a line is the beginning of one of ours, so that cutting it away loses nothing else."""
    return not line.endswith(b"\n") and (line.startswith(_HEAD) or _HEAD.startswith(line))


_EMPTY = (b',"echo":false', b',"reasoning":""', b',"left_out":""')
"""Fields of a request and a completion that are not written where they say nothing: quotes inside of texts
are escaped, so nothing else reads like them."""

_HEAD = b'{"request":{"messages":['


def _mend(stream: IO[bytes], end: int) -> int:
    """Cut a torn line away, end a whole last line that lacks its newline; return the file's size."""
    stream.truncate(end)
    if end and os.pread(stream.fileno(), 1, end - 1) != b"\n":
        end += stream.write(b"\n")
    return end
