"""The decoder: weights by name and one pure function of them, the architecture of Llama.

Rotary positions, RMSNorm, SwiGLU and an embedding that is the head too (Touvron et al. 2023). Names
and shapes of the weights are those of `LlamaForCausalLM`, so an export copies them. First weights
are drawn by hash, not by a generator: equal seeds give equal models with every version of torch.
Limit: no key-value cache, since nothing here generates text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from corpusforge.ablate.settings import Size
from corpusforge.errors import InputError
from corpusforge.hashing import uniform

__all__ = ["EPSILON", "THETA", "Weights", "forward", "hidden", "initial", "library", "parameters"]

Weights = Mapping[str, Any]
"""Tensors by the names that `LlamaForCausalLM` gives them, without the head, which is the embedding."""

EPSILON = 1e-5
THETA = 10_000.0
_EMBEDDING = "model.embed_tokens.weight"


def library() -> Any:
    """Return torch. Raises InputError where it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise InputError("an ablation needs torch: pip install 'corpusforge[local]'.") from error
    return torch


def _shapes(size: Size, vocabulary: int) -> dict[str, tuple[int, ...]]:
    wide, deep = (size.width, size.width), (size.hidden, size.width)
    found: dict[str, tuple[int, ...]] = {_EMBEDDING: (vocabulary, size.width)}
    for layer in range(size.layers):
        at = f"model.layers.{layer}."
        found |= {f"{at}self_attn.{name}_proj.weight": wide for name in "qkvo"}
        found |= {f"{at}mlp.{name}_proj.weight": deep for name in ("gate", "up")}
        found[f"{at}mlp.down_proj.weight"] = (size.hidden, size.width)[::-1]
        found |= {f"{at}{n}_layernorm.weight": wide[:1] for n in ("input", "post_attention")}
    return {**found, "model.norm.weight": wide[:1]}


def parameters(size: Size, vocabulary: int) -> int:
    """Return the number of trained numbers of a decoder with `vocabulary` ids."""
    return sum(math.prod(shape) for shape in _shapes(size, vocabulary).values())


def initial(size: Size, vocabulary: int, seed: int) -> dict[str, Any]:
    """Return first weights, float32 on the CPU: norms 1, the last matrix of each branch 0, others by hash.

    A matrix's deviation is 1 over the square root of what a row reads. Branches begin as nothing, as in
    Zhang et al. 2019 (Fixup). At widths of some hundred, 0.02 for all (Radford et al. 2019, width 768) is
    too small: a pico model was then no better than counts of single ids after 200,000 tokens.
    """
    torch = library()
    made = {}
    for name, shape in _shapes(size, vocabulary).items():
        if len(shape) == 1:
            made[name] = torch.ones(shape)
        elif name.endswith(("o_proj.weight", "down_proj.weight")):
            made[name] = torch.zeros(shape)
        else:
            numbers = np.arange(math.prod(shape), dtype=np.uint64)
            drawn = (2.0 * uniform(numbers, seed, f"ablate/{name}") - 1.0) * math.sqrt(
                3.0 / shape[1]
            )
            made[name] = torch.from_numpy(drawn.astype(np.float32)).reshape(shape)
    return made


def _rotation(length: int, size: Size, device: Any) -> tuple[Any, Any]:
    """Return cosines and sines by which a head's halves turn, [length, head]."""
    torch = library()
    head = size.width // size.heads
    rates = THETA ** (-torch.arange(0, head, 2, device=device, dtype=torch.float32) / head)
    angles = torch.outer(torch.arange(length, device=device, dtype=torch.float32), rates)
    angles = torch.cat([angles, angles], dim=1)
    return angles.cos(), angles.sin()


def _turn(x: Any, rotation: tuple[Any, Any]) -> Any:
    torch = library()
    cosine, sine = rotation
    first, second = x.chunk(2, dim=-1)
    return (x * cosine + torch.cat([-second, first], dim=-1) * sine).to(x.dtype)


def _mixed(q: Any, k: Any, v: Any) -> Any:
    """Return causal attention: q, k, v and the result are [rows, heads, length, head]."""
    torch = library()
    if q.is_cuda:
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    # torch's fused kernel goes backward in bf16 more slowly on a CPU than these plain products
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    later = torch.full(scores.shape[-2:], -torch.inf, dtype=scores.dtype).triu(1)
    return torch.softmax(scores + later, dim=-1).to(v.dtype) @ v


def _attention(x: Any, w: Weights, at: str, heads: int, rotation: tuple[Any, Any]) -> Any:
    functional = library().nn.functional
    rows, length, width = x.shape
    q, k, v = (
        functional.linear(x, w[f"{at}{name}_proj.weight"])
        .view(rows, length, heads, width // heads)
        .transpose(1, 2)
        for name in "qkv"
    )
    mixed = _mixed(_turn(q, rotation), _turn(k, rotation), v)
    return functional.linear(mixed.transpose(1, 2).flatten(2), w[f"{at}o_proj.weight"])


def _feed_forward(x: Any, w: Weights, at: str) -> Any:
    functional = library().nn.functional
    gate, up = (functional.linear(x, w[f"{at}{name}_proj.weight"]) for name in ("gate", "up"))
    return functional.linear(functional.silu(gate) * up, w[f"{at}down_proj.weight"])


def hidden(w: Weights, ids: Any, size: Size) -> Any:
    """Return what the head reads at each place: `ids` int64 [rows, length] → [rows, length, width]."""
    functional = library().nn.functional
    rotation = _rotation(ids.shape[1], size, ids.device)

    def norm(x: Any, name: str) -> Any:
        return functional.rms_norm(x, (size.width,), w[f"{name}.weight"], EPSILON)

    x = functional.embedding(ids, w[_EMBEDDING])
    for layer in range(size.layers):
        at = f"model.layers.{layer}."
        normed = norm(x, f"{at}input_layernorm")
        x = x + _attention(normed, w, f"{at}self_attn.", size.heads, rotation)
        x = x + _feed_forward(norm(x, f"{at}post_attention_layernorm"), w, f"{at}mlp.")
    return norm(x, "model.norm")


def forward(w: Weights, ids: Any, size: Size) -> Any:
    """Return the logits of the next id at each place: `ids` int64 [rows, length] → [rows, length, ids]."""
    return library().nn.functional.linear(hidden(w, ids, size), w[_EMBEDDING])
