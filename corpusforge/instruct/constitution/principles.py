"""A constitution: numbered principles in words, from a TOML file, English and Chinese.

The idea is that of Bai et al. 2022 ("Constitutional AI"); the built-in one is our own wording. Each
principle has an `id`, what to look for (`critique`) and what to do (`revise`). Limit: a principle
needs both languages only where a run uses both.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources

import msgspec

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_toml

__all__ = ["Constitution", "Principle", "constitution"]


@dataclass(frozen=True, slots=True)
class Principle:
    """One principle; the texts are by language."""

    id: str
    critique: dict[str, str]
    revise: dict[str, str]


@dataclass(frozen=True, slots=True)
class Constitution:
    """Principles in file order. `version` is the file's name and 8 hex digits of its bytes."""

    version: str
    principles: tuple[Principle, ...]

    def check(self, languages: tuple[str, ...]) -> None:
        """Raise InputError where a principle lacks a text in one of the languages."""
        for one in self.principles:
            for name in ("critique", "revise"):
                for language in languages:
                    if not getattr(one, name).get(language, "").strip():
                        raise InputError(
                            f"constitution {self.version}: principle {one.id!r} has no {name} in "
                            f"{language!r}; write one, or leave the language out."
                        )


@functools.cache
def constitution(name: str) -> Constitution:
    """Return a built-in constitution ("house.v1") or that of a TOML file. Raises InputError."""
    built_in = resources.files("corpusforge.instruct.constitution").joinpath(f"{name}.toml")
    if "/" not in name and built_in.is_file():
        data = built_in.read_bytes()
    elif files.exists(name):
        data = files.read_bytes(name)
    else:
        raise InputError(f"no constitution {name!r}: give house.v1 or a TOML file.")
    try:
        table = decode_toml(data)
        found = msgspec.convert(table.get("principles", []), tuple[Principle, ...])
    except (DecodingError, msgspec.ValidationError) as error:
        raise InputError(
            f"{name}: not a constitution ({error}). Each [[principles]] needs id, critique and "
            "revise, the latter two as tables by language."
        ) from error
    ids = [one.id for one in found]
    if not found or len(set(ids)) != len(ids):
        raise InputError(f"{name}: expected [[principles]] with different ids, got {ids}.")
    short = name.rsplit("/", 1)[-1].removesuffix(".toml")
    digest = hashlib.blake2b(data, digest_size=4).hexdigest()
    return Constitution(f"{short}@{digest}", found)
