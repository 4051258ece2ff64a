"""Imports into a directory: the same state whatever the sequence, nothing lost, work lists."""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from annotate_cases import made_job, made_tasks

from corpusforge.annotate.imports.answers import RULES
from corpusforge.annotate.imports.run import import_answers, target_of
from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.imports.sources import SOURCES
from corpusforge.annotate.imports.state import read_rankings
from corpusforge.annotate.jobs import read_job, write_job
from corpusforge.errors import InputError, RecipeError, RunError
from corpusforge.io import layouts
from pipelines import import_rankings


@pytest.fixture
def job(tmp_path: Path):
    return made_job(tmp_path / "job", count=4)


def row(task, tiers, hour: int = 1, **more) -> dict:
    """An answer as the offline page saves it."""
    base = {
        "task": task.id, "tiers": tiers, "unrankable": [], "unplaced": [], "cannot_rank": False,
        "ratings": [], "text": "", "confirmed": True, "lead_time": 20,
        "created": f"2026-01-01T{hour:02d}:00:00.000Z",
    }  # fmt: skip
    return {**base, **more}


def save(path: Path, job, answers=(), drafts=(), **more) -> str:
    body = {
        "schema": "corpusforge.page/1", "job": job.id, "checksum": job.checksum, "batch": "b",
        "answers": list(answers), "drafts": list(drafts), **more,
    }  # fmt: skip
    path.write_text(json.dumps(body), encoding="utf-8")
    return str(path)


def singles(task, backwards: bool = False) -> list[list[str]]:
    order = task.presented_order[:: -1 if backwards else 1]
    return [[name] for name in order]


def state(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def test_any_sequence_of_partial_grown_and_repeated_files_ends_in_the_same_bytes(
    job, tmp_path: Path
) -> None:
    given, tasks = job
    one = [row(tasks[0], singles(tasks[0], True)), row(tasks[1], [])]  # the second is partial
    two = [*one, row(tasks[2], singles(tasks[2])), row(tasks[0], singles(tasks[0]), hour=3)]
    three = [row(tasks[0], [list(tasks[0].presented_order)], hour=2), {"task": 5}]
    (tmp_path / "answers").mkdir()
    paths = [
        save(tmp_path / "answers" / f"{name}.json", given, rows, drafts)
        for name, rows, drafts in (("1", one, []), ("2", two, two[:1]), ("3", three, []))
    ]
    results = set()
    for n, sequence in enumerate(
        [*([[path] for path in order] for order in itertools.permutations(paths)), [paths],
         [paths[:2], paths, paths[:1]]]
    ):  # fmt: skip
        out = tmp_path / f"out{n}"
        for some in sequence:
            made = import_answers(str(tmp_path / "job"), some, str(out))
            assert made.rows == made.accepted + made.repeated + sum(made.refused.values())
        results.add(json.dumps({k: v.decode() for k, v in state(out).items()}))
        kept = {found.task: found for found in read_rankings(str(out))}
        assert kept[tasks[0].id].tiers == tuple(map(tuple, singles(tasks[0]))), "the newest"
        assert sorted(kept) == sorted([tasks[0].id, tasks[2].id])
    assert len(results) == 1
    rules = Counter(found["rule"] for found in lines(tmp_path / "out0" / "refused.jsonl"))
    assert rules == {"partial": 2, "superseded": 2, "malformed": 1}, "partial: in two files"


def test_the_ledger_of_one_import_by_hand(job, tmp_path: Path) -> None:
    given, tasks = job
    rows = [
        row(tasks[0], singles(tasks[0], True), hour=1),
        row(tasks[0], singles(tasks[0], True), hour=1),
        row(tasks[0], singles(tasks[0]), hour=2),
        row(tasks[1], singles(tasks[1])[:2]),
        row(tasks[2], [], cannot_rank=True, unplaced=list(tasks[2].presented_order)),
    ]
    path = save(tmp_path / "a.json", given, rows, drafts=[rows[3]])
    made = import_answers(str(tmp_path / "job"), [path], str(tmp_path / "out"))
    assert (made.rows, made.accepted, made.repeated) == (6, 2, 1)
    assert made.refused == {"draft": 1, "partial": 1, "superseded": 1}
    assert (made.tasks, made.rankings, made.missing) == (8, 2, 6)
    again = import_answers(str(tmp_path / "job"), [path], str(tmp_path / "out"))
    assert (again.accepted, again.repeated) == (0, 3)
    assert again.refused == {"draft": 1, "partial": 1, "superseded": 1}


def test_all_answers_of_a_rater_can_be_kept(job, tmp_path: Path) -> None:
    given, tasks = job
    rows = [row(tasks[0], singles(tasks[0], True), hour=h) for h in (2, 1)]
    path = save(tmp_path / "a.json", given, rows)
    for _ in range(2):
        made = import_answers(
            str(tmp_path / "job"), [path], str(tmp_path / "out"), Settings(repeats="all")
        )
    assert (made.accepted, made.repeated, made.rankings) == (0, 2, 2)
    found = list(read_rankings(str(tmp_path / "out")))
    assert [one.flags for one in found] == [("again",), ("again",)]
    assert [one.created[11:13] for one in found] == ["01", "02"]


def test_missing_tasks_are_the_jobs_own_lines(job, tmp_path: Path) -> None:
    given, tasks = job
    path = save(tmp_path / "a.json", given, [row(tasks[3], singles(tasks[3], True))])
    import_answers(str(tmp_path / "job"), [path], str(tmp_path / "out"))
    original = (tmp_path / "job" / "tasks.jsonl").read_bytes().split(b"\n")
    missing = (tmp_path / "out" / "missing.jsonl").read_bytes().split(b"\n")
    assert missing == [*original[:3], *original[4:]]


def test_the_queue_holds_prompts_that_raters_order_differently(job, tmp_path: Path) -> None:
    """Prompt 0: opposite orders, tau -1; prompt 1: the same, tau 1; prompt 2: one swap of six, 2/3."""
    given, tasks = job
    by_prompt = {}
    for task in tasks:
        by_prompt.setdefault(task.prompt.id, []).append(task)
    (a1, a2), (b1, b2), (c1, c2), _ = by_prompt.values()
    order = sorted(c1.presented_order)
    swapped = [order[1], order[0], *order[2:]]

    def given_order(task, names):
        return row(task, [[name] for name in names])

    rows = [
        given_order(a1, sorted(a1.presented_order)),
        given_order(a2, sorted(a2.presented_order, reverse=True)),
        given_order(b1, sorted(b1.presented_order)),
        given_order(b2, sorted(b2.presented_order)),
        given_order(c1, order),
        given_order(c2, swapped),
    ]
    path = save(tmp_path / "a.json", given, rows)
    for threshold, expected in ((0.5, [-1.0]), (0.7, [-1.0, 0.666667]), (-1, [])):
        settings = Settings(adjudicate=threshold)
        made = import_answers(str(tmp_path / "job"), [path], str(tmp_path / "out"), settings)
        queue = lines(tmp_path / "out" / "adjudicate.jsonl")
        assert [entry["tau_b"] for entry in queue] == expected
        assert made.adjudicate == len(expected)
    import_answers(str(tmp_path / "job"), [path], str(tmp_path / "out"))
    (entry,) = lines(tmp_path / "out" / "adjudicate.jsonl")
    assert entry["prompt"] == a1.prompt.id
    assert [vote["ranks"] for vote in entry["rankings"]] == [[1, 2, 3, 4], [4, 3, 2, 1]]
    assert [vote["rater"] for vote in entry["rankings"]] == ["r_01", "r_02"]


def test_a_deleted_rater_leaves_nothing_behind(job, tmp_path: Path) -> None:
    given, tasks = job
    rows = [row(task, singles(task, True)) for task in tasks] + [row(tasks[1], [], hour=2)]
    path = save(tmp_path / "a.json", given, rows)
    import_answers(str(tmp_path / "job"), [path], str(tmp_path / "out"))
    gone = tasks[1].rater
    left = [task for task in tasks if task.rater != gone]
    kept = replace(given, raters=("r_01",), earlier=(given.checksum,))
    write_job(str(tmp_path / "job"), kept, left)
    other = save(tmp_path / "b.json", read_job(str(tmp_path / "job")), [row(left[0], [], hour=1)])
    made = import_answers(str(tmp_path / "job"), [other], str(tmp_path / "out"))
    assert (made.forgotten, made.rankings, made.missing) == (5, 4, 0)
    for text in state(tmp_path / "out").values():
        assert gone.encode() not in text


def test_a_directory_belongs_to_one_job_and_one_way_of_judging(job, tmp_path: Path) -> None:
    given, tasks = job
    path = save(tmp_path / "a.json", given, [row(tasks[0], singles(tasks[0]))])
    run = [str(tmp_path / "job"), [path], str(tmp_path / "out")]
    import_answers(*run)
    with pytest.raises(RunError, match="was judged with"):
        import_answers(*run, Settings(untouched="refuse"))
    other = replace(given, id="j_ffffffffffff")
    moved = [replace(task, job=other.id) for task in made_tasks(count=1)]
    write_job(str(tmp_path / "other"), other, moved)
    with pytest.raises(RunError, match="holds answers of job"):
        import_answers(str(tmp_path / "other"), [path], str(tmp_path / "out"))
    (tmp_path / "job" / "tasks.jsonl").write_bytes(
        (tmp_path / "job" / "tasks.jsonl").read_bytes().replace(b"Question 1", b"Question 9")
    )
    with pytest.raises(InputError, match="do not match the checksum"):
        import_answers(*run)


def test_the_tool_of_a_file_is_told_from_it(tmp_path: Path) -> None:
    cases = {
        "page.json": json.dumps({"schema": "corpusforge.page/1", "job": "j"}, indent=2),
        "ls.json": '[5, {"id": 1, "annotations": [], "data": {}}]',
        "min.json": '[{"annotation_id": 3}]',
        "argilla.json": '{"items": [], "total": 0}',
        "records.jsonl": '{"responses": []}\n',
        "crowd.jsonl": '{"task_id": "t", "ranks": {}}\n',
        "table.csv": "task_id\n",
        "empty.json": "[]",
        "nothing.json": "",
    }
    expected = ["html", "label-studio", "label-studio", "argilla", "argilla", "csv", "csv", "", ""]
    for (name, text), target in zip(cases.items(), expected, strict=True):
        (tmp_path / name).write_text(text)
        assert target_of(str(tmp_path / name)) == target, name
    (tmp_path / "other.json").write_text('{"hello": 1}')
    with pytest.raises(InputError, match=r"other\.json.*is no export of"):
        target_of(str(tmp_path / "other.json"))


def test_answers_in_a_directory_of_all_tools_at_once(job, tmp_path: Path) -> None:
    given, tasks = job
    back = tmp_path / "back"
    back.mkdir()
    save(back / "a.json", given, [row(tasks[0], singles(tasks[0], True))])
    marks = {"task_id": tasks[1].id, "job": given.id, "checksum": given.checksum}
    ranks = {name: place for place, name in enumerate(tasks[1].presented_order[::-1], 1)}
    (back / "b.jsonl").write_text(json.dumps({**marks, "ranks": ranks}))
    marks["task_id"] = tasks[2].id
    confirm = {"from_name": "confirm", "value": {"choices": ["cannot_rank"]}}
    note = {"id": 1, "result": [confirm], "created_at": "2026-01-01T00:00:00Z"}
    (back / "c.json").write_text(json.dumps([{"data": marks, "annotations": [note]}]))
    (back / "d.json").write_text("[]")
    made = import_answers(str(tmp_path / "job"), [str(back)], str(tmp_path / "out"))
    assert (made.rows, made.accepted) == (3, 3)
    assert [found.tool for found in read_rankings(str(tmp_path / "out"))] == [
        "html", "csv", "label-studio",
    ]  # fmt: skip


def test_the_command(job, tmp_path: Path, capsys) -> None:
    given, tasks = job
    save(tmp_path / "a.json", given, [row(tasks[2], singles(tasks[2], True))])
    run = ["--job", str(tmp_path / "job"), "--output", str(tmp_path / "out"), "--answers"]
    assert import_rankings.main([*run, str(tmp_path / "a*.json")]) == 0
    said = capsys.readouterr().out
    assert "1 rows read: 1 accepted" in said
    assert (tmp_path / "out" / "report.html").is_file()
    assert len(lines(tmp_path / "out" / "training" / "pairs" / "train.jsonl")) == 6
    assert import_rankings.main([*run, str(tmp_path / "none*.json")]) == 2
    assert "no answers at" in capsys.readouterr().err
    with (tmp_path / "raters.csv").open("w", newline="") as table:
        csv.writer(table).writerows([["user", "pseudonym"], ["ann@example.org", "r_01"]])
    assert import_rankings.main([*run, str(tmp_path / "a.json"),
                                 "--raters", str(tmp_path / "raters.csv")]) == 0  # fmt: skip
    assert "unknown_rater: 1" in capsys.readouterr().out
    (tmp_path / "raters.csv").write_text("user,pseudonym\nann,Ann Smith\n")
    assert import_rankings.main([*run, str(tmp_path / "a.json"),
                                 "--raters", str(tmp_path / "raters.csv")]) == 2  # fmt: skip
    assert "raters.csv:2" in capsys.readouterr().err
    (tmp_path / "raters.csv").write_text("user,pseudonym\nann,r_01\nbob,r_02\nann,r_02\n")
    assert import_rankings.main([*run, str(tmp_path / "a.json"),
                                 "--raters", str(tmp_path / "raters.csv")]) == 2  # fmt: skip
    assert "raters.csv:4: 'ann' is r_01 already" in capsys.readouterr().err


def test_a_damaged_archive_is_an_error_and_changes_nothing(job, tmp_path: Path) -> None:
    import gzip

    given, tasks = job
    path = Path(save(tmp_path / "a.json", given, [row(tasks[0], singles(tasks[0], True))]))
    packed = gzip.compress(path.read_bytes() * 50)
    (tmp_path / "b.json.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InputError, match=r"b\.json\.gz"):
        import_answers(
            str(tmp_path / "job"), [str(path), str(tmp_path / "b.json.gz")], str(tmp_path / "out"),
            target="html",
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [("untouched", "drop"), ("repeats", "first"), ("seconds", -1), ("adjudicate", 2)],
)
def test_settings_say_what_is_wrong_with_them(key: str, value: object) -> None:
    with pytest.raises(RecipeError, match=key):
        Settings(**{key: value})


SPLITS = [
    (b'[{"a":1},{"b":[2,3]}]', [b'{"a":1}', b'{"b":[2,3]}']),
    (b' \n[ {"a":"],[\\"{"} ,\n 5 ]\n', [b'{"a":"],[\\"{"}', b"5"]),
    (b"[]", []),
    (b"[1,2", [b"1", b"2"]),
    (b'["a\\\\",2]', [b'"a\\\\"', b"2"]),
    (b'\xef\xbb\xbf[{"a":1}]', [b'{"a":1}']),
    (b"[1] [2]", [b"1", b" [2]"]),
    (b'{"a":1}\n\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}']),
    (b'{"a":1}\n{"b":\n{"c":3}', [b'{"a":1}', b'{"b":', b'{"c":3}']),
    (b'{\n "a": [\n  1\n ]\n}\n', [b'{\n "a": [\n  1\n ]\n}\n']),
    (b"", []),
]


@pytest.mark.parametrize(("text", "expected"), SPLITS)
@pytest.mark.parametrize("chunk", [1, 3, 1 << 20])
def test_files_are_cut_into_rows(tmp_path, monkeypatch, text, expected, chunk: int) -> None:
    monkeypatch.setattr(layouts, "_CHUNK", chunk)
    monkeypatch.setattr(layouts, "_HEAD", chunk + 5)
    (tmp_path / "rows").write_bytes(text)
    assert [found for _, found in layouts.rows(str(tmp_path / "rows"))] == expected


def test_an_array_is_cut_as_a_json_parser_reads_it(tmp_path: Path, monkeypatch) -> None:
    """Against msgspec on a real nested file, in chunks that fall anywhere."""
    rows = [json.loads(msgspec.json.encode(task)) for task in made_tasks(count=6, k=5)]
    text = json.dumps(rows, ensure_ascii=False, indent=1).encode()
    (tmp_path / "rows.json").write_bytes(text)
    for chunk in (7, 1000, 1 << 20):
        monkeypatch.setattr(layouts, "_CHUNK", chunk)
        found = [json.loads(part) for _, part in layouts.rows(str(tmp_path / "rows.json"))]
        assert found == msgspec.json.decode(text)


def test_the_docs_list_every_rule_and_option_as_they_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "annotate_targets.md").read_text(encoding="utf-8")
    table = "\n".join(f"| `{rule}` | {said} |" for rule, said in RULES.items())
    assert table in page
    for name in Settings.__slots__:
        assert f"| `--{name}` |" in page
    for name in SOURCES:
        assert f"| `{name}` |" in page
