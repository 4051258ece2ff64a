"""A document that takes too much CPU time is a failed row with the bound's name; all others survive.

Slow documents are made, by rules, extractors and patterns that stand for a defect; none of these tests looks
at a clock but the CPU clock of its own thread.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import corpusforge.decontaminate.scan as scanning
import corpusforge.extract as extraction
import corpusforge.filter.step as filtering
from corpusforge import cputime, ingest
from corpusforge.cputime import Bound, OverTimeError, each, within
from corpusforge.decontaminate import EvalIndex, EvalItem, Scanner
from corpusforge.decontaminate.settings import Settings as DecontaminateSettings
from corpusforge.decontaminate.step import Decontaminate
from corpusforge.errors import RecipeError
from corpusforge.extract import Extracted
from corpusforge.filter import TextRule
from corpusforge.filter.settings import Settings as FilterSettings
from corpusforge.identify import step as identification
from corpusforge.ingest import code, documents, stackexchange, web, wikipedia
from corpusforge.io.rows import Reading
from corpusforge.recipe import parse
from corpusforge.records import Document, Failed, RawDocument, document_batch
from corpusforge.steps import Outcome
from corpusforge.testing.packed import warc_record
from pipelines import score

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 0.2
SLOW = "the slow one "
TEXTS = [f"Page {n} tells of {n * 7} things, and of a market." for n in range(9)]
PATTERN = re.compile(r"(?:a|aa)+$")
"""Exponential on a run of "a" with another end: one call of it does not come back."""
ENDLESS = "a" * 60 + "b"


def spin(text: object) -> None:
    """Loop for ever on the slow document."""
    while SLOW in str(text):
        pass


def search(text: object) -> None:
    """Make one call of the pattern that does not come back, on the slow document."""
    if SLOW in str(text):
        PATTERN.search(ENDLESS)


def then(slow: Callable[[object], None], function: Callable[..., T]) -> Callable[..., T]:
    """The function, slow where its first argument holds the slow document."""

    def both(*given: Any, **named: Any) -> T:
        slow(given[0].to_pylist() if isinstance(given[0], pa.Array) else given[0])
        return function(*given, **named)

    return both


def rows(*slow: int) -> pa.RecordBatch:
    texts = [SLOW + text if n in slow else text for n, text in enumerate(TEXTS)]
    made = (
        Document(
            id=str(n), source="s", category="c", format="text", text=text, locator=str(n), lang="en"
        )
        for n, text in enumerate(texts)
    )
    return document_batch(made, flags=[""] * len(texts))


def anywhere(function: Callable[[], T], *, thread: bool) -> T:
    """Return a function's result, done in this thread or another."""
    if not thread:
        return function()
    found: list[T] = []
    worker = threading.Thread(target=lambda: found.append(function()))
    worker.start()
    worker.join()
    return found[0]


def told(outcome: Outcome, seconds: float = SECONDS) -> list[str]:
    """The failed documents; every one names the bound, and the others are there, in order."""
    failed = sorted(row.id for row in outcome.failed)
    kept = [str(n) for n in range(len(TEXTS)) if str(n) not in failed]
    assert outcome.rows.column("id").to_pylist() == kept
    for row in outcome.failed:
        assert row.error.startswith("over ")
        assert row.error.endswith(f".cpu_seconds = {seconds:g} s of CPU time")
    return failed


@pytest.mark.parametrize("thread", [False, True])
def test_a_rule_of_ones_own_that_never_ends(thread: bool) -> None:
    """Expected by hand: of nine texts the third and the last fail, each after the bound, once."""
    rule = TextRule(name="mine", function=lambda text: spin(text) is None)
    verb = filtering.Filter((rule,), cpu_seconds=SECONDS).open()
    verb(rows())  # kernels are compiled
    used: list[float] = []

    def work() -> Outcome:
        start = time.thread_time()
        outcome = verb(rows(2, 8))
        used.append(time.thread_time() - start)
        return outcome

    outcome = anywhere(work, thread=thread)
    assert told(outcome) == ["2", "8"]
    assert {row.stage for row in outcome.failed} == {"filter"}
    assert {row.error.split()[1] for row in outcome.failed} == {"filter.cpu_seconds"}
    assert outcome.tables["stats"].column("id").to_pylist() == [
        str(n) for n in (0, 1, 3, 4, 5, 6, 7)
    ]
    assert used[0] < 10 * SECONDS, "two documents, not the batch again and again"


@pytest.mark.parametrize("slow", [spin, search])
@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("redact_names", filtering.RedactNames(cpu_seconds=SECONDS)),
        ("clean", filtering.Clean(FilterSettings(cpu_seconds=SECONDS))),
        ("measure", filtering.Filter((), cpu_seconds=SECONDS)),
        ("redact", filtering.Redact(cpu_seconds=SECONDS)),
    ],
)
def test_every_step_of_the_filter(
    name: str, step: Any, slow: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loops of Python and one call of a pattern; steps that go text by text, and that take the batch."""
    step.open()(rows())
    monkeypatch.setattr(filtering, name, then(slow, getattr(filtering, name)))
    batch = rows(4)
    if name == "redact_names":
        urls = pa.array([f"https://a.example/{text}" for text in batch["text"].to_pylist()])
        batch = batch.set_column(
            batch.schema.get_field_index("url"), batch.schema.field("url"), urls
        )
    assert told(step.open()(batch)) == ["4"]
    assert told(step.open()(rows())) == []


def test_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = identification.Settings(engine="pycld2", cpu_seconds=SECONDS)
    verb = identification.Identify(settings).open()
    monkeypatch.setattr(identification, "identify", then(spin, identification.identify))
    outcome = verb(rows(0))
    assert told(outcome) == ["0"]
    assert outcome.notes == {"lang:en": 8}


@pytest.mark.parametrize("slow", [spin, search])
@pytest.mark.parametrize("media", ["html", "wikitext", "epub", "text", "code"])
def test_extractors_of_every_medium(
    media: Any, slow: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An EPUB is small as it is packed; the bound does not ask for its size to be watched."""
    monkeypatch.setattr(
        extraction,
        "EXTRACTORS",
        {
            media: then(
                lambda raw: slow(raw.content), lambda raw, _: Extracted(raw.content, "", "text")
            )
        },
    )
    settings = extraction.Settings(cpu_seconds=SECONDS)
    found = extraction.extract(RawDocument("a", SLOW, media, url="u"), settings)
    bound = f"over extract.cpu_seconds = {SECONDS} s of CPU time"
    assert found == Failed("a", f"{media} extractor: {bound}", "u")
    found = extraction.extract(RawDocument("a", "Page", media), settings)
    assert isinstance(found, Extracted)


def archive_of_web(path: Path) -> None:
    pages = [warc_record(str(n), text.encode()) for n, text in enumerate(("one", SLOW, "three"))]
    path.write_bytes(b"".join(pages))


def lines_of_json(path: Path) -> None:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("one", SLOW, "three")))


def dump_of_wiki(path: Path) -> None:
    pages = "".join(
        f"<page><title>T{n}</title><ns>0</ns><id>{n}</id><revision><id>{n}</id><text>{text}</text></revision></page>"
        for n, text in enumerate(("one", SLOW, "three"))
    )
    path.write_text(f"<mediawiki><siteinfo><dbname>enwiki</dbname></siteinfo>{pages}</mediawiki>")


def posts(path: Path) -> None:
    own = "".join(
        f'<row Id="{10 * n}" PostTypeId="1" Title="T" Body="{text}"/>\n'
        f'<row Id="{10 * n + 1}" PostTypeId="2" ParentId="{10 * n}" Body="A"/>\n'
        for n, text in enumerate(("one", SLOW, "three"), 1)
    )
    path.write_text(f"<posts>\n{own}</posts>")


@pytest.mark.parametrize("slow", [spin, search])
@pytest.mark.parametrize(
    ("kind", "name", "write", "module", "function"),
    [
        ("web", "a.warc", archive_of_web, web, "_page"),
        ("documents", "a.jsonl", lines_of_json, documents, "guess"),
        ("wikipedia", "a.xml", dump_of_wiki, wikipedia, "_parse"),
        ("stackexchange", "Posts.xml", posts, stackexchange, "_text"),
    ],
)
def test_a_record_that_is_slow_to_read(
    tmp_path: Path, kind: str, name: str, write: Callable[[Path], None], module: Any, function: str,
    slow: Callable[[object], None], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The first and the third record of three are documents, the second a failed row."""
    write(tmp_path / name)
    own = getattr(module, function)
    known = own if function != "_page" else lambda body, *more: own(more[0], body, *more[1:])
    slowly = then(slow, known)
    stub = slowly if function != "_page" else lambda at, body, *more: slowly(body, at, *more)
    monkeypatch.setattr(module, function, stub)
    settings = ingest.Settings(cpu_seconds=SECONDS)
    found = list(ingest.read(kind, str(tmp_path / name), settings))
    assert [type(row) for row in found] == [RawDocument, Failed, RawDocument]
    assert isinstance(found[1], Failed)
    assert found[1].error == f"over ingest.cpu_seconds = {SECONDS} s of CPU time"
    assert not found[1].cut


def test_a_file_of_code_that_is_slow_to_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its licence's evidence may be as slow: then it states none, and the tree is read."""
    for name, text in (("a.py", "x = 1\n"), ("setup.py", f"# {SLOW}\n"), ("z.py", "y = 2\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "evidence", lambda name, text: search(text))
    monkeypatch.setattr(code, "flags", lambda path, text, language: search(text) or {})
    settings = ingest.Settings(cpu_seconds=SECONDS)
    names = ("a.py", "setup.py", "z.py")
    found = [row for name in names for row in ingest.read("code", str(tmp_path / name), settings)]
    assert [type(row) for row in found] == [RawDocument, Failed, RawDocument]


def test_a_reader_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it gave before is there; the rest of the file is told as not read, by the bound's name."""

    def reader(path: str, settings: Any, root: str) -> Any:
        yield RawDocument("a:1", "text", "text")
        spin(SLOW)

    monkeypatch.setitem(ingest.SOURCES, "documents", ingest.SourceKind(read=reader))
    settings = ingest.Settings(cpu_seconds=SECONDS)
    first, second = ingest.read("documents", "a", settings)
    assert isinstance(first, RawDocument)
    assert second == Failed(
        "a",
        f"the reader is over ingest.cpu_seconds = {SECONDS} s of CPU time: the rest of the file was not read",
        cut=True,
    )


def test_bytes_that_are_passed_over_earn_their_time(tmp_path: Path) -> None:
    """300,000 lines that are no rows, unpacked: at a rate that they need, they are no endless reader."""
    path = tmp_path / "Posts.xml.gz"
    lines = "<posts>\n" + "<other/>\n" * 300_000 + "</posts>\n"
    path.write_bytes(gzip.compress(lines.encode(), 1))
    start = time.thread_time()
    list(ingest.read("stackexchange", str(path), ingest.Settings()))
    needed = time.thread_time() - start
    rate = 3 * needed / (len(lines) / cputime.MEGABYTE)
    found = list(ingest.read("stackexchange", str(path), ingest.Settings(cpu_seconds=rate)))
    assert found == []


INDEX = EvalIndex.build([EvalItem("set", "1", ("one two three four five six seven eight nine ten eleven "
                                              "twelve thirteen fourteen fifteen sixteen",))])  # fmt: skip


@pytest.mark.parametrize("thread", [False, True])
def test_a_text_that_is_slow_to_search(thread: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hits of the other texts keep their places."""
    item = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    texts = [TEXTS[0], SLOW + item, TEXTS[2], f"Here: {item} fifteen.", TEXTS[4]]
    scanner = Scanner(INDEX, ("ngram8.v1",), cpu_seconds=SECONDS)
    without = scanner.scan(texts).to_pylist()
    monkeypatch.setattr(scanning, "split_words", then(spin, scanning.split_words))
    found = anywhere(lambda: scanner.scan(texts), thread=thread).to_pylist()
    row = {"document": 1, "start": 0, "end": len(texts[1]), "rule": "cpu_seconds", "gram": -1, "item": -1,
           "share": 0.0}  # fmt: skip
    assert [hit for hit in found if hit["document"] == 1] == [row]
    assert (
        [h for h in found if h["document"] == 3] == [h for h in without if h["document"] == 3] != []
    )
    assert {hit["document"] for hit in found} == {1, 3}


def test_such_a_text_fails_in_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    INDEX.save(str(tmp_path / "index"))
    settings = DecontaminateSettings(cpu_seconds=SECONDS)
    verb = Decontaminate(str(tmp_path / "index"), settings).open()
    verb(rows())
    monkeypatch.setattr(scanning, "split_words", then(spin, scanning.split_words))
    outcome = verb(rows(3))
    assert [row.id for row in outcome.failed] == ["3"]
    assert "over decontaminate.cpu_seconds = 0.2 s of CPU time" in outcome.failed[0].error
    assert outcome.rows.num_rows == len(TEXTS) - 1


def test_a_document_inside_a_batch_has_a_time_of_its_own() -> None:
    """Forty texts of a twentieth of the bound each are no text over it; the clock of the batch stands."""

    def batch() -> int:
        number = 0
        for _ in each(enumerate(["x"] * 40)):
            start = time.thread_time()
            while time.thread_time() - start < 0.025:
                pass
            number += 1
        return number

    assert Bound("x.cpu_seconds", 0.5).within(0, batch) == 40


def test_a_call_inside_a_call_stops_the_outer_ones_clock() -> None:
    def inner() -> None:
        with pytest.raises(OverTimeError):
            within(SECONDS, lambda: spin(SLOW))

    assert within(SECONDS, lambda: [inner() for _ in range(5)]) == [None] * 5


def test_compiling_a_kernel_counts_for_nobody() -> None:
    """What numba says while it compiles stops the clock of the document in hand."""
    from numba.core import event

    def compiling() -> str:
        with event.trigger_event("numba:compile"):
            start = time.thread_time()
            while time.thread_time() - start < 3 * SECONDS:
                pass
        return "compiled"

    import corpusforge.text.compiler  # noqa: F401 - listens

    assert within(SECONDS, compiling) == "compiled"


@pytest.mark.parametrize("section", ["extract", "identify", "filter", "decontaminate"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_bound_that_is_none_is_refused(section: str, value: float) -> None:
    with pytest.raises(RecipeError, match=rf"{section}\.cpu_seconds.*expected"):
        parse({"name": "x", section: {"cpu_seconds": value}})


def test_the_time_of_a_document_grows_with_its_size() -> None:
    bound = Bound("x.cpu_seconds", 30.0)
    assert [bound.of(size) for size in (0, 1_000_000, 2_500_000)] == [30.0, 30.0, 75.0]
    assert bound.told(10) == "over x.cpu_seconds = 30 s of CPU time"
    assert bound.told(2_500_000) == "over x.cpu_seconds = 30 s of CPU time, 75 s for 2.5 MB"


class Slow:
    """A scorer that never comes back from the slow text."""

    def score(self, texts: pa.Array) -> Any:
        """One for each text."""
        spin(texts.to_pylist())
        return np.ones(len(texts), dtype=np.float32)


def test_a_text_that_is_slow_to_score() -> None:
    """The stand-alone command leaves its row out and counts it; seen = written + failed."""
    account = Reading(seen=len(TEXTS))
    given = [{"text": SLOW + text if n == 5 else text, "n": n} for n, text in enumerate(TEXTS)]
    bound = Bound("--cpu-seconds", SECONDS)
    made = list(score.scored(given, Slow(), "text", "score", account, bound))
    assert [row["n"] for row in made] == [0, 1, 2, 3, 4, 6, 7, 8]
    assert account.failed == 1
    assert account.example.startswith("over --cpu-seconds = 0.2 s of CPU time")


RULE = """
import re
pattern = re.compile(r"(?:a|aa)+$")

def keep(text):
    while "ENDLESS" in text:
        pass
    if "PATTERN" in text:
        pattern.search("a" * 60 + "b")
    return True
"""
SITE = """
import sys
import corpusforge.cputime as cputime
cputime.GRACE = 0.5
if "pipelines.pretrain_mix" in sys.orig_argv:
    from corpusforge.run import local
    local.IN_MEMORY_BYTES = 0
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_goes_on_without_them(tmp_path: Path, workers: str) -> None:
    """In memory and on forked workers: a rule that loops, and one whose pattern does not come back.

    A forked worker does its work in a thread, where nothing ends a single call: the worker is killed by its
    timer, and the part made again, alone, in a process whose main thread a signal reaches.
    """
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    (tmp_path / "site" / "mine.py").write_text(RULE)
    (tmp_path / "in").mkdir()
    for name in "ab":
        words = ["ENDLESS" if n == 7 else "PATTERN" if n == 11 else "quiet" for n in range(20)]
        lines = [
            json.dumps({"text": f"Page {n} of {name} is {word}."}) for n, word in enumerate(words)
        ]
        (tmp_path / "in" / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    recipe = (
        'name = "wall"\n[sources.a]\nkind = "documents"\n[sources.b]\nkind = "documents"\n'
        '[filter]\ncpu_seconds = 0.5\n[filter.rules]\na = ["mine:keep"]\nb = ["mine:keep"]\n'
    )
    (tmp_path / "wall.toml").write_text(recipe)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.pretrain_mix", "--quiet", "--until", "documents",
         "--recipe", str(tmp_path / "wall.toml"), "--output", str(tmp_path / "run"), "--workers", workers,
         f"--source=a={tmp_path}/in/a.jsonl", f"--source=b={tmp_path}/in/b.jsonl"],
        capture_output=True, text=True, timeout=500, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(ROOT)])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    failed = [
        row for path in sorted((tmp_path / "run/failed").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]  # fmt: skip
    assert sorted(row["locator"] for row in failed) == [
        "a.jsonl:12", "a.jsonl:8", "b.jsonl:12", "b.jsonl:8",
    ]  # fmt: skip
    assert {row["error"] for row in failed} == {"over filter.cpu_seconds = 0.5 s of CPU time"}
    kept = sum(
        pq.read_table(path).num_rows for path in (tmp_path / "run/documents").glob("*.parquet")
    )
    assert kept == 36
