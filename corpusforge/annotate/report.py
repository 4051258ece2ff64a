"""The annotation report: one HTML file without script, font or address, and figures.json beside it.

jinja2 escapes every value, rater and model names included. Written after each import, of whatever
has been answered by then.
"""

from __future__ import annotations

import numpy as np

from corpusforge.annotate.figures import Figures, write_figures
from corpusforge.annotate.intervals import Interval
from corpusforge.io import files
from corpusforge.report.pages import template

__all__ = ["page", "write_report"]

_NAMES = {
    "length": ("longer", "doubling of characters"),
    "position": ("shown earlier", "place"),
    "extractiveness": ("more copied from the prompt", "tenth of 3-grams"),
    "stock_phrases": ("more stock phrases", "phrase"),
}
_DASH = "–"


def _plain(value: float, digits: int = 2) -> str:
    return _DASH if np.isnan(value) or np.isinf(value) else f"{value:.{digits}f}"


def _rounded(item: Interval) -> str:
    return _plain(item.value, 3)


def _ends(item: Interval) -> str:
    return "" if np.isnan(item.low) else f"{item.low:.3f} to {item.high:.3f}"


def _figure(item: Interval) -> str:
    ends = _ends(item)
    return _rounded(item) + (f" ({ends})" if ends else "")


_FILTERS = (("plain", _plain), ("rounded", _rounded), ("ends", _ends), ("figure", _figure))


def page(found: Figures) -> str:
    """Return the whole HTML page."""
    from corpusforge import __version__

    agreed = found.agreement
    rows = [
        ("pairs in the same order, ties left out", agreed.strict, "pairs", 0.0),
        ("pairs in the same order, ties half", agreed.half, "pairs", 0.0),
        ("Krippendorff’s α of ranks, ordinal", agreed.alpha, "ranks", -0.5),
        ("Kendall’s τ-b, mean of two raters", agreed.tau_b, "rankings", -0.5),
        ("Kendall’s W, mean of prompts", agreed.w, "prompts", 0.0),
        ("pairs that raters tie", agreed.ties, "pairs ranked", 0.0),
    ]
    text: str = template("rankings.html.j2", _FILTERS, "annotate").render(
        data=found, rows=rows, names=_NAMES, version=__version__
    )
    return text


def write_report(found: Figures, directory: str) -> None:
    """Write report.html and figures.json into `directory`."""
    files.write_bytes(files.join(directory, "report.html"), page(found).encode("utf-8"))
    write_figures(found, files.join(directory, "figures.json"))
