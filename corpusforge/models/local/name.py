"""The name under which a model's answers are journalled: the same weights, the same name.

A directory is named by its last part and a digest of its configuration and weights, so that a
model trained anew does not answer from its predecessor's journal. Limits: of each weight file the
size and the first and last 64 KiB are digested, not every byte; a hub id is taken as it is.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

__all__ = ["model_name"]

EDGE = 1 << 16
SMALL = 1 << 24  # tokenizers and configurations are digested whole
_SUFFIXES = (".json", ".safetensors", ".bin", ".model", ".jinja", ".txt")


def model_name(model: str) -> str:
    """Return `name@hash8` for a directory, and any other text unchanged."""
    folder = Path(model)
    if not folder.is_dir():
        return model
    digest = hashlib.blake2b(digest_size=4)
    for path in sorted(folder.iterdir()):
        if path.suffix in _SUFFIXES and path.is_file():
            digest.update(f"{path.name}\x00{path.stat().st_size}\x00".encode())
            with path.open("rb") as stream:
                if path.stat().st_size <= SMALL and path.suffix != ".bin":
                    digest.update(stream.read())
                else:
                    digest.update(stream.read(EDGE))
                    stream.seek(-EDGE, os.SEEK_END)
                    digest.update(stream.read(EDGE))
    return f"{folder.resolve().name}@{digest.hexdigest()}"
