"""A fastText file that is cut ends the process that opens it by fastText; here an error names it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from corpusforge.errors import InputError
from corpusforge.identify.model_file import KNOWN, open_model
from corpusforge.identify.settings import Settings
from corpusforge.identify.step import Identify
from corpusforge.score import load


@pytest.fixture(scope="module")
def model(data: Path) -> bytes:
    return (data / "langid" / "lid.176.ftz").read_bytes()


@pytest.mark.parametrize("size", [0, 1, 100_000, 600_000, 900_000, 938_012])
def test_the_known_model_cut(model: bytes, tmp_path: Path, size: int) -> None:
    """At 100,000 bytes fastText never comes back, at 900,000 it ends by SIGSEGV."""
    path = tmp_path / "lid.176.ftz"
    path.write_bytes(model[:size])
    with pytest.raises(
        InputError, match=rf"has {size:,} bytes, lid\.176\.ftz has 938,013: it was cut"
    ):
        Identify(Settings(engine="lid176", model=str(path))).open()


def test_the_known_model_with_a_flipped_bit(model: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.ftz"  # the length tells what it is meant to be
    path.write_bytes(model[:500_000] + bytes([model[500_000] ^ 1]) + model[500_001:])
    with pytest.raises(InputError, match="another SHA-256 than 8f3472cfe8738a7b"):
        Identify(Settings(engine="lid176", model=str(path))).open()


def test_the_known_model_whole_under_any_name(model: bytes, tmp_path: Path) -> None:
    for name in ("lid.176.ftz", "mine.ftz"):
        (tmp_path / name).write_bytes(model)
        assert len(open_model(str(tmp_path / name), "identify.model").labels) == 176
    (tmp_path / "lid.176.bin").write_bytes(model)
    with pytest.raises(InputError, match=r"lid\.176\.bin has 131,266,198"):
        open_model(str(tmp_path / "lid.176.bin"), "identify.model")


def trained(path: Path) -> bytes:
    code = (
        "import fasttext,sys\n"
        "m=fasttext.train_supervised(sys.argv[1]+'.txt',dim=4,bucket=2000,thread=1,verbose=0)\n"
        "m.save_model(sys.argv[1])"
    )
    lines = [
        f"__label__{'hq' if n % 2 else 'lq'} word{n % 7} other{n % 5} text" for n in range(400)
    ]
    Path(f"{path}.txt").write_text("\n".join(lines) + "\n")
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True)
    return path.read_bytes()


def test_a_model_of_ones_own_whole_and_cut(tmp_path: Path) -> None:
    """Whole it is loaded; cut at every twentieth of its length it is refused."""
    whole = trained(tmp_path / "mine.bin")
    assert load(str(tmp_path / "mine.bin")).score(["word1 other1 text"]).shape == (1,)
    for part in range(1, 20):
        path = tmp_path / f"cut{part}.bin"
        path.write_bytes(whole[: len(whole) * part // 20])
        with pytest.raises(InputError, match=r"score\.model .* is no whole fastText model: "):
            load(str(path))


def test_the_known_files() -> None:
    assert {m.name: m.size for m in KNOWN.values()} == {
        "lid.176.ftz": 938_013,
        "lid.176.bin": 131_266_198,
    }


def test_a_command_ends_with_2(model: bytes, tmp_path: Path) -> None:
    (tmp_path / "lid.176.ftz").write_bytes(model[:900_000])
    (tmp_path / "a.jsonl").write_text('{"text": "A text of a few words."}\n')
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.pretrain_mix", "--quiet", "--until", "documents", "--output",
         str(tmp_path / "run"), "--source", f"documents={tmp_path}/a.jsonl", "--set",
         "identify.engine=lid176", "--set", f"identify.model={tmp_path}/lid.176.ftz"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "it was cut" in done.stderr
