"""The pictures of `corpusforge view` in the documentation: `python -m benchmarks.view_screenshot`.

Makes the first stage of the forum of docs/view.md, takes the tutorial's clicks in Chromium, prints what the
page then says and saves docs/view.png; then a run of the sample, whose stream is docs/view_stream.png.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import chromium, harness
from corpusforge.view.run_site import run_site
from corpusforge.view.server import serve
from corpusforge.view.tables import open_run
from pipelines import pretrain_mix

PICTURE = harness.ROOT / "docs" / "view.png"
STREAM = harness.ROOT / "docs" / "view_stream.png"
RECIPE = harness.ROOT / "examples" / "forum" / "forum.toml"


@contextmanager
def opened(browser: Any, run: str, name: str, height: int) -> Iterator[Any]:
    """A page over a run, which it tells by `name`."""
    with serve(run_site(open_run(run))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page(viewport={"width": 1000, "height": height})
        page.goto(server.url)
        page.wait_for_selector(".rule")
        page.evaluate("name => document.getElementById('run').textContent = name", name)
        yield page
        server.shutdown()


def saved(page: Any, picture: Path) -> None:
    """Save what the page shows."""
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=str(picture))
    print(f"{picture.name}: {picture.stat().st_size} bytes")


def forum(browser: Any, folder: str) -> None:
    """The tutorial's clicks."""
    run = str(Path(folder) / "runs" / "forum")
    options = ["--recipe", str(RECIPE), "--output", run, "--until", "documents", "--quiet"]
    pretrain_mix.run(options)
    with opened(browser, run, "forum · runs/forum", 1120) as page:
        page.click(".rule:has-text('gopher_quality.v1:words')")
        page.wait_for_selector("#dropped .document")
        print(page.inner_text("#rule"))
        page.select_option("#rule-lang", "zh")
        page.click("#move")
        page.wait_for_selector("#near-dropped .document")
        print(page.inner_text("#total"))
        page.fill("#value", "20")
        page.wait_for_selector("#near-kept .document:has-text('value 33')")
        print(page.inner_text("#total"))
        print(page.inner_text("#line"))
        saved(page, PICTURE)


def stream(browser: Any, folder: str) -> None:
    """A place of the sample's stream."""
    run = str(Path(folder) / "runs" / "sample")
    pretrain_mix.run(["--output", run, "--quiet", "--workers", "1"])
    with opened(browser, run, "sample · runs/sample", 900) as page:
        page.goto(f"{page.url.partition('#')[0]}#panel=stream&number=40")
        page.wait_for_selector("#read .document")
        saved(page, STREAM)


def main() -> int:
    """Save the pictures; exit code 3 where no browser is installed."""
    harness.arguments(__doc__).parse_args()
    if lacking := chromium.lacking():
        print(f"skipped: {lacking}")
        return 3
    with tempfile.TemporaryDirectory() as folder, chromium.browser() as browser:
        forum(browser, folder)
        stream(browser, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
