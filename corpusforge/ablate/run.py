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
from dataclasses import asdict, replace
from itertools import chain

import numpy as np

import corpusforge
from corpusforge import manifest as records
from corpusforge.ablate import compare, huggingface, model, ngram, report
from corpusforge.ablate.corpus import Corpus, open_corpus
from corpusforge.ablate.evaluation import WHOLE, Evaluation, Sets, evaluation
from corpusforge.ablate.measure import (
    Bits,
    Scorer,
    Tally,
    choices,
    cloze,
    scorer,
    stream_tallies,
)
from corpusforge.ablate.report import Report
from corpusforge.ablate.results import (
    Result,
    claim,
    finished,
    keep,
    option,
    refuse_others,
    tallies_of,
)
from corpusforge.ablate.settings import Settings
from corpusforge.ablate.train import State, device_of, load, train
from corpusforge.io import files
from corpusforge.io.lock import lock

__all__ = ["Result", "ablate"]

_FREE = ("checkpoint_every", "loader_workers")  # settings that change no number
_EVERY = 10.0  # seconds between lines of progress


def ablate(
    runs: Mapping[str, str],
    sets: Sets,
    settings: Settings,
    output: str,
    say: Callable[[str], None],
    *,
    export: bool = False,
    searched: Settings | None = None,
) -> Report:
    """Train, measure and compare; write the report and return it.

    `runs` are directories of finished runs by name; `say` is told how far it is; `export` writes each model
    as a Hugging Face directory too. Held-out texts are searched for in what models of `searched` (default:
    `settings`) read: several ablations then measure the same. Raises InputError or RunError; what is
    finished stays and is used next time.
    """
    model.library()
    report.blank()  # the picture comes after hours of training: what it needs is looked for now
    if export:
        huggingface.library()
    corpora = {name: open_corpus(name, where, settings) for name, where in runs.items()}
    with lock(output):
        refuse_others(output, "runs")
        say(f"searching what {len(corpora)} runs are trained on for the held-out texts")
        known = list(corpora.values())
        trained = chain.from_iterable(corpus.trained(searched or settings) for corpus in known)
        tests = evaluation(sets, known, trained, settings)
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
        _finish(output, fingerprint, settings, runs, names)
    return made


def _claim(
    output: str, corpora: Mapping[str, Corpus], tests: Evaluation, settings: Settings
) -> str:
    """Write what the directory is for; return its fingerprint. Raises RunError for another ablation's."""
    told = {
        "version": corpusforge.__version__,
        **{option(name): value for name, value in asdict(settings).items() if name not in _FREE},
        "--device": device_of(settings),
        "runs": {n: [c.stream.fingerprint, c.tokenizer.fingerprint] for n, c in corpora.items()},
        "tests": records.fingerprint(tests.texts, tests.choices, tests.cloze),
    }
    return claim(output, told)


def _one(
    corpus: Corpus, tests: Evaluation, settings: Settings, seed: int, folder: str, fingerprint: str,
    say: Callable[[str], None],
) -> Result:  # fmt: skip
    """Return a training's result: the one on disk, or that of training and measuring now."""
    path = files.join(folder, "result.json")
    if earlier := finished(path, fingerprint):
        return earlier
    files.make_directory(folder)
    watch = _Watch(corpus, tests, settings, f"{corpus.name}, seed {seed}", say)
    state = train(corpus, settings, seed, files.join(folder, "checkpoint.pt"), watch)
    score = scorer(state.weights, settings)
    tallies = _measured(score, corpus, tests, settings, seed)
    curve = (*state.curve, (settings.trained, tallies[WHOLE].value))
    return keep(path, fingerprint, replace(state, curve=list(curve)), tallies)


def _all_bits(score: Scorer) -> Bits:
    return lambda sequences: [one.bits for one in score(sequences)]


def _measured(
    score: Scorer, corpus: Corpus, tests: Evaluation, settings: Settings, seed: int
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
        tests: Evaluation,
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
            value = self.tests.per_byte(bits, self.corpus)[WHOLE].value
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
    corpora: Mapping[str, Corpus], tests: Evaluation, settings: Settings
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
    tests: Evaluation,
    settings: Settings,
    found: Mapping[str, list[Result]],
) -> Report:
    torch, device = model.library(), device_of(settings)
    first, *others = corpora
    names = sorted(
        found[first][0].tallies, key=lambda name: (not name.startswith("bits_per_byte/"), name)
    )
    tallies = {name: {run: tallies_of(rows, name) for run, rows in found.items()} for name in names}
    proxy = _proxy(corpora, tests, settings)
    means = {run: float(np.mean([t.value for t in rows])) for run, rows in tallies[WHOLE].items()}
    agreement = [(means[run], proxy[run][WHOLE]) for run in corpora if run in proxy]
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
    output: str, fingerprint: str, settings: Settings, runs: Mapping[str, str], names: Sequence[str]
) -> None:
    records.write_json(
        files.join(output, "manifest.json"),
        records.Manifest(
            stage="ablate",
            fingerprint=fingerprint,
            version=corpusforge.__version__,
            settings=records.plain(settings),
            inputs=[{"name": name, "path": path} for name, path in runs.items()],
            outputs=tuple(records.describe(output, name) for name in names),
            ledger=[],
            ended=time.time(),
        ),
    )
