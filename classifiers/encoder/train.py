"""python -m classifiers.encoder.train --positive GLOB… --negative GLOB… --output MODEL"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from classifiers.command import train_main

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return train_main("encoder", argv)


if __name__ == "__main__":
    sys.exit(main())
