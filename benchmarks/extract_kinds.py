"""HTML extraction by kind of page and by element, ours beside its peers, in one run.

    python -m benchmarks.extract_kinds            # 12 pages a kind
    python -m benchmarks.extract_kinds --pages 40

Pages are made (`extract_pages`), with seeds that training never draws: they tell whether structures hold
in many mark-ups and languages, not how the web looks; real pages follow below them. F1 of a kind is of
words, a mean over its pages. An element (row of a table, piece of code, formula, list item, title) counts
as found where it stands whole in the output: a row in one line, code with all its lines and indents, a
formula as its TeX source; as broken where a part of it stands there. Its F1 is of found elements against
broken ones (precision) and all (recall). Intervals are bootstraps over pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import chain

import numpy as np

from benchmarks import harness
from benchmarks.extract_pages import KINDS, MadePage, make
from benchmarks.extract_train import SCORE, gold_pages, peers, segment_pages
from corpusforge.extract import Extracted, Settings, extract
from corpusforge.records import RawDocument
from corpusforge.text.charset import decode

FIRST_SEED, PAGES = 1000, 12
ELEMENTS = ("code", "table", "formula", "list", "title")
Engine = Callable[[bytes, str], str]
Row = tuple[float, float, float]


def ours(data: bytes, _: str) -> str:
    row = extract(RawDocument("page", data, "html"), Settings())
    return row.text if isinstance(row, Extracted) else ""


def engines() -> dict[str, Engine]:
    """Return our engine and the peers that are installed."""
    found: dict[str, Engine] = {"corpusforge": ours}
    for name, engine in peers().items():
        title = f"trafilatura {name}" if name in ("fast", "default") else name
        found[title] = lambda _, text, engine=engine: engine(text) or ""
    return found


def word_counts(gold: str, text: str) -> tuple[int, int, int]:
    """Return true and false positives and false negatives of words, as multisets."""
    a, b = Counter(SCORE.TOKEN.findall(gold)), Counter(SCORE.TOKEN.findall(text))
    same = (a & b).total()
    return same, b.total() - same, a.total() - same


def f1(tp: float, fp: float, fn: float) -> float:
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0


def page_f1(page: MadePage, text: str) -> float:
    """Return the F1 of a page's words; formulas count by themselves, for engines write them apart."""
    for source in page.elements.get("formula", []):
        text = text.replace(source, "")
    return f1(*word_counts("\n".join(page.gold), text))


def element_counts(page: MadePage, text: str) -> dict[str, tuple[int, int, int]]:
    """Return, per element, how many stand whole in the text, how many broken, how many there are."""
    lines = [" ".join(SCORE.TOKEN.findall(line)) for line in text.split("\n")]
    padded = [f" {line} " for line in lines]
    joined = " ".join(lines)
    found = {}
    for element, parts in page.elements.items():
        whole = broken = 0
        for part in parts:
            words = SCORE.TOKEN.findall(part)
            line = f" {' '.join(words)} "
            if element == "code":
                ok = part in text
                some = any(piece.strip() in text for piece in part.split("\n"))
            elif element == "formula":
                ok = part in text.replace(" ", "").replace("\n", "") or part in text
                some = False
            else:
                ok = any(line in row for row in padded)
                some = len(words) > 3 and " ".join(words[-2:]) in joined
            whole += ok
            broken += some and not ok
        found[element] = (whole, broken, len(parts))
    return found


def shown(values: np.ndarray, score: Callable[[np.ndarray], float]) -> str:
    """Return a score of all pages with its interval."""
    low, high = harness.bootstrap(lambda pick: score(values[pick]), len(values))
    return f"{score(values):.3f} [{low:.3f}, {high:.3f}]"


def element_f1(rows: np.ndarray) -> float:
    whole, broken, every = rows.sum(axis=0)
    return float(2 * whole / (whole + broken + every)) if every else 1.0


def made_pages(pages: int) -> list[MadePage]:
    return [make(kind, FIRST_SEED + n) for kind in KINDS for n in range(pages)]


def measure(engine: Engine, pages: list[MadePage]) -> tuple[dict, dict]:
    """Return F1 of words by kind and counts by element, a value or row a page."""
    kinds: dict[str, list[float]] = {}
    elements: dict[str, list[tuple[int, int, int]]] = {}
    for page in pages:
        try:
            text = engine(page.html, page.html.decode())
        except Exception as error:  # a peer may fail on a page in any way: it then found nothing
            print(f"failed on a page of kind {page.kind}: {type(error).__name__}")
            text = ""
        kinds.setdefault(page.kind, []).append(page_f1(page, text))
        for element, row in element_counts(page, text).items():
            elements.setdefault(element, []).append(row)
    return kinds, elements


def segments(engine: Engine) -> np.ndarray:
    """Return hits, wrong ones and all wanted segments of each real page."""

    def words(text: str) -> str:
        return f" {' '.join(SCORE.TOKEN.findall(text))} "

    rows = []
    for _, data, known in segment_pages():
        try:
            text = words(engine(data, decode(data)[0]))
        except Exception:  # as above
            text = ""
        hit = sum(words(part) in text for part in known["with"])
        wrong = sum(words(part) in text for part in known["without"])
        rows.append((hit, wrong, len(known["with"])))
    return np.array(rows)


def gold(engine: Engine, group: str) -> list[tuple[int, int, int]]:
    rows = []
    for where, _, data, text in gold_pages():
        if where == group:
            try:
                rows.append(SCORE.counts(text, engine(data, decode(data)[0]), 4))
            except Exception:  # as above
                rows.append(SCORE.counts(text, "", 4))
    return rows


def speeds(engines: dict[str, Engine], rounds: int = 3) -> dict[str, float]:
    """Return MB of HTML a CPU second of each engine on the news pages, the best of its turns."""
    pages = [(data, decode(data)[0]) for group, _, data, _ in gold_pages() if group == "aeb"]
    size = sum(len(data) for data, _ in pages)

    def work(engine: Engine) -> Callable[[], object]:
        engine(*pages[0])
        return lambda: [engine(*page) for page in pages]

    spent = harness.by_turns({name: work(engine) for name, engine in engines.items()}, rounds)
    return {name: size / min(found) / 1e6 for name, found in spent.items()}


def main() -> None:
    options = harness.arguments(__doc__)
    options.add_argument("--pages", type=int, default=PAGES, help="made pages of each kind")
    options.add_argument("--made-only", action="store_true", help="no real pages, no speed")
    given = options.parse_args()
    pages = made_pages(given.pages)
    table: dict[str, dict[str, str]] = {}
    found = engines()
    for name, engine in found.items():
        kinds, elements = measure(engine, pages)
        for kind, values in [*kinds.items(), ("all kinds", [*chain(*kinds.values())])]:
            cell = shown(np.array(values), lambda part: float(part.mean()))
            table.setdefault(kind, {})[name] = cell
        for element in ELEMENTS:
            cell = shown(np.array(elements[element]), element_f1)
            table.setdefault(f"element {element}", {})[name] = cell
        if given.made_only:
            continue
        rows = segments(engine)
        score = lambda part: f1(  # noqa: E731
            part[:, 0].sum(), part[:, 1].sum(), (part[:, 2] - part[:, 0]).sum()
        )
        table.setdefault("real, segments", {})[name] = shown(rows, score)
        for group, what in (("aeb", "real, news"), ("rdb", "real, reader-mode")):
            table.setdefault(what, {})[name] = f"{SCORE.summary(gold(engine, group))['f1']:.3f}"
    if not given.made_only:
        table["MB/s of HTML"] = {name: f"{rate:.1f}" for name, rate in speeds(found).items()}
    harness.heads("what", *found)
    for what, cells in table.items():
        harness.row(what, *(cells.get(name, "") for name in found))


if __name__ == "__main__":
    main()
