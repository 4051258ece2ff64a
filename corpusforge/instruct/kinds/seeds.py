"""The hand-written examples of each kind: `seeds/kinds_KIND.jsonl`, English and Chinese.

Shown to the model as requests of their sort; never given out as rows. Limit: six of a language and
kind, so they set a tone and a form, not a range of subjects; those come from the rows.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

from corpusforge.instruct.kinds.checks import KINDS
from corpusforge.io.decoding import decode_json

__all__ = ["KindSeed", "kind_seeds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSeed:
    """One example. `note` says what is missing, wrong, really so, harmful, or why nobody can know.

    `task` and `wrong` are the first turns of an admitted error and empty for the other kinds.
    """

    id: str
    kind: str
    language: str
    request: str
    note: str
    output: str
    task: str = ""
    wrong: str = ""


@functools.cache
def kind_seeds(kind: str, language: str) -> tuple[KindSeed, ...]:
    """Return the examples of a kind in a language, in file order."""
    assert kind in KINDS, kind
    folder = resources.files("corpusforge.instruct").joinpath("seeds")
    lines = folder.joinpath(f"kinds_{kind}.jsonl").read_bytes().splitlines()
    seeds = (decode_json(line, KindSeed) for line in lines)
    return tuple(seed for seed in seeds if seed.language == language)
