"""A transformer encoder as a scorer: trained from the two sides, read in batches on GPU or CPU.

Windows as for the other engines; batches hold windows of like length, so little is padding; bf16 on
CUDA, float32 on CPU, where training is the same to the bit with one thread count. A text's logit is
the mean of its windows by bytes; Platt's sigmoid makes it a probability. Limits: other batches, other
threads or another device change a score in its sixth place (bf16: in its second), so a keep rule at
a bound may differ; torch is imported inside (extra `local`).
"""

from __future__ import annotations

import itertools
import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.hashing import mix64, word64
from corpusforge.io.decoding import decode_json
from corpusforge.score import encoder_net
from corpusforge.score.encoder_net import Network
from corpusforge.score.features import SEARCH, window_bounds
from corpusforge.score.logreg import calibrate
from corpusforge.score.model import sigmoid
from corpusforge.score.settings import TrainSettings
from corpusforge.text.packed import packed

__all__ = ["MAGIC", "EncoderModel", "open_directory", "train_encoder"]

MAGIC = b"CFENCO01"


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise InputError("the encoder needs torch: pip install 'corpusforge[local]'.") from error
    return torch


def _device(name: str) -> str:
    torch = _torch()
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def _tensors(rows: Sequence[list[int]], device: str) -> tuple[Any, Any]:
    """Return ids padded with 0 [n, longest] and their mask, on the device."""
    torch = _torch()
    ids = torch.zeros((len(rows), max(1, *map(len, rows))), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row, dtype=torch.long)
    ids = ids.to(device)
    mask = ids != 0
    mask[:, 0] = True  # an empty text is one place of padding
    return ids, mask


def _logits(network: Network, texts: Sequence[str], batch: int, device: str) -> NDArray[np.float64]:
    """Return each window's logit, read in batches of like length; float64 [n]."""
    torch = _torch()
    rows = network.encode(texts)
    out = np.zeros(len(rows))
    order = sorted(range(len(rows)), key=lambda i: (-len(rows[i]), i))
    network.module.to(device).eval()
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        ids, mask = _tensors([rows[i] for i in chosen], device)
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, device == "cuda"):
            out[chosen] = network.module(ids, mask).float().cpu().numpy()
    return out


@dataclass(frozen=True, slots=True, eq=False)
class EncoderModel:
    """An encoder with its calibration; the score is sigmoid(slope * mean window logit + shift)."""

    network: Network
    window_bytes: int
    batch: int
    device: str
    slope: float
    shift: float
    card: Mapping[str, Any]

    def totals(self, texts: pa.Array | Sequence[str]) -> NDArray[np.float64]:
        """Return each text's mean window logit, weighed by bytes, float64 [n]."""
        data, offsets = packed(texts)
        windows: list[str] = []
        owners: list[int] = []
        sizes: list[int] = []
        for t in range(len(offsets) - 1):
            bounds = window_bounds(data, offsets[t], offsets[t + 1], self.window_bytes, SEARCH)
            for a, b in itertools.pairwise(bounds.tolist()):
                windows.append(data[a:b].tobytes().decode("utf-8"))
                owners.append(t)
                sizes.append(max(1, b - a))
        logits = _logits(self.network, windows, self.batch, _device(self.device))
        n = len(offsets) - 1
        weights = np.array(sizes, dtype=np.float64)
        total = np.bincount(np.array(owners, dtype=np.int64), weights * logits, n)
        return np.asarray(total / np.bincount(np.array(owners, dtype=np.int64), weights, n))

    def score(self, texts: pa.Array | Sequence[str]) -> NDArray[np.float32]:
        """Return the calibrated probability that a text is of the positives' kind, float32 [n]."""
        return sigmoid(self.slope * self.totals(texts) + self.shift).astype(np.float32)

    def to_bytes(self) -> bytes:
        """Return the file's bytes: magic, length of the header, JSON header, weights."""
        header = {
            **self.network.header,
            "window_bytes": self.window_bytes,
            "batch": self.batch,
            "slope": self.slope,
            "shift": self.shift,
            "card": dict(self.card),
        }
        text = json.dumps(header, sort_keys=True, ensure_ascii=False).encode()
        return MAGIC + struct.pack("<I", len(text)) + text + self.network.dump()

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> EncoderModel:
        """Read a file's bytes; raises InputError naming the file where they are no such model."""
        _torch()
        try:
            (size,) = struct.unpack_from("<I", data, len(MAGIC))
            start = len(MAGIC) + 4
            header = decode_json(data[start : start + size])
            network = encoder_net.restore(header, data[start + size :], name)
            return cls(
                network,
                header["window_bytes"],
                header["batch"],
                "auto",
                header["slope"],
                header["shift"],
                header["card"],
            )
        except (ValueError, KeyError, struct.error) as error:
            raise InputError(f"{name!r} is no encoder's file ({error}). Train it again.") from error


def open_directory(path: str, label: str) -> EncoderModel:
    """Return a local Hugging Face classifier as it is: no calibration, windows of 1,500 bytes."""
    _torch()
    return EncoderModel(encoder_net.directory_network(path, label), 1500, 32, "auto", 1.0, 0.0, {})


def _batches(lengths: Sequence[int], batch: int, seed: int, epoch: int) -> Iterator[list[int]]:
    """Yield an epoch's batches of like length, in an order drawn by hash."""
    keys = mix64(np.arange(len(lengths), dtype=np.uint64) ^ np.uint64(word64(seed, "epoch", epoch)))
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i] // 64, int(keys[i])))
    groups = [order[k : k + batch] for k in range(0, len(order), batch)]
    for k in np.argsort(keys[: len(groups)], kind="stable").tolist():
        yield groups[k]


def _fit(network: Network, texts: Sequence[str], labels: NDArray[np.bool_], settings: TrainSettings,
         device: str) -> None:  # fmt: skip
    """Train in place: AdamW, a tenth of the steps warming up, then falling to 0 in a line."""
    torch = _torch()
    encoder, module = settings.encoder, network.module.to(device).train()
    rows = network.encode(texts)
    share = labels.mean()
    weights = np.where(labels, 0.5 / share, 0.5 / (1.0 - share))
    steps = max(1, encoder.epochs * math.ceil(len(rows) / encoder.batch))
    optimiser = torch.optim.AdamW(module.parameters(), lr=encoder.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min((k + 1) / max(1, steps // 10), 1.0 - k / (steps + 1))
    )
    lengths = [len(row) for row in rows]
    for epoch in range(encoder.epochs):
        for chosen in _batches(lengths, encoder.batch, settings.seed, epoch):
            ids, mask = _tensors([rows[i] for i in chosen], device)
            truth = torch.tensor(labels[chosen], dtype=torch.float32, device=device)
            costs = torch.tensor(weights[chosen], dtype=torch.float32, device=device)
            with torch.autocast("cuda", torch.bfloat16, device == "cuda"):
                logits = module(ids, mask)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                logits.float(), truth, costs
            )
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            optimiser.step()
            schedule.step()


def train_encoder(
    texts: Sequence[str],
    labels: NDArray[np.bool_],
    held: tuple[Sequence[str], NDArray[np.bool_]],
    settings: TrainSettings,
) -> EncoderModel:
    """Train on windows; `held` ones calibrate (the trained ones, where a side is missing there).

    `labels` are bool [texts], true for good ones; so are those of `held`, for its own texts.
    """
    _torch()
    encoder = settings.encoder
    device = _device(encoder.device)
    if encoder.base:
        network = encoder_net.directory_network(encoder.base)
    else:
        network = encoder_net.byte_network(encoder, settings.seed)
    _fit(network, texts, labels, settings, device)
    unseen, truth = held if held[1].any() and not held[1].all() else (texts, labels)
    slope, shift = calibrate(_logits(network, unseen, encoder.batch, device), truth)
    return EncoderModel(
        network, settings.window_bytes, encoder.batch, encoder.device, slope, shift, {}
    )
