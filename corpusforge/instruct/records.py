"""The records of the instruction journey: tasks, instances, rejected candidates, finished rows.

`Task` keeps the JSONL schema of Self-Instruct's seed file (id, name, instruction, instances,
is_classification) plus `language`, so the original's own seeds load too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Instance", "Lineage", "Machine", "Reject", "Row", "Similar", "Task"]


@dataclass(frozen=True, slots=True)
class Instance:
    """One filled-in example of a task; `input` may be empty."""

    input: str
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task: an instruction and its instances. `origin` is "seed" or "machine"."""

    id: str
    instruction: str
    instances: tuple[Instance, ...] = ()
    is_classification: bool | None = None
    name: str = ""
    language: str = "en"
    origin: str = "seed"


@dataclass(frozen=True, slots=True)
class Similar:
    """A pool member close to a text: ROUGE-L F1 is 2·lcs / (left + right), lengths in tokens."""

    id: str
    lcs: int
    left: int
    right: int

    @property
    def f1(self) -> float:
        """ROUGE-L F1 in [0, 1]."""
        return 2 * self.lcs / (self.left + self.right) if self.left + self.right else 0.0

    @property
    def fraction(self) -> str:
        """The similarity and how it comes about, for a reject."""
        return f"{self.f1:.4f} = 2·{self.lcs}/({self.left}+{self.right})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An instruction that a model wrote and that passed the filters: a member of the pool.

    `seeds` and `parents` are the tasks of its prompt, `request` its journal key.
    `is_classification` is None where nobody asked, or the answer was neither yes nor no.
    """

    id: str
    instruction: str
    language: str
    round: int
    request: str
    prompt_version: str
    seeds: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    most_similar: tuple[Similar, ...] = ()
    is_classification: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a row comes from: enough to make it again.

    `prompt_version` is "name.vN@hash8". `requests` are the journal keys it was made from.
    """

    seeds: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    prompt_version: str = ""
    engine: str = ""
    model: str = ""
    model_licence: str = ""
    sampling: str = ""
    round: int = 0
    requests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One finished example, before it takes an export's form.

    `reasoning` is a field of its own and joins the answer only at export. `group` is the
    near-duplicate group that a train/validation split keeps whole. `kind`: instruct, cot, evol,
    grounded, dialogue, clarify, admit, premise, refuse, unknown, and the modes. `turns` (role, text) holds a
    dialogue's turns and is empty for single-turn rows.
    """

    id: str
    task: str
    instruction: str
    input: str
    output: str
    language: str
    kind: str = "instruct"
    is_classification: bool = False
    reasoning: str = ""
    system: str = ""
    turns: tuple[tuple[str, str], ...] = ()
    group: str = ""
    most_similar: tuple[Similar, ...] = ()
    pass_rate: tuple[int, int] = (0, 0)
    agreement: tuple[int, int] = (0, 0)
    """New answers of the model that agree with the output, and how many could be compared."""
    score: int = 0
    """A judge's 1 to 5; 0 where nobody judged."""
    score_reason: str = ""
    flags: tuple[str, ...] = ()
    lineage: Lineage = field(default_factory=Lineage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Why a candidate was refused: step, rule, value against bound, and the candidate itself."""

    id: str
    step: str
    rule: str
    language: str
    text: str
    value: str = ""
    bound: str = ""
    nearest: str = ""
    request: str = ""
    round: int = 0
