"""What a worker has loaded before its first element: Beam's harness, our stages, the kernels."""

from __future__ import annotations

import importlib

__all__ = ["warm"]

_MODULES = ("apache_beam.runners.worker.sdk_worker_main", "corpusforge.run.pretrain")
"""The second imports the module of every stage."""


def warm() -> None:
    """Import the modules and run each kernel once on two short texts."""
    for name in _MODULES:
        importlib.import_module(name)
    import pyarrow as pa

    from corpusforge.filter.stats import measure

    measure(pa.array(["One short line.", "一行短句。"], type=pa.large_string()))
