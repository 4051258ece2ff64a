"""A whole run in and out of fake-gcs-server, which speaks Google's protocol on loopback.

GOBIN=DIR go install github.com/fsouza/fake-gcs-server@latest
pip install 'apache-beam[gcp]' && PATH=DIR:$PATH pytest -m stores tests/beam/test_beam_gcs.py
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpusforge import cli
from corpusforge.io import files, gcs
from pipelines import pretrain_mix

pytest.importorskip("google.cloud.storage", reason="needs corpusforge[gcp]")

pytestmark = [
    pytest.mark.stores,
    pytest.mark.skipif(
        not shutil.which("fake-gcs-server"),
        reason="fake-gcs-server is not on PATH (docs/stores.md)",
    ),
]
SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample_corpus"
GIVEN = {"web": "web*.warc.gz", "wikipedia": "*wiki*.xml.bz2", "books": "books/*.txt",
         "code": "code*.tar.gz"}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server with the bucket `corpus`; twenty seconds at most until it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    at = f"127.0.0.1:{port}"
    command = ["fake-gcs-server", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
               "-backend", "memory", "-public-host", at]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pause = threading.Event()
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            pause.wait(0.05)
    data = json.dumps({"name": "corpus"}).encode()
    asked = urllib.request.Request(
        f"http://{at}/storage/v1/b?project=p", data, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(asked).close()
    yield f"http://{at}"
    process.kill()
    process.wait()


@pytest.fixture
def store(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server)
    gcs.prepare.cache_clear()


def test_objects_are_written_read_listed_and_deleted(store: None) -> None:
    files.write_bytes("gs://corpus/some/a.txt", b"one")
    files.write_bytes("gs://corpus/some/a.txt", b"two")
    assert files.read_bytes("gs://corpus/some/a.txt") == b"two"
    assert [found.path for found in files.list_files("gs://corpus/some/*")] == [
        "gs://corpus/some/a.txt"
    ]
    files.remove("gs://corpus/some/a.txt")
    files.remove("gs://corpus/some/a.txt")
    assert not files.exists("gs://corpus/some/a.txt")


def test_objects_through_a_proxy_that_throttles_and_fails(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from s3_server import Proxy

    faults = [(503, "SlowDown"), (500, "InternalError"), (0, "the connection is closed")]
    proxy = Proxy(int(server.rpartition(":")[2]), 10, faults)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.endpoint)
    gcs.prepare.cache_clear()
    for number in range(30):
        path, data = f"gs://corpus/faults/{number}.txt", bytes(1000 * number)
        files.write_bytes(path, data)
        assert files.read_bytes(path) == data
        if number % 3 == 0:
            files.remove(path)
    assert len(files.list_files("gs://corpus/faults/*")) == 20
    assert proxy.count > 150, "some fifteen faults"
    proxy.shutdown()
    proxy.server_close()


def test_a_run_in_and_out_has_the_bytes_of_one_on_disk(store: None, tmp_path: Path) -> None:
    for path in filter(Path.is_file, SAMPLE.rglob("*")):
        files.write_bytes(
            f"gs://corpus/in/{path.relative_to(SAMPLE).as_posix()}", path.read_bytes()
        )
    sources = [f"--source={name}=gs://corpus/in/{glob}" for name, glob in GIVEN.items()]
    options = ["--workers", "1", "--quiet"]
    pretrain_mix.run(["--output", "gs://corpus/run", *sources, *options])
    assert cli.main(["verify", "gs://corpus/run"]) == 0
    pretrain_mix.run(["--output", str(tmp_path / "run"), *options])
    local = digests(str(tmp_path / "run"))
    assert digests("gs://corpus/run") == local and len(local) > 10


def digests(run: str) -> dict[str, str]:
    return {
        found.path.removeprefix(run): files.sha256(found.path)
        for folder in ("documents", "stats", "dropped", "tokens", "mix", "shards")
        for found in files.list_files(files.join(run, folder, "**"))
        if Path(found.path).suffix in (".parquet", ".bin", ".idx")
    }
