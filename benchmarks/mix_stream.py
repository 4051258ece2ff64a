"""The draw, the shards and the reader: exactness, evenness along the stream, and speed.

    python -m benchmarks.mix_stream [--documents 400000] [--tokens 100000000]

No data needed: documents have lengths of an exponential law (mean 400 ids), in five sources with
GPT-3's weights and its sizes scaled down. Evenness is the worst difference, over all windows of the
stream, between a source's share in the window and its share asked; ordering by u (the epoch
position) stands beside for comparison. CPU seconds of this process, best of three.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks import harness
from corpusforge.hashing import id_keys, uniform
from corpusforge.mix import PhasePlan, Settings, Supply, plan, stream
from corpusforge.shard import Settings as ShardSettings
from corpusforge.shard import TokenStream, shard_bounds, shard_name, verify, write_shard

WEIGHTS = {"crawl": 60, "webtext2": 22, "books1": 8, "books2": 8, "wikipedia": 3}
SIZES = {"crawl": 410, "webtext2": 19, "books1": 12, "books2": 55, "wikipedia": 3}


def supplies(documents: int) -> dict[str, Supply]:
    """Return five sources of about `documents` documents in all."""
    made = {}
    for number, (name, size) in enumerate(SIZES.items()):
        count = max(1, documents * size // sum(SIZES.values()))
        keys = id_keys(f"{name}/{n}" for n in range(count))
        lengths = (2 - 400 * np.log1p(-uniform(keys, 0, "lengths"))).astype(np.int64)
        made[name] = Supply(
            keys=keys,
            lengths=lengths,
            parts=np.full(count, number, dtype=np.int32),
            rows=np.arange(count),
            offsets=np.cumsum(lengths) - lengths,
        )
    return made


def worst(leaf: np.ndarray, length: np.ndarray, asked: dict[int, float], window: int) -> float:
    """Return the worst difference of a source's share in any window of `window` ids."""
    ends = np.cumsum(length)
    edges = np.searchsorted(ends, np.arange(window, ends[-1] + 1, window // 4))
    error = 0.0
    for number, share in asked.items():
        mine = np.cumsum(np.where(leaf == number, length, 0))
        got = (mine[edges][4:] - mine[edges][:-4]) / (ends[edges][4:] - ends[edges][:-4])
        error = max(error, float(np.abs(got - share).max()))
    return error


def by_u(have: dict[str, Supply], asked: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return (leaf, length) of the stream ordered by u, the simpler rule."""
    columns = []
    for number, (name, tokens) in enumerate(sorted(asked.items())):
        draws = stream({name: have[name]}, [PhasePlan(name, {name: tokens})], 1)
        drawn, copies, lengths = draws.row, draws.copy, draws.length
        h = np.empty(len(drawn))
        for copy in np.unique(copies):
            here = copies == copy
            h[here] = uniform(have[name].keys[drawn[here]], 1, "mix", int(copy))
        u = (copies + h) / (tokens / have[name].tokens)
        columns.append((u, np.full(len(drawn), number), lengths))
    u, leaf, length = (np.concatenate([column[n] for column in columns]) for n in range(3))
    order = np.argsort(u, kind="stable")
    return leaf[order], length[order]


def reader(folder: Path, draws) -> None:
    """Print the time of a random window, of an iterated batch, and of locating a token."""
    tokens = TokenStream(folder, 2048, batch_size=64)
    picks = (
        (uniform(id_keys(map(str, range(20000))), 2, "picks") * len(tokens)).astype(int).tolist()
    )
    for number in picks[:2000]:
        tokens[number]
    seconds = harness.least(lambda: [tokens[number] for number in picks])
    harness.row("random sequence of 2,048 (warm)", f"{seconds / len(picks) * 1e6:.2f} us")
    positions = (np.array(picks) * 2048 + 17).tolist()[:2000]
    tokens.locate(positions[0])
    seconds = harness.least(lambda: [tokens.locate(position) for position in positions])
    harness.row("source and document of a token", f"{seconds / len(positions) * 1e6:.1f} us")
    seconds = harness.least(lambda: list(_whole(tokens)))
    harness.row("all batches of 64 in order", f"{draws.tokens * 2 / seconds / 1e6:.0f} MB/s")


def _whole(tokens: TokenStream):
    tokens.step = 0
    return iter(tokens)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--documents", type=int, default=400_000)
    parser.add_argument("--tokens", type=int, default=100_000_000)
    args = parser.parse_args(arguments)
    have = supplies(args.documents)
    there = {name: supply.tokens for name, supply in have.items()}
    made = plan(Settings(weights=WEIGHTS, budget=args.tokens), there)
    draws = stream(have, made.phases, 1)
    print(made.table())
    asked = made.phases[0].asked
    shares = {n: asked[name] / draws.tokens for n, name in enumerate(sorted(asked))}
    print(f"\n{len(draws)} documents drawn, {draws.tokens} ids (asked {args.tokens})\n")
    harness.heads("what", "figure")
    leaf, length = by_u(have, asked)
    for window in (200_000, 1_000_000):
        ours, other = (
            worst(draws.leaf, draws.length, shares, window),
            worst(leaf, length, shares, window),
        )
        what = f"worst share error, windows of {window:,}: by v / by u"
        harness.row(what, f"{ours:.4f} / {other:.4f}")
    seconds = harness.least(lambda: stream(have, made.phases, 1))
    harness.row("draw and merge", f"{len(draws) / seconds / 1e6:.2f} M documents/s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = [(np.arange(s.tokens) % 50000).astype("<u2") for s in have.values()]
        names = np.array(sorted(have))
        table = draws.table()
        ids = [f"{n:032x}" for n in range(len(draws))]
        table = table.append_column("id", [ids]).append_column("source", [names[draws.leaf]])
        bounds = shard_bounds(draws.length, ShardSettings(shard_megabytes=64), np.dtype("<u2"))

        def write() -> None:
            for number, (start, stop) in enumerate(bounds):
                piece = table.slice(start, stop - start)
                write_shard(piece, parts, str(folder / shard_name(number)), np.dtype("<u2"))

        seconds = harness.least(write)
        harness.row(
            "shards with both indexes", f"{draws.tokens * 2 / seconds / 1e6:.0f} MB/s of ids"
        )
        assert verify(folder) == []
        reader(folder, draws)


if __name__ == "__main__":
    main()
