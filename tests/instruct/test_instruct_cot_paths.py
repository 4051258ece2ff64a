"""Equal reasoning paths, numerals, and reading of question files: values counted by hand."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from corpusforge.errors import InputError
from corpusforge.instruct.cot import questions
from corpusforge.instruct.cot.extract import without_answer
from corpusforge.instruct.cot.numerals import chinese, english
from corpusforge.instruct.cot.paths import equations, path_key
from corpusforge.instruct.cot.quantity import quantity


def test_equations_as_written_by_hand() -> None:
    text = "He buys 3 x 4 = 12 apples, $1,200 / 4 = $300.\nThen 12 × 2 − 4 = 20.  50% of 20 is 20*.5=10."
    assert equations(text) == ("3*4=12", "1200/4=300", "12*2-4=20", "20*.5=10")
    assert equations("每袋 3×4=12 个，一共 12＋5＝17 个。") == ("3*4=12", "12+5=17")
    assert equations("No sums here.") == ()


def test_paths_are_equal_by_their_equations() -> None:
    left = "There are 3 * 6 = 18 eggs. 18 - 4 = 14 are left."
    right = "First 3 × 6 = 18.\nThat leaves 18 − 4 = 14 eggs, which is the result."
    assert path_key(left) == path_key(right)
    assert path_key(left) != path_key("6 - 4 = 2 and 2 + 12 = 14.")
    assert path_key(left) != path_key("18 - 4 = 14 after 3 * 6 = 18.")


def test_paths_without_equations_are_equal_by_their_letters() -> None:
    assert path_key("Whales are mammals. So no.") == path_key("whales are mammals; so, NO")
    assert path_key("鲸是哺乳动物。") == path_key("鲸 是哺乳动物！")
    assert path_key("Whales are mammals.") != path_key("Whales are fish.")


@pytest.mark.parametrize(
    ("text", "value"),
    [("零", 0), ("十", 10), ("二十", 20), ("一百零二", 102), ("一百二", 120), ("九千九百九十九", 9999),
     ("一万零一", 10001), ("十二万三千四百五十六", 123456), ("三亿零五万", 300050000), ("二〇二五", 2025),
     ("五六", None), ("百", 100), ("三点零五", Fraction(61, 20)), ("负三分之二", Fraction(-2, 3)),
     ("零分之一", None), ("千百", 1100), ("一二百", None)],
)  # fmt: skip
def test_chinese_numerals(text: str, value: int | Fraction | None) -> None:
    assert chinese(text) == value


def test_chinese_numerals_of_a_whole_range() -> None:
    """Against a plain writer of numerals, by the rules of the school book."""
    digits = "零一二三四五六七八九"

    def written(n: int) -> str:
        if n < 10:
            return digits[n]
        unit, name = next((u, c) for u, c in ((1000, "千"), (100, "百"), (10, "十")) if n >= u)
        head, rest = divmod(n, unit)
        gap = "零" if rest and rest * 10 < unit else ""
        return digits[head] + name + gap + (written(rest) if rest else "")

    for number in range(10000):
        assert chinese(written(number)) == number, written(number)


def test_english_numerals_of_a_whole_range() -> None:
    ones = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    small = (ones + " fifteen sixteen seventeen eighteen nineteen").split()
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

    def written(n: int) -> str:
        if n < 20:
            return small[n]
        if n < 100:
            return tens[n // 10 - 2] + (f"-{small[n % 10]}" if n % 10 else "")
        if n < 1000:
            rest = f" and {written(n % 100)}" if n % 100 else ""
            return f"{small[n // 100]} hundred{rest}"
        rest = f" {written(n % 1000)}" if n % 1000 else ""
        return f"{written(n // 1000)} thousand{rest}"

    for number in [*range(3000), *range(3000, 10**6, 997)]:
        assert english(written(number)) == number, written(number)
        assert quantity(written(number)).value == number
    assert english("five six") is None


def test_a_quantity_is_exact_for_every_hundredth() -> None:
    for cents in range(0, 100000, 7):
        text = f"${cents // 100:,}.{cents % 100:02d}"
        assert quantity(text).value == Fraction(cents, 100)


def test_broken_files_of_questions(tmp_path: Path) -> None:
    table = tmp_path / "q.tsv"
    table.write_bytes(
        b"How many?\\nOptions:\\n(A) one\\n(B) two\t(B)\ttwo it is\ntwo\tcells\n\t4\tx\n\xff\xfe\t4\tx\n"
    )
    made, rejects = questions.load(str(table))
    assert made[0].choices == ("one", "two")
    assert [one.rule for one in rejects] == ["columns", "no_question"]
    assert len(made) == 2  # bytes that are no UTF-8 are replaced, and the row is counted
    lines = tmp_path / "q.jsonl"
    lines.write_text('{"question": 3}\nnot json\n[1]\n{"question": "x", "kind": "essay"}\n'
                     '{"question": "code?", "kind": "code"}\n', encoding="utf-8")  # fmt: skip
    made, rejects = questions.load(str(lines))
    assert made == []
    assert [one.rule for one in rejects] == [
        "not_text", "not_json", "not_an_object", "unknown_kind", "no_tests"
    ]  # fmt: skip
    with pytest.raises(InputError, match="tsv"):
        questions.load(str(tmp_path / "q.csv"))


@pytest.mark.parametrize(
    ("kind", "reply", "reasoning"),
    [
        ("number", "3 * 6 = 18.\nThe answer is 18.", "3 * 6 = 18."),
        ("number", "3 * 6 = 18. So the answer is 18.", "3 * 6 = 18."),
        ("number", "3 * 6 = 18.\nTherefore, $\\boxed{18}$.", "3 * 6 = 18."),
        ("number", "3 * 6 = \\boxed{18}.", "3 * 6 = \\boxed{18}."),
        ("number", "3 * 6 = 18.\n#### 18", "3 * 6 = 18."),
        ("number", "The answer is 18, since 3 * 6 = 18.", "The answer is 18, since 3 * 6 = 18."),
        ("number", "The answer is 18.", ""),
        ("number", "3×6=18。所以答案是18。", "3×6=18。"),
        ("yesno", "不能。北极没有企鹅。", "不能。北极没有企鹅。"),
    ],
)
def test_reasoning_without_its_answer(kind: str, reply: str, reasoning: str) -> None:
    assert without_answer(reply, kind) == reasoning


def test_equations_after_a_full_width_comma_stay_apart() -> None:
    found = equations("180 ÷ 3 = 60，180 - 60 = 120，120 ÷ 2 = 60")
    assert found == ("180/3=60", "180-60=120", "120/2=60")


def test_a_reply_of_spaces_is_read_in_linear_time() -> None:
    assert without_answer(" " * 10**6 + "3 * 6 = 18. The answer is 18.", "number") == "3 * 6 = 18."
