"""Pages that mix languages, made by hand: what each line is, what is cut, and what is counted."""

from __future__ import annotations

import pyarrow as pa
import pytest

from corpusforge.errors import RecipeError
from corpusforge.identify import Settings, by_paragraph, identify, mixed

EN = [
    "The museum opens at nine every morning except Monday, and children enter free of charge.",
    "Guided tours start at the main entrance every two hours and last about fifty minutes.",
]
ZH = [
    "博物馆每天上午九点开放，星期一除外，儿童免费入场，欢迎各界人士前来参观。",
    "导览活动每两小时在正门开始一次，全程大约五十分钟，请提前十分钟到达集合地点。",
]
FR = [
    "Le musée ouvre à neuf heures chaque matin sauf le lundi, et l'entrée est gratuite pour tous.",
    "Les visites guidées commencent devant l'entrée principale toutes les deux heures environ.",
]
RU = ["Музей открыт ежедневно с девяти часов утра, кроме понедельника, вход для детей свободный."]

PAGES = {  # lines, and the language that a reader gives each
    "en+zh": ([EN[0], ZH[0], "Tickets", "门票", "", EN[1], ZH[1]], "en zh en zh - en zh"),
    "fr+en": ([FR[0], "", EN[0], "", FR[1], "", "12.50 €", EN[1]], "fr - en - fr - fr en"),
    "en+ru": (["Opening hours", EN[0], RU[0], "Билеты"], "en en ru ru"),
    "zh": (["开放时间", *ZH, "© 2012"], "zh zh zh zh"),
    "names": (["Anna Müller", "Straße 5", *EN], "en en en en"),
    "empty": ([""], "-"),
    "signs": (["***", "12"], "und und"),
}


@pytest.mark.parametrize("name", PAGES)
def test_each_line_has_its_language(name):
    lines, labels = PAGES[name]
    [found] = by_paragraph(pa.array(["\n".join(lines)]))
    assert found.lines == tuple(lines)
    assert " ".join(label or "-" for label in found.labels) == labels


@pytest.mark.parametrize(("name", "expected"), [("en+zh", True), ("fr+en", True), ("zh", False),
                                                ("names", False), ("empty", False)])  # fmt: skip
def test_a_tenth_in_other_languages_is_mixed(name, expected):
    [found] = by_paragraph(pa.array(["\n".join(PAGES[name][0])]))
    assert found.mixed is expected


def test_keep_cuts_and_counts_by_language():
    texts = pa.array(["\n".join(PAGES["en+zh"][0]), "\n".join(PAGES["fr+en"][0]), "\n".join(ZH)])
    settings = Settings(languages=("en",), paragraphs="keep")
    out, notes = mixed(texts, settings)
    assert out.to_pylist() == [f"{EN[0]}\nTickets\n\n{EN[1]}", f"{EN[0]}\n\n{EN[1]}", ""]
    assert notes["paragraphs_cut:zh"] == 5
    assert notes["paragraphs_cut:fr"] == 3  # the price stands after French
    assert notes["mixed"] == 2
    assert notes["paragraphs:en"] == 5
    assert notes["paragraph_bytes:en"] == 2 * sum(map(len, EN)) + len("Tickets")
    assert identify(out, settings)[0] == ["en", "en", "und"]  # so a page of Chinese is dropped


def test_count_leaves_texts_and_nothing_is_asked_by_default():
    texts = pa.array(["\n".join(PAGES["en+zh"][0])])
    out, notes = mixed(texts, Settings(paragraphs="count"))
    assert out.equals(pa.array(texts.to_pylist(), pa.large_string()))
    assert (notes["paragraphs:en"], notes["paragraphs:zh"]) == (3, 3)
    assert not any(key.startswith("paragraphs_cut") for key in notes)
    out, notes = mixed(texts, Settings())
    assert out is texts
    assert not notes


def test_text_of_wanted_languages_is_the_same_text():
    text = (
        "  Two  spaces.\n\n\n\nMany blank lines stay here, since nothing else had to go from it.\n"
    )
    out, _ = mixed(pa.array([text]), Settings(languages=("en",), paragraphs="keep"))
    assert out.to_pylist() == [text]


def test_settings_are_checked():
    with pytest.raises(RecipeError, match="count"):
        Settings(paragraphs="counts")
    with pytest.raises(RecipeError, match="languages"):
        Settings(paragraphs="keep")
