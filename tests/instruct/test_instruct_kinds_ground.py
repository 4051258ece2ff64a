"""Grounded pairs: passages, quotes that are looked up, pairs by hand, a pretraining run's survivors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinds_kit import ALL_REPLIES, Script
from loop_kit import Told

from corpusforge.errors import InputError
from corpusforge.instruct.accounts import Origin
from corpusforge.instruct.ground import cut_passages, draw_passages, find_quote, make_grounded
from corpusforge.instruct.ground.passages import Document, Passage, read_documents
from corpusforge.instruct.kinds.run import job
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.session import run
from corpusforge.models.client import Client
from corpusforge.models.records import Sampling

TEXT = (
    "The lighthouse at Sumburgh\nwas built in 1821. Its keeper kept a diary,\n and he counted birds.\n\n"
    "Nobody read the diary before 1950."
)
DOCUMENT = Document(id="d1", text=TEXT, source="web", url="https://example.org/a", licence="CC0")
PASSAGE = Passage(id="p1", document=DOCUMENT, text=TEXT, start=0, end=len(TEXT))


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("Its keeper kept a diary, and he counted birds.",
         "Its keeper kept a diary,\n and he counted birds."),
        ("at Sumburgh was built", "at Sumburgh\nwas built"),
        ("“Nobody read the diary before 1950.”", "Nobody read the diary before 1950."),
        ("  birds.\tNobody ", "birds.\n\nNobody"),
        ("its keeper kept a diary", None),
        ("The lighthouse … was built", None),
        ("built in 1822", None),
        ("lighthouseat", None),
        ("", None),
        ("   ", None),
        ('""', None),
    ],
)  # fmt: skip
def test_quotes(quote: str, expected: str | None) -> None:
    found = find_quote(quote, TEXT)
    assert (TEXT[slice(*found)] if found else None) == expected


def test_chinese_quotes_pass_over_line_breaks() -> None:
    text = "灯塔建于一八二\n一年，　守塔人写日记 ABC def。"
    assert find_quote("灯塔建于一八二一年，守塔人写日记ABC def", text) == (0, len(text) - 1)
    assert find_quote("「守塔人写日记」", text) == (12, 18)
    assert find_quote("ABCdef", text) is None
    assert find_quote("ABC灯塔", "see ABC\n灯塔") == (4, 10)
    assert find_quote("灯塔ABC", "灯塔\nABC") == (0, 6)


@given(st.text(alphabet="ab 汉\n\t。", max_size=30), st.data())
def test_every_stretch_of_a_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    quote = text[start:end]
    found = find_quote(quote, text)
    if not quote.strip():
        assert found is None
        return
    assert found is not None
    shown = text[slice(*found)]
    assert "".join(shown.split()) == "".join(quote.split())


def test_passages_by_hand() -> None:
    text = "One one one.\n\nTwo two two.\nThree is a paragraph. That is longer than it may be.\n\nx"
    document = Document(id="d", text=text)
    found = [one.text for one in cut_passages(document, 30)]
    assert found == ["One one one.\n\nTwo two two.", "Three is a paragraph.",
                     "That is longer than it may be."]  # fmt: skip
    for one in cut_passages(document, 30):
        assert text[one.start : one.end] == one.text


@given(st.text(alphabet="ab. 。\n", max_size=200), st.integers(4, 60))
def test_passages_are_stretches_of_their_text_in_order(text: str, most: int) -> None:
    place = 0
    for one in cut_passages(Document(id="d", text=text), most):
        assert place <= one.start < one.end
        assert text[one.start : one.end] == one.text == one.text.strip()
        assert len(one.text) <= most <= 4 * len(one.text)
        place = one.end


def test_the_draw_does_not_depend_on_the_order_of_documents() -> None:
    documents = [Document(id=f"d{n}", text=f"Paragraph {n} of the text. " * 5) for n in range(30)]
    first = draw_passages(documents, ("en",), 7, 200, 0)["en"]
    again = draw_passages(documents[::-1], ("en",), 7, 200, 0)["en"]
    assert [one.id for one in first] == [one.id for one in again]
    assert [one.id for one in first][:3] == [
        one.id for one in draw_passages(documents, ("en",), 3, 200, 0)["en"]
    ]


def pairs(reply: str, **plan):
    settings = Settings(kinds=("grounded",), ground="-", write=Sampling(), **plan)
    with Client(Told(lambda request: reply)) as client:
        (part,) = make_grounded(
            "en", [PASSAGE], settings, client.complete,
            Origin(engine="told", model="told-1"), lambda rows: [None] * len(rows),
        )  # fmt: skip
    return part


def test_a_pair_by_hand() -> None:
    part = pairs(
        "Question: What did the keeper count?\nAnswer: He counted birds.\n"
        "Quote: Its keeper kept a diary, and he counted birds."
    )
    (row,) = part.rows
    assert (row.kind, row.instruction, row.input, row.output) == (
        "grounded", "What did the keeper count?", TEXT, "He counted birds.",
    )  # fmt: skip
    assert row.reasoning == "Its keeper kept a diary, and he counted birds."
    assert row.lineage.parents == ("d1",) and row.task == "grounded.d1"
    (ground,) = part.tables["grounds.jsonl"]
    assert (ground.row, ground.document, ground.url, ground.licence) == (
        row.id, "d1", "https://example.org/a", "CC0",
    )  # fmt: skip
    assert TEXT[ground.start : ground.end] == ground.quote
    assert ground.quote == "Its keeper kept a diary,\n and he counted birds."


@pytest.mark.parametrize(
    ("reply", "rules"),
    [
        ("I cannot see a passage.", ["no_fields"]),
        ("Question: Who?\nAnswer: He.", ["no_fields"]),
        ("Question: Who wrote it?\nAnswer: The keeper.\nQuote: The keeper wrote a diary.", ["quote"]),
        ("Question: Who wrote it?\nAnswer: The keeper.\nQuote: keeper", ["quote"]),
        ("Question: When was it built?\nAnswer: In 1812.\nQuote: was built in 1821.",
         ["foreign_number"]),
        ("Question: When was it built?\nAnswer: the answer in your own words, complete, from the passage "
         "alone\nQuote: was built in 1821.", ["copied_prompt"]),
        ("Question: When was it built?\nAnswer: n/a\nQuote: was built in 1821.", ["placeholder"]),
        ("Question: When?\nAnswer: In 1821.\nQuote: was built in 1821.\n\n" * 2, ["duplicate"]),
        ("Question: When?\nAnswer: In 1821.\nQuote: was built in 1821.\n\nQuestion: Why?\n"
         "Answer: Birds.\nQuote: he counted birds.", ["surplus"]),
    ],
)  # fmt: skip
def test_pairs_that_do_not_hold(reply: str, rules: list[str]) -> None:
    part = pairs(reply, questions=1 if rules == ["surplus"] else 3)
    assert [one.rule for one in part.rejects] == rules
    assert len(part.rows) == (1 if rules in (["duplicate"], ["surplus"]) else 0)


def test_documents_of_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text(json.dumps({"id": "a", "text": "x", "lang": "en", "other": 1}) + "\n"
                    + json.dumps({"text": "汉字"}) + "\n")  # fmt: skip
    first, second = read_documents(str(path))
    assert (first.id, first.lang, second.text) == ("a", "en", "汉字")
    assert len(second.id) == 32
    (tmp_path / "bad.jsonl").write_text('{"content": "x"}\n')
    with pytest.raises(InputError, match="row 1 has no `text`"):
        list(read_documents(str(tmp_path / "bad.jsonl")))
    with pytest.raises(InputError, match="neither a run"):
        list(read_documents(str(tmp_path / "none")))


def test_a_pretraining_run_gives_what_it_kept(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from corpusforge.records import DOCUMENT as SCHEMA

    rows = [
        {"id": f"d{n}", "source": "s", "category": "web", "format": "text", "locator": str(n),
         "origin": "human", "lang": "en", "text": f"Document {n}."} for n in range(4)
    ]  # fmt: skip
    (tmp_path / "documents").mkdir()
    (tmp_path / "quality").mkdir()
    part = "part-00000.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), tmp_path / "documents" / part)
    assert [one.id for one in read_documents(str(tmp_path))] == ["d0", "d1", "d2", "d3"]
    kept = pa.table({"kept": [True, False, True, False]})
    pq.write_table(kept, tmp_path / "quality" / part)
    (tmp_path / "quality" / "manifest.json").write_text("{}")
    found = list(read_documents(str(tmp_path)))
    assert [(one.id, one.text, one.source) for one in found] == [
        ("d0", "Document 0.", "s"), ("d2", "Document 2.", "s"),
    ]  # fmt: skip


def test_a_whole_run_of_pairs(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    sentence = "The mill by the river ground oats for the village and stood for many years. "
    zh = "河边的磨坊为村里磨燕麦，多年来一直立在那里，直到最后一任磨坊主离开。"
    rows = [{"id": f"e{n}", "text": sentence * 6, "lang": "en"} for n in range(12)]
    rows += [{"id": f"z{n}", "text": zh * 12, "lang": "zh"} for n in range(12)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = Settings(kinds=("grounded",), languages=("en", "zh"), each=10, ground=str(path),
                        passage=400, questions=2)  # fmt: skip
    output = tmp_path / "out"
    with Client(Script(ALL_REPLIES), tmp_path / "journal.jsonl") as client:
        done = run(job(settings), str(output), client, formats=("alpaca",))
    assert done.error is None
    refused = done.report.steps["en"]["grounded.write"].rejected
    assert refused.get("quote", 0) > 0
    texts = {row["id"]: row["text"] for row in rows}
    grounds = [json.loads(line) for line in (output / "grounds.jsonl").read_text().splitlines()]
    assert len(grounds) == sum(kinds["grounded"] for kinds in done.report.rows.values()) > 10
    for one in grounds:
        assert texts[one["document"]][one["start"] : one["end"]] == one["quote"]


def test_a_document_that_does_not_say_its_language_is_identified():
    written = {
        "en": "The ferry leaves the harbour at seven, and the first bus from the hills waits for it.",
        "zh": "渡船早上七点离开码头，山里来的头班车会等它，所以赶集的人不用着急。",
        "de": "Die Fähre verlässt den Hafen um sieben, und der erste Bus aus den Bergen wartet auf sie.",
        "es": "El barco sale del puerto a las siete, y el primer autobús de la sierra lo espera siempre.",
    }
    for language, text in written.items():
        assert Document(id="a", text=text).language == language
    assert Document(id="a", text=written["de"], lang="zh-Hant").language == "zh"
    documents = [Document(id=name, text=f"{text}\n\n" * 3) for name, text in written.items()]
    drawn = draw_passages(documents, ("en", "zh"), 9, 100, 0)
    assert {one.document.id for found in drawn.values() for one in found} == {"en", "zh"}
