"""Spark for real, in its job server's own process, where the assembled job server is in Beam's cache."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from corpusforge.beam.assemble import assembled_jar
from pipelines import pretrain_mix

pytestmark = [
    pytest.mark.flink,
    pytest.mark.skipif(shutil.which("java") is None, reason="no java"),
    pytest.mark.skipif(
        not assembled_jar("spark").exists(),
        reason="no Spark job server in Beam's cache; docs/flink.md says how to get it",
    ),
]


def tokens(output: Path) -> dict[str, str]:
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((output / "shards").rglob("*.bin"))
    }


def test_the_sample_has_the_same_shards(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    pretrain_mix.run(["--output", str(here), "--quiet"])
    pretrain_mix.run(["--output", str(there), "--quiet", "--runner", "SparkRunner"])
    assert tokens(there) == tokens(here)
    assert len(tokens(here)) == 2
