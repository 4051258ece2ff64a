"""How scores, rules, duplicates, contamination and marks move when a text is perturbed; English and Chinese.

    python -m benchmarks.robustness --data DIR [--marked TEXTS.jsonl --tokenizer tokenizer.json]

Perturbations are those of robustness toolkits (TextAttack, OpenAttack), written anew: of characters
(neighbours swapped, Cyrillic look-alikes, full-width forms, zero-width spaces, case), of words (left out,
swapped; of Chinese the characters) and of sentences (shuffled, one left out, all twice). Every choice is
a hash, so the figures come again. The last columns compare an exact hash and the 5-gram similarity with
and without the fold (`text.fold`). `--marked`: watermarked texts (`text`), whose z-score is then taken.
Limits: the Chinese texts are classics, and the classifier is trained here on some hundred labelled
English documents: it tells how far a score moves, not how good it is.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import corpusforge as cf
from benchmarks import harness
from corpusforge.hashing import word64
from corpusforge.text.fold import fold_text
from corpusforge.text.words import words

Perturb = Callable[[str, int], str]
_ALIKE = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")
_SENTENCE = re.compile(r"[^.!?。！？]*[.!?。！？]+\s*|[^.!?。！？]+\Z")
_HAN = re.compile(r"[\u4e00-\u9fff]")


def _chance(share: float, *key: object) -> bool:
    return word64("robustness", *key) % 10_000 < share * 10_000


def _units(text: str) -> list[str]:
    """Words with what stands behind them; of Chinese each character."""
    return list(text) if _HAN.search(text) else re.findall(r"\S+\s*", text)


def _swap(units: list[str], share: float, *key: object) -> str:
    place = 0
    while place < len(units) - 1:
        if _chance(share, *key, place) and units[place].strip() and units[place + 1].strip():
            units[place], units[place + 1] = units[place + 1], units[place]
            place += 1
        place += 1
    return "".join(units)


def _wide(text: str, seed: int) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" and _chance(0.1, seed, n) else c
                   for n, c in enumerate(text))  # fmt: skip


def _shuffled(text: str, seed: int) -> str:
    parts = _SENTENCE.findall(text)
    return "".join(sorted(parts, key=lambda one: word64("shuffle", seed, one)))


def _without_one(text: str, seed: int) -> str:
    parts = _SENTENCE.findall(text)
    gone = word64("gone", seed) % max(1, len(parts))
    return "".join(part for n, part in enumerate(parts) if n != gone)


PERTURBATIONS: dict[str, Perturb] = {
    "character: 2 % of neighbours swapped": lambda t, s: _swap(list(t), 0.02, "c", s),
    "character: 5 % Cyrillic look-alikes": lambda t, s: "".join(
        c.translate(_ALIKE) if _chance(0.05, "a", s, n) else c for n, c in enumerate(t)),
    "character: 10 % full-width forms": _wide,
    "character: 5 % zero-width spaces": lambda t, s: "".join(
        c + "\u200b" if _chance(0.05, "z", s, n) else c for n, c in enumerate(t)),
    "character: upper case": lambda t, s: t.upper(),
    "word: 5 % left out": lambda t, s: "".join(
        u for n, u in enumerate(_units(t)) if not _chance(0.05, "w", s, n)),
    "word: 5 % of neighbours swapped": lambda t, s: _swap(_units(t), 0.05, "n", s),
    "sentence: shuffled": _shuffled,
    "sentence: one left out": _without_one,
    "sentence: everything twice": lambda t, s: f"{t}\n{t}",
}  # fmt: skip


def english(data: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Texts to perturb, and others by label for the classifier."""
    with gzip.open(
        data / "quality" / "human-quality-labels.jsonl.gz", "rt", encoding="utf-8"
    ) as lines:
        rows = [json.loads(line) for line in lines]
    texts = [row["text"][:1500] for row in rows[::3] if len(row["text"]) >= 600]
    rest = [row for n, row in enumerate(rows) if n % 3]
    labelled = {
        label: [row["text"] for row in rest if str(row["label"]) == label] for label in ("0", "1")
    }
    return texts[:40], labelled


def chinese(data: Path) -> list[str]:
    """Pieces of the Mengzi of up to 600 characters, whole sentences."""
    with gzip.open(data / "books" / "zh-mengzi.json.gz", "rt", encoding="utf-8") as lines:
        whole = "".join(part for chapter in json.load(lines) for part in chapter["paragraphs"])
    pieces = (whole[n : n + 600] for n in range(0, len(whole) - 600, 600))
    return [piece[piece.find("。") + 1 : piece.rfind("。") + 1] for piece in pieces][:40]


def trained(labelled: dict[str, list[str]], folder: Path) -> str:
    """A classifier of the two labels. Its quality is no matter here."""
    from classifiers.hashed_logreg.train import main

    for label, texts in labelled.items():
        path = folder / f"{label}.jsonl"
        path.write_text(
            "".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8"
        )
    given = ["--positive", str(folder / "1.jsonl"), "--negative", str(folder / "0.jsonl")]
    if main([*given, "--output", str(folder / "model.npz")]):
        raise SystemExit("the classifier could not be trained")
    return str(folder / "model.npz")


def jaccard(left: str, right: str) -> float:
    """Of runs of five words (characters in Chinese), as both texts stand."""
    sets = [{tuple(w[n : n + 5]) for n in range(len(w) - 4)} for w in (words(left), words(right))]
    return len(sets[0] & sets[1]) / max(1, len(sets[0] | sets[1]))


def same(left: str, right: str) -> bool:
    """Whether an exact hash of both is one."""
    return hashlib.blake2b(left.encode()).digest() == hashlib.blake2b(right.encode()).digest()


def share(found: Sequence[bool]) -> str:
    """A share in percent."""
    return f"{100 * sum(found) / max(1, len(found)):.0f}"


def table(language: str, texts: list[str], model: str) -> None:
    """Print one row a perturbation."""
    names = ("n", "language changed %", "rule changed %", "score moved", "copy found %", "item found %",
             "same hash raw %", "folded %", "similarity raw", "folded")  # fmt: skip
    harness.heads(f"{language}: perturbation", *names)
    rules = [one.rule for one in cf.check(texts)]
    labels = [one.label for one in cf.identify(texts)]
    scores = cf.score(texts, model) if model else []
    for name, perturb in PERTURBATIONS.items():
        moved = [perturb(text, seed) for seed, text in enumerate(texts)]
        items = [text[200:400] for text in texts]
        carried = [f"{text[:200]}\n{perturb(item, seed)}\n{text[400:]}"
                   for seed, (text, item) in enumerate(zip(texts, items, strict=True))]  # fmt: skip
        copies = cf.dedup([*texts, *moved])[len(texts) :]
        hits = cf.decontaminate(carried, items)
        pairs = list(zip(texts, moved, strict=True))
        folded = [(fold_text(a), fold_text(b)) for a, b in pairs]
        deltas = (
            [abs(a - b) for a, b in zip(scores, cf.score(moved, model), strict=True)]
            if model
            else []
        )
        harness.row(
            name, len(texts),
            share([one.label != label for one, label in zip(cf.identify(moved), labels, strict=True)]),
            share([one.rule != rule for one, rule in zip(cf.check(moved), rules, strict=True)]),
            f"{statistics.mean(deltas):.3f}" if deltas else "",
            share([copy is not None for copy in copies]), share([bool(one.hits) for one in hits]),
            share([same(*pair) for pair in pairs]), share([same(*pair) for pair in folded]),
            f"{statistics.mean(jaccard(*pair) for pair in pairs):.2f}",
            f"{statistics.mean(jaccard(*pair) for pair in folded):.2f}",
        )  # fmt: skip
    print()


def watermark(path: Path, tokenizer: str) -> None:
    """Print the mean z-score of watermarked texts under each perturbation, raw and folded."""
    import pyarrow as pa

    from corpusforge.marks.watermark import green_tokens, z_score
    from corpusforge.tokenize import Settings, load

    loaded = load(Settings(tokenizer=tokenizer))
    texts = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]

    def z(text: str) -> float:
        ids = loaded.encode(pa.array([text], pa.large_string()))[0].tolist()
        green, pairs = green_tokens(ids, 0.25, 15485863, loaded.vocab_size)
        return (
            z_score(green, pairs, 0.25) if pairs else 0.0
        )  # the one sentence of a text was left out

    harness.heads("watermark: perturbation", "n", "z", "z after the fold")
    for name, perturb in {"none": lambda t, s: t, **PERTURBATIONS}.items():
        moved = [perturb(text, seed) for seed, text in enumerate(texts)]
        raw, folded = (
            statistics.mean(map(z, some)) for some in (moved, list(map(fold_text, moved)))
        )
        harness.row(name, len(texts), f"{raw:.1f}", f"{folded:.1f}")


def main() -> None:
    """Print the tables."""
    parser = harness.arguments(__doc__, data=True)
    parser.add_argument("--marked", type=Path)
    parser.add_argument("--tokenizer", default="")
    given = parser.parse_args()
    texts, labelled = english(given.data)
    with tempfile.TemporaryDirectory() as folder:
        table("English", texts, trained(labelled, Path(folder)))
    table("Chinese", chinese(given.data), "")
    if given.marked:
        watermark(given.marked, given.tokenizer)


if __name__ == "__main__":
    main()
