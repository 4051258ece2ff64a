"""A transformer of two layers and its tokenizer, made here, so that tests fetch no weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["END", "causal_model", "five_steps", "make_tokenizer"]

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


def five_steps(
    method: str, model: Any, rows: Any, tokenizer: Any, output: Path, more: Any = None, **given: Any
) -> tuple[Any, list[float]]:
    """Train five steps on the CPU by TRL's METHODTrainer; return it, and the loss of each step.

    `more` goes to the trainer's configuration, `given` to the trainer.
    """
    import trl

    config = getattr(trl, f"{method}Config")(
        output_dir=str(output), max_steps=5, per_device_train_batch_size=4, report_to=[], bf16=False,
        logging_steps=1, save_strategy="no", use_cpu=True, gradient_checkpointing=False,
        disable_tqdm=True, learning_rate=1e-3, **(more or {}),
    )  # fmt: skip
    trainer = getattr(trl, f"{method}Trainer")(
        model, args=config, train_dataset=rows, processing_class=tokenizer, **given
    )
    trainer.train()
    return trainer, [row["loss"] for row in trainer.state.log_history if "loss" in row]
