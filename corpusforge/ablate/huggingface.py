"""A trained model as a directory that `transformers`, and what builds on it, opens: Llama's own form.

The weights have Llama's names already. The tokenizer is the run's `tokenizer.json`; ranks files and
tiktoken names are written as one that gives the same ids. Limit: float32 weights, one file.
"""

from __future__ import annotations

from typing import Any

from corpusforge import manifest as records
from corpusforge.ablate import model
from corpusforge.ablate.settings import Size
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.tokenize.engines import Accelerated, Tiktoken
from corpusforge.tokenize.huggingface import opened
from corpusforge.tokenize.patterns import FAST_PATTERNS, PATTERNS
from corpusforge.tokenize.ranks import tokenizer_json
from corpusforge.tokenize.tokenizer import Tokenizer

__all__ = ["export", "library"]


def library() -> Any:
    """Return `safetensors.torch`. Raises InputError where it is not installed."""
    try:
        from safetensors import torch
    except ImportError as error:
        raise InputError(
            "an export needs safetensors: pip install 'corpusforge[local]'."
        ) from error
    return torch


def _config(size: Size, tokenizer: Tokenizer, vocabulary: int) -> dict[str, Any]:
    start = tokenizer.end_id if tokenizer.start_id is None else tokenizer.start_id
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocabulary,
        "hidden_size": size.width,
        "intermediate_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads,
        "head_dim": size.width // size.heads,
        "max_position_embeddings": size.context,
        "rms_norm_eps": model.EPSILON,
        "rope_theta": model.THETA,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "bos_token_id": start,
        "eos_token_id": tokenizer.end_id,
        "dtype": "float32",
    }


def _tokenizer_json(tokenizer: Tokenizer, path: str) -> None:
    """Write the tokenizer's own file, or one of its ranks that gives the same ids."""
    own = tokenizer.trained.replace("ranks.tiktoken", "tokenizer.json") if tokenizer.trained else ""
    own = own or tokenizer.settings.tokenizer
    if own.endswith(".json") and files.exists(own):
        files.write_bytes(path, files.read_bytes(own))
        return
    engine = tokenizer.engine
    reference = engine.reference if isinstance(engine, Accelerated) else engine
    assert isinstance(reference, Tiktoken)
    encoding = reference.encoding
    portable = {fast: PATTERNS[name] for name, fast in FAST_PATTERNS.items()}
    cut = encoding._pat_str  # tiktoken offers no public way to the pattern and the ranks
    table = tokenizer_json(
        encoding._mergeable_ranks, portable.get(cut, cut), encoding._special_tokens
    )
    files.write_bytes(path, table)


def export(weights: model.Weights, size: Size, tokenizer: Tokenizer, directory: str) -> None:
    """Write config, weights and tokenizer of a model, each atomically; raises InputError as `library`."""
    save = library().save
    tensors = {name: value.detach().float().cpu().contiguous() for name, value in weights.items()}
    config = _config(size, tokenizer, tensors["model.embed_tokens.weight"].shape[0])
    path = files.join(directory, "tokenizer.json")
    files.make_directory(directory)
    _tokenizer_json(tokenizer, path)
    named = opened(files.read_bytes(path), path).id_to_token
    special = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": size.context,
        "bos_token": named(config["bos_token_id"]),
        "eos_token": named(config["eos_token_id"]),
        "clean_up_tokenization_spaces": False,
    }
    records.write_json(files.join(directory, "config.json"), config)
    records.write_json(files.join(directory, "tokenizer_config.json"), special)
    files.write_bytes(files.join(directory, "model.safetensors"), save(tensors, {"format": "pt"}))
