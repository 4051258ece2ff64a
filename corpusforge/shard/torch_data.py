"""The stream for torch, which is imported only when a dataset is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from corpusforge.shard.reader import TokenStream

__all__ = ["dataset"]


def dataset(stream: TokenStream) -> Any:
    """Return a `torch.utils.data.Dataset` of (inputs, targets): int64 tensors, shifted by one.

    Give `stream.batches()` to a DataLoader as its `batch_sampler`: any number of loader workers
    then reads each sequence of this rank once, in order.
    """
    import torch
    from torch.utils.data import Dataset

    class Sequences(Dataset[Any]):
        """Sequences by number."""

        def __len__(self) -> int:
            return len(stream)

        def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
            ids = torch.from_numpy(stream[number].astype(np.int64))
            return ids[:-1], ids[1:]

        def __reduce__(self) -> tuple[Any, tuple[TokenStream]]:
            return dataset, (stream,)

    return Sequences()
