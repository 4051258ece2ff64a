"""A small transformer, trained for a minute or two to write the loop's forms, for tests with a real model.

It learns from the scripted engine's answers to the loop's own prompts: lists of made-up sentences,
yes and no, and instances. What it samples is its own, and often faulty, as a model's is.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from loop_kit import Told, states_of

from corpusforge.instruct.settings import Settings
from corpusforge.models.records import Request
from corpusforge.testing.scripted import reply
from corpusforge.testing.tiny_model import END, causal_model, make_tokenizer


def lessons(language: str) -> list[tuple[Request, str]]:
    """Requests of a real run, with the answers to learn; generation is repeated to be half of them."""
    engine = Told(reply)
    settings = Settings(languages=(language,), target=10_000, prompts=12, similar=0, max_rounds=6)
    with tempfile.TemporaryDirectory() as folder:
        states_of(settings, engine, Path(folder))
    pairs = [(one, got.text) for one in engine.sent if (got := reply(one)).finish_reason == "stop"]
    lists = [pair for pair in pairs if pair[0].purpose == "instruct.generate"]
    return pairs[:300] + lists * 3


def train(folder: Path, language: str = "en", steps: int = 300, width: int = 64) -> float:
    """Train, save under `folder`, and return the mean loss of the last 20 steps, in nats a token."""
    import torch

    pairs = lessons(language)
    texts = [
        " ".join(one.content for one in request.messages) + answer for request, answer in pairs
    ]
    words = make_tokenizer(texts)
    model = causal_model(words, width)
    examples = [_example(words, request, answer) for request, answer in pairs]
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    order = torch.randperm(len(examples) * (1 + 4 * steps // len(examples))) % len(examples)
    losses = []
    for step in range(steps):
        chosen = [examples[int(place)] for place in order[4 * step : 4 * step + 4]]
        longest = max(len(ids) for ids, _ in chosen)
        ids = torch.full((len(chosen), longest), words.eos_token_id)
        labels = torch.full((len(chosen), longest), -100)
        for row, (tokens, start) in enumerate(chosen):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            labels[row, start : len(tokens)] = torch.tensor(tokens[start:])
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return sum(losses[-20:]) / len(losses[-20:])


def _example(words: Any, request: Request, answer: str) -> tuple[list[int], int]:
    """(token ids, where the answer begins)."""
    turns = [{"role": one.role, "content": one.content} for one in request.messages]
    prompt = words.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    start = words(prompt, add_special_tokens=False)["input_ids"]
    ids = words(prompt + answer + END, add_special_tokens=False)["input_ids"]
    return ids, min(len(start), len(ids) - 1)


if __name__ == "__main__":
    print(train(Path(sys.argv[1]), *sys.argv[2:3], steps=int((sys.argv[3:] or ["300"])[0])))
