"""The job server that an engine behind Beam's job service needs: found, started, ended, never downloaded.

One serves the whole run (Beam alone starts one a pipeline). What is missing is an error that says how
to get it.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.flink_runner import FlinkJarJobServer
from apache_beam.runners.portability.job_server import SubprocessJobServer
from apache_beam.runners.portability.prism_runner import PrismJobServer
from apache_beam.runners.portability.spark_runner import SparkJarJobServer
from apache_beam.version import __version__ as beam_version

from corpusforge.beam.assemble import assembled_jar
from corpusforge.beam.flink_jar import VERSIONS, cached_jar, find_jar
from corpusforge.beam.options import given
from corpusforge.errors import InputError
from corpusforge.startup import errors_only

__all__ = ["check_endpoint", "start"]

_PRISM = Path(PrismJobServer.BIN_CACHE) / "prism"
_SECONDS = 10.0


def start(runner: str, options: list[str], stack: ExitStack) -> list[str]:
    """Start the engine's job server, until `stack` closes; return the option that names it.

    Raises InputError where its program is not on this machine.
    """
    if given(options, "flink_submit_uber_jar") or given(options, "spark_submit_uber_jar"):
        return []
    server_of, location_of = _SERVERS[runner]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = server_of(PipelineOptions([*options, f"--job_port={port}", *location_of(options)]))
    errors_only(type(server).__name__, "apache_beam.utils.subprocess_server")
    with _sigint_by_default():
        server.start()
    stack.callback(server.stop)
    return [f"--job_endpoint=localhost:{port}"]


@contextmanager
def _sigint_by_default() -> Iterator[None]:
    """Let a process that is started meanwhile hear SIGINT, by which Beam ends it: one that was started in the
    background of a script ignores it, and its children do by inheritance."""
    deaf = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    )
    if deaf:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if deaf:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def check_endpoint(endpoint: str) -> None:
    """Raise InputError where nothing listens at HOST:PORT; Beam would wait for it without a word."""
    host, _, port = endpoint.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(
            f"--job_endpoint {endpoint!r}: no job server answers there ({error}). Expected HOST:PORT of "
            "one that runs."
        ) from error


def _flink(options: Sequence[str]) -> list[str]:
    if given(options, "flink_job_server_jar") is not None:
        return []
    version, cache = given(options, "flink_version"), given(options, "jar_cache_dir")
    jar = find_jar(version, cache)
    if jar is None:
        newest = version or VERSIONS[-1]
        raise InputError(
            f"Beam's Flink job server is not at {str(cached_jar(newest, cache))!r}. Fetch it once with "
            f"`python -m corpusforge.beam.flink_jar --flink_version {newest}` or, where it is not "
            "served, `python -m corpusforge.beam.assemble flink`; or give --flink_job_server_jar FILE "
            "or --job_endpoint HOST:PORT."
        )
    return [f"--flink_job_server_jar={jar}"]


def _spark(options: Sequence[str]) -> list[str]:
    if given(options, "spark_job_server_jar") is not None:
        return []
    jar = assembled_jar("spark", given(options, "jar_cache_dir"))
    if not jar.exists():
        raise InputError(
            f"Beam's Spark job server is not at {str(jar)!r}. Put it together once with `python -m "
            "corpusforge.beam.assemble spark`, or give --spark_job_server_jar FILE or "
            "--job_endpoint HOST:PORT."
        )
    return [f"--spark_job_server_jar={jar}"]


def _prism(options: Sequence[str]) -> list[str]:
    location = given(options, "prism_location")
    if location is None and _PRISM.exists():
        return [f"--prism_location={_PRISM}"]
    if location is None or not Path(location).exists():
        raise InputError(
            f"Prism is not at {location or str(_PRISM)!r}. Build it once with `GOBIN={_PRISM.parent} go "
            f"install github.com/apache/beam/sdks/v2/go/cmd/prism@v{beam_version}`, or give "
            "--prism_location FILE."
        )
    return []


_Start = Callable[[PipelineOptions], SubprocessJobServer]
_Locate = Callable[[Sequence[str]], list[str]]
_SERVERS: dict[str, tuple[_Start, _Locate]] = {
    "FlinkRunner": (FlinkJarJobServer, _flink),
    "SparkRunner": (SparkJarJobServer, _spark),
    "PrismRunner": (PrismJobServer, _prism),
}
