"""What an install brings: megabytes and packages of the default, from what is installed here.

    python -m benchmarks.install_weight

Sizes are those of the files that each package's record names; "goes with it" is what an install
without the requirement would lack.
"""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks import harness


def required(
    distribution: importlib.metadata.Distribution, extras: Iterable[str]
) -> Iterator[Requirement]:
    """Yield what a package needs here, with some of its extras."""
    for text in distribution.requires or ():
        wanted = Requirement(text)
        markers = [{"extra": extra} for extra in ("", *extras)]
        if wanted.marker is None or any(map(wanted.marker.evaluate, markers)):
            yield wanted


def megabytes(distribution: importlib.metadata.Distribution) -> float:
    """Return the size of a package's files that are there."""
    paths = [distribution.locate_file(name) for name in distribution.files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6  # type: ignore[attr-defined]


def closure(roots: Iterable[Requirement]) -> dict[str, float]:
    """Return every package that the roots need, with its megabytes; what is not installed has none."""
    found: dict[str, float] = {}
    todo = list(roots)
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        if name not in found:
            try:
                own = importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                continue
            found[name] = megabytes(own)
            todo += required(own, wanted.extras)
    return found


def main() -> None:
    harness.arguments(__doc__).parse_args()
    project = tomllib.loads((harness.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    roots = [Requirement(text) for text in project["dependencies"]]
    roots = [root for root in roots if root.marker is None or root.marker.evaluate()]
    whole = closure(roots)
    print(f"default: {sum(whole.values()):.0f} MB, {len(whole)} packages\n")
    harness.heads("requirement", "itself, MB", "goes with it, MB", "packages")
    rows = []
    for root in roots:
        rest = closure(other for other in roots if other is not root)
        gone = {name: size for name, size in whole.items() if name not in rest}
        own = whole.get(canonicalize_name(root.name), 0.0)
        rows.append((sum(gone.values()), len(gone), own, root.name))
    for alone, count, own, name in sorted(rows, reverse=True):
        harness.row(name, f"{own:.1f}", f"{alone:.1f}", count)
    print(harness.machine())


if __name__ == "__main__":
    main()
