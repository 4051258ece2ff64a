"""Every record has a schema, every schema a record, and real rows satisfy them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pyarrow as pa

from corpusforge import records
from schemas import build

FOLDER = Path(build.__file__).parent


def test_the_files_are_what_the_records_say() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert written == build.documents(), "run `python -m schemas.build` and look at the diff"


def test_every_schema_is_a_schema_and_names_its_version() -> None:
    for name, text in build.documents().items():
        schema = json.loads(text)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"corpusforge:{name.removesuffix('.json')}"


def test_a_document_row_satisfies_its_schema_and_a_wrong_one_does_not() -> None:
    schema = json.loads(build.documents()["document.v1.json"])
    document = records.Document(
        id="0" * 32, source="web", category="crawl", format="text", text="文本", locator="a"
    )
    row = pa.Table.from_batches([records.document_batch([document])]).to_pylist()[0]
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(row) is True
    assert validator.is_valid({**row, "id": None}) is False
    assert validator.is_valid({**row, "surprise": 1}) is False
