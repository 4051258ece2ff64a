"""Does one row set make a better assistant than another? A small base model tuned on each, and compared.

    output/ablation.json            what the directory is for
    output/trainings/SET-SEED/      checkpoint.pt as it goes, result.json when measured
    output/rows.{json,md}

Every set trains as many steps from the same base; seeds read the rows in other orders. Rows with one answer
are judged by bits per byte of the answers of held-out rows, and by choices; ranked answers train a reward
model (the listwise loss of Ouyang et al. 2022, equation 1) that is judged by the share of pairs of held-out
rankings which it puts in their order. Held-out rows that stand in some set are left out. Limits: one
process, local directories; a row is a sequence of its own; what is too long for the context is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

import corpusforge
from corpusforge import manifest as records
from corpusforge.ablate import compare, measure, model
from corpusforge.ablate.compare import Difference, Figure
from corpusforge.ablate.corpus import Corpus, open_corpus
from corpusforge.ablate.held_out import overlaps
from corpusforge.ablate.items import Choice, drawn, read_choices
from corpusforge.ablate.measure import Tally
from corpusforge.ablate.report import Checked, checked, difference_rows, figure_rows
from corpusforge.ablate.results import (
    Result,
    claim,
    finished,
    keep,
    option,
    refuse_others,
    tallies_of,
)
from corpusforge.ablate.rows import Group, Row, encoded, fitted, read_groups, read_rows
from corpusforge.ablate.settings import RowSettings, Settings
from corpusforge.ablate.train import autocast, descend, device_of, load
from corpusforge.errors import InputError, RunError
from corpusforge.hashing import uniform
from corpusforge.io import files
from corpusforge.io.decoding import decode_json
from corpusforge.io.lock import lock

__all__ = ["Base", "Compared", "Judges", "listwise_loss", "markdown", "open_base", "tune_rows"]

_HEAD = "score.weight"


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A trained model of an ablation: its weights, its settings, the corpus whose tokenizer it reads."""

    name: str
    weights: Mapping[str, Any]
    settings: Settings
    corpus: Corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """What tuned models are judged by, by name: files of held-out rows or rankings, and of choices."""

    judge: dict[str, str]
    choices: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Every figure of a comparison of row sets (rows.json).

    `rows`: how many rows, or prompts with ranked answers, each set has; `seconds`: each seed's training.
    `figures` have the untuned `base` too, where it can be judged.
    """

    version: str
    base: str
    ranked: bool
    settings: dict[str, Any]
    rows: dict[str, int]
    seconds: dict[str, tuple[float, ...]]
    sets: tuple[Checked, ...]
    figures: tuple[Figure, ...]
    differences: tuple[Difference, ...]


def open_base(training: str, settings: RowSettings) -> Base:
    """Open ABLATION/trainings/RUN-SEED of a finished ablation, whose run is where it was. Raises RunError."""
    folder = training.rstrip("/")
    above, _, name = folder.rpartition("/")
    manifest = files.join(above.rpartition("/")[0], "manifest.json")
    told = decode_json(files.read_bytes(manifest)) if files.exists(manifest) else {}
    runs = {row["name"]: row["path"] for row in told.get("inputs", []) if "name" in row}
    run = runs.get(name.rpartition("-")[0])
    if told.get("stage") != "ablate" or run is None:
        raise RunError(
            f"--base {training!r} is no training of a finished ablation. Give ABLATION/trainings/RUN-SEED."
        )
    own = Settings(
        size=told["settings"]["size"], device=settings.device, precision=settings.precision,
        threads=settings.threads,
    )  # fmt: skip
    corpus = open_corpus(name, run, replace(own, batch=1))
    weights = load(files.join(folder, "checkpoint.pt"))["weights"]
    there = model.parameters(own.shape, corpus.tokenizer.vocab_size)
    if sum(value.numel() for value in weights.values()) != there:
        raise RunError(f"--base {training!r} has other ids than run {run!r}: the run has changed.")
    return Base(name, weights, own, corpus)


def listwise_loss(rewards: Any, ranks: Any) -> Any:
    """Return the mean of -log sigmoid(better - worse) over the pairs of a prompt: both are [answers]."""
    better = ranks[:, None] < ranks[None, :]
    gaps = rewards[:, None] - rewards[None, :]
    return -model.library().nn.functional.logsigmoid(gaps[better]).mean()


def _numbers(count: int, settings: RowSettings, seed: int, step: int) -> Iterator[list[int]]:
    """Yield the rows of every step from `step` on; every reading has another order, by hash."""
    keys, size = np.arange(count, dtype=np.uint64), settings.batch
    orders: dict[int, list[int]] = {}
    for place in range(step, settings.steps):
        made = []
        for number in range(place * size, (place + 1) * size):
            epoch = number // count
            if epoch not in orders:
                orders = {epoch: uniform(keys, seed, "ablate/rows", epoch).argsort().tolist()}
            made.append(orders[epoch][number % count])
        yield made


def _padded(rows: Sequence[Any]) -> Any:
    """Return sequences as int64 [rows, longest], filled with 0 behind."""
    torch = model.library()
    made = torch.zeros((len(rows), max(map(len, rows))), dtype=torch.int64)
    for line, row in zip(made, rows, strict=True):
        line[: len(row)] = torch.from_numpy(row)
    return made


def _answer_batches(
    base: Base, rows: Sequence[Row], settings: RowSettings, seed: int, step: int
) -> Any:
    context, end = base.settings.shape.context, base.corpus.tokenizer.end_id
    known = [fitted(*pair, end, context) for pair in encoded(rows, base.corpus)]
    for numbers in _numbers(len(rows), settings, seed, step):
        ids = _padded([known[n][0] for n in numbers])
        targets = ids[:, 1:].clone()
        for line, n in zip(targets, numbers, strict=True):
            line[: known[n][1] - 1] = -100  # cross_entropy's own mark of what does not count
            line[len(known[n][0]) - 1 :] = -100
        yield ids[:, :-1], targets


def _answer_loss(weights: Mapping[str, Any], batch: Any, base: Base, device: str) -> Any:
    inputs, targets = (each.to(device) for each in batch)
    with autocast(base.settings, device):
        logits = model.forward(weights, inputs, base.settings.shape)
    return model.library().nn.functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten()
    )


def _group_ids(base: Base, groups: Sequence[Group]) -> list[list[Any]]:
    """Return the ids of every answer of every prompt, its own end kept where it is too long."""
    context, end = base.settings.shape.context, base.corpus.tokenizer.end_id
    pairs = iter(encoded([row for group in groups for row in group.rows], base.corpus))
    return [
        [np.append(np.concatenate(next(pairs)), end)[-context:] for _ in group.rows]
        for group in groups
    ]


def _rewards(weights: Mapping[str, Any], rows: Sequence[Any], base: Base, device: str) -> Any:
    """Return the reward of each sequence, float32 [rows]: the head's number at its last id."""
    torch = model.library()
    with autocast(base.settings, device):
        found = model.hidden(weights, _padded(rows).to(device), base.settings.shape)
    last = torch.tensor([len(row) - 1 for row in rows], device=device)
    return found.float()[torch.arange(len(rows), device=device), last] @ weights[_HEAD][0]


def _group_batches(
    base: Base, groups: Sequence[Group], settings: RowSettings, seed: int, step: int
) -> Any:
    known = _group_ids(base, groups)
    for numbers in _numbers(len(groups), settings, seed, step):
        yield [(known[n], groups[n].ranks) for n in numbers]


def _group_loss(weights: Mapping[str, Any], batch: Any, base: Base, device: str) -> Any:
    torch = model.library()
    flat = _rewards(weights, [row for rows, _ in batch for row in rows], base, device)
    losses = [
        listwise_loss(own, torch.tensor(ranks, device=device))
        for own, (_, ranks) in zip(flat.split([len(r) for r, _ in batch]), batch, strict=True)
    ]
    return torch.stack(losses).mean()


def _pair_accuracy(weights: Mapping[str, Any], base: Base, groups: Sequence[Group]) -> Tally:
    """Return right pairs above pairs of each prompt; equal rewards count a half."""
    device = device_of(base.settings)
    right = []
    for group, rows in zip(groups, _group_ids(base, groups), strict=True):
        with model.library().inference_mode():
            rewards = _rewards(weights, rows, base, device).cpu().numpy()
        gaps = [rewards[a] - rewards[b] for a, b in group.pairs]
        right.append(sum(1.0 if gap > 0 else 0.5 * (gap == 0) for gap in gaps))
    return Tally(np.array(right), np.array([float(len(group.pairs)) for group in groups]))


def _answer_bits(score: measure.Scorer, corpus: Corpus, rows: Sequence[Row]) -> Tally:
    """Return bits above bytes of each answer, its prompt before it."""
    pairs = encoded(rows, corpus)
    found = score([np.concatenate(pair) for pair in pairs])
    bits = [
        one.bits[len(prompt) - 1 :].sum() for one, (prompt, _) in zip(found, pairs, strict=True)
    ]
    return Tally(np.array(bits), np.array([float(len(row.answer.encode())) for row in rows]))


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """The two kinds of sets: how they train, and what is measured."""

    ranked: bool
    base: Base
    judges: Mapping[str, Any]
    choices: Mapping[str, Sequence[Choice]]

    def initial(self) -> dict[str, Any]:
        weights = {name: value.float() for name, value in self.base.weights.items()}
        if self.ranked:
            weights[_HEAD] = model.library().zeros((1, self.base.settings.shape.width))
        return weights

    def measured(self, weights: Mapping[str, Any]) -> dict[str, Tally]:
        base = self.base
        if self.ranked:
            return {
                f"pairs/{name}": _pair_accuracy(weights, base, groups)
                for name, groups in self.judges.items()
            }
        score, context = measure.scorer(weights, base.settings), base.settings.shape.context
        made = {
            f"answers/{name}": _answer_bits(score, base.corpus, rows)
            for name, rows in self.judges.items()
        }
        for name, items in self.choices.items():
            for kind, tally in measure.choices(score, base.corpus, items, context).items():
                made[f"{kind}/{name}"] = tally
        return made


def _texts(rows: Sequence[Row | Group]) -> list[str]:
    return [
        "\n".join([row.prompt + row.answer] if isinstance(row, Row) else
                  [row.rows[0].prompt, *(one.answer for one in row.rows)])
        for row in rows
    ]  # fmt: skip


def _judges(
    judges: Judges, sets: Mapping[str, Sequence[Any]], read: Any, settings: RowSettings
) -> tuple[dict[str, Any], dict[str, list[Choice]], tuple[Checked, ...]]:
    """Return the held-out rows and questions that stand in no set, and how many do."""
    rows = {
        name: drawn(read(path, f"--judge {name}"), settings.items)
        for name, path in judges.judge.items()
    }
    asks = {name: read_choices(path, settings.items) for name, path in judges.choices.items()}
    passages = [(name, text) for name, own in rows.items() for text in _texts(own)]
    passages += [(name, one.question) for name, items in asks.items() for one in items]
    trained = (text for own in sets.values() for text in _texts(own))
    shares = overlaps([text for _, text in passages], trained)
    clean = iter((shares <= settings.overlap).tolist())
    kept = {name: [row for row in own if next(clean)] for name, own in rows.items()}
    left = {name: [one for one in items if next(clean)] for name, items in asks.items()}
    if empty := [name for name, own in kept.items() if not own]:
        raise InputError(
            f"--judge {empty[0]}: each row is too short to be searched for, or stands in some row set. Give "
            "others, or a larger --overlap."
        )
    left = {name: items for name, items in left.items() if items}
    return kept, left, checked(passages, shares, settings.overlap)


def tune_rows(
    training: str, paths: Mapping[str, str], judges: Judges, settings: RowSettings, output: str,
    say: Callable[[str], None], *, ranked: bool = False,
) -> Compared:  # fmt: skip
    """Tune the base model at `training` on each set of `paths`, judge, compare with the first, and write.

    `ranked`: sets and judges are K-way rankings, and the model a reward model. Raises InputError or RunError.
    """
    model.library()
    read: Any = read_groups if ranked else read_rows
    if ranked and judges.choices:
        raise InputError("--choices is not for --rankings: a reward model answers no question.")
    base = open_base(training, settings)
    sets = {
        name: read(path, f"--{'rankings' if ranked else 'rows'} {name}")
        for name, path in paths.items()
    }
    with lock(output):
        refuse_others(output)
        rows, asks, sums = _judges(judges, sets, read, settings)
        kind = _Kind(ranked, base, rows, asks)
        told = {
            "version": corpusforge.__version__,
            **{option(n): v for n, v in asdict(settings).items() if n != "checkpoint_every"},
            "--device": device_of(settings),
            "--base": records.fingerprint({n: v.tolist() for n, v in base.weights.items()}),
            "rows": {name: records.fingerprint(own) for name, own in sets.items()},
            "judges": records.fingerprint(rows, asks),
        }
        fingerprint = claim(output, told)
        found: dict[str, list[Result]] = {name: [] for name in sets}
        for seed in range(settings.seeds):
            for name, own in sets.items():
                folder = files.join(output, "trainings", f"{name}-{seed}")
                found[name].append(_one(kind, own, settings, seed, folder, fingerprint))
                say(f"{name}, seed {seed}: {settings.steps} steps")
        made = _compared(kind, sets, settings, found, sums)
        records.write_json(files.join(output, "rows.json"), made)
        files.write_bytes(files.join(output, "rows.md"), markdown(made).encode())
    return made


def _one(
    kind: _Kind,
    rows: Sequence[Any],
    settings: RowSettings,
    seed: int,
    folder: str,
    fingerprint: str,
) -> Result:
    path = files.join(folder, "result.json")
    if earlier := finished(path, fingerprint):
        return earlier
    files.make_directory(folder)
    batches, loss = (
        (_group_batches, _group_loss) if kind.ranked else (_answer_batches, _answer_loss)
    )
    state = descend(
        kind.initial(),
        partial(batches, kind.base, rows, settings, seed),
        partial(loss, base=kind.base, device=device_of(settings)),
        settings,
        files.join(folder, "checkpoint.pt"),
        lambda _: None,
    )
    return keep(path, fingerprint, state, kind.measured(state.weights))


def _compared(
    kind: _Kind, sets: Mapping[str, Sequence[Any]], settings: RowSettings,
    found: Mapping[str, list[Result]], sums: tuple[Checked, ...],
) -> Compared:  # fmt: skip
    first, *others = found
    names = list(found[first][0].tallies)
    tallies = {name: {run: tallies_of(rows, name) for run, rows in found.items()} for name in names}
    untuned = {} if kind.ranked else kind.measured(kind.base.weights)
    figures = []
    for name in names:
        if name in untuned:
            figures.append(compare.figure(name, "base", [untuned[name]]))
        figures += [compare.figure(name, run, own) for run, own in tallies[name].items()]
    return Compared(
        version=corpusforge.__version__,
        base=kind.base.name,
        ranked=kind.ranked,
        settings=records.plain(settings),
        rows={name: len(own) for name, own in sets.items()},
        seconds={name: tuple(row.seconds for row in rows) for name, rows in found.items()},
        sets=sums,
        figures=tuple(figures),
        differences=tuple(
            compare.difference(name, run, first, tallies[name]) for name in names for run in others
        ),
    )


def markdown(found: Compared) -> str:
    """Return the comparison as Markdown: what was tuned, figures, differences with intervals."""
    first = next(iter(found.rows))
    told = ", ".join(f"{name} {count:,}" for name, count in found.rows.items())
    seconds = sum(map(sum, found.seconds.values()))
    held = ", ".join(
        f"{row.set} {row.used} ({row.contaminated} left out as known, {row.short} as too short)"
        for row in found.sets
    )
    kind = "reward models" if found.ranked else "models"
    return "\n".join(
        [
            f"# Row sets: {', '.join(found.rows)}",
            "",
            f"{kind} tuned from {found.base}: {found.settings['steps']} steps of {found.settings['batch']}, "
            f"{found.settings['seeds']} seeds per set, {seconds:,.0f} s. Rows: {told}. Judged by: {held}.",
            "",
            *figure_rows(found.figures),
            *difference_rows(found.differences, first),
        ]
    )
