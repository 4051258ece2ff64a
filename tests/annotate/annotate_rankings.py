"""Small jobs made by hand or by hash, for the tests of figures and exports."""

from __future__ import annotations

import numpy as np

from corpusforge.annotate.records import Candidate, Prompt, Ranking, Task
from corpusforge.models.records import Message


def make_job(
    rows: list[tuple[str, str, list[list[str]]]],
    *,
    sizes: dict[str, int] | None = None,
    texts: dict[str, str] | None = None,
    users: dict[str, str] | None = None,
    seconds: float = 60.0,
) -> tuple[dict[str, Task], list[Ranking]]:
    """Tasks and rankings from (prompt, rater, tiers); candidates are named "<prompt>.<letter>"."""
    tasks: dict[str, Task] = {}
    rankings: list[Ranking] = []
    for number, (prompt, rater, tiers) in enumerate(rows):
        size = (sizes or {}).get(prompt, 4)
        ids = [f"{prompt}.{letter}" for letter in "abcdefghi"[:size]]
        candidates = tuple(
            Candidate(
                id=name,
                text=(texts or {}).get(name, f"answer {name}"),
                model=f"model-{name[-1]}",
            )
            for name in ids
        )
        task = Task(
            id=f"t_{number:016x}",
            job="j_1",
            kind="ranking",
            prompt=Prompt(
                id=prompt,
                messages=(Message("user", (texts or {}).get(prompt, f"question {prompt}")),),
                origin="user",
                user=(users or {}).get(prompt, ""),
                language="en",
            ),
            candidates=candidates,
            presented_order=tuple(ids),
            rater=rater,
            batch="b",
        )
        tasks[task.id] = task
        named = tuple(tuple(f"{prompt}.{x}" for x in tier) for tier in tiers)
        placed = {x for tier in named for x in tier}
        rankings.append(
            Ranking(
                task=task.id,
                prompt=prompt,
                rater=rater,
                tiers=named,
                unrankable=tuple(x for x in ids if x not in placed),
                lead_time=seconds,
            )
        )
    return tasks, rankings


def random_job(
    prompts: int, raters: int, size: int, seed: int, *, noise: float = 1.0
) -> tuple[dict[str, Task], list[Ranking]]:
    """A job of noisy raters with ties and answers left out; the seed makes it the same for ever."""
    chance = np.random.default_rng(seed)
    rows = []
    for p in range(prompts):
        worth = chance.normal(size=size)
        for r in range(raters):
            seen = np.round(worth + noise * chance.normal(size=size), 0)
            letters = [x for k, x in enumerate("abcdefghi"[:size]) if chance.random() > 0.1]
            value = dict(zip("abcdefghi", seen, strict=False))
            tiers = [
                [x for x in letters if value[x] == level]
                for level in sorted({value[x] for x in letters}, reverse=True)
            ]
            if tiers:
                rows.append((f"p_{p:04x}", f"r_{r:02x}", tiers))
    return make_job(rows, sizes={f"p_{p:04x}": size for p in range(prompts)})
