"""Label Studio: an interface, tasks and a project a batch (its free edition cannot assign tasks).

Candidates are ranked into buckets: one a tier, so that ties exist, one for answers that cannot be
ranked, and a default one where all answers start, so that an untouched task is no ranking. A required
confirm control tells a finished ranking from a started one. Formats: Label Studio 1.23, its own
documentation and a running server. Limits: labels and data keys of a project are fixed, so each K is
a project of its own; a pairwise choice has no tie of its own and takes it from the confirm control.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Xml

import msgspec

from corpusforge.annotate.imports.answers import judge_all
from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.jobs import Job, Scale
from corpusforge.annotate.records import Ranking, Refused, Task
from corpusforge.annotate.targets import labelstudio_read
from corpusforge.annotate.targets.common import (
    RANKED,
    WRITTEN,
    Sheet,
    answers_of,
    letter,
    marks,
    prompt_text,
    sheets,
)
from corpusforge.io import files

__all__ = ["LabelStudio", "interface", "project", "task_data"]

_STARS = 10
"""Most stars of a Rating control; a wider scale becomes a choice of numbers."""

_STYLE = (
    ".htx-ranker-item, .lsf-richtext__container"
    " { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; }"
)
"""Line breaks are kept, long words wrap, and each paragraph has its own direction."""

_ITEM = re.compile(r"\s*(?:#|[-*] |\d+\. )")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_MARKS = re.compile(r"[*#]+")

_WORDS = {
    "en": {
        "answers": "Answers",
        "answer": "Answer",
        "rank": "Drag each answer into a place. Answers in the same place are tied.",
        "place": "Place",
        "best": "Place 1 (best)",
        "unrankable": "Cannot be ranked",
        "unranked": "Not placed yet",
        "confirm": "When you are done",
        "ranked": "I have placed every answer",
        "chosen": "I have chosen the better answer",
        "tie": "Both answers are equally good",
        "rated": "I have rated every answer",
        "cannot_rank": "I cannot judge these answers",
        "flags": "What is true of",
        "comment": "Comment on",
        "write": "Write your answer here",
        "needed": "Please choose before you submit.",
    },
    "zh": {
        "answers": "回答",
        "answer": "回答",
        "rank": "把每个回答拖到一个名次里。同一名次的回答视为并列。",
        "place": "名次",
        "best": "名次 1（最好）",
        "unrankable": "无法排序",
        "unranked": "尚未放置",
        "confirm": "完成之后",
        "ranked": "我已放置每个回答",
        "chosen": "我已选出较好的回答",
        "tie": "两个回答一样好",
        "rated": "我已为每个回答评分",
        "cannot_rank": "我无法评判这些回答",
        "flags": "符合下列情况：",
        "comment": "评语：",
        "write": "在这里写下你的回答",
        "needed": "提交前请选择。",
    },
}


class LabelStudio:
    """Files NAME.project.json (for the API), NAME.xml and NAME.json (for the import page) a sheet."""

    def write(self, tasks: Sequence[Task], job: Job, directory: str) -> list[str]:
        """Write interface, project and tasks of each sheet; return the paths."""
        paths = []
        for sheet in sheets(tasks, job, directory):
            paths += [files.join(directory, f"{sheet.name}{end}") for end in _ENDS]
            files.write_bytes(paths[-3], interface(sheet, job).encode() + b"\n")
            files.write_bytes(paths[-2], msgspec.json.encode(project(sheet, job)) + b"\n")
            with files.atomic_write(paths[-1]) as stream:
                for number, task in enumerate(sheet.tasks):
                    row = {"data": task_data(task, job, sheet.language)}
                    stream.write((b",\n" if number else b"[") + msgspec.json.encode(row))
                stream.write(b"]\n")
        return paths

    def read(
        self,
        paths: Sequence[str],
        tasks: Mapping[str, Task],
        job: Job,
        settings: Settings | None = None,
    ) -> Iterator[Ranking | Refused]:
        """Yield one Ranking or Refused for each annotation and draft of an export of any of four forms."""
        for path in paths:
            rows = labelstudio_read.answers(path, tasks)
            yield from judge_all(rows, tasks, job, settings or Settings())

    def owns(self, row: Any) -> bool:
        """Whether this is a task of a JSON export or a row of a JSON-MIN export."""
        return isinstance(row, dict) and (
            "annotations" in row or "annotation_id" in row or "completions" in row
        )


_ENDS = (".xml", ".project.json", ".json")


def project(sheet: Sheet, job: Job) -> dict[str, Any]:
    """Return the body of `POST /api/projects` for a sheet."""
    said = [text.say(sheet.language) for text in (job.warning, job.guidelines)]
    shown = "".join(_rich(text) for text in said)
    return {
        "title": f"{job.id} {sheet.name}"[:50],
        "description": f"job {job.id}, checksum {job.checksum}, batch {sheet.batch}",
        "label_config": interface(sheet, job),
        "expert_instruction": shown,
        "show_instruction": bool(shown),
        "maximum_annotations": 1,
        "show_skip_button": True,
        "enable_empty_annotation": False,
    }


def _rich(text: str) -> str:
    """Return Markdown as the few HTML elements the instructions keep: styles are taken out there."""
    rows: list[str] = []
    for line in text.splitlines():
        if _ITEM.match(line) or not line.strip() or not rows or not rows[-1]:
            rows.append(line.strip())
        else:
            rows[-1] += " " + line.strip()
    paragraphs = (_BOLD.sub(r"<b>\1</b>", html.escape(row, quote=False)) for row in rows if row)
    return "".join(
        f"<h3>{row.lstrip('# ')}</h3>" if row.startswith("#") else f"<p>{row}</p>"
        for row in paragraphs
    )


def task_data(task: Task, job: Job, language: str) -> dict[str, Any]:
    """Return a task's `data`: no key of it is the name of a control (JSON-MIN would overwrite it)."""
    data: dict[str, Any] = {**marks(task, job), "prompt": prompt_text(task, language)}
    word = _WORDS[language]["answer"]
    if task.kind == "ranking":
        data["items"] = [
            {"id": name, "title": f"{word} {letter(place)}", "body": text}
            for place, (name, text) in enumerate(answers_of(task))
        ]
    elif task.kind not in WRITTEN:
        for place, (_, text) in enumerate(answers_of(task), 1):
            data[f"answer_{place}"] = text
    return data


def interface(sheet: Sheet, job: Job) -> str:
    """Return the labelling interface of a sheet as XML."""
    words = _WORDS[sheet.language]
    root = Xml.Element("View")
    Xml.SubElement(root, "Style").text = _STYLE
    if warning := job.warning.say(sheet.language):
        Xml.SubElement(root, "Header", value=_MARKS.sub("", warning).strip(), size="5")
    Xml.SubElement(root, "Text", name="prompt", value="$prompt")
    if job.kind in WRITTEN:
        Xml.SubElement(
            root, "TextArea", name="answer", toName="prompt", placeholder=words["write"], rows="8",
            editable="true", maxSubmissions="1", required="true",
        )  # fmt: skip
    elif job.kind == "ranking":
        _ranker(root, sheet, words)
    else:
        for place in range(1, sheet.k + 1):
            Xml.SubElement(root, "Header", value=f"{words['answer']} {letter(place - 1)}")
            Xml.SubElement(root, "Text", name=f"answer_{place}", value=f"$answer_{place}")
            if job.kind == "rating":  # each answer's scales under it
                _ratings(root, sheet, job, words, place)
    if job.kind == "pairwise":
        Xml.SubElement(root, "Pairwise", name="pair", toName="answer_1,answer_2")
    if job.kind in RANKED:
        for place in range(1, sheet.k + 1):
            _ratings(root, sheet, job, words, place)
    if job.kind not in WRITTEN:
        _confirm(root, job, words)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode")


def _ranker(root: Xml.Element, sheet: Sheet, words: Mapping[str, str]) -> None:
    Xml.SubElement(root, "Header", value=words["rank"], size="5")
    Xml.SubElement(root, "List", name="answers", value="$items", title=words["answers"])
    ranker = Xml.SubElement(root, "Ranker", name="rank", toName="answers")
    Xml.SubElement(ranker, "Bucket", name="t1", title=words["best"])
    for tier in range(2, sheet.k + 1):
        Xml.SubElement(ranker, "Bucket", name=f"t{tier}", title=f"{words['place']} {tier}")
    Xml.SubElement(ranker, "Bucket", name="unrankable", title=words["unrankable"])
    Xml.SubElement(ranker, "Bucket", name="unranked", title=words["unranked"], default="true")


def _ratings(
    root: Xml.Element, sheet: Sheet, job: Job, words: Mapping[str, str], place: int
) -> None:
    """Add the scales and flags of the answer at a place."""
    language = sheet.language
    answer = f"{words['answer']} {letter(place - 1)}"
    object_name = "prompt" if job.kind == "ranking" else f"answer_{place}"
    for scale in job.scales:
        title = scale.title.say(language) or scale.name
        Xml.SubElement(root, "Header", value=f"{answer}: {title}", size="6")
        _scale(root, scale, f"rate_{place}_{scale.name}", object_name)
    if not job.flags:
        return
    Xml.SubElement(root, "Header", value=f"{words['flags']} {answer}", size="6")
    flags = Xml.SubElement(
        root, "Choices", name=f"flags_{place}", toName=object_name, choice="multiple"
    )
    for flag in job.flags:
        Xml.SubElement(
            flags, "Choice", value=flag.title.say(language) or flag.name, alias=flag.name
        )


def _scale(root: Xml.Element, scale: Scale, name: str, object_name: str) -> None:
    # never required: "I cannot judge these answers" needs none; import asks for what is missing
    if scale.low == 1 and scale.high <= _STARS:
        most = str(scale.high)
        Xml.SubElement(root, "Rating", name=name, toName=object_name, maxRating=most)
        return
    choices = Xml.SubElement(root, "Choices", name=name, toName=object_name, choice="single",
                             showInline="true")  # fmt: skip
    for number in range(scale.low, scale.high + 1):
        Xml.SubElement(choices, "Choice", value=str(number))


def _confirm(root: Xml.Element, job: Job, words: Mapping[str, str]) -> None:
    Xml.SubElement(root, "Header", value=words["confirm"], size="5")
    confirm = Xml.SubElement(
        root, "Choices", name="confirm", toName="prompt", choice="single-radio",
        required="true", requiredMessage=words["needed"],
    )  # fmt: skip
    done = {"ranking": "ranked", "pairwise": "chosen"}.get(job.kind, "rated")
    tie = ("tie",) if job.kind == "pairwise" and job.ties else ()
    for name in (done, *tie, "cannot_rank"):
        Xml.SubElement(confirm, "Choice", value=words[name], alias=name)
