"""The form json in every step with fields: schema, wording and parser follow from the same fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cot_kit import EGGS, play
from loop_kit import Told
from test_instruct_evolve import TEA
from test_instruct_evolve import play as evolve
from test_instruct_kinds_ground import PASSAGE

from corpusforge.annotate.prerank import _order_form, constitution, suggest
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Task
from corpusforge.errors import RecipeError
from corpusforge.instruct.accounts import Origin
from corpusforge.instruct.constitution.make import CRITIQUE, make_revisions
from corpusforge.instruct.constitution.principles import constitution as law
from corpusforge.instruct.constitution.settings import Settings as Critique
from corpusforge.instruct.cot.settings import Settings as Cot
from corpusforge.instruct.cot.steps import EXTRACT, HINT
from corpusforge.instruct.evolve.make import WRITE as TASK
from corpusforge.instruct.evolve.settings import Settings as Evolve
from corpusforge.instruct.forms import YES_NO, blocks, points, yes_or_no
from corpusforge.instruct.ground.make import WRITE as PAIRS
from corpusforge.instruct.ground.make import make_grounded
from corpusforge.instruct.judge import JUDGED, Pair, judge
from corpusforge.instruct.kinds.make import WRITE, make_kind
from corpusforge.instruct.kinds.settings import Settings as Kinds
from corpusforge.instruct.records import Row
from corpusforge.models.client import Client
from corpusforge.models.records import Message, Request, Sampling
from corpusforge.models.structured import SENTENCES, Form

FORMS = {**WRITE, "yes_no": YES_NO, "task": TASK, "critique": CRITIQUE, "judged": JUDGED,
         "pairs": PAIRS, "extract": EXTRACT, "hint": HINT, "order": _order_form(3)}  # fmt: skip
ROW = Row(
    id="r1", task="t1", instruction="How long does the ferry from Ystad to Rønne take?", input="",
    output="About 80 minutes.", language="en", group="t1",
)  # fmt: skip
ORIGIN = Origin(engine="told", model="told-1")


def instance(schema: dict[str, Any]) -> Any:
    """A value that a schema allows, made here without the code under test."""
    if schema["type"] == "object":
        return {name: instance(one) for name, one in schema["properties"].items()}
    if schema["type"] == "array":
        return [instance(schema["items"])]
    if "enum" in schema:
        return schema["enum"][0]
    if "pattern" in schema:
        return "2 > 1 = 3"
    return 7 if schema["type"] == "integer" else "some text"


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_a_schema_allows_is_read_with_every_field(name: str, language: str) -> None:
    form: Form = FORMS[name]
    schema = json.loads(form.schema(language, 3))
    jsonschema.Draft202012Validator.check_schema(schema)
    made = instance(schema)
    jsonschema.validate(made, schema)
    text = json.dumps(made, ensure_ascii=False)
    for reply in (text.upper(), f"```json\n{text}\n```", f"Sure {{here}}: {text}\nDone.", text):
        (block,) = form.read(reply) or [{}]
        assert list(block) == [one.name for one in form.fields], reply
    assert form.read(text.replace('"', "'")) is None
    # of a list that is cut the whole objects stay
    assert form.read(text[:-2]) == ([block] if form.many else None)
    for word in [one.key(language) for one in form.fields]:
        assert f'"{word}"' in form.sentence(language, 3)
    assert form.read(json.dumps(dict.fromkeys(made, ""))) is None


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if not form.many])
def test_a_reply_without_an_object_is_read_as_lines(name: str) -> None:
    form = FORMS[name]
    text = "\n".join(f"{one.key('en')}: 7" for one in form.fields)
    assert blocks(text, form, structured=True) == blocks(text, form, structured=False) != []


def test_a_verdict_is_read_out_of_its_object() -> None:
    assert yes_or_no('{"answer": "no", "why": "yes or no, yes"}', structured=True) is False
    assert yes_or_no("No.", structured=True) is False
    assert yes_or_no('{"答案": "是"}', structured=True) is True


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), (" **8** of 10", 8), ("9/10", 9), ("１０", 10), ("4.0", 4), ("10.", 10), ("4.5", 0), ("11", 0),
     ("0", 0), ("100", 0), ("ten", 0), ("-3", 0), ("", 0)],
)  # fmt: skip
def test_points_are_a_whole_number_in_bounds(text: str, value: int) -> None:
    assert points(text, JUDGED.fields[1]) == value


def test_a_request_in_chat_is_left_as_it_is_and_an_object_is_asked_for_last() -> None:
    request = Request(messages=(Message("system", "s"), Message("user", "u")))
    asked = JUDGED.asked(request, "en")
    assert asked.messages[0] == request.messages[0]
    assert asked.messages[-1].content.startswith(f"u\n\n{SENTENCES['en'][0]} {{")
    assert json.loads(asked.json_schema)["required"] == ["Reason", "First", "Second"]


@pytest.mark.parametrize("settings", [Kinds, Evolve, Critique, Cot])
def test_the_setting_is_chat_by_default_and_changes_no_directory_then(settings: Any) -> None:
    assert settings().form == "chat"
    assert "form" not in settings().fixed()
    assert settings(form="json").fixed()["form"] == "json"
    with pytest.raises(RecipeError, match="form = 'plain'"):
        settings(form="plain")


def told(values: dict[str, Any]) -> tuple[Callable[[Request], str], list[Request]]:
    """Answers by an object where a schema is given, with a text of the last part of the purpose else."""
    objects: list[Request] = []

    def reply(request: Request) -> str:
        step = request.purpose.rpartition(".")[2]
        if not request.json_schema:
            return values[step]
        objects.append(request)
        made = values[step]
        jsonschema.validate(made, json.loads(request.json_schema))
        return json.dumps(made)

    return reply, objects


def made_by(step: Callable[[Any], Any], values: dict[str, Any]) -> tuple[Any, list[Request]]:
    reply, objects = told(values)
    with Client(Told(reply)) as client:
        return step(client), objects


def test_kinds() -> None:
    plan = Kinds(form="json", judge=True, write=Sampling(), answer=Sampling())
    parts, objects = made_by(
        lambda client: list(make_kind("clarify", "en", [ROW], plan, client.complete, ORIGIN,
                                      lambda rows: [None] * len(rows))),
        {"write": {"Request": "How long does the ferry take?", "Missing": "from where to where"},
         "answer": "Which ferry do you mean: from where, and to where?", "judge": {"answer": "yes"}},
    )  # fmt: skip
    (row,) = parts[0].rows
    assert row.instruction == "How long does the ferry take?"
    assert [one.purpose for one in objects] == ["instruct.clarify.write", "instruct.clarify.judge"]
    assert "clarify_write.v1@" in row.lineage.prompt_version
    assert row.lineage.prompt_version.count("+json") == 2


def test_critique_and_its_judge() -> None:
    parts, objects = made_by(
        lambda client: list(make_revisions(
            "en", [ROW], Critique(form="json", rounds=1, judge=True), law("house.v1"),
            client.complete, ORIGIN, lambda rows: [None] * len(rows))),
        {"critique": {"Critique": "It is vague.", "Verdict": "revise"}, "revise": "80 minutes.",
         "judge": {"Reason": "Clear.", "First": 8, "Second": 8}},
    )  # fmt: skip
    assert [row.output for row in parts[0].rows] == ["80 minutes."]
    assert [one.verdict for one in parts[0].tables["judgements.jsonl"]] == ["tie"]
    assert len(objects) == 3


def test_a_judge_alone() -> None:
    pair = Pair(id="p", language="en", conversation=(("user", "Hi"),), left="L", right="R")
    (found,), _ = made_by(
        lambda client: judge([pair], ["Be true."], client.complete, structured=True),
        {"pair": {"Reason": "x", "First": 9, "Second": 1}},
    )
    assert (found.verdict, found.scores, found.reasons) == (
        "undecided",
        ((9, 1), (1, 9)),
        ("x", "x"),
    )


def test_grounded_pairs() -> None:
    plan = Kinds(kinds=("grounded",), ground="-", form="json", write=Sampling(), questions=2)
    pair = {"Question": "When was it built?", "Answer": "In 1821.", "Quote": "was built in 1821."}
    (part,), _ = made_by(
        lambda client: list(make_grounded("en", [PASSAGE], plan, client.complete, ORIGIN,
                                          lambda rows: [None] * len(rows))),
        {"write": {"questions": [pair]}},
    )  # fmt: skip
    assert [row.output for row in part.rows] == ["In 1821."]


def test_evolving(tmp_path: Path) -> None:
    reply, objects = told({
        "write": {"task": f"{TEA} Mention the water temperature."}, "equal": {"answer": "no"},
        "answer": "Heat the water to eighty degrees and pour it over the leaves.",
    })  # fmt: skip
    done, _ = evolve(tmp_path, reply, TEA, rounds=1, form="json")
    assert done.report.rows == {"en": {"evol": 1}}
    assert [one.purpose.rpartition(".")[2] for one in objects] == ["write", "equal"]


def test_hints_and_extracted_answers(tmp_path: Path) -> None:
    reply, objects = told({
        "sample": "She has three boxes, so there are many left.",
        "extract": {"answer": "15"},
        "hint": {"reasoning": "3 * 6 = 18.\n18 - 4 = 14.", "answer": "14"},
    })  # fmt: skip
    play(
        tmp_path, reply, EGGS, samples=1, temperatures=(0.7,), triggers=("zero_shot",), form="json"
    )
    lines = (tmp_path / "out" / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    (row,) = map(json.loads, lines)
    assert (row["reasoning"], row["output"]) == ("3 * 6 = 18.\n18 - 4 = 14.", "14")
    assert row["flags"] == ["hinted"]
    assert row["lineage"]["prompt_version"].endswith("+json")
    assert [one.purpose for one in objects] == ["cot.extract", "cot.hint"]


def test_preranking() -> None:
    answers = tuple(Candidate(id=f"c{n}", text="x" * n, model="m") for n in (1, 2, 3))
    messages = (Message("user", "Say x."),)
    task = Task(
        id="t1", job="j", kind="rank", prompt=Prompt(id="p1", messages=messages, origin="user"),
        candidates=answers, presented_order=("c1", "c2", "c3"), rater="r_a", batch="b",
    )  # fmt: skip
    (found,), objects = made_by(
        lambda client: list(suggest(client, [task], constitution("plain.v1"), form="json")),
        {"prerank": {"reason": "Short is good.", "ORDER": "1 = 2 = 3"}},
    )
    assert isinstance(found, Ranking)
    assert (found.text, len(found.tiers)) == ("Short is good.", 1)
    assert "+json" in found.tool and len(objects) == 2
