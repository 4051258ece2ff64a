"""A small causal language model with random weights and a byte-level tokenizer, saved by the test.

Random weights answer nonsense, but they answer: every path of the engine is walked, and the greedy
text is what `transformers` itself generates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["TEMPLATE", "save_tiny"]

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|end|>", "<|im_start|>", "<|im_end|>")


def tokenizer(template: str | None = TEMPLATE) -> Any:
    """A tokenizer whose tokens are bytes, and three control tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(alphabet)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token=SPECIAL[0],
        additional_special_tokens=list(SPECIAL[1:]),
        clean_up_tokenization_spaces=False,
    )
    if template is not None:
        made.chat_template = template
    return made


def save_tiny(
    folder: Path,
    *,
    kind: str = "llama",
    template: str | None = TEMPLATE,
    seed: int = 1,
    **sizes: int,
) -> str:
    """Save a model and its tokenizer; return the folder as text."""
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    words = tokenizer(template)
    values: dict[str, Any] = {
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "eos_token_id": words.eos_token_id,
        "bos_token_id": None,
        "initializer_range": 0.3,
        **sizes,
    }
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[kind](**values))
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)
