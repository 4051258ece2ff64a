"""A key that a server sends back is kept nowhere, in whatever form it comes."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("openai", reason="extra openai")

from corpusforge.errors import InputError
from corpusforge.models import Client, Message, Request, Settings, read_entries
from corpusforge.models.mask import Mask, credentials, without_credentials
from corpusforge.models.openai_engine import OpenAIEngine
from tests.models.fault_server import FaultServer, answer_of, serve

KEY = "sk-te/st+0123456789=?"


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = {
    "plain": KEY,
    "in a header": f"Authorization: Bearer {KEY}\r\n",
    "base64": coded(KEY),
    "base64 without its end": coded(KEY).rstrip("="),
    "base64 of URLs": base64.urlsafe_b64encode(KEY.encode()).decode(),
    "Basic, as user": "Basic " + coded(f"{KEY}:"),
    "Basic, as password": "Basic " + coded(f":{KEY}"),
    "Basic, as password of a user": "Basic " + coded(f"me:{KEY}"),
    "a header in base64": coded(f"Bearer {KEY}"),
    "JSON in base64": coded(f'{{"key": "{KEY}", "more": 1}}'),
    "percent-encoded": f"https://host/?key={quote(KEY, safe='')}&x=1",
    "hex": KEY.encode().hex(),
    "hex in capitals": KEY.encode().hex().upper(),
    "twice": f"{KEY} and {KEY}",
    "among letters": f"x{KEY}y",
}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with serve() as running:
        yield running


def engine(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, key: str, url: str = ""
) -> OpenAIEngine:
    monkeypatch.setenv("TEST_KEY", key)
    settings = Settings(engine="openai", base_url=url or server.url, api_key_env="TEST_KEY", model="tiny",
                        concurrency=1, retries=0)  # fmt: skip
    return OpenAIEngine(settings, sleep=lambda _: None)


def ask(text: str) -> Request:
    return Request(messages=(Message("user", text),), purpose="test")


@pytest.mark.parametrize("form", FORMS)
def test_a_key_in_a_reply_is_masked_before_anything_keeps_it(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    server.echo = f"Here: {FORMS[form]} is what you sent."
    with Client(engine(server, monkeypatch, KEY), tmp_path / "j") as client:
        (first,) = client.complete([ask("a")])
    with Client(engine(server, monkeypatch, KEY), tmp_path / "j") as client:
        (again,) = client.complete([ask("a")])
    assert again == first, "what was kept is what was given"
    assert server.tries == {"a": 1}
    assert "[key]" in first.text
    assert first.text.startswith("Here: ")
    assert first.text.endswith(" is what you sent.")
    (kept,) = read_entries(tmp_path / "j")
    assert kept.completion.text == first.text
    written = (tmp_path / "j").read_text(encoding="utf-8")
    for secret in (KEY, coded(KEY)[:16], KEY.encode().hex(), quote(KEY, safe=""), KEY[3:]):
        assert secret not in written


@pytest.mark.parametrize("form", ["plain", "base64", "Basic, as password"])
@pytest.mark.parametrize("field", ["model", "finish_reason", "error"])
def test_other_fields_of_a_reply_are_masked_too(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str, field: str
) -> None:
    server.field, server.echo = field, FORMS[form]
    with Client(engine(server, monkeypatch, KEY), tmp_path / "j") as client:
        (out,) = client.complete([ask("a")])
    shown = out.model if field == "model" else out.error
    assert "[key]" in shown or field == "finish_reason"  # of an unknown one nothing is kept
    written = (tmp_path / "j").read_text(encoding="utf-8") + repr(out)
    assert KEY not in written
    assert coded(KEY)[:16] not in written


def test_user_and_password_of_an_address_are_masked(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The Basic header is what a server gets of them."""
    url = server.url.replace("//", "//me:pass%20w0rd@")
    sent = coded("me:pass w0rd")
    server.echo = f"I got Basic {sent}; pass w0rd; me:pass w0rd; pass%20w0rd."
    with Client(engine(server, monkeypatch, "", url), tmp_path / "j") as client:
        (out,) = client.complete([ask("a")])
    assert out.text == "I got Basic [key]; [key]; [key]; [key]."
    headers = {name.lower(): text for name, text in server.sent_headers[0].items()}
    assert headers["authorization"] == f"Basic {sent}"
    server.always, server.echo = "401", ""
    with pytest.raises(InputError, match="refuses") as caught:
        Client(engine(server, monkeypatch, "", url)).complete([ask("b")])
    assert "w0rd" not in str(caught.value)
    assert sent not in str(caught.value)
    assert f"http://127.0.0.1:{server.server_address[1]}/v1" in str(caught.value)


def test_a_long_error_is_cut_after_it_was_masked(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for before in range(440, 500):
        server.faults = {"a": ["long"]}
        server.echo = "x" * before + KEY
        (out,) = Client(engine(server, monkeypatch, KEY)).complete([ask("a")])
        assert KEY[:6] not in out.error, before


@pytest.mark.parametrize(
    "key", ["", "k", "none", "EMPTY", "password", "token", "sk-1", "no-key-was-given"]
)
def test_words_that_stand_for_no_key_change_no_answer(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    made = engine(server, monkeypatch, key if key != "no-key-was-given" else "")
    text = f"The key is {key}, or {coded(key)}."
    server.echo = text
    assert Client(made).complete([ask("a")])[0].text == text


def test_answers_without_the_key_stay_as_they_are(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Client(engine(server, monkeypatch, KEY)).complete([ask("你好 sk-te/st"), ask("[key]")])
    assert [item.text for item in out] == [answer_of("你好 sk-te/st"), answer_of("[key]")]


SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=6, max_size=40
).filter(lambda key: not key.isalpha())


@given(SECRETS, st.binary(max_size=5), st.binary(max_size=5))
def test_any_key_in_any_base64(key: str, before: bytes, after: bytes) -> None:
    mask = Mask.of([key])
    text = base64.b64encode(before + key.encode() + after).decode()
    hidden = mask.hide(f"({text})")
    assert "[key]" in hidden
    # what is left cannot hold more of the key than the bytes that share a character with others
    left = hidden.replace("[key]", "").strip("()=")
    assert len(left) <= len(text) - (8 * len(key.encode()) // 6 - 2)


def test_bounds_on_their_edges() -> None:
    assert Mask.of(["abcde1"]).hide("abcde1") == "[key]"
    assert Mask.of(["abcd1"]).hide("abcd1") == "abcd1"
    assert Mask.of(["a" * 16]).hide("a" * 16) == "[key]"
    assert Mask.of(["a" * 15]).hide("a" * 15) == "a" * 15
    assert Mask.of([]).hide("x") == "x"


@pytest.mark.parametrize(
    ("url", "shown", "secret"),
    [
        ("http://h:1/v1", "http://h:1/v1", ()),
        ("http://u:p@h:1/v1", "http://h:1/v1", ("u:p", "p")),
        ("https://token0@h/v1", "https://h/v1", ("token0",)),
        ("https://u:p%40x@h/v1/a@b", "https://h/v1/a@b", ("u:p@x", "p@x")),
        ("https://u@v:p@h", "https://h", ("u@v:p", "p")),
        ("http://[", "http://[", ()),
        ("", "", ()),
    ],
)
def test_addresses(url: str, shown: str, secret: tuple[str, ...]) -> None:
    assert without_credentials(url) == shown
    assert tuple(filter(None, credentials(url))) == secret
