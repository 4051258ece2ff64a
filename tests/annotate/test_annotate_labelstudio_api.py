"""The calls to Label Studio, against a loopback server that answers as the real one does.

The real one is met in test_annotate_labelstudio_server.py; replies here were recorded from it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from annotate_cases import made_job

from corpusforge.annotate.targets import find_target
from corpusforge.annotate.targets.labelstudio_api import Server
from corpusforge.errors import InputError
from pipelines import label_studio


class Handler(BaseHTTPRequestHandler):
    """Keeps what it was asked; `short` takes one task too few."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked, server = self.path, self.server
        server.asked.append((asked, self.headers["Authorization"], body))
        if asked == "/api/token/refresh":
            self.reply(200, {"access": "fresh"})
        elif asked == "/api/projects":
            self.reply(201, {"id": 40 + sum(path == asked for path, _, _ in server.asked)})
        elif server.short:
            self.reply(201, {"task_count": len(body) - 1})
        else:
            self.reply(201, {"task_count": len(body)})

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"], None))
        found = "/api/projects/4" in self.path
        self.reply(200 if found else 404, [] if found else {"detail": "Not found."})

    def reply(self, code: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.asked, found.short = [], False
    found.url = f"http://127.0.0.1:{found.server_address[1]}"
    thread = threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def test_push_and_pull_by_command(server, tmp_path: Path, capsys) -> None:
    job, tasks = made_job(tmp_path / "job", count=2)
    find_target("label-studio").write(tasks, job, str(tmp_path / "job" / "label-studio"))
    (tmp_path / "token").write_text("abc\n")
    run = ["--job", str(tmp_path / "job"), "--url", server.url,
           "--token-file", str(tmp_path / "token")]  # fmt: skip
    assert label_studio.main(["pull", *run, "--output", str(tmp_path / "back")]) == 2
    assert "Run push first" in capsys.readouterr().err
    for _ in range(2):
        assert label_studio.main(["push", *run]) == 0
    assert [path for path, _, _ in server.asked] == [
        "/api/projects", "/api/projects/41/import", "/api/projects", "/api/projects/42/import",
    ], "a second push creates nothing"  # fmt: skip
    assert {auth for _, auth, _ in server.asked} == {"Token abc"}
    assert server.asked[0][2]["label_config"].startswith("<View>")
    assert [row["data"]["task_id"] for row in server.asked[1][2]] == [
        task.id for task in tasks if task.rater == "r_01"
    ]
    assert label_studio.main(["pull", *run, "--output", str(tmp_path / "back")]) == 0
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == [
        "r_01-001.json", "r_02-001.json",
    ]  # fmt: skip
    assert "exportType=JSON&" in server.asked[-1][0]


def test_a_personal_access_token_is_exchanged(server, tmp_path: Path) -> None:
    Server(server.url, "head.body.sign").export(41, str(tmp_path / "x.json"))
    assert server.asked[0] == ("/api/token/refresh", None, {"refresh": "head.body.sign"})
    assert server.asked[1][1] == "Bearer fresh"


def test_what_goes_wrong_is_said(server, tmp_path: Path) -> None:
    job, tasks = made_job(tmp_path / "job", count=1)
    paths = find_target("label-studio").write(tasks, job, str(tmp_path / "out"))
    server.short = True
    with pytest.raises(InputError, match="0 of 1 tasks were taken"):
        Server(server.url, "abc").create(paths[1], paths[2])
    with pytest.raises(InputError, match=r"404.*Not found"):
        Server(server.url, "abc").export(7, str(tmp_path / "x.json"))
    with pytest.raises(InputError, match="expected http"):
        Server("file:///etc", "abc").export(7, str(tmp_path / "x.json"))
    with pytest.raises(InputError, match="no answer from"):
        Server("http://127.0.0.1:9", "abc").export(7, str(tmp_path / "x.json"))
    assert not (tmp_path / "x.json").exists()
