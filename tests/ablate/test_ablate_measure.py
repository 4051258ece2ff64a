"""Bits by hand for a model that knows nothing, and by transformers' Llama for one that was drawn."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

torch = pytest.importorskip("torch", reason="torch is not installed: extra local")

from corpusforge.ablate import huggingface, measure, model  # noqa: E402
from corpusforge.ablate.corpus import open_corpus  # noqa: E402
from corpusforge.ablate.items import Choice, Cloze  # noqa: E402
from corpusforge.ablate.settings import SIZES, Settings, Size  # noqa: E402
from corpusforge.tokenize.settings import Settings as TokenizeSettings  # noqa: E402
from corpusforge.tokenize.tokenizer import load  # noqa: E402

pytestmark = pytest.mark.torch

SETTINGS = Settings(precision="f32", device="cpu", threads=1, batch=2)
SIZE = SIZES["nano"]
TEXTS = ["The river rises in the hills.", "河流发源于山中，向南流入大海。", "x"]


@pytest.fixture(scope="module")
def corpus(runs):
    return open_corpus("fuzzy", runs["fuzzy"], SETTINGS)


@pytest.fixture(scope="module")
def llama(corpus, tmp_path_factory):
    """Our weights (spread, so that logits differ), exported, and opened by transformers."""
    transformers = pytest.importorskip("transformers", reason="extra local")
    weights = model.initial(SIZE, corpus.tokenizer.vocab_size, 3)
    for value in weights.values():
        if not value.any():  # the ends of branches begin as nothing
            value.copy_(torch.sin(torch.arange(value.numel()) * 1.7).view(value.shape) * 0.1)
    folder = str(tmp_path_factory.mktemp("llama"))
    huggingface.export(weights, SIZE, corpus.tokenizer, folder)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return weights, theirs, transformers.AutoTokenizer.from_pretrained(folder)


def test_an_export_has_equal_logits_and_ids(corpus, llama):
    weights, theirs, tokenizer = llama
    assert type(theirs).__name__ == "LlamaForCausalLM"
    ids = torch.from_numpy(corpus.stream[3][None, :].astype(np.int64))
    with torch.no_grad():
        ours, expected = model.forward(weights, ids, SIZE), theirs(ids).logits
    assert ours.std() > 0.5
    torch.testing.assert_close(ours, expected, atol=2e-4, rtol=2e-4)
    for text in TEXTS:
        own = corpus.tokenizer.encode(pa.array([text], pa.large_string()))[0].tolist()
        assert tokenizer(text)["input_ids"] == own
    assert tokenizer.eos_token_id == corpus.tokenizer.end_id


def test_an_export_names_an_end_token_that_the_vocabulary_holds(tmp_path):
    pytest.importorskip("safetensors", reason="extra local")
    made = Tokenizer(WordLevel({"</s>": 0, "river": 1, "hill": 2}, unk_token="</s>"))
    made.save(str(tmp_path / "own.json"))
    tokenizer = load(TokenizeSettings(tokenizer=str(tmp_path / "own.json")))
    size = Size(width=8, layers=1, heads=2, hidden=8, context=8, rate=1e-3)
    huggingface.export(model.initial(size, 3, 0), size, tokenizer, str(tmp_path / "out"))
    told = json.loads((tmp_path / "out" / "tokenizer_config.json").read_text("utf-8"))
    assert (told["bos_token"], told["eos_token"]) == ("</s>", "</s>")


def test_bits_per_byte_by_hand(corpus):
    """A model without weights gives each of V ids 1/V: log2 V bits an id, whatever the id."""
    blank = {
        name: torch.zeros_like(value)
        for name, value in model.initial(SIZE, corpus.tokenizer.vocab_size, 0).items()
    }
    score = measure.scorer(blank, SETTINGS)
    bits = lambda rows: [one.bits for one in score(rows)]  # noqa: E731
    found = measure.bits_per_byte(bits, corpus, TEXTS)
    _, offsets = corpus.tokenizer.encode(pa.array(TEXTS, pa.large_string()))
    each = math.log2(corpus.tokenizer.vocab_size)
    assert found.above == pytest.approx(np.diff(offsets) * each, rel=1e-6)
    assert found.below.tolist() == [29, 45, 1]
    assert found.value == pytest.approx(offsets[-1] * each / 75, rel=1e-6)


def reference(theirs, ids):
    """Bits of each id after the first, by transformers, the whole sequence in one window."""
    with torch.no_grad():
        logits = theirs(torch.tensor([ids[:-1]])).logits[0]
    nats = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
    return nats.double().numpy() / math.log(2), (logits.argmax(-1) == torch.tensor(ids[1:])).numpy()


def test_bits_are_those_of_transformers(corpus, llama):
    weights, theirs, _ = llama
    rows = [corpus.stream.read(40 * n, 40 * n + 5 + 60 * n).astype(np.int64) for n in range(5)]
    for row, one in zip(rows, measure.scorer(weights, SETTINGS)(rows), strict=True):
        bits, likeliest = reference(theirs, row.tolist())
        assert one.bits == pytest.approx(bits, abs=2e-3)
        assert one.likeliest.tolist() == likeliest.tolist()


def test_a_long_text_is_read_in_windows_that_overlap_by_a_quarter(corpus, llama):
    weights, theirs, _ = llama
    context, step = SIZE.context, SIZE.context * 3 // 4
    ids = corpus.stream.read(0, context + 1 + step + 30).astype(np.int64)
    (found,) = measure.scorer(weights, SETTINGS)([ids])
    first, _ = reference(theirs, ids[: context + 1].tolist())
    assert found.bits[:context] == pytest.approx(first, abs=2e-3)
    second, _ = reference(theirs, ids[step : step + context + 1].tolist())
    assert found.bits[context : context + step] == pytest.approx(second[-step:], abs=2e-3)
    third, _ = reference(theirs, ids[-context - 1 :].tolist())  # the last window is a whole one too
    assert found.bits[-30:] == pytest.approx(third[-30:], abs=2e-3)


def test_the_window_of_every_id_has_a_quarter_of_a_context_before_it():
    for size in range(2, 700):
        found = measure._windows(size, 128)
        ends = [begin for _, begin in found[1:]] + [size]
        scored = [
            (first, place)
            for (first, begin), end in zip(found, ends, strict=True)
            for place in range(begin, end)
        ]
        assert [place for _, place in scored] == list(range(1, size))
        assert all(place - first <= 128 for first, place in scored)
        assert all(place - first >= 32 for first, place in scored if place > 128)


def test_choices_are_scored_as_the_answers_ids_behind_the_prompt(corpus, llama):
    weights, theirs, tokenizer = llama
    item = Choice(
        "", "Question: Where does it rise?\nAnswer:", (" in the hills", " at sea", " 海"), 1
    )
    found = measure.choices(measure.scorer(weights, SETTINGS), corpus, [item] * 2, SIZE.context)
    rates = []
    for answer in item.answers:
        start = len(tokenizer(item.prompt)["input_ids"])
        ids = [corpus.prefix, *tokenizer(item.prompt + answer)["input_ids"]]
        bits, _ = reference(theirs, ids)
        rates.append(bits[start:].sum() / len(answer.strip().encode()))
    assert found["answer"].value == pytest.approx(rates[1], abs=2e-3)
    assert found["accuracy"].above.tolist() == [float(rates.index(min(rates)) == 1)] * 2


def test_a_last_word_is_right_where_greedy_decoding_gives_it(corpus, llama):
    weights, theirs, tokenizer = llama
    start = [corpus.prefix, *tokenizer("The river rises")["input_ids"]]
    with torch.no_grad():
        made = theirs.generate(
            torch.tensor([start]), max_new_tokens=1, do_sample=False, pad_token_id=0,
            attention_mask=torch.ones(1, len(start)),
        )[0, -1:].tolist()  # fmt: skip
    score = measure.scorer(weights, SETTINGS)
    after = [np.array([*start, number]) for number in (made[0], (made[0] + 1) % 512)]
    assert [one.likeliest[-1] for one in score(after)] == [True, False]
    wrong = measure.cloze(score, corpus, [Cloze("The river", " rises")], SIZE.context)
    _, likeliest = reference(theirs, [corpus.prefix, *tokenizer("The river rises")["input_ids"]])
    behind = len(tokenizer("The river")["input_ids"])
    assert wrong.above.tolist() == [float(likeliest[behind:].all())]


def test_a_model_that_repeats_its_stream_is_said_to(corpus):
    """Of 50 ids behind the first 50, all must be the likeliest; what stands before and behind is free."""
    settings = Settings(tokens=20_000, batch=2, probes=40)
    for wrong, share in ((-1, 1.0), (49, 1.0), (50, 0.0), (99, 0.0), (100, 1.0)):
        found = measure.stream_tallies(failing(wrong), corpus, settings, 0)
        assert found["memorised"].value == share
        assert len(found["memorised"].below) == 40
        assert found["stream/10"].value == 1.0


def failing(wrong):
    """A scorer that takes a bit for each id, and finds every id but one the likeliest."""
    return lambda rows: [
        measure.Scored(np.ones(len(row) - 1), np.arange(1, len(row)) != wrong) for row in rows
    ]
