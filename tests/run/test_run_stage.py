"""A stage: receipts, resume, skip, errors. The expected behaviour is docs/storage.md's six rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from corpusforge.errors import EngineError, InputError, InternalError
from corpusforge.io import files
from corpusforge.manifest import added
from corpusforge.run.stage import Part, PartResult, Stage, run_part, run_stage

CALLS: list[int] = []


def copy_number(part: Part) -> PartResult:
    CALLS.append(part.index)
    if part.settings == "bad":
        raise InputError("the number is bad; give a good one.")
    if part.settings == "defect":
        raise ZeroDivisionError("oops")
    path = f"{part.stage}/{part.name}.txt"
    files.write_bytes(files.join(part.run, path), f"{part.settings}\n".encode())
    made = PartResult(outputs={path: 1}, documents=1)
    account = made.ledger.of("ingest", "numbers")
    account.seen, account.kept = 1, 1 if part.settings != "unbalanced" else 0
    return made


def here(stage: Stage, parts: Sequence[Part]) -> None:
    for part in parts:
        run_part(stage.work, part)


def make(run: Path, *values: str, reads: dict[str, str] | None = None) -> Stage:
    parts = tuple(
        Part("numbers", i, str(run), value, inputs=(value,)) for i, value in enumerate(values)
    )
    told = tuple({"value": value} for value in values)
    return Stage("numbers", str(run), copy_number, parts, {"k": 1}, reads or {}, told)


@pytest.fixture(autouse=True)
def _forget() -> None:
    CALLS.clear()


def test_a_finished_stage_is_skipped_and_says_so(tmp_path: Path) -> None:
    first, worked = run_stage(make(tmp_path, "a", "b"), here)
    assert worked is True
    again, worked = run_stage(make(tmp_path, "a", "b"), here)
    assert (worked, CALLS) == (False, [0, 1])
    assert again.digest == first.digest
    assert first.ledger == [
        {"stage": "ingest", "source": "numbers", "seen": 2, "kept": 2, "dropped": {}, "failed": 0}
    ]


def test_only_missing_or_damaged_parts_are_made_again(tmp_path: Path) -> None:
    run_stage(make(tmp_path, "a", "b", "c"), here)
    CALLS.clear()
    (tmp_path / "numbers" / "manifest.json").unlink()
    (tmp_path / "numbers" / "part-00001.txt").write_text("damaged")
    (tmp_path / "numbers" / "_receipts" / "part-00002.json").write_text('{"half a rec')
    run_stage(make(tmp_path, "a", "b", "c"), here)
    assert CALLS == [1, 2]
    assert (tmp_path / "numbers" / "part-00001.txt").read_text() == "b\n"


def test_other_settings_or_other_bytes_read_make_the_stage_again(tmp_path: Path) -> None:
    run_stage(make(tmp_path, "a"), here)
    changed = replace(make(tmp_path, "a"), settings={"k": 2})
    assert run_stage(changed, here)[1] is True
    assert run_stage(replace(changed, reads={"documents": "other digest"}), here)[1] is True
    assert CALLS == [0, 0, 0]


def test_a_deleted_file_of_a_finished_stage_is_made_again(tmp_path: Path) -> None:
    run_stage(make(tmp_path, "a", "b"), here)
    CALLS.clear()
    (tmp_path / "numbers" / "part-00001.txt").unlink()
    assert run_stage(make(tmp_path, "a", "b"), here)[1] is True
    assert CALLS == [1]
    assert (tmp_path / "numbers" / "part-00001.txt").read_text() == "b\n"


def test_what_an_earlier_run_left_is_removed(tmp_path: Path) -> None:
    run_stage(make(tmp_path, "a", "b", "c"), here)
    (tmp_path / "numbers" / "part-00000.txt.tmp-0123456789ab").write_text("half")
    run_stage(make(tmp_path, "z"), here)
    left = sorted(path.name for path in (tmp_path / "numbers").rglob("*") if path.is_file())
    assert left == ["manifest.json", "part-00000.json", "part-00000.txt"]


def test_an_input_error_reaches_the_user_as_it_is_and_leaves_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^the number is bad; give a good one\.$"):
        run_stage(make(tmp_path, "a", "bad"), here)
    assert not (tmp_path / "numbers" / "manifest.json").exists()
    CALLS.clear()
    run_stage(make(tmp_path, "a", "good"), here)
    assert CALLS == [1], "the part that was finished before the error is kept"


def test_a_defect_names_the_stage_the_part_and_its_details(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="stage 'numbers', part-00000 failed: oops"):
        run_stage(make(tmp_path, "defect"), here)


def test_a_worker_that_vanishes_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="part-00001 was not made"):
        run_stage(make(tmp_path, "a", "b"), lambda stage, parts: here(stage, parts[:1]))


def test_an_unbalanced_ledger_stops_the_part(tmp_path: Path) -> None:
    part = make(tmp_path, "unbalanced").parts[0]
    with pytest.raises(InternalError, match="does not balance: seen 1, kept 0"):
        run_part(copy_number, part)


def test_facts_of_tasks_are_summed_where_they_stand_at_the_same_place() -> None:
    first = {"n": 2, "of": {"b": {"x": 1}}, "text": {"d1": "one"}}
    more = {"of": {"b": {"x": 4, "y": 3}, "a": {}}, "text": {"d1": "two", "d2": "new"}, "n": 5}
    before = json.dumps([first, more])
    found = added([first, more, {}])
    assert json.dumps(found) == json.dumps(
        {"n": 7, "of": {"b": {"x": 5, "y": 3}, "a": {}}, "text": {"d1": "one", "d2": "new"}}
    )
    assert json.dumps([first, more]) == before
    assert added([]) == {}


def test_what_a_stage_writes_elsewhere_is_cleared_too_and_nobody_elses(tmp_path: Path) -> None:
    """Directories of its own beside the stage's (stats/), and its files in shared ones (dropped/)."""

    def work(part: Part) -> PartResult:
        paths = (f"beside/{part.name}.txt", f"dropped/numbers-{part.name}.txt")
        for path in paths:
            files.write_bytes(files.join(part.run, path), b"x")
        return PartResult(outputs=dict.fromkeys(paths, 1))

    run_stage(replace(make(tmp_path, "a", "b"), work=work), here)
    for left in ("beside/part-00000.txt.tmp-0123456789ab", "dropped/others-part-00000.txt"):
        (tmp_path / left).write_text("half")
    run_stage(replace(make(tmp_path, "z"), work=work), here)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("[bd]*/*"))
    assert found == [
        "beside/part-00000.txt",
        "dropped/numbers-part-00000.txt",
        "dropped/others-part-00000.txt",
    ]
