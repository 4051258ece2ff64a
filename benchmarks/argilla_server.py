"""What Argilla's own server code says of files, for `argilla_schema`; run by an interpreter that has it.

    PYTHON_WITH_ARGILLA_SERVER -m benchmarks.argilla_server FILE ...

Makes an object of every dataset, field, question, property, record and answer; a refusal is an error.
Needs `argilla-server`; nothing of corpusforge.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from benchmarks import harness


def check(paths: list[str]) -> int:
    """Return how many objects the server's classes take."""
    from argilla_server.api.schemas.v1.datasets import DatasetCreate
    from argilla_server.api.schemas.v1.fields import FieldCreate
    from argilla_server.api.schemas.v1.metadata_properties import MetadataPropertyCreate
    from argilla_server.api.schemas.v1.questions import QuestionCreate
    from argilla_server.api.schemas.v1.records import RecordCreate
    from argilla_server.api.schemas.v1.responses import ResponseCreate

    count = 0
    for name in paths:
        body = json.loads(Path(name).read_text(encoding="utf-8"))
        if name.endswith(".settings.json"):
            keys = ("name", "guidelines", "allow_extra_metadata", "distribution")
            DatasetCreate(workspace_id=uuid.uuid4(), **{key: body[key] for key in keys})
            for kind, key in (
                (FieldCreate, "fields"),
                (QuestionCreate, "questions"),
                (MetadataPropertyCreate, "metadata_properties"),
            ):
                for row in body[key]:
                    kind(**row)
                    count += 1
        else:
            for row in body:
                answers = row.pop("responses", [])
                RecordCreate(**row)
                for answer in answers:
                    ResponseCreate(values=answer["values"], status=answer["status"])
                count += 1 + len(answers)
    return count


if __name__ == "__main__":
    files = harness.arguments(__doc__)
    files.add_argument("files", nargs="+", metavar="FILE")
    harness.figures(check(files.parse_args().files))
