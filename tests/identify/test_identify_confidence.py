"""The score is a confidence: right labels have it, those of unknown languages have not."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpusforge import cli
from corpusforge.errors import RecipeError
from corpusforge.identify import Settings, identify, model_file
from corpusforge.identify.confidence import confidence
from corpusforge.identify.model_file import KNOWN, KnownModel

# Declarations in languages that CLD2 has no table for: whatever it answers is wrong.
STRANGERS = (
    "pcm",
    "tpi",
    "kri",
    "hms",
    "snk",
    "fon",
    "bba",
    "mos",
    "agr",
    "shp",
    "ppl",
    "not",
)
KNOWN_ONES = {
    "eng": "en",
    "fra": "fr",
    "deu_1901": "de",
    "rus": "ru",
    "pol": "pl",
    "cmn_hans": "zh",
    "ell_monotonic": "el",
}


def sentences(data: Path, name: str) -> pa.Array:
    with zipfile.ZipFile(data / "langid" / "udhr2.zip") as archive:
        path = next(n for n in archive.namelist() if n.endswith(f"/{name}.txt"))
        lines = [line.strip() for line in archive.read(path).decode().split("\n")]
    return pa.array([line for line in lines if len(line) > 60][:40], pa.large_string())


def test_a_language_that_the_engine_does_not_know_scores_low(data):
    scores = np.concatenate(
        [identify(sentences(data, name), Settings(engine="pycld2"))[1] for name in STRANGERS]
    )
    assert len(scores) > 300
    assert (scores >= 0.65).mean() < 0.2


def test_languages_that_it_knows_score_high(data):
    for name, label in KNOWN_ONES.items():
        labels, scores = identify(sentences(data, name), Settings(engine="pycld2"))
        right = np.array([found == label for found in labels])
        assert right.mean() > 0.9, name
        assert (scores[right] >= 0.65).mean() > 0.85, name


def test_the_same_sentence_at_greater_length_is_surer(data):
    text = "The keeper wrote down the level of the water in the basin every morning. "
    scores = [identify(pa.array([text * n], pa.large_string()))[1][0] for n in (1, 4, 16)]
    assert scores[0] < scores[1] < scores[2] <= 1


def test_confidence_is_a_share_of_a_probability():
    for score in (0, 100, 1_000, 5_000):
        for size in (1, 50, 10_000):
            found = confidence("en", score, size, 0.98, 0.0)
            assert 0 <= found <= 0.98
    assert confidence("en", 100, 200, 1.0, 0.0) < 0.2 < 0.8 < confidence("en", 1_200, 200, 1.0, 0.0)
    assert confidence("en", 1_200, 900, 0.5, 0.5) <= 0.5


ENGLISH = (
    "The keeper wrote down the level of the water in the basin every morning and signed the page. "
    * 3
)


def styled(text: str, capital: int, small: int) -> str:
    out = (
        chr(capital + ord(c) - 65)
        if "A" <= c <= "Z"
        else chr(small + ord(c) - 97)
        if "a" <= c <= "z"
        else c
        for c in text
    )
    return "".join(out)


@pytest.mark.parametrize(
    ("capital", "small"),
    [
        (0xFF21, 0xFF41),
        (0x1D400, 0x1D41A),
        (0x1D468, 0x1D482),
        (0x1D5D4, 0x1D5EE),
        (0x1D670, 0x1D68A),
    ],
)
@pytest.mark.parametrize("engine", ["pycld2", "lid176", "blend"])
def test_letters_of_other_widths_and_styles_are_read(data, engine, capital, small):
    model = "" if engine == "pycld2" else str(data / "langid" / "lid.176.ftz")
    texts = pa.array([ENGLISH, styled(ENGLISH, capital, small)], pa.large_string())
    labels, scores = identify(texts, Settings(engine=engine, model=model))
    assert labels == ["en", "en"]
    assert scores[0] == scores[1]


BODY = b"a model " * 999


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server that holds a file of the name, and a table of known models that holds its checksum."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/m/lid.176.ftz" else 404)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *_: object) -> None:
            pass

    known = KnownModel(
        "lid.176.ftz", len(BODY), hashlib.sha256(BODY).hexdigest(), "https://example.org/x"
    )
    monkeypatch.setitem(KNOWN, "lid.176", known)
    monkeypatch.setattr(model_file, "_FTZ", known)
    monkeypatch.setenv("CORPUSFORGE_MODELS", str(tmp_path / "models"))
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}/m"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_a_fetched_model_is_used_from_then_on(server, tmp_path, capsys):
    assert Settings().engine == "pycld2"
    with pytest.raises(RecipeError, match=r"corpusforge models fetch lid\.176"):
        Settings(engine="blend")
    assert cli.main(["models", "fetch", "lid.176", "--base", server]) == 0
    assert (tmp_path / "models" / "lid.176.ftz").read_bytes() == BODY
    assert "CC-BY-SA-3.0" in capsys.readouterr().out
    assert Settings().engine == "blend"
    assert Settings(engine="pycld2").engine == "pycld2"
    assert Settings(engine="lid176").engine == "lid176"
    assert cli.main(["models", "fetch", "lid.176", "--base", server]) == 0
    assert "already there" in capsys.readouterr().out


def test_a_wrong_file_is_refused_and_not_used(server, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(KNOWN, "lid.176", KnownModel("lid.176.ftz", len(BODY), "0" * 64, ""))
    assert cli.main(["models", "fetch", "lid.176", "--base", server]) == 2
    assert "checksum" in capsys.readouterr().err
    assert not (tmp_path / "models" / "lid.176.ftz").exists()
    assert cli.main(["models", "fetch", "lid.177"]) == 2
    assert "lid.176" in capsys.readouterr().err


def test_a_cut_file_is_not_taken_for_the_model(monkeypatch, tmp_path):
    monkeypatch.setenv("CORPUSFORGE_MODELS", str(tmp_path))
    (tmp_path / "lid.176.ftz").write_bytes(b"half")
    assert Settings().engine == "pycld2"
