"""The second look: replies read by hand-written cases, and a run whose model reads its rewrites again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge.models.options import settings_from
from corpusforge.models.records import Completion, Request
from corpusforge.rephrase.readings import Readings, decide, read
from corpusforge.rephrase.run import rephrase
from corpusforge.rephrase.sources import find_sources
from examples.rephrase.make_journal import HERE, OPTIONS, Written
from pipelines.rephrase import main, parser, plan_of

ROOT = HERE.parent.parent


def reply(text: str, finish: str = "stop") -> Completion:
    return Completion(key="0" * 32, text=text, finish_reason=finish, model="m")


@pytest.mark.parametrize(
    ("text", "supported", "statement"),
    [
        ("Statement: none\nVerdict: supported", True, ""),
        ("**Statement:** none\n**Verdict:** Supported.", True, ""),
        ("Statement: It opened in 1990.\nVerdict: unsupported", False, "It opened in 1990."),
        ("Statement: It is red.\nVerdict: not supported by the passage", False, "It is red."),
        ("陈述：无\n结论：有依据", True, ""),
        ("陈述：他是船长。\n结论：无依据。", False, "他是船长。"),
        ("<think>Hm. Verdict: supported</think>Statement: So.\nVerdict: unsupported", False, "So."),
    ],
)
def test_what_a_reading_says(text: str, supported: bool, statement: str) -> None:
    assert read([reply(text)]) == Readings(
        readings=1, supported=int(supported), unsupported=statement
    )


@pytest.mark.parametrize(
    "text", ["", "I cannot tell.", "Verdict: perhaps", "Statement: It is red."]
)
def test_a_reading_that_says_neither_has_no_vote(text: str) -> None:
    assert read([reply(text)]) == Readings()


def test_bounds_on_their_edge() -> None:
    half = Readings(readings=4, supported=2, unsupported="It is red.")
    assert decide(half, 0.5) is None
    assert decide(half, 0.51) == ("unsupported", "2/4: It is red.", ">= 0.51")
    assert decide(Readings(), 1.0) is None, "nobody has read it"


SAID = {
    ("en", 0): "Statement: Changed.\nVerdict: unsupported",
    ("zh", 0): "陈述：改了。\n结论：无依据",
    ("en", 1): "Statement: none\nVerdict: supported",
    ("zh", 1): "陈述：无\n结论：有依据",
}


class Reader(Written):
    """The example's engine, whose first reading of each rewrite finds a fault, and no other does."""

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in requests:
            if request.purpose != "rephrase.readings":
                yield from super().complete([request])
                continue
            language = "zh" if "结论" in request.messages[0].content else "en"
            said = SAID[language, min(request.repeat, 1)]
            yield Completion(key=request.key, text=said, finish_reason="stop", model=self.model)


def rows(output: Path, folder: str) -> list[dict]:
    return [row for part in sorted((output / folder).glob("part-*.parquet"))
            for row in pq.read_table(part).to_pylist()]  # fmt: skip


def play(output: Path, *more: str) -> None:
    options = parser().parse_args([*OPTIONS, *more, "--output", str(output)])
    models = settings_from(options)
    sources = find_sources(options.input)
    rephrase(plan_of(options, models), sources, models, str(output), engine=Reader())


def test_a_run_reads_what_passed_and_decides_again_without_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    play(tmp_path / "one", "--readings", "1")
    assert rows(tmp_path / "one", "documents") == []
    named = [row for row in rows(tmp_path / "one", "candidates") if row["rule"] == "unsupported"]
    assert len(named) == 14
    assert {(row["value"], row["readings"]) for row in named} == {
        ("0/1: Changed.", 1),
        ("0/1: 改了。", 1),
    }
    play(tmp_path / "three", "--readings", "3")
    assert len(rows(tmp_path / "three", "documents")) == 14, "two of three readings find nothing"
    bounds = tmp_path / "bounds.toml"
    bounds.write_text("[all]\nsupported_low = 0.7\n")
    journal = str(tmp_path / "three" / "journal")
    command = [
        *OPTIONS,
        "--readings",
        "3",
        "--bounds",
        str(bounds),
        "--engine",
        "replay",
        "--journal",
        journal,
    ]
    assert main([*command, "--output", str(tmp_path / "again")]) == 1
    assert rows(tmp_path / "again", "documents") == []
