"""A small run for the page's tests: hostile, Chinese and right-to-left documents, made by the first stage."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import pretrain_mix

if TYPE_CHECKING:
    from corpusforge.view.server import Server

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


@contextmanager
def served(run: Path) -> Iterator[Server]:
    """A server over a run, answering in a thread."""
    from corpusforge.view.server import serve  # needs the extra
    from corpusforge.view.tables import open_run

    with serve(open_run(str(run))) as own:
        thread = threading.Thread(target=own.serve_forever)
        thread.start()
        yield own
        own.shutdown()
        thread.join()
