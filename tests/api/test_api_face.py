"""The notebook face: one contract for texts, plain results, errors that teach, nothing loaded early."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import corpusforge as cf
from corpusforge.errors import InputError, RecipeError

ENGLISH = (
    "The harbour wall was built in three parts, and each of them tells of another century of trade."
)
CHINESE = "港口的堤坝分三次建成，每一段都讲述着另一个世纪的贸易和天气。"
PAGE = (
    "<html><head><title>Walls</title></head><body><nav><a href=/>Home</a> <a href=/a>About us</a></nav>"
    f"<article><h1>The wall</h1><p>{ENGLISH}</p><p>{ENGLISH} It stands.</p><p>{ENGLISH} Still.</p></article>"
    "</body></html>"
)


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_loads_nothing_and_a_call_loads_its_verb_alone() -> None:
    names = ("apache_beam", "torch", "openai", "numba", "pyarrow", "datasets")
    heavy = f"[m for m in {names} if m in sys.modules]"
    assert run(f"import sys, corpusforge; print({heavy})") == "[]"
    code = f"import sys, corpusforge as cf; cf.redact('x'); print('apache_beam' in sys.modules, {heavy}[:1])"
    assert run(code).startswith("False")


def test_every_call_is_there_before_and_after_its_package_is_imported() -> None:
    names = [name for name in cf.__all__ if not name.startswith("_")]
    code = (
        "import corpusforge as cf; print([name for name in {} if not callable(getattr(cf, name))])"
    )
    assert run(code.format(names)) == "[]"
    imports = "; ".join(f"import corpusforge.{name}" for name in cf._PACKAGES)
    assert run(f"{imports}; {code.format(names)}") == "[]"


def test_a_verbs_package_stays_a_package() -> None:
    import corpusforge.extract
    from corpusforge.extract import Settings

    assert cf.extract is corpusforge.extract and cf.extract.Settings is Settings
    assert "extract" in dir(cf) and "check" in dir(cf)
    with pytest.raises(AttributeError, match="nonsense"):
        cf.nonsense  # noqa: B018


def collections(texts: list[str]) -> list[Any]:
    import datasets

    return [
        texts,
        tuple(texts),
        iter(texts),
        pa.array(texts),
        pa.array(texts, type=pa.large_string()),
        pa.chunked_array([texts[:1], texts[1:]]),
        pa.table({"text": texts}),
        datasets.Dataset.from_dict({"text": texts}),
        datasets.Dataset.from_dict({"text": texts})["text"],
    ]


def test_every_collection_gives_the_same_results() -> None:
    texts = [ENGLISH, CHINESE]
    expected = [cf.identify(ENGLISH), cf.identify(CHINESE)]
    assert [language.label for language in expected] == ["en", "zh"]
    for given in collections(texts):
        assert cf.identify(given) == expected
    pandas = pytest.importorskip("pandas")
    assert cf.identify(pandas.Series(texts)) == expected


def test_one_text_gives_one_result_and_none_counts_as_empty() -> None:
    assert isinstance(cf.identify(ENGLISH), tuple) and cf.identify([]) == []
    assert cf.redact(["mail ann@example.org", None]) == ["mail <EMAIL>", ""]
    assert cf.redact("mail ann@example.org") == "mail <EMAIL>"
    assert cf.measure("two words")["words"] == 2 and cf.measure(["one"])[0]["words"] == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"bytes", "got bytes; expected a str"),
        (None, "got NoneType"),
        ({"text": "x"}, "got dict"),
        (7, "got int"),
        (["a", 7], r"texts\[1\] is int"),
        ([b"a"], r"texts\[0\] is bytes"),
        (pa.array([1, 2]), "Arrow array of int64"),
        (pa.table({"body": ["x"]}), "no column 'text', but body"),
        (["half \ud83d"], "half a surrogate pair"),
    ],
)
def test_what_is_no_text_is_told(given: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        cf.identify(given)


def test_extract_pages() -> None:
    text = cf.extract(PAGE)
    assert text.startswith("The wall") and "About us" not in text and text.count(ENGLISH) == 3
    assert cf.extract([PAGE, PAGE.encode(), ""]) == [text, text, ""]
    assert cf.extract("== Head ==\nA ''word''.", kind="wikitext").endswith("A word.")
    with pytest.raises(InputError, match=r"cf\.extract: "):
        cf.extract(b"no archive", kind="epub")
    assert cf.extract([b"no archive"], kind="epub") == [""]
    with pytest.raises(InputError, match="page 1 is int"):
        cf.extract([PAGE, 3])
    with pytest.raises(InputError, match=r"no kind 'htm'\. Did you mean 'html'"):
        cf.extract(PAGE, kind="htm")


def test_check_names_rule_value_and_bound() -> None:
    short, long = cf.check(["only three words", " ".join([ENGLISH] * 8)], "gopher_quality.v1")
    assert not short and short.rule == "gopher_quality.v1:words" and short.value == "3"
    assert long and long == (True, "", "", "")
    assert cf.check(
        "only three words", "gopher_quality.v1", bounds={"gopher_quality.v1": {"words_low": 3}}
    ).rule != ("gopher_quality.v1:words")
    assert cf.check("好" * 60, "gopher_quality.v1", lang="zh") == cf.check(
        "好" * 60, "gopher_quality.v1", lang="zh"
    )

    def words(text: str) -> int:
        return len(text.split())

    assert cf.check("a b", words, bounds={"words": {"low": 2}})
    assert cf.check("a", words, bounds={"words": {"low": 2}}) == (False, "words", "1", ">= 2")
    assert cf.check("a b c", words, bounds={"words": {"low": 2, "high": 2}}).bound == "2 .. 2"
    with pytest.raises(InputError, match=r"words: ValueError"):
        cf.check("a", words)
    with pytest.raises(InputError, match=r"no rule 'c4\.v2'\. Did you mean 'c4\.v1'"):
        cf.check("a", "c4.v2")


def test_dedup_names_the_text_that_stays() -> None:
    near = ENGLISH + " And so on it goes, for some more words, of which the last is different: "
    found = cf.dedup([near + "one", CHINESE, near + "two", CHINESE.replace("，", "， "), ENGLISH])
    assert [copy and copy.of for copy in found] == [None, None, 0, 1, None]  # marks are no words
    assert found[2] and found[2].method == "minhash" and found[2].similarity > 0.7
    assert cf.dedup(["Same text", "same  TEXT"])[1] == (0, 1.0, "exact")
    assert cf.dedup([]) == []
    with pytest.raises(InputError, match="expected several"):
        cf.dedup(ENGLISH)
    with pytest.raises(RecipeError, match=r"no setting 'treshold'\. Did you mean 'threshold'"):
        cf.dedup([ENGLISH], treshold=0.5)


def test_decontaminate_by_items_and_by_an_index(tmp_path: Path) -> None:
    item = "What is the name of the long grey bridge that joins the two halves of the old market town today?"
    text = f"{ENGLISH} " * 6 + item + f" {ENGLISH}" * 6
    cut, whole = cf.decontaminate([text, ENGLISH], [item])
    assert cut.hits == (("items", "0"),) and item not in cut.text and not cut.dropped and cut.text
    assert whole == (ENGLISH, False, ())
    assert cf.decontaminate(item, [item]).dropped
    questions = tmp_path / "q.jsonl"
    questions.write_text(json.dumps({"id": "q1", "question": item}) + "\n")
    from pipelines.build_eval_index import main

    assert main(["--set", f"quiz={questions}:question", "--output", str(tmp_path / "index")]) == 0
    assert cf.decontaminate(text, str(tmp_path / "index")).hits == (("quiz", "q1"),)


def test_score_and_tokenize_by_files(tmp_path: Path, data: Path) -> None:
    good, bad = (
        [f"{ENGLISH} Number {n}." for n in range(40)],
        [f"buy now cheap {n} click" * 4 for n in range(40)],
    )
    from corpusforge.score import Settings, save, train
    from corpusforge.score.settings import TrainSettings

    settings = Settings(train=TrainSettings(positive=("a",), negative=("b",), held_out=0.2))
    arrays = (
        {"a": [pa.array(good, type=pa.large_string())]},
        {"b": [pa.array(bad, type=pa.large_string())]},
    )
    save(train(*arrays, settings), str(tmp_path / "m.bin"))
    high, low = cf.score([good[0], bad[0]], str(tmp_path / "m.bin"))
    assert high > 0.5 > low
    assert cf.score(good[0], str(tmp_path / "m.bin")) == high
    ranks = str(data / "tokenizers" / "r50k_base.tiktoken")
    assert cf.tokenize("hello world", ranks) == [31373, 995]
    assert cf.tokenize(["hello world", ""], ranks) == [[31373, 995], []]


def test_read_keeps_the_account(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"no": 1}\n{"text": "two"}\n')
    reading = cf.read(str(tmp_path / "a.jsonl"))
    assert [document.text for document in reading] == ["one", "two"]
    assert len(reading.failed) + len(reading.dropped) == 1
    reading.ledger.check()
    with pytest.raises(InputError, match="matches no file"):
        cf.read(str(tmp_path / "none.jsonl"))
    with pytest.raises(RecipeError, match="max_record_byte"):
        cf.read(str(tmp_path / "a.jsonl"), max_record_byte=1)


def test_plan_and_pretrain_and_shards(tmp_path: Path) -> None:
    plan = cf.plan_mix({"a": 3, "b": 1}, {"a": 1_000, "b": 1_000}, budget=1_000)
    assert {share.path: share.asked for share in plan.shares} == {"a": 750, "b": 250}
    outcome = cf.pretrain(
        "sample", str(tmp_path / "run"), settings={"mix.budget": 50_000}, workers=1, quiet=True
    )
    assert outcome.complete
    stream = cf.open_shards(str(tmp_path / "run/shards/train"), seq_len=128)
    assert stream.tokens == 50_000 and len(stream[0]) == 129
