"""K answers to each prompt: asked of one or several models, or given in JSON lines.

Near-identical, empty and failed answers are asked for again a bounded number of times; what is
still missing lowers K, and a prompt with fewer than two answers is left out: each is a `Shortfall`.
Ids are hashes ("c_" and hex), so they tell no rater anything and no tool sorts them as numbers.
Limit: one client is one server; answers of other servers come in as given ones.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from corpusforge import hashing
from corpusforge.annotate.near_copies import distinct
from corpusforge.annotate.records import Candidate, Prompt
from corpusforge.annotate.settings import CandidateSettings
from corpusforge.errors import InputError
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Request, Sampling

__all__ = ["Item", "Shortfall", "Source", "ask", "candidate_id", "chosen", "parse_source", "wanted"]

PURPOSE = "annotate.candidate"
CHUNK = 64
"""Prompts asked for together: what a kill can lose is bounded by the journal, not by this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One way to get an answer: a model (empty: the engine's own) and its sampling."""

    model: str = ""
    sampling: Sampling = field(default_factory=Sampling)

    @property
    def params(self) -> str:
        """The sampling as JSON text, in lineage."""
        return msgspec.json.encode(self.sampling).decode()


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt and its distinct answers; `tiers` is the known order of a gold item."""

    prompt: Prompt
    candidates: tuple[Candidate, ...] = ()
    tiers: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A prompt with fewer answers than wanted; `kept` is False where fewer than two were left.

    `alike`, `empty` and `failed` count the answers that were turned away, retries included.
    """

    prompt: str
    wanted: int
    got: int
    kept: bool
    alike: int = 0
    empty: int = 0
    failed: int = 0
    error: str = ""


def parse_source(text: str, settings: CandidateSettings) -> Source:
    """Return the source that "model=NAME,temperature=0.7,top_p=0.9" says; raises InputError."""
    values: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, sign, value = part.partition("=")
        if not sign:
            raise InputError(f"--source {text!r}: {part!r} has no '='. Write model=NAME,top_p=0.9.")
        values[name.strip()] = value.strip()
    table = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_tokens": settings.max_tokens,
    }
    model = values.pop("model", "")
    try:
        read = {
            name: float(value) if "." in value else int(value) for name, value in values.items()
        }
        sampling = msgspec.convert({**table, **read}, Sampling, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise InputError(f"--source {text!r}: {error}. Numbers only, after model=.") from error
    unknown = set(values) - set(Sampling.__slots__)
    if unknown:
        raise InputError(f"--source {text!r}: {sorted(unknown)[0]!r} is no sampling value.")
    return Source(model=model, sampling=sampling)


def candidate_id(prompt: str, model: str, params: str, text: str) -> str:
    """Return "c_" and 12 hex digits of a hash of the answer and where it comes from."""
    content = "\x1f".join([prompt, model, params, text])
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=6)
    return f"c_{digest.hexdigest()}"


def wanted(prompt: str, settings: CandidateSettings, seed: int) -> int:
    """Return the prompt's own K: `k`, or drawn from `k` to `k_high`."""
    if not settings.k_high:
        return settings.k
    share = hashing.uniform(hashing.id_keys([prompt]), seed, "annotate.k")[0]
    return settings.k + int(share * (settings.k_high - settings.k + 1))


@dataclass(slots=True)
class _Work:
    """One prompt while its answers come in."""

    prompt: Prompt
    wanted: int
    turn: int
    found: list[Candidate] = field(default_factory=list)
    asked: dict[int, int] = field(default_factory=dict)
    again: list[tuple[int, int]] = field(default_factory=list)
    alike: int = 0
    empty: int = 0
    failed: int = 0
    error: str = ""


def ask(
    client: Client,
    prompts: Iterable[Prompt],
    sources: Sequence[Source],
    settings: CandidateSettings,
    seed: int,
    start: Callable[[str], list[Candidate]] | None = None,
) -> Iterator[Item | Shortfall]:
    """Yield an `Item` a prompt in order, preceded by its `Shortfall` where answers are missing.

    Sources take turns, beginning at a place drawn by the prompt's id; `start` gives the answers
    that a prompt has already. Raises InputError where
    greedy sources alone cannot give K different answers, BudgetSpent as the client does.
    """
    greedy = [source for source in sources if source.sampling.temperature == 0]
    high = settings.k_high or settings.k
    if len(greedy) == len(sources) and len(sources) < high:
        raise InputError(
            f"{len(sources)} greedy source(s) cannot give {high} different answers. "
            "Set a temperature above 0, or name more sources."
        )
    stream = iter(prompts)
    while chunk := list(itertools.islice(stream, CHUNK)):
        keys = hashing.id_keys(prompt.id for prompt in chunk)
        turns = (hashing.uniform(keys, seed, "annotate.source") * len(sources)).astype(int).tolist()
        work = [
            _Work(prompt, wanted(prompt.id, settings, seed), turn)
            for prompt, turn in zip(chunk, turns, strict=True)
        ]
        if start is not None:
            _begin(work, start, settings, seed)
        for _ in range(settings.retries + 1):
            open_work = [item for item in work if len(item.found) < item.wanted]
            if not open_work:
                break
            _round(client, open_work, sources, settings.similar)
        for item in work:
            yield from _finished(item)


def _begin(
    work: list[_Work],
    start: Callable[[str], list[Candidate]],
    settings: CandidateSettings,
    seed: int,
) -> None:
    given = [_in_turn(item.prompt.id, start(item.prompt.id), seed) for item in work]
    keep = distinct([[c.text for c in found] for found in given], settings.similar)
    for item, found, good in zip(work, given, keep, strict=True):
        item.found = [c for c, fine in zip(found, good, strict=True) if fine][: item.wanted]


def _round(client: Client, work: list[_Work], sources: Sequence[Source], similar: float) -> None:
    places = [(item, place) for item in work for place in _places(item, sources)]
    requests = [_request(item.prompt, sources[n], repeat) for item, (n, repeat) in places]
    completions = client.complete(requests)
    answers = zip(places, completions, strict=True)
    for _, group in itertools.groupby(answers, key=lambda answer: answer[0][0].prompt.id):
        mine = list(group)
        _take(mine[0][0][0], [(place, reply) for (_, place), reply in mine], sources, similar)


def _places(item: _Work, sources: Sequence[Source]) -> list[tuple[int, int]]:
    """Return (source, repeat) to ask next: failed ones as they were, then the sources in turn."""
    chosen, item.again = item.again, []
    free = [n for n, source in enumerate(sources) if source.sampling.temperature > 0]
    while len(chosen) + len(item.found) < item.wanted:
        place = item.turn % len(sources)
        item.turn += 1
        if sources[place].sampling.temperature == 0 and item.asked.get(place):
            if not free:
                break
            continue
        chosen.append((place, item.asked.get(place, 0)))
        item.asked[place] = item.asked.get(place, 0) + 1
    return chosen


def _request(prompt: Prompt, source: Source, repeat: int) -> Request:
    return Request(
        messages=prompt.messages,
        sampling=source.sampling,
        model=source.model,
        repeat=repeat,
        purpose=PURPOSE,
    )


def _take(
    item: _Work,
    replies: list[tuple[tuple[int, int], Completion]],
    sources: Sequence[Source],
    similar: float,
) -> None:
    made: list[Candidate] = []
    for place, reply in replies:
        if reply.finish_reason == "error":
            item.again.append(place)
            item.failed, item.error = item.failed + 1, reply.error
        elif not reply.text.strip():
            item.empty += 1
        else:
            params = sources[place[0]].params
            name = candidate_id(item.prompt.id, reply.model, params, reply.text)
            made.append(
                Candidate(
                    id=name, text=reply.text, model=reply.model, params=params,
                    finish_reason=reply.finish_reason, request=reply.key,
                )
            )  # fmt: skip
    both = item.found + made
    keep = distinct([[candidate.text for candidate in both]], similar)[0]
    item.alike += keep.count(False)
    item.found = [candidate for candidate, good in zip(both, keep, strict=True) if good]


def _finished(item: _Work) -> Iterator[Item | Shortfall]:
    if len(item.found) < item.wanted:
        yield Shortfall(
            prompt=item.prompt.id, wanted=item.wanted, got=len(item.found),
            kept=len(item.found) >= 2, alike=item.alike, empty=item.empty, failed=item.failed,
            error=item.error,
        )  # fmt: skip
    if len(item.found) >= 2:
        yield Item(item.prompt, tuple(item.found))


def chosen(
    prompts: Sequence[Prompt],
    answers: Sequence[Sequence[Candidate]],
    settings: CandidateSettings,
    seed: int,
) -> Iterator[Item | Shortfall]:
    """Yield an `Item` a prompt from given answers: distinct ones, drawn by hash, models in turn."""
    ordered = [
        _in_turn(prompt.id, found, seed) for prompt, found in zip(prompts, answers, strict=True)
    ]
    keep = distinct([[c.text for c in found] for found in ordered], settings.similar)
    for prompt, found, good in zip(prompts, ordered, keep, strict=True):
        want = wanted(prompt.id, settings, seed)
        kept = [candidate for candidate, fine in zip(found, good, strict=True) if fine][:want]
        empty = sum(not candidate.text.strip() for candidate in found)
        alike = good.count(False) - empty
        yield from _finished(_Work(prompt, want, 0, found=kept, alike=alike, empty=empty))


def _in_turn(prompt: str, found: Sequence[Candidate], seed: int) -> list[Candidate]:
    """Return the answers by hash, the first of every model before the second of any."""
    models: dict[str, int] = {}
    ranked: list[tuple[int, int, Candidate]] = []
    for candidate in sorted(
        found, key=lambda c: hashing.word64(seed, "annotate.choose", prompt, c.id)
    ):
        place = models.get(candidate.model, 0)
        models[candidate.model] = place + 1
        ranked.append((place, len(ranked), candidate))
    return [candidate for _, _, candidate in sorted(ranked, key=lambda row: row[:2])]
