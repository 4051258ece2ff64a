"""Manifests and receipts: what a stage or a part was made from, and the digests of what it made.

A receipt is written after a part's outputs, a manifest after all parts; existing means complete.
`docs/storage.md` states the rules. Limit: a file changed on disk between two runs is noticed by
`corpusforge verify`, not by the skip test, which trusts digests recorded when it was written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

import msgspec

from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.ledger import Ledger

__all__ = [
    "Manifest",
    "Output",
    "Receipt",
    "added",
    "canonical",
    "fingerprint",
    "part_name",
    "read_json",
    "write_json",
]


@dataclass(frozen=True, slots=True)
class Output:
    """One file: its path inside the run, SHA-256, size in bytes, rows (0 where rows mean nothing)."""

    path: str
    sha256: str
    bytes: int
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one part of a stage made."""

    part: str
    fingerprint: str
    outputs: tuple[Output, ...]
    ledger: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    documents: int = 0
    input_bytes: int = 0
    cpu_seconds: float = 0.0
    """Of the thread that made the part: what other threads and processes of it used is not in it."""
    ended: float = 0.0
    """Unix time, by the clock of the worker."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one stage made of what."""

    stage: str
    fingerprint: str
    version: str
    settings: dict[str, Any]
    inputs: list[dict[str, Any]]
    outputs: tuple[Output, ...]
    ledger: list[dict[str, Any]]
    extra: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    documents: int = 0
    input_bytes: int = 0
    cpu_seconds: float = 0.0
    parts: int = 0
    ended: float = 0.0
    """Unix time."""

    @property
    def digest(self) -> str:
        """The digest of the stage's outputs: equal bytes under equal names give equal digests."""
        return fingerprint([[output.path, output.sha256] for output in self.outputs])

    def accounts(self) -> Ledger:
        """Return the stage's ledger."""
        return Ledger.from_rows(self.ledger)


def part_name(index: int) -> str:
    """Return `part-00007` for 7."""
    return f"part-{index:05d}"


def plain(value: Any) -> Any:
    """Return the value as JSON types: dataclasses to dicts, tuples to lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def canonical(value: Any) -> bytes:
    """Return the value as JSON bytes with sorted keys and no spaces."""
    return msgspec.json.encode(plain(value), order="sorted")


def fingerprint(*values: Any) -> str:
    """Return the hex SHA-256 of the values' canonical JSON."""
    return hashlib.sha256(canonical(list(values))).hexdigest()


def describe(run: str, path: str, rows: int = 0) -> Output:
    """Return the Output for a finished file at `run`/`path`."""
    full = files.join(run, path)
    size = files.list_files(full)[0].size
    return Output(path, files.sha256(full), size, rows)


def write_json(path: str, value: Any) -> None:
    """Write a value as indented JSON with sorted keys, atomically."""
    data = msgspec.json.format(canonical(value), indent=1)
    files.write_bytes(path, data + b"\n")


def read_json(path: str, kind: type[Any]) -> Any:
    """Return a Receipt or Manifest read from `path`, or None if it is missing or damaged.

    A damaged one means the part is made again, which is always safe.
    """
    if not files.exists(path):
        return None
    try:
        return decode_json(files.read_bytes(path), kind)
    except (DecodingError, OSError):
        return None


def merge_ledgers(rows: Iterable[list[dict[str, Any]]]) -> Ledger:
    """Return the sum of several ledgers' rows."""
    total = Ledger()
    for part in rows:
        total.merge(Ledger.from_rows(part))
    return total


def added(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums of numbers that stand at the same place; of texts the first. Names keep their order."""
    every: dict[str, Any] = {}
    for own in facts:
        _add(every, own)
    return every


def _add(every: dict[str, Any], own: Mapping[str, Any]) -> None:
    for name, value in own.items():
        if isinstance(value, Mapping):
            _add(every.setdefault(name, {}), value)
        elif isinstance(value, str):
            every.setdefault(name, value)
        else:
            every[name] = every.get(name, 0) + value
