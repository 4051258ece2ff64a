"""A whole run in and out of MinIO, a real S3 server on loopback.

GOBIN=DIR go install github.com/minio/minio@latest && PATH=DIR:$PATH pytest -m stores tests/beam
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpusforge import cli
from corpusforge.errors import CorpusforgeError
from corpusforge.io import files, remote, s3
from pipelines import pretrain_mix

pytest.importorskip("boto3", reason="needs corpusforge[test] or [aws]")
from s3_server import Proxy

pytestmark = [
    pytest.mark.stores,
    pytest.mark.skipif(not shutil.which("minio"), reason="minio is not on PATH (docs/stores.md)"),
]
ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample_corpus"
GIVEN = {"web": "web*.warc.gz", "wikipedia": "*wiki*.xml.bz2", "books": "books/*.txt",
         "code": "code*.tar.gz"}  # fmt: skip


class Server:
    """MinIO over one directory."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder, self.process = folder, None
        self.start()

    def start(self) -> None:
        keys = {"MINIO_ROOT_USER": "testtest", "MINIO_ROOT_PASSWORD": "testtest"}
        command = [
            "minio",
            "server",
            "--quiet",
            "--address",
            f"127.0.0.1:{self.port}",
            str(self.folder),
        ]
        self.process: Any = subprocess.Popen(
            command, env={**os.environ, **keys, "MINIO_BROWSER": "off"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def wait(self) -> None:
        """Until it takes connections; twenty seconds at most."""
        pause = threading.Event()
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                pause.wait(0.05)
            else:
                return
        raise AssertionError("MinIO does not listen")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("minio"))
    running.wait()
    yield running
    running.kill()


@pytest.fixture
def options(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    import boto3
    from botocore.config import Config

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testtest")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    endpoint = f"http://127.0.0.1:{server.port}"
    remote.configure([f"--s3_endpoint_url={endpoint}"])
    patient = Config(retries={"total_max_attempts": 20, "mode": "standard"})
    bucket = boto3.resource("s3", endpoint_url=endpoint, config=patient).Bucket("corpus")
    if not bucket.creation_date:
        bucket.create()
        for path in filter(Path.is_file, SAMPLE.rglob("*")):
            bucket.upload_file(str(path), f"in/{path.relative_to(SAMPLE).as_posix()}")
    sources = [f"--source={name}=s3://corpus/in/{glob}" for name, glob in GIVEN.items()]
    return [*sources, "--workers", "1", "--quiet", f"--s3_endpoint_url={endpoint}"]


def digests(run: str) -> dict[str, str]:
    return {
        info.path.removeprefix(run): files.sha256(info.path)
        for folder in ("documents", "stats", "dropped", "tokens", "mix", "shards")
        for info in files.list_files(files.join(run, folder, "**"))
        if Path(info.path).suffix in (".parquet", ".bin", ".idx")
    }


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = str(tmp_path_factory.mktemp("local") / "run")
    pretrain_mix.run(["--output", output, "--workers", "1", "--quiet"])
    return digests(output)


def test_a_run_in_and_out(options: list[str], local: dict[str, str]) -> None:
    pretrain_mix.run(["--output", "s3://corpus/run", *options])
    assert digests("s3://corpus/run") == local
    assert cli.main(["verify", "s3://corpus/run"]) == 0


def test_a_run_through_a_proxy_that_throttles_and_fails(
    server: Server, options: list[str], local: dict[str, str]
) -> None:
    faults = [(503, "SlowDown"), (500, "InternalError"), (0, "the connection is closed")]
    proxy = Proxy(server.port, 10, faults)
    remote.configure([f"--s3_endpoint_url={proxy.endpoint}"])
    pretrain_mix.run(["--output", "s3://corpus/slow", *options[:-1],
                      f"--s3_endpoint_url={proxy.endpoint}"])  # fmt: skip
    assert proxy.count > 300, "some thirty faults"
    assert digests("s3://corpus/slow") == local
    proxy.shutdown()
    proxy.server_close()


def when_there(server: Server, name: str, work: Any) -> threading.Thread:
    """Call `work` once MinIO has an object on its disk."""
    there = server.folder / "corpus" / name
    pause = threading.Event()

    def watched() -> None:
        while not there.exists():
            pause.wait(0.005)
        work()

    thread = threading.Thread(target=watched, daemon=True)
    thread.start()
    return thread


def test_the_server_is_killed_and_started_again_in_the_middle(
    server: Server, options: list[str], local: dict[str, str]
) -> None:
    def again() -> None:
        server.kill()
        server.start()

    watcher = when_there(server, "again/documents/_receipts/part-00001.json", again)
    pretrain_mix.run(["--output", "s3://corpus/again", *options])
    watcher.join()
    assert digests("s3://corpus/again") == local
    assert cli.main(["verify", "s3://corpus/again"]) == 0


def test_a_server_that_stays_away_ends_the_run_which_goes_on_later(
    server: Server, options: list[str], local: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "ATTEMPTS", 3)
    s3._client.cache_clear()
    watcher = when_there(server, "later/documents/_receipts/part-00001.json", server.kill)
    with pytest.raises(CorpusforgeError):
        pretrain_mix.run(["--output", "s3://corpus/later", *options])
    watcher.join()
    server.start()
    server.wait()
    monkeypatch.undo()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testtest")
    s3._client.cache_clear()
    assert files.exists("s3://corpus/later/recipe.json"), "MinIO is up again"
    pretrain_mix.run(["--output", "s3://corpus/later", *options])
    assert digests("s3://corpus/later") == local
