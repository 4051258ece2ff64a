"""What docs/python.md shows is what happens."""

from __future__ import annotations

import doctest
import os
from pathlib import Path

import pyarrow as pa
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, data: Path) -> dict[str, str]:
    """The files that the page speaks of."""
    from corpusforge.score import Settings, save, train
    from corpusforge.score.settings import TrainSettings

    folder = tmp_path_factory.mktemp("page")
    good = [f"The ferry {n} leaves the harbour at seven in the morning." for n in range(50)]
    bad = [f"click here {n} buy cheap now " * 3 for n in range(50)]
    sides = (
        {name: [pa.array(texts, type=pa.large_string())]}
        for name, texts in (("a", good), ("b", bad))
    )
    settings = Settings(train=TrainSettings(positive=("a",), negative=("b",)))
    save(train(*sides, settings), str(folder / "model.bin"))
    return {
        "model": str(folder / "model.bin"),
        "tokenizer": str(data / "tokenizers" / "r50k_base.tiktoken"),
        "sample_pages": str(ROOT / "examples/sample_corpus/web.warc.gz"),
        "run": str(folder / "run"),
    }


def test_the_page_does_what_it_shows(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, dict(files), "docs/python.md", None, 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)
    assert runner.tries > 20 and os.path.isdir(files["run"])


def test_the_readmes_python_prints_what_stands_below_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (after,) = text.split("```python\n")[1:]
    code, _, printed, _ = after.split("```", 3)
    exec(code, {})
    assert capsys.readouterr().out == printed.removeprefix("\n")
