"""hf:// by the hub's own client, against a stand-in for the hub's routes on loopback.

The client is the real one (`huggingface_hub`); the server answers the requests that it makes: a repository's
facts, its tree, files by range, the making of a repository, and commits, of which it keeps the files.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from corpusforge import cli
from corpusforge.errors import InputError
from corpusforge.io import files, hub
from corpusforge.io.reach import check_reachable
from pipelines import export_shards, pretrain_mix

ROOT = Path(__file__).resolve().parents[2]
HEAD = "0123456789abcdef0123456789abcdef01234567"
STORED: dict[str, bytes] = {}


class Hub(BaseHTTPRequestHandler):
    """One data set, me/corpus, of the files in STORED."""

    protocol_version = "HTTP/1.1"

    @property
    def root(self) -> str:
        return f"http://{self.headers['Host']}"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, value: object, status: int = 200) -> None:
        more = {} if status == 200 else {"X_Error_Code": "RepoNotFound"}
        self.answer(json.dumps(value).encode(), status, Content_Type="application/json", **more)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if "/me/corpus" not in path:
            self.json({"error": "Repository not found"}, 404)
        elif "/tree/" in path:
            self.json(self.tree(path.partition("/tree/")[2].partition("/")[2].strip("/")))
        elif "/resolve/" in path:
            self.file(path.partition("/resolve/")[2].partition("/")[2])
        else:
            self.json({"id": "me/corpus", "sha": HEAD, "private": False, "siblings": []})

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def tree(self, folder: str) -> list[dict[str, object]]:
        inside = [name for name in STORED if name.startswith(f"{folder}/" if folder else "")]
        folders = {name.rpartition("/")[0] for name in inside if "/" in name} - {folder, ""}
        found: list[dict[str, object]] = [
            {"type": "directory", "path": name, "oid": HEAD, "size": 0} for name in folders
        ]
        return found + [
            {"type": "file", "path": name, "oid": HEAD, "size": len(STORED[name])}
            for name in inside
        ]

    def file(self, name: str) -> None:
        if name not in STORED:
            self.answer(b"", 404, X_Error_Code="EntryNotFound")
            return
        body, status = STORED[name], 200
        if span := self.headers.get("Range"):
            first, _, last = span.removeprefix("bytes=").partition("-")
            body, status = body[int(first) : int(last or len(body)) + 1], 206
        self.answer(body, status, ETag=f'"{name}"', X_Repo_Commit=HEAD)

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/preupload/main"):
            asked = json.loads(data)["files"]
            self.json(
                {
                    "files": [
                        {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                        for f in asked
                    ]
                }
            )
        elif self.path.endswith("/commit/main"):
            for line in map(json.loads, data.splitlines()):
                if line["key"] == "file":
                    STORED[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.json(
                {
                    "success": True,
                    "commitOid": HEAD,
                    "commitUrl": f"{self.root}/datasets/me/corpus/commit/{HEAD}",
                }
            )
        else:
            self.json(
                {"url": f"{self.root}/datasets/me/corpus", "id": "me/corpus", "name": "me/corpus"}
            )


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    STORED.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("urllib.request.getproxies", dict)
    yield endpoint
    server.shutdown()
    server.server_close()
    thread.join()


def test_files_are_listed_and_read(served: str) -> None:
    STORED.update(
        {"data/a.jsonl": b'{"text": "one"}\n', "data/b.jsonl": b"x" * 3_000_000, "README.md": b"#"}
    )
    found = files.list_files("hf://datasets/me/corpus/data/*.jsonl")
    assert [(info.path.rpartition("/")[2], info.size) for info in found] == [
        ("a.jsonl", 16),
        ("b.jsonl", 3_000_000),
    ]
    assert files.read_bytes(found[1].path) == STORED["data/b.jsonl"]
    assert files.exists("hf://datasets/me/corpus/README.md")
    assert not files.exists("hf://datasets/me/corpus/nothing")


def test_a_run_reads_its_source_from_the_hub(served: str, tmp_path: Path) -> None:
    """The bytes are those of the same files on the disk."""
    for path in (ROOT / "examples/sample_corpus/books").glob("*.txt"):
        STORED[f"books/{path.name}"] = path.read_bytes()
    more = ["--until", "documents", "--workers", "1", "--quiet"]
    pretrain_mix.run(
        [
            "--source",
            "books=hf://datasets/me/corpus/books/*.txt",
            "--output",
            str(tmp_path / "hub"),
            *more,
        ]
    )
    pretrain_mix.run(["--output", str(tmp_path / "disk"), *more])
    names = sorted(path.name for path in (tmp_path / "disk/documents").glob("part-*.parquet"))
    assert names
    for name in names:
        there, here = (tmp_path / run / "documents" / name for run in ("hub", "disk"))
        assert there.read_bytes() == here.read_bytes()


def test_an_export_goes_there_in_one_commit_and_opens(
    served: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import datasets

    pretrain_mix.run(["--output", str(tmp_path / "run"), "--workers", "1", "--quiet"])
    made = tmp_path / "made"
    export_shards.run(
        [str(tmp_path / "run/shards/train"), "--to", "parquet", "--output", str(made)]
    )
    assert cli.main(["push", str(made), "hf://datasets/me/corpus"]) == 0
    assert "2 files in one commit" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in made.iterdir()} == STORED
    rows = datasets.load_dataset(str(made), cache_dir=str(tmp_path / "cache"))
    assert list(rows) == ["train"] and rows["train"].num_rows > 100


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["push", "{made}", "hf://datasets/me"], "expected hf://datasets/OWNER/NAME"),
        (["push", "{made}", "s3://bucket/x"], "expected hf://datasets/OWNER/NAME"),
        (["push", "{made}/none", "hf://datasets/me/corpus"], "has no README.md"),
    ],
)
def test_what_cannot_be_pushed_is_told(
    command: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("#")
    assert cli.main([word.format(made=tmp_path) for word in command]) == 2
    assert message in capsys.readouterr().err


def test_a_run_cannot_lie_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert pretrain_mix.main(["--output", "hf://datasets/me/corpus", "--quiet"]) == 2
    assert "corpusforge push" in capsys.readouterr().err


def test_what_the_hub_refuses_names_the_path(served: str) -> None:
    with pytest.raises(InputError, match=r"hf://datasets/you/none/x.*HF_TOKEN"):
        files.read_bytes("hf://datasets/you/none/x")


def test_without_a_network_there_is_a_line_and_an_end(tmp_path: Path) -> None:
    """A port that nobody listens at; a second that takes no connections, which only the bound ends."""
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    environment = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipelines.pretrain_mix", "--output", str(tmp_path / "run"),
               "--source", "books=hf://datasets/me/corpus/*.txt"]  # fmt: skip
    environment = {k: v for k, v in environment.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert f"the Hugging Face Hub cannot be reached at http://127.0.0.1:{port}: " in done.stderr
    assert done.stderr.count("\n") <= 3
    assert not (tmp_path / "run").exists()


def test_a_server_that_takes_no_connection_ends_at_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("corpusforge.io.reach.SECONDS", 0.2)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = full.getsockname()[1]
    waiting = [socket.socket() for _ in range(4)]
    for client in waiting:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
    with pytest.raises(InputError, match="cannot be reached"):
        check_reachable(f"http://127.0.0.1:{port}", "the store")
    for item in (*waiting, full):
        item.close()


def test_the_modules_agree() -> None:
    from corpusforge.io import remote

    assert set(hub.__all__) - {"SCHEME", "push"} <= set(remote.__all__)
