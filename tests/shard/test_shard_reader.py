"""The reader: any sequence by number, the same steps for any ranks, restarts and batch sizes."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.errors import InputError
from corpusforge.shard import TokenStream, write_shard
from corpusforge.shard.schedule import Schedule, Skipped

LENGTHS = (7, 1, 12, 30, 3, 3, 44, 9, 21)
SHARDS = ((0, 2), (2, 3), (3, 7), (7, 9))
TOKENS = sum(LENGTHS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ids 0, 1, 2, … in four shards of nine documents: an id is its own position."""
    path = tmp_path_factory.mktemp("train")
    ids = np.arange(TOKENS, dtype="<u2")
    starts = np.cumsum((0, *LENGTHS))[:-1]
    for number, (first, last) in enumerate(SHARDS):
        count = last - first
        draws = pa.table(
            {
                "id": [f"d{n}" for n in range(first, last)],
                "source": ["web" if n % 2 else "wiki" for n in range(first, last)],
                "leaf": ["web" if n % 2 else "wiki" for n in range(first, last)],
                "part": pa.array([0] * count, pa.int32()),
                "offset": starts[first:last],
                "length": np.array(LENGTHS[first:last]),
                "copy": pa.array([n % 3 for n in range(first, last)], pa.int32()),
                "cut": [False] * count,
                "phase": pa.array([0] * count, pa.int32()),
            }
        )
        write_shard(draws, [ids], str(path / f"part-{number:05d}"), np.dtype("<u2"))
    return path


def test_sequences_lie_end_to_end_over_all_shards(folder):
    stream = TokenStream(folder, 10)
    assert (stream.tokens, len(stream)) == (130, 12)
    for n in range(12):
        assert stream[n].tolist() == list(range(10 * n, 10 * n + 11))
    assert stream[-1].tolist() == stream[11].tolist()
    assert len(TokenStream(folder, 129)) == 1
    assert len(TokenStream(folder, 130)) == 0
    for wrong in (12, -13):
        with pytest.raises(IndexError):
            stream[wrong]


def test_a_sequence_is_an_array_of_its_own(folder):
    stream = TokenStream(folder, 5)
    stream[0][:] = 0
    assert stream[0].tolist() == [0, 1, 2, 3, 4, 5]


def test_every_position_knows_its_document(folder):
    stream = TokenStream(folder, 10)
    position = 0
    for n, length in enumerate(LENGTHS):
        for offset in range(length):
            place = stream.locate(position)
            assert (place.id, place.offset, place.copy) == (f"d{n}", offset, n % 3)
            assert place.source == ("web" if n % 2 else "wiki")
            position += 1
    with pytest.raises(IndexError):
        stream.locate(130)


def test_the_documents_of_a_sequence(folder):
    stream = TokenStream(folder, 10)
    # ids 0 to 10: d0 has 0-6, d1 has 7, d2 has 8-19
    assert [(p.id, p.offset) for p in stream.documents(0)] == [("d0", 0), ("d1", 0), ("d2", 0)]
    assert [(p.id, p.offset) for p in stream.documents(1)] == [("d2", 2), ("d3", 0)]


@pytest.mark.parametrize("world", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("batch_size", [1, 4, [(0, 1), (2, 3), (3, 5)]])
def test_ranks_share_each_batch_without_loss_or_overlap(folder, world, batch_size):
    alone = [b.tolist() for b in TokenStream(folder, 5, batch_size)]
    ranks = [
        list(TokenStream(folder, 5, batch_size, rank=rank, world=world)) for rank in range(world)
    ]
    assert {len(batches) for batches in ranks} == {len(alone)}
    for step, whole in enumerate(alone):
        parts = [batches[step].tolist() for batches in ranks]
        merged = [parts[n % world][n // world] for n in range(len(whole))]
        assert merged == whole
        assert sum(map(len, parts)) == len(whole)
    assert [row for batch in alone for row in batch] == [
        list(range(5 * n, 5 * n + 6)) for n in range(25)
    ]


def test_restart_and_skip_see_what_a_never_stopped_reader_sees(folder):
    whole = [batch.tolist() for batch in TokenStream(folder, 5, 2)]
    stream = TokenStream(folder, 5, 2)
    steps = iter(stream)
    for _ in range(8):
        next(steps)
    state = pickle.loads(pickle.dumps(stream.state_dict()))
    again = TokenStream(folder, 5, 2)
    again.load_state_dict(state)
    again.restart(back=5)
    assert again.step == 3
    again.skip(batches=4)  # what steps 3 to 6 would have read
    assert [batch.tolist() for batch in again] == whole[7:]
    again.restart(back=100)
    assert again.step == 0
    assert [batch.tolist() for batch in again] == whole[:3] + whole[7:]


def test_skipping_under_a_growing_batch_size(folder):
    sizes = [(0, 1), (2, 3), (4, 5)]
    stream = TokenStream(folder, 5, sizes)
    assert [stream.numbers(step).tolist() for step in range(5)] == [
        [0],
        [1],
        [2, 3, 4],
        [5, 6, 7],
        [8, 9, 10, 11, 12],
    ]
    stream.step = 1
    stream.skip(batches=2)  # sequences 1 and 2 to 4; the sizes of steps stay
    assert [stream.numbers(step).tolist() for step in range(4)] == [
        [0],
        [5],
        [6, 7, 8],
        [9, 10, 11],
    ]
    other = TokenStream(folder, 5, 9)
    other.load_state_dict(stream.state_dict())
    assert other.numbers(3).tolist() == [9, 10, 11]


def test_a_checkpoint_of_other_data_is_refused(folder, tmp_path):
    state = TokenStream(folder, 5).state_dict()
    with pytest.raises(InputError, match="seq_len is 5"):
        TokenStream(folder, 6).load_state_dict(state)
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    changed = np.fromfile(tmp_path / "part-00000.bin", dtype="<u2")
    changed[0] = 9
    changed.tofile(tmp_path / "part-00000.bin")
    with pytest.raises(InputError, match="fingerprint"):
        TokenStream(tmp_path, 5).load_state_dict(state)


def test_reading_ahead_does_not_move_the_step(folder):
    stream = TokenStream(folder, 5, 4, rank=1, world=2)
    assert list(stream.batches())[:2] == [[1, 3], [5, 7]]
    assert stream.step == 0
    assert next(stream.batches(step=2)) == [9, 11]


def test_pickles_without_its_maps(folder):
    stream = TokenStream(folder, 5)
    assert stream[3].tolist() == [15, 16, 17, 18, 19, 20]
    assert len(pickle.dumps(stream)) < 3000
    assert pickle.loads(pickle.dumps(stream))[3].tolist() == stream[3].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rank": 2, "world": 2}, "rank 2 of 2"),
        ({"seq_len": 0}, "seq_len is 0"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": [(1, 4)]}, "begin at step 0"),
        ({"batch_size": [(0, 4), (0, 5)]}, "batch_size"),
    ],
)
def test_what_makes_no_sense_is_refused(folder, arguments, message):
    with pytest.raises(InputError, match=message):
        TokenStream(folder, **{"seq_len": 5, **arguments})


def test_no_shards_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no shards"):
        TokenStream(tmp_path, 5)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=1), st.integers(0, 40))
def test_schedule_counts_as_a_loop_does(gaps, step):
    firsts = np.cumsum([0, *(gap + 1 for gap, _ in gaps[1:])]).tolist()
    steps = [(first, size) for first, (_, size) in zip(firsts, gaps, strict=True)]
    size_at = [next(size for first, size in reversed(steps) if s >= first) for s in range(step)]
    assert Schedule.of(steps).before(step) == sum(size_at)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 15)), max_size=6))
def test_skipped_numbers_are_the_complement(bounds):
    skipped = Skipped()
    for start, length in bounds:
        skipped = skipped.add(start, start + length)
    gone = {n for start, length in bounds for n in range(start, start + length)}
    left = [n for n in range(300) if n not in gone]
    assert skipped.number(np.arange(100)).tolist() == left[:100]
    assert all(a[1] < b[0] for a, b in zip(skipped.ranges, skipped.ranges[1:], strict=False))


def test_importing_the_reader_loads_no_torch():
    import subprocess
    import sys

    code = "import corpusforge.shard, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
