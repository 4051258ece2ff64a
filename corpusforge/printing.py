"""What reaches a terminal: one line per datum, with nothing in it that a terminal would obey.

File names, addresses, licences and model replies are text of strangers. Escape sequences in them could
rewrite the screen, and bidirectional marks could reorder a line, so every command prints by `say`.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from corpusforge.errors import InputError

__all__ = ["flush", "printable", "say", "say_json", "say_text"]

_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL and C1 controls
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # bidirectional marks, embeddings, isolates
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # line and paragraph separators, byte order mark, annotations
    "\ud800-\udfff\U000e0000-\U000e007f]"  # halves of characters, which no encoding takes; tags
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    r"""Return `text` as one line that a terminal shows as it is: `\x1b`, `\n`, `\u202e` for controls."""
    return _OBEYED.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def say(*lines: str, error: bool = False) -> None:
    """Print lines to standard output, or to standard error; each is made `printable`.

    A reader that is gone (`| head`) is no error: what is left is printed to nowhere.
    """
    _write("".join(f"{printable(line)}\n" for line in lines), error=error)


def say_text(text: str) -> None:
    """Print text whose line feeds are ours, not the data's: a table, a funnel."""
    say(*text.split("\n"))


def say_json(text: str) -> None:
    """Print JSON text; controls outside ASCII are written as JSON's own escapes, which mean the same."""
    lines = text.split("\n")
    escaped = (_OBEYED.sub(lambda found: _json_escape(found[0]), line) for line in lines)
    _write("\n".join(escaped) + "\n", error=False)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


def _write(text: str, *, error: bool) -> None:
    stream = sys.stderr if error else sys.stdout
    if stream is None:  # the program was started with the stream closed
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with _told(stream):
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        if error:
            stream.flush()


def flush() -> None:
    """Write out what standard output holds back. Raises InputError where it cannot be written."""
    if sys.stdout is not None:
        with _told(sys.stdout):
            sys.stdout.flush()


@contextmanager
def _told(stream: TextIO) -> Iterator[None]:
    """Raise InputError where standard output cannot be written; a reader that is gone is no error."""
    try:
        yield
    except OSError as failure:
        with suppress(OSError, io.UnsupportedOperation):  # Python flushes it again at the end
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        if not isinstance(failure, BrokenPipeError) and stream is sys.stdout:
            text = f"cannot write to standard output: {failure.strerror or failure}."
            raise InputError(text) from failure
