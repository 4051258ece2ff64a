"""The manifests of containers/kubernetes: by Kubernetes' own schemas, and by our own parsers.

Needs the package kubernetes-validate, which ships the schemas (kubeconform follows no local references).
The operator's own kind, FlinkDeployment, has no schema there: the pod template inside is checked as a Pod.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing.jsonschema

from corpusforge.beam import pool
from corpusforge.io.decoding import read_json
from pipelines import pretrain_mix

ROOT = Path(__file__).resolve().parents[2]
yaml = pytest.importorskip("yaml")


def documents(name: str) -> list[dict[str, Any]]:
    text = (ROOT / "containers" / "kubernetes" / name).read_text("utf-8")
    return list(yaml.safe_load_all(text))


def faults(kind: str, item: dict[str, Any]) -> list[str]:
    """Return what is wrong with an object by the schema of Kubernetes 1.31, unknown keys included."""
    found = importlib.util.find_spec("kubernetes_validate")
    if not found or not found.origin:
        pytest.skip("kubernetes-validate is not installed")
    folder = Path(found.origin).parent / "kubernetes-json-schema" / "v1.31.0-local-strict"
    shared = referencing.Resource.from_contents(
        read_json(str(folder / "_definitions.json")), referencing.jsonschema.DRAFT7
    )
    registry = referencing.Registry().with_resource("_definitions.json", shared)
    schema = read_json(str(folder / f"{kind}.json"))
    validator = jsonschema.Draft7Validator(schema, registry=registry)
    return [error.message for error in validator.iter_errors(item)]


def test_the_run_and_the_volume_conform() -> None:
    (run,) = documents("run.yaml")
    assert faults("job-batch-v1", run) == []
    assert faults("persistentvolumeclaim-v1", documents("flink.yaml")[1]) == []
    run["spec"]["template"]["spec"]["restartPolicy"] = 3
    assert faults("job-batch-v1", run) != []


def test_the_pods_of_the_cluster_conform() -> None:
    template = documents("flink.yaml")[0]["spec"]["taskManager"]["podTemplate"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, **template}
    assert faults("pod-v1", pod) == []
    pod["spec"]["containers"][0]["volumeMount"] = []
    assert faults("pod-v1", pod) != [], "a misspelt key is seen"


def test_commands_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = documents("run.yaml")
    (driver,) = run["spec"]["template"]["spec"]["containers"]
    options, beam = pretrain_mix._parsed(driver["args"])
    assert options.recipe == "gpt3" and "--artifacts_dir=/artifacts" in beam
    containers = documents("flink.yaml")[0]["spec"]["taskManager"]["podTemplate"]["spec"][
        "containers"
    ]
    command = containers[1]["command"]
    assert command[:3] == ["python", "-m", pool.__name__]
