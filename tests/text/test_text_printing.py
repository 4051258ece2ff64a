"""What reaches a terminal is text: nothing in it that a terminal would obey, and nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from corpusforge.printing import printable, say, say_json, say_text

BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def obeyed(character: str) -> bool:
    """By Unicode's own tables: controls, separators, halves, and whatever orders a line's direction."""
    return (
        unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"}
        or unicodedata.bidirectional(character) in BIDIRECTIONAL
        or character
        in "\u061c\u200e\u200f"  # ALM, LRM, RLM: marks that have a plain class of their own
    )


def test_every_character_that_a_terminal_obeys_is_escaped() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if obeyed(character):
            shown = printable(f"a{character}b")
            assert shown.isascii() and shown.isprintable(), hex(code)
            assert shown.startswith("a\\") and shown.endswith("b"), hex(code)


def test_what_people_write_is_left_alone() -> None:
    kept = "naïve — 中文，「引号」　全角 עברית العربية हिन्दी می‌خواهم 👩‍🔬 😀 \\x1b [31m ¡! "
    assert printable(kept) == kept


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x9b31m", "\\x9b31m"),
        ("\x7f", "\\x7f"),
        ("abc\u202egpj.exe", "abc\\u202egpj.exe"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_how_it_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_line_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\nforged", "two")
    say_text("a\nb")
    say("\x1b[1mloud", error=True)
    shown = capsys.readouterr()
    assert shown.out == "one\\nforged\ntwo\na\nb\n"
    assert shown.err == "\\x1b[1mloud\n"


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"a": "\x1b[1m\x9b \u202e \U000e0041 é 中"}
    say_json(json.dumps(value, ensure_ascii=False, indent=1))
    shown = capsys.readouterr().out
    assert json.loads(shown) == value
    assert "\x9b" not in shown and "\u202e" not in shown and "中" in shown


SAYS = "from corpusforge import cli, printing; import sys; sys.exit(cli.guard(lambda: printing.say({})))"
NINE = SAYS.format("*['x'] * 9")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "utf-8"])
def test_a_terminal_of_another_encoding_ends_nothing(encoding: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAYS.format("'naïve 中文 \\U0001f600 \\udcff'")],
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": encoding, "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stderr == b"" and done.stdout.decode(encoding).startswith("na")


@pytest.mark.parametrize("closing", ["", ">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_end_nothing(closing: str) -> None:
    command = f'"{sys.executable}" -c "{NINE}" {closing}'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_that_is_gone_ends_nothing() -> None:
    text = SAYS.format("*['x' * 999] * 999")
    command = f'("{sys.executable}" -c "{text}"; echo "code $?" >&2) | head -c 1'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"x", b"code 0\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_under_standard_output_is_told() -> None:
    command = f'"{sys.executable}" -c "{NINE}" > /dev/full'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr == b"error: cannot write to standard output: No space left on device.\n"
