"""The two commands: files in, files out, exit codes, and a second look finds nothing."""

from __future__ import annotations

import json

import pytest

from corpusforge.decontaminate import EvalIndex, Scanner
from corpusforge.run import decontaminate_files
from pipelines import build_eval_index, decontaminate

QUESTION = (
    "A robe takes 2 bolts of blue fiber and half that much white fiber. "
    "How many bolts in total does it take to make three such robes for the choir?"
)
PROSE = "The rain fell on the slate roofs while the town slept and nobody counted the hours. " * 20
ZH = "小明有五个苹果，他给了小红两个苹果，又从商店买来四个梨，请问小明现在一共还剩下几个水果呢？"


def write(path, rows):
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")
    return str(path)


def read(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def index(tmp_path):
    en = write(tmp_path / "en.jsonl", [{"id": "q1", "question": QUESTION}])
    zh = write(tmp_path / "zh.jsonl", [{"q": {"stem": ZH}}])
    path = tmp_path / "eval.index"
    arguments = ["--set", f"en={en}", "--set", f"zh={zh}:q.stem", "--output", str(path)]
    assert build_eval_index.main(arguments) == 0
    return path


def run(tmp_path, index, rows, *more):
    source = write(tmp_path / "in.jsonl", rows)
    out = tmp_path / "out"
    arguments = ["--index", str(index), "--input", source, "--output", str(out), *more]
    assert decontaminate.main(arguments) == 0
    return (
        read(out / "kept.jsonl"),
        read(out / "hits.jsonl"),
        json.loads((out / "report.json").read_text()),
    )


def test_index_bytes_do_not_depend_on_the_order_of_sets(tmp_path, index):
    other = tmp_path / "other.index"
    en, zh = tmp_path / "en.jsonl", tmp_path / "zh.jsonl"
    arguments = ["--set", f"zh={zh}:q.stem", "--set", f"en={en}", "--output", str(other)]
    assert build_eval_index.main(arguments) == 0
    assert other.read_bytes() == index.read_bytes()


def test_documents_are_cut_dropped_or_kept(tmp_path, index):
    rows = [
        {"id": "clean", "text": PROSE, "url": "u"},
        {"id": "inside", "text": f"{PROSE}\n{QUESTION}\n{PROSE}"},
        {"id": "alone", "text": QUESTION.upper()},
        {
            "id": "edited",
            "text": f"{PROSE}\n{QUESTION.replace('2', '7').replace('such ', '')}\n{PROSE}",
        },
        {"id": "zh", "text": f"题目：{ZH}"},
    ]
    kept, hits, report = run(tmp_path, index, rows)
    assert [row["id"] for row in kept] == ["clean", "inside", "edited"]
    assert kept[0] == rows[0]
    assert "robe" not in kept[1]["text"] + kept[2]["text"]
    assert kept[1]["text"].startswith(PROSE[:1000]) and kept[1]["text"].endswith(PROSE[-1000:])
    assert (report["seen"], report["kept"], report["cut"]) == (5, 3, 2)
    assert report["seen"] == report["kept"] + sum(report["dropped"].values()) + report["failed"]
    assert report["sets"]["en"]["actions"] == {"cut": 2, "dropped": 1}
    assert report["sets"]["zh"]["items_found"] == 1
    assert {row["action"] for row in hits if row["id"] == "inside"} == {"cut"}
    scanner = Scanner(EvalIndex.load(str(index)), ("gpt3.v1", "fuzzy.v1", "ngram8.v1"))
    assert scanner.scan([row["text"] for row in kept]).num_rows == 0


def test_rows_of_one_id_are_told_apart(tmp_path, index):
    """One is cut, one is dropped, one is clean: two documents in the report, and rows as they came."""
    rows = [
        {"id": "a", "text": text} for text in (f"{PROSE}\n{QUESTION}\n{PROSE}", QUESTION, PROSE)
    ]
    kept, hits, report = run(tmp_path, index, rows)
    assert {row["id"] for row in kept} == {"a"}
    assert {(row["id"], row["action"]) for row in hits} == {("a", "cut"), ("a~2", "dropped")}
    assert report["sets"]["en"]["documents"] == 2
    assert report["sets"]["en"]["actions"] == {"cut": 1, "dropped": 1}


def test_rows_of_several_fields_are_dropped_whole(tmp_path, index):
    rows = [
        {"id": 1, "prompt": "Say hi", "responses": ["hi", PROSE + QUESTION]},
        {"id": 2, "prompt": "Say hi", "responses": ["hi", "hello"]},
    ]
    kept, _, report = run(tmp_path, index, rows, "--field", "prompt", "--field", "responses")
    assert kept == rows[1:]
    assert report["dropped"] == {"gpt3.v1": 1}


def test_text_inside_an_object_is_cut_there(tmp_path, index):
    rows = [{"id": "a", "body": {"text": f"{PROSE} {QUESTION} {PROSE}", "n": 1}}]
    kept, _, _ = run(tmp_path, index, rows, "--field", "body.text")
    assert kept[0]["body"]["n"] == 1
    assert "robe" not in kept[0]["body"]["text"]


def test_item_quoted_everywhere_is_no_leak(tmp_path, index):
    rows = [{"id": n, "text": QUESTION} for n in range(11)]
    kept, hits, report = run(tmp_path, index, rows, "--rule", "gpt3.v1")
    assert len(kept) == 11
    assert report["ignored_ngrams"] == 18
    assert {row["action"] for row in hits} == {"ignored"}
    kept, _, _ = run(tmp_path, index, rows, "--rule", "gpt3.v1", "--max-documents", "0")
    assert kept == []


def test_broken_lines_are_counted(tmp_path, index):
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"id": "a", "text": "x"}\nnot json\n\n{"id": "b"}\n[1]\n\xff\xfe\n')
    out = tmp_path / "out"
    arguments = ["--index", str(index), "--input", str(source), "--output", str(out)]
    assert decontaminate.main(arguments) == 0
    report = json.loads((out / "report.json").read_text())
    assert (report["seen"], report["kept"], report["failed"]) == (5, 1, 4)
    assert report["failed_example"] == "in.jsonl:2"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input", "none-*.jsonl"], "matches no file"),
        (["--rule", "gpt4.v1"], "'gpt4.v1' is unknown"),
        (["--index", "none.index"], "cannot read evaluation index"),
        (["--field", "body"], "no row of"),
        (["--fuzzy-share", "0.1"], "fuzzy_share = 0.1"),
    ],
)
def test_errors_exit_2(tmp_path, index, capsys, arguments, words):
    source = write(tmp_path / "in.jsonl", [{"text": "x"}])
    given = {"--index": str(index), "--input": source, "--output": str(tmp_path / "out")}
    given.update(zip(arguments[::2], arguments[1::2], strict=True))
    assert decontaminate.main([x for pair in given.items() for x in pair]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("x", "expected NAME=FILE"),
        ("x=none.jsonl", "does not exist"),
        ("en={en}:answer", "field 'answer'"),
    ],
)
def test_build_errors_exit_2(tmp_path, capsys, option, words):
    en = write(tmp_path / "en.jsonl", [{"question": QUESTION}])
    arguments = ["--set", option.format(en=en), "--output", str(tmp_path / "x")]
    assert build_eval_index.main(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("command", [build_eval_index, decontaminate])
def test_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["--help"])
    assert stop.value.code == 0
    assert "--output" in capsys.readouterr().out


def test_workers_and_a_stop_change_nothing(tmp_path, index, monkeypatch):
    texts = [PROSE, f"{PROSE}\n{QUESTION}\n{PROSE}", QUESTION, f"题目：{ZH}"]
    for name in "abc":
        rows = [{"id": f"{name}{n}", "text": text} for n, text in enumerate(texts)]
        write(tmp_path / f"in-{name}.jsonl", rows)

    def main(output, *more):
        given = ["--index", str(index), "--input", str(tmp_path / "in-*.jsonl"), *more]
        assert decontaminate.main([*given, "--output", str(tmp_path / output)]) == 0

    main("alone")
    main("several", "--workers", "2")
    with monkeypatch.context() as patched:
        patched.setattr(decontaminate_files, "write_jsonl", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main("stopped")
    searched, scan = [], decontaminate_files.scan_rows
    with monkeypatch.context() as patched:
        patched.setattr(
            decontaminate_files, "scan_rows", lambda *told: (searched.append(told), scan(*told))[1]
        )
        main("stopped")
    assert searched == []
    for output in ("several", "stopped"):
        names = sorted(path.name for path in (tmp_path / output).iterdir())
        assert names == ["hits.jsonl", "kept.jsonl", "report.json"]
        for name in names:
            whole = (tmp_path / "alone" / name).read_bytes()
            assert (tmp_path / output / name).read_bytes() == whole
    assert len(read(tmp_path / "alone" / "kept.jsonl")) == 6
