"""A tiny GPT trained for 20 steps from shards: stopped, restarted 5 steps back, a range skipped.

Every sequence that a restarted reader hands out is the one that a never-stopped reader hands out,
and the losses after the restart are the same numbers.
"""

import copy

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.shard import TokenStream, write_shard

torch = pytest.importorskip("torch", reason="torch is not installed; pip install torch")

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
VOCABULARY = 64
CONTEXT = 16
STEPS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three shards of a text with structure to learn: (3 n + n // 7) mod 64."""
    path = tmp_path_factory.mktemp("train")
    n = np.arange(9000)
    ids = ((3 * n + n // 7) % VOCABULARY).astype("<u2")
    for number in range(3):
        draws = pa.table(
            {
                "id": [f"d{number}{k}" for k in range(30)],
                "source": ["web"] * 30,
                "leaf": ["web"] * 30,
                "part": pa.array([0] * 30, pa.int32()),
                "offset": np.arange(30) * 100 + number * 3000,
                "length": [100] * 30,
                "copy": pa.array([0] * 30, pa.int32()),
                "cut": [False] * 30,
                "phase": pa.array([0] * 30, pa.int32()),
            }
        )
        write_shard(draws, [ids], str(path / f"part-{number:05d}"), np.dtype("<u2"))
    return path


class TinyGPT(torch.nn.Module):
    """One block: causal attention and a projection."""

    def __init__(self):
        super().__init__()
        self.token = torch.nn.Embedding(VOCABULARY, 32)
        self.place = torch.nn.Embedding(CONTEXT, 32)
        self.attention = torch.nn.MultiheadAttention(32, 2, batch_first=True)
        self.head = torch.nn.Linear(32, VOCABULARY)
        self.mask = torch.triu(torch.ones(CONTEXT, CONTEXT, dtype=torch.bool), 1)

    def forward(self, ids):
        x = self.token(ids) + self.place(torch.arange(ids.shape[1]))
        attended, _ = self.attention(x, x, x, attn_mask=self.mask, need_weights=False)
        return self.head(x + attended)


class Training:
    """A model, an optimiser and one reader a rank; a step sums the gradients of all ranks."""

    def __init__(self, folder, world, batch_size=8):
        torch.manual_seed(0)
        self.model = TinyGPT()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.5)
        self.streams = [
            TokenStream(folder, CONTEXT, batch_size, rank=rank, world=world)
            for rank in range(world)
        ]
        self.seen = []
        self.losses = []

    def step(self):
        numbers = [next(stream.batches()) for stream in self.streams]
        rows = [
            [stream.torch()[n] for n in mine]
            for stream, mine in zip(self.streams, numbers, strict=True)
        ]
        total = sum(map(len, numbers))
        self.optimizer.zero_grad()
        loss_sum = 0.0
        for mine in rows:
            inputs = torch.stack([x for x, _ in mine])
            targets = torch.stack([y for _, y in mine])
            logits = self.model(inputs).flatten(0, 1)
            loss = torch.nn.functional.cross_entropy(logits, targets.flatten(), reduction="sum")
            (loss / (total * CONTEXT)).backward()
            loss_sum += loss.item()
        self.optimizer.step()
        for stream in self.streams:
            stream.step += 1
        self.seen.append(sorted(n for mine in numbers for n in mine))
        self.losses.append(loss_sum / (total * CONTEXT))

    def checkpoint(self):
        return {
            "model": copy.deepcopy(self.model.state_dict()),
            "stream": self.streams[0].state_dict(),
        }

    def restore(self, saved):
        self.model.load_state_dict(saved["model"])
        for stream in self.streams:
            stream.load_state_dict(saved["stream"])


@pytest.mark.parametrize("world", [1, 2, 4])
def test_restarted_training_sees_what_a_never_stopped_one_sees(folder, world):
    whole = Training(folder, world)
    for _ in range(STEPS):
        whole.step()
    assert whole.losses[-1] < whole.losses[0] - 0.3  # it learns, so it reads real sequences

    first = Training(folder, world)
    saved = {}
    for number in range(12):
        saved[number] = first.checkpoint()
        first.step()
    again = Training(folder, world)
    again.restore(first.checkpoint())
    for stream in again.streams:
        stream.restart(back=5)
    assert {stream.step for stream in again.streams} == {7}
    again.model.load_state_dict(saved[7]["model"])
    for _ in range(7, STEPS):
        again.step()
    assert again.seen == whole.seen[7:]
    assert again.losses == whole.losses[7:]


@pytest.mark.parametrize("world", [1, 2, 4])
def test_a_skipped_range_is_never_read(folder, world):
    whole = Training(folder, world)
    for _ in range(STEPS):
        whole.step()
    spiked = Training(folder, world)
    for _ in range(7):
        spiked.step()
    for stream in spiked.streams:
        stream.skip(batches=3)
    for _ in range(7, STEPS - 3):
        spiked.step()
    assert spiked.seen == whole.seen[:7] + whole.seen[10:]


def test_all_ranks_train_the_same_model(folder):
    losses = []
    for world in (1, 2, 4):
        training = Training(folder, world, batch_size=[(0, 4), (8, 8)])
        for _ in range(STEPS):
            training.step()
        losses.append(training.losses)
        assert [len(numbers) for numbers in training.seen] == [4] * 8 + [8] * 12
    # the same sums in another order: float32 rounding only
    assert np.allclose(losses[0], losses[1], atol=1e-4)
    assert np.allclose(losses[0], losses[2], atol=1e-4)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_with_workers_reads_each_sequence_once_in_order(folder, workers):
    stream = TokenStream(folder, CONTEXT, 6, rank=1, world=2)
    dataset = stream.torch()
    assert isinstance(dataset, torch.utils.data.Dataset)
    loader = torch.utils.data.DataLoader(
        dataset, batch_sampler=stream.batches(), num_workers=workers
    )
    expected = TokenStream(folder, CONTEXT, 6, rank=1, world=2)
    count = 0
    for (inputs, targets), ids in zip(loader, expected, strict=True):
        assert inputs.tolist() == ids[:, :-1].tolist()
        assert targets.tolist() == ids[:, 1:].tolist()
        count += len(inputs)
    assert count == len(stream) // 2
