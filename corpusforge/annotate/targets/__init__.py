"""Labelling tools by name: how tasks go to each, and how its answers come back.

    find_target("label-studio").write(tasks, job, directory) -> paths
    find_target("label-studio").read(paths, tasks, job) -> Ranking or Refused for each answer

docs/annotate_targets.md describes every file, docs/add-a-target.md how to add a tool of one's own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

from corpusforge.errors import InputError
from corpusforge.plugins import find

if TYPE_CHECKING:
    from corpusforge.annotate.targets.common import Target

__all__ = ["TARGETS", "find_target"]

TARGETS = {
    "label-studio": "labelstudio:LabelStudio",
    "argilla": "argilla:Argilla",
    "csv": "crowd:Crowd",
    "html": "page:Page",
}
"""Every tool by its name: where its class lies, of which nothing is loaded before it is used."""


def find_target(name: str) -> Target:
    """Return a tool by its name: of `TARGETS`, of an installed package, or "package.module:NAME".

    A tool of one's own is an object, or a class without arguments, with the three methods of
    `targets.common.Target`. Raises InputError where there is none of that name, or methods are missing.
    """
    found: Any = find(name, "targets", TARGETS)
    if name in TARGETS:
        module, _, attribute = TARGETS[name].partition(":")
        found = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    made = found() if isinstance(found, type) else found
    for method in ("write", "read", "owns"):
        if not callable(getattr(made, method, None)):
            raise InputError(
                f"target {name!r} has no method {method}; expected an object with write, read and owns "
                "(docs/add-a-target.md)."
            )
    return cast("Target", made)
