"""The prompt pool: copies collapsed, users capped, SFT, RM and PPO pools drawn to quotas.

Method: Ouyang et al. (2022), section 3.2 and appendix A.3 (table 6): copies and long common
prefixes collapsed, at most 200 prompts a user, validation by user. Near copies are found by the
verified MinHash of `corpusforge.dedup`. Limit: paraphrases are not copies.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge import hashing
from corpusforge.annotate.prompts import ORIGINS, DroppedPrompt, prompt_text
from corpusforge.annotate.records import Prompt
from corpusforge.annotate.settings import PoolSettings
from corpusforge.errors import InternalError
from corpusforge.text.words import words

__all__ = [
    "QUOTAS",
    "Pools",
    "Quota",
    "check_pools",
    "collapse",
    "counted",
    "divide",
    "first_words",
]

_ASCII_WORD = re.compile(r"\w+", re.ASCII)
_POLICY = {origin: place for place, origin in enumerate(("labeler", "instruct", "user"))}


@dataclass(frozen=True, slots=True)
class Quota:
    """How many prompts of one origin ("labeler" or "user") a pool's split takes."""

    pool: str
    split: str
    origin: str
    count: int


QUOTAS: dict[str, tuple[Quota, ...]] = {
    "instructgpt": (
        Quota("sft", "train", "labeler", 11_295),
        Quota("sft", "train", "user", 1_430),
        Quota("sft", "valid", "labeler", 1_550),
        Quota("sft", "valid", "user", 103),
        Quota("rm", "train", "labeler", 6_623),
        Quota("rm", "train", "user", 26_584),
        Quota("rm", "valid", "labeler", 3_488),
        Quota("rm", "valid", "user", 14_399),
        Quota("ppo", "train", "user", 31_144),
        Quota("ppo", "valid", "user", 16_185),
    ),
}
"""Table 6 of the paper: prompts by pool, split and origin ("customer" is `user` here)."""


@dataclass(frozen=True, slots=True)
class Pools:
    """Prompts by pool (`sft`, `rm`, `ppo`), each carrying its pool and split, and how it came out.

    `asked` and `got` count by (pool, split, origin); `reused` are RM prompts that SFT has too.
    """

    prompts: dict[str, tuple[Prompt, ...]]
    scale: float
    asked: dict[tuple[str, str, str], int]
    got: dict[tuple[str, str, str], int]
    reused: int
    unused: int


def collapse(
    prompts: Sequence[Prompt], settings: PoolSettings, seed: int
) -> tuple[tuple[Prompt, ...], tuple[DroppedPrompt, ...]]:
    """Return (kept, dropped): near copies, then common prefixes, then prompts beyond a user's cap.

    Of two copies a labeler's survives a user's, then the longer one, then the smaller id; the
    result does not depend on the order of `prompts`. Kept prompts come in order of their ids.
    """
    ordered = sorted(prompts, key=lambda p: (p.id, _POLICY[p.origin], p.user))
    dropped: list[DroppedPrompt] = []
    for step in (_near_copies, _prefixes, _capped):
        ordered, gone = step(ordered, settings, seed)
        dropped += gone
    assert len(ordered) + len(dropped) == len(prompts)
    return tuple(ordered), tuple(dropped)


Step = tuple[list[Prompt], list[DroppedPrompt]]


def _near_copies(prompts: list[Prompt], settings: PoolSettings, seed: int) -> Step:
    removed = {place: (kept, how) for place, kept, how in _copies(prompts, settings.threshold)}
    dropped = [
        _drop(prompts[place], "near_duplicate", how, f"{settings.threshold:g}", prompts[kept].id)
        for place, (kept, how) in sorted(removed.items())
    ]
    return [p for place, p in enumerate(prompts) if place not in removed], dropped


def _drop(prompt: Prompt, rule: str, value: str, bound: str, nearest: str = "") -> DroppedPrompt:
    return DroppedPrompt(
        locator=prompt.id, rule=rule, value=value, bound=bound, nearest=nearest, prompt=prompt
    )


def _copies(prompts: Sequence[Prompt], threshold: float) -> Iterator[tuple[int, int, str]]:
    """Yield (place removed, place kept, similarity) over one list of prompts."""
    if not prompts:
        return
    from corpusforge.dedup.select import find_duplicates
    from corpusforge.dedup.settings import Settings
    from corpusforge.dedup.sign import sign_part

    settings = Settings(
        method="exact" if threshold >= 1 else "fuzzy",
        threshold=min(threshold, 0.99),
        ngram=3,
        max_kept=1 << 20,
        max_exact=1 << 20,
        order=("source", "longest"),
        sources=tuple(_POLICY),
    )
    texts = pa.array([prompt_text(prompt) for prompt in prompts], pa.large_string())
    ids = pa.array([f"{place:09}" for place in range(len(prompts))])
    sources = pa.array([prompt.origin for prompt in prompts])
    batch = pa.record_batch({"id": ids, "text": texts, "source": sources})

    def text_of(_: int, rows: NDArray[np.int64]) -> pa.Array:
        return texts.take(pa.array(rows))

    with tempfile.TemporaryDirectory(prefix="corpusforge-prompts-") as scratch:
        prefix = (Path(scratch) / "prompts").as_posix()
        sign_part([batch], settings, prefix)
        for row in find_duplicates([prefix], settings, text_of).table(0).to_pylist():
            yield row["row"], int(row["kept"]), f"{row['similarity']:.3f}"


def _prefixes(prompts: list[Prompt], settings: PoolSettings, seed: int) -> Step:
    if settings.prefix_words == 0:
        return prompts, []
    groups: dict[tuple[str, ...], list[Prompt]] = defaultdict(list)
    kept: list[Prompt] = []
    for prompt in prompts:
        first = first_words(prompt_text(prompt), settings.prefix_words)
        if len(first) < settings.prefix_words:
            kept.append(prompt)
        else:
            groups[tuple(first)].append(prompt)
    dropped = []
    for members in groups.values():
        best, *others = sorted(members, key=lambda p: (_POLICY[p.origin], p.id, p.user))
        kept.append(best)
        bound = f"{settings.prefix_words} words"
        dropped += [_drop(p, "common_prefix", str(len(members)), bound, best.id) for p in others]
    return sorted(kept, key=lambda p: (p.id, p.user)), dropped


def first_words(text: str, count: int) -> list[str]:
    """Return the first words of a text, at most `count`; equal to `words(text)[:count]` for prose.

    24 characters a word and more are no prose: the cut bounds the work on long texts.
    """
    head = text[: 24 * count]
    found = _ASCII_WORD.findall(head.lower()) if head.isascii() else words(head)
    return found[:count]


def _capped(prompts: list[Prompt], settings: PoolSettings, seed: int) -> Step:
    if settings.user_cap == 0:
        return prompts, []
    by_user: dict[str, list[Prompt]] = defaultdict(list)
    kept: list[Prompt] = []
    for prompt in prompts:
        if prompt.origin == "user" and prompt.user:
            by_user[prompt.user].append(prompt)
        else:
            kept.append(prompt)
    dropped = []
    for members in by_user.values():
        drawn = _shuffled(members, seed, "annotate.user_cap")
        kept += drawn[: settings.user_cap]
        bound, value = str(settings.user_cap), str(len(members))
        dropped += [_drop(p, "user_cap", value, bound) for p in drawn[settings.user_cap :]]
    return sorted(kept, key=lambda p: (p.id, p.user)), dropped


def _shuffled(prompts: Sequence[Prompt], seed: int, purpose: str) -> list[Prompt]:
    values = hashing.uniform(hashing.id_keys(prompt.id for prompt in prompts), seed, purpose)
    order = sorted(range(len(prompts)), key=lambda n: (float(values[n]), prompts[n].id))
    return [prompts[n] for n in order]


def divide(prompts: Sequence[Prompt], settings: PoolSettings, seed: int) -> Pools:
    """Return the pools of collapsed prompts, and assert what must hold between them.

    Validation is by user (a prompt of no named user, or of a labeler, stands for itself). Without
    quotas SFT and RM share the labelers' and instruct prompts and half of the users'; PPO takes
    the other half of the users'. Where RM's quota exceeds what is left it reuses SFT prompts.
    """
    quotas = QUOTAS.get(settings.quotas, ())
    cells: dict[tuple[str, str], list[Prompt]] = defaultdict(list)
    for prompt in _shuffled(prompts, seed, "annotate.pool"):
        origin = "user" if prompt.origin == "user" else "labeler"
        cells[_split(prompt, _valid_ratio(quotas, origin, settings), seed), origin].append(prompt)
    scale = _scale(quotas, cells, settings.scale) if quotas else 1.0
    asked: dict[tuple[str, str, str], int] = {}
    pools: dict[str, list[Prompt]] = {"sft": [], "rm": [], "ppo": []}
    got: Counter[tuple[str, str, str]] = Counter()
    reused = 0
    for (split, origin), members in sorted(cells.items()):
        need = _needs(quotas, split, origin, scale, len(members))
        for pool, chosen in _deal(members, need, share=not quotas).items():
            pools[pool] += [replace(p, pool=pool, split=split) for p in chosen]
            got[pool, split, origin] += len(chosen)
            asked[pool, split, origin] = need[pool]
    for quota in quotas:
        asked.setdefault((quota.pool, quota.split, quota.origin), _scaled(quota.count, scale))
    sft = {prompt.id for prompt in pools["sft"]}
    reused = sum(prompt.id in sft for prompt in pools["rm"])
    used = {prompt.id for members in pools.values() for prompt in members}
    result = Pools(
        {name: tuple(sorted(members, key=lambda p: p.id)) for name, members in pools.items()},
        scale, asked, dict(got), reused, len({p.id for p in prompts} - used),
    )  # fmt: skip
    check_pools(result.prompts, settings.threshold)
    return result


def _deal(members: list[Prompt], need: dict[str, int], *, share: bool) -> dict[str, list[Prompt]]:
    """Return one cell's prompts by pool; PPO's are never in the others."""
    ppo_from = len(members) - need["ppo"] if share else need["sft"] + need["rm"]
    sft = members[: min(need["sft"], max(ppo_from, 0))]
    if share:
        return {"sft": sft, "rm": list(sft), "ppo": members[ppo_from:]}
    ppo = members[ppo_from : ppo_from + need["ppo"]]
    rm = members[len(sft) : min(ppo_from, len(members))]
    rm += sft[: need["rm"] - len(rm)]
    return {"sft": sft, "rm": rm, "ppo": ppo}


def _needs(
    quotas: tuple[Quota, ...], split: str, origin: str, scale: float, available: int
) -> dict[str, int]:
    if not quotas:
        ppo = available // 2 if origin == "user" else 0
        return {"sft": available - ppo, "rm": available - ppo, "ppo": ppo}
    found = {"sft": 0, "rm": 0, "ppo": 0}
    for quota in quotas:
        if (quota.split, quota.origin) == (split, origin):
            found[quota.pool] = _scaled(quota.count, scale)
    return found


def _scaled(count: int, scale: float) -> int:
    return int(count * scale + 0.5)


def _scale(
    quotas: tuple[Quota, ...], cells: dict[tuple[str, str], list[Prompt]], asked: float
) -> float:
    """Return the factor asked for, or the largest up to 1 that every filled cell can serve."""
    if asked:
        return asked
    whole: Counter[tuple[str, str]] = Counter()
    for quota in quotas:
        whole[quota.split, quota.origin] += quota.count
    ratios = [len(cells[cell]) / need for cell, need in whole.items() if cells.get(cell)]
    return min([1.0, *ratios])


def _valid_ratio(quotas: tuple[Quota, ...], origin: str, settings: PoolSettings) -> float:
    counts = Counter[str]()
    for quota in quotas:
        if quota.origin == origin:
            counts[quota.split] += quota.count
    return counts["valid"] / counts.total() if counts else settings.valid_ratio


def _split(prompt: Prompt, ratio: float, seed: int) -> str:
    unit = prompt.user if prompt.origin == "user" and prompt.user else prompt.id
    key = hashing.id_keys([unit])
    return "valid" if hashing.uniform(key, seed, "annotate.valid")[0] < ratio else "train"


def check_pools(pools: dict[str, tuple[Prompt, ...]], threshold: float) -> None:
    """Raise InternalError where PPO meets SFT or RM (exactly or nearly), holds another origin's
    prompt than a user's, or a user's prompts stand on both sides of the validation split.
    """
    ppo = pools.get("ppo", ())
    others = {p.id: p for name in ("sft", "rm") for p in pools.get(name, ())}
    met = [p.id for p in ppo if p.id in others]
    wrong = [p.id for p in ppo if p.origin != "user"]
    both = [*ppo, *others.values()]
    crossing = [
        both[a].id for a, b, _ in _copies(both, threshold) if (a < len(ppo)) != (b < len(ppo))
    ]
    sides: dict[str, set[str]] = defaultdict(set)
    for prompt in both:
        if prompt.origin == "user" and prompt.user:
            sides[prompt.user].add(prompt.split)
    torn = [user for user, splits in sides.items() if len(splits) > 1]
    for name, found in (("ppo meets sft or rm", met), ("ppo nearly meets sft or rm", crossing),
                        ("ppo not from users", wrong), ("user on both sides", torn)):  # fmt: skip
        if found:
            raise InternalError(f"prompt pools: {name}: {found[:3]} ({len(found)}).")


def counted(dropped: Iterable[DroppedPrompt]) -> dict[str, int]:
    """Return how many prompts each rule dropped."""
    return dict(sorted(Counter(item.rule for item in dropped).items()))


assert set(_POLICY) == set(ORIGINS)
