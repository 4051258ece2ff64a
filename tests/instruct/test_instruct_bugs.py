"""The faults known of the reference implementation, one test each that we do not have it."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from loop_kit import Told, machine, small_pool, states_of, taken

from corpusforge.instruct.profile import profile
from corpusforge.instruct.requests import ask_classify, ask_generate, ask_instances
from corpusforge.instruct.run import job
from corpusforge.instruct.session import run
from corpusforge.instruct.settings import Settings
from corpusforge.models.client import Client
from corpusforge.models.records import Completion
from corpusforge.testing.scripted import Scripted, reply

SMALL = Settings(target=20, prompts=2, similar=2)


def test_01_letter_case_survives() -> None:
    """`.capitalize()` turned NASA into nasa."""
    text = "9. Write Python code that calls NASA's API on a MacBook.\n10. ask iPhone owners what they miss."
    assert [one.instruction for one in taken(text).machine] == [
        "Write Python code that calls NASA's API on a MacBook.",
        "ask iPhone owners what they miss.",
    ]


def test_02_a_chinese_copy_is_a_copy_and_accents_are_letters() -> None:
    """A tokeniser of [a-z0-9] gave two equal Chinese texts the similarity 0."""
    got = taken("9. 请用三句话描述秋天的早晨。\n10. 请用三句话描述秋天的早晨。", "zh")
    assert [one.instruction for one in got.machine] == ["请用三句话描述秋天的早晨。"]
    assert [(one.rule, one.value[:6]) for one in got.rejects] == [("near_copy", "1.0000")]
    assert profile("en").tokens("café naïve") == ["café", "naïve"]


def test_03_chinese_instructions_are_kept() -> None:
    """Their length in words is 1 and their first character is not ASCII: all were dropped."""
    text = "9. 请用三句话描述秋天的早晨。\n10. 把下面的古诗翻译成现代汉语。\n11. 判断这条评论是好评还是差评。"
    assert len(taken(text, "zh").machine) == 3


_HASHED = """
import hashlib, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from loop_kit import states_of
from corpusforge.instruct.settings import Settings
from corpusforge.testing.scripted import Scripted
rows = states_of(Settings(target=20, prompts=2, similar=2, max_instances=1), Scripted(), Path("."))[0].rows
print(hashlib.sha256(repr(rows).encode()).hexdigest())
"""


def test_04_rows_do_not_depend_on_hash_randomisation() -> None:
    """`list(set(instances))` changed order, and with a cap the sample, from process to process."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", _HASHED, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1


def test_05_a_crash_while_replaying_loses_nothing(tmp_path: Path) -> None:
    """Steps reopened their own output for writing before all of it was written again."""

    class Crash(RuntimeError):
        pass

    def crash(request: object) -> None:
        raise Crash

    with Client(Scripted(), tmp_path / "journal.jsonl") as client:
        run(job(SMALL), str(tmp_path), client)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.jsonl")}
    more = Settings(target=200, prompts=2, similar=2)
    with Client(Scripted(crash), tmp_path / "journal.jsonl") as client, pytest.raises(Crash):
        run(job(more), str(tmp_path), client)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.jsonl")} == before


def test_06_of_a_half_done_batch_the_other_half_is_asked(tmp_path: Path) -> None:
    """A batch was paid again unless all five of its replies were there."""
    with Client(Scripted(), tmp_path / "a" / "journal.jsonl") as client:
        run(job(SMALL), str(tmp_path / "a"), client)
    lines = (tmp_path / "a" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    kept = lines[::2]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "journal.jsonl").write_bytes(b"".join(kept))
    asked: list[str] = []
    with Client(
        Scripted(lambda one: asked.append(one.key)), tmp_path / "b" / "journal.jsonl"
    ) as client:
        run(job(SMALL), str(tmp_path / "b"), client)
    missing = [json.loads(line)["completion"]["key"] for line in lines[1::2]]
    assert sorted(asked) == sorted(missing)
    rows = [(tmp_path / name / "rows.jsonl").read_bytes() for name in ("a", "b")]
    assert rows[0] == rows[1]


def test_07_no_file_is_named_after_an_engine(tmp_path: Path) -> None:
    """Step 3 read the classification of davinci, whatever engine had made one."""
    names = []
    for model in ("davinci", "org/model:7b q4"):
        output = tmp_path / str(len(names))
        output.mkdir()
        with Client(Told(reply, model), output / "journal.jsonl") as client:
            run(job(SMALL), str(output), client)
        names.append(sorted(path.name for path in output.iterdir()))
        assert not [path for path in output.rglob("*") if model.partition("/")[0] in path.name]
        row = json.loads((output / "rows.jsonl").read_text().splitlines()[0])
        assert (row["lineage"]["engine"], row["lineage"]["model"]) == ("told", model)
    assert names[0] == names[1]


def test_08_no_process_is_started_for_an_instruction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool of four processes was made for every candidate, and the whole task pool pickled."""

    def refuse(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(multiprocessing.Process, "start", refuse)
    monkeypatch.setattr(os, "fork", refuse)
    assert states_of(SMALL, Scripted(), tmp_path)[0].rows


def test_09_the_threshold_is_decided_in_integers() -> None:
    """In floating point half of the pairs with F1 of exactly 0.7 counted as above it."""
    words = [f"w{number}" for number in range(200)]
    tried = 0
    for left, right in itertools.product(range(7, 27), repeat=2):
        common, rest = divmod(7 * (left + right), 20)
        if rest or common > min(left, right):
            continue
        assert Fraction(2 * common, left + right) == Fraction(7, 10)
        first = words[:left]
        second = words[:common] + words[100 : 100 + right - common]
        over = words[: common + 1] + words[100 : 100 + right - common - 1]
        got = taken(f"9. {' '.join(first)}\n10. {' '.join(second)}")
        assert len(got.machine) == 2, f"{left} and {right} tokens: 0.7 is not above 0.7"
        if common < min(left, right):
            got = taken(f"9. {' '.join(first)}\n10. {' '.join(over)}")
            assert [one.rule for one in got.rejects] == ["near_copy"]
        tried += 1
    assert tried > 10


def test_10_no_stop_string_cuts_prices_or_lists() -> None:
    """The stop strings "16." and "20." also ended a reply at "$20." or "16.5"."""
    pool = small_pool("en")
    settings = Settings(prompts=1)
    tasks = [machine("Sort the given list.")]
    requests = [ask_generate(pool, 0, settings), ask_classify(tasks, settings),
                ask_instances(tasks, settings)]  # fmt: skip
    stops = [stop for step in requests for asked in step for stop in asked.request.sampling.stop]
    assert stops == ["\n9.", "\nExample 2\nOutput:"]  # each at a line's start
    text = "9. Say what to buy for $20. or for 16.5 euros.\n10. Explain the rule 16. in one line."
    assert [one.instruction for one in taken(text).machine] == [
        "Say what to buy for $20. or for 16.5 euros.", "Explain the rule 16. in one line.",
    ]  # fmt: skip


def test_11_every_refused_candidate_is_kept_with_its_reason() -> None:
    """Rejects were not stored: there was no funnel and nothing to look at."""
    text = (
        "9. Sing.\n10. Draw a picture of the sea at night.\n11. Name the capital of every country in "
        "Europe.\n12. Explain why the sea is salty.\n13. Wri"
    )
    got = taken(text, finish="length")
    assert [one.instruction for one in got.machine] == ["Explain why the sea is salty."]
    assert [(one.rule, one.text[:12], one.nearest) for one in got.rejects] == [
        ("too_short", "Sing.", ""),
        ("blacklist", "Draw a pictu", ""),
        ("near_copy", "Name the cap", "s"),
        ("cut", "Wri", ""),
    ]
    assert got.seen == len(got.machine) + len(got.rejects) == 5


def test_12_a_failure_is_no_answer(tmp_path: Path) -> None:
    """After three tries an empty result was stored, and read as an answer for ever."""

    def failing(request: object) -> Completion:
        good = reply(request)
        bad = int(good.key[0], 16) < 5
        return (
            Completion(key=good.key, text="", finish_reason="error", model="m", error="boom")
            if bad
            else good
        )

    def outcome(name: str, engine: Told) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
        with Client(engine, tmp_path / name / "journal.jsonl") as client:
            run(job(SMALL), str(tmp_path / name), client)
        tables = ((tmp_path / name / f"{table}.jsonl").read_text() for table in ("rows", "rejects"))
        return tuple([json.loads(line) for line in table.splitlines()] for table in tables)

    (tmp_path / "a").mkdir()
    engine = Told(failing)
    rows, rejects = outcome("a", engine)
    failed = [one for one in rejects if one["rule"] == "request_failed"]
    assert rows and failed and {one["value"] for one in failed} == {"boom"}
    journal = (tmp_path / "a" / "journal.jsonl").read_text()
    assert not any(f'"key":"{one["request"]}"' in journal for one in failed)
    # given up once for all: the rounds after it were built without it
    again = Told(reply)
    assert outcome("a", again) == (rows, rejects)
    assert again.sent == []


def test_the_twelve_are_all_here() -> None:
    names = [name for name in globals() if name[:6] == "test_0" or name[:6] == "test_1"]
    assert sorted(name[5:7] for name in names) == [f"{number:02}" for number in range(1, 13)]
