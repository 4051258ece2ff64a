"""The language model lid.176: which files are known, where a fetched one lies, and whether a file is whole.

`corpusforge models fetch lid.176` puts it there, checked; engines that are given no path use it. A file
under a known name, or of a known length, must be that file; any other says its own sizes
(`text.fasttext_file`).
"""

from __future__ import annotations

import functools
import mmap
import os
from dataclasses import dataclass
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.text.fasttext_file import FastText, read

__all__ = ["KNOWN", "KnownModel", "directory", "fetched", "open_model"]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A published model file: name, bytes, SHA-256, address, licence."""

    name: str
    size: int
    sha256: str
    url: str
    licence: str = "CC-BY-SA-3.0"


_BASE = "https://dl.fbaipublicfiles.com/fasttext/supervised-models/"
_FTZ = KnownModel(
    "lid.176.ftz",
    938_013,
    "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
    _BASE + "lid.176.ftz",
)
_BIN = KnownModel(
    "lid.176.bin",
    131_266_198,
    "7e69ec5451bc261cc7844e49e4792a85d7f09c06789ec800fc4a44aec362764e",
    _BASE + "lid.176.bin",
)
KNOWN = {"lid.176": _FTZ, "lid.176.ftz": _FTZ, "lid.176.bin": _BIN}
"""Models by the names that `corpusforge models fetch` takes; "lid.176" is the small one."""


def directory() -> Path:
    """Return where fetched models lie: CORPUSFORGE_MODELS, else `corpusforge/models` of the user's cache."""
    if given := os.environ.get("CORPUSFORGE_MODELS"):
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "corpusforge" / "models"


def fetched() -> str:
    """Return the path of the fetched model, "" where there is none of the known length."""
    for model in (_FTZ, _BIN):
        path = directory() / model.name
        if path.is_file() and path.stat().st_size == model.size:
            return str(path)
    return ""


@functools.cache
def open_model(path: str, key: str) -> FastText:
    """Return the fastText model of a file, opened once per process.

    Raises InputError where it is missing, cut, damaged or no such model; the message says that `key`
    ("identify.model") names it as `path`.
    """
    if not files.exists(path):
        raise InputError(
            f"{key} {path!r} does not exist: give the path of a fastText file (.bin or .ftz), or "
            "`corpusforge models fetch lid.176` for languages."
        )
    with files.on_disk(path) as local:
        _check(local, key, path)
        if not Path(local).stat().st_size:
            raise InputError(f"{key} {path!r} is no whole fastText model: it is empty.")
        with Path(local).open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return read(data)
    except EOFError as error:
        message = f"{key} {path!r} is no whole fastText model: {error}. Get it again."
        raise InputError(message) from error
    except ValueError as error:
        raise InputError(f"{key} {path!r} is no fastText model: {error}.") from error


def _check(local: str, key: str, path: str) -> None:
    """Raise InputError where a file that must be a known one is another."""
    size = Path(local).stat().st_size
    known = KNOWN.get(Path(path).name) or next((m for m in KNOWN.values() if m.size == size), None)
    if known is None:
        return
    if size != known.size:
        end = "it was cut" if size < known.size else "it is another file"
        raise InputError(
            f"{key} {path!r} has {size:,} bytes, {known.name} has {known.size:,}: {end}. Fetch it again by "
            f"`corpusforge models fetch {known.name}`."
        )
    if files.sha256(local) != known.sha256:
        raise InputError(
            f"{key} {path!r} has the length of {known.name} and another SHA-256 than {known.sha256}: it is "
            f"damaged. Fetch it again by `corpusforge models fetch {known.name}`."
        )
