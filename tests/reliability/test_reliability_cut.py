"""A stream that ends early says so: five codings, every kind of source, every command that reads files.

What comes before the cut is asked of each coding's own library; every whole record of it must be there,
and one failed row, or one message, for the rest.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.ingest import SOURCES, Settings, read
from corpusforge.records import Failed, RawDocument
from corpusforge.testing.packed import CODINGS, partial, tar_of, warc_record
from pipelines import (
    bootstrap_cot,
    build_eval_index,
    critique_revise,
    decontaminate,
    dedup,
    evol,
    export_labelling,
    extract,
    import_rankings,
    kinds,
    pretrain_mix,
    score,
    self_instruct,
)

RANDOM = random.Random(5)
WORDS = [
    "keeper",
    "basin",
    "gauge",
    "river",
    "ledger",
    "storm",
    "mill",
    "boat",
    "bridge",
    "orchard",
    "lantern",
    "harvest",
]


def prose(words: int) -> str:
    return " ".join(RANDOM.choices(WORDS, k=words))


def documents(count: int = 500) -> Iterator[bytes]:
    for n in range(count):
        yield json.dumps({"id": f"i{n}", "text": f"Row {n}: {prose(150)}."}).encode() + b"\n"


def web() -> Iterator[bytes]:
    for n in range(400):
        page = f"<html><body><p>Page {n}: {prose(150)}.</p></body></html>".encode()
        yield warc_record(f"q{n}", b"", kind="request") + warc_record(str(n), page)


def wikipedia() -> Iterator[bytes]:
    yield b"<mediawiki><siteinfo><dbname>enwiki</dbname></siteinfo>"
    for n in range(1, 400):
        yield (
            f"<page><title>T{n}</title><ns>0</ns><id>{n}</id><revision><id>{n}</id>"
            f"<text>Article {n}: {prose(150)}.</text></revision></page>\n"
        ).encode()
    yield b"</mediawiki>"


def posts() -> Iterator[bytes]:
    yield b"<posts>\n"
    for n in range(1, 800, 2):
        yield (
            f'<row Id="{n}" PostTypeId="1" Score="1" Title="T" Body="{prose(80)}"/>\n'
            f'<row Id="{n + 1}" PostTypeId="2" ParentId="{n}" Score="1" Body="{prose(80)}"/>\n'
        ).encode()
    yield b"</posts>\n"


def member(name: str, data: bytes) -> bytes:
    return tar_of({name: data})[: 512 + len(data) + -len(data) % 512]


def code() -> Iterator[bytes]:
    for n in range(300):
        yield member(f"src/f{n}.py", f"# file {n}\ntext = '{prose(200)}'\n".encode())
    yield bytes(10240)


def arxiv() -> Iterator[bytes]:
    for n in range(300):
        paper = f"\\documentclass{{a}}\\begin{{document}}Paper {n}: {prose(300)}.\\end{{document}}"
        yield member(f"2401/{n}.gz", gzip.compress(paper.encode(), mtime=0))
    yield bytes(10240)


def one(kind: str) -> Iterator[bytes]:
    yield f"<html><body><p>{prose(50_000)}</p></body></html>".encode()


# kind: file name, pieces of it, pieces that are no record at either end
KINDS: dict[str, tuple[str, Callable[[], Iterator[bytes]], int, int]] = {
    "arxiv": ("papers.tar", arxiv, 0, 1),
    "books": ("book.txt", lambda: one("books"), 0, 0),
    "code": ("src.tar", code, 0, 1),
    "documents": ("rows.jsonl", documents, 0, 0),
    "html": ("page.html", lambda: one("html"), 0, 0),
    "stackexchange": ("Posts.xml", posts, 1, 1),
    "web": ("pages.warc", web, 0, 0),
    "wikipedia": ("enwiki.xml", wikipedia, 1, 1),
}
CONTENT = {kind: list(make()) for kind, (_, make, _, _) in KINDS.items()}


def test_every_kind_that_may_be_packed_is_here() -> None:
    assert set(KINDS) == set(SOURCES) - {"run"}  # parts of a run are Parquet


def whole_records(kind: str, prefix: bytes) -> int:
    """How many records end before `prefix` does."""
    _, _, first, last = KINDS[kind]
    pieces = CONTENT[kind]
    place = count = 0
    for number, piece in enumerate(pieces):
        place += len(piece)
        needed = place - (4 if kind == "web" else 1 if kind == "stackexchange" else 0)
        if kind in ("code", "arxiv"):  # the blocks' own padding may be missing
            needed = place - 512
        inside = first <= number < len(pieces) - last
        count += inside and needed <= len(prefix)
    return count


def cut(kind: str, coding: str, folder: Path, share: float) -> tuple[Path, bytes]:
    """Write a file cut at a share of its packed bytes; return it and what is left of its content."""
    packed = CODINGS[coding](b"".join(CONTENT[kind]))
    short = packed[: int(len(packed) * share)]
    path = folder / (KINDS[kind][0] + coding)
    path.write_bytes(short)
    return path, partial(coding, short)


@pytest.mark.parametrize("share", [0.6, 0.97])
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_in_each_coding(kind: str, coding: str, share: float, tmp_path: Path) -> None:
    path, prefix = cut(kind, coding, tmp_path, share)
    rows = list(read(kind, str(path), Settings()))
    kept = [row for row in rows if isinstance(row, RawDocument)]
    failed = [row for row in rows if isinstance(row, Failed)]
    whole = whole_records(kind, prefix)
    if kind in ("code", "arxiv"):  # of a member's last block it depends what is padding
        assert whole - 1 <= len(kept) <= whole + 1
    else:
        assert len(kept) == (0 if kind in ("books", "html") else whole)
    assert len(failed) == 1 and failed[0].cut
    assert any(
        said in failed[0].error for said in ("ends early", "incomplete frame", "truncated record")
    )
    assert len(rows) == len(kept) + (
        2 if kind == "stackexchange" and len(rows) > len(kept) + 1 else 1
    )
    assert path.name in failed[0].locator or failed[0].locator.startswith("urn:x:")


@pytest.mark.parametrize("coding", ["", *CODINGS])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_have_no_failed_row(kind: str, coding: str, tmp_path: Path) -> None:
    path = tmp_path / (KINDS[kind][0] + coding)
    content = b"".join(CONTENT[kind])
    path.write_bytes(CODINGS[coding](content) if coding else content)
    rows = list(read(kind, str(path), Settings()))
    assert all(isinstance(row, RawDocument) for row in rows)
    assert len(rows) == (1 if kind in ("books", "html") else whole_records(kind, content))


PLAIN = {"arxiv", "code", "web", "wikipedia"}
"""Kinds whose own format says where a file ends; of the others a cut line or text is all there is."""


@pytest.mark.parametrize("kind", sorted(PLAIN))
def test_plain_files_cut_anywhere(kind: str, tmp_path: Path) -> None:
    pieces = CONTENT[kind][:6]
    content, first = b"".join(pieces), len(pieces[0])
    path = tmp_path / KINDS[kind][0]
    places = [first, first + 1, first + 9, first + 511, first + 512, first + 513, len(content) - 1,
              len(content) - 3, len(content) - 700, *range(first + 40, len(content), 997)]  # fmt: skip
    ends = [n for n in range(len(content)) if content[n:].startswith(b"WARC/1.0")]
    for place in places:
        path.write_bytes(content[:place])
        rows = list(read(kind, str(path), Settings()))
        failed = [row for row in rows if isinstance(row, Failed)]
        if kind == "web" and any(end - 4 <= place <= end for end in [*ends, len(content)]):
            assert failed == []  # behind a whole record, of which line ends may be missing
        else:
            assert len(failed) == 1 and failed[0].cut, place


@pytest.mark.parametrize("coding", [".gz", ".zst", ".lz4", ""])
def test_a_web_archive_cut_at_every_byte(coding: str, tmp_path: Path) -> None:
    """One unit for each record, the last of which nobody reads: a request, as crawls have them."""
    page, asked = warc_record("page", b"<html><p>a page</p>"), warc_record("q", b"", kind="request")
    pack = CODINGS[coding] if coding else bytes
    first, second = pack(page), pack(asked)
    path = tmp_path / "a.warc"
    for place in range(1, len(second)):
        path.write_bytes(first + second[:place])
        rows = list(read("web", str(path), Settings()))
        if not coding and place >= len(second) - 4:
            assert len(rows) == 1  # only line ends are missing
            continue
        assert len(rows) == 2, place
        assert isinstance(rows[0], RawDocument)
        assert isinstance(rows[1], Failed) and rows[1].cut, place
        assert rows[1].locator.startswith("a.warc:")
    for place in range(1, len(first)):
        path.write_bytes(first[:place])
        rows = list(read("web", str(path), Settings()))
        if not coding and place >= len(first) - 4:
            continue
        if len(rows) == 2:
            assert isinstance(rows[0], RawDocument)  # whole, though its unit is not
        else:
            assert len(rows) == 1, place
        assert isinstance(rows[-1], Failed) and rows[-1].cut, place


def test_damage_with_records_behind_it_costs_the_record_alone(tmp_path: Path) -> None:
    records = [gzip.compress(warc_record(str(n), b"<html><p>%d</p>" % n)) for n in range(5)]
    records[2] = records[2][:40] + b"\xff" * 20 + records[2][60:]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(records))
    rows = list(read("web", str(path), Settings()))
    assert sum(isinstance(row, RawDocument) for row in rows) == 4
    (failed,) = [row for row in rows if isinstance(row, Failed)]
    assert not failed.cut  # what follows is there
    path.write_bytes(b"".join(records[:2]) + bytes(1000))
    assert len(list(read("web", str(path), Settings()))) == 2  # zero padding is no damage
    path.write_bytes(b"".join(records[:3]) + gzip.compress(b""))
    assert sum(isinstance(row, Failed) for row in read("web", str(path), Settings())) == 1
    path.write_bytes(b"".join(records[:2]) + b"JUNK" * 10)
    *_, last = read("web", str(path), Settings())
    assert isinstance(last, Failed) and last.cut


def test_a_tar_damaged_in_the_middle_is_no_shorter_tar(tmp_path: Path) -> None:
    """tarfile takes a header with a wrong checksum for the end of the archive."""
    pieces = [bytearray(piece) for piece in CONTENT["code"][:5]]
    pieces[3][0:4] = b"\xff\xff\xff\xff"
    path = tmp_path / "a.tar"
    path.write_bytes(b"".join(pieces) + bytes(10240))
    rows = list(read("code", str(path), Settings()))
    assert [type(row).__name__ for row in rows] == ["RawDocument"] * 3 + ["Failed"]
    assert rows[-1].cut and "bad checksum" in rows[-1].error  # type: ignore[union-attr]


# ---- commands -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small quality model, made of a thousand words."""
    from classifiers.command import train_main

    folder = tmp_path_factory.mktemp("model")
    for name in ("good", "bad"):
        rows = [{"text": f"{name} {prose(400)}"} for _ in range(40)]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sides = ["--positive", f"{folder}/good.jsonl", "--negative", f"{folder}/bad.jsonl"]
    assert train_main("hashed_logreg", [*sides, "--output", f"{folder}/m.bin"]) == 0
    return f"{folder}/m.bin"


@pytest.fixture(params=CODINGS)
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, int]:
    """A file of rows that ends early, and how many are whole."""
    path, prefix = cut("documents", request.param, tmp_path, 0.7)
    return str(path), prefix.count(b"\n")


def told(err: str, path: str) -> bool:
    return path in err and "ends early" in err and "Traceback" not in err


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_extract(damaged: tuple[str, int], tmp_path: Path, capsys) -> None:
    path, whole = damaged
    options = ["--kind", "documents", "--output", f"{tmp_path}/out.jsonl"]
    assert extract.main(["--input", path, *options]) == 1
    assert told(capsys.readouterr().err, path)
    assert len(lines(tmp_path / "out.jsonl")) == whole


def test_dedup(damaged: tuple[str, int], tmp_path: Path, capsys) -> None:
    path, whole = damaged
    (tmp_path / "good.jsonl").write_bytes(b"".join(CONTENT["documents"][:3]))
    options = ["--input", f"{tmp_path}/good.jsonl", "--output", f"{tmp_path}/out"]
    assert dedup.main(["--input", path, *options]) == 1
    said = capsys.readouterr()
    assert told(said.err, path)
    assert "1 unreadable" in said.out
    report = json.loads((tmp_path / "out/dedup.json").read_text())
    assert report["documents"] == whole + 3 + 1
    assert len(report["damaged"]) == 1 and f"(line {whole + 1})" in report["damaged"][0]
    assert report["kept"] == whole or (report["kept"] == 3 and whole <= 3)


def test_decontaminate(damaged: tuple[str, int], tmp_path: Path, capsys) -> None:
    path, whole = damaged
    (tmp_path / "ev.jsonl").write_text(json.dumps({"q": " ".join(map(str, range(30)))}) + "\n")
    sets = ["--set", f"ev={tmp_path}/ev.jsonl:q", "--output", f"{tmp_path}/e.index"]
    assert build_eval_index.main(sets) == 0
    options = ["--index", f"{tmp_path}/e.index", "--output", f"{tmp_path}/out"]
    (tmp_path / "good.jsonl").write_text('{"text": "one more row"}\n')
    inputs = ["--input", path, "--input", f"{tmp_path}/good.jsonl"]
    assert decontaminate.main([*inputs, *options]) == 1
    assert told(capsys.readouterr().err, path)
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert (report["seen"], report["kept"], report["failed"]) == (whole + 2, whole + 1, 1)
    assert len(report["damaged"]) == 1


def test_score(damaged: tuple[str, int], model: str, tmp_path: Path, capsys) -> None:
    path, whole = damaged
    output = ["--output", f"{tmp_path}/out.jsonl"]
    assert score.main(["--model", model, "--input", path, *output]) == 1
    said = capsys.readouterr()
    assert told(said.err, path)
    assert f"{whole:,} rows, 1 left out" in said.out
    assert len(lines(tmp_path / "out.jsonl")) == whole


def test_classifiers(damaged: tuple[str, int], model: str, tmp_path: Path, capsys) -> None:
    from classifiers.command import evaluate_main, train_main

    path, whole = damaged
    good = f"{Path(model).parent}/good.jsonl"
    sides = ["--positive", good, "--negative", path]
    if whole > 30:
        assert train_main("hashed_logreg", [*sides, "--output", f"{tmp_path}/m.bin"]) == 1
        assert told(capsys.readouterr().err, path)
        assert (tmp_path / "m.bin").exists()
        assert evaluate_main("hashed_logreg", [*sides, "--model", model]) == 1
        assert told(capsys.readouterr().err, path)


RECIPE = """name = "cut"
[sources.a]
kind = "documents"
path = ["{path}", "{good}"]
[filter]
rules = {{a = []}}
[dedup]
method = "off"
[tokenize]
tokenizer = "train"
vocab_size = 400
[mix]
weights = {{a = 1}}
validation = 0.0
"""


@pytest.mark.parametrize("damaged", [".gz", ".zst"], indirect=True)
def test_pretrain_mix(damaged: tuple[str, int], tmp_path: Path, capsys) -> None:
    path, whole = damaged
    good = tmp_path / "good.jsonl"
    good.write_bytes(b"".join(CONTENT["documents"][:20]))
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.format(path=path, good=good))
    run = ["--recipe", str(recipe), "--output", f"{tmp_path}/run", "--workers", "1", "--quiet"]
    for _ in range(2):  # a finished run tells it again
        assert pretrain_mix.main(run) == 1
        assert "source 'a': 1 input files are damaged or end early" in capsys.readouterr().err
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    (ingest,) = [row for row in manifest["ledger"] if row["stage"] == "ingest"]
    assert (ingest["seen"], ingest["kept"], ingest["failed"]) == (whole + 21, whole + 20, 1)
    assert ingest["notes"]["damaged_files"] == 1
    (failed,) = [
        row for part in sorted((tmp_path / "run/failed").glob("*")) for row in pq.read_table(part).to_pylist()
    ]  # fmt: skip
    assert failed["locator"] == f"{Path(path).name}:{whole + 1}+"
    assert "ends early" in failed["error"]
    known = [*run, "--set", f"sources.a.damaged=['{Path(path).name}']"]
    assert pretrain_mix.main(known) == 0  # the recipe says that it is
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    (ingest,) = [row for row in manifest["ledger"] if row["stage"] == "ingest"]
    assert (ingest["failed"], ingest.get("notes")) == (1, None)


STRICT = {
    "build_eval_index": lambda path, out: build_eval_index.main(
        ["--set", f"ev={path}:text", "--output", f"{out}/index"]
    ),
    "self_instruct --seeds": lambda path, out: self_instruct.main(
        ["--seeds", path, "--output", f"{out}/run", *REPLAY(out)]
    ),
    "kinds --rows": lambda path, out: kinds.main(["--rows", path, "--output", f"{out}/run", *REPLAY(out)]),
    "kinds --ground": lambda path, out: kinds.main(
        ["--ground", path, "--output", f"{out}/run", *REPLAY(out)]
    ),
    "evol --rows": lambda path, out: evol.main(["--rows", path, "--output", f"{out}/run", *REPLAY(out)]),
    "critique_revise --rows": lambda path, out: critique_revise.main(
        ["--rows", path, "--output", f"{out}/run", *REPLAY(out)]
    ),
    "bootstrap_cot --questions": lambda path, out: bootstrap_cot.main(
        ["--questions", path, "--output", f"{out}/run", *REPLAY(out)]
    ),
    **{
        f"export_labelling --{option}": lambda path, out, option=option: export_labelling.main(
            [*(["--prompts", GOOD(out)] if option in ("answers", "gold", "qualification") else []),
             f"--{option}", path, "--raters", "2", "--output", f"{out}/job"]
        )
        for option in ("prompts", "labeler-prompts", "instruct-rows", "logs", "answers", "gold",
                       "qualification")
    },
    "import_rankings --source": lambda path, out: import_rankings.main(
        ["--source", "scores", "--answers", path, "--output", f"{out}/in"]
    ),
    "lint-seeds": lambda path, out: lint(path),
}  # fmt: skip


def REPLAY(out: Path) -> list[str]:  # noqa: N802 - an argument list
    (out / "journal.jsonl").write_text("")
    return ["--engine", "replay", "--journal", f"{out}/journal.jsonl"]


def GOOD(out: Path) -> str:  # noqa: N802 - a path
    (out / "prompts.jsonl").write_text('{"id": "i0", "prompt": "What is a mill?"}\n')
    return f"{out}/prompts.jsonl"


def lint(path: str) -> int:
    from corpusforge import cli

    return cli.main(["lint-seeds", path])


ROW = {
    "id": "i{n}", "text": "t", "prompt": "What is {n}? {words}", "question": "What is {n}? {words}",
    "answer": "{n}", "name": "s{n}", "instruction": "Say {n}: {words}", "is_classification": False,
    "instances": [{"input": "", "output": "{n}"}], "answers": ["a", "b"], "responses": ["a", "b"],
    "scores": [1, 2], "consent": "yes",
}  # fmt: skip


def fitting(n: int) -> str:
    text = json.dumps(ROW).replace("{n}", str(n)).replace("{words}", prose(60))
    row = json.loads(text)
    return json.dumps(row | {"text": prose(60)}) + "\n"


@pytest.fixture(scope="module")
def rows() -> bytes:
    return "".join(map(fitting, range(400))).encode()


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("command", STRICT)
def test_commands_that_are_told_by_a_file_refuse_half_of_it(
    command: str, coding: str, rows: bytes, tmp_path: Path, capsys
) -> None:
    """Evaluation sets, seeds, rows and prompts to ask about: half of them would be another question.

    The message names file and line; nothing is written, and nothing asked."""
    packed = CODINGS[coding](rows)
    path = tmp_path / f"rows.jsonl{coding}"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    out = tmp_path / "out"
    out.mkdir()
    assert STRICT[command](str(path), out) == 2
    err = capsys.readouterr().err
    assert told(err, str(path)), err
    assert "cannot write" not in err
    left = {item.name for item in out.rglob("*") if item.is_file()}
    given = {"journal.jsonl", "prompts.jsonl", "run.lock"}
    if command.startswith("export_labelling"):  # the pool and the salt may be there, but no job
        given |= {"raters.json", "dropped.jsonl", "sft.jsonl", "rm.jsonl", "ppo.jsonl"}
    assert left <= given


@pytest.mark.parametrize("coding", CODINGS)
def test_import_of_answers(coding: str, tmp_path: Path, capsys) -> None:
    """Answers that were sent back: the file is asked for again, and nothing of it is taken."""
    from corpusforge.annotate.jobs import open_tasks

    (tmp_path / "prompts.jsonl").write_text("".join(map(fitting, range(30))))
    made = ["--prompts", f"{tmp_path}/prompts.jsonl", "--answers", f"{tmp_path}/prompts.jsonl"]
    options = ["--raters", "1", "-k", "2", "--output", f"{tmp_path}/job", "--pool", "all"]
    assert export_labelling.main([*made, *options]) == 0
    answers = []
    for task in open_tasks(f"{tmp_path}/job").values():
        marks = {"task_id": task.id, "job": task.job}
        answers.append(json.dumps({**marks, "ranks": {}, "text": prose(90)}))
    for name, text in (("a.jsonl", "\n".join(answers)), ("b.json", f"[{','.join(answers)}]"),
                       ("c.csv", "task_id,rank_1\n" + "\n".join(answers))):  # fmt: skip
        packed = CODINGS[coding](text.encode())
        path = tmp_path / f"{name}{coding}"
        path.write_bytes(packed[: len(packed) * 3 // 4])
        run = ["--job", f"{tmp_path}/job", "--answers", str(path), "--output", f"{tmp_path}/in"]
        capsys.readouterr()
        assert import_rankings.main([*run, "--target", "csv"]) == 2
        assert told(capsys.readouterr().err, str(path))
        assert not (tmp_path / "in").exists()


@pytest.mark.parametrize("coding", CODINGS)
def test_lists_of_a_recipe(coding: str, tmp_path: Path) -> None:
    """Word lists and lists of links: half a list would let through what the other half names."""
    from corpusforge.errors import InputError
    from corpusforge.filter.lists import entries
    from corpusforge.ingest.links import load

    packed = CODINGS[coding](
        "".join(f"http://example.org/{n}/{prose(3)}\n" for n in range(9000)).encode()
    )
    path = tmp_path / f"list.txt{coding}"
    path.write_bytes(packed[: len(packed) // 2])
    for reader in (lambda: list(entries([str(path)])), lambda: load(str(path), 1)):
        with pytest.raises(InputError, match=r"list\.txt.*ends early"):
            reader()


def test_parquet_without_its_end(tmp_path: Path, model: str, capsys) -> None:
    """Its footer is at the end: nothing of a cut one can be read, and other inputs stand."""
    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"id": ["a", "b"], "text": ["one row", "another row"]}), whole)
    cut_ = tmp_path / "cut.parquet"
    cut_.write_bytes(whole.read_bytes()[:-30])
    (row,) = read("documents", str(cut_), Settings())
    assert isinstance(row, Failed) and row.cut
    inputs = ["--input", str(cut_), "--input", str(whole)]
    assert dedup.main([*inputs, "--output", f"{tmp_path}/out"]) == 1
    assert str(cut_) in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out/documents").iterdir()] == ["whole.parquet"]
    report = json.loads((tmp_path / "out/dedup.json").read_text())
    assert (report["documents"], report["kept"]) == (3, 2)
    options = ["--kind", "documents", "--output", f"{tmp_path}/out.jsonl"]
    assert extract.main([*inputs, *options]) == 1
    assert len(lines(tmp_path / "out.jsonl")) == 2
