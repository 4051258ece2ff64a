"""A real Label Studio server and a real browser: what was dragged is what is imported.

LABEL_STUDIO=.../bin/label-studio pytest -m labelstudio tests/annotate
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import chromium, label_studio

pytestmark = pytest.mark.labelstudio


def test_ranks_dragged_in_a_real_label_studio_are_imported(tmp_path: Path) -> None:
    command = label_studio.server_path()
    lacking = chromium.lacking() or (
        "" if command else "label-studio: set LABEL_STUDIO to its path"
    )
    if lacking:
        pytest.skip(lacking)
    rows = label_studio.check(command, tmp_path)
    assert len(rows) == 6, "three tasks in JSON and JSON-MIN"
    assert [row for row in rows if row[2] is not True] == []
