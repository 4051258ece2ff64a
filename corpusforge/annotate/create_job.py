"""From prompts to a job directory: the whole way out, streamed, as one function.

Output: `pool/` (prompts by pool, what was dropped and why), `tasks.jsonl` and `job.json`, a folder
for each target, `shortfalls.jsonl` (prompts with fewer answers than wanted), `private/` (salt and
names, keep it apart), `export.json` (counts, settings, estimate). A killed export is run again:
replies come from the journal, everything else is a function of inputs, settings and salt.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgspec

from corpusforge.annotate.assign import Rater, assign, overlap_of
from corpusforge.annotate.candidates import Item, Shortfall, Source, ask
from corpusforge.annotate.cost import Estimate
from corpusforge.annotate.existing_answers import GivenAnswers
from corpusforge.annotate.gold import read_known
from corpusforge.annotate.guidelines import guidelines, rubric, warning
from corpusforge.annotate.jobs import Job, read_tasks, write_job
from corpusforge.annotate.pool import Pools, collapse, counted, divide
from corpusforge.annotate.private import load_private, read_raters, save_private
from corpusforge.annotate.prompts import Collected, DroppedPrompt, collect
from corpusforge.annotate.records import Candidate, Prompt, Task
from corpusforge.annotate.settings import Settings
from corpusforge.annotate.targets import find_target
from corpusforge.errors import InputError, RunError
from corpusforge.io import files
from corpusforge.models.client import Client
from corpusforge.plugins import folder

__all__ = ["POOL_OF", "Exported", "Request", "batches", "export", "plan"]

POOL_OF = {"demonstration": "sft", "dialogue": "sft"}
"""The pool a kind of job draws from where nothing else is said; `rm` for the others."""

_LAST = "export.json"
_PLANNED_WORDS = 120  # of an answer nobody has written yet; about InstructGPT's mean answer length
_ANSWERED = ("ranking", "pairwise", "rating")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to export: files in, who rates, where to.

    `prompts` are (origin, path) pairs. `pool` and `split` choose prompts ("" and "all": by kind,
    both splits); `languages` keeps only prompts in them.
    """

    prompts: Sequence[tuple[str, str]]
    output: str
    raters: str
    targets: Sequence[str]
    logs: Sequence[str] = ()
    answers: Sequence[str] = ()
    gold: Sequence[str] = ()
    qualification: Sequence[str] = ()
    salt_file: str = ""
    pool: str = ""
    split: str = "all"
    languages: Sequence[str] = ()
    previous: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in self.targets:
            find_target(name)


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export: the job, the target files, counts for people and machines, and lines about
    answers that for the most part are not what was asked for."""

    job: Job
    paths: list[str]
    report: dict[str, Any]
    notices: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Pooled:
    """The pool of one export and how it came about."""

    collected: Collected
    pools: Pools
    dropped: tuple[DroppedPrompt, ...]
    chosen: list[Prompt] = field(default_factory=list)


def export(
    request: Request,
    settings: Settings,
    client: Client | None = None,
    sources: Sequence[Source] = (),
    say: Callable[[str], None] = print,
) -> Exported:
    """Write a job directory; `say` gets one line a step, the cost estimate before target files.

    Raises InputError for wrong inputs, RunError where the output holds a job, BudgetSpent as the
    client does (run the same command again to go on).
    """
    if files.exists(files.join(request.output, _LAST)):
        raise RunError(f"{request.output!r} holds a finished job. Choose another --output.")
    if not files.is_remote(request.output):
        files.sweep(request.output)
    private = load_private(request.output, request.salt_file)
    raters, private = read_raters(request.raters, private)
    save_private(request.output, private)
    pooled = _pool(request, settings, private.salt, say)
    _write_pool(request.output, pooled)
    rules = settings.pool.redact
    gold = read_known(request.gold, private.salt, rules)
    first = read_known(request.qualification, private.salt, rules)
    _check_known(gold, settings, say)
    head = _head(request, settings, pooled, raters)
    estimate = Estimate(settings.cost, len(head.scales))
    short: Counter[str] = Counter()
    with ExitStack() as stack:
        given = _given(request, settings, pooled, stack)
        items = _items(settings, pooled, client, sources, given)
        kept = _kept(items, request.output, short, stack)
        tasks = assign(
            _progress(kept, len(pooled.chosen), say), raters, head.id, head.kind, settings.assign,
            settings.seed, gold=gold, qualification=first,
        )  # fmt: skip
        job = write_job(request.output, head, estimate.count(tasks))
    if job.tasks == 0:
        raise InputError("no task was made: no prompt of the chosen pool has two answers or more.")
    say(estimate.describe())
    paths = write_targets(request.output, job, request.targets)
    found = dict(given.counts) if given else {}
    report = _report(settings, pooled, job, estimate, short, client) | {"answers": found}
    text = msgspec.json.format(msgspec.json.encode(report, order="deterministic"), indent=1)
    files.write_bytes(files.join(request.output, _LAST), text + b"\n")
    cut = client.usage.cut_lines() if client is not None else []
    notices = [f"{line}, or raters see answers that break off" for line in cut]
    if lost := found.get("no_object"):
        notices.append(f"{lost} of {found['rows']} rows of --answers are no JSON objects")
    return Exported(job, paths, report, notices)


def plan(request: Request, settings: Settings, say: Callable[[str], None] = print) -> Estimate:
    """Return the cost of an export without asking a model or writing anything."""
    private = load_private(request.output, request.salt_file)
    raters, private = read_raters(request.raters, private)
    pooled = _pool(request, settings, private.salt, say)
    estimate = Estimate(settings.cost, len(rubric(settings.rubric).scales))
    many = settings.candidates.k if settings.kind in _ANSWERED else 0
    blank = [
        Candidate(id=f"c_{n:012x}", text=f"word {n} " * (_PLANNED_WORDS // 2), model="")
        for n in range(many)
    ]
    items = (Item(prompt, tuple(blank)) for prompt in pooled.chosen)
    kind: Any = settings.kind
    for _ in estimate.count(assign(items, raters, "j_", kind, settings.assign, settings.seed)):
        pass
    say(estimate.describe())
    return estimate


def _pool(request: Request, settings: Settings, salt: str, say: Callable[[str], None]) -> _Pooled:
    collected = collect(request.prompts, salt, settings.pool.redact, logs=request.logs)
    kept, dropped = collapse(collected.prompts, settings.pool, settings.seed)
    if request.languages:
        wrong = [p for p in kept if p.language not in request.languages]
        bound = " ".join(request.languages)
        dropped += tuple(
            DroppedPrompt(locator=p.id, rule="language", value=p.language, bound=bound, prompt=p)
            for p in wrong
        )
        kept = tuple(p for p in kept if p.language in request.languages)
    pools = divide(kept, settings.pool, settings.seed)
    name = request.pool or POOL_OF.get(settings.kind, "rm")
    every = kept if name == "all" else pools.prompts[name]
    chosen = [p for p in every if request.split in ("all", p.split)]
    every_drop = collected.dropped + dropped
    assert collected.seen == len(kept) + len(every_drop)
    say(
        f"prompts: {collected.seen} read, {len(kept)} kept, dropped {counted(every_drop) or 0}; "
        f"pool {name!r}: {len(chosen)}"
    )
    if collected.later_turns:
        say(
            f"  {collected.later_turns} later turns of these prompts are left out: each asks about an answer "
            "that is not there yet"
        )
    _say_others(request, name, kept, chosen, pools, say)
    for cell, count in pools.asked.items():
        if pools.got.get(cell, 0) < count:
            say(f"  short: {'/'.join(cell)} has {pools.got.get(cell, 0)} of {count} prompts asked")
    if not chosen:
        raise InputError(
            f"pool {name!r} is empty. Give more prompts, or another --pool or --scale."
        )
    return _Pooled(collected, pools, every_drop, chosen)


def _say_others(
    request: Request,
    name: str,
    kept: Sequence[Prompt],
    chosen: Sequence[Prompt],
    pools: Pools,
    say: Callable[[str], None],
) -> None:
    """Say where the prompts are that this job leaves out, and how to have them."""
    left = len(kept) - len({prompt.id for prompt in chosen})
    if not left:
        return
    where = ", ".join(
        f"{pool} {len(members)} ({files.join(request.output, 'pool', f'{pool}.jsonl')})"
        for pool, members in pools.prompts.items()
        if pool != name
    )
    # a user's prompt is for PPO or for the others, never both (Ouyang et al. 2022)
    split = "" if request.split == "all" else f" --split {request.split} leaves some out, too."
    say(
        f"  {left} kept prompts make no task here: the other pools have {where}. --pool all takes every "
        f"prompt into this job.{split}"
    )


def _write_pool(output: str, pooled: _Pooled) -> None:
    rows: dict[str, Sequence[Any]] = {**pooled.pools.prompts, "dropped": pooled.dropped}
    encoder = msgspec.json.Encoder()
    for name, members in rows.items():
        with files.atomic_write(files.join(output, "pool", f"{name}.jsonl")) as stream:
            for member in members:
                stream.write(encoder.encode(member) + b"\n")


def _head(request: Request, settings: Settings, pooled: _Pooled, raters: Sequence[Rater]) -> Job:
    """Return the job before its tasks are known; its id covers settings, prompts and raters."""
    asked = rubric(settings.rubric)
    version, text = guidelines(settings.kind)
    content = msgspec.json.encode(
        [asdict(settings), version, [p.id for p in pooled.chosen], [r.id for r in raters]]
    )
    kind: Any = settings.kind
    return Job(
        id="j_" + hashlib.blake2b(content, digest_size=6).hexdigest(),
        kind=kind,
        k=settings.candidates.k,
        scales=asked.scales,
        flags=asked.flags,
        rules=asked.rules,
        rubric=asked.name,
        guidelines_version=version,
        guidelines=text,
        warning=warning(),
        language=settings.language,
        raters=tuple(rater.id for rater in raters),
        overlap=overlap_of(settings.assign, len(raters)),
        seed=settings.seed,
        round=settings.round,
        previous=tuple(request.previous),
        targets=tuple(request.targets),
    )


def _check_known(gold: Sequence[Item], settings: Settings, say: Callable[[str], None]) -> None:
    """Say where a known item would stand out: files hold tasks of one K."""
    wishes = settings.candidates
    usual = range(wishes.k, max(wishes.k, wishes.k_high) + 1)
    odd = sum(len(item.candidates) not in usual for item in gold)
    if odd and settings.kind == "ranking":
        say(f"warning: {odd} gold items have another number of answers than -k, so raters can tell")


def _given(
    request: Request, settings: Settings, pooled: _Pooled, stack: ExitStack
) -> GivenAnswers | None:
    if settings.kind not in _ANSWERED or not request.answers:
        return None
    aliases = pooled.collected.aliases
    return stack.enter_context(GivenAnswers(request.answers, aliases, settings.pool.redact))


def _items(
    settings: Settings,
    pooled: _Pooled,
    client: Client | None,
    sources: Sequence[Source],
    given: GivenAnswers | None,
) -> Iterator[Item | Shortfall]:
    if settings.kind not in _ANSWERED:
        return (Item(prompt) for prompt in pooled.chosen)
    wishes, seed = settings.candidates, settings.seed
    if client is not None:
        start = given.of if given else None
        return ask(client, pooled.chosen, sources or [Source()], wishes, seed, start)
    if given is None:
        raise InputError("no answers. Give --engine and --model, or --answers FILES.")
    return given.items(pooled.chosen, wishes, seed)


def _kept(
    items: Iterator[Item | Shortfall], output: str, short: Counter[str], stack: ExitStack
) -> Iterator[Item]:
    stream = stack.enter_context(files.atomic_write(files.join(output, "shortfalls.jsonl")))
    for item in items:
        if isinstance(item, Item):
            yield item
        else:
            stream.write(msgspec.json.encode(item) + b"\n")
            short["fewer answers" if item.kept else "left out"] += 1


def _progress(items: Iterable[Item], total: int, say: Callable[[str], None]) -> Iterator[Item]:
    step = max(1000, total // 10)
    for number, item in enumerate(items, 1):
        yield item
        if number % step == 0:
            say(f"  {number} of {total} prompts")


def batches(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    """Yield the tasks of each batch; memory is one open batch a rater."""
    open_batches: dict[str, list[Task]] = {}
    for task in tasks:
        found = open_batches.setdefault(task.rater, [])
        if found and found[0].batch != task.batch:
            yield found
            found = open_batches[task.rater] = []
        found.append(task)
    yield from open_batches.values()


def write_targets(directory: str, job: Job, names: Sequence[str]) -> list[str]:
    """Write a job's tasks, batch by batch, in the form of each target; return the paths."""
    if not names:
        return []
    tools = {name: find_target(name) for name in names}
    paths: list[str] = []
    for some in batches(read_tasks(directory)):
        for name in names:
            paths += tools[name].write(some, job, files.join(directory, folder(name)))
    return paths


def _report(
    settings: Settings,
    pooled: _Pooled,
    job: Job,
    estimate: Estimate,
    short: Mapping[str, int],
    client: Client | None,
) -> dict[str, Any]:
    pools = pooled.pools
    return {
        "schema": "corpusforge.export/1",
        "job": job.id,
        "checksum": job.checksum,
        "settings": asdict(replace(settings)),
        "prompts": {
            "read": pooled.collected.seen,
            "dropped": counted(pooled.dropped),
            "later_turns": pooled.collected.later_turns,
            "redacted": pooled.collected.redacted,
            "pools": {"/".join(cell): n for cell, n in sorted(pools.got.items())},
            "asked": {"/".join(cell): n for cell, n in sorted(pools.asked.items())},
            "scale": pools.scale,
            "rm_reuses_sft": pools.reused,
            "unused": pools.unused,
            "languages": dict(Counter(p.language for p in pooled.chosen)),
            "use_cases": dict(Counter(p.use_case for p in pooled.chosen)),
        },
        "tasks": job.tasks,
        "shortfalls": dict(short),
        "hours": round(estimate.hours, 2),
        "cost": round(estimate.cost, 2),
        "minutes_of_raters": sorted(round(minutes, 1) for minutes in estimate.minutes.values()),
        "usage": client.usage.table() if client else [],
    }
