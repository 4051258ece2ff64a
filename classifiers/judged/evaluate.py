"""python -m classifiers.judged.evaluate --positive GLOB… --negative GLOB… --model MODEL"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from classifiers.command import evaluate_main

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return evaluate_main("judged", argv)


if __name__ == "__main__":
    sys.exit(main())
