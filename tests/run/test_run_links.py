"""What a source's folder may hold beside its files: links out of it, names that are no text; and rows that
had to be repaired, in the account of the run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines import extract, pretrain_mix

RECIPE = """name = "links"
[sources.a]
kind = "{kind}"
path = ["{path}"]
[filter]
rules = {{a = []}}
[identify]
languages = []
"""
CODE = "def level(gauge):\n    return gauge.read()  # the keeper's own figure\n" * 3


def run(tmp_path: Path, kind: str, path: str) -> int:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.format(kind=kind, path=path))
    return pretrain_mix.main(
        ["--recipe", str(recipe), "--output", f"{tmp_path}/run", "--workers", "1", "--quiet",
         "--until", "documents"]
    )  # fmt: skip


def account(tmp_path: Path, stage: str = "ingest") -> dict[str, object]:
    manifest = json.loads((tmp_path / "run/documents/manifest.json").read_text())
    (row,) = [row for row in manifest["ledger"] if row["stage"] == stage]
    return row


@pytest.mark.parametrize("pattern", ["", "/**", "/**/*.py"])
def test_links_out_of_a_source_are_skipped_and_counted(tmp_path: Path, pattern: str) -> None:
    tree, away = tmp_path / "tree", tmp_path / "away"
    (tree / "src").mkdir(parents=True)
    away.mkdir()
    (tree / "src/a.py").write_text(CODE)
    (away / "secret.py").write_text("PASSWORD = 'of someone else'\n" + CODE)
    (tree / "src/b.py").symlink_to(away / "secret.py")
    (tree / "src/c.py").symlink_to("../../away/secret.py")
    (tree / "src/d.py").symlink_to("a.py")  # inside, and the same file once more
    assert run(tmp_path, "code", f"{tree}{pattern}") == 0
    row = account(tmp_path)
    assert (row["seen"], row["kept"], row["dropped"]) == (3, 1, {"link_outside": 2})
    dropped = pq.read_table(tmp_path / "run/dropped/documents-part-00000.parquet").to_pylist()
    assert sorted(row["locator"] for row in dropped) == ["src/b.py", "src/c.py"]
    texts = pq.read_table(tmp_path / "run/documents/part-00000.parquet")["text"].to_pylist()
    assert not any("PASSWORD" in text for text in texts)
    manifest = json.loads((tmp_path / "run/documents/manifest.json").read_text())
    assert all(item["name"] != "src/b.py" for item in manifest["extra"]["inputs"])


def test_a_source_of_links_alone_is_refused(tmp_path: Path, capsys) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "secret.py").write_text(CODE)
    (tmp_path / "tree/b.py").symlink_to(tmp_path / "secret.py")
    assert run(tmp_path, "code", f"{tmp_path}/tree") == 2
    assert "1 of them links that leave its folder" in capsys.readouterr().err
    options = ["--kind", "code", "--output", f"{tmp_path}/out.jsonl"]
    assert extract.main(["--input", f"{tmp_path}/tree", *options]) == 2
    assert "1 symbolic links leave the folder" in capsys.readouterr().err
    assert extract.main(["--input", f"{tmp_path}/tree/b.py", *options]) == 0  # named by the user


def test_a_file_name_that_is_no_utf8_is_refused_by_name(tmp_path: Path, capsys) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/a.py").write_text(CODE)
    with open(os.fsencode(tmp_path) + b"/tree/caf\xe9.py", "w") as stream:
        stream.write(CODE)
    assert run(tmp_path, "code", f"{tmp_path}/tree") == 2
    said = capsys.readouterr().err
    assert "caf\\xe9.py' is not UTF-8. Rename it" in said and "Traceback" not in said


def test_names_inside_archives_are_made_text(tmp_path: Path) -> None:
    import io
    import tarfile

    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", encoding="latin-1", format=tarfile.GNU_FORMAT
    ) as archive:
        info = tarfile.TarInfo("src/café.py")
        info.size = len(CODE)
        archive.addfile(info, io.BytesIO(CODE.encode()))
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    assert run(tmp_path, "code", f"{tmp_path}/a.tar") == 0
    documents = pq.read_table(tmp_path / "run/documents/part-00000.parquet").to_pylist()
    assert [row["locator"] for row in documents] == ["a.tar:src/caf\ufffd.py"]


def test_repaired_rows_stand_in_the_account(tmp_path: Path, capsys) -> None:
    rows = [
        b'{"text": "The keeper wrote the level into the book.", "n": NaN}',
        b'{"text": "The storm came over the basin \\ud83d at night."}',
        b'{"text": ["The mill stood", null, "by the river."], "n": NaN}',
        b'{"text": "The boat went home with the harvest."}',
        b'{"text": "cut',
    ]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(rows) + b"\n")
    assert run(tmp_path, "documents", str(path)) == 0
    row = account(tmp_path)
    assert (row["seen"], row["kept"], row["failed"]) == (5, 4, 1)
    wanted = {"repaired:half_surrogate": 1, "repaired:not_a_number": 2, "repaired:null_in_list": 1}
    assert row["notes"] == wanted
    options = ["--kind", "documents", "--output", f"{tmp_path}/out.jsonl"]
    assert extract.main(["--input", str(path), *options]) == 0
    assert "repaired:not_a_number 2" in capsys.readouterr().err
