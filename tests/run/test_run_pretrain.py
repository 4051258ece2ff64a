"""The whole journey on the embedded sample: equal bytes however it is run, and every file honest."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from corpusforge import cli
from corpusforge.errors import InputError, RecipeError, RunError
from corpusforge.run import commands
from corpusforge.run.directory import lock
from corpusforge.testing.outputs import digests
from corpusforge.tokenize.settings import Settings
from corpusforge.tokenize.tokenizer import load
from pipelines import pretrain_mix

DATA = ("documents", "stats", "dropped", "failed", "scores", "quality", "duplicates", "contamination",
        "tokens", "mix", "shards")  # fmt: skip


def run(output: Path, *options: str) -> None:
    pretrain_mix.run(["--output", str(output), "--workers", "1", "--quiet", *options])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("base") / "run"
    run(output)
    return output


@pytest.fixture
def copy(base: Path, tmp_path: Path) -> Path:
    shutil.copytree(base, tmp_path / "run")
    return tmp_path / "run"


def test_forked_workers_give_the_same_bytes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpusforge.run.local.IN_MEMORY_BYTES", 0)
    pretrain_mix.run(["--output", str(tmp_path / "run"), "--workers", "2", "--quiet"])
    assert digests(tmp_path / "run", *DATA) == digests(base, *DATA)


def test_collisions_by_many_tasks_change_nothing(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three key ranges on forked workers; the base looks for collisions inside `duplicates`."""
    monkeypatch.setattr("corpusforge.run.local.IN_MEMORY_BYTES", 0)
    output = tmp_path / "run"
    ranges = ["--workers", "2", "--quiet", "--set", "dedup.ranges=3"]
    pretrain_mix.run(["--output", str(output), *ranges])
    assert not (base / "collisions").exists()
    assert len(list(output.glob("collisions/part-*.arrow"))) > 3
    assert len(list(output.glob("neighbours/copies-*.arrow"))) == 3
    assert digests(output, *DATA) == digests(base, *DATA)
    told = [json.loads((run / "duplicates/manifest.json").read_text()) for run in (base, output)]
    for name in ("extra", "ledger", "documents"):
        assert told[0][name] == told[1][name]
    assert told[1]["extra"]["copies"] == 7


def test_the_order_of_input_files_changes_nothing(base: Path, tmp_path: Path) -> None:
    sample = Path(pretrain_mix.__file__).parents[1] / "examples" / "sample_corpus"
    listed = sorted(sample.glob("code-*.tar.gz"), reverse=True)
    options = [option for path in listed for option in ("--source", f"code={path}")]
    run(tmp_path / "run", *options)
    assert digests(tmp_path / "run", "shards") == digests(base, "shards")


def test_a_complete_run_is_left_alone(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*.parquet")}
    pretrain_mix.run(["--output", str(copy), "--workers", "1"])
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*.parquet")} == before
    assert "complete, nothing to do" in capsys.readouterr().err


def test_a_changed_section_makes_its_stage_again_and_no_earlier_one(copy: Path) -> None:
    stages = (
        "documents",
        "scores",
        "quality",
        "duplicates",
        "contamination",
        "tokens",
        "mix",
        "shards",
    )
    before = {name: (copy / name / "manifest.json").stat().st_mtime_ns for name in stages}
    run(copy, "--set", "mix.budget=50000")
    after = {name: (copy / name / "manifest.json").stat().st_mtime_ns for name in stages}
    changed = [name for name in stages if before[name] != after[name]]
    assert changed == ["tokens", "mix", "shards"], "the budget says how much is tokenized"
    receipt = json.loads((copy / "report.json").read_text())["mix"]["sources"]
    assert sum(row["delivered_tokens"] for row in receipt.values()) == 50_000
    assert all(row["asked_tokens"] == row["delivered_tokens"] for row in receipt.values())


def test_tokenizing_only_what_is_drawn_changes_no_byte(copy: Path, tmp_path: Path) -> None:
    run(copy, "--set", "mix.budget=20000")
    shutil.copytree(copy / "shards", tmp_path / "some")
    tokenized = json.loads((copy / "tokens/manifest.json").read_text())["documents"]
    run(copy, "--set", "mix.budget=20000", "--set", "mix.margin=1000")
    assert json.loads((copy / "tokens/manifest.json").read_text())["documents"] > 1.5 * tokenized
    before = digests(tmp_path, "some")
    assert digests(copy, "shards") == {
        f"shards/{name.removeprefix('some/')}": digest for name, digest in before.items()
    }


def test_every_document_of_the_index_ends_in_the_end_id(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether token parts are mapped or, being many or remote, read one after another."""
    tokenizer = load(Settings(), str(copy / "tokenizer" / "ranks.tiktoken"))
    run(copy, "--set", "mix.budget=20000")
    ids = np.fromfile(copy / "shards/train/part-00000.bin", np.uint16)
    index = pq.read_table(copy / "shards/train/part-00000.parquet")
    assert not pc.any(index.column("cut")).as_py()
    drawn = pq.read_table(copy / "mix/train.parquet")
    assert pc.sum(drawn.column("cut")).as_py() >= 4, "one of each source is cut"
    ends = np.cumsum(index.column("tokens").to_numpy()) - 1
    assert np.flatnonzero(ids == tokenizer.end_id).tolist() == ends.tolist()
    assert len(ids) == 20_000
    before = digests(copy, "shards")
    monkeypatch.setattr("corpusforge.run.shards.MAPPED", 0)
    (copy / "shards" / "manifest.json").unlink()
    shutil.rmtree(copy / "shards" / "_receipts", ignore_errors=True)
    run(copy, "--set", "mix.budget=20000")
    assert digests(copy, "shards") == before


def test_characters_without_an_id_stand_in_the_ledger(copy: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    letters = [chr(n) for n in range(32, 127)] + ["\n", "\t"]
    vocab = {name: n for n, name in enumerate(["<unk>", "</s>", *letters])}
    made = Tokenizer(models.BPE(vocab=vocab, merges=[], unk_token="<unk>"))
    (tmp_path / "tokenizer.json").write_text(made.to_str())
    run(copy, "--set", f"tokenize.tokenizer={tmp_path / 'tokenizer.json'}")
    rows = json.loads((copy / "report.json").read_text())["ledger"]
    told = {
        r["source"]: r["notes"].get("unknown_characters", 0)
        for r in rows
        if r["stage"] == "tokenize"
    }
    languages = json.loads((copy / "tokens/manifest.json").read_text())["extra"]["languages"]
    assert sum(told.values()) == sum(tally["unknown"] for tally in languages.values()) > 10_000
    assert languages["zh"]["unknown"] > 0.9 * languages["zh"]["characters"]


def test_the_memmap_decodes_to_the_documents_the_index_names(base: Path) -> None:
    tokenizer = load(Settings(), str(base / "tokenizer" / "ranks.tiktoken"))
    ids = np.memmap(base / "shards/train/part-00000.bin", dtype=np.uint16, mode="r")
    index = pq.read_table(base / "shards/train/part-00000.parquet").to_pylist()
    texts = {
        row["id"]: row["text"]
        for path in (base / "documents").glob("part-*.parquet")
        for row in pq.read_table(path, columns=["id", "text"]).to_pylist()
    }
    assert sum(row["tokens"] for row in index) == len(ids)
    cut_by_decontamination = {
        row["id"]
        for path in (base / "contamination").glob("part-*.parquet")
        for row in pq.read_table(path, columns=["id"]).to_pylist()
    }
    cut = pq.read_table(base / "mix/train.parquet", columns=["cut"]).column("cut").to_pylist()
    whole = 0
    for row, short in zip(index, cut, strict=True):
        own = ids[row["start"] : row["start"] + row["tokens"]]
        assert own[-1] == tokenizer.end_id
        if row["id"] in cut_by_decontamination:
            continue
        if short:
            shown = tokenizer.decode(own[:-1]).rstrip("\ufffd")
            assert texts[row["id"]].startswith(shown)
            continue
        assert tokenizer.decode(own[:-1]) == texts[row["id"]]
        whole += 1
    assert whole > 100


def test_every_stage_balances_and_hands_on_what_it_kept(base: Path) -> None:
    rows = json.loads((base / "report.json").read_text())["ledger"]
    assert all(r["seen"] == r["kept"] + r["failed"] + sum(r["dropped"].values()) for r in rows)
    path = ["ingest", "extract", "identify", "filter", "score", "dedup", "decontaminate", "tokenize",
            "mix", "shard"]  # fmt: skip
    kept = {(r["stage"], r["source"]): r["kept"] for r in rows}
    seen = {(r["stage"], r["source"]): r["seen"] for r in rows}
    for source in ("web", "wikipedia", "books", "code"):
        for earlier, later in itertools.pairwise(path):
            assert seen[later, source] == kept[earlier, source], (source, later)


def test_verify_finds_a_changed_and_a_missing_file(copy: Path) -> None:
    assert commands.verify(str(copy)) == []
    with (copy / "shards/train/part-00000.bin").open("r+b") as stream:
        stream.write(b"\xff\xff")
    (copy / "mix/val.parquet").unlink()
    assert commands.verify(str(copy)) == [
        "mix/val.parquet: missing",
        "shards/train/part-00000.bin: its SHA-256 is not the recorded one",
    ]


def test_a_deleted_file_of_a_complete_run_is_made_again(base: Path, copy: Path) -> None:
    (copy / "shards/train/part-00000.bin").unlink()
    (copy / "scores/part-00000.parquet").unlink()
    run(copy)
    assert digests(copy, *DATA) == digests(base, *DATA)


def test_a_file_named_by_two_patterns_is_read_once(base: Path, tmp_path: Path) -> None:
    sample = Path(pretrain_mix.__file__).parents[1] / "examples" / "sample_corpus"
    once = ["--source", f"books={sample}/books/*.txt", "--until", "documents"]
    twice = [*once, "--source", f"books={sample}/*/*.txt"]
    run(tmp_path / "run", *twice)
    rows = json.loads((tmp_path / "run/documents/manifest.json").read_text())["ledger"]
    seen = {row["source"]: row["seen"] for row in rows if row["stage"] == "ingest"}
    assert seen["books"] == len(list((sample / "books").glob("*.txt")))


def test_why_tells_the_story_of_a_document(base: Path) -> None:
    dropped = pq.read_table(base / "dropped").to_pylist()
    copy = next(row for row in dropped if row["stage"] == "dedup")
    lines = commands.explain(str(base), copy["id"])
    assert any("dropped at dedup: " in line for line in lines)
    assert any("duplicate:" in line and "kept, similarity" in line for line in lines)
    with pytest.raises(RunError, match="knows no document 'nobody'"):
        commands.explain(str(base), "nobody")


@pytest.mark.parametrize(
    ("keep", "gone"), [("final", {"tokens"}), ("none", set(DATA) - {"shards"})]
)
def test_keep_removes_what_it_says_and_the_rest_verifies(
    copy: Path, keep: str, gone: set[str]
) -> None:
    run(copy, "--keep", keep, "--force", "shards")
    assert {name for name in DATA if not (copy / name).exists()} == gone
    assert commands.verify(str(copy)) == []
    run(copy, "--keep", keep)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (("--source", "web=/nowhere/*.warc"), InputError, "source 'web': no file matches"),
        (("--source", "extra=/nowhere/x"), RecipeError, "--source extra:KIND=GLOB"),
        (("--set", "mix.weights.wep=1"), RecipeError, "Did you mean 'web'"),
        (("--set", "mix.budget=1e6"), RecipeError, "expected a whole number or text in quotes"),
        (("--set", "max_failed_ratio=7"), RecipeError, "expected 0..1"),
        (("--set", "sources.web.path="), RecipeError, "empty pattern"),
        (("--set", "mix.weights.web=0"), RecipeError, "mix.weights.web is 0"),
        (("--set", "mix.wieghts={web=1}"), RecipeError, "Did you mean 'weights'"),
        (("--recipe", "sampel"), RecipeError, "Did you mean 'sample'"),
        (("--until", "tokenz"), InputError, "Did you mean 'tokens'"),
        (("--runner", "DaskRunner"), InputError, "drops all but the last branch"),
    ],
)
def test_what_is_given_wrongly_is_said_and_nothing_is_written(
    tmp_path: Path, options: tuple[str, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(tmp_path / "run", *options)
    assert list(tmp_path.iterdir()) == []


def test_no_file_of_the_run_holds_personal_data_or_secrets_that_were_planted(base: Path) -> None:
    """Every file, Parquet columns decoded: what planted.json says must be absent is nowhere."""
    planted = json.loads(
        (Path(pretrain_mix.__file__).parents[1] / "examples/sample_corpus/planted.json").read_text()
    )
    originals = [
        text
        for item in planted["items"]
        if item["outcome"] == "redacted"
        for text in (*item.get("absent", ()), *item.get("absent_prefix", ()))
    ]
    assert len(originals) > 5
    for path in sorted(base.rglob("*")):
        if path.suffix == ".parquet":
            text = json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False, default=str)
        elif path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
        else:
            continue
        assert [original for original in originals if original in text] == [], path
    tokenizer = load(Settings(), str(base / "tokenizer" / "ranks.tiktoken"))
    for path in (base / "shards").rglob("*.bin"):
        text = tokenizer.decode(np.fromfile(path, dtype=np.uint16))
        assert [original for original in originals if original in text] == [], path


def test_a_full_disk_is_said_and_nothing_looks_complete(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writing fails in the same place."""
    code = (
        "import resource, sys; from pipelines.pretrain_mix import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        f"sys.exit(main(['--output', {str(tmp_path / 'run')!r}, '--workers', '1', '--quiet']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 2
    assert "error: cannot write" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run" / "documents" / "manifest.json").exists()
    assert not (tmp_path / "run" / "documents" / "part-00000.parquet").exists()


def test_an_empty_source_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.warc").touch()
    with pytest.raises(InputError, match="source 'web': all of its 1 files are empty"):
        run(tmp_path / "run", "--source", f"web={tmp_path}/empty.warc")


def test_a_run_of_another_recipe_and_foreign_files_are_not_touched(
    copy: Path, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="holds a run of recipe 'sample', not 'mine'"):
        run(copy, "--set", "name=mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="files that no run wrote"):
        run(tmp_path / "other")
    assert (tmp_path / "other" / "thesis.txt").read_text() == "mine"


def test_two_runs_on_one_directory(copy: Path) -> None:
    with lock(str(copy)), pytest.raises(RunError, match="is being written by process"):
        run(copy)


def test_main_prints_the_error_and_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pretrain_mix.main(["--output", str(tmp_path / "x"), "--recipe", "nope"]) == 2
    assert capsys.readouterr().err.startswith("error: no recipe named 'nope'.")


def test_commands_print_and_return_0(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(base)]) == 0
    assert cli.main(["inspect", str(base)]) == 0
    assert cli.main(["diff", str(base), str(base)]) == 0
    assert cli.main(["check", "sample"]) == 0
    assert cli.main(["recipe", "show", "sample"]) == 0
    assert cli.main(["recipe", "list"]) == 0
    out = capsys.readouterr().out
    assert "no difference in any reported figure" in out
    assert cli.main(["verify", str(base / "shards")]) == 2


def test_repeated_lines_are_cut_once_found_and_counted(tmp_path: Path) -> None:
    """Hand count: one footer in four documents (three cuts), one document of nothing but the footer."""
    footer = "This page is part of the harbour collection and may be freely copied by anyone."
    bodies = [
        f"{place} was built in {year} by people of whom little else is known today, it is said."
        for place, year in (("The mill", 1712), ("A bridge", 1803), ("The old school", 1866))
    ]
    texts = [f"{body}\n{footer}\n" for body in bodies] + [f"{footer}\n"]
    rows = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = tmp_path / "lines.toml"
    recipe.write_text(
        'name = "lines"\n[sources.docs]\nkind = "documents"\n[filter.rules]\ndocs = []\n'
        '[dedup]\nspans = "line"\norder = ["longest"]\n[score.keep]\nrule = "none"\n'
        "[tokenize]\nvocab_size = 300\n[mix]\nvalidation = 0.0\nepoch_cap = 1.0\n"
    )
    options = ["--recipe", str(recipe), "--source", f"docs={tmp_path}/in.jsonl"]
    run(tmp_path / "run", *options)
    cuts = pq.read_table(tmp_path / "run/duplicates/repeats-00000.parquet").to_pylist()
    assert len(cuts) == 2, "the footer stays in the longest document"
    ledger = json.loads((tmp_path / "run/report.json").read_text())["ledger"]
    dedup = next(row for row in ledger if row["stage"] == "dedup")
    assert dedup["dropped"] == {"repeats": 1}
    assert dedup["notes"] == {"cut:repeats": 2}
    tokenizer = load(Settings(), str(tmp_path / "run/tokenizer/ranks.tiktoken"))
    ids = np.fromfile(tmp_path / "run/shards/train/part-00000.bin", dtype=np.uint16)
    assert tokenizer.decode(ids).count(footer) == 1
