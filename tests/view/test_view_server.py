"""The page's server over real sockets on the loopback address: whom it answers, and with what."""

from __future__ import annotations

import http.client
import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from view_runs import CHINESE, HOSTILE, PERSIAN, make, served

pytest.importorskip("duckdb")

from corpusforge import cli
from corpusforge.errors import RunError
from corpusforge.view.server import Server, serve


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(make(tmp_path_factory.mktemp("forum"))) as own:
        yield own


def get(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET", path, headers=headers)
    reply = connection.getresponse()
    return reply.status, dict(reply.getheaders()), reply.read()


def ask(server: Server, name: str, **values: object) -> dict:
    status, _, body = get(server, f"/{server.key}/{name}?{urlencode(values)}")
    assert status == 200, body
    return json.loads(body)


def test_it_listens_on_the_loopback_address_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert urlsplit(server.url).hostname == "127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/overview", "/x/", "/{key}", "/{key}/../", "/{key}/tables.py",
                                  "/{key}/%2e%2e/server.py"])  # fmt: skip
def test_without_the_key_or_for_other_names_nothing_is_there(server: Server, path: str) -> None:
    status, _, body = get(server, path.replace("{key}", server.key))
    assert (status, body) == (404, b"nothing here\n")


def test_another_host_name_is_answered_as_if_nothing_were_there(server: Server) -> None:
    path = f"/{server.key}/overview"
    assert get(server, path, Host=f"evil.example:{server.server_port}")[0] == 404
    assert get(server, path, Host=f"localhost:{server.server_port}")[0] == 200


def test_every_answer_forbids_what_the_page_does_not_need(server: Server) -> None:
    for name in ("", "script.js", "style.css", "overview", "nothing"):
        headers = get(server, f"/{server.key}/{name}")[1]
        policy = dict(
            part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert {policy[key] for key in ("script-src", "style-src", "connect-src")} == {"'self'"}
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_page_names_no_other_address_and_no_inline_code(server: Server) -> None:
    page = get(server, f"/{server.key}/")[2].decode()
    files = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert files == ["style.css", *server.site.scripts]
    script = "".join(get(server, f"/{server.key}/{name}")[2].decode() for name in files[1:])
    assert not re.search(r"\son\w+=|<style|style=|<script(?! src)", page)
    assert set(re.findall(r"https?://[^\"'`\s]+", page + script)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", script)


def test_hostile_texts_travel_as_json_and_unchanged(server: Server) -> None:
    status, headers, body = get(
        server, f"/{server.key}/dropped?{urlencode({'stage': 'filter', 'rule': 'light.v1:words'})}"
    )
    assert (status, headers["Content-Type"]) == (200, "application/json")
    texts = {"".join(text for text, _ in row["pieces"]) for row in json.loads(body)["rows"]}
    assert {CHINESE, CHINESE * 2, PERSIAN} & texts
    found = ask(server, "search", words=HOSTILE)
    assert found and all(any(piece == [HOSTILE, True] for piece in row["pieces"]) for row in found
                         if row["pieces"])  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("counts?measure=words&low=many", "low is 'many'; expected a number."),
        ("counts?measure=words&low=nan", "low is 'nan'; expected a number."),
        ("counts?measure=x%22;DROP%20TABLE%20dropped&low=1", "no statistic"),
        ("near?measure=words&bound=1&end=up", "low or high as end"),
        ("search?words=", "nothing to search for"),
        ("history?id=nobody", "no document 'nobody'"),
    ],
)
def test_a_wrong_question_is_told(server: Server, asked: str, message: str) -> None:
    status, _, body = get(server, f"/{server.key}/{asked}")
    assert status == 400
    assert message in json.loads(body)["error"]


def test_a_port_in_use_is_told(server: Server) -> None:
    with pytest.raises(RunError, match=rf"port {server.server_port} cannot be had.*--port"):
        serve(server.site, server.server_port)


def test_what_is_asked_while_a_run_is_opened_is_answered_then(server: Server) -> None:
    with serve() as early:
        thread = threading.Thread(target=early.serve_forever)
        thread.start()
        answers: list[int] = []
        asking = threading.Thread(
            target=lambda: answers.append(get(early, f"/{early.key}/overview")[0])
        )
        asking.start()
        assert get(early, "/wrong/overview")[0] == 404  # who has no key does not wait
        assert answers == []
        early.show(server.site)
        asking.join()
        early.shutdown()
        thread.join()
    assert answers == [200]


def test_the_browser_is_sent_to_the_page_and_to_none_where_there_is_none(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("webbrowser.open", sent.append)
    assert cli.main(["view", str(tmp_path)]) == 2
    assert "is not a run" in capsys.readouterr().err and sent == []

    def ended(_: object) -> None:
        sent.append(get_url(sent[0] + "overview"))
        raise KeyboardInterrupt

    monkeypatch.setattr("corpusforge.view.command.flush", lambda: ended(None))
    run = server.site.answers["overview"]({})["run"]  # type: ignore[index]
    with suppress(KeyboardInterrupt):
        cli.main(["view", run])
    assert json.loads(sent[1])["name"] == "forum"


def get_url(url: str) -> str:
    with urllib.request.urlopen(url) as reply:
        return reply.read().decode()
