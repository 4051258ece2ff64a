"""Tools against Python's own arithmetic and calendar, definitions of units, and calls placed by hand."""

from __future__ import annotations

import calendar as months
import json
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.instruct.ground.passages import Document
from corpusforge.instruct.tools.calculator import calculate, evaluate
from corpusforge.instruct.tools.calls import inline, placed, spoken, with_calls
from corpusforge.instruct.tools.conversion import convert
from corpusforge.instruct.tools.dates import calendar
from corpusforge.instruct.tools.errors import ToolError
from corpusforge.instruct.tools.execute import run_python
from corpusforge.instruct.tools.losses import Losses, texts, weighted
from corpusforge.instruct.tools.search import Search
from corpusforge.models.likelihood import Likelihood

EXAM = "Of the 1,400 people who sat the exam, 400, or 29%, passed."


def test_the_notes_example_is_29_percent() -> None:
    assert calculate("400/1400") == "0.29"
    assert evaluate("400 / 1400 * 100") == Fraction(200, 7)  # 28.57 %
    assert calculate("400 / 1400 * 100") == "28.57"


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.sampled_from("+-*/"))
def test_arithmetic_is_that_of_fractions(left: int, right: int, sign: str) -> None:
    exact = {"+": Fraction(left) + right, "-": Fraction(left) - right, "*": Fraction(left) * right,
             "/": Fraction(left, right)}[sign]  # fmt: skip
    assert evaluate(f"{left} {sign} {right}") == exact
    if exact.denominator != 1 and abs(exact) >= Fraction(1, 10):
        shown = Decimal(exact.numerator) / Decimal(exact.denominator)
        assert Decimal(calculate(f"{left} {sign} {right}")) == shown.quantize(
            Decimal("0.01"), ROUND_HALF_UP
        )


@pytest.mark.parametrize(
    ("expression", "value"),
    [("0.1 + 0.2", "0.3"), ("1,400 × 3", "4200"), ("29% * 200", "58"), ("5 % 3", "2"), ("1/3000", "0.00033"),
     ("（1＋2）×3", "9"), ("2^10", "1024"), ("-7 // 2", "-4"), ("365*18 =", "6570")],
)  # fmt: skip
def test_expressions_as_people_write_them(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["", "9**9**9", "10**300 * 10**300 * 10**300", "__import__('os')", "1e400", "(1+2",
     "7/0", "0 ** -1", "2**0.5", "x", "[1]", "1 if 1 else 2", "1 < 2", "'a'*9", "(" * 199, "1+" * 150 + "1",
     "1j", "0x10", "True", "1_000"],
)  # fmt: skip
def test_nothing_but_small_arithmetic_is_carried_out(expression: str) -> None:
    with pytest.raises(ToolError):
        calculate(expression)


@given(st.dates(date(1600, 1, 1), date(2400, 1, 1)), st.integers(0, 10**5))
def test_the_calendar_is_pythons(day: date, days: int) -> None:
    said = f"{months.day_name[day.weekday()]}, {day.day} {months.month_name[day.month]} {day.year}"
    assert calendar(day.isoformat(), "en") == said
    later = day + timedelta(days=days)
    assert calendar(f"{day.isoformat()} + {days} days", "en") == calendar(later.isoformat(), "en")
    assert calendar(f"{later.isoformat()} - {day.isoformat()}", "zh") == f"{days}天"


def test_the_calendar_in_chinese_and_its_refusals() -> None:
    assert calendar("1964-06-14", "zh") == "1964年6月14日，星期日"
    assert calendar("2022年1月10日 + 6周", "en") == "Monday, 21 February 2022"
    assert calendar("", "en", "2026-11-30") == "Monday, 30 November 2026"
    assert calendar("Today - 1 week", "en", "2026-11-30") == "Monday, 23 November 2026"
    for query in ("today", "2023-02-29", "tomorrow", "9999-12-31 + 1 day", "2020-01-01 + 3 moons"):
        with pytest.raises(ToolError):
            calendar(query, "en")


@pytest.mark.parametrize(
    ("query", "amount"),
    [("26 miles to kilometers", "41.84 kilometers"), ("392 fahrenheit to celsius", "200 celsius"),
     ("-40 °C to °F", "-40 °F"), ("50 kg to pounds", "110.23 pounds"), ("1 gallon to liters", "3.79 liters"),
     ("26英里换算成公里", "41.84公里"), ("50公斤换算成斤", "100斤"), ("3亩换算成平方米", "2000平方米"),
     ("12 inches in feet", "1 feet"), ("36 km/h to m/s", "10 m/s")],
)  # fmt: skip
def test_units_by_their_definitions(query: str, amount: str) -> None:
    assert convert(query) == amount


@pytest.mark.parametrize(
    "query", ["5 km", "3 hours to kg", "10 usd to eur", "5 parsecs to km", "km to miles"]
)
def test_what_is_no_conversion_is_refused(query: str) -> None:
    with pytest.raises(ToolError):
        convert(query)


def test_python_prints_or_gives_its_last_value_under_limits() -> None:
    assert run_python("print(sum(range(1, 100, 2)))").strip() == "2500"
    assert run_python("x = 'lantern'\nx[::-1]").strip() == "nretnal"
    assert run_python("x = 5\nx is 5") == "True\n"  # Python's SyntaxWarning is no part of it
    for code in ("import os; os.system('ls')", "1 / 0", "def", "", "while True: print('x' * 1000)"):
        with pytest.raises(ToolError):
            run_python(code)


def test_search_ranks_by_bm25_and_never_finds_the_texts_own_document() -> None:
    found = Search([
        Document(id="a", text="The lighthouse at Skarvik was first kept by Ingrid Moen for many years. " * 2),
        Document(id="b", text="Goat cheese from the upper valley is ripened in caves for nine weeks. " * 2),
        Document(id="c", text="斯卡维克教区的记录：灯塔最早的守护人是英格丽。守了三十一年。" * 3),
    ])  # fmt: skip
    assert "Ingrid" in found.find("first keeper of the Skarvik lighthouse", "x")
    assert "英格丽" in found.find("灯塔最早由谁守护", "x")
    with pytest.raises(ToolError):
        found.find("Ingrid Moen", "a")
    with pytest.raises(ToolError):
        found.find("zeppelin", "x")


def test_calls_are_read_out_of_a_reply_and_placed() -> None:
    reply = EXAM.replace("29%", "[Calculator(400 / 1400)] 29%")
    (call,) = spoken(reply)
    place = placed(EXAM, call.before)
    assert (call.tool, call.argument, EXAM[place:]) == ("calculator", "400 / 1400", "29%, passed.")
    written = inline(call.tool, call.argument, "0.29")
    assert with_calls(EXAM, [(place, written)]) == EXAM.replace(
        "29%", "[Calculator(400 / 1400) → 0.29] 29%"
    )


def test_brackets_quotes_and_results_of_the_models_own() -> None:
    reply = (
        'a [1] [note] b [Python(print("(lantern)"[::-1]))] c [Calculator(1+(2*3)) → 7] d '
        "[Search(it's a] e"
    )
    assert [(one.tool, one.argument) for one in spoken(reply)] == [
        ("python", 'print("(lantern)"[::-1])'), ("calculator", "1+(2*3)"),
    ]  # fmt: skip
    assert list(spoken("[Calculator(" + "(" * 900)) == []


def test_a_call_without_a_sure_place_has_none() -> None:
    twice = "The same long words come here. The same long words come here. End."
    assert placed(twice, "something before The same long words come") == -1
    assert placed(EXAM, "quite another text that is not there at all") == -1
    assert placed(EXAM, "Preface. Of the 1,400 people who sat the exam, 400, or ") == EXAM.index(
        "29%"
    )
    assert placed(EXAM, EXAM) == -1  # behind the end


def test_the_weighted_loss_by_hand() -> None:
    # tokens end at 4, 8, 12, 16, 20, 24, 28; from 8 on five count: weights 1, .8, .6, .4, .2 over 3
    found = Likelihood(
        ends=(4, 8, 12, 16, 20, 24, 28), nats=(None, -9.0, -1.0, -2.0, -3.0, -4.0, -5.0)
    )
    assert weighted(found, 8) == pytest.approx((1 + 0.8 * 2 + 0.6 * 3 + 0.4 * 4 + 0.2 * 5) / 3)
    assert weighted(found, 20) == pytest.approx((4 + 0.8 * 5) / 1.8)
    assert weighted(found, 28) is None
    assert weighted(found, 0) is None  # the first token has no likelihood
    assert Losses(plain=3.0, call=2.0, result=0.5).gain == 1.5


def test_the_three_texts_hold_the_place() -> None:
    place = EXAM.index("29%")
    made = texts(EXAM, place, "calculator", "400 / 1400", "0.29")
    assert [text[at:] for text, at in made] == ["29%, passed."] * 3
    assert [text[: at - place] for text, at in made] == [
        "", "[Calculator(400 / 1400) → ] ", "[Calculator(400 / 1400) → 0.29] ",
    ]  # fmt: skip


def test_a_likelihood_goes_through_text_and_columns_must_fit() -> None:
    found = Likelihood(ends=(1, 2), nats=(None, -0.5), mean=(None, -1.0), variance=(None, 2.0))
    assert json.loads(found.text()) == {"ends": [1, 2], "nats": [None, -0.5], "mean": [None, -1.0],
                                        "variance": [None, 2.0]}  # fmt: skip
    with pytest.raises(ValueError, match="length"):
        Likelihood(ends=(1, 2), nats=(None,))
