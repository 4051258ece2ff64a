"""Seeds, documents and evaluation sets are read from every layout of file that the other commands read."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from corpusforge.ablate.items import read_choices, read_cloze
from corpusforge.decontaminate.items import read_items
from corpusforge.errors import InputError
from corpusforge.instruct import seeds
from corpusforge.instruct.ground.passages import read_documents
from corpusforge.instruct.inputs import load_rows

ROWS: list[dict[str, Any]] = [
    {
        "id": "q1",
        "text": "The mill, which stands above the river,\nhas two doors.",
        "answer": "two",
    },
    {"id": "q2", "text": "磨坊有“两扇”门。", "answer": ""},
]
TASKS: list[dict[str, Any]] = [
    {"id": "seed_0", "name": "a", "instruction": "Name a river.", "is_classification": False,
     "instances": [{"input": "", "output": "The Rhine."}]},
    {"id": "seed_1", "name": "b", "instruction": "说出一条河。", "is_classification": False,
     "instances": [{"input": "", "output": "长江。"}, {"input": "亚洲", "output": "黄河。"}]},
]  # fmt: skip


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def table(rows: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    written = csv.DictWriter(out, list(rows[0]))
    written.writeheader()
    written.writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


LAYOUTS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "rows.jsonl": lines,
    "rows.json": lambda rows: json.dumps(rows, indent=2).encode(),
    "rows.jsonl.gz": lambda rows: gzip.compress(lines(rows)),
    "rows.json.zst": lambda rows: zstandard.compress(json.dumps(rows).encode()),
    "rows.parquet": parquet,
    "rows.csv": table,
    "rows.csv.gz": lambda rows: gzip.compress(table(rows)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_documents_and_evaluation_sets(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(LAYOUTS[name](ROWS))
    assert [(d.id, d.text) for d in read_documents(str(path))] == [
        (r["id"], r["text"]) for r in ROWS
    ]
    items = list(read_items("set", str(path), ("text",)))
    assert [(i.item, i.passages) for i in items] == [(r["id"], (r["text"],)) for r in ROWS]


@pytest.mark.parametrize("name", [name for name in LAYOUTS if ".csv" not in name])
def test_seeds(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(LAYOUTS[name](TASKS))
    (tmp_path / "plain.jsonl").write_bytes(lines(TASKS))
    found = seeds.load(str(path))
    assert found == seeds.load(str(tmp_path / "plain.jsonl"))
    assert [task.language for task in found] == ["en", "zh"]
    assert [len(task.instances) for task in found] == [1, 2]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (
            "a.jsonl",
            b'{"text": "a"}\n[1]\n',
            r"a\.jsonl:2: expected an object, got list\..*per line",
        ),
        ("a.json", b'[{"text": "a"}, 3]', r"a\.json:2: expected an object, got int"),
        ("a.jsonl", b'{"text": "a"}\n{"text": \n', r"a\.jsonl:2: expected an object, got not JSON"),
        ("a.csv", b"text,text\n1,a\n", r"a\.csv:1: two columns of one name"),
        ("a.csv", b"id,text\n1,a,b\n", r"a\.csv:2: 3 cells for 2 columns \(id, text\)\. Quote"),
        ("a.parquet", b"PAR1 and no more", r"a\.parquet: no Parquet file"),
    ],
)
def test_what_is_no_row_is_named(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    for read in (read_documents, lambda path: read_items("set", path, ("text",))):
        with pytest.raises(InputError, match=told):
            list(read(str(tmp_path / name)))


def test_rows_and_questions_of_other_layouts(tmp_path: Path) -> None:
    """Alpaca as a table for --rows; ARC as `datasets` publishes it, and LAMBADA, for an ablation."""
    alpaca = [
        {"instruction": "Name a river.", "input": "", "output": "The Rhine."},
        {"instruction": "说出一条河。", "input": "亚洲", "output": "黄河。"},
    ]
    (tmp_path / "alpaca.csv").write_bytes(table(alpaca))
    found = load_rows([str(tmp_path / "alpaca.csv")], ["en", "zh"])
    assert [(r.instruction, r.input, r.output) for r in found] == [
        tuple(r.values()) for r in alpaca
    ]
    arc = {
        "id": "1", "question": "What turns a mill?", "answerKey": "B",
        "choices": {"text": ["sand", "water"], "label": ["A", "B"]},
    }  # fmt: skip
    for name in ("rows.parquet", "rows.json", "rows.jsonl.gz"):
        (tmp_path / name).write_bytes(LAYOUTS[name]([arc]))
        (item,) = read_choices(str(tmp_path / name), 5)
        assert (item.question, item.answers, item.right) == (
            arc["question"],
            (" sand", " water"),
            1,
        )
    (tmp_path / "words.csv").write_bytes(table([{"text": "The mill stands above the river"}]))
    assert [one.last for one in read_cloze(str(tmp_path / "words.csv"), 5)] == [" river"]
