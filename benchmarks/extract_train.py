"""Train the HTML extractor's model on pages with gold text; show how it does on sites it never saw.

    python -m benchmarks.extract_train           # cross-validation by site only
    python -m benchmarks.extract_train --write   # also train on every page, write the model

Pages: news and reader-mode pages with whole gold texts; pages of every kind of which some segments are
known to be text or not (`html_segments`); made pages by kind (`extract_pages`). A block's label is the
share of its words that the gold text holds. Between the known segments of a page the label is what the
peers agree on (trafilatura, readability-lxml, resiliparse: weak labels, of less weight, never used to
judge). The first look is a logistic regression with bounded signs, the second gradient-boosted trees
(LightGBM, needed here alone). The settings below were chosen by cross-validation on these pages.
"""

from __future__ import annotations

import difflib
import functools
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

import numpy as np
from scipy.optimize import minimize

from benchmarks import harness
from benchmarks.extract_pages import KINDS, make
from benchmarks.harness import DATA, ROOT
from corpusforge.extract import htmlmodel
from corpusforge.extract.formula import write_out
from corpusforge.extract.htmlblocks import FEATURES, Blocks, blocks
from corpusforge.extract.htmlcontext import CONTEXT, context
from corpusforge.extract.htmlmodel import Model, first_look
from corpusforge.extract.htmlscan import Page, scan
from corpusforge.extract.htmltags import tables
from corpusforge.extract.htmltext import text_of
from corpusforge.text.charset import decode

RIDGE, THRESHOLD, FOLDS = 0.5, 0.46, 5
WEIGHTS = {"aeb": 3.0, "rdb": 2.2, "segments": 0.4, "made": 0.5}
SEGMENT_WEIGHT, SHARPEN = 0.15, 1.3
MADE_SEEDS = 14
PEER_WEIGHTS = {"fast": 1.0, "default": 1.5, "readability": 1.0, "resiliparse": 0.3}
TREES, LEAVES, RATE = 300, 13, 0.04

# What may only speak against, or only for, a block: knowledge that few pages are too few to teach.
AGAINST = frozenset(
    {
        *("comment", "share", "nav", "footer", "side", "related", "ads", "meta", "tags", "screen"),
        *("consent", "cookie", "signup", "tool", "bio", "<nav>", "<footer>", "<aside>", "<form>"),
        *("<header>", "<label>", "link_density", "link_half", "link_all", "one_word", "separators"),
        *("repeated", "digits", "named_after_text", "card_after_text"),
    }
)
FOR = frozenset(
    {
        *("content", "body", "<article>", "<main>", "words10", "words40", "words150", "commas"),
        *("sentences", "ends_sentence", "long_no_link", "code", "unit_code", "after_colon"),
    }
)


SCORE = harness.scorer("score_extraction")
Segments = tuple[list[list[tuple[int, ...]]], list[list[tuple[int, ...]]]]


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    group: str
    site: str
    html: bytes
    gold: str
    page: Page
    found: Blocks
    label: np.ndarray
    weight: np.ndarray
    segments: Segments = ([], [])

    @property
    def fold(self) -> int:
        return zlib.crc32(self.site.encode()) % FOLDS


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


def segment_pages() -> list[tuple[str, bytes, dict[str, Any]]]:
    """Return (name, HTML bytes, {"url", "with", "without"}) of every page with known segments."""
    folder = DATA / "web" / "html_segments"
    known = json.loads((folder / "segments.json").read_text("utf-8"))
    return [
        (name, gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes()), row)
        for name, row in known.items()
    ]


def scanned(data: bytes) -> tuple[Page, Blocks]:
    html = decode(data)[0].encode()
    page = scan(html, tables())
    if page.formulas:
        page = scan(write_out(html), tables())
    return page, blocks(page, tables())


def words_of(page: Page, found: Blocks) -> list[list[str]]:
    """Return the words of each block."""
    out = []
    for number in range(len(found.spans)):
        only = np.zeros(len(found.spans), bool)
        only[number] = True
        out.append(SCORE.TOKEN.findall(text_of(page, found.spans, only)))
    return out


def aligned(tokens: list[list[str]], gold: str) -> np.ndarray:
    """Return, per block, the share of its words that gold holds in order."""
    flat = [word for words in tokens for word in words]
    owner = [number for number, words in enumerate(tokens) for _ in words]
    hit = np.zeros(len(tokens))
    match = difflib.SequenceMatcher(None, flat, SCORE.TOKEN.findall(gold), autojunk=False)
    for start, _, size in match.get_matching_blocks():
        for place in range(start, start + size):
            hit[owner[place]] += 1
    return hit / np.maximum([len(words) for words in tokens], 1)


def shared(tokens: list[list[str]], text: str) -> np.ndarray:
    """Return, per block, the share of its 3-grams that a text holds; short blocks count by lines."""
    words = SCORE.TOKEN.findall(text)
    grams = set(zip(words, words[1:], words[2:], strict=False))
    lines = {
        tuple(SCORE.TOKEN.findall(part))
        for line in text.split("\n")
        for part in (line, *line.split("|"))
    }
    found = []
    for block in tokens:
        own = list(zip(block, block[1:], block[2:], strict=False))
        if own:
            found.append(sum(gram in grams for gram in own) / len(own))
        else:
            found.append(float(tuple(block) in lines) if block else 0.5)
    return np.array(found)


def places(tokens: list[list[str]], segment: str) -> list[tuple[int, ...]]:
    """Return the blocks of each place where a segment's words stand in a row."""
    wanted = SCORE.TOKEN.findall(segment)
    flat = [word for words in tokens for word in words]
    owner = [number for number, words in enumerate(tokens) for _ in words]
    size = len(wanted)
    return [
        tuple(sorted(set(owner[at : at + size])))
        for at in range(len(flat) - size + 1 if size else 0)
        if flat[at] == wanted[0] and flat[at : at + size] == wanted
    ]


@functools.cache
def peers() -> dict[str, Any]:
    """Return the peers that are installed, text in, text out; say which are not."""
    from resiliparse.extract.html2text import extract_plain_text as plain

    found: dict[str, Any] = {}
    try:
        import trafilatura

        whole = functools.partial(trafilatura.extract, include_comments=False)
        found |= {"fast": lambda text: whole(text, fast=True), "default": whole}
    except ImportError as error:
        print(f"trafilatura skipped: {error}")
    try:
        from readability import Document

        found["readability"] = lambda text: plain(Document(text).summary())
    except ImportError as error:
        print(f"readability-lxml skipped: {error}")
    found["resiliparse"] = lambda text: plain(
        text, main_content=True, list_bullets=False, alt_texts=False, comments=False
    )
    return found


def agreed(tokens: list[list[str]], html: str) -> np.ndarray:
    """Return, per block, how far the peers agree that it is text. Raises ImportError where one is missing."""
    if missing := PEER_WEIGHTS.keys() - peers().keys():
        raise ImportError(
            f"weak labels need every peer; not installed: {', '.join(sorted(missing))}"
        )
    total = np.zeros(len(tokens))
    for name, engine in peers().items():
        try:
            text = engine(html) or ""
        except Exception as error:  # a peer may fail on a page in any way; it then has no say
            print(f"{name} failed: {type(error).__name__}")
            text = ""
        total += PEER_WEIGHTS[name] * shared(tokens, text)
    mean = total / sum(PEER_WEIGHTS.values())
    return np.clip((mean - 0.5) * SHARPEN + 0.5, 0, 1)


def weigh(tokens: list[list[str]], words: float, scale: float) -> np.ndarray:
    """Return weights of blocks: their share of the page's gold words, long ones damped."""
    count = np.array([len(words) for words in tokens], float)
    return np.sqrt(np.minimum(count, 400) * count) / max(words, 60) * scale


def gold_examples() -> Iterator[Example]:
    for group, name, data, gold in gold_pages():
        page, found = scanned(data)
        if len(found.spans):
            tokens = words_of(page, found)
            weight = weigh(tokens, len(SCORE.TOKEN.findall(gold)), WEIGHTS[group])
            share = aligned(tokens, gold)
            yield Example(name, group, name, data, gold, page, found, share, weight)


def made_examples() -> Iterator[Example]:
    for kind in KINDS:
        for seed in range(MADE_SEEDS):
            made = make(kind, seed)
            gold = "\n".join(made.gold)
            page, found = scanned(made.html)
            tokens = words_of(page, found)
            weight = weigh(tokens, len(SCORE.TOKEN.findall(gold)), WEIGHTS["made"])
            share = aligned(tokens, gold)
            name = f"{kind} {seed}"
            yield Example(name, "made", name, made.html, gold, page, found, share, weight)


def segment_examples() -> Iterator[Example]:
    for name, data, row in segment_pages():
        page, found = scanned(data)
        if not len(found.spans):
            continue
        tokens = words_of(page, found)
        share = agreed(tokens, decode(data)[0])
        count = np.array([len(words) for words in tokens], float)
        weight = weigh(tokens, float((share * np.sqrt(count * np.minimum(count, 400))).sum()), 0.4)
        weight *= 0.2 + 1.6 * np.abs(share - 0.5)
        wanted = [places(tokens, part) for part in row["with"]]
        banned = [places(tokens, part) for part in row["without"]]
        good, bad = np.zeros(len(tokens)), np.zeros(len(tokens))
        for found_at in wanted:
            if found_at:
                best = max(found_at, key=lambda at: share[list(at)].mean())
                good[list(best)] += 1 / len(best)
        for found_at in banned:
            for at in found_at:
                bad[list(at)] += 1 / len(at) / len(found_at)
        both = good + bad
        told = both > 0
        share[told] = good[told] / both[told]
        weight[told] += SEGMENT_WEIGHT * np.minimum(both[told], 2)
        site = urlparse(row["url"]).netloc or name
        yield Example(
            name, "segments", site, data, "", page, found, share, weight, (wanted, banned)
        )


@functools.cache
def examples() -> list[Example]:
    return [*gold_examples(), *segment_examples(), *made_examples()]


def bound(name: str) -> tuple[float | None, float | None]:
    """Return the range that a column's weight may take."""
    kind, _, group = name.partition(" ")
    known = group if kind in ("near", "far") and group else name
    if known in AGAINST or known.startswith("says"):
        return None, 0
    return (0, None) if known in FOR else (None, None)


def targets(pages: list[Example]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([p.label for p in pages]), np.concatenate([p.weight for p in pages])


def fit(pages: list[Example]) -> np.ndarray:
    """Return the first look: weights of a ridge logistic regression; the first column is the bias."""
    x = np.vstack([page.found.features for page in pages]).astype(np.float64)
    y, w = targets(pages)
    w = w / w.sum() * 100
    ridge = np.full(x.shape[1], RIDGE)
    ridge[0] = 1e-6

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        p = np.clip(1 / (1 + np.exp(-np.clip(x @ beta, -30, 30))), 1e-9, 1 - 1e-9)
        value = -(w * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum()
        return value + 0.5 * (ridge * beta * beta).sum(), x.T @ (w * (p - y)) + ridge * beta

    bounds = [bound(name) for name in FEATURES]
    start = np.zeros(x.shape[1])
    options = {"maxiter": 200}
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x


def columns(page: Example, first: np.ndarray) -> np.ndarray:
    p = first_look(page.found, first)
    return np.hstack([page.found.features, context(page.page, page.found, p)])


def grow(x: np.ndarray, pages: list[Example]) -> list[dict[str, Any]]:
    """Return the trees of the second look, by names of columns."""
    import lightgbm

    y, w = targets(pages)
    data = lightgbm.Dataset(x, y, weight=w / w.mean())
    options = {
        "objective": "cross_entropy",
        "num_leaves": LEAVES,
        "learning_rate": RATE,
        "min_data_in_leaf": 30,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "feature_fraction": 0.4,
        "lambda_l2": 2,
        "max_bin": 63,
        "num_threads": 2,
        "seed": 1,
        "deterministic": True,
        "verbose": -1,
    }
    dumped = lightgbm.train(options, data, num_boost_round=TREES).dump_model()
    names = (*FEATURES, *CONTEXT)
    trees = []
    for tree in dumped["tree_info"]:
        nodes: list[list[Any]] = []
        leaves: list[float] = []

        def add(node: dict[str, Any], nodes: list, leaves: list) -> int:
            if "leaf_value" in node:
                leaves.append(round(node["leaf_value"], 5))
                return -len(leaves)
            place = len(nodes)
            cut = float(np.float32(node["threshold"]))
            nodes.append([names[node["split_feature"]], round(cut, 6), 0, 0])
            nodes[place][2] = add(node["left_child"], nodes, leaves)
            nodes[place][3] = add(node["right_child"], nodes, leaves)
            return place

        if add(tree["tree_structure"], nodes, leaves) == 0:
            trees.append({"nodes": nodes, "leaves": leaves})
    return trees


def train(pages: list[Example]) -> dict[str, Any]:
    """Return a model; the second look learns from first looks at pages they did not see."""
    around: list[np.ndarray] = [np.empty(0)] * len(pages)
    for fold in range(3):
        first = fit([page for n, page in enumerate(pages) if n % 3 != fold])
        for n in range(fold, len(pages), 3):
            around[n] = columns(pages[n], first)
    weights = fit(pages)
    return {
        "threshold": THRESHOLD,
        "bias": 0.0,
        "first": {name: round(float(w), 4) for name, w in zip(FEATURES, weights, strict=True)},
        "trees": grow(np.vstack(around), pages),
    }


def counts(page: Example, model: Model) -> tuple[int, int, int]:
    """Return true and false positives and false negatives (4-grams), or of segments."""
    kept, _ = htmlmodel.choose(page.page, page.found, model)
    if page.group != "segments":
        return SCORE.counts(page.gold, text_of(page.page, page.found.spans, kept), 4)
    wanted, banned = (
        [any(all(kept[b] for b in at) for at in places) for places in part]
        for part in page.segments
    )
    return sum(wanted), sum(banned), len(wanted) - sum(wanted)


def figures(group: str, rows: list[tuple[int, int, int]]) -> tuple[float, float, float]:
    """Return F1, precision and recall: over all segments, or means over pages."""
    if group != "segments":
        s = SCORE.summary(rows)
        return s["f1"], s["precision"], s["recall"]
    tp, fp, fn = np.sum(rows, axis=0)
    return 2 * tp / (2 * tp + fp + fn), tp / (tp + fp), tp / (tp + fn)


def interval(group: str, rows: list[tuple[int, int, int]]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of F1 over pages."""
    return harness.bootstrap(lambda pick: figures(group, [rows[n] for n in pick])[0], len(rows))


def held_out(pages: list[Example]) -> dict[float, dict[str, list]]:
    """Return counts of every page by models that never saw its site, for several thresholds."""
    out: dict[float, dict[str, list]] = {}
    for fold in range(FOLDS):
        model = htmlmodel.load(train([page for page in pages if page.fold != fold]))
        for page in pages:
            if page.fold != fold:
                continue
            for threshold in (THRESHOLD - 0.06, THRESHOLD, THRESHOLD + 0.06):
                row = counts(page, model._replace(threshold=threshold))
                out.setdefault(threshold, {}).setdefault(page.group, []).append(row)
    return out


def report(pages: list[Example]) -> None:
    for threshold, groups in held_out(pages).items():
        for group, rows in groups.items():
            f1, precision, recall = figures(group, rows)
            low, high = interval(group, rows)
            print(
                f"unseen sites, threshold {threshold:.2f}  {group:<8} n={len(rows):<3} F1 {f1:.4f} "
                f"[{low:.4f}, {high:.4f}] P {precision:.4f} R {recall:.4f}",
                flush=True,
            )


def write(pages: list[Example]) -> None:
    path = ROOT / "corpusforge" / "extract" / "html_weights.json"
    path.write_text(json.dumps(train(pages), separators=(",", ":")) + "\n", "utf-8")
    print(f"wrote {path.name}")


def main() -> None:
    options = harness.arguments(__doc__)
    options.add_argument("--write", action="store_true", help="train on all pages, write the model")
    options.add_argument("--skip-validation", action="store_true")
    given = options.parse_args()
    pages = examples()
    if given.write:
        write(pages)
    if not given.skip_validation:
        report(pages)


if __name__ == "__main__":
    main()
