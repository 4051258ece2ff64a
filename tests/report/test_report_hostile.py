"""Text of strangers in names, addresses and licences: every page and command shows it, none obeys it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from corpusforge import cli
from pipelines import dedup, extract, pretrain_mix

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\x7f\r\u202egpj\u2066\u200f\u2028"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>[a](javascript:alert(1))![b](x)`c`|d|**e**~~~"
HOSTILE = f"a{ESCAPES}{MARKUP}\n# heading\n<!--"
OBEYED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]"
)
TAGS = {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "strong"}
WORDS = ("river", "valley", "miller", "story", "people", "bridge", "the", "of", "and", "to", "that")


LOOKS = [
    ["inspect", "{run}"],
    ["verify", "{run}"],
    ["status", "{run}"],
    ["status", "--json", "{run}"],
    ["status", "--prometheus", "{run}"],
    ["diff", "{run}", "{run}"],
    ["check", "{run}/../own.toml"],
    ["sweep", "{run}", "--rule", "gopher_quality.v1:words"],
    ["why", "{run}", ESCAPES],
    ["why", "{run}", f"--{ESCAPES}"],
    ["verify", "{run}" + ESCAPES],
    ["recipe", "show", ESCAPES],
    [f"nothing{ESCAPES}"],
]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        assert not any(name.startswith("on") or name in ("href", "src") for name, _ in attrs)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment, in which what follows would vanish")


def documents(path: Path) -> None:
    draw = random.Random(7)
    with path.open("w", encoding="utf-8") as stream:
        for number in range(12):
            words = " ".join(draw.choices(WORDS, k=300)) + f". {ESCAPES}"
            row = {"id": f"{number}", "text": words * (1 + (number == 3)),
                   "url": f"https://example.com/{number}{HOSTILE}", "licence": HOSTILE,
                   "title": HOSTILE, "category": HOSTILE, "date": HOSTILE}  # fmt: skip
            stream.write(json.dumps(row) + "\n")
            if number == 5:  # a copy, for the command that shows duplicates
                stream.write(json.dumps({**row, "id": "copy"}) + "\n")
        stream.write('{"id": "short", "text": "' + "\\u001b[2J" + 'no", "url": "\\u001b[2J"}\n')


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    source = folder / "a\x1b[2J\u202eb"
    source.mkdir()
    documents(source / "rows\x1b[31m.jsonl")
    recipe = {"name": "own", "description": HOSTILE}
    (folder / "own.toml").write_text(
        "".join(f"{key} = {json.dumps(value)}\n" for key, value in recipe.items())
        + '[sources.rows]\nkind = "documents"\n[filter.rules]\nrows = ["gopher_quality.v1"]\n'
        + "[tokenize]\nvocab_size = 300\n"
    )
    told = ["--recipe", str(folder / "own.toml"), "--output", str(folder / "run"), "--workers", "1"]
    pretrain_mix.run([*told, "--quiet", "--source", f"rows={source}"])
    return folder / "run"


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    caught = capsys.readouterr()
    text = caught.out + caught.err
    assert OBEYED.findall(text) == []
    return text


def names(run: Path) -> Iterator[str]:
    yield from ("3", "short", "copy", "rows\x1b[31m.jsonl")


def test_commands_show_it_as_text(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in names(run):
        cli.main(["why", str(run), name])
    assert "\\x1b[2J" in shown(capsys)
    assert cli.main(["duplicates", str(run)]) == 0
    assert "\\u202e" in shown(capsys)
    for told in LOOKS:
        with suppress(SystemExit):
            cli.main([word.format(run=run) for word in told])
        shown(capsys)


def test_pipelines_show_it_as_text(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = str(next(run.parent.glob("a*/*.jsonl")))
    told = ["--input", inputs, "--output", str(tmp_path / f"out{ESCAPES}.jsonl")]
    extract.main([*told, "--kind", "documents", "--verbose"])
    shown(capsys)
    dedup.main(["--input", inputs, "--output", str(tmp_path / "out\x1b[2J")])
    assert "written to" in shown(capsys)
    pretrain_mix.main(["--recipe", str(run.parent / "own.toml"), "--output", str(run)])
    pretrain_mix.main(["--recipe", f"x{ESCAPES}.toml"])
    pretrain_mix.main(["--runner", ESCAPES])
    shown(capsys)


def test_the_summary_of_a_run_and_its_progress(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(next(run.parent.glob("a*")))
    told = [
        "--recipe",
        str(run.parent / "own.toml"),
        "--output",
        str(tmp_path / "run"),
        "--workers",
        "1",
    ]
    assert pretrain_mix.main([*told, "--source", f"rows={source}"]) == 0
    assert "rows" in shown(capsys)


def test_the_card_is_inert(run: Path) -> None:
    """Rendered by a CommonMark parser that lets HTML through, tables and strikethrough as on GitHub."""
    text = (run / "CARD.md").read_text(encoding="utf-8")
    assert OBEYED.findall(text) == []
    tags = Tags()
    tags.feed(
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    )
    assert tags.found <= TAGS, tags.found - TAGS
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html and "onerror=alert(1)&gt;" in html
    assert html.count("<h1>") == 1 and "To make it again" in html


def test_the_page_is_inert(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and "<img src=x" not in page
