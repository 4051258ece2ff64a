"""Files behind hf:// paths, by the hub's own client: read where they are, written as one commit a directory.

`hf://datasets/OWNER/NAME[@REVISION]/PATH`, globs included. HF_TOKEN (or `hf auth login`) opens what is not
public; HF_ENDPOINT names another hub. Limit: a run writes thousands of small files, each would be a commit:
a run's directory cannot lie there, and `corpusforge push` takes finished directories.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from corpusforge.errors import InputError
from corpusforge.io.reach import check_reachable

__all__ = [
    "SCHEME",
    "atomic_write",
    "check_directory",
    "exists",
    "match",
    "open_raw",
    "push",
    "remove",
]

SCHEME = "hf://"
_ENDPOINT = "https://huggingface.co"


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT") or _ENDPOINT


@functools.cache
def _system(endpoint: str) -> Any:
    from huggingface_hub import HfFileSystem

    check_reachable(endpoint, "the Hugging Face Hub")
    return HfFileSystem(endpoint=endpoint)


@contextmanager
def _told(action: str, path: str) -> Iterator[Any]:
    """Give the file system; raise InputError, naming the path, for what the hub refuses."""
    try:
        yield _system(_endpoint())
    except InputError as error:
        raise InputError(f"cannot {action} {path!r}: {error}") from error
    except Exception as error:  # the client has a dozen kinds, and those of its transport
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"cannot {action} {path!r}: {first}. Private and gated repositories need HF_TOKEN."
        ) from error


def open_raw(path: str) -> BinaryIO:
    """Open a file's stored bytes for reading."""
    with _told("read", path) as system:
        return cast(BinaryIO, system.open(path, "rb"))


def match(pattern: str) -> Iterator[tuple[str, int]]:
    """Yield (path, size in bytes) of the files that a path, directory or glob names."""
    with _told("list", pattern) as system:
        if set("*?[") & set(pattern):
            found = system.glob(pattern, detail=True)
        elif not system.exists(pattern):
            found = {}
        elif (facts := system.info(pattern))["type"] == "file":
            found = {facts["name"]: facts}
        else:
            found = system.find(pattern, detail=True)
        files = [(name, facts) for name, facts in found.items() if facts["type"] == "file"]
    for name, facts in files:
        yield SCHEME + name, int(facts["size"])


def exists(path: str) -> bool:
    """Whether a file or directory is there."""
    with _told("look for", path) as system:
        return bool(system.exists(path))


def remove(path: str) -> NoReturn:
    """Refuse: files of the hub are not deleted one by one."""
    raise InputError(f"cannot delete {path!r}: a run cannot lie on the hub. {_LOCAL}")


def check_directory(path: str) -> NoReturn:
    """Refuse, before anything is done: each file would be a commit."""
    raise InputError(f"cannot write into {path!r}: each file would be a commit. {_LOCAL}")


atomic_write = check_directory


_LOCAL = "Write to a local directory, s3:// or gs://, then `corpusforge push DIR hf://datasets/OWNER/NAME`."


def push(directory: str, path: str, *, private: bool) -> tuple[str, int]:
    """Upload a local directory to `hf://datasets/OWNER/NAME[/FOLDER]` as one commit; return its page and
    how many files it has.

    A repository that is not there is made. Raises InputError for a path that is none, and for what the hub
    refuses.
    """
    kind, _, rest = path.removeprefix(SCHEME).partition("/")
    owner, _, more = rest.partition("/")
    name, _, folder = more.strip("/").partition("/")
    if not path.startswith(SCHEME) or kind != "datasets" or not owner or not name:
        raise InputError(f"{path!r}: expected hf://datasets/OWNER/NAME, and a folder if you like.")
    found = [item for item in Path(directory).rglob("*") if item.is_file()]
    if not found:
        raise InputError(f"{directory!r} holds no files. Give a directory that an export wrote.")
    with _told("upload to", path):
        from huggingface_hub import HfApi

        api = HfApi(endpoint=_endpoint())
        repository = f"{owner}/{name}"
        api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        done = api.upload_folder(
            folder_path=directory,
            path_in_repo=folder or None,
            repo_id=repository,
            repo_type="dataset",
            commit_message="Written by corpusforge",
        )
    return str(getattr(done, "commit_url", done)), len(found)
