"""What the README shows of the sample is what a run of it gives: picture, receipt, the reason of a drop."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from corpusforge import cli
from examples import funnel
from pipelines import pretrain_mix

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("sample") / "run"
    pretrain_mix.run(["--output", str(output), "--workers", "1", "--quiet"])
    return output


def shown(command: str) -> str:
    """Return the block of the README that holds a line of this text."""
    blocks = (ROOT / "README.md").read_text("utf-8").split("```")[1::2]
    (found,) = [block for block in blocks if command in block]
    return found.lstrip("\n")


def test_the_receipt(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", str(sample)]) == 0
    assert shown("asked tokens") in capsys.readouterr().out


def test_why(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = "https://watch-bargains.example/cheap-watches-online"
    assert cli.main(["why", str(sample), address]) == 0
    assert capsys.readouterr().out == shown("duplicate_lines")


def test_the_picture(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert funnel.main([str(sample)]) == 0
    drawn = capsys.readouterr().out
    assert drawn == (ROOT / "docs/funnel.svg").read_text("utf-8")
    labels = [item.text for item in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert {"183 in", "168", "165", "154", "147", "145", "141", "−5 minhash"} <= set(labels)


def test_a_directory_without_a_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert funnel.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
