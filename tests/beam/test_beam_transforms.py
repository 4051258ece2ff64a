"""The transforms, composed on the sample, decide as the staged run: document for document, drop for drop."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from corpusforge import recipe as recipes
from corpusforge.beam.coders import BatchCoder
from corpusforge.beam.dedup import DedupMinHash
from corpusforge.beam.flink_jar import find_jar
from corpusforge.beam.remote import prepare
from corpusforge.beam.transforms import (
    Clean,
    Decontaminate,
    Extract,
    Filter,
    FromDocuments,
    Identify,
    Outputs,
    Read,
    Redact,
    RedactNames,
    Score,
    ToDocuments,
    Tokenize,
)
from corpusforge.errors import InputError
from corpusforge.filter import rules_for
from corpusforge.io import files
from corpusforge.io.parquet import read_table
from corpusforge.recipe import Recipe, resolve_path
from corpusforge.records import Document, document_batch
from corpusforge.run.addresses import one_capture
from corpusforge.score.settings import KeepSettings
from corpusforge.survivors import read_survivors
from corpusforge.testing.collect import Collect, collected
from pipelines import pretrain_mix


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("staged") / "run"
    pretrain_mix.run(["--output", str(run), "--quiet", "--workers", "1"])
    return run


def source(pipeline: Any, recipe: Recipe, name: str) -> Outputs:
    """The map-only verbs over one source, as the documents stage strings them."""
    own = recipe.sources[name]
    paths = [i.path for pattern in own.path for i in files.list_files(resolve_path(pattern))]
    root = os.path.commonpath([os.path.dirname(path) for path in paths]) + "/"
    rules = rules_for(recipe.filter, name, own.kind)
    judged = [rule for rule in rules if rule.name != "url.v1"]
    read = (
        pipeline
        | f"Paths {name}" >> beam.Create(paths)
        | f"Read {name}"
        >> Read(
            own.kind,
            name,
            own.ingest,
            root=root,
            addresses=recipe.filter if len(judged) < len(rules) else None,
            capture=one_capture(name, recipe),
        )
    )
    steps = [
        Extract(name, recipe.extract),
        RedactNames(),
        Identify(recipe.identify),
        Clean(recipe.filter, lines=not {name, own.kind} & set(recipe.filter.lines_skip)),
        Filter(*judged),
        Redact(),
    ]
    for step in steps:
        read = read | f"{type(step).__name__} {name}" >> step
    return read


def compose(pipeline: Any, recipe: Recipe, model: str, target: Path) -> None:
    """The whole path but tokens, mixture and shards, its outputs collected."""
    chains = [
        source(pipeline, recipe, name)
        for name, own in recipe.sources.items()
        if any(files.list_files(resolve_path(pattern)) for pattern in own.path)
    ]
    rows = [chain.rows for chain in chains] | "Sources" >> beam.Flatten()
    settings = replace(recipe.score, model=model, train=type(recipe.score.train)())
    sets = {name: resolve_path(path) for name, path in recipe.decontaminate.sets.items()}
    scored = rows | Score(settings, recipe.score.keep, recipe.seed)
    clean = (
        scored | DedupMinHash(recipe.dedup, rounds=2) | Decontaminate(sets, recipe.decontaminate)
    )
    for tag in ("dropped", "failed"):
        letters = [getattr(out, tag) for out in (*chains, clean)] | f"All {tag}" >> beam.Flatten()
        _ = letters | f"Collect {tag}" >> Collect(target / tag)
    _ = clean | ToDocuments() | "Collect kept" >> Collect(target / "kept")


def survivors(run: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for index in range(len(list((run / "documents").glob("part-*.parquet")))):
        for batch in read_survivors(str(run), index, ["id", "text"], "contamination"):
            found.update(zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True))
    return found


def rows(run: Path, pattern: str) -> list[dict[str, Any]]:
    return [row for path in sorted(run.glob(pattern)) for row in read_table(str(path)).to_pylist()]


def in_memory(stack: ExitStack) -> Any:
    return stack.enter_context(beam.Pipeline(runner=FnApiRunner()))


def on_flink(stack: ExitStack) -> Any:
    options = prepare("FlinkRunner", 2, [], stack)
    return stack.enter_context(
        beam.Pipeline(runner="FlinkRunner", options=PipelineOptions(options))
    )


FLINK = [
    pytest.mark.flink,
    pytest.mark.skipif(shutil.which("java") is None, reason="no java"),
    pytest.mark.skipif(find_jar() is None, reason="no Flink job server; see docs/flink.md"),
]


@pytest.mark.parametrize("where", [in_memory, pytest.param(on_flink, marks=FLINK)])
def test_decisions_are_the_staged_runs(staged: Path, tmp_path: Path, where: Any) -> None:
    with ExitStack() as stack:
        compose(
            where(stack), recipes.load("sample"), str(staged / "classifier/model.bin"), tmp_path
        )
    kept = {document.id: document.text for document in collected(tmp_path / "kept")}
    assert kept == survivors(staged)
    keys = ("id", "stage", "rule", "value", "bound", "url", "locator", "source")
    dropped = Counter(
        tuple(getattr(row, key) for key in keys) for row in collected(tmp_path / "dropped")
    )
    assert dropped == Counter(
        tuple(row[key] or "" for key in keys) for row in rows(staged, "dropped/*.parquet")
    )
    keys = ("id", "stage", "error", "locator", "source")
    failed = Counter(
        tuple(getattr(row, key) for key in keys) for row in collected(tmp_path / "failed")
    )
    assert failed == Counter(
        tuple(row[key] or "" for key in keys) for row in rows(staged, "failed/*.parquet")
    )
    assert len(dropped) > 20 and len(failed) == 1


def documents() -> list[Document]:
    texts = [
        "The first text of three, in English.",
        "第二篇文章，是中文的。",
        "Der dritte Text ist deutsch.",
    ]
    return [
        Document(f"d{n}", "own", "", "text", text, f"place {n}") for n, text in enumerate(texts)
    ]


def test_a_source_and_a_sink_of_ones_own(tmp_path: Path) -> None:
    def is_long(text: str) -> bool:
        return len(text) > 15

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        out = pipeline | beam.Create(documents()) | FromDocuments() | Identify() | Filter(is_long)
        _ = out | ToDocuments() | "Kept" >> Collect(tmp_path / "kept")
        _ = out.dropped | "Dropped" >> Collect(tmp_path / "dropped")
    kept = {document.id: document.lang for document in collected(tmp_path / "kept")}
    assert kept == {"d0": "en", "d2": "de"}
    (row,) = collected(tmp_path / "dropped")
    assert (row.id, row.rule, row.value, row.bound) == ("d1", "is_long", "False", "True")


def test_ids_are_a_column(tmp_path: Path, data: Path) -> None:
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    ranks = str(data / "tokenizers" / "r50k_base.tiktoken")
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        out = pipeline | beam.Create(documents()) | FromDocuments() | Tokenize(ranks)
        _ = out.rows | Collect(tmp_path / "rows")
    reference = tiktoken.Encoding(
        "r50k",
        pat_str=r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s""",
        mergeable_ranks=load_tiktoken_bpe(ranks),
        special_tokens={"<|endoftext|>": 50256},
    )
    expected = {d.id: [*reference.encode_ordinary(d.text), 50256] for d in documents()}
    found = {
        row["id"]: row["ids"] for batch in collected(tmp_path / "rows") for row in batch.to_pylist()
    }
    assert found == expected


def test_a_failing_function_costs_its_document_only(tmp_path: Path) -> None:
    def fails_on_chinese(text: str) -> bool:
        return bool(text.encode("ascii"))

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        out = pipeline | beam.Create(documents()) | FromDocuments() | Filter(fails_on_chinese)
        _ = out.failed | "Failed" >> Collect(tmp_path / "failed")
        _ = out | ToDocuments() | "Kept" >> Collect(tmp_path / "kept")
    (row,) = collected(tmp_path / "failed")
    assert row.id == "d1" and row.stage == "filter" and "UnicodeEncodeError" in row.error
    assert "中文" not in row.error
    assert {document.id for document in collected(tmp_path / "kept")} == {"d0", "d2"}


def test_counters_tell_every_rule() -> None:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    rows = pipeline | beam.Create(documents()) | FromDocuments() | Identify()
    _ = rows | Filter("gopher_quality.v1")
    result = pipeline.run()
    result.wait_until_finish()
    counts = {
        (c.key.metric.namespace, c.key.metric.name): c.committed
        for c in result.metrics().query()["counters"]
    }
    assert counts["corpusforge.identify", "kept"] == 3
    assert counts["corpusforge.filter", "dropped/gopher_quality.v1:words"] == 3


def test_the_coder_gives_the_batch_back() -> None:
    batch = document_batch(documents(), flags=["", "generated", ""])
    again = BatchCoder().decode(BatchCoder().encode(batch))
    assert again.equals(batch) and BatchCoder().is_deterministic()
    assert isinstance(beam.coders.registry.get_coder(pa.RecordBatch), BatchCoder)
    empty = batch.slice(0, 0)
    assert BatchCoder().decode(BatchCoder().encode(empty)).equals(empty)


def test_what_needs_the_whole_corpus_is_refused() -> None:
    with pytest.raises(InputError, match="top"):
        Score("model.bin", KeepSettings(rule="top", share=0.5))
    with pytest.raises(InputError, match=r"no rule 'c4\.v2'"):
        Filter("c4.v2")
