"""What every stage builder of a run sees."""

from __future__ import annotations

from dataclasses import dataclass, field

from corpusforge.manifest import Manifest
from corpusforge.recipe import Recipe
from corpusforge.run.inputs import InputFile

__all__ = ["Context"]


@dataclass(slots=True)
class Context:
    """What stage builders see: the run, its recipe and inputs, the manifests so far."""

    run: str
    recipe: Recipe
    inputs: list[InputFile]
    skipped: list[str] = field(default_factory=list)
    manifests: dict[str, Manifest] = field(default_factory=dict)

    @property
    def part_count(self) -> int:
        """How many document parts there are."""
        return int(self.manifests["documents"].extra["parts"])

    def reads(self, *names: str) -> dict[str, str]:
        """Return the content digests of the named stages, as far as they ran."""
        return {name: self.manifests[name].digest for name in names if name in self.manifests}

    def part_size(self, index: int) -> int:
        """Return the stored bytes of document part `index`."""
        return int(self.manifests["documents"].extra["part_bytes"][index])
