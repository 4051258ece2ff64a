"""corpusforge makes the data that language models are trained on.

The path of a document, one package per verb:

    ingest → extract → identify → filter → score → dedup → decontaminate → tokenize → mix → shard → report

Each verb is also one call on plain strings (`corpusforge.api`):

    import corpusforge as cf
    cf.extract(html)    cf.identify(texts)    cf.check(texts, "gopher_quality.v1")    cf.dedup(texts)

Importing this package loads neither Beam nor torch nor openai, and no verb before it is used.
"""

from __future__ import annotations

import sys as _sys
from importlib import import_module as _import_module
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from corpusforge.api import (
        check,
        decontaminate,
        dedup,
        extract,
        identify,
        measure,
        open_shards,
        plan_mix,
        pretrain,
        read,
        redact,
        score,
        tokenize,
    )

__all__ = [
    "__version__",
    "check",
    "decontaminate",
    "dedup",
    "extract",
    "identify",
    "measure",
    "open_shards",
    "plan_mix",
    "pretrain",
    "read",
    "redact",
    "score",
    "tokenize",
]
__version__ = "0.1.0"

_PACKAGES = ("decontaminate", "dedup", "extract", "identify", "score", "tokenize")
"""Calls that are the name of a package too: `cf.extract` is the package, and it can be called."""


class _Verb(_ModuleType):
    """A package that is called like the function of its name in `corpusforge.api`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(_import_module("corpusforge.api"), name)(*args, **kwargs)


class _Face(_ModuleType):
    """This package: calls are looked up when they are used, and verbs' packages become callable."""

    def __getattr__(self, name: str) -> Any:
        if name in _PACKAGES:
            return _import_module(f"corpusforge.{name}")
        if name in __all__:
            return getattr(_import_module("corpusforge.api"), name)
        raise AttributeError(f"module 'corpusforge' has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _PACKAGES and isinstance(
            value, _ModuleType
        ):  # an import of the package ends here
            value.__class__ = _Verb
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *__all__})


_sys.modules[__name__].__class__ = _Face
