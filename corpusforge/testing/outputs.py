"""What a run wrote, to be compared with another: every file that tells no time, by digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["digests"]


def digests(run: Path, *folders: str) -> dict[str, str]:
    """Return the SHA-256 of what stages write, without manifests and receipts, by path in the run.

    `folders`: of these stages only.
    """
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders or ("*",)
        for path in sorted(run.glob(f"{folder}/**/*"))
        if path.is_file() and path.name != "manifest.json" and "_receipts" not in path.parts
    }
