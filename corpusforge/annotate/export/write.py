"""Rankings to training files: one directory, one folder per format, one file per split.

`training/<format>/<train|validation|test>.jsonl`, a README.md that makes the whole a `datasets`
directory, `decontaminated.jsonl` with what was left out, and `summary.json` written last. The rows
of one prompt lie together, prompts by id. Equal inputs give equal bytes, and writing again removes
the files that an earlier export made and this one does not. Limit: shuffle by group, not by row.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from corpusforge.annotate.aggregate import PRIOR, Consensus, consensus
from corpusforge.annotate.export.card import card
from corpusforge.annotate.export.clean import Removed, contaminated
from corpusforge.annotate.export.formats import (
    DATASET_INFO,
    FORMATS,
    QUESTIONS,
    STRINGS,
    find_format,
    is_dialogue,
    unclear,
)
from corpusforge.annotate.export.group import Group, demonstrations, groups
from corpusforge.annotate.export.table import KWAY, kway_batch
from corpusforge.annotate.pairs import pair_counts
from corpusforge.annotate.pairwise import duels
from corpusforge.annotate.records import Ranking, Task
from corpusforge.annotate.split import SIDES, assign
from corpusforge.annotate.votes import Votes, votes_of
from corpusforge.decontaminate import EvalIndex, Settings
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl
from corpusforge.io.parquet import Writer
from corpusforge.plugins import folder

__all__ = ["ALL", "DEFAULT", "write"]

ALL = (*FORMATS, "kway_parquet")
DEFAULT = ("kway", "pairs", "sft", "trl_explicit_chat", "trl_implicit_chat")
ENDINGS = {"kway_parquet": "parquet"}
_BATCH = 1000


class _Files:
    """The open files of an export, each made when its first row comes."""

    def __init__(self, directory: str, stack: ExitStack, formats: Sequence[str]) -> None:
        self._directory, self._stack = directory, stack
        self._own = [name for name in formats if name not in ALL]
        self._streams: dict[tuple[str, str], Any] = {}
        self._tables: dict[str, Writer] = {}
        self._waiting: dict[str, list[Group]] = {}
        self._encoder = msgspec.json.Encoder()
        self._digests: dict[str, hashlib.blake2b] = {}
        self.rows: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, side: str, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            stream = self._streams.get((name, side))
            if stream is None:
                path = files.join(self._directory, folder(name), f"{side}.jsonl")
                stream = self._stack.enter_context(files.atomic_write(path))
                self._streams[name, side] = stream
            line = self._encoder.encode(row) + b"\n"
            stream.write(line)
            self.rows[name, side] += 1
            self._digests.setdefault(name, hashlib.blake2b(digest_size=8)).update(line)

    def add_table(self, group: Group) -> None:
        if any(group.ranks):
            waiting = self._waiting.setdefault(group.split, [])
            waiting.append(group)
            self.rows["kway_parquet", group.split] += 1
            if len(waiting) == _BATCH:
                self._flush(group.split)

    def _flush(self, side: str) -> None:
        if side not in self._tables:
            path = files.join(self._directory, "kway_parquet", f"{side}.parquet")
            self._tables[side] = self._stack.enter_context(Writer(path, KWAY))
        self._tables[side].write(kway_batch(self._waiting.pop(side)))

    @property
    def digests(self) -> dict[str, str]:
        """A digest of the rows of each JSON format."""
        return {name: digest.hexdigest() for name, digest in self._digests.items()}

    def finish(self) -> None:
        """Write what waits; remove what an earlier export left and this one does not write."""
        for side in sorted(self._waiting):
            self._flush(side)
        for name in (*ALL, *self._own):
            for side in SIDES:
                path = files.join(
                    self._directory, folder(name), f"{side}.{ENDINGS.get(name, 'jsonl')}"
                )
                if not self.rows[name, side] and files.exists(path):
                    files.remove(path)
        for name, entry in DATASET_INFO.items():
            self._write_info(name, entry)

    def _write_info(self, name: str, entry: Mapping[str, Any]) -> None:
        """Write the dataset_info.json that LLaMA-Factory finds the files of a format by."""
        path = files.join(self._directory, name, "dataset_info.json")
        info = {
            f"rankings_{side}": {"file_name": f"{side}.jsonl", **entry}
            for side in SIDES
            if self.rows[name, side]
        }
        if info:
            body = msgspec.json.format(msgspec.json.encode(info), indent=1)
            files.write_bytes(path, body + b"\n")
        elif files.exists(path):
            files.remove(path)


def _checked(formats: Sequence[str]) -> tuple[str, ...]:
    for name in formats:
        if name not in ALL:
            find_format(name)
    own = dict.fromkeys(name for name in formats if name not in ALL)
    return (*(name for name in ALL if name in formats), *own)


_NO_ROOM: dict[str, tuple[tuple[str, ...], Callable[[Group], bool]]] = {
    "unclear_prompts": (STRINGS, unclear),
    "dialogue_prompts": (QUESTIONS, is_dialogue),
}
"""What the summary counts prompts under that some formats leave out: those formats, and which prompts."""


def _expand(
    made: Iterable[Group], formats: Sequence[str], out: _Files, removed: Mapping[str, Removed]
) -> dict[str, int]:
    """Write all formats; return how many prompts those without room for them left out, by `_NO_ROOM`."""
    rules = {
        name: (set(without), holds)
        for name, (without, holds) in _NO_ROOM.items()
        if not set(without).isdisjoint(formats)
    }
    left = dict.fromkeys(_NO_ROOM, 0)
    makers = {name: find_format(name) for name in formats if name != "kway_parquet"}
    for group in made:
        if group.prompt.id in removed:
            continue
        skip: set[str] = set()
        for rule, (without, holds) in rules.items():
            if holds(group):
                left[rule] += 1
                skip |= without
        for name in formats:
            if name == "kway_parquet":
                out.add_table(group)
            elif name not in skip:
                out.add(name, group.split, makers[name](group))
    out.finish()
    return left


def write(
    tasks: Mapping[str, Task],
    rankings: Sequence[Ranking],
    directory: str,
    *,
    formats: Sequence[str] = DEFAULT,
    method: str = "bradley_terry",
    prior: float = PRIOR,
    weights: Mapping[str, float] | None = None,
    validation: float = 0.0,
    test: float = 0.0,
    seed: int = 0,
    index: EvalIndex | None = None,
    settings: Settings | None = None,
    unconfirmed: bool = False,
    rounds: Mapping[str, int] | None = None,
    votes: Votes | None = None,
) -> dict[str, Any]:
    """Write the training files into `directory`; return the summary that summary.json holds.

    `weights` is one a rater. Splits: see `split.assign`. `votes` saves making them twice. Raises
    InputError for unknown formats or methods, and where nothing could be written.
    """
    wanted = _checked(formats)
    votes = votes or votes_of(tasks, rankings, unconfirmed=unconfirmed, rounds=rounds)
    worth = np.array([(weights or {}).get(votes.raters[r], 1.0) for r in votes.rater])
    found = consensus(votes, method, prior=prior, weights=worth)
    table, written = duels(votes, worth), demonstrations(rankings)
    prompts = (tasks[names[0]].prompt for names in votes.book.sources)
    side = assign(prompts, validation=validation, test=test, seed=seed)

    def made() -> Iterator[Group]:
        return groups(votes, tasks, found, table, side, written)

    removed = contaminated(made(), index, settings or Settings()) if index else {}
    with ExitStack() as stack:
        out = _Files(directory, stack, wanted)
        left = _expand(made(), wanted, out, removed)
    if not out.rows.total():
        raise InputError(f"nothing to write to {directory!r}: no answer holds a ranking or a text.")
    write_jsonl(files.join(directory, "decontaminated.jsonl"), map(asdict, removed.values()))
    summary = _summary(votes, found, wanted, out, removed)
    summary |= {"index": index.fingerprint if index else "", **left}
    tongues = sorted({tasks[names[0]].prompt.language for names in votes.book.sources} - {""})
    text = card(summary, tongues)
    files.write_bytes(files.join(directory, "README.md"), text.encode())
    body = msgspec.json.format(msgspec.json.encode(summary), indent=1)
    files.write_bytes(files.join(directory, "summary.json"), body + b"\n")
    return summary


def _summary(
    votes: Votes,
    found: Consensus,
    formats: Sequence[str],
    out: _Files,
    removed: Mapping[str, Removed],
) -> dict[str, Any]:
    across, tied = pair_counts(votes.book, found)
    sides = [side for side in SIDES if any(where == side for _, where in out.rows)]
    return {
        "method": found.method,
        "prior": found.prior,
        "prompts": len(votes.book.prompts),
        "prompts_ranked": int((found.rankings > 0).sum()),
        "rankings": len(votes),
        "raters": len(votes.raters),
        "left_out": votes.left_out,
        "pairs": across,
        "tied_pairs": tied,
        "decontaminated": len(removed),
        "digests": out.digests,
        "rows": {name: {side: out.rows[name, side] for side in sides} for name in formats},
    }
