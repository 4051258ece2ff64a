"""The built-in seed tasks: what they promise, and that their answers are right where it can be told.

Code is run, sums are computed by Python, counts are counted; the rest was read by people.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

import pytest

import corpusforge.instruct
from corpusforge.errors import InputError
from corpusforge.instruct import seeds

FOLDER = Path(corpusforge.instruct.__file__).parent / "seeds"
TASKS = {task.name: task for language in seeds.BUILTIN for task in seeds.load(language)}


def given(name: str) -> str:
    return TASKS[name].instances[0].input


def output(name: str) -> str:
    return TASKS[name].instances[0].output


@pytest.mark.parametrize(("language", "count"), [("en", 175), ("zh", 100)])
def test_schema_is_exactly_the_originals(language: str, count: int) -> None:
    lines = (FOLDER / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == count
    for row in rows:
        assert list(row) == ["id", "name", "instruction", "instances", "is_classification"]
        assert [list(one) for one in row["instances"]] == [["input", "output"]]
        assert isinstance(row["is_classification"], bool)
    for key in ("id", "name", "instruction"):
        assert len({row[key] for row in rows}) == count


def test_shares_are_as_promised() -> None:
    for language in seeds.BUILTIN:
        tasks = seeds.load(language)
        assert 1 / 7 <= sum(bool(task.is_classification) for task in tasks) / len(tasks) <= 1 / 5
        assert 0.25 <= sum(not task.instances[0].input for task in tasks) / len(tasks) <= 0.35
        assert {task.language for task in tasks} == {language}
        assert {task.origin for task in tasks} == {"seed"}
        assert all(task.instances[0].output.strip() for task in tasks)


def test_a_classification_answer_is_a_label() -> None:
    for task in TASKS.values():
        if task.is_classification:
            assert len(task.instances[0].output) <= 22, task.name


@pytest.mark.parametrize("language", seeds.BUILTIN)
def test_no_seed_is_a_seed_of_the_original(data: Path, language: str) -> None:
    theirs = seeds.load(str(data / "selfinstruct" / "seed_tasks.jsonl"))
    known = {re.sub(r"\W+", " ", task.instruction.lower()).strip() for task in theirs}
    mine = {re.sub(r"\W+", " ", task.instruction.lower()).strip() for task in seeds.load(language)}
    assert not known & mine


def test_no_seed_is_near_a_seed_of_the_original(data: Path) -> None:
    from corpusforge.instruct.novelty import Gate
    from corpusforge.instruct.profile import profile

    gate = Gate(profile("en"))
    for file in ("seed_tasks.jsonl", "user_oriented_instructions.jsonl"):
        for task in seeds.load(str(data / "selfinstruct" / file)):
            gate.add(task.id, task.instruction)
    refused = [task.name for task in seeds.load("en") if not gate.judge(task.instruction).accepted]
    assert refused == []


def test_the_originals_files_load(data: Path) -> None:
    tasks = seeds.load(str(data / "selfinstruct" / "seed_tasks.jsonl"))
    assert len(tasks) == 175
    assert sum(bool(task.is_classification) for task in tasks) == 26
    assert sum(not task.instances[0].input for task in tasks) == 50
    expert = seeds.load(str(data / "selfinstruct" / "user_oriented_instructions.jsonl"))
    assert len(expert) == 252
    assert {task.is_classification for task in expert} == {None}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a", "instances": []}, "`instruction` is None"),
        ({"id": "a", "instruction": "Do it", "instances": []}, "`instances` must be a list"),
        ({"id": "a", "instruction": "Do it", "instances": [{"input": "x"}]}, "`output` is None"),
        ({"id": "a", "instruction": "Do it", "instances": [["x", "y"]]}, "an instance must be"),
        ({"instruction": "Do it", "instances": [{"input": "", "output": "y"}]}, "`id` is None"),
        (
            {"id": "a", "instruction": "Do", "instances": [{"input": "", "output": "y"}],
             "is_classification": "no"},
            "expected true or false",
        ),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, row: dict, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"bad\.jsonl: row 1: .*{message}"):
        seeds.load(str(path))


def test_an_id_that_comes_twice_is_named(tmp_path: Path) -> None:
    row = {"id": "a", "instruction": "Do it", "instances": [{"input": "", "output": "y"}]}
    path = tmp_path / "twice.jsonl"
    path.write_text(f"{json.dumps(row)}\n{json.dumps(row)}\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 2: the id 'a' comes twice"):
        seeds.load(str(path))


def test_language_is_told_by_its_letters() -> None:
    assert seeds.language_of("编写 Python 函数 count_han(text)，返回汉字的个数。") == "zh"
    assert seeds.language_of("Translate 你好 into English.") == "en"
    assert seeds.language_of("12 + 30 = ?") == "en"


# ---- answers that can be checked


def test_python_functions_do_what_their_tasks_say() -> None:
    names = ("reverse_words_py", "binary_search_py", "统计汉字函数", "冒泡排序")
    scope: dict = {}
    for name in names:
        exec(compile(output(name), name, "exec"), scope)
    assert scope["reverse_words"]("  one two  three ") == "three two one"
    for size in range(6):
        numbers = [2 * one for one in range(size)]
        for target in range(-1, 2 * size + 1):
            want = numbers.index(target) if target in numbers else -1
            assert scope["find"](numbers, target) == want
    assert scope["count_han"]("A汉字b、ん") == 2
    items = [3, 1, 2, 3, 0]
    assert scope["bubble_sort"](items) == [0, 1, 2, 3, 3]
    assert items == [3, 1, 2, 3, 0]
    assert scope["bubble_sort"]([]) == []


@pytest.mark.parametrize("name", ["bug_off_by_one", "找程序错误"])
def test_the_corrected_average_averages(name: str) -> None:
    wrong: dict = {}
    exec(given(name), wrong)
    right: dict = {}
    exec(output(name)[output(name).index("def ") :], right)
    assert wrong["average"]([2, 4, 6]) != 4
    assert right["average"]([2, 4, 6]) == 4


@pytest.mark.parametrize("name", ["python_output", "swap_variables_steps", "程序输出判断"])
def test_printed_output_is_what_python_prints(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", given(name)], capture_output=True, text=True,
        encoding="utf-8", check=True,
    )  # fmt: skip
    assert done.stdout.rstrip("\n") == output(name)


def test_the_refactored_code_prints_the_same() -> None:
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        for code in (given("refactor_duplicate"), output("refactor_duplicate"))
    ]
    assert runs[0] == runs[1] != b""


def test_the_documented_function_still_works() -> None:
    scope: dict = {}
    exec(output("docstring_add"), scope)
    assert scope["parse_age"]("7") == 7
    with pytest.raises(ValueError, match="negative age"):
        scope["parse_age"]("-1")


def test_recursion_example_counts() -> None:
    scope: dict = {}
    exec(output("recursion_explain").split("\n\n", 1)[1], scope)
    assert scope["place"](0) == 1
    assert scope["place"](4) == 5


def test_queries_run() -> None:
    base = sqlite3.connect(":memory:")
    base.execute(given("sql_top_customers"))
    base.execute(given("sql统计人数"))
    orders = [("a", 5), ("b", 1), ("a", 2), ("c", 9), ("d", 3)]
    base.executemany("INSERT INTO orders (customer, amount) VALUES (?, ?)", orders)
    base.executemany(
        "INSERT INTO staff (name, dept) VALUES (?, ?)", [("x", "q"), ("y", "p"), ("z", "p")]
    )
    assert base.execute(output("sql_top_customers")).fetchall() == [("c", 9), ("a", 7), ("d", 3)]
    assert base.execute(output("sql统计人数")).fetchall() == [("p", 2), ("q", 1)]
    base.close()


def test_patterns_and_shell_lines_match_what_they_should() -> None:
    pattern = output("regex_postcode").split("\n")[0]
    assert re.fullmatch(pattern, "AB-1234")
    assert not any(re.fullmatch(pattern, text) for text in ("Ab-1234", "AB1234", "AB-12345"))
    pattern = output("列正则手机号").split("\n")[0]
    assert re.fullmatch(pattern, "13" + "0" * 9)
    assert not any(re.fullmatch(pattern, text) for text in ("12" + "0" * 9, "1" * 10 + "a"))
    text = "Error one\nterror\nno\nan ERROR\n错误\n"
    for name, count in (("bash_count_lines", "2"), ("命令行统计", "1")):
        done = subprocess.run(
            ["sh", "-c", output(name)], input=text, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == count


def test_structured_answers_parse() -> None:
    assert json.loads(output("json_from_text"))["age"] == 34
    assert json.loads(output("csv_to_json"))[1] == {"city": "Brook", "trees": 860, "parks": 2}
    assert json.loads(output("提取json"))["语言"] == ["闽南语", "普通话", "日语"]
    document = json.loads(given("json_path_value").split("Document: ")[1])
    assert str(document["order"]["items"][1]["price"]) == output("json_path_value")
    from xml.etree import ElementTree

    assert [child.tag for child in ElementTree.fromstring(output("xml_fix"))] == ["to", "from"]
    assert ElementTree.fromstring(output("html_list"))[2].text == "two lemons"
    yaml = pytest.importorskip("yaml")
    loaded = yaml.safe_load(output("yaml_config"))
    assert loaded["server"] == {"host": "0.0.0.0", "port": 8080}
    assert loaded["debug"] is False


SUMS = [
    # task, what it must contain, computed here
    ("unit_price", f"{420 / 7.5 / 100:.2f} dollars per 100 g. Package B"),
    ("unit_price", f"{696 / 12 / 100:.2f} dollars per 100 g. Package A is cheaper"),
    ("next_in_sequence", f"is {18 + 6}."),
    ("probability_marbles", f"= {Fraction(5, 8) * Fraction(4, 7)}, which is about {5 / 14:.3f}"),
    ("explain_compound_interest", f"{1000 * 1.05 * 1.05:,.2f}"),
    ("explain_compound_interest", str(Decimal("55.125").quantize(Decimal("0.01"), ROUND_HALF_UP))),
    ("复利解释", f"{1000 * 1.05 * 1.05:.1f}元"),
    ("budget_month", f"Free spending: {2400 - 900 - 360 - 450 - 120} dollars"),
    ("家庭预算", f"自由支配：{8000 - 2600 - 1600 - 1800 - 300}元"),
    ("average_speed", f"{48 / 3:.0f} km/h"),
    ("nutrition_label", f"about {100 * 12 * 9 / 250:.0f} percent"),
    ("triangle_angles", f"{180 - 47 - 68} degrees"),
    ("mean_median", "120 ÷ 6 = 20"),
    ("mean_median", "= 17."),
    ("discount_chain", f"120 × 1.25 = {160 * 0.75 * 1.25:.0f} dollars"),
    ("file_size_units", f"{2 * 10**12 // (4 * 10**6):,}"),
    ("mixed_units_sum", "5 hours and 13 minutes"),
    ("work_out_ages", "12 and Omar is 36"),
    ("physics_fall_time", "2 seconds"),
    ("percent_change", f"{100 * 12 / 64:.1f} percent"),
    ("venn_overlap", f"= {17 + 14 - (28 - 5)} pupils do both"),
    ("temperature_convert", f"72 °F = {(72 - 32) / 1.8:.1f} °C\n100 °F = {(100 - 32) / 1.8:.1f} °C"),
    ("time_zone", "04:25"),
    ("时差换算", "次日3:10"),
    ("单价比较", f"{18 / 4.5:.0f} 元，乙每百克 30 ÷ 8 = {30 / 8} 元"),
    ("鸡兔同笼", "16 只，鸡有 40 − 16 = 24 只"),
    ("工程问题", f"{1 / (1 / 12 + 1 / 18):.1f} 天"),
    ("利润计算", "40 ÷ 200 = 20%"),
    ("概率硬币", "3/8"),
    ("单位换算亩", f"{round(30 * 666.67, -2):.0f} 平方米，合 2.0 公顷"),
    ("年份干支", f"公历{2000 + 60}年"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "part"), SUMS)
def test_sums_are_right(name: str, part: str) -> None:
    assert part in output(name)


def test_solutions_fit_their_equations() -> None:
    assert 3 * (8 - 4) + 5 == 2 * 8 + 1
    assert "x = 8" in output("algebra_linear")
    assert 4 * 16 + 2 * 24 == 112
    assert 36 == 3 * 12
    assert 36 + 12 == 2 * (12 + 12)
    for name in ("prime_factorise", "分解质因数"):
        number, factors = output(name).split(" = ")
        product = 1
        for factor in factors.split(" × "):
            product *= int(factor)
        assert product == int(number) == int(given(name))


def test_leap_years_and_numerals() -> None:
    import calendar

    for name in ("leap_years", "闰年判断"):
        years = [int(one) for one in re.findall(r"\d{4}", given(name))]
        first = re.split(r"[.。]", output(name))[0]
        stated = {int(one) for one in re.findall(r"\d{4}", first)}
        assert stated == {year for year in years if calendar.isleap(year)}
    values = dict(zip("IVXLCDM", (1, 5, 10, 50, 100, 500, 1000), strict=True))

    def number(roman: str) -> int:
        digits = [values[one] for one in roman]
        return sum(-a if a < b else a for a, b in zip(digits, [*digits[1:], 0], strict=True))

    romans = given("roman_numerals").split(", ")
    assert output("roman_numerals") == ", ".join(str(number(one)) for one in romans)


def test_letters_are_counted_and_moved_rightly() -> None:
    letter, word = given("count_letters").split(": ")
    assert output("count_letters") == str(word.count(letter))
    moved = "".join(
        chr((ord(c) - 65 - 3) % 26 + 65) if c.isalpha() else c for c in given("caesar_decode")
    )
    assert output("caesar_decode") == moved
    assert "e" not in output("rewrite_without_letter").lower()
    first, second = given("anagram_check").split(", ")
    assert Counter(first) == Counter(second)
    assert given("palindrome_check") == given("palindrome_check")[::-1]
    assert [line[0] for line in output("acrostic_autumn").split("\n")] == list("RAIN")
    pairs = str.maketrans("ATGC", "TACG")
    assert output("dna_complement") == given("dna_complement").translate(pairs)


def test_a_reaction_balances() -> None:
    left, right = output("balance_equation").split(" -> ")

    def atoms(side: str) -> Counter:
        total: Counter = Counter()
        for term in side.split(" + "):
            factor, formula = re.fullmatch(r"(?:(\d+) )?(\w+)", term).groups()
            for element, count in re.findall(r"([A-Z][a-z]?)(\d*)", formula):
                total[element] += int(factor or 1) * int(count or 1)
        return total

    assert atoms(left) == atoms(right) == {"C": 3, "H": 8, "O": 10}


@pytest.mark.parametrize(
    ("name", "most"),
    [("train_delay_apology", 59), ("headline_writing", 8), ("summarise_rule", 15),
     ("shorten_to_text", 20), ("tactful_refusal", 39), ("product_description", 60)],
)  # fmt: skip
def test_english_lengths_are_kept(name: str, most: int) -> None:
    assert len(output(name).split()) <= most


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("地铁延误致歉", 1, 80), ("新闻标题", 1, 16), ("压缩通知", 1, 30), ("拒绝邀请", 1, 50),
     ("产品文案", 50, 70), ("退休祝词", 70, 130)],
)  # fmt: skip
def test_chinese_lengths_are_kept(name: str, least: int, most: int) -> None:
    assert least <= len(re.sub(r"\s", "", output(name))) <= most


def test_small_forms_are_kept() -> None:
    assert len(output("commit_message").split("\n")[0]) <= 50
    assert len(re.findall(r"[.?!]\"?(?= [A-Z]|$)", output("short_story_lighthouse"))) == 5
    assert len(output("poem_form_limerick").split("\n")) == 5
    assert len(output("dialogue_bakery").split("\n")) == 6
    upper, lower = given("对联下联").split("：")[1], output("对联下联").split("：")[1]
    assert len(upper) == len(lower)
    assert not set(upper) & set(lower)
    assert [line[0] for line in output("藏头诗").split("\n")] == ["平", "安"]
    assert "雨" not in output("小诗写雨")
    assert not set("雨伞") & set(output("编写谜语"))


def test_built_in_and_original_rows_fit_the_schema(data: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    root = Path(__file__).resolve().parents[2]
    schema = json.loads((root / "schemas" / "seed_task.v1.json").read_text(encoding="utf-8"))
    check = jsonschema.Draft202012Validator(schema)
    for path in (
        FOLDER / "en.jsonl",
        FOLDER / "zh.jsonl",
        data / "selfinstruct" / "seed_tasks.jsonl",
    ):
        for line in path.read_text(encoding="utf-8").splitlines():
            check.validate(json.loads(line))
