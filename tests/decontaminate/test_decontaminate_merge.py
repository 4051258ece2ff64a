"""An index merged of parts has the bytes of one built of all items at once."""

import itertools

import pytest

from corpusforge.decontaminate import EvalIndex
from corpusforge.decontaminate.items import EvalItem
from corpusforge.errors import InputError

LONG = "The half-price robe takes two bolts of blue fiber and half that much white fiber, don't it?"
ZH = "小明有五个苹果，他给了小红两个苹果，又从商店买来四个梨，请问小明现在一共还剩下几个水果呢？"
ITEMS = (
    EvalItem("gsm", "1", (LONG, "A short passage of only eight words in all here.")),
    EvalItem("gsm", "2", ("four words are few",)),
    EvalItem("gsm", "3", (ZH, "")),
    EvalItem("arc", "1", ("It is said that " + LONG.lower(), ZH[:20])),
    EvalItem("arc", "2", ("", "...")),
    EvalItem("zh", "1", (ZH + ZH, LONG)),
    EvalItem("zh", "2", (" ".join(f"word{n}" for n in range(40)),)),
    EvalItem("zh", "3", (" ".join(f"word{n}" for n in range(30, 60)),)),
)


@pytest.mark.parametrize("cuts", [c for n in range(4) for c in itertools.combinations(range(9), n)])
def test_parts_merge_to_the_index_of_all(cuts: tuple[int, ...]) -> None:
    bounds = [0, *cuts, len(ITEMS)]
    parts = [EvalIndex.part(ITEMS[a:b]) for a, b in itertools.pairwise(bounds)]
    assert EvalIndex.merged(parts).to_bytes() == EvalIndex.build(ITEMS).to_bytes()


def test_a_saved_part_merges_too(tmp_path) -> None:
    parts = []
    for name, some in (("a", ITEMS[:4]), ("b", ITEMS[4:5]), ("c", ITEMS[5:])):
        EvalIndex.part(some).save(str(tmp_path / name))
        parts.append(EvalIndex.load(str(tmp_path / name)))
    assert EvalIndex.merged(parts).to_bytes() == EvalIndex.build(ITEMS).to_bytes()


def test_no_words_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="hold no words"):
        EvalIndex.merged([EvalIndex.part(ITEMS[4:5]), EvalIndex.part([])])
