"""A small run for the page's tests: hostile, Chinese and right-to-left documents, made by the first stage."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds

from pipelines import pretrain_mix

if TYPE_CHECKING:
    from corpusforge.view.server import Server

JOURNAL = Path(__file__).resolve().parents[2] / "examples" / "self_instruct" / "journal.jsonl"
"""The replies of the offline demonstration of self_instruct."""
HOSTILE = '<script>document.title = "taken"</script><img src=x onerror="document.title=\'taken\'">&amp;</p>'
PERSIAN = "کشتی صبح زود از بندر رفت و کسی در ساحل نماند."
CHINESE = "顶一下，沙发。楼主好人！"
KEPT = "The keeper of the lighthouse rowed to the pier with a letter and the lamp, and that was all he had. "


def rows() -> list[dict[str, str]]:
    """Eleven documents: of `forum`, two hostile, two Persian, four short Chinese; three that are kept."""
    texts = [HOSTILE, HOSTILE + " again", PERSIAN, PERSIAN + " " + PERSIAN]
    texts += [CHINESE * n for n in (1, 2, 3, 4)]
    texts += [KEPT * n + HOSTILE for n in (2, 3, 4)]
    return [
        {"id": f"{n} {HOSTILE}", "url": f"https://forum.example/{n}?q=\"><b>", "text": text}
        for n, text in enumerate(texts)
    ]  # fmt: skip


def make(folder: Path, *options: str) -> Path:
    """Make the documents stage of a run of those rows under light.v1; return the run."""
    path = folder / "forum.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows()), encoding="utf-8")
    recipe = folder / "forum.toml"
    recipe.write_text(
        'name = "forum"\n[sources.forum]\nkind = "documents"\n'
        f"path = [{json.dumps(str(path))}]\n"
        '[identify]\nengine = "pycld2"\n[filter.rules]\nforum = ["light.v1"]\n',
        encoding="utf-8",
    )
    run = folder / "run"
    pretrain_mix.run(
        ["--recipe", str(recipe), "--output", str(run), "--workers", "1", "--quiet", "--until", "documents",
         "--set", "report.dropped_samples=50", *options]
    )  # fmt: skip
    return run


def stored(run: Path, name: str) -> list[dict]:
    """The rows of a run's table, read by pyarrow."""
    files = sorted(str(path) for path in run.glob(f"{name}/*.parquet" if "*" not in name else name))
    return ds.dataset(files, format="parquet").to_table().to_pylist()


@contextmanager
def served(run: Path, beside: Path | None = None, **choice: Any) -> Iterator[Server]:
    """A server over a directory, beside another if given, answering in a thread."""
    from corpusforge.view.server import serve
    from corpusforge.view.sites import Choice, site_of

    site = site_of(str(run), Choice(beside=str(beside or ""), **choice))
    with serve(site) as own:
        thread = threading.Thread(target=own.serve_forever)
        thread.start()
        try:
            yield own
        finally:
            own.shutdown()
            thread.join()


@contextmanager
def watched(running: Any, server: Server) -> Iterator[Any]:
    """A server's page in a running browser at 1,000 px; fails on any error and any request to elsewhere."""
    context = running.new_context(viewport={"width": 1000, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: errors.append(asked.url)
            if not asked.url.startswith(server.url) else None)  # fmt: skip
    page.goto(server.url)
    try:
        yield page
    finally:
        context.close()
    assert errors == []


def told(page: Any, place: str, text: str) -> None:
    """Wait until a place says a text."""
    from playwright.sync_api import expect

    expect(page.locator(place)).to_contain_text(text)
