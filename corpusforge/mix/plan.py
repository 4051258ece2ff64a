"""The plan of a mixture: how many tokens each source and sub-mix gives, before any is drawn.

Weights are in tokens and independent of size (Brown et al. 2020, table 2.2): a small source is
repeated, a large one sampled, up to a cap on epochs. Arithmetic is exact (fractions), so the tokens
asked sum to the budget and do not depend on the machine. Limit: a plan knows counts only; what
documents hold is the business of filters and scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from corpusforge.errors import RecipeError
from corpusforge.mix.hierarchy import Node, check, tree
from corpusforge.mix.settings import Phase, Settings

__all__ = [
    "PhasePlan",
    "Plan",
    "Share",
    "plan",
    "plan_validation",
    "shortfalls",
    "validation_tokens",
]

REPORTED_TOLERANCE = 0.05
"""Papers print epochs to two digits; a larger relative difference is worth a note."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one leaf of the mixture gives. `weight` is its normalised share as asked for."""

    path: str
    source: str
    weight: float
    available: int
    asked: int
    cap: float

    @property
    def epochs(self) -> float:
        """How often its tokens are seen."""
        return self.asked / self.available if self.available else 0.0


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """Tokens asked of each leaf in one stretch of the stream."""

    name: str
    asked: dict[str, int]

    @property
    def tokens(self) -> int:
        """The length of the stretch."""
        return sum(self.asked.values())


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole mixture: shares by path, phases in order, and what a reader should know."""

    shares: tuple[Share, ...]
    phases: tuple[PhasePlan, ...]
    notes: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """Tokens of the stream."""
        return sum(share.asked for share in self.shares)

    def table(self) -> str:
        """Return the plan as text for a terminal: a line per share, then the notes."""
        width = max([len(share.path) for share in self.shares] + [6])
        head = f"{'source':<{width}} {'weight':>8} {'share':>8} {'available':>21} {'asked':>21}"
        lines = [f"{head} {'epochs':>8}"]
        for share in self.shares:
            got = share.asked / self.tokens if self.tokens else 0.0
            lines.append(
                f"{share.path:<{width}} {share.weight:>8.2%} {got:>8.2%} {share.available:>21,} "
                f"{share.asked:>21,} {share.epochs:>8.3f}"
            )
        total = sum(share.available for share in self.shares)
        lines.append(f"{'total':<{width}} {'':>8} {'':>8} {total:>21,} {self.tokens:>21,}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def plan(settings: Settings, available: Mapping[str, int]) -> Plan:
    """Return the plan for `available` tokens by leaf path (by source where a source is not split).

    Raises RecipeError where a name is unknown, nothing is available, or a cap binds under policy
    `error`.
    """
    sources = sorted({path.split("/")[0] for path in available})
    check(settings, sources)
    weights = settings.weights or _by_size(available)
    if not weights:
        raise RecipeError("mix: no source has any tokens. Check the sources and filters.")
    phases = settings.phases or (Phase(name="all", share=1.0, weights=weights),)
    notes = _weight_notes(settings, weights, sources)
    forests = [tree(phase.weights, settings.split) for phase in phases]
    share_sum = sum((Fraction(phase.share) for phase in phases), Fraction(0))
    shares = [Fraction(phase.share) / share_sum for phase in phases]
    room = _room(forests, settings, available)
    wanted: dict[str, Fraction] = {}
    for forest, share in zip(forests, shares, strict=True):
        for path, weight in _leaf_weights(_present(forest, available)).items():
            wanted[path] = wanted.get(path, Fraction(0)) + share * weight
    budget = _budget(settings, wanted, room)
    planned, left = [], dict(room)
    begun = Fraction(0)
    for phase, forest, share in zip(phases, forests, shares, strict=True):
        tokens = floor(budget * (begun + share)) - floor(budget * begun)
        begun += share
        asked = _phase(forest, tokens, left, settings.policy, available)
        left = {path: room_here - asked.get(path, 0) for path, room_here in left.items()}
        planned.append(PhasePlan(phase.name, asked))
    notes += _supply_notes(settings, forests, available, budget, planned)
    result = _shares(forests, shares, planned, settings, available)
    notes += _reported_notes(settings, result)
    return Plan(result, tuple(planned), tuple(notes))


def plan_validation(settings: Settings, train: Plan, available: Mapping[str, int]) -> Plan:
    """Return the plan of the held-out stream: the train stream's shares, at most one epoch each.

    Its budget is `validation` of the train stream's tokens; a source that has held out less gives what it
    has, and a note says so.
    """
    wanted = {s.path: validation_tokens(settings.validation, s.asked) for s in train.shares}
    asked = {path: min(available.get(path, 0), tokens) for path, tokens in wanted.items() if tokens}
    shares = tuple(
        Share(s.path, s.source, s.weight, available.get(s.path, 0), asked.get(s.path, 0), 1.0)
        for s in train.shares
    )
    notes = _validation_notes(settings, wanted, asked)
    return Plan(shares, (PhasePlan("validation", asked),), tuple(notes))


def validation_tokens(share: float, asked: int) -> int:
    """Return the tokens of validation that belong to so many of training."""
    return round(Fraction(share) * asked)


def _validation_notes(
    settings: Settings, wanted: Mapping[str, int], asked: Mapping[str, int]
) -> list[str]:
    total, there = sum(wanted.values()), sum(asked.values())
    notes = []
    for path, tokens in wanted.items():
        have = asked.get(path, 0)
        if have < tokens:
            notes.append(
                f"validation: {path!r} has {have:,} of {tokens:,} tokens, "
                f"{have / there if there else 0.0:.2%} of the stream in place of {tokens / total:.2%}: "
                "more of its documents would be over twice what is asked, or have near copies, or are "
                "not tokenized"
            )
    if there < total:
        notes.append(
            f"validation has {there:,} of {total:,} tokens: {settings.validation:.4%} of training was asked"
        )
    return notes


def _by_size(available: Mapping[str, int]) -> dict[str, float]:
    sizes: dict[str, float] = {}
    for path, tokens in available.items():
        source = path.split("/")[0]
        sizes[source] = sizes.get(source, 0.0) + tokens
    return {name: size for name, size in sizes.items() if size > 0}


def _present(nodes: Sequence[Node], available: Mapping[str, int]) -> tuple[Node, ...]:
    """Return the forest without leaves that have no tokens."""
    kept = []
    for node in nodes:
        parts = _present(node.parts, available)
        if parts or (not node.parts and available.get(node.path, 0) > 0):
            kept.append(Node(node.path, node.weight, node.column, node.value, parts))
    return tuple(kept)


def _leaf_weights(nodes: Sequence[Node]) -> dict[str, Fraction]:
    """Return each leaf's share of the whole: the product of normalised weights down to it."""
    total = sum((Fraction(node.weight) for node in nodes), Fraction(0))
    weights: dict[str, Fraction] = {}
    for node in nodes:
        own = Fraction(node.weight) / total
        below = _leaf_weights(node.parts) if node.parts else {node.path: Fraction(1)}
        weights.update({path: own * weight for path, weight in below.items()})
    return weights


def _cap(settings: Settings, path: str) -> float:
    steps = path.split("/")
    paths = ("/".join(steps[:depth]) for depth in range(len(steps), 0, -1))
    return next(
        (settings.epoch_caps[name] for name in paths if name in settings.epoch_caps),
        settings.epoch_cap,
    )


def _room(
    forests: Sequence[Sequence[Node]], settings: Settings, available: Mapping[str, int]
) -> dict[str, int]:
    leaves = {leaf.path for forest in forests for node in forest for leaf in node.leaves()}
    return {
        path: floor(Fraction(_cap(settings, path)) * available.get(path, 0))
        for path in sorted(leaves)
    }


def _budget(settings: Settings, wanted: Mapping[str, Fraction], room: Mapping[str, int]) -> int:
    if not wanted:
        raise RecipeError("mix: no weighted source has any tokens. Check the sources and filters.")
    if settings.budget == "all":
        return floor(min(room[path] / share for path, share in wanted.items() if share))
    return int(settings.budget)


def _phase(
    forest: Sequence[Node],
    budget: int,
    room: Mapping[str, int],
    policy: str,
    available: Mapping[str, int],
) -> dict[str, int]:
    """Return the whole tokens asked of each leaf in one phase."""
    nodes = forest if policy == "error" else _present(forest, available)
    exact = {path: weight * budget for path, weight in _leaf_weights(nodes).items()}
    if policy == "redistribute":
        exact = _fill(nodes, Fraction(budget), room)
    elif policy == "clamp":
        exact = {path: min(tokens, Fraction(room[path])) for path, tokens in exact.items()}
    over = [path for path, tokens in exact.items() if floor(tokens) > room[path]]
    if over:
        raise RecipeError(
            "mix: the epoch cap binds: "
            + "; ".join(
                f"{path!r} is asked for {floor(exact[path]):,} tokens and may give {room[path]:,}"
                for path in over
            )
            + ". Lower mix.budget or the weight, raise mix.epoch_cap, or set mix.policy."
        )
    return _whole(exact, room)


def _fill(nodes: Sequence[Node], amount: Fraction, room: Mapping[str, int]) -> dict[str, Fraction]:
    """Share an amount by weight; what one cannot give goes to its siblings, then to the rest."""
    capacity = {
        node.path: Fraction(sum(room[leaf.path] for leaf in node.leaves())) for node in nodes
    }
    given: dict[str, Fraction] = {}
    open_nodes, left = list(nodes), min(amount, sum(capacity.values(), Fraction(0)))
    while open_nodes:
        total = sum((Fraction(node.weight) for node in open_nodes), Fraction(0))
        want = {node.path: left * Fraction(node.weight) / total for node in open_nodes}
        full = [node for node in open_nodes if want[node.path] >= capacity[node.path]]
        if not full:
            given.update(want)
            break
        for node in full:
            given[node.path] = capacity[node.path]
            left -= capacity[node.path]
            open_nodes.remove(node)
    result: dict[str, Fraction] = {}
    for node in nodes:
        amount_here = given[node.path]
        result.update(
            _fill(node.parts, amount_here, room) if node.parts else {node.path: amount_here}
        )
    return result


def _whole(exact: Mapping[str, Fraction], room: Mapping[str, int]) -> dict[str, int]:
    """Round to whole tokens by largest remainder, the sum kept and no room exceeded."""
    asked = {path: floor(tokens) for path, tokens in exact.items()}
    missing = floor(sum(exact.values(), Fraction(0))) - sum(asked.values())
    by_remainder = sorted(exact, key=lambda path: (asked[path] - exact[path], path))
    for path in [name for name in by_remainder if asked[name] < room[name]][:missing]:
        asked[path] += 1
    return asked


def _shares(
    forests: Sequence[Sequence[Node]],
    parts: Sequence[Fraction],
    planned: Sequence[PhasePlan],
    settings: Settings,
    available: Mapping[str, int],
) -> tuple[Share, ...]:
    weights: dict[str, Fraction] = {}
    for forest, part in zip(forests, parts, strict=True):
        for path, weight in _leaf_weights(forest).items():
            weights[path] = weights.get(path, Fraction(0)) + part * weight
    return tuple(
        Share(
            path=path,
            source=path.split("/")[0],
            weight=float(weight),
            available=available.get(path, 0),
            asked=sum(phase.asked.get(path, 0) for phase in planned),
            cap=_cap(settings, path),
        )
        for path, weight in sorted(weights.items())
    )


def _weight_notes(
    settings: Settings, weights: Mapping[str, float], sources: Sequence[str]
) -> list[str]:
    notes = []
    total = sum(weights.values())
    if settings.weights and min(abs(total - 1), abs(total - 100)) > 1e-9 * total:
        notes.append(f"the weights sum to {total:g}; each is divided by that")
    named = {name for phase in settings.phases for name in phase.weights} or set(weights)
    notes += [
        f"source {name!r} has no weight and is left out" for name in sources if name not in named
    ]
    return notes


def _supply_notes(
    settings: Settings,
    forests: Sequence[Sequence[Node]],
    available: Mapping[str, int],
    budget: int,
    planned: Sequence[PhasePlan],
) -> list[str]:
    notes = []
    leaves = {leaf.path for forest in forests for node in forest for leaf in node.leaves()}
    for path in sorted(leaves):
        if not available.get(path, 0):
            notes.append(f"{path!r} has a weight and no tokens")
            continue
        asked = sum(phase.asked.get(path, 0) for phase in planned)
        if asked == floor(Fraction(_cap(settings, path)) * available[path]):
            notes.append(f"{path!r} is at its cap of {_cap(settings, path):g} epochs")
    total = sum(phase.tokens for phase in planned)
    if total < budget - len(planned):
        notes.append(f"the caps leave {total:,} of the {budget:,} tokens of the budget")
    return notes


def _reported_notes(settings: Settings, shares: Sequence[Share]) -> list[str]:
    notes = []
    for name, reported in sorted(settings.reported_epochs.items()):
        mine = [share for share in shares if share.source == name]
        there = sum(share.available for share in mine)
        epochs = sum(share.asked for share in mine) / there if there else 0.0
        if abs(epochs - reported) > REPORTED_TOLERANCE * reported:
            notes.append(
                f"{name!r}: weights, counts and budget give {epochs:.3f} epochs; the paper prints "
                f"{reported:g}, which does not follow from its own table"
            )
    return notes


def shortfalls(train: Plan, held: Plan, validation: float) -> list[str]:
    """Return a sentence per leaf that has a weight and no tokens, and one for an empty held-out stream.

    Under `mix.policy = "redistribute"` and for an empty source the others take its share, so the stream is
    another one than the recipe says. `validation`: the share of the train stream's tokens that was to be
    held out (0: none was).
    """
    sentences = []
    given = {share.path: share.asked / train.tokens for share in train.shares if share.asked}
    now = ", ".join(
        f"{path} (now {part:.1%})"
        for path, part in sorted(given.items(), key=lambda i: (-i[1], i[0]))
    )
    for share in train.shares:
        if share.weight and not share.available:
            kind = "source" if share.path == share.source else "sub-mix"
            sentences.append(
                f"{kind} {share.path!r} has weight {share.weight:.1%} and no document left; its share "
                f"went to {now or 'nobody'}"
            )
    wanted = round(validation * train.tokens)
    if wanted and not held.tokens:
        sentences.append(
            f"val is empty: {wanted:,} tokens were to be held out (mix.validation = {validation:g}) and "
            "no document was drawn for it; give more documents, or a larger mix.validation"
        )
    return sentences
