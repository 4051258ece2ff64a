"""Labels and scores of both engines on real declarations, and what the recipe keeps."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
import zipfile
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.errors import InputError, RecipeError
from corpusforge.identify import Settings, identify, keep, scripts
from corpusforge.identify.engines import cld2_details
from corpusforge.identify.labels import canonical
from corpusforge.identify.scripts import SCRIPTS

DECLARATIONS = {
    "eng": "en",
    "fra": "fr",
    "deu": "de",
    "spa": "es",
    "cmn_hans": "zh",
    "cmn_hant": "zh",
    "jpn": "ja",
    "kor": "ko",
    "rus": "ru",
    "arb": "ar",
    "hin": "hi",
    "tha": "th",
}


@pytest.fixture(scope="module")
def declarations(data):
    with zipfile.ZipFile(data / "langid" / "udhr2.zip") as archive:
        names = {name.rsplit("/", 1)[-1].removesuffix(".txt"): name for name in archive.namelist()}
        return {key: archive.read(names[key]).decode() for key in DECLARATIONS if key in names}


def settings_for(engine, data):
    model = str(data / "langid" / "lid.176.ftz") if engine != "pycld2" else ""
    return Settings(engine=engine, model=model)


@pytest.mark.parametrize("engine", ["pycld2", "lid176", "blend"])
def test_declarations_are_named(engine, data, declarations):
    assert len(declarations) >= 10
    texts = pa.array(list(declarations.values()), type=pa.large_string())
    labels, scores = identify(texts, settings_for(engine, data))
    assert labels == [DECLARATIONS[name] for name in declarations]
    assert scores.dtype == np.float32
    assert (scores > 0.5).all()
    assert (scores <= 1).all()


@pytest.mark.parametrize("engine", ["pycld2", "lid176", "blend"])
def test_hopeless_texts_are_und_or_low(engine, data):
    texts = pa.array(["", " \n", "\x00\ufffe", None], type=pa.large_string())
    labels, scores = identify(texts, settings_for(engine, data))
    assert labels == ["und"] * 4
    assert not scores.any()


def test_newlines_do_not_hide_the_rest(data):
    # fastText reads one line; lid.176 itself names the Chinese rest when the newline is a space.
    text = "ok\n" + "今天天气很好，我们去公园散步，然后回家吃饭。\n" * 8
    labels, _ = identify(pa.array([text], pa.large_string()), settings_for("lid176", data))
    assert labels == ["zh"]


def test_lid176_score_is_fasttexts_own(data):
    import fasttext

    text = "Le renard brun saute par-dessus le chien paresseux."
    model = fasttext.FastText._FastText(model_path=str(data / "langid" / "lid.176.ftz"))
    probability, label = model.f.predict(text + "\n", 1, 0.0, "strict")[0]
    labels, scores = identify(pa.array([text], pa.large_string()), settings_for("lid176", data))
    assert labels == [label.removeprefix("__label__")]
    assert scores[0] == pytest.approx(probability, abs=1e-6)


def test_doubtful_slices_make_it_read_on(data, declarations):
    # slices lie in English quotations; the full text is Chinese for the most part
    text = (
        "好" * 60 + "这是一个中文句子，用来测试语言识别。" * 40 + " The cat sat on the mat. "
    ) * 30
    texts = pa.array([text], pa.large_string())
    never, always = (Settings(places=(1.0,), slice_bytes=25, sure=sure) for sure in (0.0, 1.0))
    assert identify(texts, never)[0] == ["en"]
    assert identify(texts, always)[0] == ["zh"]


def test_slices_name_what_the_full_text_names(data, declarations):
    texts = pa.array(list(declarations.values()), type=pa.large_string())
    for engine in ("pycld2", "lid176", "blend"):
        sliced = settings_for(engine, data)
        assert identify(texts, sliced)[0] == identify(texts, replace(sliced, slice_bytes=0))[0]


def test_blend_adds_the_votes_of_both(data):
    text = "Le renard brun saute par-dessus le chien paresseux."
    one = pa.array([text], pa.large_string())
    lid = identify(one, settings_for("lid176", data))
    cld = identify(one, settings_for("pycld2", data))
    labels, scores = identify(one, settings_for("blend", data))
    assert labels == lid[0] == cld[0] == ["fr"]
    share = cld2_details(text.encode())[0].share
    assert scores[0] == pytest.approx((lid[1][0] + 0.7 * share) / 1.7, abs=1e-6)


def test_batching_changes_nothing(declarations):
    texts = pa.array(list(declarations.values()), type=pa.large_string())
    labels, scores = identify(texts)
    one = [identify(texts.slice(i, 1)) for i in range(len(texts))]
    assert [label for each, _ in one for label in each] == labels
    assert np.array_equal(np.concatenate([s for _, s in one]), scores)


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("iw", "he"),
        ("zh-Hant", "zh"),
        ("__label__sr", "sr"),
        ("sr-ME", "sr"),
        ("nb", "no"),
        ("fil", "tl"),
        ("xx-Arab", "und"),
        ("un", "und"),
        ("ceb", "ceb"),
    ],
)
def test_one_form_of_a_label(code, label):
    assert canonical(code) == label


def test_keep_by_language_and_score():
    labels = ["en", "en", "zh", "und"]
    scores = np.array([0.9, 0.3, 0.7, 0.0], dtype=np.float32)
    assert keep(labels, scores, Settings()).tolist() == [True] * 4
    chosen = Settings(languages=("en", "zh"), min_score=0.65)
    assert keep(labels, scores, chosen).tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    "bad",
    [
        {"engine": "cld9"},
        {"engine": "lid176"},
        {"engine": "blend"},
        {"sure": 2.0},
        {"places": ()},
        {"places": (0.9, 0.1)},
        {"places": (2.0,)},
        {"slice_bytes": -1},
        {"min_score": 1.5},
    ],
)
def test_bad_settings_are_named(bad):
    with pytest.raises(RecipeError, match="identify"):
        Settings(**bad)


def test_missing_and_broken_model_files(tmp_path):
    texts = pa.array(["text"], pa.large_string())
    with pytest.raises(InputError, match="does not exist"):
        identify(texts, Settings(engine="lid176", model=str(tmp_path / "none.ftz")))
    (tmp_path / "junk.ftz").write_bytes(b"junk" * 100)
    with pytest.raises(InputError, match="no fastText model"):
        identify(texts, Settings(engine="lid176", model=str(tmp_path / "junk.ftz")))


NAMES = {
    "CJK UNIFIED": "han", "CJK COMPATIBILITY": "han", "HIRAGANA": "kana", "KATAKANA": "kana",
    "HANGUL": "hangul", "LATIN": "latin", "CYRILLIC": "cyrillic", "GREEK": "greek",
    "ARABIC": "arabic", "DEVANAGARI": "devanagari", "THAI": "thai",
}  # fmt: skip


def test_scripts_agree_with_unicode_names(declarations):
    rows = scripts(list(declarations.values()))
    for i, text in enumerate(declarations.values()):
        letters = [c for c in text if c.isalpha()]
        for prefix in set(NAMES.values()):
            starts = tuple(k for k, v in NAMES.items() if v == prefix)
            count = sum(unicodedata.name(c, "").startswith(starts) for c in letters)
            assert rows.column(SCRIPTS.index(prefix))[i].as_py() == pytest.approx(
                count / len(letters), abs=0.005
            )


def test_import_is_light():
    code = (
        "import sys, json, corpusforge.identify;"
        "print(json.dumps([m for m in ('fasttext','pycld2','torch') if m in sys.modules]))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(out.stdout) == []
