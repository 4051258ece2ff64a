"""Bytes a document of every file that a run writes: `python -m benchmarks.storage RUN`.

RUN is a complete run made with `--keep all`; documents are those that the first stage kept.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from benchmarks import harness


def main(run: Path) -> None:
    """Print a row for each directory and ending, from the run's manifests."""
    top = json.loads((run / "manifest.json").read_text())
    documents = sum(row["kept"] for row in top["ledger"] if row["stage"] == "filter")
    sizes: Counter[str] = Counter()
    for output in top["outputs"]:
        path = Path(output["path"])
        sizes[f"{path.parent.as_posix()}/*{path.suffix}"] += output["bytes"]
    print(f"{documents:,} documents\n")
    harness.heads("files", "bytes", "bytes per document")
    for name, size in sorted(sizes.items()):
        harness.row(f"`{name}`", f"{size:,}", f"{size / documents:,.1f}")


if __name__ == "__main__":
    options = harness.arguments(__doc__)
    options.add_argument("run", type=Path, metavar="RUN")
    main(options.parse_args().run)
