"""The journal survives what happens to files: torn ends, two writers, full disks, foreign content."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from corpusforge.errors import InputError
from corpusforge.models.journal import Entry, Journal, read_entries
from corpusforge.models.records import Completion, Message, Request, Sampling, Usage
from schemas import build


def entry(number: int, text: str = "是的。") -> Entry:
    request = Request(
        messages=(Message("user", f"问题 {number}"),),
        sampling=Sampling(temperature=0.5, stop=("\n\n",), seed=3),
        model="m",
        purpose="test",
    )
    usage = Usage(prompt_tokens=4, completion_tokens=2)
    completion = Completion(
        key=request.key, text=text, finish_reason="stop", model="m", usage=usage
    )
    return Entry(request=request, completion=completion, engine="fake")


def write(path: Path, count: int) -> list[Entry]:
    entries = [entry(number) for number in range(count)]
    with Journal(path) as journal:
        for item in entries:
            journal.append(item)
    return entries


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    entries = write(tmp_path / "j.jsonl", 3)
    assert list(read_entries(tmp_path / "j.jsonl")) == entries
    with Journal(tmp_path / "j.jsonl", write=False) as journal:
        assert [journal.get(item.request.key) for item in entries] == [
            item.completion for item in entries
        ]
        assert journal.get("0" * 32) is None
        assert len(journal) == 3


def test_a_line_is_one_that_a_person_and_the_schema_can_read(tmp_path: Path) -> None:
    write(tmp_path / "j.jsonl", 1)
    row = json.loads((tmp_path / "j.jsonl").read_text(encoding="utf-8"))
    assert row["request"]["messages"] == [{"role": "user", "content": "问题 0"}]
    assert row["request"]["sampling"]["temperature"] == 0.5
    assert (row["request"]["purpose"], row["request"]["model"], row["engine"]) == (
        "test",
        "m",
        "fake",
    )
    schema = json.loads(build.documents()["journal_entry.v1.json"])
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(row) is True
    del row["completion"]["text"]
    assert validator.is_valid(row) is False


def test_a_last_line_torn_at_any_byte_costs_that_line_alone(tmp_path: Path) -> None:
    entries = write(tmp_path / "whole", 3)
    whole = (tmp_path / "whole").read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    assert len(whole) - start > 200
    for cut in range(start, len(whole) - 1):
        path = tmp_path / "torn"
        path.write_bytes(whole[:cut])
        assert len(list(read_entries(path))) == 2
        assert path.read_bytes() == whole[:cut], "a reader changes nothing"
        with Journal(path) as journal:
            assert journal.get(entries[2].request.key) is None
            assert journal.get(entries[1].request.key) == entries[1].completion
            journal.append(entries[2])
        assert path.read_bytes() == whole


def test_a_whole_last_line_without_its_newline_counts(tmp_path: Path) -> None:
    entries = write(tmp_path / "whole", 2)
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "j").write_bytes(whole[:-1])
    with Journal(tmp_path / "j") as journal:
        assert journal.get(entries[1].request.key) == entries[1].completion
        journal.append(entry(2))
        assert journal.get(entry(2).request.key) == entry(2).completion
    assert (tmp_path / "j").read_bytes().startswith(whole)
    assert len(list(read_entries(tmp_path / "j"))) == 3


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    write(tmp_path / "j", 3)
    lines = (tmp_path / "j").read_bytes().split(b"\n")
    lines[1] = lines[1][:-5]
    (tmp_path / "j").write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"j:2: not a journal line"):
        Journal(tmp_path / "j")
    (tmp_path / "j").write_bytes(b"\n".join([lines[0], b"", lines[2]]) + b"\n")
    assert len(list(read_entries(tmp_path / "j"))) == 2


@pytest.mark.parametrize("content", [b"my notes", b'{"request":5}', b'{"a":1}\n{"b', b"\xff\xfe"])
def test_another_file_is_not_cut(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes").write_bytes(content)
    with pytest.raises(InputError, match="not a journal line"):
        Journal(tmp_path / "notes")
    assert (tmp_path / "notes").read_bytes() == content


@pytest.mark.parametrize("zeros", [1, 511, 4096])
def test_a_tail_of_zeros_as_a_power_cut_leaves_is_cut_like_a_torn_line(
    tmp_path: Path, zeros: int
) -> None:
    entries = write(tmp_path / "whole", 3)
    whole = (tmp_path / "whole").read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    path = tmp_path / "torn"
    for cut, kept in ((0, 0), (start, 2), (start + 1, 2), (len(whole) - 2, 2), (len(whole) - 1, 3),
                      (len(whole), 3)):  # fmt: skip
        path.write_bytes(whole[:cut] + bytes(zeros))
        assert list(read_entries(path)) == entries[:kept]
        assert path.read_bytes() == whole[:cut] + bytes(zeros), "a reader changes nothing"
        with Journal(path) as journal:
            assert len(journal) == kept
            for item in entries[kept:]:
                journal.append(item)
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "line",
    [
        b'{"request":{"messages":[{"role":"user","content":"\xff"}]}}\n',
        b"[" * 100_000 + b"\n",
        bytes(100) + b"\n",
        bytes(100) + b'{"request":{"messages":[\n',
    ],
)
def test_a_line_damaged_in_any_way_is_named_with_its_number(tmp_path: Path, line: bytes) -> None:
    write(tmp_path / "j", 2)
    whole = (tmp_path / "j").read_bytes()
    first = whole.index(b"\n") + 1
    damaged = whole[:first] + line + whole[first:]
    (tmp_path / "j").write_bytes(damaged)
    with pytest.raises(InputError, match=r"j:2: not a journal line"):
        Journal(tmp_path / "j")
    assert (tmp_path / "j").read_bytes() == damaged


def test_a_line_written_by_hand_needs_no_key(tmp_path: Path) -> None:
    line = json.loads((write(tmp_path / "a", 1), (tmp_path / "a").read_text())[1])
    line["completion"]["key"] = "by hand"
    line["request"] = {
        "messages": line["request"]["messages"],
        "sampling": {"temperature": 0.5, "stop": ["\n\n"], "seed": 3},
        "model": "m",
    }
    (tmp_path / "hand").write_text(json.dumps(line), encoding="utf-8")
    with Journal(tmp_path / "hand", write=False) as journal:
        assert journal.get(entry(0).request.key) == entry(0).completion


def test_failed_tries_are_kept_and_answer_nothing(tmp_path: Path) -> None:
    request = entry(0).request
    lost = Completion(
        key=request.key, text="", finish_reason="error", model="m", error="lost",
        wasted=Usage(prompt_tokens=9, completion_tokens=9),
    )  # fmt: skip
    with Journal(tmp_path / "j") as journal:
        journal.append(Entry(request=request, completion=lost))
        assert journal.get(request.key) is None
    with Journal(tmp_path / "j") as journal:
        assert journal.get(request.key) is None
        journal.append(entry(0))
        assert journal.get(request.key) == entry(0).completion
    assert [item.answers for item in read_entries(tmp_path / "j")] == [False, True]


def test_the_first_answer_to_a_request_stays(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append(entry(0, "first"))
        journal.append(entry(0, "second"))
        assert journal.get(entry(0).request.key).text == "first"
    with Journal(tmp_path / "j", write=False) as journal:
        assert journal.get(entry(0).request.key).text == "first"


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append(entry(0))
        with pytest.raises(InputError, match="being written by another process"):
            Journal(tmp_path / "j")
        assert len(list(read_entries(tmp_path / "j"))) == 1
    Journal(tmp_path / "j").close()


def test_a_missing_file_is_named_and_remote_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        Journal(tmp_path / "none", write=False)
    with pytest.raises(InputError, match="local file"):
        Journal("s3://bucket/journal.jsonl")
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, signal, sys
from tests.models.test_models_journal import entry
from corpusforge.errors import InputError
from corpusforge.models.journal import Journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
journal = Journal(sys.argv[1])
count = 0
try:
    while True:
        journal.append(entry(count))
        count += 1
except InputError as error:
    print(count, error)
"""


def test_a_full_disk_leaves_whole_lines_and_a_message(tmp_path: Path) -> None:
    root = Path(build.__file__).resolve().parents[1]
    result = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "j")],
        cwd=root, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    count, _, message = result.stdout.partition(" ")
    assert "cannot append to journal" in message
    assert int(count) >= 1
    assert [item.request.key for item in read_entries(tmp_path / "j")] == [
        entry(number).request.key for number in range(int(count))
    ]
    assert (tmp_path / "j").read_bytes().endswith(b"}\n")
