"""Training files from rankings and demonstrations: K-way rows, pairs, and what trainers read.

`write` makes a directory that is a `datasets` directory; `FORMATS` are the formats by name.
"""

from corpusforge.annotate.export.formats import FORMATS
from corpusforge.annotate.export.group import Demonstration, Group, RaterRanks, groups
from corpusforge.annotate.export.table import KWAY
from corpusforge.annotate.export.write import ALL, DEFAULT, write

__all__ = [
    "ALL",
    "DEFAULT",
    "FORMATS",
    "KWAY",
    "Demonstration",
    "Group",
    "RaterRanks",
    "groups",
    "write",
]
