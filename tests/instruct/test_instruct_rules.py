"""Quality rules: for each an example kept and one dropped, English and Chinese; caps; evaluation text."""

from __future__ import annotations

import gzip
import json

import pytest

from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.items import EvalItem
from corpusforge.decontaminate.scan import Scanner
from corpusforge.instruct.limits import cap, contaminated, dominant
from corpusforge.instruct.records import Instance, Row
from corpusforge.instruct.rules import (
    RULES,
    check_instance,
    check_language,
    check_personal,
    check_text,
    distinct_grams,
    settle,
)

TABLE = "| Name | Age |\n|---|---|\n| Ann | 7 |\n| Bo "
DROPPED = [
    ("", "  ", "empty_output"),
    ("blue", "blue ", "copy_of_input"),
    ("", "Name a colour of the sky.", "copy_of_instruction"),
    ("", "Here are three colours:", "ends_with_colon"),
    ("The colours are:", "blue", "ends_with_colon"),
    ("", "颜色如下：", "ends_with_colon", "zh"),
    ("", "N/A", "placeholder"),
    ("", "（略）。", "placeholder", "zh"),
    ("", "blue<|endoftext|>", "leaked_mark"),
    ("", "blue</s>", "leaked_mark"),
    ("<noinput>", "blue", "leaked_mark"),
    ("", "blue\n### Instruction: name another", "leaked_mark"),
    ("", "蓝色\n### 回答：红色", "leaked_mark", "zh"),
    ("", "蓝色<｜end▁of▁sentence｜>", "leaked_mark", "zh"),
    ("", "As an AI language model, I have no favourite.", "evasion"),
    ("", "I'm sorry, but I cannot see the sky.", "evasion"),
    ("", "Unfortunately, I am unable to look outside.", "evasion"),
    ("", "作为一个人工智能语言模型，我无法看到天空。", "evasion", "zh"),
    ("", "很抱歉，我无法回答这个问题。", "evasion", "zh"),
    ("", TABLE, "cut_table"),
    ("", "```python\nprint('blue')", "cut_code"),
    ("", "the sky is blue and " * 9, "repetition"),
    ("", "天空是蓝色的，" * 9, "repetition", "zh"),
]
KEPT = [
    ("", "Blue."),
    ("", "None"),
    ("", "无", "zh"),
    ("", "It costs 5:30 and <s>more</s>."),
    ("", "Human: What colour? AI: Blue."),
    ("", "I am sorry to hear that your dog died."),
    ("", "Dear Ann, I'm sorry that we were late. We cannot come."),
    ("", "I am an artist who models clay."),
    ("", "作为一名老师，我会说天空是蓝色的。", "zh"),
    ("", "抱歉地笑了笑，他说天空是蓝色的。", "zh"),
    ("", TABLE + "| 8 |"),
    ("", "```python\nprint('blue')\n```"),
    ("", "row, row, row your boat, " * 3),
    ("", "床前明月光，疑是地上霜。举头望明月，低头思故乡。", "zh"),
]


@pytest.mark.parametrize("case", DROPPED, ids=str)
def test_an_instance_is_dropped_for_its_rule(case: tuple[str, ...]) -> None:
    given, answer, rule, *language = case
    found = check_instance("Name a colour of the sky.", given, answer, *language)
    assert found is not None and found[0] == rule and found[0] in RULES
    assert (
        check_instance("Name a colour of the sky.", given, answer, *language, allow=RULES) is None
    )


@pytest.mark.parametrize("case", KEPT, ids=str)
def test_an_instance_is_kept(case: tuple[str, ...]) -> None:
    given, answer, *language = case
    assert check_instance("Name a colour of the sky.", given, answer, *language) is None


def test_a_cut_reply_is_dropped_and_a_refusal_on_purpose_is_kept() -> None:
    assert check_instance("Name it", "", "Blu", finish_reason="length") == (
        "cut", "length", "a finished reply",
    )  # fmt: skip
    refusal = "I'm sorry, but I cannot help with that."
    assert check_instance("Name it", "", refusal, allow=("evasion",)) is None
    assert check_text(refusal) == ("evasion", "I'm sorry, but I", "none")


def test_distinct_grams_by_hand() -> None:
    # a b c d a b c d: abcd bcda cdab dabc abcd
    assert distinct_grams("a b c d a b c d") == (4, 5)
    assert distinct_grams("蓝色的天") == (1, 1)
    assert distinct_grams("a b c") == (0, 0)


ENGLISH = "The sky is blue because short waves of light are scattered more than long ones. " * 6
CHINESE = "天空呈蓝色，是因为短波长的光比长波长的光散射得更强。"
FRENCH = "Le ciel est bleu parce que les ondes courtes sont dispersées plus que les longues. " * 6


def test_language_of_the_output() -> None:
    assert check_language("Why is the sky blue?", "", ENGLISH, "en") is None
    assert check_language("天空为什么是蓝色的？", "", CHINESE, "zh") is None
    assert check_language("Why is the sky blue?", "", CHINESE, "en") is not None
    assert check_language("天空为什么是蓝色的？", "", ENGLISH, "zh") is not None
    assert check_language("Why is the sky blue?", "", FRENCH, "en") == ("language", "fr", "en")
    # asked for, or as the input is, or too short to tell, or code
    assert check_language("Say it in French: why is the sky blue?", "", FRENCH, "en") is None
    assert check_language("Shorten the text", FRENCH, FRENCH, "en") is None
    assert check_language("把这段话翻译成英文", CHINESE, ENGLISH, "zh") is None
    assert check_language("缩写这段话", ENGLISH, ENGLISH, "zh") is None
    assert check_language("Name a dish", "", "Spaghetti alla carbonara", "en") is None
    code = "def f(values):\n    return [x * x for x in values if x > 0]\n" * 5
    assert check_language("写一个函数，返回正数的平方", "", code, "zh") is None


def test_personal_data() -> None:
    found = check_personal("Write a mail", "", "Write to ann.lee@mail.example.org today")
    assert found == ("personal_data", "<EMAIL> 1", "none")
    assert check_personal("写一封邮件", "", "请今天回复我。") is None


def instances(*pairs: tuple[str, str]) -> list[Instance]:
    return [Instance(given, answer) for given, answer in pairs]


def test_a_cut_reply_costs_the_last_instance_only() -> None:
    made = settle("t", "Name it", instances(("a", "x"), ("b", "y"), ("c", "z")), "en", "length")
    assert [item.input for item in made.kept] == ["a", "b"]
    assert [(item.input, found[0]) for item, found in made.refused] == [("c", "cut")]


def test_two_outputs_of_one_input_cost_the_task_all_instances() -> None:
    made = settle("t", "Name it", instances(("a", "x"), ("b", "y"), ("a", "z"), ("c", "")))
    assert made.kept == ()
    rules = sorted((item.output, found[0]) for item, found in made.refused)
    dropped = "contradicting_outputs"
    assert rules == [("", "empty_output"), ("x", dropped), ("y", dropped), ("z", dropped)]


@pytest.mark.parametrize(
    ("instruction", "outputs", "kept", "rule"),
    [
        ("Name it", ("x", "z"), ["x"], "one_answer"),
        ("Write a poem about rain.", ("Grey rain falls.", "It drips."), ["Grey rain falls."], "one_answer"),
        ("What is 890 - 567?", ("323", "-323", "123"), [], "contradicting_outputs"),
        ("What is half of 7?", ("3.5", "7/2"), ["3.5"], "one_answer"),
        ("Which planet is closest to Earth?", ("Mercury", "Venus"), [], "contradicting_outputs"),
        ("Is 91 a prime number?", ("No", "no."), ["No"], "one_answer"),
        ("哪座城市是法国的首都？", ("巴黎", "里昂"), [], "contradicting_outputs"),
    ],
)  # fmt: skip
def test_a_task_without_input_has_one_answer(
    instruction: str, outputs: tuple[str, ...], kept: list[str], rule: str
) -> None:
    language = "en" if instruction.isascii() else "zh"
    made = settle("t", instruction, instances(*(("", one) for one in outputs)), language)
    assert [one.output for one in made.kept] == kept
    assert {found[0] for _, found in made.refused} == {rule}
    allowed = settle("t", instruction, instances(*(("", one) for one in outputs)), language,
                     allow=("one_answer",))  # fmt: skip
    assert len(allowed.kept) == len(outputs)


def test_equal_instances_count_once_and_order_is_kept() -> None:
    made = settle("t", "Name it", instances(("b", "y"), ("a", "x"), ("b", "y")))
    assert [item.input for item in made.kept] == ["b", "a"]
    assert [found[0] for _, found in made.refused] == ["duplicate"]


def test_surplus_instances_are_drawn_by_seed_alone() -> None:
    many = instances(*((str(k), f"answer {k}") for k in range(9)))
    one, again = settle("t", "Name it", many), settle("t", "Name it", many)
    assert one == again and len(one.kept) == 5 and len(one.refused) == 4
    assert {found for _, found in one.refused} == {("surplus", "9", "<= 5")}
    assert any(settle("t", "Name it", many, seed=s).kept != one.kept for s in range(1, 9))
    places = [int(item.input) for item in one.kept]
    assert places == sorted(places)


def row(name: str, task: str, language: str = "en") -> Row:
    return Row(id=name, task=task, instruction="i", input="", output=name, language=language)


def test_caps_hold_and_do_not_depend_on_the_order_of_rows() -> None:
    rows = [row(f"{task}{k}", task, "en" if k % 2 else "zh") for task in "ab" for k in range(10)]
    made = cap(rows, per_task=6, per_task_language=4)
    kept = {item.id for item in made.kept}
    assert len(kept) == 12 and len(made.refused) == 8
    for task in "ab":
        assert sum(item.task == task for item in made.kept) == 6
        for language in ("en", "zh"):
            assert sum((item.task, item.language) == (task, language) for item in made.kept) <= 4
    assert {item.id for item in cap(rows[::-1], 6, 4).kept} == kept
    assert cap(rows).kept == tuple(rows)
    assert {found[0] for _, found in made.refused} <= {"task_cap", "task_language_cap"}


def test_a_family_that_dominates_is_named() -> None:
    rows = [row(str(k), "big" if k < 6 else f"t{k}") for k in range(20)]
    warnings = dominant(rows)
    assert len(warnings) == 1 and "big has 6 of 20 rows in en (30%)" in warnings[0]
    assert dominant(rows, bound=0.3) == ()
    assert dominant([row("1", "a")]) == ()


def test_evaluation_text_is_found_with_the_shared_index() -> None:
    item = "Ann has twelve apples and gives five of them to her brother; how many are left over?"
    index = EvalIndex.build([EvalItem("school", "7", (item,))])
    texts = ["Name a colour of the sky", f"Solve this. {item}", item.replace("twelve", "thirteen")]
    found = contaminated(texts, Scanner(index, ("gpt3.v1", "fuzzy.v1")))
    assert found[0] is None
    assert found[1] is not None and found[1][0] == "contaminated" and "school/7" in found[1][1]
    assert found[2] is not None and found[2][2] == "fuzzy.v1"


def test_human_answers_pass_and_loops_of_models_do_not(data) -> None:
    # Read one by one, what the rules refuse here: inputs that end with a colon (the paper's rule).
    refused = []
    for name in ("seed_tasks", "user_oriented_instructions"):
        for line in (data / f"selfinstruct/{name}.jsonl").read_text().splitlines():
            task = json.loads(line)
            for item in task["instances"]:
                answer = (task["instruction"], item["input"], item["output"])
                found = check_instance(*answer) or check_language(*answer, "en")
                refused += [found[0]] if found else []
    assert refused == ["ends_with_colon"] * 4
    loops = {}
    for model in ("davinci-superni-ft", "davinci-self-instruct", "text-davinci-002"):
        path = data / f"preference/self-instruct-predictions/{model}.jsonl.gz"
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        answers = [row["response"]["choices"][0]["text"] if isinstance(row["response"], dict)
                   else row["response"] for row in rows]  # fmt: skip
        loops[model] = sum((check_text(text) or ("",))[0] == "repetition" for text in answers)
    # Counted by eye among the longest answers: a base model loops, a tuned one does not.
    assert loops["davinci-superni-ft"] > loops["davinci-self-instruct"] > 5
    assert loops["text-davinci-002"] == 0


@pytest.mark.parametrize(
    ("instruction", "output", "missing"),
    [
        ("Write a Python function `count_vowels(text)`.", "yes", True),
        ("Create a JavaScript function `gcd(a, b)`.", "The GCD of 48 and 18 is 6.", True),
        ("Write a Python function that adds.", "def add(a, b):\n    return a + b", False),
        ("Write a SQL query that counts the rows of t.", "SELECT COUNT(*) FROM t;", False),
        ("Explain what a function is.", "A rule that gives each input one output.", False),
        ("编写一个 Python 函数，求两数之和。", "两数之和是五。", True),
        ("编写一个 Python 函数，求两数之和。", "def add(a, b):\n    return a + b", False),
    ],
)
def test_code_that_was_asked_for_is_there(instruction: str, output: str, missing: bool) -> None:
    language = "en" if instruction.isascii() else "zh"
    finding = check_instance(instruction, "", output, language)
    assert (finding is not None and finding[0] == "no_code") is missing
