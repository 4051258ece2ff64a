"""A worker pool for remote engines (Flink, Prism): each worker is a fork of a warm process.

It speaks Beam's external worker pool service (`--environment_type=EXTERNAL`), as Beam's own
`worker_pool_main` does, but a worker is there in milliseconds instead of seconds, and a worker that
dies is told of. Every machine of a cluster runs one: `python -m corpusforge.beam.pool --port 50000`.
Limit: the service has no authentication, so it listens on loopback unless told otherwise.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

import grpc
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
)
from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor
from apache_beam.utils import thread_pool_executor
from google.protobuf import json_format

from corpusforge.beam.forkserver import ForkServer
from corpusforge.options import Parser, at_least
from corpusforge.printing import say
from corpusforge.program import guard

__all__ = ["WorkerPool", "main"]


class _Servicer(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts and stops workers by name.

    A name is one engine process's own: two task managers on one machine both call their first worker
    "1-1". So a worker is known by its name and the connection that asked for it.
    """

    def __init__(self, server: ForkServer) -> None:
        self._server = server
        self._workers: dict[tuple[str, str], socket.socket] = {}

    def StartWorker(  # noqa: N802
        self, request: beam_fn_api_pb2.StartWorkerRequest, context: grpc.ServicerContext
    ) -> object:
        """Fork a worker that connects to the engine's control address; it logs to standard error."""
        environment = {
            "WORKER_ID": request.worker_id,
            "CONTROL_API_SERVICE_DESCRIPTOR": str(request.control_endpoint),
            "PIPELINE_OPTIONS": _pipeline_options(request),
        }
        connection = self._server.fork(json.dumps(environment))
        key = (request.worker_id, context.peer())
        self._workers[key] = connection
        name = f"worker-{request.worker_id}"
        threading.Thread(
            target=self._follow, args=(key, connection), name=name, daemon=True
        ).start()
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(  # noqa: N802
        self, request: beam_fn_api_pb2.StopWorkerRequest, context: grpc.ServicerContext
    ) -> object:
        """End a worker; one that ended by itself is fine."""
        every = [*self._workers.items()]
        named = {peer: own for (name, peer), own in every if name == request.worker_id}
        connection = named.get(context.peer())
        if connection is None and len(named) == 1:  # the engine has connected anew
            (connection,) = named.values()
        if connection is not None:
            with suppress(OSError):  # it has just ended
                connection.shutdown(socket.SHUT_RDWR)  # the fork server then ends the worker
        return beam_fn_api_pb2.StopWorkerResponse()

    def _follow(self, key: tuple[str, str], connection: socket.socket) -> None:
        try:
            answer = connection.recv(16)
        except OSError:
            answer = b""
        if self._workers.get(key) is connection:
            del self._workers[key]
        connection.close()
        if answer not in (b"", b"0"):
            text = f"worker {key[0]} ended with status {int(answer)}"
            say(text, error=True)


def _pipeline_options(request: beam_fn_api_pb2.StartWorkerRequest) -> str:
    """Ask the engine for the pipeline's options, as a container's start program does: JSON."""
    if not request.provision_endpoint.url:
        return "{}"
    with grpc.insecure_channel(request.provision_endpoint.url) as channel:
        own = grpc.intercept_channel(channel, WorkerIdInterceptor(request.worker_id))
        stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(own)
        told = stub.GetProvisionInfo(beam_provision_api_pb2.GetProvisionInfoRequest(), timeout=60)
    return json_format.MessageToJson(told.info.pipeline_options, indent=None)


class WorkerPool:
    """A running pool; use as a context manager. `address` is what `--environment_config` takes."""

    def __init__(self, server: ForkServer, bind: str = "127.0.0.1:0") -> None:
        self._grpc = grpc.server(thread_pool_executor.shared_unbounded_instance())
        host, _, _ = bind.rpartition(":")
        self.address = f"{host}:{self._grpc.add_insecure_port(bind)}"
        beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(
            _Servicer(server), self._grpc
        )
        self._grpc.start()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._grpc.stop(0)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted (SIGINT or SIGTERM); exit code 0."""
    options = Parser(
        prog="python -m corpusforge.beam.pool",
        description="Worker pool for --environment_type=EXTERNAL: one for each machine of a cluster.",
    )
    options.add_argument(
        "--port",
        type=at_least(0, 65_535),
        default=50000,
        help="to listen at; 0: any free one (default: 50000)",
    )
    options.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: loopback only)"
    )
    return guard(lambda: _serve(options.parse_args(argv)))


def _serve(told: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM, which end it even where it was started to ignore them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with ForkServer() as server, WorkerPool(server, f"{told.host}:{told.port}") as pool:
            say(f"listening at {pool.address}", error=True)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main())
