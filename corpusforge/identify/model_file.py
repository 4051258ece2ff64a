"""The language model lid.176: which files are known, where a fetched one lies, and whether a file is whole.

`corpusforge models fetch lid.176` puts it there, checked; engines that are given no path use it. fastText
believes a file's every number: one that was cut ends the process by a signal or never comes back. So a file
under a known name must be that file, and any other is loaded once by a process of its own before this one
opens it.
"""

from __future__ import annotations

import functools
import mmap
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.identify.model_length import length
from corpusforge.io import files

__all__ = ["KNOWN", "KnownModel", "check", "directory", "fetched"]


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


_TRIAL = """
import resource, sys
path, seconds, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
resource.setrlimit(resource.RLIMIT_AS, (4 * size + (8 << 30),) * 2)
import fasttext
try:
    model = fasttext.FastText._FastText(model_path=path)
    model.f.predict("a line of text\\n", 1, 0.0, "strict")
except (ValueError, RuntimeError, MemoryError) as error:
    sys.exit(str(error) or type(error).__name__)
"""
_SECONDS, _RATE = 10, 5_000_000
"""CPU seconds that loading may take: so many, and one for so many bytes (DCLM's 2.4 GB load in some 10)."""


def check(local: str, key: str, path: str) -> None:
    """Raise InputError where a local fastText file is cut, or cannot be loaded.

    The message says that `key` ("identify.model") names it as `path`.
    """
    state = Path(local).stat()
    _check(local, key, path, state.st_size, state.st_mtime_ns)


@functools.cache
def _check(local: str, key: str, path: str, size: int, _: int) -> None:
    known = KNOWN.get(Path(path).name) or next((m for m in KNOWN.values() if m.size == size), None)
    if known is None:
        _try(local, key, path, size)
    elif size != known.size:
        end = "it was cut" if size < known.size else "it is another file"
        raise InputError(
            f"{key} {path!r} has {size:,} bytes, {known.name} has {known.size:,}: {end}. Fetch it again by "
            f"`corpusforge models fetch {known.name}`."
        )
    elif files.sha256(local) != known.sha256:
        raise InputError(
            f"{key} {path!r} has the length of {known.name} and another SHA-256 than {known.sha256}: it is "
            f"damaged. Fetch it again by `corpusforge models fetch {known.name}`."
        )


def _measure(local: str, key: str, path: str, size: int) -> None:
    """Raise InputError where the file is shorter than its header says."""
    if not size:
        raise InputError(f"{key} {path!r} is no whole fastText model: it is empty.")
    with (
        Path(local).open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        try:
            whole = length(data)
        except (EOFError, ValueError) as error:
            raise InputError(f"{key} {path!r} is no whole fastText model: {error}.") from error
    if whole is not None and size < whole:
        raise InputError(
            f"{key} {path!r} is no whole fastText model: it has {size:,} of {whole:,} bytes. Get it again."
        )


def _try(local: str, key: str, path: str, size: int) -> None:
    _measure(local, key, path, size)
    command = [sys.executable, "-c", _TRIAL, local, str(_SECONDS + size // _RATE), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if not done.returncode:
        return
    why = " ".join(done.stderr.strip().splitlines()[-1:]) or "no message"
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        why = f"fastText ends by {name} when it loads the file, which is cut or damaged"
    raise InputError(f"{key} {path!r} is no fastText model: {why}. Get it again.")
