"""What is said before Google's client is asked; nothing here leaves the machine."""

from __future__ import annotations

import importlib
import socket
import sys
from types import ModuleType, SimpleNamespace

import pytest

from corpusforge.errors import InputError
from corpusforge.io import gcs


class NothingFound(Exception):
    """As google.auth raises it."""


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Google's library where it finds no credentials; Beam's module as it keeps them."""
    auth, beam = ModuleType("google.auth"), ModuleType("apache_beam.internal.gcp.auth")

    def default() -> None:
        raise NothingFound

    auth.__dict__.update(
        default=default, exceptions=SimpleNamespace(DefaultCredentialsError=NothingFound)
    )
    beam.__dict__["_Credentials"] = SimpleNamespace(_credentials_init=False)
    for module in (auth, beam):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(importlib, "import_module", sys.modules.__getitem__)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(gcs, "check_reachable", lambda *_: None)
    gcs.prepare.cache_clear()
    return auth


def looks_no_more() -> bool:
    return sys.modules["apache_beam.internal.gcp.auth"]._Credentials._credentials_init


def test_a_machine_without_credentials_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    gcs.prepare()
    gcs.prepare()
    assert capsys.readouterr().err.count("no Google credentials here") == 1
    assert looks_no_more()


def test_credentials_that_are_there_are_left_to_beam(
    library: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    library.__dict__["default"] = lambda: ("credentials", "project")
    gcs.prepare()
    assert capsys.readouterr().err == ""
    assert not looks_no_more()


def test_a_server_that_is_not_there_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(importlib, "import_module", lambda name: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(InputError, match="Google Cloud Storage cannot be reached at http:"):
            gcs.prepare()
