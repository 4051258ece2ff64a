"""Recall and precision of near-duplicate removal against exact similarity, with peers.

    python -m benchmarks.dedup_quality neardup --data DIR      (DIR/neardup: documents and pairs)
    python -m benchmarks.dedup_quality corpus --input GLOB [--truth truth.jsonl ...]
    python -m benchmarks.dedup_quality clean --input GLOB      (a corpus made duplicate-free first)

True pairs are computed without our kernels: word n-grams by `re`, tuples hashed by Python, all
intersections by a sparse matrix product. A word is a run of \\w, or one character of a script
written without spaces; `neardup` uses the published pairs (no rule for unspaced scripts).
Peers, given the same shingles: datasketch MinHashLSH and rensa RMinHash (16 bands), both verified
by their own estimate and greedy in input order; and datatrove's defaults, run by --datatrove PYTHON.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy import sparse

from benchmarks import harness
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import sign_part
from corpusforge.io.files import list_files
from corpusforge.io.jsonl import read_jsonl, write_jsonl
from corpusforge.text.classes import is_unspaced

WORD = re.compile(r"\w+")
Documents = dict[str, str]
Removed = dict[str, str]


def words(text: str, unspaced: bool) -> list[str]:
    """Return the lower-cased words of a text."""
    found = WORD.findall(text.lower())
    if not unspaced or text.isascii():
        return found
    out: list[str] = []
    for word in found:
        start = 0
        for i, character in enumerate(word):
            if is_unspaced(character):
                out += [word[start:i], character]
                start = i + 1
        out.append(word[start:])
    return [word for word in out if word]


def shingles(text: str, unspaced: bool = True) -> set[tuple[str, ...]]:
    """Return the set of word 5-grams; one shorter gram for a shorter text."""
    found = words(text, unspaced)
    return {tuple(found[i : i + 5]) for i in range(max(1, len(found) - 4))} if found else set()


def exact_pairs(documents: Documents, least: float, unspaced: bool) -> dict[tuple[str, str], float]:
    """Return every pair with exact Jaccard >= least, by a sparse product of the shingle matrix."""
    names = list(documents)
    rows = [
        np.fromiter((hash(s) for s in shingles(documents[name], unspaced)), dtype=np.int64)
        for name in names
    ]
    sizes = np.array([len(row) for row in rows])
    columns = np.unique(np.concatenate(rows), return_inverse=True)[1]
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    ones = np.ones(len(columns), dtype=np.int32)
    matrix = sparse.csr_matrix((ones, columns, bounds), shape=(len(names), columns.max() + 1))
    matrix = matrix[:, np.asarray((matrix > 0).sum(axis=0)).ravel() > 1].tocsr()
    transposed = matrix.T.tocsr()
    pairs: dict[tuple[str, str], float] = {}
    for first in range(0, len(names), 1000):
        product = sparse.triu(matrix[first : first + 1000] @ transposed, k=first + 1).tocoo()
        union = sizes[product.row + first] + sizes[product.col] - product.data
        value = product.data / union
        for k in np.flatnonzero(value >= least):
            pairs[names[product.row[k] + first], names[product.col[k]]] = float(value[k])
    return pairs


def ours(documents: Documents, settings: Settings) -> Removed:
    """Return what this library removes, and for which kept document."""
    names, texts = list(documents), list(documents.values())
    with tempfile.TemporaryDirectory() as directory:
        batches = (
            pa.RecordBatch.from_pydict(
                {
                    "id": names[i : i + 1000],
                    "text": pa.array(texts[i : i + 1000], type=pa.large_string()),
                }
            )
            for i in range(0, len(names), 1000)
        )
        sign_part(batches, settings, f"{directory}/p")
        found = find_duplicates(
            [f"{directory}/p"], settings, lambda _, rows: [texts[i] for i in rows]
        )
        rows = found.table(0).to_pylist()
    print(f"  ours: {found.counts}", file=sys.stderr)
    return {row["removed"]: row["kept"] for row in rows}


def with_datasketch(documents: Documents, threshold: float, unspaced: bool) -> Removed:
    """Greedy in input order with datasketch's LSH, verified by its estimate."""
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(threshold=threshold, num_perm=128)
    kept: dict[str, MinHash] = {}
    removed: Removed = {}
    for name, text in documents.items():
        sketch = MinHash(num_perm=128)
        sketch.update_batch([" ".join(gram).encode() for gram in shingles(text, unspaced)])
        near = [(sketch.jaccard(kept[k]), k) for k in sorted(lsh.query(sketch))]
        if near and max(near)[0] >= threshold:
            removed[name] = max(near)[1]
        else:
            kept[name] = sketch
            lsh.insert(name, sketch)
    return removed


def with_rensa(documents: Documents, threshold: float, unspaced: bool) -> Removed:
    """Greedy in input order with rensa's RMinHash in 16 bands of 8, verified by its estimate."""
    from rensa import RMinHash

    kept: dict[str, RMinHash] = {}
    buckets: dict[tuple[int, tuple[int, ...]], list[str]] = defaultdict(list)
    removed: Removed = {}
    for name, text in documents.items():
        sketch = RMinHash(128, 1)
        sketch.update([" ".join(gram) for gram in shingles(text, unspaced)])
        digest = sketch.digest()
        keys = [(band, tuple(digest[band * 8 : band * 8 + 8])) for band in range(16)]
        found = sorted({other for key in keys for other in buckets[key]})
        near = [(sketch.jaccard(kept[other]), other) for other in found]
        if near and max(near)[0] >= threshold:
            removed[name] = max(near)[1]
            continue
        kept[name] = sketch
        for key in keys:
            buckets[key].append(name)
    return removed


def with_datatrove(
    documents: Documents, pairs: dict[tuple[str, str], float], python: str
) -> Removed:
    """Remove what datatrove's defaults (14 x 8, no verification) remove.

    It names no kept document, so the nearest survivor stands in, which favours it.
    """
    with tempfile.TemporaryDirectory() as directory:
        source, work = Path(directory) / "docs.jsonl", Path(directory) / "work"
        write_jsonl(str(source), ({"id": k, "text": v} for k, v in documents.items()))
        if harness.peer(python, "dedup_datatrove", "whole", source, work) is None:
            raise ImportError("datatrove does not run")
        rows = [row for path in (work / "kept").glob("*") for row in read_jsonl(str(path))]
    gone = documents.keys() - {row["id"] for row in rows}
    best: dict[str, tuple[float, str]] = dict.fromkeys(gone, (0.0, ""))
    for (a, b), value in pairs.items():
        for name, other in ((a, b), (b, a)):
            if name in gone and other not in gone:
                best[name] = max(best[name], (value, other))
    return {name: other for name, (_, other) in best.items()}


def figures(
    removed: Removed, documents: Documents, pairs: dict[tuple[str, str], float], unspaced: bool
) -> dict[str, float]:
    """Return recall at .7/.8/.9, precision at .5/.7 and the share of content lost."""
    out: dict[str, float] = {"removed": len(removed)}
    for least in (0.7, 0.8, 0.9):
        true = [pair for pair, value in pairs.items() if value >= least]
        hit = sum(a in removed or b in removed for a, b in true)
        out[f"R {least}"] = hit / len(true) if true else float("nan")
    values = []
    for name, kept in removed.items():
        if not kept:
            values.append(0.0)
            continue
        a, b = (shingles(documents[key], unspaced) for key in (name, kept))
        values.append(len(a & b) / len(a | b) if a | b else 1.0)
    for least in (0.5, 0.7):
        out[f"P {least}"] = sum(v >= least for v in values) / len(values) if values else 1.0
    best: dict[str, float] = defaultdict(float)
    for (a, b), value in pairs.items():
        for gone, stays in ((a, b), (b, a)):
            if gone in removed and stays not in removed:
                best[gone] = max(best[gone], value)
    out["lost .5"] = sum(best[name] < 0.5 for name in removed) / max(1, len(removed))
    return out


def compare(
    documents: Documents,
    pairs: dict[tuple[str, str], float],
    unspaced: bool,
    peers: bool,
    python: str,
) -> dict[str, Removed]:
    """Print one row a method; return what each removed."""
    methods: dict[str, Callable[[], Removed]] = {"ours 0.7": lambda: ours(documents, Settings())}
    if peers:
        methods["datasketch 0.7 verified"] = lambda: with_datasketch(documents, 0.7, unspaced)
        methods["rensa 16 bands 0.7 verified"] = lambda: with_rensa(documents, 0.7, unspaced)
        if pairs:
            methods["datatrove 14x8"] = lambda: with_datatrove(documents, pairs, python)
    done: dict[str, Removed] = {}
    harness.heads(
        "method", "removed", "R 0.7", "R 0.8", "R 0.9", "P 0.5", "P 0.7", "lost .5", "CPU s"
    )
    for name, method in methods.items():
        clock = harness.Clock()
        try:
            done[name] = method()
        except ImportError as error:
            harness.row(name, f"skipped: {error}", *[""] * 7)
            continue
        seconds = clock.cpu() + clock.children()
        row = figures(done[name], documents, pairs, unspaced)
        cells = [f"{row.pop('removed'):.0f}", *(f"{value:.4f}" for value in row.values())]
        harness.row(name, *cells, f"{seconds:.1f}")
    return done


def load(globs: Iterable[str]) -> Documents:
    """Return the documents of the files, by id, in file order."""
    paths = sorted({info.path for glob in globs for info in list_files(glob)})
    return {str(row["id"]): row["text"] for path in paths for row in read_jsonl(path)}


def planted(
    removed: Removed, truths: list[dict[str, object]], pairs: dict[tuple[str, str], float]
) -> None:
    """Print, for each kind of edit, how many planted copies of J >= .7 with their base are gone."""
    value = {frozenset(pair): v for pair, v in pairs.items()}
    near = {name for pair, v in pairs.items() if v >= 0.7 for name in pair}
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for row in truths:
        name, base = str(row["id"]), row["base"]
        kind = kinds[str(row["kind"])]
        kind["planted"] += 1
        if base is None:
            kind["innocent"] += name not in near
            kind["innocent removed"] += name in removed and name not in near
        elif value.get(frozenset((name, str(base))), 0.0) >= 0.7:
            kind["over"] += 1
            kind["found"] += name in removed or base in removed
    print()
    harness.heads("edit", "planted", "J >= .7 with its base", "of these removed")
    for name, kind in sorted(kinds.items()):
        if name == "boilerplate":
            cells = (
                f"{kind['innocent']} have no copy",
                f"{kind['innocent removed']} of these removed",
            )
        else:
            cells = (kind["over"], kind["found"])
        harness.row(name, kind["planted"], *cells)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = harness.arguments(__doc__, data=True)
    parser.add_argument("what", choices=("neardup", "corpus", "clean"))
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--truth", action="append", default=[])
    parser.add_argument("--datatrove", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--no-peers", action="store_true")
    args = parser.parse_args(arguments)
    if args.what == "neardup":
        base = args.data / "neardup" / "extractor-outputs"
        with gzip.open(f"{base}.jsonl.gz") as stream:
            documents = {row["id"]: row["text"] for row in map(json.loads, stream)}
        with gzip.open(f"{base}.pairs.jsonl.gz") as stream:
            pairs = {(row["a"], row["b"]): row["jaccard"] for row in map(json.loads, stream)}
        compare(documents, pairs, unspaced=False, peers=not args.no_peers, python=args.datatrove)
        return
    documents = load(args.input)
    pairs = exact_pairs(documents, 0.5, unspaced=True)
    size = sum(map(len, documents.values())) / 1e6
    print(f"{len(documents)} documents, {size:.1f} M characters, {len(pairs)} pairs with J >= .5")
    if args.what == "clean":
        alike = {name for pair in pairs for name in pair}
        documents = {name: text for name, text in documents.items() if name not in alike}
        print(f"duplicate-free: {len(documents)} documents without a partner of J >= .5")
        compare(documents, {}, unspaced=True, peers=not args.no_peers, python=args.datatrove)
        return
    done = compare(documents, pairs, unspaced=True, peers=not args.no_peers, python=args.datatrove)
    truths = [row for path in args.truth for row in read_jsonl(path)]
    if truths:
        planted(done["ours 0.7"], truths, pairs)


if __name__ == "__main__":
    main()
