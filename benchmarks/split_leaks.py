"""Validation of a finished run: its size, its shares, and how many of its documents have a training copy.

    python -m benchmarks.split_leaks RUN [--threshold 0.7]

Copies are exact Jaccard similarities of word 5-grams over all pairs that share a 5-gram, with no bands
and no estimates. Documents are those that the streams draw. Limit: all 5-grams of a run are in memory,
so runs of some thousand documents.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import harness
from corpusforge.dedup.sign import shingle_sets
from corpusforge.run.mix import stream_files

__all__ = ["leaks", "main"]


def leaks(run: Path, threshold: float, ngram: int = 5) -> dict[str, object]:
    """Return counts of validation documents, of those with a copy in training, and the worst pairs."""
    sides = {
        side: {
            name
            for path in stream_files(str(run), side)
            for name in pq.read_table(path)["id"].to_pylist()
        }
        for side in ("train", "val")
    }
    grams: dict[str, frozenset[int]] = {}
    for path in sorted((run / "documents").glob("part-*.parquet")):
        table = pq.read_table(path, columns=["id", "text"])
        flat, bounds = shingle_sets(table["text"].combine_chunks(), ngram)
        for row, name in enumerate(table["id"].to_pylist()):
            grams[name] = frozenset(flat[bounds[row] : bounds[row + 1]].tolist())
    holders: dict[int, list[str]] = defaultdict(list)
    for name in sides["train"]:
        for gram in grams[name]:
            holders[gram].append(name)
    found: list[tuple[float, str, str]] = []
    for name in sides["val"]:
        common = Counter(other for gram in grams[name] for other in holders[gram])
        best = max(
            ((n / (len(grams[name]) + len(grams[o]) - n), o) for o, n in common.items()),
            default=(0.0, ""),
        )
        if best[0] >= threshold:
            found.append((best[0], name, best[1]))
    return {
        "validation": len(sides["val"]),
        "training": len(sides["train"]),
        "on both sides": len(sides["val"] & sides["train"]),
        "with a copy": len(found),
        "worst": sorted(found, reverse=True)[:3],
    }


def main() -> None:
    """Print the figures of a run."""
    options = harness.arguments(__doc__)
    options.add_argument("run", type=Path)
    options.add_argument("--threshold", type=float, default=0.7)
    given = options.parse_args()
    print(json.dumps(leaks(given.run, given.threshold), indent=1))
    receipt = json.loads((given.run / "mix" / "receipt.json").read_text())
    val, train = receipt["val"], receipt["train"]
    asked = val.get("asked_tokens", "?")
    print(f"tokens: {val['tokens']} of {asked}, {val['tokens'] / train['tokens']:.3%} of training")
    for source, row in train["sources"].items():
        own = val["sources"][source]["delivered_tokens"] / max(1, val["tokens"])
        print(
            f"{source}: {own:.2%} of validation, {row['delivered_tokens'] / train['tokens']:.2%} of training"
        )
    print(*(note for note in receipt["notes"] if "validation" in note), sep="\n")


if __name__ == "__main__":
    main()
