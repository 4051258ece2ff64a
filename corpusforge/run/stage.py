"""One stage: parts made by workers, receipts, a manifest at the end; skipped or resumed where possible.

A stage is a `Stage` value. Its `work` runs anywhere (this process, a forked worker, Flink) and
touches only the run directory; everything the driver learns, it learns from receipts, so no
result travels through the runner.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import corpusforge
from corpusforge import manifest as records
from corpusforge.errors import CorpusforgeError, EngineError, InputError, InternalError
from corpusforge.io import files
from corpusforge.ledger import Ledger
from corpusforge.manifest import Manifest, Output, Receipt, part_name

__all__ = [
    "Executor",
    "Part",
    "PartResult",
    "Plan",
    "Stage",
    "error_path",
    "fingerprinted",
    "finished",
    "is_made",
    "is_there",
    "receipt_path",
    "run_part",
    "run_stage",
]

TRIES = 3
"""How often a part's process may die before the stage is given up."""
_SHARED = ("dropped", "failed")
"""Directories that several stages write, each to files of its name; others are one stage's alone."""


@dataclass(frozen=True, slots=True)
class Part:
    """The work of one part: picklable, and all that a worker is told.

    `settings` is whatever the stage's `work` takes; `inputs` is what its fingerprint covers
    beyond the settings; `size` (bytes of input) balances work between workers.
    """

    stage: str
    index: int
    run: str
    settings: Any
    inputs: tuple[Any, ...] = ()
    size: int = 0
    fingerprint: str = ""
    unfinished: bool = False
    """An earlier try was begun and left neither receipt nor error: its process died."""

    @property
    def name(self) -> str:
        """The part's file name without an ending."""
        return part_name(self.index)


@dataclass(slots=True)
class PartResult:
    """What `work` returns: paths inside the run with their rows, the ledger, anything for the report."""

    outputs: dict[str, int] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    extra: dict[str, Any] = field(default_factory=dict)
    documents: int = 0
    input_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stage at work is to make: written before its parts, gone when its manifest is there.

    `started` is the Unix time of this start; `sizes` are the parts' input bytes.
    """

    started: float
    sizes: tuple[int, ...]


class Executor(Protocol):
    """Runs every part once, in any order, anywhere: the Beam runners implement this."""

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> None:
        """Return when every part has a receipt or an error file."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage directory and how its parts are made.

    `reads` maps the stages it reads to their content digests.
    """

    name: str
    run: str
    work: Callable[[Part], PartResult]
    parts: tuple[Part, ...]
    settings: Mapping[str, Any]
    reads: Mapping[str, str]
    inputs: tuple[Mapping[str, Any], ...] = ()
    finish: Callable[[Sequence[Receipt]], tuple[dict[str, Any], dict[str, int]]] | None = None
    """Runs in the driver after the last part; returns extra facts and further outputs. Without it a
    stage of one part has that part's facts."""
    settle: Callable[[Sequence[Part], Sequence[Receipt]], list[Receipt]] | None = None
    """Runs in the driver after the last part, before `finish`: may change what parts wrote where they
    cannot know of each other, and returns their receipts. One that it changes loses its fingerprint first,
    so that the part is made again whenever the stage is."""
    more: Callable[[Sequence[Receipt]], tuple[Part, ...]] | None = None
    """Returns the parts that can be told only when those made so far (their receipts are given) are there,
    () where none are left: a barrier lies before them. Their indices go on from those of `parts`."""
    sequel: bool = False
    """Whether the parts at work are such that `more` told."""
    pace: float = 1.0
    """How many times faster than `documents` at its quickest it takes in its parts' bytes, about
    (`benchmarks/results.d/size.md`): light work is worth forked workers only where there is much of it."""

    @property
    def fingerprint(self) -> str:
        """Covers settings, inputs, the digests read and the code version."""
        return records.fingerprint(
            self.name, self.settings, list(self.inputs), self.reads, corpusforge.__version__
        )

    def path(self, *names: str) -> str:
        """Return a path inside the stage's directory."""
        return files.join(self.run, self.name, *names)


def is_there(run: str, output: Output) -> bool:
    """Whether a file that a manifest names is there with its size; `verify` compares digests."""
    found = files.list_files(files.join(run, output.path))
    return len(found) == 1 and found[0].size == output.bytes


def receipt_path(part: Part) -> str:
    """Return where the part's receipt lies."""
    return files.join(part.run, part.stage, "_receipts", f"{part.name}.json")


def error_path(part: Part) -> str:
    """Return where a worker leaves the error that ended the part."""
    return files.join(part.run, part.stage, "_receipts", f"{part.name}.error")


def plan_path(run: str, stage: str) -> str:
    """Return the file that holds a stage's plan while it is being made."""
    return files.join(run, stage, "_receipts", "plan.json")


def begun_path(part: Part) -> str:
    """Return the file that says that the part is being made, and for which time."""
    return files.join(part.run, part.stage, "_receipts", f"{part.name}.begun")


def _begin(part: Part) -> Part:
    """Note that the part is being made; tell its work where an earlier try's process died.

    Raises EngineError where it has died `TRIES` times, so that engines which try again come to an end.
    """
    path = begun_path(part)
    tries = int(files.read_bytes(path) or b"0") if files.exists(path) else 0
    if tries >= TRIES:
        raise EngineError(
            f"{part.stage} {part.name}: the process that makes it has died {tries} times. Look for what "
            "killed it (memory? see dmesg) and give the same command again."
        )
    files.write_bytes(path, b"%d" % (tries + 1))
    return replace(part, unfinished=tries > 0)


_ERRORS: dict[str, type[CorpusforgeError]] = {
    "input": InputError,
    "engine": EngineError,
    "internal": InternalError,
}
"""Errors of ours that a worker names in a part's error file; any other is a defect, told with its trace."""


def run_part(work: Callable[[Part], PartResult], part: Part) -> Receipt:
    """Make one part and write its receipt; on an error write an error file and raise.

    This is the whole of what a worker does.
    """
    start, used = time.perf_counter(), time.thread_time()
    try:
        part = _begin(part)
        made = work(part)
        made.ledger.check()
        outputs = tuple(
            records.describe(part.run, path, rows) for path, rows in sorted(made.outputs.items())
        )
    except KeyboardInterrupt:  # ended from outside, by no fault of the part
        files.remove(begun_path(part))
        raise
    except Exception as error:
        kind = next((name for name, own in _ERRORS.items() if isinstance(error, own)), "defect")
        text = f"{kind}\n{error or type(error).__name__}\n{traceback.format_exc()}"
        files.write_bytes(error_path(part), text.encode("utf-8", "backslashreplace"))
        files.remove(begun_path(part))
        raise
    receipt = Receipt(
        part=part.name,
        fingerprint=part.fingerprint,
        outputs=outputs,
        ledger=made.ledger.rows(),
        extra=made.extra,
        seconds=time.perf_counter() - start,
        documents=made.documents,
        input_bytes=made.input_bytes or part.size,
        cpu_seconds=time.thread_time() - used,
        ended=time.time(),
    )
    records.write_json(receipt_path(part), receipt)
    files.remove(error_path(part))  # an engine may have tried before, and failed
    files.remove(begun_path(part))
    return receipt


def finished(stage: Stage) -> Manifest | None:
    """Return the stage's manifest where nothing that it depends on has changed and its files are there."""
    existing: Manifest | None = records.read_json(stage.path("manifest.json"), Manifest)
    unchanged = existing and existing.fingerprint == stage.fingerprint
    if existing and unchanged and all(is_there(stage.run, output) for output in existing.outputs):
        return existing
    return None


def fingerprinted(stage: Stage, parts: Sequence[Part] | None = None) -> list[Part]:
    """Return the stage's parts (or some that come after them) as workers are told of them."""
    given = stage.parts if parts is None else parts
    return [replace(part, fingerprint=_part_fingerprint(stage, part)) for part in given]


def run_stage(stage: Stage, execute: Executor, *, force: bool = False) -> tuple[Manifest, bool]:
    """Run a stage unless its manifest matches; return the manifest and whether work was done.

    Parts whose receipt matches and whose outputs have the recorded digests are kept.
    """
    existing = finished(stage)
    if existing and not force:
        return existing, False
    path = stage.path("manifest.json")
    files.remove(path)
    files.make_directory(stage.path("_receipts"))
    start, begun = time.perf_counter(), time.time()
    parts: list[Part] = []
    receipts: list[Receipt] = []
    wave = fingerprinted(stage)
    while wave:
        parts += wave
        plan = Plan(begun, tuple(part.size for part in parts))
        records.write_json(plan_path(stage.run, stage.name), plan)
        own = replace(stage, parts=tuple(parts), sequel=len(parts) > len(stage.parts))
        receipts += _make(own, execute, wave, force=force)
        wave = fingerprinted(stage, stage.more(receipts)) if stage.more else []
    if stage.settle:
        receipts = stage.settle(parts, receipts)
    manifest = _manifest(stage, receipts, time.perf_counter() - start)
    _sweep(stage, parts, manifest)
    records.write_json(path, manifest)
    return manifest, True


def _make(stage: Stage, execute: Executor, parts: list[Part], *, force: bool) -> list[Receipt]:
    """Make the parts that are not made; return the receipts of all."""
    for part in parts:
        files.remove(error_path(part))
    todo = [part for part in parts if force or not is_made(part)]
    for part in todo:
        files.remove(receipt_path(part))
    if todo:
        _execute(stage, execute, todo)
    return _collect(stage, parts)


def _part_fingerprint(stage: Stage, part: Part) -> str:
    return records.fingerprint(stage.name, stage.settings, stage.reads, part.index, part.inputs)


def is_made(part: Part) -> bool:
    """Whether the part's receipt is of this fingerprint and its files have the recorded digests."""
    receipt: Receipt | None = records.read_json(receipt_path(part), Receipt)
    if receipt is None or receipt.fingerprint != part.fingerprint:
        return False
    return all(
        files.exists(files.join(part.run, output.path))
        and files.sha256(files.join(part.run, output.path)) == output.sha256
        for output in receipt.outputs
    )


def _execute(stage: Stage, execute: Executor, parts: Sequence[Part]) -> None:
    try:
        execute(stage, parts)
    except CorpusforgeError:
        _raise_first_error(stage, parts, None)
        raise
    except Exception as error:
        _raise_first_error(stage, parts, error)
        last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise EngineError(
            f"stage {stage.name!r} failed: {last[0]} Finished parts are kept: give the same command again "
            "to resume."
        ) from error
    _raise_first_error(stage, parts, None)


def _raise_first_error(stage: Stage, parts: Sequence[Part], cause: Exception | None) -> None:
    for part in parts:
        path = error_path(part)
        if not files.exists(path):
            continue
        kind, message, details = files.read_bytes(path).decode("utf-8").split("\n", 2)
        if kind in _ERRORS:
            raise _ERRORS[kind](message) from cause
        raise EngineError(
            f"stage {stage.name!r}, {part.name} failed: {message} (details in {path}). "
            f"The run can be resumed: give the same command again.\n{details}"
        ) from cause


def _collect(stage: Stage, parts: Sequence[Part]) -> list[Receipt]:
    receipts = []
    for part in parts:
        receipt: Receipt | None = records.read_json(receipt_path(part), Receipt)
        if receipt is None or receipt.fingerprint != part.fingerprint:
            raise EngineError(
                f"stage {stage.name!r}: {part.name} was not made (its worker ended without a receipt). "
                "Give the same command again to resume."
            )
        receipts.append(receipt)
    return receipts


def _manifest(stage: Stage, receipts: Sequence[Receipt], seconds: float) -> Manifest:
    lone = receipts[0].extra if len(receipts) == 1 else {}
    extra, written = stage.finish(receipts) if stage.finish else (lone, {})
    outputs: list[Output] = [output for receipt in receipts for output in receipt.outputs]
    outputs += [records.describe(stage.run, path, rows) for path, rows in written.items()]
    ledger = records.merge_ledgers([receipt.ledger for receipt in receipts])
    ledger.check()
    return Manifest(
        stage=stage.name,
        fingerprint=stage.fingerprint,
        version=corpusforge.__version__,
        settings=records.plain(stage.settings),
        inputs=[dict(item) for item in stage.inputs],
        outputs=tuple(sorted(outputs, key=lambda output: output.path)),
        ledger=ledger.rows(),
        extra=extra,
        seconds=seconds,
        documents=sum(receipt.documents for receipt in receipts),
        input_bytes=sum(receipt.input_bytes for receipt in receipts),
        cpu_seconds=sum(receipt.cpu_seconds for receipt in receipts),
        parts=len(receipts),
        ended=time.time(),
    )


def _sweep(stage: Stage, parts: Sequence[Part], manifest: Manifest) -> None:
    """Delete what an earlier, different run of this stage left behind, temporary files included."""
    named = {files.join(stage.run, output.path) for output in manifest.outputs}
    named |= {receipt_path(part) for part in parts} | {stage.path("manifest.json")}
    found: list[str] = []
    for folder in {stage.name, *(output.path.split("/", 1)[0] for output in manifest.outputs)}:
        own = files.join(stage.run, folder, f"{stage.name}-part-" if folder in _SHARED else "")
        found += [path for path in _walk(files.join(stage.run, folder)) if path.startswith(own)]
    for path in found:
        if path not in named:
            files.remove(path)


def _walk(directory: str) -> list[str]:
    if files.is_remote(directory):
        return [info.path for info in files.list_files(directory + "/**")]
    return [path.as_posix() for path in Path(directory).rglob("*") if path.is_file()]
