from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.dedup.line_dedup import cut, find_spans, text_pieces, write_spans
from corpusforge.dedup.settings import Settings
from pipelines.dedup import main

LONG = "Cookies help us deliver our services; by using them you agree."
CHINESE = (
    "本网站使用Cookie来改善您的体验。继续浏览即表示您同意我们的条款与隐私政策，谢谢您的理解与支持。"
)
TEXTS = [
    "",
    "short\n" + LONG + "\nown line of the first document, long enough to count\n",
    f"{LONG.upper()}  \n\n\nsecond paragraph here\nwith two lines of text in it\n \nthird",
    f"{CHINESE}\n正文\n\n{CHINESE}",
    "no newline at the end of this line, which is long enough",
]


def twin(text: str, paragraphs: bool, least: int) -> list[tuple[int, int, str]]:
    pattern = r"(?:[^\n]*\n|[^\n]+\Z)"
    lines = [(m.start(), m.end()) for m in re.finditer(pattern, text)]
    if paragraphs:
        joined: list[list[int]] = []
        blank = False
        for start, end in lines:
            empty = not text[start:end].strip(" \t\n")
            if joined and not (blank and not empty):
                joined[-1][1] = end
            else:
                joined.append([start, end])
            blank = empty
        lines = [(start, end) for start, end in joined]
    return [(a, b, text[a:b]) for a, b in lines if len(text[a:b].rstrip(" \t\n")) >= least]


@pytest.mark.parametrize("kind", ["line", "paragraph"])
def test_pieces_equal_the_twin(kind):
    settings = Settings(spans=kind, span_characters=20)
    hashes, rows, starts, ends = text_pieces(TEXTS, settings)
    expected = [
        (row, start, end)
        for row, text in enumerate(TEXTS)
        for start, end, _ in twin(text, kind == "paragraph", 20)
    ]
    assert list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True)) == expected
    normal = [
        " ".join(piece.lower().split())
        for text in TEXTS
        for *_, piece in twin(text, kind == "paragraph", 20)
    ]
    assert len(set(hashes.tolist())) == len(set(normal))


def test_the_best_ranked_place_keeps_a_piece_whatever_the_parts(tmp_path):
    settings = Settings(spans="line", span_characters=40)
    ranks = np.array([4, 3, 2, 1, 0], dtype=np.uint32)

    def cuts(order, ranges):
        for number, row in enumerate(order):
            batch = pa.RecordBatch.from_pydict({"text": [TEXTS[row]]})
            write_spans([batch], settings, str(tmp_path / f"p{number}"))
        prefixes = [str(tmp_path / f"p{number}") for number in range(len(order))]
        found = find_spans(prefixes, [ranks[[row]] for row in order], ranges)
        return {
            row: part.by_row() for row, part in zip(order, found, strict=True) if len(part.rows)
        }

    found = cuts([0, 1, 2, 3, 4], 1)
    # the line of document 1 stands in document 2 (better), the Chinese one twice in document 3
    assert found == {
        1: {0: [(6, 6 + len(LONG) + 1)]},
        3: {0: [(len(CHINESE) + 5, 2 * len(CHINESE) + 5)]},
    }
    assert cuts([3, 1, 4, 0, 2], 1) == found
    assert cuts([2, 0, 1, 4, 3], 7) == found


def test_cutting_keeps_everything_else():
    assert cut("one\ntwo\nthree\n", [(4, 8)]) == "one\nthree\n"
    assert cut("去重", []) == "去重"


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_repeated_lines_leave_the_files(tmp_path, kind):
    own = [" ".join(f"word{n}x{i}" for i in range(30)) for n in range(4)]
    rows = [{"id": f"d{n}", "text": f"{LONG}\n{text}\n"} for n, text in enumerate(own)]
    rows.append({"id": "only", "text": LONG})
    path = tmp_path / f"in.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    output = tmp_path / "out"
    assert main(["--input", str(path), "--output", str(output), "--spans", "line"]) == 0
    target = output / "documents" / path.name
    kept = (
        [json.loads(line) for line in target.read_text().splitlines()]
        if kind == "jsonl"
        else pq.read_table(target).to_pylist()
    )
    assert kept == [
        {"id": "d0", "text": f"{LONG}\n{own[0]}\n"},
        *({"id": f"d{n}", "text": f"{own[n]}\n"} for n in (1, 2, 3)),
    ]
    report = json.loads((output / "dedup.json").read_text())
    assert report["spans"] == {"pieces": 9, "cut": 4, "characters": 3 * (len(LONG) + 1) + len(LONG)}
    (ledger,) = report["ledger"]
    assert (ledger["seen"], ledger["kept"], ledger["dropped"]) == (5, 4, {"spans": 1})
