"""A transformer of two layers and its tokenizer, made here, so that tests fetch no weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["END", "causal_model", "make_tokenizer"]

END = "<|end|>"
"""Ends each turn; also the padding."""

_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}" + END + "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_tokenizer(texts: Iterable[str], size: int = 1024) -> Any:
    """Return a byte-level BPE tokenizer of `size` tokens trained on `texts`, with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=END, pad_token=END, clean_up_tokenization_spaces=False,
        additional_special_tokens=["<|system|>", "<|user|>", "<|assistant|>"],
    )  # fmt: skip
    made.chat_template = _TEMPLATE
    return made


def causal_model(tokenizer: Any, width: int = 64, **more: Any) -> Any:
    """Return a Llama of two layers with random weights drawn from seed 0; `more` goes to its config."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width,
            num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=4096,
            eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
            pad_token_id=tokenizer.pad_token_id, tie_word_embeddings=True, **more,
        )
    )  # fmt: skip
