"""What a mixture could not give although it was asked for: sources with weight and no document left.

Under `mix.policy = "redistribute"` and for an empty source the others take its share, so the stream is
another one than the recipe says; whoever made it is told.
"""

from __future__ import annotations

from corpusforge.mix.plan import Plan

__all__ = ["shortfalls"]


def shortfalls(train: Plan, held: Plan, validation: float) -> list[str]:
    """Return a sentence per leaf that has a weight and no tokens, and one for an empty held-out stream.

    `validation`: the share of the train stream's tokens that was to be held out (0: none was).
    """
    told = []
    given = {share.path: share.asked / train.tokens for share in train.shares if share.asked}
    now = ", ".join(
        f"{path} (now {part:.1%})"
        for path, part in sorted(given.items(), key=lambda i: (-i[1], i[0]))
    )
    for share in train.shares:
        if share.weight and not share.available:
            kind = "source" if share.path == share.source else "sub-mix"
            told.append(
                f"{kind} {share.path!r} has weight {share.weight:.1%} and no document left; its share "
                f"went to {now or 'nobody'}"
            )
    wanted = round(validation * train.tokens)
    if wanted and not held.tokens:
        told.append(
            f"val is empty: {wanted:,} tokens were to be held out (mix.validation = {validation:g}) and "
            "no document was drawn for it; give more documents, or a larger mix.validation"
        )
    return told
