"""A fork server for local workers: imports Beam and the kernels once, then forks in milliseconds.

Stock multi-processing pays about 2.3 s for each pipeline and loses most of its gain to that; a fork
from a warm process costs about 0.2 s. The server makes no gRPC channel and starts no thread before it
forks (a forked channel hangs). It ends, with its children, when the pipe from the driver closes, which
the system does for it when the driver dies. POSIX only.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from corpusforge.beam.forkclient import connect
from corpusforge.io.decoding import decode_json
from corpusforge.startup import become_worker, before_forks

__all__ = ["ForkServer", "may_fork", "warm"]


_GRPC = ("grpc", "event_engine", "lifeguard", "default-execu", "resolver-execu")


def may_fork() -> bool:
    """Whether this process can be forked safely: no Python thread but this, and no gRPC in use.

    gRPC's own threads hold locks that a fork would keep for ever; they are known by their names. Those
    of numerical libraries and memory allocators mind forks.
    """
    tasks = Path("/proc/self/task")
    if threading.active_count() > 1 or not tasks.is_dir():
        return False
    return not any(_name(task).startswith(_GRPC) for task in tasks.iterdir())


def _name(task: Path) -> str:
    try:
        return (task / "comm").read_text()
    except OSError:  # it has ended since it was listed
        return ""


class ForkServer:
    """A running server, seen from the driver; use as a context manager.

    Where `may_fork` the server is a fork of this process and has its imports for nothing, else (a test
    runner, a live display, gRPC in use) a new interpreter.
    """

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="corpusforge-")
        self._socket = str(Path(self._directory.name) / "s")
        self._life, self._wait = self._forked() if may_fork() else self._spawned()

    def _forked(self) -> tuple[int, Callable[[], object]]:
        kept, life = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(life)
                _serve(self._socket, kept)
            finally:
                os._exit(0)
        os.close(kept)
        return life, lambda: os.waitpid(pid, 0)

    def _spawned(self) -> tuple[int, Callable[[], object]]:
        kept, life = os.pipe()
        os.set_inheritable(kept, True)
        process = subprocess.Popen(
            [sys.executable, "-m", "corpusforge.beam.forkserver", self._socket, str(kept)],
            pass_fds=[kept],
            env=dict(os.environ, GRPC_ENABLE_FORK_SUPPORT="0"),
        )
        os.close(kept)
        return life, process.wait

    @property
    def command(self) -> str:
        """The command line that Beam runs for each worker."""
        client = Path(__file__).with_name("forkclient.py")
        return f"exec {sys.executable} -S -E {client} {self._socket}"

    def fork(self, request: str) -> socket.socket:
        """Fork a worker with the environment `request` (a JSON object on one line).

        The socket gives the exit status when the worker ends; closing it kills the worker.
        """
        connection = connect(self._socket)
        connection.sendall(request.encode() + b"\n")
        return connection

    def close(self) -> None:
        """End the server and every worker it still has."""
        os.close(self._life)
        self._wait()
        self._directory.cleanup()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


_WARM = ("apache_beam.runners.worker.sdk_worker_main", "corpusforge.run.pretrain")
"""Beam's worker, and the module that imports every stage."""


def warm() -> None:
    """Load what a worker needs before its first element: modules, and each kernel run on two short texts."""
    for name in _WARM:
        importlib.import_module(name)
    import pyarrow as pa

    from corpusforge.filter.stats import measure

    measure(pa.array(["One short line.", "一行短句。"], type=pa.large_string()))


def _serve(path: str, life: int) -> None:
    """Serve fork requests at the socket `path` until the pipe `life` closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    before_forks()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    warm()
    listener.listen(64)
    children: dict[int, socket.socket] = {}
    while True:
        waiting: list[socket.socket | int] = [listener, life, *children.values()]
        ready, _, _ = select.select(waiting, [], [], 0.02)
        if life in ready:
            break
        if listener in ready:
            connection, _ = listener.accept()
            pid = _fork(connection, listener, children)
            children[pid] = connection
        for pid, connection in list(children.items()):
            if connection in ready:  # the client was killed: so is its worker
                os.kill(pid, signal.SIGKILL)
        _reap(children)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _reap(children: dict[int, socket.socket]) -> None:
    for pid in list(children):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            connection = children.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):  # a client that is gone needs no answer
                connection.sendall(b"%d" % (code if code >= 0 else 128 - code))
            connection.close()


def _fork(
    connection: socket.socket, listener: socket.socket, children: dict[int, socket.socket]
) -> int:
    request = b""
    while not request.endswith(b"\n"):
        chunk = connection.recv(65536)
        if not chunk:
            break
        request += chunk
    pid = os.fork()
    if pid:
        return pid
    listener.close()
    for other in (connection, *children.values()):
        other.close()
    code = 1
    try:
        become_worker(decode_json(request))
        from apache_beam.runners.worker import sdk_worker_main

        sdk_worker_main.main([])
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
