"""HTML extraction beside its peers: the public 4-gram F1, and MB of HTML per CPU-second, one run.

    python -m benchmarks.extract_quality

Peers that are not installed are skipped with a message. Speed is the best of five passes over the
60 news pages, each engine reading bytes (peers get text decoded beforehand, which favours them).
The paired bootstrap resamples pages 10,000 times. Our shipped weights were trained on these very
pages: the figure that counts for pages never seen is the cross-validated one, which
`python -m benchmarks.extract_train` prints; the bootstrap here is given for that one as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.extract_train import FOLDS, SCORE, counts, examples, gold_pages, train
from corpusforge.extract import Extracted, Settings, extract, htmlmodel
from corpusforge.extract.charset import decode
from corpusforge.records import RawDocument

Engine = Callable[[bytes, str], str]
BOOTSTRAP = 10_000


def ours(data: bytes, _: str) -> str:
    row = extract(RawDocument("page", data, "html"), Settings())
    return row.text if isinstance(row, Extracted) else ""


def peers() -> dict[str, Engine]:
    found: dict[str, Engine] = {}
    try:
        import trafilatura

        found["trafilatura fast"] = lambda _, text: (
            trafilatura.extract(text, fast=True, include_comments=False) or ""
        )
        found["trafilatura default"] = lambda _, text: (
            trafilatura.extract(text, include_comments=False) or ""
        )
        found["trafilatura precision"] = lambda _, text: (
            trafilatura.extract(text, favor_precision=True, include_comments=False) or ""
        )
    except ImportError as error:
        print(f"trafilatura skipped: {error}")
    try:
        from readability import Document
        from resiliparse.extract.html2text import extract_plain_text as plain

        found["readability-lxml"] = lambda _, text: plain(Document(text).summary())
    except ImportError as error:
        print(f"readability-lxml skipped: {error}")
    from resiliparse.extract.html2text import extract_plain_text

    found["resiliparse main"] = lambda _, text: extract_plain_text(
        text, main_content=True, list_bullets=False, alt_texts=False, comments=False
    )
    return found


def speed(engine: Engine, pages: list[tuple[bytes, str]]) -> float:
    size = sum(len(data) for data, _ in pages)
    engine(*pages[0])
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for data, text in pages:
            engine(data, text)
        best = min(best, time.process_time() - start)
    return size / best / 1e6


def paired(mine: list[tuple], theirs: list[tuple]) -> tuple[float, float, float]:
    """Return the 2.5 %, 50 % and 97.5 % points of the difference of F1, pages resampled in pairs."""

    def parts(rows: list[tuple]) -> np.ndarray:
        return np.array([[SCORE.ratio(tp, fp), SCORE.ratio(tp, fn)] for tp, fp, fn in rows])

    a, b = parts(mine), parts(theirs)
    pick = np.random.default_rng(0).integers(0, len(a), (BOOTSTRAP, len(a)))

    def f1(x: np.ndarray) -> np.ndarray:
        p, r = x[pick].mean(axis=1).T
        return 2 * p * r / (p + r)

    return tuple(np.quantile(f1(a) - f1(b), (0.025, 0.5, 0.975)))


def unseen() -> dict[str, tuple]:
    """Return our counts for every page by weights trained on the other folds only."""
    pages = examples()
    rows: dict[str, tuple] = {}
    for fold in range(FOLDS):
        model = htmlmodel.load(train([page for page in pages if page.fold != fold]))
        for page in pages:
            if page.fold == fold and page.group in ("aeb", "rdb"):
                rows[f"{page.group}/{page.name}"] = counts(page, model)
    return rows


def line(name: str, rows: dict[str, tuple], mbs: str) -> None:
    cells = []
    for group in ("aeb", "rdb"):
        s = SCORE.summary([row for key, row in rows.items() if key.startswith(group)])
        cells.append(f"{s['f1']:.4f} ({s['precision']:.4f} / {s['recall']:.4f})")
    print(f"| {name} | {cells[0]} | {cells[1]} | {mbs} |")


def main() -> None:
    gold = {f"{group}/{name}": (data, text) for group, name, data, text in gold_pages()}
    pages = {key: (data, decode(data)) for key, (data, _) in gold.items()}
    news = [page for key, page in pages.items() if key.startswith("aeb")]
    engines = {"corpusforge, shipped weights": ours, **peers()}
    print("| engine | news 60: F1 (P / R) | readability 63: F1 (P / R) | MB/s of HTML |")
    print("|---|---|---|---|")
    results: dict[str, dict[str, tuple]] = {}
    speeds: dict[str, float] = {}
    for name, engine in engines.items():
        results[name] = {k: SCORE.counts(gold[k][1], engine(*pages[k]), 4) for k in gold}
        speeds[name] = speed(engine, news)
        line(name, results[name], f"{speeds[name]:.1f}")
    results["corpusforge, unseen pages"] = unseen()
    line("corpusforge, unseen pages", results["corpusforge, unseen pages"], "as above")
    report(results, speeds)


def report(results: dict[str, dict[str, tuple]], speeds: dict[str, float]) -> None:
    reference = "trafilatura fast"
    if reference not in results:
        return
    keys = sorted(key for key in results[reference] if key.startswith("aeb"))
    theirs = [results[reference][key] for key in keys]
    print()
    for name in ("corpusforge, shipped weights", "corpusforge, unseen pages"):
        low, middle, high = paired([results[name][key] for key in keys], theirs)
        print(
            f"{name} minus {reference}, news n={len(keys)}: {middle:+.4f} [{low:+.4f}, {high:+.4f}]"
        )
    ratio = speeds["corpusforge, shipped weights"] / speeds[reference]
    print(f"speed ratio to {reference}: {ratio:.1f}")


if __name__ == "__main__":
    main()
