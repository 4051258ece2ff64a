"""The picture of `corpusforge view` in the documentation: `python -m benchmarks.view_screenshot`.

Makes the first stage of the forum of docs/view.md, takes the tutorial's clicks in Chromium, prints what the
page then says and saves docs/view.png.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

from benchmarks import chromium, harness
from corpusforge.view.run_site import run_site
from corpusforge.view.server import serve
from corpusforge.view.tables import open_run
from pipelines import pretrain_mix

PICTURE = harness.ROOT / "docs" / "view.png"
RECIPE = harness.ROOT / "examples" / "forum" / "forum.toml"


def main() -> int:
    """Save the picture; exit code 3 where no browser is installed."""
    harness.arguments(__doc__).parse_args()
    if lacking := chromium.lacking():
        print(f"skipped: {lacking}")
        return 3
    with tempfile.TemporaryDirectory() as scratch, chromium.browser() as browser:
        run = str(Path(scratch) / "runs" / "forum")
        options = ["--recipe", str(RECIPE), "--output", run, "--until", "documents", "--quiet"]
        pretrain_mix.run(options)
        with serve(run_site(open_run(run))) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            page = browser.new_page(viewport={"width": 1000, "height": 1120})
            page.goto(server.url)
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
            page.evaluate("document.getElementById('run').textContent = 'forum · runs/forum'")
            page.evaluate("document.activeElement.blur()")
            page.screenshot(path=str(PICTURE))
            server.shutdown()
    print(f"{PICTURE.name}: {PICTURE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
