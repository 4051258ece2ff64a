"""s3:// paths through Beam's file systems, against moto's server on loopback: same bytes as local."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpusforge import cli
from corpusforge.errors import InputError
from corpusforge.io import files, remote
from pipelines import pretrain_mix

pytest.importorskip("boto3", reason="needs corpusforge[test] or [aws]")
pytest.importorskip("moto.server", reason="needs moto, in corpusforge[test]")

SAMPLE = Path(pretrain_mix.__file__).parents[1] / "examples" / "sample_corpus"
_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None and process.stdin is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.stdin.close()
    process.wait()
    process.stdout.close()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    remote.configure([f"--s3_endpoint_url={endpoint}"])
    store = boto3.resource("s3", endpoint_url=endpoint).Bucket("corpus")
    store.create()
    yield store
    store.objects.all().delete()
    store.delete()


def digests(run: str) -> dict[str, str]:
    folders = ("documents", "stats", "dropped", "failed", "tokens", "mix", "shards")
    return {
        info.path.removeprefix(run): files.sha256(info.path)
        for folder in folders
        for info in files.list_files(files.join(run, folder, "**"))
        if Path(info.path).suffix in (".parquet", ".bin", ".idx")
    }


def test_a_whole_run_from_a_bucket_into_a_bucket(
    bucket: Any, endpoint: str, tmp_path: Path
) -> None:
    for path in SAMPLE.rglob("*"):
        if path.is_file():
            bucket.upload_file(str(path), f"in/{path.relative_to(SAMPLE).as_posix()}")
    given = {"web": "web*.warc.gz", "wikipedia": "*wiki*.xml.bz2", "books": "books/*.txt",
             "code": "code*.tar.gz"}  # fmt: skip
    sources = [f"--source={name}=s3://corpus/in/{glob}" for name, glob in given.items()]
    told = ["--workers", "1", "--quiet", f"--s3_endpoint_url={endpoint}", "--set", "dedup.ranges=2",
            "--set", "mix.range_documents=40"]  # fmt: skip
    pretrain_mix.run(["--output", "s3://corpus/run", *sources, *told])
    pretrain_mix.run(["--output", str(tmp_path / "run"), *told])
    remote = digests("s3://corpus/run")
    assert remote == digests(str(tmp_path / "run"))
    assert sum(name.endswith(".bin") for name in remote) >= 6
    assert cli.main(["verify", "s3://corpus/run"]) == 0
    pretrain_mix.run(["--output", "s3://corpus/run", *sources, *told, "--keep", "none",
                      "--force", "shards"])  # fmt: skip
    left = {item.key.split("/")[1] for item in bucket.objects.filter(Prefix="run/")}
    assert left == {
        "shards",
        "report.html",
        "report.json",
        "CARD.md",
        "manifest.json",
        "recipe.json",
    }


def test_a_written_object_appears_when_it_is_whole(bucket: Any) -> None:
    with pytest.raises(ZeroDivisionError), files.atomic_write("s3://corpus/half") as stream:
        stream.write(b"half of it")
        raise ZeroDivisionError
    assert not files.exists("s3://corpus/half")
    files.write_bytes("s3://corpus/whole", b"all of it" * 1_000_000)
    assert files.sha256("s3://corpus/whole") == hashlib.sha256(b"all of it" * 1_000_000).hexdigest()
    assert [item.key for item in bucket.objects.all()] == ["whole"]


def test_an_empty_object_can_be_written(bucket: Any) -> None:
    files.write_bytes("s3://corpus/empty", b"")
    assert files.read_bytes("s3://corpus/empty") == b""
    assert files.list_files("s3://corpus/*")[0].size == 0


def test_a_library_that_needs_a_file_gets_a_copy(bucket: Any) -> None:
    files.write_bytes("s3://corpus/model", b"weights")
    with files.on_disk("s3://corpus/model") as path:
        assert Path(path).read_bytes() == b"weights"
    assert not Path(path).exists()


def test_what_the_store_refuses_names_the_path(bucket: Any) -> None:
    with pytest.raises(InputError, match=r"cannot read 's3://corpus/none'"):
        files.open_raw("s3://corpus/none")
    with pytest.raises(InputError, match=r"cannot write 's3://elsewhere/x'"):
        files.write_bytes("s3://elsewhere/x", b"1")
