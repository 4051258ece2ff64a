"""What kind of source a file's name tells, where nobody says it."""

from __future__ import annotations

from pathlib import PurePosixPath

from corpusforge.errors import InputError
from corpusforge.io import files

__all__ = ["kind_of"]

_ENDINGS = {
    "web": (".warc", ".arc", ".wet"),
    "wikipedia": (".xml",),
    "documents": (".jsonl", ".ndjson", ".json", ".parquet", ".arrow"),
    "html": (".html", ".htm", ".xhtml", ".shtml"),
    "code": (".tar", ".tgz", ".zip"),
    "books": (".epub", ".txt"),
}


def kind_of(path: str, otherwise: str = "") -> str:
    """Return the kind of source that a file's name tells; compression endings are passed over.

    `otherwise` stands for names that tell none; without it they raise InputError.
    """
    name = PurePosixPath(path).name.lower()
    for ending in (*files.COMPRESSED, ".bad"):
        name = name.removesuffix(ending)
    if "-pages-articles" in name:  # Wikipedia's parts end in .xml-p10p30302
        return "wikipedia"
    for kind, endings in _ENDINGS.items():
        if name.endswith(endings):
            return kind
    if otherwise:
        return otherwise
    known = " ".join(ending for endings in _ENDINGS.values() for ending in endings)
    raise InputError(
        f"cannot tell what {path!r} is from its name. Known endings: {known} (also compressed); "
        "or say it with --kind."
    )
