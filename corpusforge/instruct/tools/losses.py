"""Is a call useful? The loss of the tokens behind its place, without it, with it, and with its result.

Toolformer's measure (Schick et al. 2023, section 2): the weighted cross-entropy of the tokens from the
call's place on, weights 1, 0.8, 0.6, 0.4, 0.2 over their sum. The call stands before the whole text,
since a model that was never trained on calls expects none inside. A call is useful by how much its result
lowers the loss below the better of the other two. Limit: a token that straddles the place counts, the
same in all three.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.instruct.tools.calls import inline
from corpusforge.models.likelihood import Likelihood

__all__ = ["Losses", "texts", "weighted"]

WEIGHTS = (1.0, 0.8, 0.6, 0.4, 0.2)
_BEHIND = 96  # characters behind the place: five tokens and more


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Three losses in nats, and the gain: how far the result lowers the better of the others."""

    plain: float
    call: float
    result: float

    @property
    def gain(self) -> float:
        """min(plain, call) - result."""
        return min(self.plain, self.call) - self.result


def texts(
    passage: str, place: int, tool: str, argument: str, result: str
) -> tuple[tuple[str, int], ...]:
    """Return the three texts whose tokens are weighed, each with its own place: plain, call, result."""
    shown = passage[: place + _BEHIND]
    heads = ("", inline(tool, argument, "") + " ", inline(tool, argument, result) + " ")
    return tuple((head + shown, len(head) + place) for head in heads)


def weighted(found: Likelihood, place: int) -> float | None:
    """Return the weighted loss of the tokens that end behind `place`; None where they have no likelihood."""
    own = [nats for end, nats in zip(found.ends, found.nats, strict=True) if end > place]
    pairs = list(zip(WEIGHTS, own, strict=False))
    if not pairs:
        return None
    total = 0.0
    for weight, nats in pairs:
        if nats is None:
            return None
        total -= weight * nats
    return total / sum(weight for weight, _ in pairs)
