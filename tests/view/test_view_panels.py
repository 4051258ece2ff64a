"""Duplicates, overlaps, stream and two runs, against the run's files read by pyarrow and numpy."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from view_runs import stored

from corpusforge import cli
from corpusforge.errors import InputError

pytest.importorskip("duckdb")

from corpusforge.view import beside, duplicates, overlaps, stream
from corpusforge.view.differences import compared, shared
from corpusforge.view.tables import View, open_run


def plain(pieces: list[tuple[str, bool]]) -> str:
    return "".join(f"[{text}]" if marked else text for text, marked in pieces)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("a b c", "a x c", ("a [b] c", "a [x] c")),
        ("a  b\nc", "a c", ("a  [b]\nc", "a c")),
        ("灯塔的灯亮了", "灯塔的火亮了", ("灯塔的[灯]亮了", "灯塔的[火]亮了")),
        ("守塔人 lit a lamp", "守塔人 lit the lamp", ("守塔人 lit [a] lamp", "守塔人 lit [the] lamp")),
        ("same", "same", ("same", "same")),
        ("", "new", ("", "[new]")),
        ("one two", "three", ("[one two]", "[three]")),
        ("گربه روی دیوار", "سگ روی دیوار", ("[گربه] روی دیوار", "[سگ] روی دیوار")),
    ],
)  # fmt: skip
def test_what_differs_is_marked(left: str, right: str, expected: tuple[str, str]) -> None:
    """Marked by hand in brackets."""
    assert tuple(map(plain, compared(left, right))) == expected


def test_long_equal_runs_are_shortened_and_long_texts_end() -> None:
    words = " ".join(f"w{n}" for n in range(300))
    left, right = compared(f"{words} left", f"{words} right")
    assert plain(left).startswith("w0 w1 ") and plain(left).endswith("w299 [left]")
    assert "w29\n[… 240 equal words …]\nw270" in plain(left)
    assert plain(right) == plain(left).replace("[left]", "[right]")
    hans = "".join(chr(0x4E00 + n % 997) for n in range(9000))
    one, two = compared(hans, hans[::-1])
    assert (re.sub(r"[\[\]]", "", plain(one)), re.sub(r"[\[\]]", "", plain(two))) == (
        hans,
        hans[::-1],
    )


def test_shared_words_are_marked_whatever_their_case_and_stops() -> None:
    assert (
        plain(shared("Once upon, a TIME there", "once upon a time.")) == "[Once upon, a TIME] there"
    )


def test_copies_are_those_of_the_run_the_least_similar_first(run: Path, view: View) -> None:
    rows = stored(run, "duplicates/part-*.parquet")
    texts = {row["id"]: row["text"] for row in stored(run, "documents")}
    found = [
        row
        for start in range(0, len(rows), duplicates.PAGE)
        for row in duplicates.pairs(view, start=start)["rows"]
    ]
    expected = sorted((row["similarity"], row["removed"], row["kept"]) for row in rows)
    assert [(r["similarity"], r["sides"][1]["id"], r["sides"][0]["id"]) for r in found] == expected
    for row in found:
        for side in row["sides"]:
            shortened = re.split(
                r"\n\[… [\d,]+ equal words …\]\n", "".join(t for t, _ in side["pieces"])
            )
            place = 0
            for stretch in shortened:
                place = texts[side["id"]].index(stretch, place) + len(stretch)
        same = texts[row["sides"][0]["id"]] == texts[row["sides"][1]["id"]]
        assert row["equal"] is same
        assert any(marked for side in row["sides"] for _, marked in side["pieces"]) is not same


def test_copies_are_chosen_by_method_source_and_cluster(run: Path, view: View) -> None:
    rows = stored(run, "duplicates/part-*.parquet")
    assert duplicates.pairs(view)["methods"] == Counter(row["method"] for row in rows)
    for key, option in (("method", "method"), ("removed_source", "source"), ("cluster", "cluster")):
        for value, n in Counter(row[key] for row in rows).items():
            assert duplicates.pairs(view, **{option: value})["total"] == n


def test_an_overlap_stands_beside_its_item(run: Path, view: View) -> None:
    rows = stored(run, "contamination")
    spec = json.loads((run / "recipe.json").read_text())["decontaminate"]["sets"]["quiz"]
    path = Path(__file__).resolve().parents[2] / "examples" / spec.split("/", 1)[1]
    items = {row["id"]: row for row in map(json.loads, path.read_text("utf-8").splitlines())}
    texts = {row["id"]: row["text"] for row in stored(run, "documents")}
    hits = stored(run, "hits")
    found = overlaps.overlaps(view)
    assert found["total"] == len(rows) == len(found["rows"])
    assert found["benchmarks"] == {"quiz": len({row["id"] for row in rows})}
    for row in found["rows"]:
        item = "".join(text for text, _ in row["item_pieces"])
        assert item == items[row["item"]]["question"]
        marked = [text for text, own in row["pieces"] if own]
        text = texts[row["id"]]
        own = [hit for hit in hits if hit["id"] == row["id"]]
        assert marked
        for stretch in marked:
            start = text.index(stretch)
            assert any(hit["start"] == start for hit in own)
            assert any(hit["end"] == start + len(stretch) for hit in own)
        assert any(own for _, own in row["item_pieces"])


def test_without_the_evaluation_file_the_item_s_words_are_shown(view: View) -> None:
    """The same words, from the run's index."""
    whole = {
        (row["benchmark"], row["item"]): row["item_pieces"]
        for row in overlaps.overlaps(view)["rows"]
    }
    settings = {"quiz": "/nowhere/quiz.jsonl"}
    gone = open_run(view.run)
    object.__setattr__(gone.recipe.decontaminate, "sets", settings)
    for row in overlaps.overlaps(gone)["rows"]:
        words = [re.findall(r"\w+", "".join(t for t, _ in own).lower().replace("'", ""))
                 for own in (row["item_pieces"], whole[row["benchmark"], row["item"]])]  # fmt: skip
        assert "".join(words[0]) == "".join(words[1])


def test_the_mixture_is_that_of_the_shards(run: Path, view: View) -> None:
    rows = stored(run, "shards/train")
    told = stream.mixture(view)
    total = sum(row["tokens"] for row in rows)
    for own in told["sources"]:
        mine = [row for row in rows if row["source"] == own["source"]]
        assert own["delivered_tokens"] == sum(row["tokens"] for row in mine)
        assert own["share"] == pytest.approx(own["delivered_tokens"] / total)
        assert (own["draws"], own["documents"]) == (len(mine), len({row["id"] for row in mine}))
    shares = np.array(told["stretches"])
    assert shares.shape == (120, len(told["sources"]))
    assert shares.sum(axis=1) == pytest.approx(np.ones(120), abs=1e-3)
    assert shares.mean(axis=0) == pytest.approx([own["share"] for own in told["sources"]], abs=1e-3)


@pytest.mark.parametrize(
    ("side", "number", "length"), [("train", 0, 512), ("train", 77, 100), ("val", 3, 700)]
)
def test_a_sequence_is_what_the_shard_holds(
    run: Path, view: View, side: str, number: int, length: int
) -> None:
    """Decoded by tiktoken from the ids on disk, cut where the shard's own index says."""
    told = stream.sequence(view, number, length=length, side=side)
    folder = run / "shards" / side
    ids = np.fromfile(folder / "part-00000.bin", "<u2").tolist()
    assert (told["tokens"], told["sequences"]) == (len(ids), (len(ids) - 1) // length)
    ranks = load_tiktoken_bpe(str(run / "tokenizer" / "ranks.tiktoken"))
    pattern = r"""[^\s\S]"""  # decoding needs none
    decoder = tiktoken.Encoding("run", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    start, stop = number * length, (number + 1) * length
    expected = []
    for row in stored(run, f"shards/{side}"):
        first, last = max(start, row["start"]), min(stop, row["start"] + row["tokens"])
        if first < last:
            own = ids[first:last]
            text = decoder.decode([one for one in own if one < len(ranks)])
            ends = last == row["start"] + row["tokens"]
            expected.append(
                (row["id"], row["source"], row["copy"], len(own), first - row["start"], ends, text)
            )
    keys = ("id", "source", "copy", "tokens", "offset", "ends", "text")
    assert [tuple(row[key] for key in keys) for row in told["documents"]] == expected
    assert sum(row["tokens"] for row in told["documents"]) == length


def test_a_sequence_that_is_not_there_is_told(view: View) -> None:
    with pytest.raises(InputError, match="the stream has 245, from 0"):
        stream.sequence(view, 245)
    with pytest.raises(InputError, match="expected 1 to 16,384"):
        stream.sequence(view, 0, length=99_999)
    with pytest.raises(InputError, match="no shards of 'test'"):
        stream.sequence(view, 0, side="test")


def fates(run: Path, until: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Of each document its source and what became of it, by the rows of the stages named."""
    found = {row["id"]: (row["source"], "kept") for row in stored(run, "documents")}
    lost = {row["id"]: row for row in stored(run, "quality")} if (run / "quality").exists() else {}
    for name, row in lost.items():
        if not row["kept"]:
            found[name] = (found[name][0], "score · not drawn")
    for row in stored(run, "dropped"):
        if row["stage"] in until:
            found[row["id"]] = (row["source"], f"{row['stage']} · {row['rule']}")
    return found


def test_what_changed_hands(run: Path, stricter: Path, view: View) -> None:
    other = open_run(str(stricter))
    stages = ("ingest", "extract", "identify", "filter", "score", "dedup", "decontaminate")
    here, there = fates(run, stages), fates(stricter, stages)
    expected = Counter(
        (here[name][1], there[name][1], here[name][0])
        for name in here.keys() & there.keys()
        if here[name][1] != there[name][1]
    )
    assert here.keys() == there.keys()
    told = beside.moves(view, other)
    found: Counter[tuple[str, str, str]] = Counter()
    for row in told["rows"]:
        found[row["here"], row["there"], row["source"]] += row["n"]
    assert found == expected
    assert ("kept", "filter · gopher_quality.v1:words", "web") in found
    assert told["settings"] == [
        "filter.bounds.gopher_quality.v1.words_low: none → 250",
    ]
    for row in told["rows"]:
        own = {key: row[key] for key in ("here", "there", "source", "lang")}
        shown = beside.changed(view, other, **own)
        assert shown["total"] == row["n"]
        for document in shown["rows"]:
            assert (here[document["id"]][1], there[document["id"]][1]) == (
                row["here"],
                row["there"],
            )
            assert document["pieces"]


def test_a_run_beside_itself_has_changed_nothing(view: View) -> None:
    assert beside.moves(view, open_run(view.run))["rows"] == []


def test_beside_no_run_is_told(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["view", str(run), "--beside", str(tmp_path), "--no-browser"]) == 2
    assert "is not a run" in capsys.readouterr().err
