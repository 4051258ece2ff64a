"""Listing and writing files: links that leave a folder, names that are no text, whose error it was."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pyarrow as pa
import pytest

from corpusforge.errors import InputError
from corpusforge.io.compressed import TruncatedError
from corpusforge.io.files import FileInfo, atomic_write, find_files, list_files
from corpusforge.io.jsonl import write_jsonl
from corpusforge.io.parquet import write_batches


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, links inside it, and links that lead out of it in every way."""
    top, away = tmp_path / "top", tmp_path / "away"
    (top / "inner").mkdir(parents=True)
    (away / "deep").mkdir(parents=True)
    (away / "secret.txt").write_text("secret")
    (away / "deep" / "b.txt").write_text("secret")
    (top / "a.txt").write_text("a")
    (top / "inner" / "b.txt").write_text("b")
    (top / "same.txt").symlink_to("a.txt")
    (top / "inner" / "up.txt").symlink_to("../a.txt")
    (top / "file.txt").symlink_to(away / "secret.txt")
    (top / "relative.txt").symlink_to("../away/secret.txt")
    (top / "twice.txt").symlink_to("file.txt")
    (top / "folder").symlink_to(away)
    (top / "round.txt").symlink_to("round.txt")
    (top / "gone.txt").symlink_to("nowhere.txt")
    (top / "inner" / "home").symlink_to("..")
    os.mkfifo(top / "pipe.txt")
    return top


def names(found: list[FileInfo], top: Path) -> list[str]:
    return [Path(info.path).relative_to(top).as_posix() for info in found]


def test_links_that_leave_a_folder_are_left_out(folder: Path, capsys) -> None:
    found, outside = find_files(str(folder))
    assert names(found, folder) == ["a.txt", "inner/b.txt", "inner/up.txt", "same.txt"]
    assert [Path(path).name for path in outside] == ["file.txt", "relative.txt", "twice.txt"]
    assert list_files(str(folder)) == found
    told = capsys.readouterr().err
    assert "3 symbolic links leave the folder and are skipped" in told
    assert "file.txt" in told


@pytest.mark.parametrize("pattern", ["*.txt", "**/*.txt", "**", "*/*.txt", "[a-z]*"])
def test_globs_follow_no_link_out_of_their_folder(folder: Path, pattern: str) -> None:
    found, outside = find_files(f"{folder}/{pattern}")
    assert not any("secret" in Path(info.path).read_text() for info in found)
    real = {os.path.realpath(path) for path in outside}
    assert all("/away/" in path for path in real)
    if pattern in ("**/*.txt", "**"):
        assert any(path.endswith("folder/deep/b.txt") for path in outside)


def test_a_path_that_is_named_may_be_a_link(folder: Path, monkeypatch) -> None:
    assert [info.size for info in list_files(f"{folder}/file.txt")] == [6]
    link = folder.parent / "linked"
    link.symlink_to(folder / "inner")
    assert names(list_files(str(link)), link) == ["b.txt"]  # up.txt leads out of the folder named
    assert len(list_files(f"{link}/*.txt")) == 1
    assert (
        len(list_files(f"{folder}/folder/*.txt")) == 1
    )  # the link is in the fixed part of the glob
    monkeypatch.chdir(folder)
    assert names(list_files("*.txt"), Path()) == ["a.txt", "same.txt"]


def test_names_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    bad = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(bad, "w") as stream:
        stream.write("x")
    (tmp_path / "good.txt").write_text("x")
    for pattern in (str(tmp_path), f"{tmp_path}/*", os.fsdecode(bad)):
        with pytest.raises(InputError, match=r"caf\\xe9\.txt' is not UTF-8. Rename it"):
            list_files(pattern)
    assert len(list_files(f"{tmp_path}/good*")) == 1


def test_an_error_while_reading_is_not_one_of_writing(tmp_path: Path) -> None:
    """The file is not written, and the error is the reader's own, whatever its class."""
    for error in (
        OSError("Not a gzipped file (b'JU')"),
        OSError(errno.EIO, "Input/output error"),
        FileNotFoundError(errno.ENOENT, "No such file", "other.txt"),
        TruncatedError("ends early"),
        EOFError("ends"),
    ):

        def rows(error: Exception = error):
            yield {"a": 1}
            raise error

        for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst"):
            with pytest.raises(type(error)) as told:
                write_jsonl(str(tmp_path / name), rows())
            assert told.value is error
        with pytest.raises(type(error)) as told, atomic_write(str(tmp_path / "b")) as stream:
            stream.write(b"x" * 3_000_000)
            raise error
        assert told.value is error
        batches = (pa.RecordBatch.from_pylist([row]) for row in rows())
        with pytest.raises(type(error)) as told:
            write_batches(str(tmp_path / "c.parquet"), pa.schema([("a", pa.int64())]), batches)
        assert told.value is error
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    """/dev/full fails every write with ENOSPC; so does the writer, by the name of the final file."""
    from corpusforge.io import files

    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(InputError, match=r"cannot write 'final\.txt': No space left"),
    ):
        files._Written(full, "final.txt").write(b"x")
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(InputError, match="cannot write"),
        atomic_write(str(tmp_path / "folder")) as out,
    ):
        out.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_is_there_is_no_glob(tmp_path: Path) -> None:
    for name in ("[v2]", "a*b", "what?", "2", "ab"):
        (tmp_path / name / "part").mkdir(parents=True)
        (tmp_path / name / "part" / "one.txt").write_text(name)
    for name in ("[v2]", "a*b", "what?", "2"):
        for pattern in (f"{tmp_path}/{name}/part/*.txt", f"{tmp_path}/{name}/**/*.txt"):
            assert [Path(info.path).read_text() for info in list_files(pattern)] == [name]
    found = list_files(f"{tmp_path}/[2x]/part/*.txt")  # no folder of that name: a glob
    assert [Path(info.path).read_text() for info in found] == ["2"]
