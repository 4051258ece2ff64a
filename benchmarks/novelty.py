"""The novelty gate beside rouge_score: the same decisions, and what each costs.

    python -m benchmarks.novelty [--data DIR] [--pool 52000] [--candidates 2000] [--rouge 3]

The pool is sentences that read like instructions: seed and expert tasks, questions of the FLAN
chain-of-thought sets and prompts of a preference set in the data directory, and first paragraphs of
the docstrings of installed packages; 4 to 74 words, distinct, shuffled by hash. Decisions are checked
three ways: RougeScorer.score over the whole pool for `--rouge` candidates, a compiled textbook LCS
over every pair with rouge_score's own float formula, and rouge_score itself on every pair within
0.02 of the threshold. CPU seconds, one core. Skips rouge_score with a message where it is absent.
"""

from __future__ import annotations

import ast
import gzip
import importlib.util
import json
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numba
import numpy as np

from benchmarks import harness
from corpusforge.hashing import id_keys, uniform
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import profile

SENTENCE = re.compile(r"(?<=[.?!])\s+|\n")
CHINESE = re.compile(r"[^。！？\n]+[。！？]")


def data_sentences(data: Path) -> Iterator[str]:
    for name in ("seed_tasks", "user_oriented_instructions"):
        for line in (data / f"selfinstruct/{name}.jsonl").read_text().splitlines():
            yield json.loads(line)["instruction"]
    for path in sorted((data / "selfinstruct/cot").glob("*_train.tsv.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().split("\n"):
            yield from SENTENCE.split(line.split("\t")[0].replace("\\n", "\n"))
    path = data / "preference/tulu-eval-instances.jsonl.gz"
    for line in gzip.decompress(path.read_bytes()).splitlines():
        yield from SENTENCE.split(json.loads(line).get("prompt", ""))


def docstrings() -> Iterator[str]:
    for path in sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py")):
        try:
            tree = ast.parse(path.read_text())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield (ast.get_docstring(node) or "").split("\n\n")[0]


def shuffled(texts: list[str]) -> list[str]:
    draws = uniform(id_keys(texts), 0, "benchmark novelty")
    return [texts[k] for k in np.argsort(draws, kind="stable")]


def english(data: Path, wanted: int) -> list[str]:
    found: dict[str, None] = {}
    for source in (data_sentences(data), docstrings()):
        for text in source:
            line = " ".join(text.split())
            if 3 < len(line.split()) <= 74:
                found.setdefault(line)
            if len(found) >= wanted:
                return shuffled(list(found))
    return shuffled(list(found))


def chinese(data: Path) -> list[str]:
    found: dict[str, None] = {}
    for path in sorted((data / "books").glob("zh-*")):
        text = gzip.decompress(path.read_bytes()).decode()
        for line in CHINESE.findall(text):
            if 5 <= len(line) <= 240:
                found.setdefault(line.strip())
    return shuffled(list(found))


@numba.njit(cache=True)
def textbook(left, tokens, starts, lengths, out):
    """L of one text with all, by the table of the textbook: nothing shared with the gate."""
    row = np.zeros(len(left) + 1, dtype=np.int64)
    for i in range(len(lengths)):
        row[:] = 0
        for k in range(starts[i], starts[i] + lengths[i]):
            diagonal = 0
            for j in range(len(left)):
                above = row[j + 1]
                if left[j] == tokens[k]:
                    row[j + 1] = diagonal + 1
                elif row[j] > above:
                    row[j + 1] = row[j]
                diagonal = above
        out[i] = row[len(left)]


def scored(lcs, left, right):
    """F1 as rouge_score computes it: 2·P·R/(P+R) in floats."""
    precision, recall = lcs / max(left, 1), lcs / np.maximum(right, 1)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(2 * precision * recall / (precision + recall))


def stream(texts: list[str], language: str, top: int) -> tuple[int, float]:
    gate = Gate(profile(language))
    _, seconds = harness.timed(lambda: [gate.admit(str(k), t, top) for k, t in enumerate(texts)])
    return len(gate), seconds


def filled(texts: list[str], mode: str) -> Gate:
    gate = Gate(profile("en", mode=mode))
    for k, text in enumerate(texts):
        gate.add(str(k), text)
    return gate


def check(pool: list[str], candidates: list[str], verdicts: list[bool], scorer) -> None:
    """Compare with brute force over every pair; print how many decisions differ, and why."""
    cut = profile("en", mode="rouge").tokens
    names: dict[str, int] = {}
    rows = [[names.setdefault(word, len(names)) for word in cut(text)] for text in pool]
    lengths = np.array([len(row) for row in rows])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    tokens = np.array([word for row in rows for word in row], dtype=np.int32)
    lcs = np.zeros(len(pool), dtype=np.int64)
    differ = ties = near = near_wrong = 0
    for text, accepted in zip(candidates, verdicts, strict=True):
        left = np.array([names.get(word, -1) for word in cut(text)], dtype=np.int32)
        textbook(left, tokens, starts, lengths, lcs)
        exact = bool(np.any(20 * lcs > 7 * (len(left) + lengths)))
        assert exact is not accepted, text
        scores = scored(lcs, len(left), lengths)
        if bool(scores.max() > 0.7) is not exact:
            differ += 1
            ties += bool(np.any(20 * lcs == 7 * (len(left) + lengths)))
        for k in np.flatnonzero(np.abs(scores - 0.7) < 0.02) if scorer else ():
            near += 1
            near_wrong += scorer.score(pool[k], text)["rougeL"].fmeasure != scores[k]
    pairs = len(pool) * len(candidates)
    print(f"brute force over {pairs:,} pairs: 0 of {len(candidates)} decisions differ in integers; "
          f"in rouge_score's floats {differ} differ, {ties} of them with F1 = 7/10 exactly")  # fmt: skip
    print(f"rouge_score itself on {near} pairs within 0.02 of 0.7: {near_wrong} other scores")


def main() -> None:
    parser = harness.arguments(__doc__, data=True)
    parser.add_argument("--pool", type=int, default=52_000)
    parser.add_argument("--candidates", type=int, default=2_000)
    parser.add_argument("--rouge", type=int, default=3)
    options = parser.parse_args()
    texts = english(options.data, options.pool + options.candidates)
    pool, candidates = texts[: options.pool], texts[options.pool :]
    words = [len(text.split()) for text in texts]
    print(f"{len(pool)} in the pool, {len(candidates)} candidates, mean {np.mean(words):.1f} words")
    stream(texts[:300], "en", 10)  # compiles
    gate, seconds = harness.timed(lambda: filled(pool, "rouge"))
    print(f"filling the pool: {seconds:.2f} s")
    found = {}
    for top in (0, 1, 10):
        verdicts, seconds = harness.timed(lambda top=top: gate.judge_many(candidates, top))
        found[top] = seconds / len(candidates)
        print(f"judge(top={top}): {found[top] * 1e6:.0f} µs a candidate, "
              f"{sum(not v.accepted for v in verdicts)} refused")  # fmt: skip
    scorer = None
    if importlib.util.find_spec("rouge_score"):
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer(["rougeL"], use_stemmer=False)
        loop = [
            harness.timed(lambda t=t: max(scorer.score(p, t)["rougeL"].fmeasure for p in pool))
            for t in candidates[: options.rouge]
        ]
        assert [best <= 0.7 for best, _ in loop] == [v.accepted for v in verdicts[: options.rouge]]
        cost = sum(seconds for _, seconds in loop) / len(loop)
        print(f"RougeScorer.score in a loop: {cost:.2f} s a candidate (n={len(loop)}): "
              f"{cost / found[0]:,.0f} times judge(top=0), {cost / found[10]:,.0f} times "
              "judge(top=10)")  # fmt: skip
    else:
        print("rouge_score is not installed: pip install rouge_score")
    check(pool, candidates, [v.accepted for v in verdicts], scorer)
    for top in (0, 10):
        kept, seconds = stream(pool, "en", top)
        print(f"stream of {len(pool)} from an empty pool, top={top}: {seconds:.2f} s, {kept} kept")
    lines = chinese(options.data)
    kept, seconds = stream(lines, "zh", 0)
    print(f"stream of {len(lines)} Chinese sentences: {seconds:.2f} s, {kept} kept")


if __name__ == "__main__":
    main()
