"""Writes `constraints.txt`: the versions installed here of everything the package needs at run time.

python containers/pin.py > containers/constraints.txt
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield `name==version` of a package and all it requires, each once."""
    own = distribution(name)
    for text in own.requires or ():
        wanted = Requirement(text)
        markers = [{"extra": extra} for extra in (extras or {""})]
        if wanted.marker and not any(wanted.marker.evaluate(marker) for marker in markers):
            continue
        key = (canonicalize_name(wanted.name), ",".join(sorted(wanted.extras)))
        if key in seen:
            continue
        seen.add(key)
        try:
            yield f"{key[0]}=={distribution(wanted.name).version}"
        except PackageNotFoundError:
            print(f"not installed here: {wanted}", file=sys.stderr)
            continue
        yield from needed(wanted.name, frozenset(wanted.extras), seen)


if __name__ == "__main__":
    print("\n".join(sorted(set(needed("corpusforge", frozenset(sys.argv[1:]), set())))))
