"""Two small runs of the embedded sample, made once: with near copies left in, and without."""

from __future__ import annotations

import pytest

from pipelines import pretrain_mix


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Directories of two finished runs by name."""
    folder = tmp_path_factory.mktemp("ablate")
    found = {}
    for method in ("fuzzy", "exact"):
        found[method] = str(folder / method)
        settings = [f"dedup.method={method}", "tokenize.vocab_size=512", "mix.budget=60000"]
        pretrain_mix.run(
            [
                "--quiet",
                "--workers",
                "1",
                "--output",
                found[method],
                *(f"--set={s}" for s in settings),
            ]
        )
    return found


@pytest.fixture(scope="session")
def unseen() -> list[str]:
    """Texts that no run holds."""
    return [
        "Nobody in the valley remembered why the copper bell hung above the well, nor who first "
        "rang it.",
        "Seven grey herons waited along the drained canal while the engineers argued about sluices "
        "and money.",
    ]
