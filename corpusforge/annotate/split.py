"""Train, validation and test rows: decided by prompt and user, before anything is expanded.

Prompts of one user, and prompts with the same words, go to one side, so no user and no prompt
stands on both (InstructGPT splits by user id; Ouyang et al. 2022, section 3.2). Sides are drawn by
hash. Limit: prompts that are alike but not equal are the prompt pool's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from corpusforge import hashing
from corpusforge.annotate.records import Prompt
from corpusforge.errors import InputError

__all__ = ["SIDES", "assign", "groups"]

SIDES = ("train", "validation", "test")


def _find(parent: dict[str, str], name: str) -> str:
    while parent[name] != name:
        parent[name] = parent[parent[name]]
        name = parent[name]
    return name


def groups(prompts: Iterable[Prompt]) -> dict[str, str]:
    """Return the group of each prompt id: prompts that share a user or all their words share one.

    A group is named by its smallest prompt id.
    """
    parent: dict[str, str] = {}
    owner: dict[str, str] = {}
    for prompt in sorted(prompts, key=lambda row: row.id):
        parent.setdefault(prompt.id, prompt.id)
        words = "\x1f".join(" ".join(turn.content.split()).casefold() for turn in prompt.messages)
        signs = ["words:" + words] + (["user:" + prompt.user] if prompt.user else [])
        for sign in signs:
            one, two = _find(parent, owner.setdefault(sign, prompt.id)), _find(parent, prompt.id)
            parent[max(one, two)] = min(one, two)
    return {name: _find(parent, name) for name in parent}


def _given(members: Mapping[str, str], prompts: Mapping[str, Prompt]) -> dict[str, str]:
    """The side of each group as the pool says; raises InputError where it says two."""
    side: dict[str, str] = {}
    for name in sorted(members):
        wanted = "validation" if prompts[name].split == "valid" else prompts[name].split
        if wanted not in SIDES:
            raise InputError(
                f"prompt {name!r}: split {wanted!r}. Expected one of {', '.join(SIDES)}."
            )
        if side.setdefault(members[name], wanted) != wanted:
            raise InputError(
                f"prompt {name!r} is in {wanted!r}, but a prompt with the same words or the same "
                f"user is in {side[members[name]]!r}. Split the pool by user, or split afresh."
            )
    return side


def assign(
    prompts: Iterable[Prompt],
    *,
    validation: float = 0.0,
    test: float = 0.0,
    seed: int = 0,
) -> dict[str, str]:
    """Return the side of each prompt id.

    Without shares the prompts' own `split` holds; with shares every group is drawn afresh. Raises
    InputError where shares leave no training rows or the given split parts a group.
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):  # also where one is no number
        raise InputError(
            f"validation {validation} and test {test}: expected shares of 0 or more, below 1 in sum."
        )
    rows = {prompt.id: prompt for prompt in prompts}
    members = groups(rows.values())
    if not validation and not test:
        side = _given(members, rows)
        return {name: side[members[name]] for name in rows}
    names = sorted(set(members.values()))
    chance = hashing.uniform(hashing.id_keys(names), seed, "annotate.split")
    side = {
        name: "test" if u < test else "validation" if u < test + validation else "train"
        for name, u in zip(names, chance.tolist(), strict=True)
    }
    if names and "train" not in side.values():
        raise InputError(
            f"validation {validation} and test {test} leave none of {len(names)} groups of prompts for "
            "training. Lower them, give more prompts, or another --seed."
        )
    return {name: side[members[name]] for name in rows}
