"""A full disk, at every kind of file that a run writes: it is said, nothing looks whole, the run resumes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import IO, Any

import pytest

from corpusforge.errors import CorpusforgeError
from corpusforge.io.files import TEMPORARY
from pipelines import pretrain_mix

OPTIONS = ("--quiet", "--workers", "1", "--set", "mix.budget=20000", "--set", "dedup.ranges=3",
           "--set", "mix.range_documents=20", "--set", "score.sample_megabytes=0.001")  # fmt: skip


def run(output: Path) -> None:
    pretrain_mix.run(["--output", str(output), *OPTIONS])


def digests(run: Path) -> dict[str, str]:
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.glob("*/**/*"))
        if path.is_file() and path.name != "manifest.json"
    }


def kind(path: str) -> str:
    """A file's place in a run with its numbers left out: `tokens/part-#.bin`."""
    return re.sub(r"\d+", "#", path)


def of_kind(run: Path, name: str) -> dict[Path, int]:
    """The files of a kind, and when each was written."""
    return {
        path: path.stat().st_mtime_ns
        for path in run.rglob("*")
        if path.is_file() and kind(TEMPORARY.sub("", path.relative_to(run).as_posix())) == name
    }


class FullDisk:
    """Files of a run that `full` says go to /dev/full, where the kernel takes no byte (ENOSPC).

    The look beforehand (`corpusforge.run.beforehand`) writes to a temporary folder: that is another disk.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, output: Path) -> None:
        self.written: list[str] = []
        self.full = re.compile("(?!)")
        opened = Path.open

        def watched(path: Path, mode: str = "r", *rest: Any, **more: Any) -> IO[Any]:
            begun = TEMPORARY.search(path.name) and "w" in mode
            if not begun or not path.is_relative_to(output):
                return opened(path, mode, *rest, **more)
            name = kind(TEMPORARY.sub("", path.relative_to(output).as_posix()))
            if name not in self.written:
                self.written.append(name)
            target = Path("/dev/full") if self.full.fullmatch(name) else path
            return opened(target, mode, *rest, **more)

        monkeypatch.setattr(Path, "open", watched)


def test_a_disk_that_is_full_for_one_kind_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind in turn, in the order in which a run first writes them; each start resumes the one before."""
    disk = FullDisk(monkeypatch, tmp_path / "whole")
    run(tmp_path / "whole")
    kinds = disk.written
    monkeypatch.undo()
    assert {Path(name).suffix for name in kinds} >= {
        ".parquet",
        ".sig",
        ".bin",
        ".idx",
        ".json",
        ".html",
    }
    output = tmp_path / "run"
    disk = FullDisk(monkeypatch, output)
    for name in kinds:
        if name == "error.json":
            continue
        disk.full = re.compile(re.escape(name))
        before = of_kind(output, name)
        shown = (
            re.escape(name.rpartition(".")[0]).replace(r"\#", r"\d+") + r"\.\w+"
        )  # or its twin's
        with pytest.raises(
            CorpusforgeError, match=rf"cannot write '[^']*/{shown}': No space left on device"
        ):
            run(output)
        new = of_kind(output, name).items() - before.items()
        assert not new, "what an earlier start has finished may stay; nothing of that name is new"
        assert not (output / "manifest.json").exists()
    disk.full = re.compile("(?!)")
    run(output)
    assert digests(output) == digests(tmp_path / "whole")
    assert list(output.rglob("*.tmp-*")) == []


def test_a_disk_that_is_full_for_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No receipt, no error file, no error.json can be written either: it is said all the same."""
    output = tmp_path / "run"
    disk = FullDisk(monkeypatch, output)
    for stage in ("documents", "tokens"):
        disk.full = re.compile(rf"{stage}/(part-|_receipts/part-).*|error\.json")
        with pytest.raises(
            CorpusforgeError, match=rf"cannot write '[^']*/{stage}/_receipts/.*No space left"
        ):
            run(output)
        assert not (output / stage / "manifest.json").exists()
    disk.full = re.compile("(?!)")
    run(output)
