"""s3:// where the store throttles, fails, breaks off, forgets its answer, refuses, or is not there."""

from __future__ import annotations

import itertools
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpusforge import cli
from corpusforge.errors import InputError
from corpusforge.io import files, remote, s3
from pipelines import pretrain_mix

pytest.importorskip("boto3", reason="needs corpusforge[test] or [aws]")
from s3_server import ERROR, Fault, Handler, Store

LARGE = bytes(range(256)) * 50_000
"""12.8 MB: three pieces of an upload."""


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of boto3 between attempts, which are not waited for."""
    import botocore.endpoint

    taken: list[float] = []
    monkeypatch.setattr(botocore.endpoint.time, "sleep", taken.append)
    return taken


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(keys: None, waits: list[float]) -> Iterator[Store]:
    server = Store()
    remote.configure([f"--s3_endpoint_url={server.endpoint}"])
    yield server
    server.shutdown()
    server.server_close()


def put(path: str, data: bytes) -> None:
    """Write as a shard is written, piece by piece: an upload's part is what has gathered beyond 5 MB."""
    with files.atomic_write(path) as stream:
        for start in range(0, len(data), 1 << 20):
            stream.write(data[start : start + (1 << 20)])


def every(times: int, status: int, code: str) -> Fault:
    """Fail each operation on each object so many times before it is done."""
    seen: Counter[tuple[str, str]] = Counter()

    def fault(request: Handler) -> bool:
        own = (request.name, request.path)
        seen[own] += 1
        if seen[own] > times:
            return False
        request.answer(status, ERROR.format(code, "as told"))
        return True

    return fault


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (429, "TooManyRequests")]
)
def test_what_fails_for_a_while_is_tried_again(
    store: Store, waits: list[float], status: int, code: str
) -> None:
    store.faults.append(every(2, status, code))
    for name, data in (("small", b"one piece"), ("empty", b""), ("large", LARGE)):
        put(f"s3://corpus/{name}", data)
        assert store.objects[name] == data
        assert files.read_bytes(f"s3://corpus/{name}") == data
    assert [(i.path, i.size) for i in files.list_files("s3://corpus/*")] == [
        ("s3://corpus/empty", 0), ("s3://corpus/large", len(LARGE)), ("s3://corpus/small", 9),
    ]  # fmt: skip
    files.remove("s3://corpus/small")
    assert sorted(store.objects) == ["empty", "large"]
    assert not files.exists("s3://corpus/none")
    assert store.asked.count("PUT partNumber") == 3 * 3
    assert waits and max(waits) <= 2, "the first two waits: up to 1 s, up to 2 s"


def test_a_store_that_never_answers_well_is_given_up_and_told(
    store: Store, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    files.write_bytes("s3://corpus/x", b"1")
    store.faults.append(every(1000, 503, "SlowDown"))
    store.asked.clear()
    with pytest.raises(InputError, match=r"cannot write 's3://corpus/y'.*SlowDown"):
        files.write_bytes("s3://corpus/y", b"1")
    assert store.asked == ["PUT"] * s3.ATTEMPTS
    assert "object store: HTTP 503; attempt 2 of 10, trying again\n" in capsys.readouterr().err
    assert all(wait <= 20 for wait in waits)
    for action in (files.exists, files.read_bytes, files.list_files):
        store.asked.clear()
        with pytest.raises(InputError, match="s3://corpus/x"):
            action("s3://corpus/x")
        assert len(store.asked) == s3.ATTEMPTS, "Beam does not ask again"


def test_an_answer_that_breaks_off_is_read_on(store: Store) -> None:
    store.objects["large"] = LARGE
    cut = [3, 40_000, 5_000_000]

    def fault(request: Handler) -> bool:
        if request.name != "GET" or not cut:
            return False
        request.send_response(206)  # a whole header, a piece of the body, and the end
        first = int(request.headers["Range"].removeprefix("bytes=").split("-")[0])
        request.send_header("Content-Length", str(len(LARGE) - first))
        request.end_headers()
        request.wfile.write(LARGE[first : first + cut.pop(0)])
        request.drop()
        return True

    store.faults.append(fault)
    assert files.read_bytes("s3://corpus/large") == LARGE
    assert not cut
    cut += [0] * 50
    with pytest.raises(InputError, match="cannot read 's3://corpus/large'"):
        files.read_bytes("s3://corpus/large")
    assert len(cut) == 50 - 2 * 3


def lost(request: Handler) -> bool:
    """Complete the upload and say nothing."""
    if (
        request.name != "POST uploadId"
        or request.query["uploadId"][0] not in request.server.uploads
    ):
        return False
    request.answer = lambda *_, **__: None  # type: ignore[method-assign]
    request.proper()
    request.drop()
    return True


def test_a_completion_whose_answer_is_lost_has_been_done(store: Store) -> None:
    store.faults.append(lost)
    put("s3://corpus/large", LARGE)
    assert store.objects["large"] == LARGE
    assert store.asked.count("POST uploadId") == 2


def test_an_upload_that_the_store_forgot_is_an_error(store: Store) -> None:
    def forgetful(request: Handler) -> bool:
        if request.name == "POST uploadId":
            request.server.uploads.clear()
        return False

    store.objects["large"] = b"an older one"
    store.faults.append(forgetful)
    with pytest.raises(InputError, match=r"cannot write 's3://corpus/large'.*NoSuchUpload"):
        put("s3://corpus/large", LARGE)
    assert store.objects.pop("large") == b"an older one"
    with pytest.raises(InputError, match=r"cannot write 's3://corpus/large'.*NoSuchUpload"):
        put("s3://corpus/large", LARGE)


def test_an_error_of_the_writer_stays_its_own_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), files.atomic_write("s3://corpus/half") as stream:
        stream.write(LARGE)
        raise ZeroDivisionError
    assert "half" not in store.objects
    store.faults.append(every(1000, 500, "InternalError"))
    refused = pytest.raises(InputError, match=r"cannot write 's3://corpus/half'.*InternalError")
    with refused, files.atomic_write("s3://corpus/half") as stream:
        stream.write(LARGE)
        stream.write(LARGE)


def test_wrong_credentials_are_told_at_once(store: Store, waits: list[float]) -> None:
    store.faults.append(every(1000, 403, "InvalidAccessKeyId"))
    with pytest.raises(InputError, match=r"cannot list.*InvalidAccessKeyId.*credentials"):
        files.list_files("s3://corpus/in/*")
    assert (store.asked, waits) == (["GET list-type"], [])


def test_no_server_is_told_at_once(
    keys: None, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    remote.configure([f"--s3_endpoint_url=http://127.0.0.1:{port}"])
    for action in (files.exists, files.read_bytes, files.list_files, files.remove):
        with pytest.raises(
            InputError, match=rf"cannot be reached at http://127.0.0.1:{port}: Conn"
        ):
            action("s3://corpus/x")
    assert waits == []
    assert cli.main(["status", "s3://corpus/run"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_command_without_pipeline_options_finds_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`corpusforge status`, in a process that has configured nothing; the endpoint is AWS's own variable."""
    monkeypatch.setattr(remote.FileSystems, "_pipeline_options", None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
    assert cli.main(["status", "s3://corpus/run"]) == 2
    assert "'s3://corpus/run' is not a run" in capsys.readouterr().err
    assert set(store.asked) == {"HEAD"}


def test_a_server_that_accepts_and_says_nothing_has_an_end(keys: None) -> None:
    """By the settings of the client alone: nobody waits here."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        options = {
            "service_name": "s3",
            "endpoint_url": f"http://127.0.0.1:{mute.getsockname()[1]}",
        }
        config: Any = s3._client(tuple(options.items())).meta.config
    assert (config.connect_timeout, config.read_timeout) == (s3.CONNECT, s3.READ)
    assert config.retries == {"mode": "standard", "total_max_attempts": s3.ATTEMPTS}


def test_no_credentials_are_told_at_once(
    store: Store, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3._client.cache_clear()
    with pytest.raises(InputError, match=r"no credentials for S3\. Set AWS_ACCESS_KEY_ID"):
        files.read_bytes("s3://corpus/x")
    assert (store.asked, waits) == ([], [])


# A whole run


SAMPLE = Path(pretrain_mix.__file__).parents[1] / "examples" / "sample_corpus"
SOURCES = {"web": "web*.warc.gz", "wikipedia": "*wiki*.xml.bz2", "books": "books/*.txt",
           "code": "code*.tar.gz"}  # fmt: skip


def run_there(store: Store) -> None:
    for path in filter(Path.is_file, SAMPLE.rglob("*")):
        store.objects[f"in/{path.relative_to(SAMPLE).as_posix()}"] = path.read_bytes()
    sources = [f"--source={name}=s3://corpus/in/{glob}" for name, glob in SOURCES.items()]
    pretrain_mix.run(["--output", "s3://corpus/run", *sources, "--workers", "1", "--quiet",
                      f"--s3_endpoint_url={store.endpoint}"])  # fmt: skip


def ours(objects: dict[str, bytes]) -> dict[str, bytes]:
    endings = (".parquet", ".bin", ".idx")
    folders = ("documents", "stats", "dropped", "tokens", "mix", "shards")
    return {
        name: data for name, data in objects.items()
        if name.split("/")[0] in folders and name.endswith(endings)
    }  # fmt: skip


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    run = tmp_path_factory.mktemp("local") / "run"
    pretrain_mix.run(["--output", str(run), "--workers", "1", "--quiet"])
    return ours({
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in run.rglob("*") if path.is_file()
    })  # fmt: skip


def there(store: Store) -> dict[str, bytes]:
    found = {n.removeprefix("run/"): data for n, data in store.objects.items()}
    return ours(found)


@pytest.mark.stores
def test_a_run_in_a_store_that_throttles_and_fails(store: Store, local: dict[str, bytes]) -> None:
    count = itertools.count(1)
    answers = itertools.cycle([(503, "SlowDown"), (500, "InternalError"), (0, "")])

    def fault(request: Handler) -> bool:
        if next(count) % 4:
            return False
        status, code = next(answers)
        if status:
            request.answer(status, ERROR.format(code, "as told"))
        else:
            request.drop()
        return True

    store.faults.append(fault)
    run_there(store)
    assert there(store) == local and len(local) > 10


@pytest.mark.stores
def test_a_run_whose_store_dies_and_comes_back(
    store: Store, local: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies at the fortieth write, and is back when boto3 has asked in vain three times."""
    import botocore.endpoint

    writes = itertools.count(1)
    alive = [store]
    vain = itertools.count(1)

    def fault(request: Handler) -> bool:
        if request.command == "PUT" and next(writes) == 40:
            store.socket.close()
            request.drop()
            return True
        return False

    def asleep(_: float) -> None:
        if store.socket.fileno() < 0 and len(alive) == 1 and next(vain) == 3:
            alive.append(Store(int(store.endpoint.rsplit(":", 1)[1])))
            alive[1].objects = store.objects

    monkeypatch.setattr(botocore.endpoint.time, "sleep", asleep)
    store.faults.append(fault)
    run_there(store)
    assert there(store) == local
    assert len(alive) == 2
    alive[1].shutdown()
    alive[1].server_close()
