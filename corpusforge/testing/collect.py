"""The elements of a PCollection, back in the test that made the pipeline."""

from __future__ import annotations

import pickle
import uuid
from pathlib import Path
from typing import Any

import apache_beam as beam

__all__ = ["Collect", "collected"]


class Collect(beam.PTransform):
    """Write every element to a directory, from whichever process holds it; read by `collected`."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = str(directory)

    def expand(self, elements: beam.PCollection) -> beam.PCollection:
        """Any elements that pickle, in; nothing out."""
        Path(self._directory).mkdir(parents=True, exist_ok=True)
        return elements | "Write" >> beam.Map(_write, self._directory)


def _write(element: Any, directory: str) -> None:
    (Path(directory) / uuid.uuid4().hex).write_bytes(pickle.dumps(element))


def collected(directory: Path) -> list[Any]:
    """Return what a `Collect` wrote, in no order."""
    return [pickle.loads(path.read_bytes()) for path in sorted(directory.iterdir())]  # noqa: S301 - our own
