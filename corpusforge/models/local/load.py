"""A model from a directory or hub id onto a device, and what it needs there.

bfloat16 on CUDA, float32 on the CPU; a checkpoint that declares a quantisation is loaded as it
says, the weights of a GGUF file are unpacked. Limits: decoder-only models whose layers keep keys and
values; code from the hub is not run.
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from typing import Any

from corpusforge.errors import InputError
from corpusforge.models.settings import Settings
from corpusforge.startup import without_progress_bars

__all__ = ["Loaded", "context_of", "devices", "load_config", "load_model", "load_tokenizer"]

ATTENTION = {"full_attention", "sliding_attention", "chunked_attention", "attention"}
SHARE = 0.6
"""Share of a device's free memory that the cache may take; its headroom, moving rows and the
activations take the rest."""
CPU_CACHE = 2 << 30
"""Bytes of cache on a CPU at most: more rows than that holds are not faster there."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model on its device; sizes in bytes, `row_limit` and `token_limit` of one running batch."""

    model: Any
    device: Any
    weight_bytes: int
    token_bytes: int
    row_limit: int
    token_limit: int
    end_ids: frozenset[int]
    cache_name: str
    """How the forward pass calls the keys and values: renamed in transformers 5.24."""

    def read(self, *, cache: Any, **inputs: Any) -> Any:
        """Return what the model makes of `inputs`, its forward pass's own, behind `cache`, which grows."""
        return self.model(**{self.cache_name: cache}, use_cache=True, **inputs)


def _library() -> Any:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise InputError(
            "engine local needs torch and transformers: pip install 'corpusforge[local]'."
        ) from error
    _ = torch
    return transformers


def _get(kind: Any, model: str, **values: Any) -> Any:
    place = model
    if is_gguf(model):
        place, _, values["gguf_file"] = model.rpartition("/")
    try:
        return kind.from_pretrained(place or ".", **values)
    except Exception as error:  # transformers raises OSError, ValueError, ImportError, KeyError …
        words = " ".join(str(error).split())[:400]
        raise InputError(
            f"model {model!r} cannot be loaded: {words}. Give --model a directory, a hub id or a GGUF "
            "file of a causal language model that this transformers version knows."
        ) from error


def is_gguf(model: str) -> bool:
    """Whether a model is named by a GGUF file (llama.cpp's form), which has tokenizer and template in it."""
    return model.endswith(".gguf")


def load_tokenizer(model: str) -> Any:
    """Return the tokenizer; torch is not touched. Raises InputError."""
    return _get(_library().AutoTokenizer, model)


def load_config(model: str) -> Any:
    """Return the text model's configuration. Raises InputError where it is of no use here."""
    config = _get(_library().AutoConfig, model)
    if getattr(config, "is_encoder_decoder", False):
        raise InputError(
            f"model {model!r} is an encoder-decoder; engine local runs decoder-only models."
        )
    text = config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ()) - ATTENTION
    if kinds or getattr(text, "ssm_state_size", None) or getattr(text, "state_size", None):
        raise InputError(
            f"model {model!r} has layers without an attention cache ({', '.join(sorted(kinds))}). "
            "Run it behind a server and use --engine openai."
        )
    return text


def context_of(config: Any, asked: int) -> int:
    """Return the window in tokens: the model's, or a smaller one that was asked for; 0: unknown."""
    own = int(getattr(config, "max_position_embeddings", 0) or getattr(config, "n_positions", 0))
    return min(own, asked) if own and asked else own or asked


def devices(settings: Settings) -> list[str]:
    """Return one device a worker process. Raises InputError where one is not there."""
    torch = __import__("torch")
    names = [part.strip() for part in settings.device.split(",") if part.strip()]
    if names in (["auto"], ["cuda"]):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count:
            return [f"cuda:{number}" for number in range(count)]
        if names == ["cuda"]:
            raise InputError("--device cuda: torch sees no CUDA device here.")
        names = ["cpu"]
    try:
        kinds = {torch.device(name).type for name in names}
    except RuntimeError as error:
        raise InputError(f"--device {settings.device!r}: {error}") from error
    return names * settings.workers if kinds == {"cpu"} else names


def load_model(settings: Settings, device: str) -> Loaded:
    """Return the model on a device, ready to answer. Raises InputError."""
    transformers = _library()
    import torch

    config = load_config(settings.model)
    cuda = torch.device(device).type == "cuda"
    quantised = getattr(config, "quantization_config", None) is not None
    values: dict[str, Any] = {"dtype": _dtype(settings.dtype, cuda=cuda, quantised=quantised)}
    if quantised:
        values["device_map"] = {"": device}
    elif is_gguf(settings.model) and hasattr(transformers, "GgufConfig"):  # others unpack anyway
        values["quantization_config"] = transformers.GgufConfig(dequantize=True)
    with without_progress_bars():
        model = _get(transformers.AutoModelForCausalLM, settings.model, **values)
    model = (model if quantised else model.to(device)).eval()
    per_token = _token_bytes(config, 2 if cuda else 4)
    rows = settings.batch_rows or (256 if cuda else 32)
    return Loaded(
        model=model,
        device=torch.device(device),
        weight_bytes=int(model.get_memory_footprint()),
        token_bytes=per_token,
        row_limit=rows,
        token_limit=settings.batch_tokens or int(_memory(device) // per_token),
        end_ids=_end_ids(model),
        cache_name="cache"
        if "cache" in inspect.signature(model.forward).parameters
        else "past_key_values",
    )


def _dtype(name: str, *, cuda: bool, quantised: bool) -> Any:
    import torch

    if name != "auto":
        return getattr(torch, name)
    if quantised:
        return "auto"
    if not cuda:
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _token_bytes(config: Any, width: int) -> int:
    """Return the bytes of one token's keys and values in all layers."""
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * int(config.num_hidden_layers) * int(heads) * int(size) * width


def _memory(device: str) -> float:
    """Return the bytes that a cache may take on a device."""
    import torch

    if torch.device(device).type == "cuda":
        return SHARE * torch.cuda.mem_get_info(device)[0]
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(SHARE * free, CPU_CACHE)


def _end_ids(model: Any) -> frozenset[int]:
    """Return the ids that end an answer, by the generation settings, then the configuration."""
    for holder in (getattr(model, "generation_config", None), model.config):
        found = getattr(holder, "eos_token_id", None)
        if found is not None:
            return frozenset(found if isinstance(found, (list, tuple)) else [found])
    return frozenset()
