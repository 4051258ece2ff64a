"""Duplicates as a person judges them: the two texts beside each other, only where they differ.

Method: difflib over words (characters in scripts without spaces). Limit: long texts are compared
over their first 5,000 words.
"""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.errors import RunError
from corpusforge.io import files
from corpusforge.io.decoding import read_json
from corpusforge.io.parquet import read_batches, read_table
from corpusforge.text.classes import is_unspaced
from corpusforge.text.names import Names

__all__ = ["differences", "read_duplicates", "show_clusters", "side_by_side", "word_spans"]

_RUN = re.compile(r"\S+")
_LONGEST = 5000
_CONTEXT = 6
_COLUMNS = ["removed", "kept", "similarity", "method", "cluster", "cluster_size"]


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text stand that are compared: runs without white space, of which each
    character of a script without spaces is one. Offsets are code points.
    """
    spans: list[tuple[int, int]] = []
    for run in _RUN.finditer(text):
        start = run.start()
        for place, character in enumerate(run[0], run.start()):
            if is_unspaced(character):
                spans += [(start, place)] if start < place else []
                spans.append((place, place + 1))
                start = place + 1
        spans += [(start, run.end())] if start < run.end() else []
    return spans


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in word_spans(text)[:_LONGEST]]


def _join(words: Sequence[str]) -> str:
    text = ""
    for word in words:
        glue = not text or is_unspaced(word[0]) or is_unspaced(text[-1])
        text += word if glue else " " + word
    return text


def differences(left: str, right: str) -> Iterator[tuple[str, str]]:
    """Yield (left, right) pieces: equal runs are the same text in both, shortened in the middle."""
    a, b = _words(left), _words(right)
    for kind, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind != "equal":
            yield _join(a[i:j]), _join(b[k:m])
        elif j - i > 3 * _CONTEXT:
            ends = _join(a[i : i + _CONTEXT]), _join(a[j - _CONTEXT : j])
            middle = f"{ends[0]} [... {j - i - 2 * _CONTEXT} equal words ...] {ends[1]}"
            yield middle, middle
        else:
            yield _join(a[i:j]), _join(a[i:j])


def side_by_side(left: str, right: str, width: int = 100) -> str:
    """Return the two texts as columns; `|` marks lines that differ."""
    half = max(20, (width - 3) // 2)
    lines = []
    for one, other in differences(left, right):
        mark = " " if one == other else "|"
        columns = [textwrap.wrap(text, half) or [""] for text in (one, other)]
        for row in range(max(map(len, columns))):
            cells = [column[row] if row < len(column) else "" for column in columns]
            lines.append(f"{cells[0]:<{half}} {mark} {cells[1]}".rstrip())
    return "\n".join(lines)


def read_duplicates(run: str) -> pa.Table:
    """Return the duplicate rows of a run or stand-alone output; RunError where there are none."""
    found = files.list_files(files.join(run, "duplicates", "part-*.parquet"))
    if not found:
        raise RunError(
            f"{run!r} holds no duplicates/part-*.parquet. Name the --output of a run that is "
            "past its duplicates stage."
        )
    return pa.concat_tables([read_table(info.path, _COLUMNS) for info in found])


def show_clusters(
    run: str,
    limit: int = 10,
    document: str = "",
    below: float = 1.01,
    width: int = 100,
) -> Iterator[str]:
    """Yield clusters as text, the least similar first; `document` picks those that hold an id."""
    table = read_duplicates(run).sort_by([("similarity", "ascending"), ("removed", "ascending")])
    table = table.filter(pc.less(table["similarity"], below))
    if document:
        mine = pc.or_(pc.equal(table["removed"], document), pc.equal(table["cluster"], document))
        table = table.filter(mine)
    rows = table.slice(0, limit).to_pylist()
    texts = _texts(run, {row[key] for row in rows for key in ("removed", "cluster")})
    yield f"{table.num_rows} duplicates; showing {len(rows)}, the least similar first"
    for row in rows:
        yield _shown(row, texts, width)


def _shown(row: dict[str, Any], texts: dict[str, str], width: int) -> str:
    head = (
        f"\n== cluster {row['cluster']} of {row['cluster_size']}: similarity "
        f"{row['similarity']:.3f} by {row['method']}\n"
        f"   kept {row['kept'] or 'none (dropped as a whole)'}; removed {row['removed']}\n"
    )
    pair = [texts.get(row[key]) for key in ("cluster", "removed")]
    if pair[0] is None or pair[1] is None:
        return head + "   (text not found: the run's documents were cleaned, or its input moved)"
    return head + side_by_side(pair[0], pair[1], width)


def _texts(run: str, wanted: set[str]) -> dict[str, str]:
    report = files.join(run, "dedup.json")
    if files.exists(report):
        from corpusforge.dedup.tables import Columns, distinct_ids, read_rows

        made = read_json(report)
        columns = Columns(**made["columns"])
        batches = (rows.batch for path in made["inputs"] for rows in read_rows(path, columns))
        if made.get("repeated_ids"):
            names = Names()
            batches = (
                pa.RecordBatch.from_pydict(
                    {"id": distinct_ids(own["id"], names), "text": own["text"]}
                )
                for own in batches
            )
    else:
        found = files.list_files(files.join(run, "documents", "part-*.parquet"))
        batches = (batch for info in found for batch in read_batches(info.path, ["id", "text"]))
    texts: dict[str, str] = {}
    values = pa.array(sorted(wanted), type=pa.string())
    for batch in batches:
        hits = batch.filter(pc.is_in(batch["id"], value_set=values))
        texts.update(zip(hits["id"].to_pylist(), hits["text"].to_pylist(), strict=True))
        if len(texts) == len(wanted):
            break
    return texts
