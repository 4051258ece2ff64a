"""Train the HTML extractor's weights on pages with gold text; show how they do on unseen pages.

    python -m benchmarks.extract_train           # cross-validation and split halves only
    python -m benchmarks.extract_train --write   # also train on every page, write the weights

A block's label is the share of its words that an alignment of page and gold text matches; its
weight is its share of the page's gold words, so that every page counts alike. The settings below
were chosen by cross-validation on these pages, never on others.
"""

from __future__ import annotations

import argparse
import difflib
import gzip
import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from scipy.optimize import minimize

from corpusforge.extract import htmlmodel
from corpusforge.extract.charset import decode
from corpusforge.extract.htmlblocks import FEATURES, Blocks, blocks
from corpusforge.extract.htmlmodel import CONTEXT, context, probabilities
from corpusforge.extract.htmlscan import Page, scan
from corpusforge.extract.htmltags import tables
from corpusforge.extract.htmltext import text_of

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("CORPUSFORGE_DATA", ROOT.parent / "shared" / "data"))
RIDGE, THRESHOLD, READABILITY_WEIGHT, FOLDS = 0.5, 0.46, 0.5, 5

# What may only speak against, or only for, a block: knowledge that 120 pages are too few to teach.
AGAINST = frozenset(
    [
        "comment",
        "share",
        "nav",
        "footer",
        "side",
        "related",
        "ads",
        "meta",
        "tags",
        "screen",
        "consent",
        "cookie",
        "signup",
        "tool",
        "bio",
        "<nav>",
        "<footer>",
        "<aside>",
        "<form>",
        "<header>",
        "<a>",
        "<label>",
        "link_density",
        "link_half",
        "link_all",
        "one_word",
        "separators",
        "repeated",
        "digits",
    ]
)
FOR = frozenset(
    [
        "content",
        "body",
        "<article>",
        "<main>",
        "words10",
        "words40",
        "words150",
        "commas",
        "sentences",
        "ends_sentence",
        "long_no_link",
        "p",
        "logit_p",
        "in_best",
        "under_main",
        "parent_main",
        "p_in_best",
        "p_parent_main",
        "long_in_best",
        "between",
        "tag_share",
        "tag_share_parent_main",
        "share_alike",
    ]
)


def scorer() -> ModuleType:
    """Load the public scorer that stands beside the data."""
    path = DATA.parent / "tools" / "score_extraction.py"
    spec = importlib.util.spec_from_file_location("score_extraction", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCORE = scorer()


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    group: str
    html: bytes
    gold: str
    page: Page
    found: Blocks
    label: np.ndarray
    weight: np.ndarray


def gold_pages() -> list[tuple[str, str, bytes, str]]:
    """Return (group, name, HTML bytes, gold text) of every page with gold text."""
    folder = DATA / "web" / "html_gold"
    news = SCORE.read_gold(folder / "aeb60" / "ground-truth.json")
    readable = SCORE.read_gold(folder / "readability")
    rows = [("aeb", n, folder / "aeb60" / "html" / f"{n}.html.gz", news[n]) for n in sorted(news)]
    rows += [
        ("rdb", n, folder / "readability" / n / "source.html.gz", readable[n])
        for n in sorted(readable)
    ]
    return [(group, n, gzip.decompress(path.read_bytes()), gold) for group, n, path, gold in rows]


def label(page: Page, found: Blocks, gold: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Return, per block, the share of its words that gold holds in order, and its word count."""
    tokens, owner = [], []
    for number in range(len(found.spans)):
        only = np.zeros(len(found.spans), bool)
        only[number] = True
        words = SCORE.TOKEN.findall(text_of(page, found.spans, only))
        tokens += words
        owner += [number] * len(words)
    count = np.bincount(owner, minlength=len(found.spans)) if owner else np.zeros(len(found.spans))
    wanted = SCORE.TOKEN.findall(gold)
    hit = np.zeros(len(found.spans))
    for start, _, size in difflib.SequenceMatcher(
        None, tokens, wanted, autojunk=False
    ).get_matching_blocks():
        for place in range(start, start + size):
            hit[owner[place]] += 1
    return hit / np.maximum(count, 1), count, len(wanted)


def examples() -> list[Example]:
    made = []
    for group, name, data, gold in gold_pages():
        page = scan(decode(data).encode(), tables())
        found = blocks(page, tables())
        if not len(found.spans):
            continue
        share, count, words = label(page, found, gold)
        weight = np.sqrt(np.minimum(count, 400) * count) / max(words, 60)
        weight *= READABILITY_WEIGHT if group == "rdb" else 1
        made.append(Example(name, group, data, gold, page, found, share, weight))
    return made


def bound(name: str) -> tuple[float | None, float | None]:
    """Return the range that a column's weight may take."""
    kind, _, group = name.partition(" ")
    known = group if kind in ("near", "far") and group else name
    if known in AGAINST or known.startswith("says"):
        return None, 0
    if known in FOR or known.startswith("p_"):
        return 0, None
    return None, None


def fit(columns: list[np.ndarray], pages: list[Example]) -> np.ndarray:
    """Return the weights of a ridge logistic regression; the first column is the bias."""
    x = np.vstack(columns).astype(np.float64)
    y = np.concatenate([page.label for page in pages])
    w = np.concatenate([page.weight for page in pages])
    w = w / w.sum() * 100
    ridge = np.full(x.shape[1], RIDGE)
    ridge[0] = 1e-6

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        p = np.clip(1 / (1 + np.exp(-np.clip(x @ beta, -30, 30))), 1e-9, 1 - 1e-9)
        value = -(w * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum()
        return value + 0.5 * (ridge * beta * beta).sum(), x.T @ (w * (p - y)) + ridge * beta

    names = FEATURES if x.shape[1] == len(FEATURES) else (*FEATURES, *CONTEXT)
    return minimize(
        loss,
        np.zeros(x.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=[bound(name) for name in names],
        options={"maxiter": 300},
    ).x


def train(pages: list[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Return both looks' weights; the second learns from first looks at pages they did not see."""
    own = [page.found.features for page in pages]
    first = fit(own, pages)
    around: list[np.ndarray] = [np.empty(0)] * len(pages)
    for fold in range(3):
        part = [n for n in range(len(pages)) if n % 3 != fold]
        weights = fit([own[n] for n in part], [pages[n] for n in part])
        for n in range(fold, len(pages), 3):
            p = probabilities(pages[n].page, pages[n].found, (weights,))[0]
            around[n] = np.hstack([own[n], context(pages[n].page, pages[n].found, p)])
    return first, fit(around, pages)


def counts(page: Example, looks: tuple[np.ndarray, ...], threshold: float) -> tuple[int, int, int]:
    kept = htmlmodel.choose(page.page, page.found, looks, threshold)
    return SCORE.counts(page.gold, text_of(page.page, page.found.spans, kept), 4)


def held_out(pages: list[Example], folds: int) -> dict[float, dict[str, list]]:
    """Return counts of every page by weights that never saw it, for several thresholds."""
    out: dict[float, dict[str, list]] = {}
    for fold in range(folds):
        looks = train([page for n, page in enumerate(pages) if n % folds != fold])
        for page in pages[fold::folds]:
            for threshold in (THRESHOLD - 0.06, THRESHOLD, THRESHOLD + 0.06):
                row = counts(page, looks, threshold)
                out.setdefault(threshold, {}).setdefault(page.group, []).append(row)
    return out


def report(title: str, pages: list[Example], folds: int) -> None:
    for threshold, groups in held_out(pages, folds).items():
        for group, rows in groups.items():
            s = SCORE.summary(rows)
            print(
                f"{title:<22} threshold {threshold:.2f}  {group} n={len(rows):<3} F1 {s['f1']:.4f} "
                f"P {s['precision']:.4f} R {s['recall']:.4f} page-F1 {s['page_f1']:.4f}"
            )


def write(pages: list[Example]) -> None:
    first, second = train(pages)
    looks = [
        {name: round(float(value), 4) for name, value in zip(names, weights, strict=True)}
        for names, weights in ((FEATURES, first), ((*FEATURES, *CONTEXT), second))
    ]
    stored = {"threshold": THRESHOLD, "looks": looks}
    path = ROOT / "corpusforge" / "extract" / "html_weights.json"
    path.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")
    print(f"wrote {path.name}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--write", action="store_true", help="train on all pages, write weights")
    options.add_argument("--skip-validation", action="store_true")
    given = options.parse_args()
    pages = examples()
    if not given.skip_validation:
        report(f"{FOLDS}-fold", pages, FOLDS)
        report("split half", pages, 2)
    if given.write:
        write(pages)


if __name__ == "__main__":
    main()
