"""The picture of the offline page in the documentation: `python -m benchmarks.page_screenshot`.

Makes a job of two tasks, opens its page in Chromium, places answers and saves docs/annotate_page.png.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import chromium, harness
from corpusforge.annotate.jobs import Flag, Job, Scale, Words, task_id, write_job
from corpusforge.annotate.records import Candidate, Prompt, Task
from corpusforge.annotate.targets import find_target
from corpusforge.models.records import Message

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "annotate_page.png"
JOB = "j_0123456789ab"
QUESTION = (
    "Why does the Moon always show the same side? Tell it to a ten-year-old. 请用中英文各说一遍。"
)
ANSWERS = (
    "Because it turns once for each time it goes around us. Walk around a chair while you keep "
    "facing it: you turn too!\n因为它绕地球一圈，自己也正好转一圈。",
    "The Moon does not rotate at all.",
    "مرحبا — لأن القمر يدور حول نفسه مرة واحدة في كل دورة.\n<b>markup stays text</b>",
    "Tidal locking equalised the rotation and revolution periods through torque dissipation.",
)


def tasks() -> list[Task]:
    """Two tasks of one rater."""
    made = []
    for number in range(2):
        answers = tuple(
            Candidate(id=f"c_{number}{place}0f", text=text, model="m")
            for place, text in enumerate(ANSWERS)
        )
        order = tuple(answer.id for answer in answers)
        prompt = Prompt(id=f"p_{number}", messages=(Message("user", QUESTION),), origin="labeler")
        made.append(
            Task(id=task_id(JOB, prompt.id, order, "r_01"), job=JOB, kind="ranking", prompt=prompt,
                 candidates=answers, presented_order=order, rater="r_01", batch="r_01-001")
        )  # fmt: skip
    return made


def main() -> int:
    """Save the picture; exit code 3 where no browser is installed."""
    harness.arguments(__doc__).parse_args()
    if lacking := chromium.lacking():
        print(f"skipped: {lacking}")
        return 3
    given = Job(
        id=JOB, kind="ranking", k=4, raters=("r_01",),
        scales=(Scale(name="overall", title=Words(en="Overall quality, 7 is best", zh="总体")),),
        flags=(Flag(name="made_up", title=Words(en="States something false", zh="有不实之处")),
               Flag(name="ignores", title=Words(en="Misses the task", zh="未完成要求"))),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch, chromium.browser() as browser:
        job = write_job(scratch, given, tasks())
        (path,) = find_target("html").write(tasks(), job, scratch)
        page = browser.new_page(viewport={"width": 1200, "height": 860})
        page.goto(Path(path).as_uri())
        for name, place in zip(tasks()[0].presented_order, ("1", "3", "1", "2"), strict=True):
            page.click(f'.answer[data-id="{name}"] [data-place="{place}"]')
        page.locator(".answer input[value='6']").first.check()
        page.evaluate("scrollTo(0, 0)")
        page.mouse.move(0, 0)
        page.screenshot(path=str(PICTURE))
    print(f"{PICTURE.name}: {PICTURE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
