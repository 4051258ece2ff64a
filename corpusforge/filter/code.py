"""Rules for source code: line lengths, alphanumeric share, generated, minified, vendored, data.

Line and alphanumeric bounds are Codex's (Chen et al. 2021) as BigCode applies them, the share
being of visible characters here, since columns of spaces (C macros) are no symbols. Files of a
code tree whose `meta.format` is "text" (readme, licence) may have lines of any length. What a
reader knows of a file comes as words in `meta.flags` ("generated,minified,vendored,data_like").
Limits: no per-extension table, since the reader already refuses data formats; comments are
counted, not judged.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from corpusforge.filter.rules import F64, Bound, Ratio, RuleSet

__all__ = ["CODE", "FLAGS"]

FLAGS = ("generated", "minified", "vendored", "data_like")
_CODEX = "Chen et al. 2021"


def _derive(stats: pa.RecordBatch | pa.Table, meta: pa.RecordBatch | pa.Table) -> Mapping[str, F64]:
    """Return flag_<name>, 1.0 where `meta.flags` holds the name, and line lengths, 0 for prose."""
    names = meta.schema.names
    none = [""] * stats.num_rows
    flags = meta.column("flags").to_pylist() if "flags" in names else none
    formats = meta.column("format").to_pylist() if "format" in names else none
    rows = [set((text or "").split(",")) for text in flags]
    code = np.array([name != "text" for name in formats], dtype=np.float64)
    lengths = {
        name: np.asarray(stats.column(name), dtype=np.float64) * code
        for name in ("longest_line", "line_chars")
    }
    return lengths | {
        f"flag_{flag}": np.array([flag in row for row in rows], dtype=np.float64) for flag in FLAGS
    }


def _flag(name: str) -> Bound:
    return Bound(
        name=name,
        statistic=Ratio((f"flag_{name}",)),
        high=0,
        unit="flag of the reader",
        source="corpusforge",
    )


CODE = RuleSet(
    name="code.v1",
    derive=_derive,
    bounds=(
        *(_flag(name) for name in FLAGS),
        Bound(
            name="generated_mark",
            statistic=Ratio(("phrase_generated",)),
            high=0,
            unit="marks of generated code among the first 120 words",
            source=_CODEX,
        ),
        Bound(
            name="longest_line",
            statistic=Ratio(("longest_line",)),
            high=1000,
            unit="characters",
            source=_CODEX,
        ),
        Bound(
            name="mean_line",
            statistic=Ratio.of("line_chars / lines"),
            high=100,
            unit="characters a line",
            source=_CODEX,
        ),
        Bound(
            name="alphanumeric",
            statistic=Ratio.of("(letters + digits) / (chars - spaces)"),
            low=0.25,
            unit="share of visible characters",
            source="BigCode",
        ),
        Bound(
            name="digits",
            statistic=Ratio.of("digits / (letters + digits)"),
            high=0.6,
            unit="share of letters and digits: tables of numbers",
            source="corpusforge",
        ),
        Bound(
            name="long_words",
            statistic=Ratio.of("long_word_chars / chars"),
            high=0.2,
            unit="share of characters in words of 64 and more: encoded data",
            source="corpusforge",
        ),
        Bound(
            name="words",
            statistic=Ratio(("words",)),
            low=5,
            unit="words",
            source="corpusforge",
        ),
    ),
)
