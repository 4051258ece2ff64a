"""What the modes write beside rows: about each task, its demonstrations, and sequences for a classifier.

`corpusforge.instruct.records.Row` holds what they all make.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Demonstration", "LabelSequence", "TaskNote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskNote:
    """A task that people made (tasks.jsonl): where its examples come from, and how many were drawn.

    `family` is what is warned of where it takes over.
    """

    task: str
    mode: str
    family: str
    language: str
    source: str = ""
    licence: str = ""
    examples: int = 0
    drawn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """A task's own worked example (demonstrations.jsonl), positive or negative."""

    task: str
    language: str
    positive: bool
    input: str
    output: str
    explanation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSequence:
    """A labelled example as token sequences (sequences.jsonl).

    After GPT-1 (Radford et al. 2018): one sequence for a text and for an entailment, both orders for a
    similarity, one sequence for each choice. `label` is the example's own; `choice` is the place of the
    right sequence among the choices, -1 for the other forms.
    """

    id: str
    task: str
    form: str
    language: str
    sequences: tuple[str, ...]
    label: str
    choice: int = -1
    rows: tuple[str, ...] = ()
    """Ids of the rows that the same example gave."""
