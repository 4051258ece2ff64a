"""Dataflow by contract: the portable proto and the job request of every stage, without a network."""

from __future__ import annotations

import io
import socket
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2

from corpusforge.beam.remote import options_for
from corpusforge.beam.runner import build
from corpusforge.run.stage import Part, Stage
from corpusforge.testing import parts as work

pytest.importorskip("google.cloud.dataflow", reason="needs corpusforge[gcp]")

IMAGE = "europe-docker.pkg.dev/my-project/forge/corpusforge:0.1"
RUN = "gs://bucket/runs/web"
TOLD = ["--project=my-project", "--region=europe-west4", f"--sdk_container_image={IMAGE}"]
STAGES = ("documents", "signatures", "tokens", "shards")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def translate(name: str) -> Any:
    """Beam's own translation of a stage into a Dataflow job, up to the request."""
    options = PipelineOptions([*options_for("DataflowRunner", name, RUN, TOLD), "--dry_run=true"])
    stage = Stage(name, RUN, work.write_process, (), {}, {})
    pipeline = beam.Pipeline(runner="DataflowRunner", options=options)
    build(pipeline, stage, [[Part(name, i, RUN, None)] for i in range(3)], retried=True)
    return pipeline.run().job


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_translates(name: str) -> None:
    job = translate(name)
    pipeline: beam_runner_api_pb2.Pipeline = job.proto_pipeline
    names = {item.unique_name for item in pipeline.components.transforms.values()}
    assert name.capitalize() in names
    assert f"{name.capitalize()}/Make" in names
    inside = (f"{name.capitalize()}Parts/", "ref_AppliedPTransform")  # Beam's own, and the root
    own = {item for item in names if not item.startswith(inside)}
    assert own == {name.capitalize(), f"{name.capitalize()}/Make", f"{name.capitalize()}Parts"}
    assert job.proto.name == f"corpusforge-gs-bucket-runs-web-{name}"
    images = {
        beam_runner_api_pb2.DockerPayload.FromString(env.payload).container_image
        for env in pipeline.components.environments.values()
    }
    assert images == {IMAGE}


def test_translation_is_stable() -> None:
    """Equal stages give equal graphs: names, coders and inputs do not depend on the process."""
    first, second = (translate("documents").proto_pipeline.components for _ in range(2))
    names = [sorted(t.unique_name for t in c.transforms.values()) for c in (first, second)]
    assert names[0] == names[1]
    coders = [sorted(c.spec.urn for c in p.coders.values()) for p in (first, second)]
    assert coders[0] == coders[1]


def test_the_job_request_says_what_the_preset_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from apache_beam.runners.dataflow.internal import apiclient

    staged: dict[str, bytes] = {}

    class Client(apiclient.DataflowApplicationClient):
        def __init__(self) -> None:
            self._sdk_image_overrides: dict[str, str] = {}
            self.environment_version = "8"

        def stage_file_with_retry(
            self, folder: str, name: str, stream: io.BytesIO, **_: object
        ) -> None:
            staged[f"{folder}/{name}"] = stream.read()

        def _stage_resources(self, *_: object) -> list[str]:
            return []

    job = translate("documents")
    Client().create_job_description(job)
    pool = job.proto.environment.worker_pools[0]
    assert pool.machine_type == "n2-standard-4"
    assert pool.disk_size_gb == 50
    images = [str(item.container_image) for item in pool.sdk_harness_container_images]
    assert images == [IMAGE]
    assert "use_multiple_sdk_containers" in job.proto.environment.experiments
    ((path, sent),) = staged.items()
    assert path.startswith(f"{RUN}/_beam/")
    assert beam_runner_api_pb2.Pipeline.FromString(sent).root_transform_ids
