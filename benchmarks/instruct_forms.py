"""How many replies of a real model parse, step by step: labelled lines against a JSON object.

    python -m benchmarks.instruct_forms --base-url http://127.0.0.1:8112/v1 [--each 10] \\
        [--concurrency 2] [--steps clarify,judge_pair] [--forms chat,json]

Asks an OpenAI-compatible server about the first English seed tasks in three forms: `chat` (labels),
`sentence` (an object is asked for in words alone, as where a server refuses a schema) and `json` (with
the schema), greedily, with at most 200 tokens. A reply parses where it is not cut and every field that
the step needs is read; of its worth nothing is said. Prints a table: n and, by form, what parses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from benchmarks import harness
from corpusforge.annotate.prerank import _order_form, _unshaped, constitution, parse
from corpusforge.instruct import parse as replies
from corpusforge.instruct.chat import transcript
from corpusforge.instruct.constitution.make import _REVISE, CRITIQUE
from corpusforge.instruct.constitution.principles import constitution as law
from corpusforge.instruct.cot.steps import EXTRACT, HINT
from corpusforge.instruct.evolve.make import WRITE as TASK
from corpusforge.instruct.forms import YES_NO, blocks, points, yes_or_no
from corpusforge.instruct.ground.make import WRITE as PAIRS
from corpusforge.instruct.judge import JUDGED
from corpusforge.instruct.kinds.make import WRITE
from corpusforge.instruct.kinds.seeds import kind_seeds
from corpusforge.instruct.records import Task
from corpusforge.instruct.seeds import load
from corpusforge.models.client import Client
from corpusforge.models.openai_engine import OpenAIEngine
from corpusforge.models.prompts import Value, prompt
from corpusforge.models.records import Completion, Request, Sampling
from corpusforge.models.settings import Settings
from corpusforge.models.structured import Form

FORMS = ("chat", "sentence", "json")
PASSAGE = (
    "The lighthouse of Hiddensee was built in 1888. Its tower is 28 metres high and stands on a hill. "
    "A keeper lived there until 1978 and wrote down every ship that passed."
)
SUM = ("Ada buys 3 boxes of 6 eggs and eats 4. How many eggs are left?", "14",
       "Three boxes hold 18 eggs in all, and she eats 4 of them.")  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A step: its prompt, its form, its values for a task, and whether a reply's text parses."""

    prompt: str
    form: Form
    values: Callable[[Task], dict[str, Value]]
    reads: Callable[[str, bool], bool]


def fields(form: Form) -> Callable[[str, bool], bool]:
    """Whether all fields are there."""

    def reads(text: str, structured: bool) -> bool:
        found = blocks(text, form, structured=structured)
        return bool(found) and all(one.name in found[0] for one in form.fields)

    return reads


def scores(text: str, structured: bool) -> bool:
    """Whether both scores of a judgement are there."""
    found: dict[str, str] = {}
    for block in blocks(text, JUDGED, structured=structured):
        found |= block
    return all(points(found.get(one.name, ""), one) for one in JUDGED.fields[1:])


def verdict(text: str, structured: bool) -> bool:
    """Whether a critique and its verdict are there."""
    found: dict[str, str] = {}
    for block in blocks(text, CRITIQUE, structured=structured):
        found |= block
    return "critique" in found and bool(_REVISE.match(found.get("verdict", "")))


def order(text: str, structured: bool) -> bool:
    """Whether an order of all three answers is there."""
    done = Completion(key="", text=text, finish_reason="stop", model="")
    return parse(_unshaped(done).text if structured else text, ("a", "b", "c")) is not None


def alone(form: Form) -> Callable[[str, bool], bool]:
    """A step that takes the whole text where there is no object: in chat any text parses."""
    return lambda text, structured: bool(form.read(text) if structured else text.strip())


def steps() -> dict[str, Step]:
    """Every step with fields."""

    def given(task: Task) -> dict[str, str]:
        first = task.instances[0]
        text = f"{task.instruction}\n\n{first.input}".strip()
        return {"task": text[:600], "output": first.output[:400]}

    def talk(task: Task) -> str:
        return transcript((("user", given(task)["task"]),))

    made = {}
    for kind, form in WRITE.items():
        examples = [seed.request for seed in kind_seeds(kind, "en")[:3]]
        made[kind] = Step(
            f"{kind}_write", form,
            lambda task, shown=examples: {"examples": shown, **given(task)}, fields(form),
        )  # fmt: skip
    rules = [one.critique["en"] for one in law("house.v1").principles[:3]]
    plain = [one.say("en") for one in constitution("plain.v1").principles]
    yes = lambda text, structured: yes_or_no(text, structured=structured) is not None  # noqa: E731
    return made | {
        "judge_kind": Step("judge_kind", YES_NO, lambda task: {
            "kind": "clarify", "conversation": talk(task)}, yes),
        "grounded": Step("grounded_write", PAIRS, lambda task: {
            "passage": f"{PASSAGE} {given(task)['output']}", "count": 2}, fields(PAIRS)),
        "evol": Step("evol_constraints", TASK, lambda task: {
            "instruction": given(task)["task"]}, alone(TASK)),
        "evol_equal": Step("evol_equal", YES_NO, lambda task: {
            "first": task.instruction, "second": f"{task.instruction} Be brief."}, yes),
        "critique": Step("constitution_critique", CRITIQUE, lambda task: {
            "principle": rules[0], "conversation": talk(task), "answer": given(task)["output"]}, verdict),
        "judge_pair": Step("judge_pair", JUDGED, lambda task: {
            "principles": rules, "conversation": talk(task), "first": given(task)["output"],
            "second": "I do not know."}, scores),
        "prerank": Step("prerank", _order_form(3), lambda task: {
            "principles": plain, "conversation": talk(task),
            "answers": [given(task)["output"], "I do not know.", "Ask somebody else."]}, order),
        "cot_extract": Step("cot_extract", EXTRACT, lambda task: {
            "question": f"{SUM[0]} ({task.id})", "reasoning": SUM[2]}, alone(EXTRACT)),
        "cot_hint": Step("cot_hint", HINT, lambda task: {
            "question": f"{SUM[0]} ({task.id})", "answer": SUM[1]}, alone(HINT)),
    }  # fmt: skip


def requests(step: Step, tasks: tuple[Task, ...], form: str) -> Iterator[Request]:
    """One request a task."""
    for task in tasks:
        made = prompt(step.prompt, "en")
        values = {name: value for name, value in step.values(task).items()
                  if name in made.placeholders}  # fmt: skip
        request = Request(messages=made.render(**values), sampling=Sampling(max_tokens=200))
        if form != "chat":
            request = step.form.asked(request, "en", 2)
        yield replace(request, json_schema="") if form == "sentence" else request


def main() -> None:
    """Print the table."""
    options = harness.arguments(__doc__)
    options.add_argument("--base-url", required=True)
    options.add_argument("--each", type=int, default=10)
    options.add_argument("--concurrency", type=int, default=2)
    options.add_argument("--steps", default="")
    options.add_argument("--forms", default=",".join(FORMS))
    given = options.parse_args()
    every, forms = steps(), given.forms.split(",")
    named = given.steps.split(",") if given.steps else list(every)
    tasks = tuple(one for one in load("en") if one.instances and one.instances[0].output)[
        : given.each
    ]
    engine = OpenAIEngine(
        Settings(engine="openai", base_url=given.base_url, concurrency=given.concurrency)
    )
    harness.heads("step", "n", *forms)
    with Client(engine) as client:
        for name in named:
            step, cells = every[name], []
            for form in forms:
                answers = client.complete(list(requests(step, tasks, form)))
                good = [step.reads(replies.answer(one.text), form != "chat") for one in answers
                        if one.finish_reason == "stop"]  # fmt: skip
                cut = sum(one.finish_reason == "length" for one in answers)
                cells.append(f"{sum(good)}" + (f" ({cut} cut)" if cut else ""))
            harness.row(name, len(tasks), *cells)


if __name__ == "__main__":
    main()
