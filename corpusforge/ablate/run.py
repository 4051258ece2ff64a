"""The whole experiment: every run's models in turn, measured alike, compared with the first run.

    output/ablation.json            what the directory is for: a second ablation does not fit in it
    output/trainings/RUN-SEED/      checkpoint.pt as it goes, result.json when measured
    output/report.{json,md}, curves.png, manifest.json

Trainings go seed by seed through all runs, so an experiment that is stopped early has pairs. The same
command goes on where it was stopped. Limit: one process; two directories may work side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain

import numpy as np

import corpusforge
from corpusforge import manifest as records
from corpusforge.ablate import compare, held_out, huggingface, model, ngram, report
from corpusforge.ablate.corpus import Corpus, open_corpus
from corpusforge.ablate.held_out import HeldOut
from corpusforge.ablate.items import Choice, Cloze, read_choices, read_cloze
from corpusforge.ablate.measure import (
    Bits,
    Scorer,
    Tally,
    bits_per_byte,
    choices,
    cloze,
    scorer,
    stream_tallies,
)
from corpusforge.ablate.report import Checked, Report
from corpusforge.ablate.settings import Settings
from corpusforge.ablate.train import State, device_of, load, train
from corpusforge.errors import InputError, RunError
from corpusforge.io import files
from corpusforge.io.decoding import decode_json
from corpusforge.io.lock import lock
from corpusforge.run.directory import refuse_foreign

__all__ = ["Asked", "Result", "ablate"]

_CLAIM = "ablation.json"
_WHOLE = "bits_per_byte/all"
_FREE = ("checkpoint_every", "loader_workers")  # settings that change no number
_EVERY = 10.0  # seconds between lines of progress
_FEWEST = 10  # texts of a language that is told apart: a label of a few is often wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is compared on what: runs, held-out sets, choices and texts with a last word, by name.

    Values are directories of finished runs, globs of texts, and files of rows.
    """

    runs: dict[str, str]
    held_out: dict[str, str] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    cloze: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = ["all", *self.held_out, *self.choices, *self.cloze]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(
                f"{twice[0]!r} names two sets of texts, or all of them together. Give each set another name."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measured training (result.json): `tallies` are (above, below) of each item by measure."""

    fingerprint: str
    seconds: float
    losses: tuple[float, ...]
    curve: tuple[tuple[int, float], ...]
    tallies: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Tests:
    """What every model is measured on."""

    texts: Sequence[HeldOut]
    choices: Mapping[str, Sequence[Choice]]
    cloze: Mapping[str, Sequence[Cloze]]
    checked: tuple[Checked, ...]

    def groups(self) -> dict[str, list[int]]:
        """Return the places of the texts of each measure: all, a set, a language of ten texts or more.

        A text of several sets (runs of one corpus hold out the same) is once in all and in its language.
        """
        found: dict[str, list[int]] = {}
        known: set[str] = set()
        for place, text in enumerate(self.texts):
            whole = () if text.text in known else ("all", f"lang:{text.lang}")
            known.add(text.text)
            for name in (*whole, text.set):
                found.setdefault(name, []).append(place)
        return {
            name: rows
            for name, rows in found.items()
            if len(rows) >= _FEWEST or not name.startswith("lang:")
        }

    def per_byte(self, bits: Bits, corpus: Corpus) -> dict[str, Tally]:
        """Return bits per byte of every group of texts."""
        whole = bits_per_byte(bits, corpus, [text.text for text in self.texts])
        return {
            f"bits_per_byte/{name}": Tally(whole.above[rows], whole.below[rows])
            for name, rows in self.groups().items()
        }


def ablate(
    asked: Asked,
    settings: Settings,
    output: str,
    say: Callable[[str], None],
    *,
    export: bool = False,
) -> Report:
    """Train, measure and compare; write the report and return it.

    `say` is told how far it is; `export` writes each model as a Hugging Face directory too. Raises
    InputError or RunError; what is finished stays and is used next time.
    """
    model.library()
    report.blank()  # the picture comes after hours of training: what it needs is looked for now
    if export:
        huggingface.library()
    corpora = {name: open_corpus(name, where, settings) for name, where in asked.runs.items()}
    with lock(output):
        if not files.exists(files.join(output, _CLAIM)):
            refuse_foreign(output, "runs")
        tests = _tests(asked, list(corpora.values()), settings, say)
        fingerprint = _claim(output, corpora, tests, settings)
        found: dict[str, list[Result]] = {name: [] for name in corpora}
        for seed in range(settings.seeds):
            for name, corpus in corpora.items():
                folder = files.join(output, "trainings", f"{name}-{seed}")
                result = _one(corpus, tests, settings, seed, folder, fingerprint, say)
                found[name].append(result)
                if export:
                    weights = load(files.join(folder, "checkpoint.pt"))["weights"]
                    huggingface.export(
                        weights, settings.shape, corpus.tokenizer, files.join(folder, "huggingface")
                    )
        made = _report(corpora, tests, settings, found)
        names = report.write(made, output)
        _finish(output, fingerprint, settings, asked, names)
    return made


def _tests(
    asked: Asked, corpora: Sequence[Corpus], settings: Settings, say: Callable[[str], None]
) -> _Tests:
    """Read everything that is measured, without what some run was trained on."""
    texts: list[HeldOut] = []
    for name, pattern in asked.held_out.items():
        found = held_out.read_texts(pattern, f"--held-out {name}")
        texts += held_out.draw(name, found, settings)
    for corpus in corpora:
        if own := corpus.validation():
            texts += held_out.draw(f"val:{corpus.name}", own, settings)
    questions = {name: read_choices(path, settings.items) for name, path in asked.choices.items()}
    words = {name: read_cloze(path, settings.items) for name, path in asked.cloze.items()}
    if not texts:
        raise InputError(
            "no held-out text: give --held-out NAME=GLOB, or runs with mix.validation."
        )
    passages = [(row.set, row.text) for row in texts]
    passages += [(name, one.question) for name, items in questions.items() for one in items]
    passages += [(name, one.before + one.last) for name, items in words.items() for one in items]
    say(f"searching what {len(corpora)} runs are trained on for {len(passages):,} held-out texts")
    trained = chain.from_iterable(corpus.trained(settings) for corpus in corpora)
    shares = held_out.overlaps([text for _, text in passages], trained)
    clean = iter((shares <= settings.overlap).tolist())
    kept = [row for row in texts if next(clean)]
    if not kept:
        raise InputError(
            f"each of {len(texts)} held-out texts is too short to be searched for, or some run is trained on "
            "it. Give others, or a larger --overlap."
        )
    asks = {name: [one for one in items if next(clean)] for name, items in questions.items()}
    ends = {name: [one for one in items if next(clean)] for name, items in words.items()}
    return _Tests(
        kept,
        {name: items for name, items in asks.items() if items},
        {name: items for name, items in ends.items() if items},
        _checked(passages, shares, settings),
    )


def _checked(
    passages: Sequence[tuple[str, str]], shares: np.ndarray, settings: Settings
) -> tuple[Checked, ...]:
    rows: dict[str, list[tuple[int, float]]] = {}
    for (name, text), share in zip(passages, shares.tolist(), strict=True):
        rows.setdefault(name, []).append((len(text.encode()), share))
    return tuple(
        Checked(
            set=name,
            used=sum(share <= settings.overlap for _, share in own),
            bytes=sum(size for size, share in own if share <= settings.overlap),
            contaminated=sum(share > settings.overlap for _, share in own),
            short=sum(share != share for _, share in own),  # noqa: PLR0124 - NaN alone
        )
        for name, own in rows.items()
    )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _claim(output: str, corpora: Mapping[str, Corpus], tests: _Tests, settings: Settings) -> str:
    """Write what the directory is for; return its fingerprint. Raises RunError for another ablation's."""
    told = {
        "version": corpusforge.__version__,
        **{_option(name): value for name, value in asdict(settings).items() if name not in _FREE},
        "--device": device_of(settings),
        "runs": {n: [c.stream.fingerprint, c.tokenizer.fingerprint] for n, c in corpora.items()},
        "tests": records.fingerprint(tests.texts, tests.choices, tests.cloze),
    }
    path = files.join(output, _CLAIM)
    earlier = decode_json(files.read_bytes(path)) if files.exists(path) else told
    if records.canonical(earlier) != records.canonical(told):
        changed = [key for key in told if earlier.get(key) != records.plain(told[key])]
        raise RunError(
            f"{output!r} holds another ablation ({', '.join(changed)} differ). Choose another --output, or "
            "delete it."
        )
    records.write_json(path, told)
    return records.fingerprint(told)


def _one(
    corpus: Corpus, tests: _Tests, settings: Settings, seed: int, folder: str, fingerprint: str,
    say: Callable[[str], None],
) -> Result:  # fmt: skip
    """Return a training's result: the one on disk, or that of training and measuring now."""
    path = files.join(folder, "result.json")
    earlier: Result | None = records.read_json(path, Result)
    if earlier is not None and earlier.fingerprint == fingerprint:
        return earlier
    files.make_directory(folder)
    watch = _Watch(corpus, tests, settings, f"{corpus.name}, seed {seed}", say)
    state = train(corpus, settings, seed, files.join(folder, "checkpoint.pt"), watch)
    score = scorer(state.weights, settings)
    tallies = _measured(score, corpus, tests, settings, seed)
    result = Result(
        fingerprint=fingerprint,
        seconds=state.seconds,
        losses=tuple(state.losses),
        curve=(*state.curve, (settings.trained, tallies[_WHOLE].value)),
        tallies={
            name: (tuple(one.above.tolist()), tuple(one.below.tolist()))
            for name, one in tallies.items()
        },
    )
    records.write_json(path, result)
    return result


def _all_bits(score: Scorer) -> Bits:
    return lambda sequences: [one.bits for one in score(sequences)]


def _measured(
    score: Scorer, corpus: Corpus, tests: _Tests, settings: Settings, seed: int
) -> dict[str, Tally]:
    context = settings.shape.context
    made = tests.per_byte(_all_bits(score), corpus)
    for name, items in tests.choices.items():
        for kind, tally in choices(score, corpus, items, context).items():
            made[f"{kind}/{name}"] = tally
    for name, words in tests.cloze.items():
        made[f"cloze/{name}"] = cloze(score, corpus, words, context)
    if settings.probes:
        made |= stream_tallies(score, corpus, settings, seed)
    return made


class _Watch:
    """Measures bits per byte at even distances, and says how far the training is."""

    def __init__(
        self,
        corpus: Corpus,
        tests: _Tests,
        settings: Settings,
        name: str,
        say: Callable[[str], None],
    ) -> None:
        self.corpus, self.tests, self.settings = corpus, tests, settings
        self.name, self.say = name, say
        points = range(1, settings.points)  # the last is measured with everything else
        self.at = {max(1, settings.steps * point // settings.points) for point in points}
        self.last = time.monotonic()
        self.begun: tuple[int, float] | None = None

    def __call__(self, state: State) -> None:
        settings = self.settings
        each = settings.batch * settings.shape.context
        if state.step in self.at:
            bits = _all_bits(scorer(state.weights, settings))
            value = self.tests.per_byte(bits, self.corpus)[_WHOLE].value
            state.curve.append((state.step * each, value))
        self.begun = self.begun or (state.step, state.seconds)
        now = time.monotonic()
        if now - self.last < _EVERY and state.step < settings.steps:
            return
        self.last = now
        steps, seconds = state.step - self.begun[0], state.seconds - self.begun[1]
        rate = steps * each / max(seconds, 1e-9)
        left = (settings.steps - state.step) * each / max(rate, 1e-9)
        tail = f", {left:.0f} s left" if steps and state.step < settings.steps else ""
        curve = f", {state.curve[-1][1]:.3f} bits per byte" if state.curve else ""
        self.say(
            f"{self.name}: {state.step}/{settings.steps} steps, {state.step * each:,} tokens, "
            f"{rate:,.0f} tokens/s{curve}{tail}"
        )


def _proxy(
    corpora: Mapping[str, Corpus], tests: _Tests, settings: Settings
) -> dict[str, dict[str, float]]:
    """Return bits per byte by n-grams of the stretch that seed 0 trains on: run → measure → value."""
    made = {}
    for name, corpus in corpora.items() if settings.order else ():
        ids = corpus.stretch(0, settings)
        grams = ngram.train(ids, settings.order, corpus.tokenizer.vocab_size)
        found = tests.per_byte(grams.bits_of, corpus)
        made[name] = {measure: tally.value for measure, tally in found.items()}
    return made


def _report(
    corpora: Mapping[str, Corpus],
    tests: _Tests,
    settings: Settings,
    found: Mapping[str, list[Result]],
) -> Report:
    torch, device = model.library(), device_of(settings)
    first, *others = corpora
    names = sorted(
        found[first][0].tallies, key=lambda name: (not name.startswith("bits_per_byte/"), name)
    )
    tallies = {name: {run: _tallies(rows, name) for run, rows in found.items()} for name in names}
    proxy = _proxy(corpora, tests, settings)
    means = {run: float(np.mean([t.value for t in rows])) for run, rows in tallies[_WHOLE].items()}
    agreement = [(means[run], proxy[run][_WHOLE]) for run in corpora if run in proxy]
    return Report(
        version=corpusforge.__version__,
        torch=str(torch.__version__),
        device=torch.cuda.get_device_name() if device == "cuda" else device,
        threads=torch.get_num_threads(),
        settings=records.plain(settings),
        sets=tests.checked,
        trained=tuple(_trained(c, settings, found[name]) for name, c in corpora.items()),
        figures=tuple(
            compare.figure(name, run, own) for name in names for run, own in tallies[name].items()
        ),
        differences=tuple(
            compare.difference(name, run, first, tallies[name])
            for name in names
            if not name.startswith("stream/")  # each run's own text: nothing to compare
            for run in others
        ),
        curves=tuple(_curve(run, rows) for run, rows in found.items()),
        proxy=proxy,
        agreement=compare.rank_agreement(*zip(*agreement, strict=True)) if agreement else None,
    )


def _tallies(rows: Sequence[Result], name: str) -> list[Tally]:
    return [Tally(*map(np.array, row.tallies[name])) for row in rows]


def _curve(run: str, rows: Sequence[Result]) -> report.Curve:
    tokens = tuple(place for place, _ in rows[0].curve)
    return report.Curve(
        run=run, tokens=tokens, bits_per_byte=tuple(tuple(v for _, v in row.curve) for row in rows)
    )


def _trained(corpus: Corpus, settings: Settings, rows: Sequence[Result]) -> report.Trained:
    vocabulary = corpus.tokenizer.vocab_size
    tokens = settings.trained
    count = model.parameters(settings.shape, vocabulary)
    return report.Trained(
        run=corpus.name,
        stream=corpus.stream.fingerprint,
        stream_tokens=corpus.stream.tokens,
        epochs=corpus.epochs(settings),
        vocabulary=vocabulary,
        parameters=count,
        tokens=tokens,
        seconds=tuple(row.seconds for row in rows),
        flops=6.0 * count * tokens * len(rows),
    )


def _finish(
    output: str, fingerprint: str, settings: Settings, asked: Asked, names: Sequence[str]
) -> None:
    records.write_json(
        files.join(output, "manifest.json"),
        records.Manifest(
            stage="ablate",
            fingerprint=fingerprint,
            version=corpusforge.__version__,
            settings=records.plain(settings),
            inputs=[{"name": name, "path": path} for name, path in asked.runs.items()],
            outputs=tuple(records.describe(output, name) for name in names),
            ledger=[],
            ended=time.time(),
        ),
    )
