"""One training: AdamW, warm-up and a cosine, from checkpoints that a killed run goes on from.

A step is a function of (data, settings, seed, step), so a resumed training has the losses of one that
never stopped, for any number of loader workers. Equal on one machine with one number of threads; on
CUDA equal up to the order of sums there. Rates and bounds follow Brown et al. 2020, appendix B:
betas 0.9 and 0.95, weight decay 0.1 of matrices, gradients of norm 1 at most. Limit: one device.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from corpusforge.ablate import model
from corpusforge.ablate.corpus import Corpus
from corpusforge.ablate.settings import RowSettings, Settings
from corpusforge.errors import InputError, RunError
from corpusforge.io import files
from corpusforge.startup import torch_threads

__all__ = [
    "Schedule", "State", "Watch", "autocast", "descend", "device_of", "load", "rate_at", "train",
]  # fmt: skip

_FLOOR = 0.1  # the last rate as a share of the highest
_KEPT = ("step", "seconds", "losses", "curve")


@dataclass(slots=True)
class State:
    """A training between two steps: weights, optimiser, and what was measured so far.

    `losses` has the mean loss of each step in bits per token, `curve` (tokens, bits per byte) pairs.
    """

    weights: dict[str, Any]
    optimiser: Any
    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)


Watch = Callable[[State], None]
"""Told after each step; what it raises ends the training."""


Schedule: TypeAlias = Settings | RowSettings
"""Settings of a training of either kind."""


def device_of(settings: Schedule) -> str:
    """Return "cuda" or "cpu", and set torch's threads as the settings ask.

    Raises InputError where CUDA is asked for and torch has none.
    """
    there = model.library().cuda.is_available()
    if settings.threads:
        torch_threads(settings.threads)
    if settings.device == "cuda" and not there:
        raise InputError("--device cuda: torch finds no CUDA device here. Give cpu, or auto.")
    return "cuda" if there and settings.device != "cpu" else "cpu"


def autocast(settings: Schedule, device: str) -> Any:
    """Return the context in which matrix products take the settings' precision."""
    torch = model.library()
    return torch.autocast(device, torch.bfloat16, enabled=settings.precision == "bf16")


def rate_at(step: int, settings: Schedule) -> float:
    """Return the learning rate of a step: a line up, then a cosine down to a tenth."""
    highest, steps = settings.highest, settings.steps
    rising = max(1, round(settings.warmup * steps))
    if step < rising:
        return highest * (step + 1) / rising
    share = (step - rising) / max(1, steps - rising)
    return highest * (_FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * share)))


def _begin(made: Mapping[str, Any], settings: Schedule, device: str) -> State:
    torch = model.library()
    weights = {
        name: value.detach().clone().to(device).requires_grad_() for name, value in made.items()
    }
    groups = [
        {"params": [v for v in weights.values() if (v.dim() > 1) == matrix], "weight_decay": decay}
        for matrix, decay in ((True, settings.decay), (False, 0.0))
    ]
    optimiser = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95), fused=True)
    return State(weights, optimiser)


def _save(state: State, place: Mapping[str, Any], path: str) -> None:
    saved = {
        "weights": {name: value.detach() for name, value in state.weights.items()},
        "optimiser": state.optimiser.state_dict(),
        "stream": place,
        **{name: getattr(state, name) for name in _KEPT},
    }
    with files.atomic_write(path) as stream:
        model.library().save(saved, stream)


def load(path: str, device: str = "cpu") -> dict[str, Any]:
    """Return a checkpoint's content. Raises RunError where it is missing or no checkpoint."""
    torch = model.library()
    try:
        return dict(torch.load(io.BytesIO(files.read_bytes(path)), device, weights_only=True))
    except Exception as error:  # torch raises pickle's, zip's and its own errors alike
        raise RunError(
            f"{path!r} is no checkpoint ({error}). Delete its directory to train again."
        ) from error


def _resume(state: State, saved: Mapping[str, Any]) -> None:
    torch = model.library()
    with torch.no_grad():
        for name, value in state.weights.items():
            value.copy_(saved["weights"][name])
    state.optimiser.load_state_dict(saved["optimiser"])
    for name in _KEPT:
        setattr(state, name, saved[name])


def _batches(corpus: Corpus, settings: Settings, seed: int, step: int) -> Iterator[Any]:
    """Yield (inputs, targets) of every step from `step` on."""
    torch = model.library()
    plan = [corpus.numbers(n, seed, settings).tolist() for n in range(step, settings.steps)]
    yield from torch.utils.data.DataLoader(
        corpus.stream.torch(), batch_sampler=plan, num_workers=settings.loader_workers
    )


def _loss(
    weights: Mapping[str, Any], inputs: Any, targets: Any, settings: Settings, device: str
) -> Any:
    torch = model.library()
    with autocast(settings, device):
        logits = model.forward(weights, inputs, settings.shape)
    return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())


def train(corpus: Corpus, settings: Settings, seed: int, path: str, watch: Watch) -> State:
    """Train a model, or go on from the checkpoint at `path`, which is written as it goes and at the end.

    `watch` may add to the state's curve. Raises RunError or InputError where the checkpoint is damaged
    or of other data, RunError where the loss is not finite.
    """
    device = device_of(settings)
    loss_of: Callable[..., Any] = partial(_loss, settings=settings, device=device)
    if device == "cuda":
        loss_of = model.library().compile(loss_of)
    stream = corpus.stream

    def place(step: int) -> dict[str, Any]:
        stream.step = step
        return stream.state_dict()

    return descend(
        model.initial(settings.shape, corpus.tokenizer.vocab_size, seed),
        partial(_batches, corpus, settings, seed),
        lambda weights, batch: loss_of(weights, *(each.to(device) for each in batch)),
        settings,
        path,
        watch,
        place=place,
        check=stream.load_state_dict,
    )


def descend(
    initial: Mapping[str, Any],
    batches: Callable[[int], Iterable[Any]],
    loss_of: Callable[[Mapping[str, Any], Any], Any],
    settings: Schedule,
    path: str,
    watch: Watch,
    *,
    place: Callable[[int], Mapping[str, Any]] = lambda step: {},
    check: Callable[[dict[str, Any]], None] = lambda saved: None,
) -> State:
    """Lower a loss from `initial` weights, or from the checkpoint at `path`, to the last step.

    `batches` gives those from a step on, `loss_of` the loss (nats, a scalar) of weights and a batch.
    `place` is saved beside the weights, and `check` may refuse what was saved. Raises as `train`.
    """
    torch = model.library()
    device = device_of(settings)
    state = _begin(initial, settings, device)
    if files.exists(path):
        saved = load(path, device)
        check(saved["stream"])
        _resume(state, saved)
    for batch in batches(state.step):
        begun = time.monotonic()
        for group in state.optimiser.param_groups:
            group["lr"] = rate_at(state.step, settings)
        loss = loss_of(state.weights, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(state.weights.values(), 1.0)
        state.optimiser.step()
        state.optimiser.zero_grad()
        state.losses.append(loss.item() / math.log(2))
        if not math.isfinite(state.losses[-1]):
            raise RunError(
                f"the loss of step {state.step} is {state.losses[-1]}: the training has diverged. Give a "
                "smaller --rate, or a longer --warmup, and another --output."
            )
        state.step += 1
        state.seconds += time.monotonic() - begun
        watch(state)
        if state.step % settings.checkpoint_every == 0 or state.step == settings.steps:
            _save(state, place(state.step), path)
    return state
