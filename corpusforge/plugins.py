"""Parts of one's own: "package.module:NAME" wherever a rule, source, extractor, target or format is named.

A name without a colon is one of ours or an entry point of an installed package (group
`corpusforge.rules`, `.sources`, `.extractors`, `.targets`, `.formats`, `.forms`); one with a colon is
imported. The package it lies in goes along with the work, as source text, so that a worker or an engine
that does not have it can load it; and its digest is in the fingerprint of every stage that uses it, so that
an edited plug-in makes its stages again. Limits: pure Python only, and what it imports beyond its own package
must be installed where the work is done.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib
import importlib.util
import io
import sys
import tempfile
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from corpusforge.errors import InputError, closest, nearest

__all__ = [
    "Packed",
    "choice",
    "find",
    "folder",
    "is_plugin",
    "names",
    "pack",
    "pack_all",
    "unpack",
]

Known = TypeVar("Known")
_unpacked: set[str] = set()  # digests of the packages that came along with work of this process
LARGEST = 2_000_000
"""Most bytes of source text that travel; a larger package must be installed where the work is done."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The source of one plug-in's package: its top name, the SHA-256 of its files, a zip of them.

    `archive` is empty where the package is too large to travel.
    """

    package: str
    digest: str
    archive: bytes


def is_plugin(name: str) -> bool:
    """Whether a name is one of an importable object, "package.module:NAME"."""
    module, colon, attribute = name.partition(":")
    return (
        bool(colon)
        and attribute.isidentifier()
        and all(p.isidentifier() for p in module.split("."))
    )


def folder(name: str) -> str:
    """Return what a directory for a plug-in's name is called: without the colon, which not all disks take."""
    return name.replace(":", ".")


def choice(kind: str, known: Collection[str]) -> Callable[[str], str]:
    """Return a reader of one name of a kind, for an option's `type`; a plug-in is loaded when it is used."""

    def read(name: str) -> str:
        if not is_plugin(name) and name not in (every := names(kind, known)):
            close = closest(name, every)
            raise argparse.ArgumentTypeError(
                f"{name!r} is unknown; expected one of {', '.join(every)}, or your own as "
                "package.module:NAME." + (f" Did you mean {close!r}?" if close else "")
            )
        return name

    return read


def names(kind: str, known: Collection[str]) -> list[str]:
    """Return every name of a kind ("rules", "sources" …): ours and those of installed packages."""
    return sorted({*known, *(point.name for point in _points(kind))})


def find(name: str, kind: str, known: Mapping[str, Known]) -> Known:
    """Return what a name of a kind stands for. Raises InputError where there is nothing of that name."""
    if name in known:
        return known[name]
    if is_plugin(name):
        return _imported(name)  # a user's object; the caller checks it
    for point in _points(kind):
        if point.name == name:
            return _imported(point.value)
    raise InputError(
        f"no {kind.removesuffix('s')} {name!r}.{nearest(name, names(kind, known))} One of your own is "
        'written "package.module:NAME".'
    )


@functools.cache
def _points(kind: str) -> tuple[EntryPoint, ...]:
    return tuple(sorted(entry_points(group=f"corpusforge.{kind}"), key=lambda point: point.name))


def _imported(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not attribute:
        raise InputError(f"{name!r} names a module; write package.module:NAME.")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # as `python -m` has it; a console script has not
    try:
        loaded = importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"cannot import {module!r} for {name!r}: {error}. Install its package, or start where its "
            "file lies."
        ) from error
    except Exception as error:  # whatever the module does when it is loaded
        raise InputError(f"{name!r}: its module raises {type(error).__name__}: {error}.") from error
    if not hasattr(loaded, attribute):
        public = [item for item in vars(loaded) if not item.startswith("_")]
        raise InputError(f"module {module!r} has no {attribute!r}.{nearest(attribute, public)}")
    return getattr(loaded, attribute)


def _target(name: str, kind: str) -> str:
    """Return "module:NAME" of a plug-in's name; "" for one of ours."""
    if is_plugin(name):
        return name
    return next((point.value for point in _points(kind) if point.name == name), "")


def pack(name: str, kind: str) -> Packed | None:
    """Return the source of the package that a plug-in lies in; None for a name of ours."""
    target = _target(name, kind)
    if not target:
        return None
    _imported(target)
    return _packed(target.partition(":")[0].partition(".")[0])


def pack_all(named: Mapping[str, tuple[str, ...]]) -> tuple[Packed, ...]:
    """Return the packages of many names, by kind, each once and sorted."""
    made = {pack(name, kind) for kind, own in named.items() for name in own} - {None}
    return tuple(sorted((item for item in made if item), key=lambda item: item.package))


@functools.cache
def _packed(package: str) -> Packed:
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    if places:
        root = Path(places[0])
        sources = {
            f"{package}/{p.relative_to(root).as_posix()}": p for p in sorted(root.rglob("*.py"))
        }
    elif spec and spec.origin and Path(spec.origin).suffix == ".py":
        sources = {f"{package}.py": Path(spec.origin)}
    else:
        raise InputError(
            f"plug-in package {package!r} is not Python source; it cannot be used here."
        )
    contents = {name: path.read_bytes() for name, path in sources.items()}
    digest = hashlib.sha256()
    for name, data in contents.items():
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    small = sum(map(len, contents.values())) <= LARGEST
    return Packed(package, digest.hexdigest(), _zipped(contents) if small else b"")


def _zipped(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def unpack(packed: tuple[Packed, ...]) -> None:
    """Make packages importable in this process that are not, as in a worker of another machine.

    Raises InputError where another version of a package is installed here, or none and none came along.
    """
    for item in packed:
        if item.digest in _unpacked:
            continue
        if importlib.util.find_spec(item.package) is None:
            _install(item)
        elif _packed(item.package).digest != item.digest:
            raise InputError(
                f"plug-in package {item.package!r} is installed on this worker with another content "
                "than where the run was started. Install the same version on both."
            )


def _install(item: Packed) -> None:
    if not item.archive:
        raise InputError(
            f"plug-in package {item.package!r} is too large to travel ({LARGEST:,} bytes of source): "
            "install it where the work is done."
        )
    folder = tempfile.mkdtemp(prefix="corpusforge-plugin-")  # for as long as this process lives
    path = Path(folder) / f"{item.package}.zip"
    path.write_bytes(item.archive)
    sys.path.append(str(path))
    importlib.invalidate_caches()
    _unpacked.add(item.digest)
