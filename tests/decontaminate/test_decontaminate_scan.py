"""Index and scan: every window found, nothing else, the same bytes each time."""

from __future__ import annotations

import gzip
import json
import re

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.decontaminate import EvalIndex, EvalItem, Scanner, parse_set, read_items
from corpusforge.decontaminate.words import folded_words, split_words
from corpusforge.errors import InputError

LONG = "a robe takes two bolts of blue fiber and half that much white fiber how many bolts in total"
SHORT = "what do people aim to do at work on a monday"  # 11 words
TINY = "who are you"
HAN = "小明有五个苹果他给了小红两个苹果请问小明现在还剩下几个苹果呢"  # 30 characters
ITEMS = [
    EvalItem("x", "long", (LONG,)),
    EvalItem("x", "short", (SHORT,)),
    EvalItem("y", "tiny", (TINY,)),
    EvalItem("y", "han", (HAN,)),
]


@pytest.fixture(scope="module")
def index():
    return EvalIndex.build(ITEMS)


def names(index, hits):
    return [index.name_of(item)[1] for item in hits["item"].to_pylist()]


def grams(text, n):
    words = folded_words(split_words([text]))
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def test_every_window_is_a_hit(index):
    hits = Scanner(index, ("ngram13.v1",)).scan([f"Before. {LONG.upper()}! After."])
    assert hits.num_rows == len(grams(LONG, 13)) == 7
    assert set(names(index, hits)) == {"long"}
    text = f"Before. {LONG.upper()}! After."
    first = hits.to_pylist()[0]
    assert (
        text[first["start"] : first["end"]]
        == "A ROBE TAKES TWO BOLTS OF BLUE FIBER AND HALF THAT MUCH WHITE"
    )


def test_characters_not_bytes(index):
    text = f"é朋友👩 {SHORT}"
    (hit,) = Scanner(index, ("gpt3.v1",)).scan(["", text]).to_pylist()
    assert (hit["document"], text[hit["start"] : hit["end"]]) == (1, SHORT)


def test_short_items_are_taken_whole(index):
    scanner = Scanner(index, ("gpt3.v1",))
    assert names(index, scanner.scan([SHORT])) == ["short"]
    assert scanner.scan([SHORT.removesuffix(" monday")]).num_rows == 0
    assert Scanner(index, ("ngram13.v1",)).scan([SHORT]).num_rows == 0
    assert Scanner(index, ("ngram8.v1",)).scan([SHORT]).num_rows == 4


def test_unsearchable_items_are_named(index):
    named = {
        rule: [index.item_ids[i] for i in index.unsearchable(rule)]
        for rule in ("gpt3.v1", "ngram13.v1")
    }
    assert named == {"gpt3.v1": ["tiny"], "ngram13.v1": ["short", "tiny"]}


CODE = "def close(numbers:List[float],limit:float)->bool: return any(abs(a-b)<limit for a,b in numbers)"


@pytest.mark.parametrize("mark", ["", " "])
def test_code_without_its_marks_is_the_same_item(mark):
    scanner = Scanner(EvalIndex.build([EvalItem("x", "a", (CODE,))]), ("gpt3.v1",))
    stripped = re.sub(r"[^\w\s]", mark, CODE)
    assert scanner.scan([stripped])["item"].unique().to_pylist() == [0]


def test_chinese_grams_are_longer(index):
    scanner = Scanner(index, ("ngram13.v1",))
    assert scanner.lengths.tolist() == [13, 21]
    assert scanner.scan([f"题目：{HAN}？"]).num_rows == 30 - 21 + 1
    assert scanner.scan([HAN[:20]]).num_rows == 0
    spaced = HAN[:10] + "，\n" + HAN[10:25]
    assert scanner.scan([spaced]).num_rows == 5


def test_same_as_sets_of_words(index, data):
    """The scanner's documents are exactly those that share a word 8-gram, by Python sets."""
    path = data / "decontam" / "commonsenseqa_dev.jsonl.gz"
    items = list(read_items("csqa", str(path), ("question.stem",)))[:300]
    index = EvalIndex.build(items)
    known = {gram for item in items for gram in grams(item.passages[0], 8)}
    packed = (data / "selfinstruct/t0/commonsense_qa_question_answering.jsonl.gz").read_bytes()
    rows = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    texts = [json.dumps(row, ensure_ascii=False) for row in rows] + [i.passages[0] for i in items]
    expected = {n for n, text in enumerate(texts) if known & set(grams(text, 8))}
    hits = Scanner(index, ("ngram8.v1",)).scan(texts)
    assert set(hits["document"].to_pylist()) == expected
    assert len(expected) >= 250


def test_order_of_documents_and_batches_does_not_matter(index):
    texts = [LONG, "nothing here", SHORT + " " + HAN, HAN]
    scanner = Scanner(index, ("gpt3.v1", "ngram13.v1", "ngram8.v1"))
    whole = scanner.scan(pa.array(texts, pa.large_string())).to_pylist()
    single = [
        dict(row, document=n) for n, t in enumerate(texts) for row in scanner.scan([t]).to_pylist()
    ]
    assert whole == single


def test_hash_collision_is_no_hit(index):
    scanner = Scanner(index, ("gpt3.v1",))
    arrays = dict(index.arrays)
    chars = arrays["chars"].copy()
    chars[0] += 1  # the stored letters now differ from those that were hashed
    arrays["chars"] = chars
    broken = EvalIndex(index.benchmarks, index.item_benchmark, index.item_ids, arrays)
    assert Scanner(broken, ("gpt3.v1",)).scan([LONG]).num_rows == scanner.scan([LONG]).num_rows - 1


def test_file_is_deterministic_and_checked(index, tmp_path):
    path = str(tmp_path / "index.bin")
    assert index.save(path) == EvalIndex.build(ITEMS).fingerprint
    loaded = EvalIndex.load(path)
    assert loaded.fingerprint == index.fingerprint
    assert loaded.item_ids == index.item_ids
    assert all(np.array_equal(loaded.arrays[k], v) for k, v in index.arrays.items())
    blob = bytearray((tmp_path / "index.bin").read_bytes())
    blob[-1] ^= 1
    (tmp_path / "bad.bin").write_bytes(blob)
    with pytest.raises(InputError, match="damaged"):
        EvalIndex.load(str(tmp_path / "bad.bin"))
    (tmp_path / "other.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="no evaluation index"):
        EvalIndex.load(str(tmp_path / "other.bin"))
    with pytest.raises(InputError, match="cannot read"):
        EvalIndex.load(str(tmp_path / "none.bin"))


@pytest.mark.parametrize("cut", [0, 10, 31, 40, 100, 500])
def test_truncated_file_is_an_input_error(index, tmp_path, cut):
    (tmp_path / "cut.bin").write_bytes(index.to_bytes()[:cut])
    with pytest.raises(InputError):
        EvalIndex.load(str(tmp_path / "cut.bin"))


def test_empty_sets():
    with pytest.raises(InputError, match="no words"):
        EvalIndex.build([EvalItem("x", "0", ("", "..."))])
    assert (
        Scanner(EvalIndex.build([EvalItem("x", "0", ("hi",))]), ("gpt3.v1",)).scan(["hi"]).num_rows
        == 0
    )
    assert Scanner(EvalIndex.build(ITEMS), ("gpt3.v1",)).scan([]).num_rows == 0


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("a=b.jsonl", ("a", "b.jsonl", ())),
        ("a=/x/b.jsonl.gz:question,answer", ("a", "/x/b.jsonl.gz", ("question", "answer"))),
        ("a=s3://bucket/b.jsonl", ("a", "s3://bucket/b.jsonl", ())),
        ("a=s3://bucket/b.jsonl:q.stem", ("a", "s3://bucket/b.jsonl", ("q.stem",))),
    ],
)
def test_parse_set(option, expected):
    assert parse_set(option) == expected


@pytest.mark.parametrize("option", ["", "a", "=b", "a=", "a=b.jsonl:", "a=b.jsonl:x,,y"])
def test_parse_set_refuses(option):
    with pytest.raises(InputError, match="NAME=FILE"):
        parse_set(option)


def test_read_items_errors(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": 7, "q": {"stem": "s"}, "n": 3}\n')
    assert [i.item for i in read_items("x", str(path), ("q.stem",))] == ["7"]
    with pytest.raises(InputError, match="field 'n' is int"):
        list(read_items("x", str(path), ("n",)))
    with pytest.raises(InputError, match="none of question"):
        list(read_items("x", str(path)))


@pytest.mark.parametrize("rules", [("fuzzy.v1",), ("gpt3.v1", "fuzzy.v1"), ()])
def test_nothing_to_search_with_or_in(index, rules):
    tiny = EvalIndex.build([EvalItem("x", "0", ("hi there",))])
    for texts in ([], [""], ["hi there", "x"]):
        assert Scanner(tiny, rules).scan(texts).num_rows == 0
    assert Scanner(index, rules).scan([]).num_rows == 0


def test_slices_and_nulls_of_arrow_arrays(index):
    scanner = Scanner(index, ("gpt3.v1",))
    whole = pa.array(["left out", None, f"é {SHORT}"], pa.large_string())
    for texts in (whole.slice(1), whole.slice(1).cast(pa.string())):
        (hit,) = scanner.scan(texts).to_pylist()
        assert (hit["document"], hit["start"], hit["end"]) == (1, 2, 2 + len(SHORT))
