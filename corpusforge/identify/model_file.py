"""The language model lid.176: which files are known, and where a fetched one lies.

`corpusforge models fetch lid.176` puts it there, checked; engines that are given no path use it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KNOWN", "KnownModel", "directory", "fetched"]


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
