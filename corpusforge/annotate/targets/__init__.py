"""Labelling tools by name: how tasks go to each, and how its answers come back.

    TARGETS["label-studio"].write(tasks, job, directory) -> paths
    TARGETS["label-studio"].read(paths, tasks, job) -> Ranking or Refused for each answer

docs/annotate_targets.md describes every file.
"""

from __future__ import annotations

from corpusforge.annotate.targets.argilla import Argilla
from corpusforge.annotate.targets.common import Target
from corpusforge.annotate.targets.crowd import Crowd
from corpusforge.annotate.targets.labelstudio import LabelStudio
from corpusforge.annotate.targets.page import Page

__all__ = ["TARGETS", "Target"]

TARGETS: dict[str, Target] = {
    "label-studio": LabelStudio(),
    "argilla": Argilla(),
    "csv": Crowd(),
    "html": Page(),
}
