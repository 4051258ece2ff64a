"""The notebooks run from an empty folder, and print what stands in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpusforge.io.decoding import read_json

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], 4)
NotebookClient(book, timeout=600, record_timing=False).execute()
nbformat.write(book, sys.argv[2])
"""


def printed(path: Path) -> list[str]:
    """Return what each output of a notebook says as text."""
    cells = [cell for cell in read_json(str(path))["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    texts = [output.get("text") or output.get("data", {}).get("text/plain") for output in outputs]
    return ["".join(text) for text in texts if "object at 0x" not in "".join(text)]


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["reward_model", "rule", "run"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_prints_what_stands_in_it(notebook: Path, tmp_path: Path) -> None:
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    made = tmp_path / "made.ipynb"
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(notebook), str(made)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path / "ipython"),
             "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert printed(made) == printed(notebook)
