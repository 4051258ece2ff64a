"""What is said before Google's client is asked; nothing here leaves the machine."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from corpusforge.errors import InputError
from corpusforge.io import gcs


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials, no machine of Google's, and Google's client installed."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_IP", "127.0.0.1")  # nothing listens at its port 80
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    gcs.prepare.cache_clear()


def test_a_server_that_is_not_there_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound, and nobody listens
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        with pytest.raises(InputError, match=r"Google Cloud Storage cannot be reached at http:"):
            gcs.prepare()


def test_a_machine_without_credentials_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gcs, "check_reachable", lambda *_: None)
    gcs.prepare()
    gcs.prepare()
    assert capsys.readouterr().err.count("no Google credentials here") == 1


def test_credentials_are_found_where_google_looks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gcs, "check_reachable", lambda *_: None)
    assert not gcs.has_credentials()
    (tmp_path / "application_default_credentials.json").write_text("{}")
    assert gcs.has_credentials()
    gcs.prepare()
    assert capsys.readouterr().err == ""
    (tmp_path / "application_default_credentials.json").unlink()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "key.json")
    assert gcs.has_credentials()
