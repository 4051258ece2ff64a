"""What kind of source a file's name tells, where nobody says it."""

from __future__ import annotations

from pathlib import PurePosixPath

from corpusforge.errors import InputError
from corpusforge.ingest.kinds import SOURCES
from corpusforge.io import files

__all__ = ["kind_of"]


def kind_of(path: str, otherwise: str = "") -> str:
    """Return the kind of source that a file's name tells; compression endings are passed over.

    `otherwise` stands for names that tell none; without it they raise InputError.
    """
    name = PurePosixPath(path).name.lower()
    for ending in (*files.COMPRESSED, ".bad"):
        name = name.removesuffix(ending)
    if "-pages-articles" in name:  # Wikipedia's parts end in .xml-p10p30302
        return "wikipedia"
    for name_of_kind, kind in SOURCES.items():
        if name.endswith(kind.endings):
            return name_of_kind
    if otherwise:
        return otherwise
    known = " ".join(ending for kind in SOURCES.values() for ending in kind.endings)
    raise InputError(
        f"cannot tell what {path!r} is from its name. Known endings: {known} (also compressed); "
        "or say it with --kind."
    )
