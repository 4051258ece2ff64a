"""The Grafana dashboard asks for what a run writes; trackers' own clients read what is exported."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpusforge import cli
from corpusforge.run.metrics import prometheus
from corpusforge.run.status import RunStatus, StageStatus
from corpusforge.run.trackers import figures, parameters, write_mlflow

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "examples/grafana/corpusforge.json").read_text())
RECIPE = {
    "name": "mine",
    "seed": 3,
    "score": {"keep": {"share": 0.5}},
    "sources": {"a b": ["x", "é"]},
}


def status(run: str = "runs/one", state: str = "complete") -> RunStatus:
    row = {"stage": "filter", "source": "a/../b", "seen": 6, "kept": 3, "failed": 1}
    row |= {"dropped": {"c4.v1:few words": 2}, "notes": {"mail": 4}}
    stages = (
        StageStatus(name="documents", state="done", parts=2, made=2, documents=6, input_bytes=10,
                    seconds=2.5, cpu_seconds=2.0, output_bytes=8),
        StageStatus(name="tokens", state="todo"),
    )  # fmt: skip
    return RunStatus(
        run=run, recipe="mine", state=state, holder="", updated=1000.5, error="", documents=6,
        input_bytes=10, stages=stages, ledger=[row],
    )  # fmt: skip


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def labels() -> dict[str, set[str]]:
    """The labels of each metric that a run writes."""
    found: dict[str, set[str]] = {}
    for line in prometheus(status()).splitlines():
        if not line.startswith("#"):
            name, inner = line.split("{", 1)
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', inner))
    return found


def test_every_metric_of_the_dashboard_is_one_that_a_run_writes() -> None:
    written = labels()
    asked = {name for text in expressions() for name in re.findall(r"corpusforge_\w+", text)}
    assert asked | {"corpusforge_run_info"} == set(written), "and the dashboard leaves none out"
    (run,) = [item for item in DASHBOARD["templating"]["list"] if item["name"] == "run"]
    assert run["query"]["query"] == "label_values(corpusforge_run_info, run)"
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            (first, *_) = re.findall(r"corpusforge_\w+", target["expr"])
            used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            used |= set(re.findall(r'(\w+)="', target["expr"]))
            for group in re.findall(r"by \(([\w, ]+)\)", target["expr"]):
                used |= set(group.split(", "))
            assert used <= written[first], target["expr"]


def test_panels_do_not_overlap_and_have_their_own_ids() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and all(x < 24 for x, _ in cells), panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize("text", expressions())
def test_every_expression_is_promql(text: str) -> None:
    parser = pytest.importorskip("promql_parser", reason="needs corpusforge[test]")
    parser.parse(text.replace("$run", "runs/gpt3"))
    with pytest.raises(ValueError, match=r"."):
        parser.parse(text + ")")


@pytest.mark.consumers
def test_grafana_s_own_types_read_the_dashboard() -> None:
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard")
    read = models.Dashboard.from_json(DASHBOARD)
    assert len(read.panels) == len(DASHBOARD["panels"])


def test_figures_by_hand() -> None:
    assert figures(status()) == {
        "documents": 6,
        "input_bytes": 10,
        "stage/documents/documents": 6,
        "stage/documents/input_bytes": 10,
        "stage/documents/output_bytes": 8,
        "stage/documents/seconds": 2.5,
        "stage/documents/cpu_seconds": 2.0,
        "ledger/filter/a_.._b/seen": 6,
        "ledger/filter/a_.._b/kept": 3,
        "ledger/filter/a_.._b/failed": 1,
        "ledger/filter/a_.._b/dropped": 2,
        "dropped/filter/a_.._b/c4.v1_few_words": 2,
    }
    assert dict(parameters(RECIPE)) == {
        "name": "mine",
        "seed": "3",
        "score.keep.share": "0.5",
        "sources.a_b": '["x", "é"]',
    }


@pytest.mark.parametrize("source", ["..", ".", "", "a/b", "/etc", "../../x"])
def test_no_name_of_a_source_leaves_the_store(tmp_path: Path, source: str) -> None:
    row = {"stage": source, "source": source, "seen": 1, "kept": 0, "failed": 0}
    row |= {"dropped": {source: 1}, "notes": {}}
    found = status(str(tmp_path / "run"))
    found.ledger[:] = [row]
    write_mlflow(found, {source: {source: 1}}, str(tmp_path / "mlruns"))
    assert [path.name for path in tmp_path.iterdir()] == ["mlruns"]
    (run,) = [path for path in (tmp_path / "mlruns").glob("*/*") if path.is_dir()]
    assert sum(path.is_file() for path in (run / "metrics").rglob("*")) == len(figures(found))


def test_a_run_that_is_exported_again_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, store = tmp_path / "run", tmp_path / "mlruns"
    run.mkdir()
    (run / "recipe.json").write_text(json.dumps(RECIPE))
    for _ in range(2):
        assert cli.main(["status", str(run), "--mlflow", str(store)]) == 11
    assert "in " + str(store) in capsys.readouterr().out
    assert len([path for path in store.glob("*/*") if path.is_dir()]) == 1
    assert cli.main(["status", str(run), "--mlflow", "s3://bucket/x"]) == 2
    assert "is a local directory" in capsys.readouterr().err


@pytest.mark.consumers
def test_mlflow_s_client_reads_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs corpusforge[consumers]")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    store = tmp_path / "mlruns"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.as_uri())
    client = mlflow.MlflowClient(tracking_uri=store.as_uri())
    theirs = client.create_run(client.create_experiment("theirs")).info
    states = {"complete": "FINISHED", "failed": "FAILED", "stopped": "KILLED", "running": "RUNNING"}
    names = [write_mlflow(status(f"runs/{s}", s), RECIPE, str(store)) for s in states]
    experiment = client.get_experiment_by_name("corpusforge mine")
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.run_id: run.info.status for run in runs} == dict(
        zip(names, states.values(), strict=True)
    )
    run = client.get_run(names[0])
    assert run.data.metrics == pytest.approx(figures(status()))
    assert run.data.params == dict(parameters(RECIPE))
    assert run.info.run_name == "complete"
    assert (run.info.start_time, run.info.end_time) == (998_000, 1_000_500)
    found = client.search_runs(
        [experiment.experiment_id], "metrics.documents = 6 and params.seed = '3'"
    )
    assert len(found) == 4
    assert client.get_run(theirs.run_id).info.status == "RUNNING", "what was there is as it was"
    client.log_metric(names[0], "loss", 1.5)
    assert client.get_run(names[0]).data.metrics["loss"] == 1.5, "a training may add its own"


def wandb_records(path: Path) -> Iterator[Any]:
    """The messages of an offline run: LevelDB's log (blocks of 32 KiB) behind seven bytes of W&B's."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, whole, at = path.read_bytes(), b"", 7
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, size, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # a whole record, or its last piece
            yield Record.FromString(whole)
            whole = b""


@pytest.mark.consumers
@pytest.mark.filterwarnings("ignore")
def test_wandb_writes_an_offline_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb", reason="needs corpusforge[consumers]")
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_text(json.dumps(RECIPE))
    assert cli.main(["status", str(run), "--wandb", str(tmp_path / "out")]) == 11
    folder = capsys.readouterr().out.split(": give it")[0].strip().splitlines()[-1]
    (path,) = Path(folder).glob("*.wandb")
    records = list(wandb_records(path))
    (about,) = [record.run for record in records if record.HasField("run")]
    assert (about.project, about.display_name) == ("corpusforge", "run")
    config = {item.key: json.loads(item.value_json) for item in about.config.update}
    assert config.items() >= dict(parameters(RECIPE)).items()
    (history,) = [record.history for record in records if record.HasField("history")]
    logged = {item.key or "/".join(item.nested_key): item.value_json for item in history.item}
    assert json.loads(logged["documents"]) == 0
