"""A job through a real Label Studio: created by its API, ranked by drag in a browser, read back.

    python -m benchmarks.label_studio [--label-studio PATH]

Starts the server on loopback in a scratch directory, makes a project from a job of three tasks (one
with hostile text), drags the answers of each into places as a plan says, ties and one "cannot be
ranked" among them, submits, exports as JSON and JSON-MIN, imports both and compares. Needs
`label-studio` (on PATH, or LABEL_STUDIO, or the option; an environment of its own is best),
playwright and Chromium. Exit code 1 where a rank differs, 3 where something is not installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks import chromium, harness
from corpusforge.annotate.imports.run import import_answers
from corpusforge.annotate.imports.state import read_rankings
from corpusforge.annotate.jobs import Flag, Job, Scale, Words, read_tasks, task_id, write_job
from corpusforge.annotate.records import Candidate, Prompt, Task
from corpusforge.annotate.targets import find_target
from corpusforge.annotate.targets.labelstudio_api import Server
from corpusforge.models.records import Message

TOKEN = "0123456789abcdef0123456789abcdef01234567"
MAIL, PASSWORD = "rater@example.org", "only-on-loopback"
HOSTILE = (
    "<script>document.title='pwned'</script><b>bold?</b>\n\u202eright to left\u202c " + "x" * 400
)

# places in presented order: (bucket of A, of B, of C, of D)
PLANS = (
    ("t1", "t2", "t1", "t3"),
    ("t4", "t3", "t2", "t1"),
    ("t2", "t1", "unrankable", "t2"),
)
TEXTS = ("Four.", "It is 4, since 2 + 2 = 4.", "五", HOSTILE)


def server_path(named: str = "") -> str:
    """The label-studio command, "" where there is none."""
    return named or os.environ.get("LABEL_STUDIO") or shutil.which("label-studio") or ""


def tasks(job: str) -> list[Task]:
    """Three tasks of one rater with K = 4."""
    made = []
    for number in range(3):
        answers = tuple(
            Candidate(id=f"c_{number}{place}ab", text=text, model="m")
            for place, text in enumerate(TEXTS)
        )
        prompt = Prompt(
            id=f"p_{number}", messages=(Message("user", f"{number} + 4 ="),), origin="labeler"
        )
        order = tuple(answers[(place + number) % 4].id for place in range(4))
        made.append(
            Task(
                id=task_id(job, prompt.id, order, "r_01"), job=job, kind="ranking", prompt=prompt,
                candidates=answers, presented_order=order, rater="r_01", batch="r_01-1",
            )
        )  # fmt: skip
    return made


def wanted(
    task: Task, plan: tuple[str, ...]
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Tiers and unrankable that a plan asks for."""
    by_bucket: dict[str, list[str]] = {}
    for name, bucket in zip(task.presented_order, plan, strict=True):
        by_bucket.setdefault(bucket, []).append(name)
    left = tuple(by_bucket.pop("unrankable", ()))
    return tuple(tuple(by_bucket[bucket]) for bucket in sorted(by_bucket)), left


@contextlib.contextmanager
def running(command: str, directory: Path) -> Iterator[str]:
    """A server on a free loopback port; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(directory),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "COLLECT_ANALYTICS": "0",
        "LATEST_VERSION_CHECK": "0",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LABEL_STUDIO_HOST": "",
    }
    options = ["--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    user = ["--username", MAIL, "--password", PASSWORD, "--user-token", TOKEN]
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [command, "start", *options, *user],
            cwd=directory, env={**os.environ, **settings}, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            wait(address, process, directory / "server.log")
            yield address
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def wait(address: str, process: subprocess.Popen, log: Path, seconds: float = 240) -> None:
    """Wait until the server answers; its first start makes its database."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(f"{address}/api/version", timeout=5).read()
            return
        time.sleep(1)
    raise SystemExit(f"label-studio did not start:\n{log.read_text(errors='replace')[-2000:]}")


def drag(page, item: str, bucket: str) -> None:
    """Drag a card into a bucket with the mouse, as a person does."""
    card = page.locator(f'[data-rbd-draggable-id="{item}"]')
    zone = page.locator(f'[data-rbd-droppable-id="{bucket}"]')
    card.scroll_into_view_if_needed()
    box, goal, grip = card.bounding_box(), zone.bounding_box(), card.locator("h5").bounding_box()
    x, y = grip["x"] + 10, grip["y"] + 8
    # the card's centre, not the pointer, decides where it falls
    off_x, off_y = x - (box["x"] + box["width"] / 2), y - (box["y"] + box["height"] / 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y + 8, steps=3)
    page.mouse.move(goal["x"] + goal["width"] / 2 + off_x,
                    goal["y"] + 40 + box["height"] / 2 + off_y, steps=15)  # fmt: skip
    page.wait_for_timeout(200)
    page.mouse.up()
    inside = f'[data-rbd-droppable-id="{bucket}"] [data-rbd-draggable-id="{item}"]'
    page.locator(inside).wait_for(timeout=10_000)
    page.wait_for_timeout(500)  # the drop is animated; a drag begun in it is ignored


def rank(address: str, project: int, made: list[Task]) -> None:
    """Log in and rank the three tasks in the order the server gives them."""
    by_item = {task.presented_order[0]: number for number, task in enumerate(made)}
    with chromium.browser() as browser:
        page = browser.new_page(viewport={"width": 1600, "height": 1500})
        page.goto(f"{address}/user/login/")
        page.fill("input[name=email]", MAIL)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_load_state()
        page.goto(f"{address}/projects/{project}/data?labeling=1")
        left = set(range(len(made)))
        for _ in made:
            page.wait_for_function(
                "names => names.some(n => document.querySelector(`[data-rbd-draggable-id='${n}']`))",
                arg=[made[number].presented_order[0] for number in left],
            )
            page.wait_for_timeout(1000)
            page.keyboard.press("Escape")  # the instructions
            page.wait_for_timeout(500)
            shown = page.locator("[data-rbd-draggable-id]").all()
            order = [card.get_attribute("data-rbd-draggable-id") for card in shown]
            number = by_item[order[0]]
            assert tuple(order) == made[number].presented_order, "shown in another order"
            assert page.title() != "pwned", "hostile text was run"
            for name, bucket in zip(order, PLANS[number], strict=True):
                drag(page, name, bucket)
            page.get_by_text("I have placed every answer").click()
            page.get_by_role("button", name="Submit").first.click()
            left.remove(number)
            page.wait_for_function(
                "n => !document.querySelector(`[data-rbd-draggable-id='${n}']`)", arg=order[0]
            )


def check(command: str, directory: Path) -> list[tuple[str, str, bool]]:
    """Run the whole round; return (task, what, equal) rows."""
    name = "j_0123456789ab"
    words = Words(en="**Read** every answer.\n\n1. Then rank.", zh="请阅读。")
    given = Job(
        id=name, kind="ranking", k=4, raters=("r_01",), guidelines=words, warning=words,
        scales=(Scale(name="overall"),), flags=(Flag(name="harmful", title=Words(en="Harmful")),),
    )  # fmt: skip
    job = write_job(str(directory / "job"), given, tasks(name))
    made = list(read_tasks(str(directory / "job")))
    files = find_target("label-studio").write(made, job, str(directory / "job" / "label-studio"))
    rows = []
    (directory / "server").mkdir()
    with running(command, directory / "server") as address:
        server = Server(address, TOKEN)
        project = server.create(files[1], files[2])
        rank(address, project, made)
        for kind, short in (("JSON", False), ("JSON-MIN", True)):
            export = str(directory / f"{kind}.json")
            server.export(project, export, short=short)
            import_answers(str(directory / "job"), [export], str(directory / kind))
            found = {row.task: row for row in read_rankings(str(directory / kind))}
            for task, plan in zip(made, PLANS, strict=True):
                row = found.get(task.id)
                same = row is not None and (row.tiers, row.unrankable) == wanted(task, plan)
                rows.append((f"{kind} {task.prompt.id}", " ".join(plan), same and row.confirmed))
        server.delete(project)
    return rows


def main() -> int:
    """Print a row per task and export form."""
    options = harness.arguments(__doc__)
    options.add_argument("--label-studio", default="", metavar="PATH")
    command = server_path(options.parse_args().label_studio)
    lacking = chromium.lacking() or ("" if command else "label-studio is not installed")
    if lacking:
        print(f"skipped: {lacking}")
        return 3
    with tempfile.TemporaryDirectory() as scratch:
        rows = check(command, Path(scratch))
    print(f"{'export, prompt':<18} {'dragged: A B C D':<24} imported")
    for place, plan, same in rows:
        print(f"{place:<18} {plan:<24} {'the same' if same else 'DIFFERENT'}")
    return 0 if all(same for *_, same in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
