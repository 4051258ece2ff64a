"""Train a small reward model on K-way rankings with plain torch, one prompt a batch element.

    python -m pipelines.import_rankings --source hh --answers FILES --output comparisons
    python -m pipelines.export_rankings --job comparisons/job --rankings comparisons --output out
    python -m examples.reward_model --data out/training --steps 50

The loss is InstructGPT's: -1 / C(K, 2) times the sum of log sigmoid(r_w - r_l) over all pairs across
tiers of a prompt, so each answer is read once however many pairs it is in. The model is a bag of hashed
byte 3-grams under two layers: it shows that the files train, not how well one can.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpusforge import hashing
from corpusforge.ablate.tuned import listwise_loss
from corpusforge.options import Parser

BUCKETS, WIDTH, PROMPTS = 1 << 14, 64, 16


def groups(path: Path) -> list[tuple[list[str], list[int]]]:
    """Return (texts of prompt and answer, ranks) of each K-way row with two tiers or more."""
    found = []
    with path.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            asked = "\n".join(turn["content"] for turn in row["messages"])
            placed = [
                (asked + "\n\n" + answer["text"], rank)
                for answer, rank in zip(row["candidates"], row["ranks"], strict=True)
                if rank
            ]
            if len({rank for _, rank in placed}) > 1:
                found.append(([text for text, _ in placed], [rank for _, rank in placed]))
    return found


def batches(count: int, seed: int) -> Iterator[list[int]]:
    """Yield the numbers of PROMPTS groups for ever, every epoch in another drawn order."""
    keys, epoch = hashing.id_keys(map(str, range(count))), 0
    while True:
        order = hashing.uniform(keys, seed, "reward_model", epoch).argsort().tolist()
        for start in range(0, count, PROMPTS):
            yield order[start : start + PROMPTS]
        epoch += 1


def buckets(text: str) -> list[int]:
    """Return the hashed byte 3-grams of the last 2,000 bytes of a text."""
    data = text.encode("utf-8", "surrogatepass")[-2000:]
    return [int.from_bytes(data[k : k + 3], "big") * 2654435761 % BUCKETS for k in range(len(data))]


def make_model(seed: int):
    """Return a reward model of (flat bucket numbers, offsets) -> reward of each text."""
    import torch
    from torch import nn

    torch.manual_seed(seed)

    class Reward(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bag = nn.EmbeddingBag(BUCKETS, WIDTH, mode="mean")
            self.head = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 1))

        def forward(self, flat, offsets):
            return self.head(self.bag(flat, offsets))[:, 0]

    return Reward()


def batch_loss(model, batch: Sequence[tuple[list[str], list[int]]]):
    """Return the mean loss of groups, all texts read in one pass."""
    import torch

    cut = [buckets(text) for texts, _ in batch for text in texts]
    flat = torch.tensor([number for one in cut for number in one])
    offsets = torch.tensor([0, *[len(one) for one in cut][:-1]]).cumsum(0)
    rewards = model(flat, offsets).split([len(ranks) for _, ranks in batch])
    losses = [
        listwise_loss(mine, torch.tensor(ranks))
        for mine, (_, ranks) in zip(rewards, batch, strict=True)
    ]
    return torch.stack(losses).mean()


def train(rows: Sequence[tuple[list[str], list[int]]], steps: int, seed: int = 0) -> list[float]:
    """Train for some steps; return the loss of each."""
    import torch

    torch.use_deterministic_algorithms(True)
    model = make_model(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _, numbers in zip(range(steps), batches(len(rows), seed), strict=False):
        loss = batch_loss(model, [rows[k] for k in numbers])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = Parser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, required=True, help="a directory of training files")
    options.add_argument("--steps", type=int, default=50)
    chosen = options.parse_args(argv)
    rows = groups(chosen.data / "kway" / "train.jsonl")
    losses = train(rows, chosen.steps)
    for start in range(0, len(losses), 10):
        part = losses[start : start + 10]
        print(f"steps {start + 1:3}-{start + len(part):3}  loss {sum(part) / len(part):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
