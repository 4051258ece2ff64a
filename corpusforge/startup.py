"""Every process-wide patch: what is changed of Python's, Beam's and boto3's own state, where and why.

Nothing else here assigns to a foreign module's attributes, its environment, its loggers or its garbage
collector (`tests/contracts/test_contracts_patches.py` looks), so this page is the whole list.

- `hold_garbage` and `lean`, when a command's own process starts: imports leave some 270,000 objects, which
  the collector would look at again and again; pyarrow looks for pandas at its first array, and nothing of a
  run uses it.
- `without_unused`, when Beam is imported: Beam loads pandas and pymongo, a third of its import's time, and
  warns that Google's client is absent.
- `errors_only`, for a stage and for a job server: two of Beam's loggers advise modes that are refused here,
  and servers tell their life at WARNING.
- `thread_errors`, while a stage runs: Beam's runner waits for ever for a worker that died; the only sign is
  an exception in one of its threads.
- `before_forks`, when the fork server starts: gRPC's own fork handlers are for channels in use, of which
  the server has none.
- `become_worker`, when a forked worker starts: Beam's worker takes its addresses from the environment alone,
  and tells its life at INFO.
- `correct_s3`, when an s3:// path is used: Beam 2.77 makes a boto3 client per call, waits ten minutes for a
  server that is not there, and cannot write an empty object.
- `long_cells`, when a CSV file of answers is read: the `csv` module refuses cells above 131,072 characters.
- `torch_threads`, when the local engine has `--threads` or several workers: torch's number of threads is the
  process's.
- `without_progress_bars`, while the local engine loads a model: Transformers draws them over our lines.

Signal handlers are no patches: each process has its own, set where its life is written (`program.py`,
`cputime.py`, `beam/forkserver.py`). Limit: `lean` is for a process of our own, never inside another program.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

__all__ = [
    "become_worker",
    "before_forks",
    "correct_s3",
    "errors_only",
    "hold_garbage",
    "lean",
    "long_cells",
    "thread_errors",
    "torch_threads",
    "without_progress_bars",
    "without_unused",
]  # fmt: skip

_YOUNG = 50_000  # objects before a collection, for 700: a batch of documents makes some 20,000


class _Refuses:
    """A finder, first in `sys.meta_path`, to which pandas is not installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if name == "pandas":
            raise ImportError(name)


def hold_garbage() -> None:
    """Collect no garbage until `lean`: nothing that imports make is garbage. Call it before the imports."""
    gc.disable()


def lean() -> None:
    """Make a command's own process lean; call it once, after the imports.

    pyarrow goes without pandas where that is not loaded already, and the objects that imports left are taken
    from the garbage collector.
    """
    import pyarrow as pa

    finder = _Refuses()
    sys.meta_path.insert(0, finder)
    try:
        pa.array(["asks for pandas"])
    finally:
        sys.meta_path.remove(finder)
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
    gc.enable()


@contextmanager
def without_unused(*names: str) -> Iterator[None]:
    """Import Beam in this block: `names` that are not loaded yet look as if they were not installed.

    Beam loads pandas for data frames and pymongo for MongoDB, which nothing here uses. And it warns at import
    that Google's client is absent; that is an extra here, and its lack is told when it is used.
    """
    unused = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unused))  # type: ignore[arg-type]  # None: "not importable"
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
        for name in unused:
            del sys.modules[name]


def errors_only(*loggers: str) -> None:
    """Silence some of Beam's loggers below errors, for the life of the process."""
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def thread_errors(
    taken: Callable[[BaseException | None], bool], lasting: Callable[[], bool]
) -> Iterator[None]:
    """Hand every exception that ends a thread in this block to `taken`; what it refuses is printed as ever.

    Where `lasting` is true at the end of the block, it stays so: threads of Beam's that lost their worker
    go on ending for a while.
    """
    previous = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        if not taken(arguments.exc_value):
            previous(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        if not lasting():
            threading.excepthook = previous


def before_forks() -> None:
    """Make this process one that forks others: gRPC, loaded but not in use, leaves forks alone."""
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"


def become_worker(environment: Mapping[str, str]) -> None:
    """Make a forked process one of Beam's workers: addresses in its environment, no word about its life."""
    os.environ.update(environment)
    logging.disable(logging.WARNING)


def correct_s3(boto3: Any, status: Any, get_range: Any, uploader: Any) -> None:
    """Put our client, reads and uploads where Beam 2.77's S3 file system has its own: `io/s3.py` says why."""
    from apache_beam.io.aws import s3io
    from apache_beam.io.aws.clients.s3 import boto3_client

    boto3_client.boto3 = boto3
    boto3_client.get_http_error_code = status
    boto3_client.Client.get_range = get_range
    s3io.S3Uploader = uploader


def long_cells(longest: int) -> None:
    """Let `csv` read cells of up to `longest` characters; a higher limit stays."""
    import csv

    csv.field_size_limit(max(longest, csv.field_size_limit()))


def torch_threads(count: int) -> None:
    """Let torch compute with `count` threads in this process."""
    import torch

    torch.set_num_threads(count)


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Let Transformers draw no progress bars in this block."""
    from transformers.utils import logging as bars

    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
