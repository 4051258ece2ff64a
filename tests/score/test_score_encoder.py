"""The encoder: trained twice it is one file, batches do not change scores, a directory is read."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from corpusforge import score
from corpusforge.errors import InputError, RecipeError
from corpusforge.score.evaluation import roc_auc
from corpusforge.score.features import SEARCH, window_bounds
from corpusforge.score.settings import EncoderSettings, Settings, TrainSettings
from corpusforge.text.packed import packed

torch = pytest.importorskip("torch", reason="extra local")

PROSE = [
    f"The river rises in hill {i} and runs slowly to the sea, where people fish." for i in range(40)
]
MENUS = [f"home | login | cart ({i}) >> buy now!!! $ {i}.99 -- click * click" for i in range(40)]
CHINESE = ["河流发源于山中，向南流入大海。", "首页｜登录｜购物车＞＞"]
SMALL = EncoderSettings(width=32, layers=1, heads=2, epochs=6, rate=3e-3, batch=8, device="cpu")


def array(texts):
    return pa.array(texts, pa.large_string())


@pytest.fixture(scope="module")
def trained():
    settings = Settings(
        engine="encoder", train=TrainSettings(window_bytes=120, encoder=SMALL, seed=3)
    )
    sides = [array(PROSE[:30])], [array(MENUS[:30])]
    return score.train(*sides, settings), score.train(*sides, settings)


def test_encoder_ranks_unseen_texts_and_is_one_file_twice(trained, tmp_path):
    model, again = trained
    assert model.to_bytes() == again.to_bytes()
    unseen = array(PROSE[30:] + MENUS[30:])
    values = model.score(unseen)
    labels = np.arange(20) < 10
    assert values.dtype == np.float32
    assert roc_auc(values.astype(float), labels) > 0.95
    path = str(tmp_path / "encoder.bin")
    score.save(model, path)
    loaded = score.load(path)
    assert np.array_equal(loaded.score(unseen), values)
    assert loaded.card["engine"] == "encoder"
    assert loaded.to_bytes() == model.to_bytes()


def test_batches_and_order_do_not_change_scores(trained):
    model = trained[0]
    texts = [*PROSE[:7], "", "x", *CHINESE, "long text. " * 90]
    whole = model.score(array(texts))
    single = np.array([model.score(array([text]))[0] for text in texts])
    assert whole == pytest.approx(single, abs=1e-5)
    assert whole[::-1] == pytest.approx(model.score(array(texts[::-1])), abs=1e-5)
    assert np.isfinite(whole).all()


def test_a_text_of_windows_has_their_mean(trained):
    model = trained[0]
    text = " ".join(PROSE[:4] + MENUS[:4])
    data, offsets = packed([text])
    bounds = window_bounds(data, 0, int(offsets[1]), 120, SEARCH).tolist()
    pieces = [data[a:b].tobytes().decode() for a, b in itertools.pairwise(bounds)]
    assert len(pieces) > 3
    alone = replace(model, window_bytes=100_000).totals(array(pieces))
    sizes = np.array([len(piece.encode()) for piece in pieces])
    expected = float((alone * sizes).sum() / sizes.sum())
    assert model.totals(array([text]))[0] == pytest.approx(expected, abs=1e-4)


def test_a_damaged_file_is_refused(trained, tmp_path):
    path = tmp_path / "short.bin"
    path.write_bytes(trained[0].to_bytes()[:-8])
    with pytest.raises(InputError, match="damaged"):
        score.load(str(path))


def test_settings_are_checked():
    with pytest.raises(RecipeError, match="width"):
        EncoderSettings(width=30, heads=4)
    with pytest.raises(RecipeError, match="device"):
        EncoderSettings(device="tpu")


@pytest.fixture
def directory(tmp_path):
    """A tiny classifier in a Hugging Face directory, its tokenizer made here."""
    transformers = pytest.importorskip("transformers", reason="extra local")
    tokenizers = pytest.importorskip("tokenizers", reason="extra local")
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[PAD]": 0, "[UNK]": 1}, "[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    trainer = tokenizers.trainers.WordLevelTrainer(special_tokens=["[PAD]", "[UNK]"])
    model.train_from_iterator(PROSE + MENUS, trainer)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=model, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    )
    config = transformers.BertConfig(
        vocab_size=model.get_vocab_size(), hidden_size=16, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=32, id2label={0: "low", 1: "mid", 2: "high"},
        label2id={"low": 0, "mid": 1, "high": 2},
    )  # fmt: skip
    torch.manual_seed(0)
    classifier = transformers.BertForSequenceClassification(config).eval()
    classifier.save_pretrained(tmp_path / "hf")
    fast.save_pretrained(tmp_path / "hf")
    return tmp_path / "hf", classifier, fast


def test_a_directory_gives_its_own_probability(directory):
    path, classifier, tokenizer = directory
    model = score.load(Settings(model=str(path), label="mid"))
    texts = [PROSE[0], MENUS[1], "one word"]
    for text, got in zip(texts, model.score(array(texts)), strict=True):
        with torch.inference_mode():
            logits = classifier(**tokenizer(text, return_tensors="pt")).logits
        assert got == pytest.approx(float(logits.softmax(-1)[0, 1]), abs=1e-5)


def test_training_starts_from_a_directory(directory, tmp_path):
    path, *_ = directory
    encoder = EncoderSettings(base=str(path), epochs=6, rate=3e-3, batch=8, device="cpu")
    settings = Settings(engine="encoder", train=TrainSettings(window_bytes=120, encoder=encoder))
    model = score.train([array(PROSE[:30])], [array(MENUS[:30])], settings)
    unseen = array(PROSE[30:] + MENUS[30:])
    assert roc_auc(model.score(unseen).astype(float), np.arange(20) < 10) > 0.9
    score.save(model, str(tmp_path / "from-directory.bin"))
    loaded = score.load(str(tmp_path / "from-directory.bin"))
    assert np.allclose(loaded.score(unseen), model.score(unseen), atol=1e-6)


def test_a_folder_that_is_no_classifier_is_named(tmp_path):
    pytest.importorskip("transformers", reason="extra local")
    with pytest.raises(InputError, match="no local Hugging Face"):
        score.load(str(tmp_path))
