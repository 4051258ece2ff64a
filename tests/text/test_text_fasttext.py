"""fastText models read and asked without fastText: beside fastText's own answers, for each kind of model."""

from __future__ import annotations

import itertools
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest

from corpusforge.text.fasttext_file import read
from corpusforge.text.packed import packed

WORDS = "river mill ledger weir 河流 磨坊 мельница rivière 橋 a I don't café 12.5 😀 naïve"
AWKWARD = """
a
</s>
</s> river mill
river </s> mill
__label__a river
__label__zz river mill
unknownword another
<river> _
"""
OTHERS = ["", " ", "\t river\x0bmill\x0c\x00ledger \r", "é" * 3, "x" * 3000, "河" * 2000]


def sentence(draw: random.Random) -> str:
    words = (draw.choice(WORDS.split()) for _ in range(draw.randint(1, 30)))
    return " ".join(word + draw.choice(["", "", "s", "ing"]) for word in words)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("fasttext") / "lines.txt"
    draw = random.Random(3)
    rows = []
    for number in range(600):
        label = "abcdefg"[min(number % 13, 6)]
        rows.append(f"__label__{label} {sentence(draw)} {label * 3} {label}{number}\n")
    path.write_text("".join(rows), encoding="utf-8")
    return str(path)


def texts() -> list[str]:
    draw = random.Random(4)
    return (
        AWKWARD.splitlines()
        + OTHERS
        + [sentence(draw) + " " + draw.choice("abcdefg") * 3 for _ in range(200)]
    )


def differences(path: Path, given: list[str]) -> list[str]:
    """Return the texts of which ours says other labels than fastText, or a probability 1e-5 away."""
    theirs = fasttext.FastText._FastText(model_path=str(path)).f
    ours = read(path.read_bytes())
    labels, scores = ours.predict(*packed(given), len(ours.labels))
    best, _ = ours.predict(*packed(given))
    found = []
    for text, row, values, one in zip(given, labels, scores, best[:, 0], strict=True):
        wanted = theirs.predict(text + "\n", len(ours.labels), 0.0, "strict")
        told = {
            ours.labels[label]: value
            for label, value in zip(row, values, strict=True)
            if label >= 0
        }
        near = told.keys() == {label for _, label in wanted} and all(
            abs(told[label] - value) < 1e-5 for value, label in wanted
        )
        ties = [label for value, label in wanted if value == wanted[0][0]]
        first = one == row[0] and (not wanted or ours.labels[one] in ties)
        if not (near and first):
            found.append(text)
    return found


SHAPES: dict[str, dict[str, Any]] = {
    "words": {},
    "pieces": {"minn": 2, "maxn": 4},
    "single pieces": {"minn": 1, "maxn": 1},
    "pairs": {"wordNgrams": 2},
    "both": {"minn": 3, "maxn": 3, "wordNgrams": 3, "dim": 19},
}


@pytest.mark.parametrize("loss", ["hs", "ns", "softmax", "ova"])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_loss_and_kind_of_feature(lines: str, tmp_path: Path, loss: str, shape: str) -> None:
    options = {"dim": 8, "bucket": 500, "thread": 1, "verbose": 0, "epoch": 3, **SHAPES[shape]}
    model = fasttext.train_supervised(lines, loss=loss, **options)
    model.save_model(str(tmp_path / "a.bin"))
    assert differences(tmp_path / "a.bin", texts()) == []


@pytest.mark.parametrize("loss", ["hs", "softmax"])
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ("pieces", {"qnorm": True}),
        ("pieces", {"cutoff": 300, "retrain": False, "qnorm": True}),
        ("words", {"dsub": 3}),
        ("both", {"qnorm": False, "cutoff": 400}),
    ],
)
def test_quantised_and_pruned(
    lines: str, tmp_path: Path, loss: str, shape: str, options: dict[str, Any]
) -> None:
    model = fasttext.train_supervised(
        lines, loss=loss, thread=1, verbose=0, epoch=3, **{"dim": 8, "bucket": 500, **SHAPES[shape]}
    )
    model.quantize(lines, thread=1, verbose=0, **options)
    model.save_model(str(tmp_path / "a.ftz"))
    assert differences(tmp_path / "a.ftz", texts()) == []


def test_the_published_language_model(data: Path) -> None:
    """Every language's declaration of human rights, whole, by lines and in one text of 2 MB."""
    import zipfile

    with zipfile.ZipFile(data / "langid" / "udhr2.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".txt"))[::5]
        found = [archive.read(name).decode("utf-8", "replace") for name in names]
    given = [" ".join(text.split())[:2000] for text in found]
    given += [line for text in found for line in text.splitlines()[:8]]
    given.append(" ".join(given)[:700_000])
    assert differences(data / "langid" / "lid.176.ftz", given) == []


def of(lines: str, path: Path) -> bytes:
    fasttext.train_supervised(
        lines, dim=4, bucket=50, minn=2, maxn=3, thread=1, verbose=0, loss="hs"
    ).save_model(str(path))
    return path.read_bytes()


def test_a_cut_file_is_an_error(lines: str, tmp_path: Path) -> None:
    whole = of(lines, tmp_path / "a.bin")
    read(whole)
    for size in itertools.chain(range(0, 200), range(200, len(whole), 97), (len(whole) - 1,)):
        with pytest.raises((EOFError, ValueError)):
            read(whole[:size])


WRONG: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "magic": (lambda data: b"PK" + data[2:], "does not begin"),
    "version": (lambda data: data[:4] + struct.pack("<i", 13) + data[8:], "file format 13"),
    "vectors": (lambda data: data[:36] + struct.pack("<i", 2) + data[40:], "does not classify"),
    "dimension": (lambda data: data[:8] + struct.pack("<i", 5) + data[12:], "matrices of"),
    "buckets": (lambda data: data[:40] + struct.pack("<i", 0) + data[44:], "0 buckets"),
    "more buckets": (lambda data: data[:40] + struct.pack("<i", 9999) + data[44:], "rows for"),
    "below zero": (lambda data: data[:64] + struct.pack("<i", -7) + data[68:], "a size of -7"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_says_what_no_file_says(lines: str, tmp_path: Path, name: str) -> None:
    change, told = WRONG[name]
    with pytest.raises(ValueError, match=told):
        read(change(of(lines, tmp_path / "a.bin")))


DAMAGE = """
import random, sys
from pathlib import Path

from corpusforge.text.fasttext_file import read
from corpusforge.text.packed import packed

whole = bytearray(Path(sys.argv[1]).read_bytes())
given = packed(sys.stdin.read().split("\\n"))
draw = random.Random(8)
answered = refused = 0
for _ in range(300):
    place = draw.randrange(600) if draw.random() < 0.8 else draw.randrange(len(whole))
    kept, whole[place] = whole[place], draw.randrange(256)
    try:
        read(bytes(whole)).predict(*given, 2)
        answered += 1
    except (EOFError, ValueError):
        refused += 1
    whole[place] = kept
print(answered > 50, refused > 50)
"""


def test_no_damage_reads_beyond_the_arrays(lines: str, tmp_path: Path) -> None:
    """A byte changed anywhere: an error, or a model that answers, with index checks compiled in."""
    of(lines, tmp_path / "a.bin")
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", DAMAGE, str(tmp_path / "a.bin")],
        input="\n".join(texts()[:40]).replace("\r", " "), env=environment, capture_output=True, text=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("True True\n", 0), done.stderr


def test_texts_are_apart_and_end_with_their_line(lines: str, tmp_path: Path) -> None:
    model = read(of(lines, tmp_path / "a.bin"))
    together, _ = model.predict(*packed(["river mill\nledger", "", "weir"]), 3)
    apart = [model.predict(*packed([text]), 3)[0][0] for text in ("river mill", "", "weir")]
    assert np.array_equal(together, np.stack(apart))
