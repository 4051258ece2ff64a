"""Ready documents: columns, line splitting, directories of `datasets`, the form of a text."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from corpusforge.errors import RecipeError
from corpusforge.ingest import Settings, read
from corpusforge.ingest.formats import guess
from corpusforge.records import Failed, RawDocument


def rows(path: Path, **options: object) -> list[RawDocument]:
    found = list(read("documents", str(path), Settings(**options)))  # type: ignore[arg-type]
    assert all(isinstance(item, RawDocument) for item in found)
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_lines_split_on_line_feed_only(tmp_path: Path, suffix: str) -> None:
    texts = ["a\u2028b", "c\u0085d", "e\u2029f", "中文\u000bx"]
    content = "\n".join(json.dumps({"text": t}, ensure_ascii=False) for t in texts).encode()
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[suffix]
    path = tmp_path / f"d.jsonl{suffix}"
    path.write_bytes(pack(content))
    found = rows(path)
    assert [row.content for row in found] == texts
    assert [row.locator for row in found] == [f"d.jsonl{suffix}:{n}" for n in range(1, 5)]


def test_column_mapping(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    row = {"body": "hello", "meta": {"link": "http://x/", "key": 7}, "when": "2020-01-02"}
    path.write_text(json.dumps(row) + "\n")
    (found,) = rows(
        path, columns={"text": "body", "url": "meta.link", "id": "meta.key", "date": "when"}
    )
    assert (found.content, found.url, found.locator) == ("hello", "http://x/", "d.jsonl:7")
    assert found.date == "2020-01-02"
    with pytest.raises(RecipeError, match="licence"):
        Settings(columns={"license": "x"})


def test_bad_rows_cost_themselves(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(b'{"text": "one"}\n{broken\n\n[1]\n{"other": 1}\n{"text": "two"}\n')
    found = list(read("documents", str(path), Settings()))
    assert [type(item).__name__ for item in found] == [
        "RawDocument", "Failed", "Failed", "Failed", "RawDocument",
    ]  # fmt: skip
    assert "columns: other" in found[3].error  # type: ignore[union-attr]


def test_datasets_directory(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    made = datasets.Dataset.from_dict({"text": ["one", "二", "three"], "url": ["a", "b", None]})
    made.save_to_disk(str(tmp_path / "set"))
    found = [
        item
        for path in sorted((tmp_path / "set").iterdir())
        for item in read("documents", str(path), Settings(), root=str(tmp_path))
    ]
    assert [item.content for item in found if isinstance(item, RawDocument)] == [
        "one",
        "二",
        "three",
    ]
    assert not [item for item in found if isinstance(item, Failed)]
    assert found[0].locator.startswith("set/")
    made.to_parquet(str(tmp_path / "set.parquet"))
    assert [row.content for row in rows(tmp_path / "set.parquet")] == ["one", "二", "three"]


def test_json_arrays(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text('["one", {"text": "two"}, 3]')
    found = list(read("documents", str(path), Settings()))
    assert [type(item).__name__ for item in found] == ["RawDocument", "RawDocument", "Failed"]


def test_form_of_texts(tmp_path: Path) -> None:
    assert guess("a\tb\n1\t2\n3\t4\n5\t6\n") == "table"
    assert guess("name,age,town\nAnn,5,Rome\nBob,6,Bonn\nCid,7,Cork\n") == "table"
    assert guess("Ann: hello there\nBob: hi\nAnn: how are you?\nBob: fine, thanks\n") == "dialogue"
    assert guess("甲：你好。\n乙：你好。\n甲：今天天气不错。\n乙：是啊。\n") == "dialogue"
    prose = "He came, he saw, and he said: this is it.\nThen, at last, he went home.\n" * 3
    assert guess(prose) == "text"
    assert guess("") == "text"
    path = tmp_path / "chat.jsonl"
    turns = [{"role": r, "content": c} for r, c in (("user", "Q"), ("assistant", "A")) * 2]
    path.write_text(json.dumps({"messages": turns}) + "\n")
    (found,) = rows(path)
    assert found.content == "user: Q\n\nassistant: A\n\nuser: Q\n\nassistant: A"
    assert found.format == "dialogue"
