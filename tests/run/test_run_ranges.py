"""The journey with a mixture in ranges: the bytes of one task, for what is chosen, drawn and written."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from corpusforge.cli import main
from corpusforge.run.mix import stream_files
from pipelines import pretrain_mix


def run(output: Path, *options: str) -> None:
    again = "decontaminate.sets.again=package:examples/sample_corpus/eval/quiz.jsonl:question"
    told = ["--output", str(output), "--workers", "1", "--quiet", "--set", again]
    split = ["--set", "dedup.action=mark", "--set", "mix.validation=0.04"]
    pretrain_mix.run([*told, *split, "--set", "mix.budget=20000", *options])


def digests(output: Path, *folders: str) -> dict[str, str]:
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted((output / folder).rglob("part-*"))
        if "_receipts" not in path.parts
    }


def test_the_journey_in_ranges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, ranges = tmp_path / "whole", tmp_path / "ranges"
    run(whole)
    assert not [
        name for name in ("windows", "candidates", "supply", "draws") if (whole / name).exists()
    ]
    shutil.copytree(whole, ranges)
    (ranges / "choice" / "manifest.json").unlink()
    (ranges / "evaluation" / "manifest.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr("corpusforge.run.contamination.TOGETHER", 1)
        patch.setattr("corpusforge.run.shards.MAPPED", 1)  # shards are put together part by part
        told = (
            "mix.range_documents=40",
            "shard.shard_megabytes=0.01",
            "score.sample_megabytes=0.01",
        )
        run(ranges, *(word for value in told for word in ("--set", value)))
    run(whole, "--set", "shard.shard_megabytes=0.01")
    assert len(list((whole / "shards/train").glob("*.bin"))) > 2
    assert len(stream_files(str(ranges), "train")) > 1
    assert len(list((ranges / "windows").glob("*.parquet"))) > 2
    assert len(list((ranges / "evaluation").glob("part-*.bin"))) == 2
    for path in ("classifier/model.bin", "evaluation/index.bin"):
        assert (ranges / path).read_bytes() == (whole / path).read_bytes()
    folders = ("choice", "tokens", "shards")
    assert digests(ranges, *folders) == digests(whole, *folders)
    receipts = [json.loads((folder / "mix/receipt.json").read_text()) for folder in (whole, ranges)]
    assert receipts[0] == receipts[1]
    reports = [json.loads((folder / "report.json").read_text()) for folder in (whole, ranges)]
    assert reports[0]["mix"] == reports[1]["mix"]
    assert receipts[0]["val"]["tokens"] > 0.6 * receipts[0]["val"]["asked_tokens"]
    name = sorted(receipts[0]["train"]["sources"])[0]
    assert receipts[0]["train"]["sources"][name]["documents"] > 0
    capsys.readouterr()
    assert main(["verify", str(ranges)]) == 0
    found = [story(folder, capsys) for folder in (whole, ranges)]
    assert found[0] == found[1]
    assert "in the train stream" in found[0]


def story(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `why` tells of the document that stands first in the stream."""
    import pyarrow.parquet as pq

    first = pq.read_table(stream_files(str(folder), "train")[0]).column("id")[0].as_py()
    capsys.readouterr()
    assert main(["why", str(folder), first]) == 0
    return capsys.readouterr().out
