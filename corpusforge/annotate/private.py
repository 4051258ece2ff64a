"""The one secret of a job: its salt and who hides behind which pseudonym, in a file of its own.

Pseudonyms are hashes keyed with a salt of 256 random bits, so nobody without this file can test a
name against them. Keep the file apart from the data; with it gone, the pseudonyms are for ever
unlinkable. Limit: whoever holds it can link; it is not encrypted.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from corpusforge.annotate.assign import Rater
from corpusforge.annotate.prompts import pseudonym
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import read_json

__all__ = ["FOLDER", "Private", "load_private", "read_raters", "save_private"]

FOLDER = "private"
_FILE = f"{FOLDER}/raters.json"


@dataclass(frozen=True, slots=True)
class Private:
    """The salt (hex) and the pseudonym of each rater's name."""

    salt: str
    raters: dict[str, str]

    def of(self, name: str) -> str:
        """Return the pseudonym of a name, or the name itself where it is a pseudonym already."""
        if name in self.raters.values():
            return name
        return pseudonym("r", name, self.salt)


def load_private(directory: str, salt_file: str = "") -> Private:
    """Return the job's secret; a new one where the directory has none.

    With `salt_file` the salt is that file's text, so the same names give the same pseudonyms in
    several jobs, and the same inputs the same bytes.
    """
    path = files.join(directory, _FILE)
    if files.exists(path):
        return read_json(path, Private)
    if salt_file:
        salt = files.read_bytes(salt_file).decode("utf-8", "replace").strip()
        if len(salt) < 16:
            raise InputError(
                f"--salt-file {salt_file!r} holds {len(salt)} characters; at least 16."
            )
        return Private(salt, {})
    return Private(secrets.token_hex(32), {})


def save_private(directory: str, private: Private) -> None:
    """Write the secret, readable by its owner only where the file system has owners."""
    path = files.join(directory, _FILE)
    files.write_bytes(path, msgspec.json.format(msgspec.json.encode(private), indent=1) + b"\n")
    if not files.is_remote(path):
        Path(path).chmod(0o600)


def read_raters(text: str, private: Private) -> tuple[list[Rater], Private]:
    """Return the raters that "3" (rater-1 … rater-3) or a file names, and the secret with them.

    The file has one rater a line: the name, then its languages if it reads only some, divided by
    tabs or commas ("Ana, en, zh"). Raises InputError for no names, or one twice.
    """
    lines = _lines(text)
    names = [line[0] for line in lines]
    if not names or len(set(names)) < len(names):
        raise InputError(f"--raters {text!r}: expected a number, or a file of different names.")
    raters = [
        Rater(pseudonym("r", name, private.salt), tuple(languages)) for name, *languages in lines
    ]
    known: Mapping[str, str] = {
        **private.raters, **{n: r.id for n, r in zip(names, raters, strict=True)}
    }  # fmt: skip
    return raters, Private(private.salt, dict(known))


def _lines(text: str) -> list[list[str]]:
    if text.isdecimal():
        if not 1 <= int(text) <= 10_000:
            raise InputError(f"--raters {text}: expected 1 to 10000.")
        return [[f"rater-{number}"] for number in range(1, int(text) + 1)]
    if not files.exists(text):
        raise InputError(f"--raters {text!r} is neither a number nor a file of names.")
    content = files.read_bytes(text).decode("utf-8-sig", "replace")
    return list(_fields(content.splitlines()))


def _fields(lines: Iterable[str]) -> Iterable[list[str]]:
    for line in lines:
        parts = [part.strip() for part in line.replace("\t", ",").split(",")]
        if parts[0] and not parts[0].startswith("#"):
            yield [part for part in parts if part]
