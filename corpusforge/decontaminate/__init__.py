"""Training text that overlaps evaluation sets: found by one index, cut or dropped, reported.

`EvalIndex` is built once (`pipelines.build_eval_index`); a `Scanner` finds its items in a batch of
texts; `edits` turns hits into rows of `EDITS`; `apply_edits` is what a reader of texts does with
them.
"""

from corpusforge.decontaminate.edits import EDITS, Edit, edits, frequent_grams
from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.items import EvalItem, parse_set, read_items
from corpusforge.decontaminate.scan import HITS, Scanner
from corpusforge.decontaminate.settings import Settings
from corpusforge.text.edits import apply_edits

__all__ = [
    "EDITS",
    "HITS",
    "Edit",
    "EvalIndex",
    "EvalItem",
    "Scanner",
    "Settings",
    "apply_edits",
    "edits",
    "frequent_grams",
    "parse_set",
    "read_items",
]
