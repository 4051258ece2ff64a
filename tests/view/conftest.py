"""Runs that several tests of the page look at, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from view_runs import JOURNAL

from examples.annotate import __main__ as annotate
from pipelines import pretrain_mix, self_instruct

OPTIONS = ["--workers", "1", "--quiet", "--set", "report.dropped_samples=50"]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run of the embedded sample, every text of what it dropped kept."""
    output = tmp_path_factory.mktemp("view") / "it's a run"  # names that a query must escape
    pretrain_mix.run(["--output", str(output), *OPTIONS])
    return output


@pytest.fixture(scope="session")
def stricter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first stage of the same under another bound: web pages of at least 250 words."""
    output = tmp_path_factory.mktemp("view") / "other"
    bound = ["--set", 'filter.bounds."gopher_quality.v1".words_low=250']
    pretrain_mix.run(["--output", str(output), "--until", "documents", *OPTIONS, *bound])
    return output


@pytest.fixture(scope="session")
def view(run: Path):
    """The run, opened."""
    from corpusforge.view.tables import open_run  # needs the extra

    return open_run(str(run))


@pytest.fixture(scope="session")
def rows_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The offline demonstration of self_instruct; its replies lie in `JOURNAL`."""
    output = tmp_path_factory.mktemp("view") / "rows"
    options = ["--engine", "replay", "--journal", str(JOURNAL), "--language", "en,zh"]
    self_instruct.main([*options, "--output", str(output)])
    return output


@pytest.fixture(scope="session")
def rankings_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the example of annotate."""
    output = tmp_path_factory.mktemp("view") / "annotate"
    assert annotate.main(["--output", str(output)]) == 0
    return output / "results"


@pytest.fixture(scope="session")
def running():
    """A browser."""
    from benchmarks import chromium

    with chromium.browser() as browser:
        yield browser
