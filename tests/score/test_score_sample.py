"""Windows drawn in tasks and merged are the windows of one draw."""

from pathlib import Path

import pyarrow as pa
import pytest

from corpusforge.hashing import id_keys, uniform
from corpusforge.score.sample import draw, merge, read_windows, write_windows
from corpusforge.score.settings import TrainSettings


def texts(source: str, count: int) -> list[str]:
    """Texts of one to five windows, one in six equal to that of another source."""
    found = []
    for n in range(count):
        name = f"both {n}" if n % 6 == 0 else f"{source} {n} 河"
        size = int(60 * uniform(id_keys([name]), 1, "size")[0])
        found.append(" ".join(f"{name} stands in line {k}." for k in range(size)))
    return found


@pytest.mark.parametrize("samples", [1, 7, 60, 100_000])
@pytest.mark.parametrize("task", [1, 3, 50])
def test_samples_of_some_texts_merge_to_the_sample_of_all(
    tmp_path: Path, samples: int, task: int
) -> None:
    settings = TrainSettings(
        samples=samples, window_bytes=100, windows_per_document=3, held_out=0.2, seed=4
    )
    sources = {name: texts(name, 40) for name in ("web", "books")}
    whole = draw({k: [pa.array([t]) for t in own] for k, own in sources.items()}, "side", settings)
    assert len(whole) == samples or (samples > 60 and len(whole) > 60)
    drawn = []
    for name, own in sources.items():
        for start in range(0, len(own), task):
            path = str(tmp_path / f"{name}-{start}.parquet")
            piece = {name: [pa.array(own[start : start + task])]}
            rows = write_windows(path, draw(piece, "side", settings))
            drawn.append(read_windows(path))
            assert rows == len(drawn[-1]) <= samples
    assert merge(drawn, settings) == whole
    if samples > 60:
        assert {window.source for window in whole} == {"web", "books"}
