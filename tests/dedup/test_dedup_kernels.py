from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from dedup_twins import MIXED, content_hash, shingle_hash, shingles

from corpusforge.dedup import kernels
from corpusforge.dedup.plan import make_plan
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import exact_hashes, shingle_sets, sign, to_datasketch


@pytest.mark.parametrize("n", [1, 3, 5])
def test_shingles_equal_the_twin_on_mixed_scripts(n):
    flat, bounds = shingle_sets(MIXED, n)
    for i, text in enumerate(MIXED):
        expected = sorted({shingle_hash(s) for s in shingles(text, n)})
        assert flat[bounds[i] : bounds[i + 1]].tolist() == expected, text


def test_content_hash_equals_the_twin():
    assert exact_hashes(MIXED).tolist() == [content_hash(text) for text in MIXED]


def test_content_ignores_case_and_space_but_not_punctuation():
    a, b, c, d = exact_hashes(["A  cat\n sat. ", " a cat sat.", "a cat sat", "acat sat."])
    assert a == b
    assert len({int(a), int(c), int(d)}) == 3


@pytest.mark.parametrize(("slots", "seed"), [(128, 1), (112, 42), (16, 7)])
def test_signatures_are_datasketchs_bit_for_bit(slots, seed):
    settings = Settings(slots=slots, seed=seed, threshold=0.8, recall=0.5)
    signatures, counts, _ = sign(MIXED, settings)
    flat, bounds = shingle_sets(MIXED, settings.ngram)
    for i, text in enumerate(MIXED):
        peer = MinHash(num_perm=slots, seed=seed, hashfunc=lambda value: value)
        for value in flat[bounds[i] : bounds[i + 1]].tolist():
            peer.update(value)
        assert signatures[i].tolist() == peer.hashvalues.tolist()
        assert counts[i] == len(shingles(text, settings.ngram))


def test_real_documents_sign_like_datasketch(data):
    with gzip.open(data / "neardup/licensee-fixtures.jsonl.gz") as stream:
        texts = [json.loads(line)["text"] for line in stream][:10]
    signatures, _, _ = sign(texts, Settings())
    flat, bounds = shingle_sets(texts, 5)
    for i in range(len(texts)):
        peer = MinHash(num_perm=128, seed=1, hashfunc=lambda value: value)
        peer.update_batch(flat[bounds[i] : bounds[i + 1]].tolist())
        assert (signatures[i] == peer.hashvalues).all()


def test_datasketch_estimates_and_indexes_our_signatures():
    texts = ["one two three four five six seven eight", "one two three four five six seven nine"]
    first, second = to_datasketch(sign(texts, Settings())[0], 1)
    assert first.jaccard(second) == pytest.approx(3 / 5, abs=0.15)
    plan = make_plan(Settings())
    lsh = MinHashLSH(num_perm=128, params=(plan.bands, plan.rows))
    lsh.insert("first", first)
    assert lsh.query(first) == ["first"]
    first.update(b"more")  # permutations are the seed's, so a sketch can grow


def test_empty_set_is_the_identity_of_minimum():
    signatures, counts, _ = sign(["", "!!"], Settings())
    assert (signatures == 0xFFFFFFFF).all()
    assert counts.tolist() == [0, 0]


def test_a_batch_without_rows():
    signatures, counts, content = sign([], Settings())
    assert signatures.shape == (0, 128)
    assert len(counts) == len(content) == 0


def test_estimate_is_within_binomial_error():
    # 400 shared of 1,000 distinct words: J of single words is 0.4 exactly
    texts = [
        " ".join(f"w{i}" for i in range(0, 700)),
        " ".join(f"w{i}" for i in range(300, 1000)),
    ]
    signatures, _, _ = sign(texts, Settings(slots=2048, ngram=1))
    estimate = (signatures[0] == signatures[1]).mean()
    assert abs(estimate - 0.4) < 4 * np.sqrt(0.24 / 2048)


def test_band_keys_depend_on_their_rows_only():
    signatures = np.arange(40, dtype=np.uint32).reshape(2, 20)
    signatures[1, 5:10] = signatures[0, 5:10]
    rows = np.array([0, 1])
    for band in range(4):
        left, right = kernels.band_keys(signatures, rows, band, 5)
        assert (left == right) == (band == 1)
