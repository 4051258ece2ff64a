"""All that is known about one prompt, before any format expands it.

A group is one prompt with all its answers, the aggregated ranks, every rater's own ranks, the pairs
across tiers and the demonstrations written for it. It is made one prompt at a time, so a file of a
hundred thousand prompts needs no more memory than its ranks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from corpusforge.annotate.aggregate import Consensus
from corpusforge.annotate.pairs import Pair, prompt_pairs
from corpusforge.annotate.pairwise import Duels
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Task
from corpusforge.annotate.votes import Book, Votes

__all__ = ["Demonstration", "Group", "RaterRanks", "demonstrations", "groups"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterRanks:
    """One rater's ranking: `ranks` aligned with the answers, tier from 1, 0 not ranked."""

    rater: str
    kind: str
    round: int
    seconds: float
    ranks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """An answer written by a rater."""

    rater: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One prompt, its answers by id, and what raters said.

    `ranks`, `scores` and `errors` are aligned with `candidates`; rank 0 (score and error 0): nobody
    ranked it.
    """

    prompt: Prompt
    split: str
    method: str
    candidates: tuple[Candidate, ...]
    ranks: tuple[int, ...]
    scores: tuple[float, ...]
    errors: tuple[float, ...]
    rankings: tuple[RaterRanks, ...]
    pairs: tuple[Pair, ...]
    demonstrations: tuple[Demonstration, ...]

    def text(self, candidate: str) -> str:
        """Return the text of an answer."""
        return next(row.text for row in self.candidates if row.id == candidate)


def demonstrations(rankings: Iterable[Ranking]) -> dict[str, tuple[Demonstration, ...]]:
    """Return the written answers by prompt id, by rater; empty ones are none."""
    found: dict[str, list[Demonstration]] = {}
    for row in rankings:
        if row.text.strip() and not row.cannot_rank:
            made = Demonstration(row.rater, row.text, row.annotator_kind)
            found.setdefault(row.prompt, []).append(made)
    return {
        name: tuple(sorted(rows, key=lambda d: (d.rater, d.text))) for name, rows in found.items()
    }


def _rater_ranks(votes: Votes, prompt: int) -> tuple[RaterRanks, ...]:
    return tuple(
        RaterRanks(
            rater=votes.raters[votes.rater[row]],
            kind="human" if votes.human[row] else "model",
            round=int(votes.round[row]),
            seconds=float(votes.seconds[row]),
            ranks=tuple(votes.rank[votes.first[row] : votes.first[row + 1]].tolist()),
        )
        for row in range(votes.rows[prompt], votes.rows[prompt + 1])
    )


def _content(
    book: Book, tasks: Mapping[str, Task], prompt: int
) -> tuple[Prompt, tuple[Candidate, ...]]:
    found: dict[str, Candidate] = {}
    task = tasks[book.sources[prompt][0]]
    for name in book.sources[prompt]:
        found.update((row.id, row) for row in tasks[name].candidates)
    low, high = int(book.start[prompt]), int(book.start[prompt + 1])
    return task.prompt, tuple(found[name] for name in book.candidates[low:high])


def groups(
    votes: Votes,
    tasks: Mapping[str, Task],
    found: Consensus,
    table: Duels,
    split: Mapping[str, str],
    written: Mapping[str, tuple[Demonstration, ...]],
) -> Iterator[Group]:
    """Yield the group of each prompt that has a ranking or a demonstration, by prompt id."""
    book = votes.book
    for p, name in enumerate(book.prompts):
        if not found.rankings[p] and name not in written:
            continue
        prompt, candidates = _content(book, tasks, p)
        part = slice(int(book.start[p]), int(book.start[p + 1]))
        ranks = tuple(found.tier[part].tolist())
        there = [rank > 0 for rank in ranks]
        yield Group(
            prompt=prompt,
            split=split[name],
            method=found.method,
            candidates=candidates,
            ranks=ranks,
            scores=tuple(
                x if ok else 0.0 for x, ok in zip(found.score[part].tolist(), there, strict=True)
            ),
            errors=tuple(
                x if ok else 0.0 for x, ok in zip(found.error[part].tolist(), there, strict=True)
            ),
            rankings=_rater_ranks(votes, p),
            pairs=tuple(prompt_pairs(book, found, table, p)),
            demonstrations=written.get(name, ()),
        )
