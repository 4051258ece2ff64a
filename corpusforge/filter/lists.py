"""List files of a recipe: addresses, domains, words; and the rule set over a recipe's own word
lists.

One entry per line, "#" opens a comment; gz, zst and bz2 are read too. `builtin:toxic.en` and
`builtin:toxic.zh` name the lists inside the package. `listed.v1` is meant for toxic words: their
share is always stored as a statistic, and drops a document only where a recipe names the rule set.
Limit: words in, words out; a list knows neither quotation nor irony.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources

from corpusforge.errors import InputError, nearest
from corpusforge.filter.rules import Bound, Ratio, RuleSet
from corpusforge.filter.tables import Patterns, patterns
from corpusforge.io.jsonl import read_lines

__all__ = ["BUILTIN", "LISTED_WORDS", "entries", "load_patterns"]

BUILTIN = ("builtin:toxic.en", "builtin:toxic.zh")
"""Names of the lists inside the package, in place of a path."""

LISTED_WORDS = RuleSet(
    name="listed.v1",
    bounds=(
        Bound(
            name="share",
            statistic=Ratio(("phrase_listed",), ("words",)),
            high=0.01,
            unit="occurrences of listed words per word",
            source="corpusforge",
        ),
    ),
)


def load_patterns(paths: Sequence[str]) -> Patterns:
    """Return the kernel's tables with the words of the files; call once a process."""
    return patterns(tuple(entries(paths)))


def entries(paths: Sequence[str]) -> Iterator[str]:
    """Yield the entries of list files, lower case; raises InputError where one cannot be read."""
    for path in paths:
        try:
            for _, line in read_lines(_path(path)):
                entry = line.decode("utf-8", "replace").split("#", 1)[0].strip().lower()
                if entry:
                    yield entry
        except OSError as error:
            raise InputError(
                f"cannot read the list {path!r}: {error.strerror}. Give a readable file."
            ) from error


def _path(path: str) -> str:
    """Return the file of a list: a builtin one by its name, else the path itself."""
    name = path.removeprefix("builtin:")
    if name == path:
        return path
    if path not in BUILTIN:
        raise InputError(f"no list {path!r}.{nearest(path, BUILTIN)}")
    return str(resources.files("corpusforge.filter").joinpath("words", f"{name}.txt"))
