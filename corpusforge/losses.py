"""One line wherever a rule takes more than half of what a step was given, with what helps.

For every command that counts what it refuses: a step that fails whole must not end like one that went well.
Limit: fewer than three candidates say nothing about a step.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LEAST", "losses"]

LEAST = 3


def losses(
    step: str, seen: int, refused: Mapping[str, int], advice: Mapping[str, str], otherwise: str
) -> list[str]:
    """Return a line for the rule that refused more than half of `seen` candidates of a step, or for all rules
    together where they let nothing through; no line elsewhere.

    `advice` says by rule what helps, `otherwise` what to do where it does not know the rule.
    """
    if seen < LEAST:
        return []
    for rule, count in refused.items():
        if 2 * count > seen:
            return [f"{step}: {count} of {seen} refused as {rule}: {advice.get(rule, otherwise)}"]
    if sum(refused.values()) == seen:
        ranked = sorted(refused.items(), key=lambda item: (-item[1], item[0]))
        told = ", ".join(f"{count} {rule}" for rule, count in ranked)
        return [f"{step}: none of {seen} accepted ({told}): {otherwise}"]
    return []
