"""The engine `local` beside transformers' own `generate`, one by one and in static batches.

    python -m benchmarks.local_engine [--requests 48] [--rows 32] [--hidden 384] [--layers 8]

CPU seconds of one process on one thread; a Llama of random weights (speed does not depend on them),
greedy, the same requests for all, whose answers may be of very different length as they are in
practice. Texts are compared: equal or counted. On a CUDA machine add --device cuda (wall seconds).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import harness
from corpusforge.hashing import id_keys, uniform
from corpusforge.models import Client, Message, Request, Sampling, Settings
from tests.models.tiny_model import save_tiny


def requests(count, most):
    """Prompts of 20 to 220 bytes; answers of 1/8 to all of `most` tokens."""
    lengths = uniform(id_keys(str(n) for n in range(count)), 0, "length")
    shares = uniform(id_keys(str(n) for n in range(count)), 0, "tokens")
    return [
        Request(
            messages=(Message("user", f"{n} " + "word " * int(4 + 36 * lengths[n])),),
            sampling=Sampling(max_tokens=int(most * (0.125 + 0.875 * shares[n]))),
        )
        for n in range(count)
    ]


def generate(model, tokenizer, batch, device):
    """Return the texts of one `generate` call, each cut at its own request's length."""
    import torch

    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": item.messages[0].content}],
            add_generation_prompt=True, tokenize=False,
        )
        for item in batch
    ]  # fmt: skip
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    inputs = {name: inputs[name].to(device) for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        out = model.generate(
            **inputs, do_sample=False, pad_token_id=tokenizer.pad_token_id,
            max_new_tokens=max(item.sampling.max_tokens for item in batch),
        )  # fmt: skip
    texts, tokens = [], 0
    for row, item in zip(out[:, inputs["input_ids"].shape[1] :].tolist(), batch, strict=True):
        ids = row[: item.sampling.max_tokens]
        ends = [n for n, token in enumerate(ids) if token == tokenizer.eos_token_id]
        ids = ids[: ends[0] + 1] if ends else ids
        tokens += len(ids)
        texts.append(tokenizer.decode(ids, skip_special_tokens=True))
    return texts, tokens


def peers(path, work, rows, device):
    """Yield (name, texts, tokens) of `generate` one by one and in length-sorted static batches."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(path).to(device).eval()
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.padding_side, tokenizer.pad_token = "left", tokenizer.eos_token
    generate(model, tokenizer, work[:1], device)

    def run(size):
        order = sorted(range(len(work)), key=lambda n: len(work[n].messages[0].content))
        texts, tokens = [""] * len(work), 0
        for first in range(0, len(order), size):
            part = order[first : first + size]
            made, count = generate(model, tokenizer, [work[n] for n in part], device)
            tokens += count
            for n, text in zip(part, made, strict=True):
                texts[n] = text
        return texts, tokens

    yield "generate, one by one", lambda: run(1)
    yield f"generate, batches of {rows} by length", lambda: run(rows)


def ours(path, work, rows, device):
    """Return a call that answers by the engine, its model loaded before."""
    from corpusforge.models.local import LocalEngine

    engine = LocalEngine(Settings(model=path, batch_rows=rows, device=device, dtype="float32"))
    Client(engine).complete(work[:1])

    def run():
        out = Client(engine).complete(work)
        return [item.text for item in out], sum(item.usage.completion_tokens for item in out)

    return run


def main():
    """Print the table."""
    options = harness.arguments(__doc__)
    for name, default in (("requests", 48), ("rows", 32), ("hidden", 384), ("layers", 8),
                          ("most", 96), ("vocabulary", 8192)):  # fmt: skip
        options.add_argument(f"--{name}", type=int, default=default)
    options.add_argument("--device", default="cpu")
    given = options.parse_args()
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    work = requests(given.requests, given.most)
    with tempfile.TemporaryDirectory() as folder:
        path = save_tiny(
            Path(folder) / "net", hidden_size=given.hidden, intermediate_size=4 * given.hidden,
            num_hidden_layers=given.layers, num_attention_heads=given.hidden // 64,
            num_key_value_heads=given.hidden // 64, vocab_size=given.vocabulary,
        )  # fmt: skip
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.safetensors")) / 4e6
        print(
            f"{size:.1f} M parameters, float32, {given.device}, one thread; {len(work)} requests; "
            f"{harness.machine('torch', 'transformers')}\n"
        )
        harness.heads("what", "new tokens", "s", "requests/s", "tokens/s", "ratio", "other texts")
        calls = [*peers(path, work, given.rows, given.device)]
        calls.append(
            (f"engine local, {given.rows} rows", ours(path, work, given.rows, given.device))
        )
        first = None
        for name, call in calls:
            clock = harness.Clock()
            texts, tokens = call()
            seconds = clock.cpu() if given.device == "cpu" else clock.wall()
            first = first or (texts, seconds)
            other = sum(a != b for a, b in zip(texts, first[0], strict=True))
            paces = f"{len(work) / seconds:.2f}", f"{tokens / seconds:.0f}"
            harness.row(name, tokens, f"{seconds:.1f}", *paces, f"{first[1] / seconds:.2f}", other)


if __name__ == "__main__":
    main()
