"""The networks behind the encoder: bytes through a small transformer, or a Hugging Face directory.

The small one reads UTF-8 bytes, joins every four by a strided convolution (after Clark et al. 2022,
CANINE), so it needs no vocabulary and reads any script; its first weights are drawn by hash, not by
a generator. A directory is any sequence classifier that `transformers` opens, read from disk only.
Limit: torch (extra `local`) is imported inside; the shapes of the small one are fixed by its settings.
"""

from __future__ import annotations

import io
import json
import math
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpusforge.errors import InputError
from corpusforge.hashing import uniform
from corpusforge.io.decoding import decode_json
from corpusforge.score.settings import EncoderSettings

__all__ = ["Network", "byte_network", "directory_network", "restore"]

STRIDE = 4  # bytes joined into one place
KERNEL = 8
LONGEST = 8_192  # bytes of a window at most


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A torch module (ids, mask) → logits [n], how texts become ids, and how it is written."""

    module: Any
    encode: Callable[[Sequence[str]], list[list[int]]]
    header: Mapping[str, Any]
    dump: Callable[[], bytes]


def _bytes_of(texts: Sequence[str]) -> list[list[int]]:
    return [[b + 1 for b in text.encode()[:LONGEST]] for text in texts]  # 0 pads


def _module(settings: EncoderSettings) -> Any:
    import torch
    from torch import nn

    class ByteEncoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            width = settings.width
            self.bytes = nn.Embedding(257, width, padding_idx=0)
            self.join = nn.Conv1d(width, width, KERNEL, STRIDE, padding=KERNEL // 2)
            layer = nn.TransformerEncoderLayer(
                width, settings.heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            self.layers = nn.TransformerEncoder(
                layer, settings.layers, nn.LayerNorm(width), enable_nested_tensor=False
            )
            self.head = nn.Linear(width, 1)
            half = torch.exp(-math.log(1e4) * torch.arange(width // 2) * 2 / width)
            angles = torch.arange(LONGEST // STRIDE + 2)[:, None] * half
            waves = torch.cat([angles.sin(), angles.cos()], dim=1)
            self.register_buffer("places", waves, persistent=False)

        def forward(self, ids: Any, mask: Any) -> Any:
            x = self.join(self.bytes(ids).transpose(1, 2)).transpose(1, 2)
            seen = mask[:, ::STRIDE]
            x = x[:, : seen.shape[1]] + 0.1 * self.places[: seen.shape[1]]
            x = self.layers(x, src_key_padding_mask=~seen)
            weights = seen.to(x.dtype)[:, :, None]
            return self.head((x * weights).sum(1) / weights.sum(1)).squeeze(1)

    return ByteEncoder()


def _draw_weights(module: Any, seed: int) -> None:
    """Fill matrices evenly in ±sqrt(3 / inputs), drawn by hash; norms and biases as torch has them."""
    import torch

    for name, value in sorted(module.named_parameters()):
        if value.dim() < 2:
            with torch.no_grad():
                value.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
            continue
        inputs = value[0].numel() if "bytes" not in name else value.shape[1]
        numbers = np.arange(value.numel(), dtype=np.uint64)
        drawn = 2.0 * uniform(numbers, seed, f"encoder/{name}") - 1.0
        with torch.no_grad():
            scaled = torch.from_numpy(drawn * math.sqrt(3.0 / inputs)).reshape(value.shape)
            value.copy_(scaled)
    with torch.no_grad():
        module.bytes.weight[0] = 0.0  # padding must look like the edge of the convolution


def byte_network(settings: EncoderSettings, seed: int) -> Network:
    """Return a network from scratch; equal settings and seeds have equal weights."""
    module = _module(settings)
    _draw_weights(module, seed)
    return _byte(module, settings)


def _byte(module: Any, settings: EncoderSettings) -> Network:
    def dump() -> bytes:
        rows = sorted(module.state_dict().items())
        return b"".join(value.cpu().float().numpy().astype("<f4").tobytes() for _, value in rows)

    shape = {"width": settings.width, "layers": settings.layers, "heads": settings.heads}
    return Network(module, _bytes_of, {"network": "bytes", "shape": shape}, dump)


def directory_network(path: str, label: str = "") -> Network:
    """Open a sequence classifier from a local directory; raises InputError where it is none.

    A model of one output gives its logit; of several, the log odds of `label` (the last where the
    directory names none such).
    """
    try:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError as error:
        raise InputError(
            "a Hugging Face directory needs pip install 'corpusforge[local]'."
        ) from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model = AutoModelForSequenceClassification.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path!r} is no local Hugging Face classifier: {error}") from error
    names = {name: int(i) for i, name in model.config.id2label.items()}
    place = names.get(label, model.config.num_labels - 1)
    longest = min(512, int(tokenizer.model_max_length))

    def encode(texts: Sequence[str]) -> list[list[int]]:
        rows = tokenizer(list(texts), truncation=True, max_length=longest)["input_ids"]
        return [[i + 1 for i in row] for row in rows]  # 0 pads, as above

    def dump() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            return _packed(Path(folder))

    return Network(_odds(model, place), encode, {"network": "directory", "label": label}, dump)


def _odds(model: Any, place: int) -> Any:
    import torch

    class Odds(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, ids: Any, mask: Any) -> Any:
            found = self.inner(input_ids=(ids - 1).clamp(min=0), attention_mask=mask.long()).logits
            if found.shape[1] == 1:
                return found[:, 0]
            others = torch.cat([found[:, :place], found[:, place + 1 :]], dim=1)
            return found[:, place] - torch.logsumexp(others, dim=1)

    return Odds()


def _packed(folder: Path) -> bytes:
    """Return a directory as a tar whose bytes depend on names and contents only."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            data = path.read_bytes()
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def restore(header: Mapping[str, Any], body: bytes, name: str) -> Network:
    """Build the network that `header` and `dump` describe; raises InputError where they disagree."""
    import torch

    if header["network"] == "directory":
        with tempfile.TemporaryDirectory() as folder:
            with tarfile.open(fileobj=io.BytesIO(body)) as archive:
                archive.extractall(folder, filter="data")
            return directory_network(folder, header["label"])
    settings = EncoderSettings(**decode_json(json.dumps(header["shape"])))
    module = _module(settings)
    state, at = {}, 0
    for key, value in sorted(module.state_dict().items()):
        size = 4 * value.numel()
        part = np.frombuffer(body[at : at + size], dtype="<f4").astype(np.float32)
        if part.size != value.numel() or not np.isfinite(part).all():
            raise InputError(f"{name!r} is damaged: its weights are incomplete. Train it again.")
        state[key] = torch.from_numpy(part).reshape(value.shape)
        at += size
    module.load_state_dict(state)
    return _byte(module, settings)
