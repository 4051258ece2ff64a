"""HTML extraction beside its peers: the public 4-gram F1, and MB of HTML per CPU-second, one run.

    python -m benchmarks.extract_quality

Peers that are not installed are skipped with a message, and unseen pages without LightGBM or any peer.
Speed is the best of five passes over the 60 news pages, each engine reading bytes (peers get text decoded
beforehand, which favours them).
The paired bootstrap resamples pages 10,000 times. Our shipped weights were trained on these very
pages: the figure that counts for pages never seen is the cross-validated one, which
`python -m benchmarks.extract_train` prints; the bootstrap here is given for that one as well.
"""

from __future__ import annotations

import numpy as np

from benchmarks import harness
from benchmarks.extract_kinds import Engine, engines, speeds
from benchmarks.extract_train import FOLDS, SCORE, counts, examples, gold_pages, train
from corpusforge.extract import htmlmodel
from corpusforge.text.charset import decode

BOOTSTRAP = 10_000
OURS = "corpusforge"
UNSEEN = f"{OURS}, unseen pages"


def paired(mine: list[tuple], theirs: list[tuple]) -> tuple[float, float, float]:
    """Return the difference of F1 and the ends of its interval, pages resampled in pairs."""

    def parts(rows: list[tuple]) -> np.ndarray:
        return np.array([[SCORE.ratio(tp, fp), SCORE.ratio(tp, fn)] for tp, fp, fn in rows])

    a, b = parts(mine), parts(theirs)

    def f1(x: np.ndarray) -> float:
        p, r = x.mean(axis=0)
        return float(2 * p * r / (p + r))

    low, high = harness.bootstrap(lambda pick: f1(a[pick]) - f1(b[pick]), len(a), BOOTSTRAP)
    return f1(a) - f1(b), low, high


def judged() -> dict[str, Engine]:
    """Return our engine and its peers, with trafilatura's setting for precision."""
    found = engines()
    if "trafilatura fast" in found:
        import trafilatura

        found["trafilatura precision"] = lambda _, text: (
            trafilatura.extract(text, favor_precision=True, include_comments=False) or ""
        )
    return found


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
    harness.row(name, *cells, mbs)


def main() -> None:
    harness.arguments(__doc__).parse_args()
    gold = {f"{group}/{name}": (data, text) for group, name, data, text in gold_pages()}
    pages = {key: (data, decode(data)[0]) for key, (data, _) in gold.items()}
    found = judged()
    rates = speeds(found, 5)
    harness.heads("engine", "news 60: F1 (P / R)", "readability 63: F1 (P / R)", "MB/s of HTML")
    results: dict[str, dict[str, tuple]] = {}
    for name, engine in found.items():
        results[name] = {k: SCORE.counts(gold[k][1], engine(*pages[k]), 4) for k in gold}
        line(
            f"{name}, shipped weights" if name == OURS else name,
            results[name],
            f"{rates[name]:.1f}",
        )
    try:
        results[UNSEEN] = unseen()
        line(UNSEEN, results[UNSEEN], "as above")
    except ImportError as error:
        print(f"{UNSEEN} skipped: {error}")
    report(results, rates)


def report(results: dict[str, dict[str, tuple]], rates: dict[str, float]) -> None:
    reference = "trafilatura fast"
    if reference not in results:
        return
    keys = sorted(key for key in results[reference] if key.startswith("aeb"))
    theirs = [results[reference][key] for key in keys]
    print()
    for name in filter(results.get, (OURS, UNSEEN)):
        apart, low, high = paired([results[name][key] for key in keys], theirs)
        print(
            f"{name} minus {reference}, news n={len(keys)}: {apart:+.4f} [{low:+.4f}, {high:+.4f}]"
        )
    ratio = rates[OURS] / rates[reference]
    print(f"speed ratio to {reference}: {ratio:.1f}")


if __name__ == "__main__":
    main()
