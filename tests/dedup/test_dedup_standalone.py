from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from datasketch import MinHash, MinHashLSH
from dedup_twins import jaccard, shingles

from corpusforge.dedup import cli
from corpusforge.dedup.audit import audit, pick_sample, wilson
from corpusforge.dedup.index import index_parts, to_datasketch_lsh
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.show import differences, show_clusters, side_by_side
from corpusforge.dedup.sign import shingle_sets
from corpusforge.dedup.tables import Columns, FileTexts, read_rows
from corpusforge.errors import InputError, RunError
from corpusforge.io.rows import Reading
from corpusforge.run import dedup_files
from corpusforge.text.urls import normalise_url
from pipelines.dedup import main

WORDS = [f"word{i}" for i in range(5000)]


def text(start: int, length: int = 100) -> str:
    return " ".join(WORDS[start : start + length])


@pytest.fixture(scope="session")
def pages(data):
    with gzip.open(data / "neardup/extractor-outputs.jsonl.gz") as stream:
        return [json.loads(line) for line in stream]


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def removed(output):
    tables = [pq.read_table(path) for path in sorted((output / "duplicates").glob("*.parquet"))]
    return {row["removed"]: row for table in tables for row in table.to_pylist()}


def test_every_format_in_and_out(tmp_path):
    rows = [
        {"doc": f"{kind}{i}", "body": text(i * 100), "extra": [i, "x"]}
        for i in range(9)
        for kind in "ab"
    ]
    zst = zstandard.ZstdCompressor().compress(lines(rows[:6]))
    (tmp_path / "one.jsonl.zst").write_bytes(zst)
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress(lines(rows[6:9])))
    (tmp_path / "three.jsonl").write_bytes(lines(rows[9:12]))
    pq.write_table(
        pa.Table.from_pylist([{**row, "extra": "x"} for row in rows[12:]]),
        tmp_path / "four.parquet",
    )
    output = tmp_path / "out"
    arguments = ["--input", str(tmp_path / "*.*"), "--output", str(output)]
    assert main([*arguments, "--text-column", "body", "--id-column", "doc"]) == 0
    assert removed(output).keys() == {f"b{i}" for i in range(9)}
    kept = output / "documents"
    found = []
    with zstandard.open(kept / "one.jsonl.zst") as stream:
        found += [json.loads(line) for line in stream.read().splitlines()]
    with gzip.open(kept / "two.jsonl.gz") as stream:
        found += [json.loads(line) for line in stream]
    found += [json.loads(line) for line in (kept / "three.jsonl").read_bytes().splitlines()]
    assert found == [row for row in rows[:12] if row["doc"][0] == "a"]
    table = pq.read_table(kept / "four.parquet")
    assert table.column_names == ["doc", "body", "extra"]
    assert table["doc"].to_pylist() == ["a6", "a7", "a8"]


def test_bad_rows_are_counted_and_cost_nothing_else(tmp_path):
    good = [{"id": "a", "text": text(0)}, {"id": 7, "text": text(0) + " x"}]
    bad = b'{"id": "cut\n[1, 2]\n{"id": "no text"}\n{"text": "no id"}\n\xff\xfe\n\n'
    odd = b'{"id": "half", "text": "\\ud800 lone surrogate"}\n'
    (tmp_path / "in.jsonl").write_bytes(lines(good[:1]) + bad + lines(good[1:]) + odd)
    output = tmp_path / "out"
    assert main(["--input", str(tmp_path / "in.jsonl"), "--output", str(output)]) == 0
    report = json.loads((output / "dedup.json").read_text())
    assert (report["documents"], report["kept"], report["copies"]) == (8, 3, 1)
    assert (report["unnamed"], report["repeated_ids"]) == (1, 0)
    ledger = {row["source"]: row for row in report["ledger"]}
    assert ledger["(unreadable rows)"]["failed"] == 4
    kept = [json.loads(line) for line in (output / "documents/in.jsonl").read_bytes().splitlines()]
    assert {"text": "no id"} in kept
    assert kept[2] == {"id": "half", "text": "\ufffd lone surrogate"}
    assert report["repaired"] == {"half_surrogate": 1}


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_rows_without_an_id_are_kept_and_named_by_their_place(tmp_path, capsys, form):
    """Of rows 2 and 4, equal to rows 1 and 3, the one that goes is named; a column of none is asked for."""
    texts = [text(0), text(0), text(200), text(200), text(400)]
    rows = [
        {"id": name, "text": t} for name, t in zip(["a", None, None, "b", None], texts, strict=True)
    ]
    path = tmp_path / f"in.{form}"
    if form == "jsonl":
        del rows[2]["id"]
        path.write_bytes(lines(rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    output = tmp_path / "out"
    assert main(["--input", str(path), "--output", str(output)]) == 0
    assert "3 rows without an id: kept, and named" in capsys.readouterr().out
    gone = {(row["removed"], row["kept"], row["row"]) for row in removed(output).values()}
    one, other = f"in.{form}:2", f"in.{form}:3"
    assert gone <= {(one, "a", 1), ("a", one, 0), (other, "b", 2), ("b", other, 3)}
    assert len(gone) == 2
    report = json.loads((output / "dedup.json").read_text())
    assert (report["documents"], report["kept"], report["unnamed"]) == (5, 3, 3)
    bare = tmp_path / f"bare.{form}"
    bare_rows = [{"text": t} for t in texts]
    if form == "jsonl":
        bare.write_bytes(lines(bare_rows))
    else:
        pq.write_table(pa.Table.from_pylist(bare_rows), bare)
    assert main(["--input", str(bare), "--output", str(tmp_path / "no")]) == 2
    assert "--no-id-column" in capsys.readouterr().err
    output = tmp_path / "named"
    assert main(["--input", str(bare), "--output", str(output), "--no-id-column"]) == 0
    index = pq.read_table(output / "index/part-00000.ids.parquet").column("id").to_pylist()
    assert set(index) <= {f"bare.{form}:{row}" for row in range(1, 6)}
    assert len(set(index)) == 3


CODE = "def step(x):\n    if x < 3:\n        return x + 1\n    return x\n" * 12
ODD = {
    "same": CODE,
    "indented": CODE.replace("        return", "    return"),
    "cased": CODE.replace("step", "Step"),
    "minus": CODE.replace("+ 1", "- 1"),
    "less": CODE.replace("<", ">"),
    "line end": CODE.rstrip("\n"),
    "blanks": CODE.replace("\n", " \n"),
    "full width": CODE.replace("x", "ｘ"),
    "composed": CODE.replace("step", "étape"),
    "decomposed": CODE.replace("step", "e\u0301tape"),
    "empty": "",
    "blank": " ",
}


@pytest.mark.parametrize("method", ["exact", "fuzzy"])
@pytest.mark.parametrize("action", ["keep_one", "drop_all"])
def test_copies_of_a_byte_exact_source_are_equal_in_every_byte(tmp_path, method, action):
    """Twelve files that differ, and one of each again; prose of another source goes by its words."""
    rows = [{"id": name, "source": "code", "text": t} for name, t in ODD.items()]
    rows += [{**row, "id": row["id"] + " again"} for row in rows]
    prose = [text(0), text(0).upper(), CODE]
    rows += [{"id": f"prose {n}", "source": "prose", "text": t} for n, t in enumerate(prose)]
    (tmp_path / "in.jsonl").write_bytes(lines(rows))
    output = tmp_path / "out"
    more = ["--source-column", "source", "--byte-exact", "code", "--method", method]
    more += ["--action", action, "--audit-sample", "99"]
    assert main(["--input", str(tmp_path / "in.jsonl"), "--output", str(output), *more]) == 0
    table = removed(output)
    code = {row["removed"].removesuffix(" again"): row for row in table.values()
            if row["removed_source"] == "code"}  # fmt: skip
    assert code.keys() == ODD.keys()
    assert all(row["similarity"] == 1 and row["cluster_size"] == 2 for row in code.values())
    assert {row["method"] for row in code.values()} <= {"exact", "cluster"}
    if action == "keep_one":
        for name, row in code.items():
            assert {row["removed"], row["kept"]} == {name, f"{name} again"}
    gone = {row["removed"] for row in table.values() if row["removed_source"] == "prose"}
    assert "prose 2" not in gone
    assert len(gone) == (1 if action == "keep_one" else 2)
    report = json.loads((output / "dedup.json").read_text())
    assert report["audit"]["with_copy"] == 0
    assert main(["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "later"), "--index",
                 str(output / "index"), "--source-column", "source", "--method", method]) == 2  # fmt: skip


def test_byte_exact_by_call_and_by_whole_input() -> None:
    """Without the setting four of the five are copies; with it, only the one that is."""
    import corpusforge as cf

    texts = [CODE, ODD["indented"], ODD["cased"], ODD["minus"], CODE]
    assert [found is not None for found in cf.dedup(texts)] == [False, True, True, True, True]
    exact = cf.dedup(texts, byte_exact=("*",))
    assert [found is not None for found in exact] == [False, False, False, False, True]


def test_ids_that_repeat_are_numbered_over_all_inputs(tmp_path, capsys):
    """By the order of inputs and rows; rows stay as they came, `duplicates` and `index` tell them apart."""
    one = [
        {"id": "a", "text": text(0)},
        {"id": "a", "text": text(200)},
        {"id": "b", "text": text(400)},
    ]
    two = [{"id": "a", "text": text(200) + " more"}, {"id": "b", "text": text(600)}]
    (tmp_path / "1.jsonl").write_bytes(lines(one))
    (tmp_path / "2.jsonl").write_bytes(lines(two))
    output = tmp_path / "out"
    more = ["--audit-sample", "9", "--order", "longest"]
    assert main(["--input", f"{tmp_path}/*.jsonl", "--output", str(output), *more]) == 0
    assert "3 rows repeat the id" in capsys.readouterr().out
    (row,) = removed(output).values()
    assert (row["removed"], row["kept"], row["row"]) == ("a~2", "a~3", 1)
    index = [
        name
        for path in sorted((output / "index").glob("*.ids.parquet"))
        for name in pq.read_table(path).column("id").to_pylist()
    ]
    assert index == ["a", "b", "a~3", "b~2"]
    kept = [
        json.loads(line)
        for path in sorted((output / "documents").glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    assert kept == [one[0], one[2], *two]
    shown = "\n".join(show_clusters(str(output)))
    assert "kept a~3; removed a~2" in shown
    assert "more" in shown
    report = json.loads((output / "dedup.json").read_text())
    assert report["audit"]["sampled"] == 4


def test_workers_and_file_order_change_nothing(tmp_path, pages):
    for name, rows in (("a", pages[:150]), ("b", pages[150:300]), ("c", pages[300:])):
        (tmp_path / f"{name}.jsonl").write_bytes(lines(rows))
        (tmp_path / f"{'zyx'['abc'.index(name)]}.json").write_bytes(lines(rows))
    results = []
    for number, (glob, workers) in enumerate((("*.jsonl", "1"), ("*.jsonl", "2"), ("*.json", "1"))):
        output = tmp_path / f"out{number}"
        assert (
            main(["--input", f"{tmp_path}/{glob}", "--output", str(output), "--workers", workers])
            == 0
        )
        rows = removed(output)
        for row in rows.values():
            del row["row"]
        results.append(rows)
    assert results[0] == results[1] == results[2]
    assert len(results[0]) > 200
    first, second = tmp_path / "out0", tmp_path / "out1"
    for path in first.rglob("*"):
        if path.is_file() and path.name != "dedup.json":
            assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path


def test_a_stopped_command_signs_no_file_again(tmp_path, pages, monkeypatch):
    for name, rows in (("a", pages[:150]), ("b", pages[150:300]), ("c", pages[300:])):
        (tmp_path / f"{name}.jsonl").write_bytes(lines(rows))
    stopped, alone = tmp_path / "stopped", tmp_path / "alone"
    command = ["--input", f"{tmp_path}/*.jsonl", "--output"]
    with monkeypatch.context() as patched:
        patched.setattr(dedup_files, "find_duplicates", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main([*command, str(stopped)])
    (tmp_path / "b.jsonl").write_bytes(lines(pages[160:300]))
    signed, sign = [], dedup_files.sign_part
    with monkeypatch.context() as patched:
        patched.setattr(
            dedup_files, "sign_part", lambda *told: (signed.append(told[2]), sign(*told))[1]
        )
        assert main([*command, str(stopped)]) == 0
    assert [path.rsplit("/", 1)[1] for path in signed] == ["part-00001"]
    assert main([*command, str(alone)]) == 0
    names = sorted(path.relative_to(alone) for path in alone.rglob("*") if path.is_file())
    assert names == sorted(
        path.relative_to(stopped) for path in stopped.rglob("*") if path.is_file()
    )
    for name in names:
        assert (stopped / name).read_bytes() == (alone / name).read_bytes(), name


def test_a_second_batch_against_the_index(tmp_path, pages):
    (tmp_path / "old.jsonl").write_bytes(lines(pages[::2]))
    (tmp_path / "new.jsonl").write_bytes(lines(pages[1::2]))
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["--input", f"{tmp_path}/old.jsonl", "--output", str(first)]) == 0
    (tmp_path / "old.jsonl").unlink()  # the earlier text is gone
    arguments = ["--input", f"{tmp_path}/new.jsonl", "--output", str(second)]
    assert main([*arguments, "--index", f"{first}/index"]) == 0
    gone_first, gone_second = removed(first), removed(second)
    texts = {page["id"]: page["text"] for page in pages}
    assert len(gone_second) > 100
    old = {page["id"] for page in pages[::2]}
    assert any(row["kept"] in old for row in gone_second.values())
    for name, row in gone_second.items():
        assert row["kept"] not in gone_first
        assert jaccard(texts[name], texts[row["kept"]]) >= 0.5
    together = (texts.keys() - gone_first) - gone_second.keys()
    sample = sorted(together)
    left = [texts[name] for name in sample]
    audited = audit((sample, left), [(sample, left)], Settings(threshold=0.85))
    assert audited.with_copy == 0


def test_the_index_is_datasketchs(tmp_path, pages):
    (tmp_path / "in.jsonl").write_bytes(lines(pages[:60]))
    assert main(["--input", f"{tmp_path}/in.jsonl", "--output", f"{tmp_path}/out"]) == 0
    lsh = to_datasketch_lsh(index_parts([f"{tmp_path}/out/index"], Settings()), Settings())
    assert isinstance(lsh, MinHashLSH)
    flat, bounds = shingle_sets([page["text"] for page in pages[:60]], 5)
    gone = removed(tmp_path / "out")
    for i, page in enumerate(pages[:60]):
        query = MinHash(num_perm=128, seed=1, hashfunc=lambda value: value)
        query.update_batch(flat[bounds[i] : bounds[i + 1]].tolist())
        kept = gone[page["id"]]["kept"] if page["id"] in gone else page["id"]
        assert kept in lsh.query(query)


def test_an_index_of_other_settings_is_refused(tmp_path, capsys):
    (tmp_path / "in.jsonl").write_bytes(lines([{"id": "a", "text": text(0)}]))
    assert main(["--input", f"{tmp_path}/in.jsonl", "--output", f"{tmp_path}/out"]) == 0
    arguments = ["--input", f"{tmp_path}/in.jsonl", "--output", f"{tmp_path}/two"]
    assert main([*arguments, "--index", f"{tmp_path}/out/index", "--seed", "2"]) == 2
    assert "seed 1, this run has 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "nothing*.jsonl"], "matches no file"),
        (["--input", "{}/in.csv"], "expected a file that ends in .jsonl"),
        (
            ["--input", "{}/in.jsonl", "--text-column", "body"],
            "no column 'body' but ['id', 'text']",
        ),
        (["--input", "{}/in.parquet", "--id-column", "key"], "Name it by --id-column"),
        (["--input", "{}/in.jsonl", "--threshold", "7"], "dedup.threshold: 7.0 is outside"),
        (["--input", "{}/in.jsonl", "--index", "{}"], "holds no index.json"),
    ],
)
def test_errors_say_what_to_do_and_exit_2(tmp_path, capsys, arguments, message):
    (tmp_path / "in.jsonl").write_bytes(lines([{"id": "a", "text": "x"}] * 3))
    (tmp_path / "in.csv").write_text("id,text\n")
    pq.write_table(pa.table({"id": ["a"], "text": ["x"]}), tmp_path / "in.parquet")
    given = [argument.replace("{}", str(tmp_path)) for argument in arguments]
    assert main([*given, "--output", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_a_finished_output_is_not_overwritten(tmp_path, capsys):
    (tmp_path / "in.jsonl").write_bytes(lines([{"id": "a", "text": "x"}]))
    arguments = ["--input", f"{tmp_path}/in.jsonl", "--output", f"{tmp_path}/out"]
    assert main(arguments) == 0
    assert main(arguments) == 2
    assert "finished deduplication" in capsys.readouterr().err


def test_help_and_plan_come_without_work(tmp_path):
    command = [sys.executable, "-m", "pipelines.dedup"]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    assert "--text-column" in done.stdout
    planned = subprocess.run(
        [*command, "--input", "x", "--output", "y", "--plan", "--threshold", "0.8"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "recall at 0.8" in planned.stdout


def test_texts_are_found_by_row_in_any_call_pattern(tmp_path):
    import numpy as np

    rows = [{"id": str(i), "text": f"text {i}"} for i in range(3000)]
    (tmp_path / "in.jsonl").write_bytes(lines(rows))
    texts = FileTexts([str(tmp_path / "in.jsonl")], Columns())
    for wanted in ([0, 5, 1023, 1024, 2999], [2999], [10], [], [1500, 1501], [1499]):
        asked = np.array(wanted, dtype=np.int64)
        assert texts(0, asked).to_pylist() == [f"text {i}" for i in wanted]


def test_audit_counts_exactly_what_brute_force_finds(pages):
    names = [page["id"] for page in pages[:120]]
    texts = [page["text"] for page in pages[:120]]
    found = audit((names, texts), [(names[:50], texts[:50]), (names[50:], texts[50:])], Settings())
    sets = [set(shingles(text, 5)) for text in texts]
    brute = {
        (min(a, b), max(a, b)): len(sets[i] & sets[j]) / len(sets[i] | sets[j])
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if i < j
    }
    pairs = {pair: value for pair, value in brute.items() if value >= 0.7}
    assert {(a, b): pytest.approx(value) for a, b, value in found.pairs} == pairs
    assert found.with_copy == len({name for pair in pairs for name in pair})
    with pytest.raises(InputError, match=r"audit_limit.*more than 0\.00%"):
        found.check(0.0)


def test_the_audit_bound_fails_a_run(tmp_path, capsys):
    rows = [{"id": f"{i}", "text": text(0) + f" tail{i}"} for i in range(4)]
    (tmp_path / "in.jsonl").write_bytes(lines(rows))
    arguments = [
        "--input",
        f"{tmp_path}/in.jsonl",
        "--output",
        f"{tmp_path}/out",
        "--method",
        "exact",
    ]
    assert main([*arguments, "--audit-sample", "4", "--audit-limit", "0.1"]) == 2
    assert "4 of 4 audited survivors (100.00%)" in capsys.readouterr().err


def test_wilson_interval():
    # by the closed form: 1 of 20 -> (0.0089, 0.2361)
    low, high = wilson(1, 20)
    assert (low, high) == (pytest.approx(0.0089, abs=1e-4), pytest.approx(0.2361, abs=1e-4))
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_sample_depends_on_ids_alone():
    names = [f"d{i}" for i in range(100)]
    picked = {names[i] for i in pick_sample(names, 10, 1)}
    backwards = names[::-1]
    assert picked == {backwards[i] for i in pick_sample(backwards, 10, 1)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://Example.org:80/a/index.html", "https://www.example.org/a/"),
        ("https://e.org/p?b=2&a=1#frag", "https://e.org/p?a=1&b=2&utm_source=x"),
        ("//e.org", "http://user@e.org/"),
    ],
)
def test_spellings_of_one_url(one, other):
    assert normalise_url(one) == normalise_url(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("http://e.org/a", "http://e.org/A"), ("http://e.org/?p=1", "http://e.org/?p=2"), ("a", "b")],
)
def test_different_urls_stay_different(one, other):
    assert normalise_url(one) != normalise_url(other)


def test_differences_show_only_what_differs():
    left = text(0, 60) + " old 中文旧句子。"
    right = text(0, 60) + " new 中文新句子。"
    pieces = list(differences(left, right))
    assert "48 equal words" in pieces[0][0]
    assert ("old", "new") in pieces
    assert ("旧", "新") in pieces
    assert "| new" in side_by_side(left, right, 80)


def test_clusters_are_shown_for_a_person(tmp_path, capsys):
    rows = [{"id": "a", "text": text(0) + " end"}, {"id": "b", "text": text(0)}]
    (tmp_path / "in.jsonl").write_bytes(lines(rows))
    assert main(["--input", f"{tmp_path}/in.jsonl", "--output", f"{tmp_path}/out"]) == 0
    capsys.readouterr()
    options = argparse.ArgumentParser()
    cli.add_parser(options.add_subparsers())
    asked = options.parse_args(["duplicates", str(tmp_path / "out"), "--id", "b"])
    assert asked.run_command(asked) == 0
    shown = capsys.readouterr().out
    assert "cluster a of 2" in shown
    assert "removed b" in shown
    assert re.search(r"^end +\|", shown, re.MULTILINE)
    with pytest.raises(RunError, match="holds no duplicates"):
        list(show_clusters(str(tmp_path)))


def test_parquet_rows_without_text_fail_and_those_without_id_do_not(tmp_path):
    pq.write_table(
        pa.table({"id": ["a", None, "c"], "text": ["x", "y", None]}), tmp_path / "p.parquet"
    )
    reading = Reading()
    (rows,) = read_rows(str(tmp_path / "p.parquet"), Columns(), reading)
    assert (reading.seen, reading.failed, reading.unnamed) == (3, 1, 1)
    assert rows.batch["id"].to_pylist() == ["a", "p.parquet:2"]
