"""Faults: what docs/reliability.md promises, each done for real."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corpusforge.errors import EngineError, InputError, RunError
from corpusforge.run.stage import TRIES, Part, Stage, begun_path, run_part, run_stage
from corpusforge.testing import parts as work
from pipelines import pretrain_mix

RECIPE = """
name = "faults"
[sources.docs]
kind = "documents"
[sources.more]
kind = "documents"
optional = true
[filter.rules]
docs = []
more = []
[score.keep]
rule = "none"
[tokenize]
vocab_size = 300
[mix]
validation = 0.0
epoch_cap = 1.0
"""
CRASH = '''
"""Stands for a parser with a defect: a document that says POISON ends the process."""
import ctypes, sys
import corpusforge.extract.step as step

extract = step.extract

def crashing(raw, settings):
    if "POISON" in str(raw.content):
        ctypes.string_at(0)
    return extract(raw, settings)

step.extract = crashing
if "pipelines.pretrain_mix" in sys.orig_argv:
    from corpusforge.run import local
    local.IN_MEMORY_BYTES = 0
'''


def write_documents(path: Path, count: int, poison: tuple[int, ...] = (), words: int = 12) -> None:
    rows = [
        {"id": f"{path.stem}-{n}", "text": f"Page {n} of {path.stem}" + f" tells of {n * 7} things," * words
         + (" POISON" if n in poison else "")}
        for n in range(count)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def command(tmp_path: Path, *options: str) -> list[str]:
    (tmp_path / "faults.toml").write_text(RECIPE)
    return [sys.executable, "-m", "pipelines.pretrain_mix", "--quiet", "--output", str(tmp_path / "run"),
            "--recipe", str(tmp_path / "faults.toml"), f"--source=docs={tmp_path}/in/*.jsonl",
            *options]  # fmt: skip


def digests(output: Path) -> dict[str, str]:
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("documents", "dropped", "failed", "tokens", "shards")
        for path in sorted((output / folder).glob("**/part-*"))
        if "_receipts" not in path.parts
    }


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_document_that_crashes_native_code_fails_and_the_run_ends(
    tmp_path: Path, inputs: Path, workers: str
) -> None:
    """Expected: two failed rows that name the signal; every other document is there."""
    write_documents(inputs / "a.jsonl", 60, poison=(17, 41))
    write_documents(tmp_path / "b.jsonl", 60)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(CRASH)
    paths = os.pathsep.join([str(tmp_path / "site"), *sys.path])  # ours, wherever it is installed
    environment = {**os.environ, "PYTHONPATH": paths}
    more = f"--source=more={tmp_path}/b.jsonl"
    told = command(tmp_path, "--workers", workers, "--until", "documents", more)
    first = subprocess.run(
        told, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if workers == "1":  # in memory the driver itself crashes: the same command again goes on
        assert first.returncode == -signal.SIGSEGV
        first = subprocess.run(
            told, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
    else:
        assert "crashed: SIGSEGV" in first.stderr
    assert first.returncode == 0, first.stderr
    failed = [
        row
        for path in sorted((tmp_path / "run/failed").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    assert {row["error"] for row in failed} == {"crashed native code (SIGSEGV)"}
    assert [row["locator"] for row in failed] == ["a.jsonl:18", "a.jsonl:42"], "lines from 1"
    ledger = json.loads((tmp_path / "run/documents/manifest.json").read_text())["ledger"]
    rows = {row["source"]: row for row in ledger if row["stage"] == "ingest"}
    assert [rows["docs"][key] for key in ("seen", "kept", "failed")] == [60, 58, 2]
    assert [rows["more"][key] for key in ("seen", "kept", "failed")] == [60, 60, 0]


def test_a_process_that_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    part = Part("numbers", 0, str(tmp_path), None)
    begun = Path(begun_path(part))
    begun.parent.mkdir(parents=True)
    begun.write_text(str(TRIES))
    with pytest.raises(EngineError, match=f"has died {TRIES} times"):
        run_part(work.write_process, part)
    run_part(work.write_process, part)
    assert not begun.exists()


@pytest.mark.parametrize("change", ["vanish", "grow", "touch"])
def test_an_input_that_changes_while_it_is_read_is_named(
    tmp_path: Path, inputs: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_documents(inputs / "a.jsonl", 5)
    from corpusforge.extract import step

    extract = step.extract

    def meddling(raw: object, settings: object) -> object:
        if change == "vanish":
            (inputs / "a.jsonl").unlink(missing_ok=True)
        elif change == "grow":
            with (inputs / "a.jsonl").open("a") as stream:
                stream.write("{}\n")
        else:
            os.utime(inputs / "a.jsonl", ns=(1, 1))
        return extract(raw, settings)

    monkeypatch.setattr(step, "extract", meddling)
    told = command(tmp_path, "--workers", "1")[3:]
    word = "vanished" if change == "vanish" else "changed"
    with pytest.raises(InputError, match=rf"a\.jsonl' {word} while the run was reading it"):
        pretrain_mix.run(told)
    assert not (tmp_path / "run/documents/manifest.json").exists()


@pytest.mark.parametrize("change", ["vanish", "grow", "rewrite"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_web_archive_that_changes_at_its_header_pass_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, when: str
) -> None:
    """Addresses are read first, records in a second pass: the file may change before and between."""
    from corpusforge.run import addresses

    sample = Path(pretrain_mix.__file__).parents[1] / "examples" / "sample_corpus"
    original = next(iter(sample.rglob("*.warc.gz")))
    archive = tmp_path / "pages.warc.gz"
    shutil.copy(original, archive)
    displaced = addresses.displaced

    def meddle() -> None:
        if change == "vanish":
            archive.unlink()
        elif change == "grow":
            archive.write_bytes(archive.read_bytes() * 2)
        else:
            archive.write_bytes(archive.read_bytes())
            os.utime(archive, ns=(1, 1))

    def meddling(*given: Any, **more: Any) -> dict[str, str]:
        if when == "before":
            meddle()
        found = displaced(*given, **more)
        if when == "after":
            meddle()
        return found

    monkeypatch.setattr(addresses, "displaced", meddling)
    told = ["--quiet", "--workers", "1", "--output", str(tmp_path / "run"), "--until", "documents",
            "--source", f"web={archive}"]  # fmt: skip
    word = "vanished" if change == "vanish" else "changed"
    with pytest.raises(InputError, match=rf"pages\.warc\.gz' {word} while the run was reading it"):
        pretrain_mix.run(told)
    assert not (tmp_path / "run/documents/manifest.json").exists()


def test_an_input_that_changes_after_it_was_read_is_read_again_next_time(
    tmp_path: Path, inputs: Path
) -> None:
    """Between `documents` and a later stage: this run goes on with what it read, and says which bytes."""
    write_documents(inputs / "a.jsonl", 30)
    before = (inputs / "a.jsonl").read_bytes()
    told = command(tmp_path, "--workers", "1")[3:]
    pretrain_mix.run([*told, "--until", "documents"])
    write_documents(inputs / "a.jsonl", 31)
    os.utime(inputs / "a.jsonl", ns=(1, 1))
    pretrain_mix.run(told)
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    digest = hashlib.sha256((inputs / "a.jsonl").read_bytes()).hexdigest()
    assert digest != hashlib.sha256(before).hexdigest()
    assert [item["sha256"] for item in manifest["inputs"]] == [digest]
    assert manifest["documents"] == 31


def test_an_evaluation_set_that_changes_while_it_is_read_is_named(
    tmp_path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpusforge.run import contamination

    write_documents(inputs / "a.jsonl", 5)
    sets = tmp_path / "set.jsonl"
    sets.write_text(
        '{"text": "What is the tallest mountain of the island, and who first climbed it?"}\n'
    )
    read_items = contamination.read_items

    def meddling(*given: Any) -> Any:
        found = list(read_items(*given))
        sets.write_text(sets.read_text().replace("tallest", "lowest"))
        return found

    monkeypatch.setattr(contamination, "read_items", meddling)
    told = command(
        tmp_path, "--workers", "1", "--set", f'decontaminate.sets={{own="{sets}:text"}}'
    )[3:]
    with pytest.raises(
        InputError, match=r"set\.jsonl:?\w*' changed while the run was reading it \(its SHA-256"
    ):
        pretrain_mix.run(told)
    assert not (tmp_path / "run/evaluation/manifest.json").exists()


def test_a_failure_share_above_the_bound_stops_the_run(tmp_path: Path, inputs: Path) -> None:
    write_documents(inputs / "a.jsonl", 6)
    with (inputs / "a.jsonl").open("a") as stream:
        stream.write('{"id": 1, "text": \n' * 4)
    told = command(tmp_path, "--workers", "1", "--set", "max_failed_ratio=0.3")[3:]
    with pytest.raises(RunError, match=r"4 of 10 records failed at ingest, more than max_failed"):
        pretrain_mix.run(told)
    pretrain_mix.run([*told, "--set", "max_failed_ratio=0.4"])


def test_clock_locale_time_zone_and_hash_seed_change_no_byte(tmp_path: Path, inputs: Path) -> None:
    """One run as it is; one in the Turkish locale, another time zone, hash seed and clock."""
    write_documents(inputs / "a.jsonl", 30)
    subprocess.run(command(tmp_path, "--workers", "1"), check=True, capture_output=True)
    base = digests(tmp_path / "run")
    shift = "import time, sys; real = time.time; time.time = lambda: real() + 4e8"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(shift)
    paths = os.pathsep.join([str(tmp_path / "site"), *sys.path])
    environment = {**os.environ, "LC_ALL": "tr_TR.UTF-8", "LANG": "C", "TZ": "Pacific/Kiritimati",
                   "PYTHONHASHSEED": "7", "PYTHONPATH": paths}  # fmt: skip
    (tmp_path / "run").rename(tmp_path / "first")
    subprocess.run(
        command(tmp_path, "--workers", "1"), check=True, capture_output=True, env=environment
    )
    assert digests(tmp_path / "run") == base
    assert len(base) >= 4


def test_a_driver_that_is_killed_leaves_no_worker_behind(tmp_path: Path) -> None:
    code = f"""
from corpusforge.beam.runner import BeamExecutor
from corpusforge.run.local import IN_MEMORY_BYTES
from corpusforge.run.stage import Part, Stage, run_stage
from corpusforge.testing.parts import wait_second
parts = tuple(Part("w", i, {str(tmp_path)!r}, None, (i,), IN_MEMORY_BYTES) for i in range(2))
with BeamExecutor("DirectRunner", 2) as execute:
    run_stage(Stage("w", {str(tmp_path)!r}, wait_second, parts, {{}}, {{}}), execute)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    pid = tmp_path / "w" / "part-00001.pid"
    while process.poll() is None and not pid.exists():
        os.sched_yield()
    worker = int(pid.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        os.sched_yield()
    assert not Path(f"/proc/{worker}").exists(), "the fork server ends with the driver"


def test_a_finished_part_is_not_made_again_after_a_worker_was_killed(tmp_path: Path) -> None:
    """Stage by stage this is one mechanism: receipts. Here with the work that kills its process."""
    code = f"""
import os
from corpusforge.beam.runner import BeamExecutor
from corpusforge.run.local import IN_MEMORY_BYTES, WorkerDied
from corpusforge.run.stage import Part, Stage, run_stage
from corpusforge.testing.parts import kill_second
parts = tuple(Part("w", i, {str(tmp_path)!r}, None, (i,), IN_MEMORY_BYTES) for i in range(4))
try:
    with BeamExecutor("DirectRunner", 2) as execute:
        run_stage(Stage("w", {str(tmp_path)!r}, kill_second, parts, {{}}, {{}}), execute)
except WorkerDied as error:
    os._exit(error.exit_code)
"""
    subprocess.run([sys.executable, "-c", code], timeout=120, check=False)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "w").glob("part-*.txt")}
    assert made, "the other worker, or this one before, finished something"
    parts = tuple(Part("w", i, str(tmp_path), None, (i,), 1) for i in range(4))
    stage = Stage("w", str(tmp_path), work.write_process, parts, {}, {})
    run_stage(stage, lambda own, todo: [run_part(own.work, part) for part in todo])
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert len(list((tmp_path / "w").glob("part-*.txt"))) == 4


def test_a_batch_is_bounded_by_documents_and_by_text() -> None:
    """1,000 documents, or the document that brings the text to 8 million characters."""
    from corpusforge.records import Document
    from corpusforge.steps import batches

    def sizes(texts: list[str]) -> list[int]:
        rows = [
            (Document(str(n), "s", "web", "html", text, ""), "") for n, text in enumerate(texts)
        ]
        return [batch.num_rows for batch in batches(iter(rows))]

    assert sizes(["short"] * 2_500) == [1000, 1000, 500]
    assert sizes(["x" * 3_000_000] * 7) == [3, 3, 1]
    assert sizes(["x" * 9_000_000, "short", "short"]) == [1, 2]
    assert sizes([]) == []
