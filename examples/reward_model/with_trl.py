"""The same with trl's RewardTrainer on the pairs: `python -m examples.reward_model.with_trl --data DIR`.

The model is a two-layer transformer made from a configuration and the tokenizer is trained on the
texts, so nothing is fetched. Reads `trl_implicit` (strings, implicit prompt, margin).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from corpusforge.options import Parser

VOCABULARY, LENGTH = 2000, 256


def tokenizer(texts: Sequence[str]):
    """Return a byte-level BPE tokenizer trained on the texts."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    made = ByteLevelBPETokenizer()
    special = ["<pad>", "<eos>"]
    made.train_from_iterator(texts, vocab_size=VOCABULARY, special_tokens=special)
    return PreTrainedTokenizerFast(
        tokenizer_object=made._tokenizer, pad_token="<pad>", eos_token="<eos>"
    )


def train(directory: Path, output: Path, steps: int) -> list[float]:
    """Train on the pairs in `directory`; return the logged losses."""
    import datasets
    from transformers import GPT2Config, GPT2ForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    rows = datasets.load_dataset(str(directory), "trl_implicit", split="train",
                                 cache_dir=str(output / "cache"))  # fmt: skip
    words = tokenizer(rows["chosen"])
    shape = GPT2Config(vocab_size=len(words), n_positions=LENGTH, n_embd=64, n_layer=2, n_head=2,
                       num_labels=1, pad_token_id=words.pad_token_id,
                       eos_token_id=words.eos_token_id, bos_token_id=None)  # fmt: skip
    settings = RewardConfig(
        output_dir=str(output), max_steps=steps, per_device_train_batch_size=8, max_length=LENGTH,
        learning_rate=2e-3, logging_steps=5, report_to=[], save_strategy="no", use_cpu=True,
        bf16=False, gradient_checkpointing=False, disable_tqdm=True, lr_scheduler_type="constant",
    )  # fmt: skip
    trainer = RewardTrainer(
        model=GPT2ForSequenceClassification(shape), args=settings, train_dataset=rows,
        processing_class=words,
    )  # fmt: skip
    trainer.train()
    return [row["loss"] for row in trainer.state.log_history if "loss" in row]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = Parser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, required=True, help="a directory of training files")
    options.add_argument("--output", type=Path, required=True)
    options.add_argument("--steps", type=int, default=50)
    chosen = options.parse_args(argv)
    for number, loss in enumerate(train(chosen.data, chosen.output, chosen.steps), 1):
        print(f"to step {number * 5:3}  loss {loss:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
