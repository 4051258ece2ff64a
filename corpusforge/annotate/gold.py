"""Known items: gold items hidden among the others, and items that qualify a rater before work.

A row is a prompt with `answers` and their order: `tiers` (lists of answer numbers from 0, best
first), or `ranks` (one number an answer, 1 is best, equal ones tie), or neither, where the answers
stand from best to worst. Limit: an answer that the order leaves out is expected nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from corpusforge.annotate.candidates import Item, candidate_id
from corpusforge.annotate.existing_answers import row_answers
from corpusforge.annotate.imports.answers import by_rank, whole_rank
from corpusforge.annotate.prompts import collect, row_messages
from corpusforge.annotate.records import Candidate
from corpusforge.errors import InputError
from corpusforge.io import layouts

__all__ = ["read_known"]


def read_known(paths: Iterable[str], salt: str, rules: tuple[str, ...]) -> list[Item]:
    """Return the known items of files, in order. Raises InputError naming a wrong row."""
    return [item for path in paths for item in _read(path, salt, rules)]


def _read(path: str, salt: str, rules: tuple[str, ...]) -> Iterator[Item]:
    prompts = iter(collect([("labeler", path)], salt, rules).prompts)
    for number, row in enumerate(layouts.objects(path), 1):
        where = f"{path}: item {number}"
        if not row_messages(row):
            raise InputError(f"{where} has no prompt. Give prompt, answers and tiers.")
        prompt = next(prompts)
        found = row_answers(row, "known")
        candidates = tuple(
            Candidate(
                id=candidate_id(prompt.id, m, p, t), text=t, model=m, params=p, finish_reason=r
            )
            for t, m, p, r in found
        )
        ids = [candidate.id for candidate in candidates]
        if len(set(ids)) < 2:
            raise InputError(f"{where} has {len(set(ids))} different answers; at least 2.")
        yield Item(prompt, candidates, _tiers(row, ids, where))


def _tiers(row: Mapping[str, Any], ids: list[str], where: str) -> tuple[tuple[str, ...], ...]:
    try:
        if "tiers" in row:
            tiers = tuple(tuple(ids[_place(n, len(ids))] for n in tier) for tier in row["tiers"])
        else:
            given = row.get("ranks", range(1, len(ids) + 1))
            ranks = [whole_rank(rank, len(ids)) for rank in given if not isinstance(given, str)]
            tiers = by_rank(zip(ids, ranks, strict=True))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{where}: tiers or ranks do not fit {len(ids)} answers ({error}). "
            "Write tiers = [[0], [1, 2]] or one rank per answer, 1 the best."
        ) from error
    flat = [name for tier in tiers for name in tier]
    if len(set(flat)) < len(flat) or min((len(tier) for tier in tiers), default=0) == 0:
        raise InputError(f"{where}: an answer stands in two tiers, or a tier is empty.")
    return tiers


def _place(value: Any, count: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise ValueError(f"answer {value!r}: expected a whole number from 0 to {count - 1}")
    return value
