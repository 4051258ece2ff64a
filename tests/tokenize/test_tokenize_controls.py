"""Whatever raw text spells, no control id leaves an encoder; every kind of tokenizer that is taken.

Files are built with `tokenizers`; a text that spells nothing must get the ids that the library gives.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from corpusforge.errors import InputError, RecipeError
from corpusforge.tokenize import Settings, load, train
from corpusforge.tokenize.patterns import byte_letters
from corpusforge.tokenize.ranks import dump_ranks

LETTERS = [chr(n) for n in range(33, 127)]
PLAIN = [
    "the cat sat",
    "a  b",
    "Hello, world!",
    "x",
    "",
    "def f(x):\n    return [x]",
    "they said hello",
]
CONTROL = "<|ctl|>"


def bpe(
    byte_level: bool = True, unk: str | None = None, fallback: bool = False, **more: Any
) -> tuple[dict[str, int], Any]:
    words = byte_letters() if byte_level else [*LETTERS, "\u2581"]
    words = (
        [f"<0x{n:02X}>" for n in range(256)] * fallback + words + ["th", "the", "he", "ll", "llo"]
    )
    merges = [("t", "h"), ("th", "e"), ("h", "e"), ("l", "l"), ("ll", "o")]
    return {word: n for n, word in enumerate(words)}, lambda vocab: models.BPE(
        vocab=vocab, merges=merges, unk_token=unk, byte_fallback=fallback, fuse_unk=False, **more
    )


def byte_level(inside: list[str]) -> Tokenizer:
    vocab, make = bpe()
    made = Tokenizer(make(grown(vocab, inside)))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def fallback(inside: list[str], **more: Any) -> Tokenizer:
    """As Llama's: no pre-tokenizer, blanks are U+2581, bytes for what is unknown."""
    vocab, make = bpe(byte_level=False, unk="<unk>", fallback=True, **more)
    made = Tokenizer(make(grown(vocab, ["<unk>", *inside])))
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    made.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return made


def whole_words(inside: list[str]) -> Tokenizer:
    """As Llama 3's: a word that the vocabulary holds is taken before any merge."""
    made = fallback(inside, ignore_merges=True)
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s+|\S+"), "isolated")
    return made


def characters(inside: list[str], unk: str | None = "<unk>") -> Tokenizer:
    vocab, make = bpe(byte_level=False, unk=unk)
    made = Tokenizer(make(grown(vocab, [*([unk] if unk else []), " ", "\n", *inside])))
    made.decoder = decoders.Fuse()
    return made


def dropping(inside: list[str]) -> Tokenizer:
    """The model has no token for what is unknown, and leaves it out."""
    return characters(inside, unk=None)


def suffixed(inside: list[str]) -> Tokenizer:
    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "th", "the</w>", "<unk>"]
    made = Tokenizer(
        models.BPE(
            vocab=grown({w: n for n, w in enumerate(words)}, inside), end_of_word_suffix="</w>",
            merges=[("t", "h"), ("th", "e</w>")], unk_token="<unk>",
        )
    )  # fmt: skip
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


def word_piece(inside: list[str], bert: bool = True) -> Tokenizer:
    words = ["[UNK]", *LETTERS, *(f"##{letter}" for letter in LETTERS), "the", "cat", "##llo"]
    vocab = grown({word: n for n, word in enumerate(words)}, inside)
    made = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    if bert:
        made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = (
        pre_tokenizers.BertPreTokenizer() if bert else pre_tokenizers.WhitespaceSplit()
    )
    return made


def word_piece_split(inside: list[str]) -> Tokenizer:
    return word_piece(inside, bert=False)


def unigram(inside: list[str], bytes_: bool = False, unk: bool = True) -> Tokenizer:
    """Control pieces have the score 0, as SentencePiece writes them: the best of all."""
    pieces = [("<unk>", 0.0)] * unk + [(f"<0x{n:02X}>", 0.0) for n in range(256)] * bytes_
    pieces += [(name, 0.0) for name in inside] + [
        (letter, -5.0) for letter in [*LETTERS, "\u2581", "\n"]
    ]
    pieces += [("the", -3.0), ("\u2581the", -2.5), ("llo", -4.0)]
    made = Tokenizer(models.Unigram(pieces, unk_id=0 if unk else None, byte_fallback=bytes_))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return made


def unigram_bytes(inside: list[str]) -> Tokenizer:
    return unigram(inside, bytes_=True)


def unigram_without_unknown(inside: list[str]) -> Tokenizer:
    return unigram(inside, unk=False)


def word_level(inside: list[str], unk: str = "<unk>") -> Tokenizer:
    words = [*([unk] if unk else []), "the", "cat", "sat", "a", "b", "x", "hello", "they", "said"]
    vocab = grown({word: n for n, word in enumerate(words)}, inside)
    made = Tokenizer(models.WordLevel(vocab, unk_token=unk or "<none>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


def word_level_without_unknown(inside: list[str]) -> Tokenizer:
    return word_level(inside, unk="")


def grown(vocab: dict[str, int], inside: list[str]) -> dict[str, int]:
    return {**vocab, **{name: len(vocab) + n for n, name in enumerate(inside)}}


KINDS: dict[str, Callable[[list[str]], Tokenizer]] = {
    kind.__name__: kind
    for kind in (byte_level, fallback, whole_words, characters, dropping, suffixed, word_piece,
                 word_piece_split, unigram, unigram_bytes, unigram_without_unknown, word_level,
                 word_level_without_unknown)
}  # fmt: skip
LOSSLESS = ("byte_level", "fallback", "whole_words", "unigram_bytes")
"""Kinds whose ids decode to the text, whatever it is."""
METASPACE = "unigram_bytes"
"""Its file takes one blank at the beginning of a text for its own."""
RAISES = ("unigram_without_unknown", "word_level_without_unknown")
"""Kinds of which the library raises for what is unknown."""
FLAGS = [dict(zip(("special", "normalized", "single_word", "lstrip", "rstrip"), on, strict=True))
         for on in itertools.product((False, True), repeat=5)]  # fmt: skip


def spelling(token: str) -> list[str]:
    """Texts that spell a token, alone, among others, and with blanks that flags would eat."""
    return [token, f" {token} ", f"the{token}cat", f"the {token} cat", f"{token}{token}", f"\n{token}\n",
            f"{token.upper()} {token.lower()}", f"{token[:-1]} {token[-1:]}", f"a  {token}  b", f"<{token}>",
            f"{token}\u200b", f"{token} {token} the {token}"]  # fmt: skip


def saved(folder: Path, made: Tokenizer) -> str:
    path = folder / "tokenizer.json"
    path.write_text(made.to_str())
    return str(path)


def encoded(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    ids, offsets = tokenizer.encode(pa.array(texts, pa.large_string()))
    return [ids[a:b].tolist() for a, b in itertools.pairwise(offsets.tolist())]


def library(path: str, text: str) -> list[int] | None:
    """What the library gives for a text, None where it raises."""
    made = Tokenizer.from_file(path)
    try:
        return list(made.encode(text, add_special_tokens=False).ids)
    except Exception:
        return None


@pytest.mark.parametrize("inside", [False, True], ids=["added", "in the vocabulary too"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_added_token_leaves_any_kind_of_tokenizer(
    tmp_path: Path, kind: str, inside: bool
) -> None:
    """All 32 combinations of flags; the tokenizer's own end and start among them."""
    names = [f"<|c{n:02}|>" for n in range(len(FLAGS))]
    ends = ["</s>", "<s>", "<pad>"]
    made = KINDS[kind]([*names, *ends] if inside else [])
    for name, flags in zip(names, FLAGS, strict=True):
        made.add_tokens([AddedToken(name, **flags)])
    made.add_special_tokens([AddedToken(name, special=True) for name in ends])
    path = saved(tmp_path, made)
    tokenizer = load(Settings(tokenizer=path, start_token=True))
    whole = Tokenizer.from_file(path)
    controls = {whole.token_to_id(name) for name in (*names, *ends)}
    assert len(controls) == len(FLAGS) + 3
    assert {tokenizer.end_id, tokenizer.start_id} <= controls
    texts = [text for name in (*names, *ends) for text in spelling(name)]
    for text, ids in zip(texts, encoded(tokenizer, texts), strict=True):
        assert not controls & set(ids), (text, ids)
        if kind in LOSSLESS:
            assert tokenizer.decode(ids) == text or kind == METASPACE, ids
            assert tokenizer.decode(ids).lstrip(" ") == text.lstrip(" "), ids
        if kind not in ("word_level", "word_level_without_unknown", *RAISES, "dropping"):
            assert ids or not text.strip(), text
    for text, ids in zip(PLAIN, encoded(tokenizer, PLAIN), strict=True):
        expected = library(path, text)
        assert expected is None or ids == expected, text


@pytest.mark.parametrize("kind", KINDS)
def test_texts_that_spell_nothing_get_the_librarys_ids(tmp_path: Path, kind: str) -> None:
    made = KINDS[kind](["</s>", "[SEP]"])
    made.add_tokens(["  ", "    "])  # indentation, as code models have it
    path = saved(tmp_path, made)
    tokenizer = load(Settings(tokenizer=path))
    texts = [
        *PLAIN,
        "a    b",
        "    x\n        the",
        "the cat é",
        "猫 sat",
        "\u2581",
        "a\tb",
        "<0x4>",
        "0x41",
    ]
    for text, ids in zip(texts, encoded(tokenizer, texts), strict=True):
        expected = library(path, text)
        if expected is not None:
            assert ids == expected, text
        else:
            assert kind in RAISES


@pytest.mark.parametrize("kind", ["fallback", "whole_words", "unigram_bytes"])
def test_the_names_of_bytes_are_text(tmp_path: Path, kind: str) -> None:
    """`<0x0A>` would come back as a line end."""
    made = KINDS[kind](["</s>"])
    path = saved(tmp_path, made)
    tokenizer = load(Settings(tokenizer=path))
    named = {made.token_to_id(f"<0x{n:02X}>") for n in range(256)}
    texts = [
        "<0x0A>",
        "the <0x41>cat",
        "<0xE4><0xBD><0xA0>",
        " <0xFF> ",
        "<<0x0A>>",
        "<0x0a>",
        "<0x0A",
    ]
    for text, ids in zip(texts, encoded(tokenizer, texts), strict=True):
        assert tokenizer.decode(ids).lstrip(" ") == text.lstrip(" ")
        assert not named & set(ids)
    (ids,) = encoded(tokenizer, ["你\n"])
    assert len(named & set(ids)) >= 3, "bytes are bytes still"


CASES = [
    ("byte_level", "the é 猫 \x00", 0),
    ("fallback", "the é 猫 \x00", 0),
    ("unigram_bytes", "the é 猫 \x00", 0),
    ("characters", "the é 猫猫", 3),
    ("characters", "the", 0),
    ("characters", "éé", 2),
    ("dropping", "the é 猫猫", 3),
    ("dropping", "猫", 1),
    ("suffixed", "the éa", 1),
    ("word_piece_split", "the naïve cat", 5),
    ("word_piece_split", "the cat", 0),
    ("unigram", "the éé a", 2),
    ("unigram_without_unknown", "the éé a猫", 3),
    ("word_level", "the dog sat", 3),
    ("word_level_without_unknown", "the dog sat on a mat", 8),
    ("word_level", "", 0),
]


@pytest.mark.parametrize(("kind", "text", "count"), CASES)
def test_characters_without_an_id_are_counted(
    tmp_path: Path, kind: str, text: str, count: int
) -> None:
    tokenizer = load(Settings(tokenizer=saved(tmp_path, KINDS[kind](["</s>"]))))
    ids, offsets, unknown = tokenizer.counted(pa.array(["the", text, None]))
    assert unknown.tolist() == [0, count, 0]
    assert offsets.tolist()[-1] == len(ids)
    assert (ids < tokenizer.vocab_size).all()


@pytest.mark.parametrize("lacking", ["<0xC3>", "<0x0A>"])
def test_a_fallback_that_lacks_a_byte_loses_and_counts(tmp_path: Path, lacking: str) -> None:
    spec = json.loads(fallback(["</s>"]).to_str())
    del spec["model"]["vocab"][lacking]
    spec["model"]["unk_token"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(spec))
    tokenizer = load(Settings(tokenizer=str(tmp_path / "tokenizer.json")))
    text = {"<0xC3>": "aé猫", "<0x0A>": "a\n猫"}[lacking]
    ids, _, unknown = tokenizer.counted(pa.array([text]))
    assert unknown.tolist() == [1]
    assert tokenizer.decode(ids) == "a猫"


def test_a_byte_level_vocabulary_that_lacks_a_byte_loses_and_counts(tmp_path: Path) -> None:
    spec = json.loads(byte_level(["</s>"]).to_str())
    del spec["model"]["vocab"][byte_letters()[0xA9]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(spec))
    tokenizer = load(Settings(tokenizer=str(tmp_path / "tokenizer.json")))
    _, _, unknown = tokenizer.counted(pa.array(["aéb", "猫", "é©"]))
    assert unknown.tolist() == [1, 0, 2]


def test_added_tokens_keep_their_ids_where_the_model_gets_one_more(tmp_path: Path) -> None:
    """A model without a token for what is unknown, and added tokens behind it."""
    made = dropping([])
    made.add_tokens(["<|a|>", "  ", AddedToken("\t\t", normalized=False), "<|b|>"])
    made.add_special_tokens(["</s>"])
    path = saved(tmp_path, made)
    tokenizer = load(Settings(tokenizer=path))
    for text in ("a  b", "\t\tx", "the    cat", "a b"):
        assert encoded(tokenizer, [text]) == [library(path, text)]
    assert tokenizer.counted(pa.array(["é  猫<|a|>"]))[2].tolist() == [2]


def test_dropout_and_truncation_of_a_file_do_not_hold(tmp_path: Path) -> None:
    made = byte_level(["</s>"])
    made.enable_truncation(3)
    made.enable_padding(length=9)
    spec = json.loads(made.to_str())
    spec["model"]["dropout"] = 0.5
    (tmp_path / "tokenizer.json").write_text(json.dumps(spec))
    tokenizer = load(Settings(tokenizer=str(tmp_path / "tokenizer.json")))
    text = "the the the the the the the the"
    plain = load(Settings(tokenizer=saved(tmp_path, byte_level(["</s>"]))))
    assert len({str(encoded(tokenizer, [text])) for _ in range(20)}) == 1
    assert encoded(tokenizer, [text]) == encoded(plain, [text])


def test_words_of_the_models_own_stay_words(tmp_path: Path) -> None:
    """Gemma's blanks and the like stand in both lists, and merges make them."""
    made = byte_level(["</s>"])
    made.add_tokens(["the", AddedToken("llo", lstrip=True)])
    path = saved(tmp_path, made)
    tokenizer = load(Settings(tokenizer=path))
    the = made.token_to_id("the")
    assert encoded(tokenizer, ["the"]) == [[the]]
    (ids,) = encoded(tokenizer, ["he   llo"])
    assert tokenizer.decode(ids) == "he   llo", "no blank is eaten"


def test_an_old_file_without_types_is_read_the_same(tmp_path: Path) -> None:
    for kind in ("byte_level", "word_level", "unigram", "word_piece_split"):
        made = KINDS[kind](["</s>", CONTROL])
        made.add_special_tokens(["</s>", CONTROL])
        spec = json.loads(made.to_str())
        del spec["model"]["type"]
        if kind == "byte_level":
            spec["model"]["merges"] = [" ".join(merge) for merge in spec["model"]["merges"]]
        path = tmp_path / f"{kind}.json"
        path.write_text(json.dumps(spec))
        tokenizer = load(Settings(tokenizer=str(path)))
        control = Tokenizer.from_file(str(path)).token_to_id(CONTROL)
        for text in spelling(CONTROL):
            assert control not in encoded(tokenizer, [text])[0]


@pytest.mark.parametrize("token", ["\n", " ", "the", ".", "a"])
def test_a_token_of_ordinary_text_cannot_end_a_document(tmp_path: Path, token: str) -> None:
    made = characters(["</s>"])
    path = saved(tmp_path, made)
    with pytest.raises(RecipeError, match="token of ordinary text"):
        load(Settings(tokenizer=path, end_token=token))
    assert load(Settings(tokenizer=path)).end_id == made.token_to_id("</s>")


def test_a_file_that_makes_the_library_panic_is_told(tmp_path: Path) -> None:
    vocab = {"a": 0, "##b": 1, "ab": 2, "</s>": 3}
    made = Tokenizer(models.BPE(vocab=vocab, merges=[("a", "##b")], continuing_subword_prefix="##"))
    spec = json.loads(made.to_str())
    spec["model"]["merges"] = [["a", "b"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(spec))
    with pytest.raises(InputError, match=r"is no tokenizer\.json"):
        load(Settings(tokenizer=str(tmp_path / "tokenizer.json")))


NAMES = ["<|endoftext|>", "<|startoftext|>", "<|fim_prefix|>", "<|endofprompt|>"]


@pytest.mark.parametrize("accelerator", ["auto", "off"])
@pytest.mark.parametrize("pattern", ["gpt2", "cl100k", "o200k", r"\S+|\s+", r"[\s\S]+"])
def test_ranks_never_give_the_end_id(tmp_path: Path, accelerator: str, pattern: str) -> None:
    """Also where the vocabulary has a token of the very text, under another id."""
    ranks = {bytes([n]): n for n in range(256)}
    for name in NAMES[:2]:
        token = name.encode()
        ranks |= {
            token[:n]: len(ranks) + n - 2
            for n in range(2, len(token) + 1)
            if token[:n] not in ranks
        }
    ranks = {token: n for n, token in enumerate(ranks)}
    path = str(tmp_path / "mine.tiktoken")
    dump_ranks(path, ranks)
    tokenizer = load(
        Settings(tokenizer=path, pattern=pattern, accelerator=accelerator, start_token=True)
    )
    assert (tokenizer.end_id, tokenizer.start_id) == (len(ranks), len(ranks) + 1)
    texts = [text for name in NAMES for text in spelling(name)] + PLAIN
    for text, ids in zip(texts, encoded(tokenizer, texts), strict=True):
        assert max(ids, default=0) < len(ranks), text
        assert tokenizer.decode(ids) == text
    assert tokenizer.counted(pa.array(texts))[2].sum() == 0


@pytest.mark.parametrize("file", ["r50k_base", "cl100k_base"])
@pytest.mark.parametrize("accelerator", ["auto", "off"])
def test_published_ranks_never_give_a_special_id(data: Path, file: str, accelerator: str) -> None:
    path = str(data / "tokenizers" / f"{file}.tiktoken")
    tokenizer = load(Settings(tokenizer=path, accelerator=accelerator))
    texts = [text for name in NAMES for text in spelling(name)]
    for text, ids in zip(texts, encoded(tokenizer, texts), strict=True):
        assert max(ids) < tokenizer.end_id
        assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("pattern", ["", r"\S+|\s+"])
def test_a_trained_tokenizer_learns_no_token_of_its_end(tmp_path: Path, pattern: str) -> None:
    """Both files: the ranks that encode, and the tokenizer.json that is published."""
    texts = ["a <|endoftext|> b", "<|endoftext|> <|startoftext|>", "the cat"] * 50
    settings = Settings(vocab_size=330, pattern=pattern, start_token=True)
    made = train(texts, settings, str(tmp_path / "ranks.tiktoken"))
    own = load(settings, made.ranks)
    published = load(Settings(tokenizer=made.json, start_token=True))
    assert (published.end_id, published.start_id) == (own.end_id, own.start_id)
    for text in [text for name in NAMES for text in spelling(name)] + texts[:3]:
        (ids,) = encoded(own, [text])
        assert not {own.end_id, own.start_id} & set(ids)
        assert encoded(published, [text]) == [ids]
        assert own.decode(ids) == published.decode(ids) == text


def test_a_pattern_that_leaves_text_out_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "mine.tiktoken")
    dump_ranks(path, {bytes([n]): n for n in range(256)})
    tokenizer = load(Settings(tokenizer=path, pattern=r"\w+"))
    ids, _, unknown = tokenizer.counted(pa.array(["a b, é!", "abc", None, "  猫 "]))
    assert unknown.tolist() == [4, 0, 0, 3]
    assert tokenizer.decode(ids) == "abéabc猫"
    with pytest.raises(InputError, match=r"leaves out 2 of 11 characters"):
        train(["the cat sat", ""], Settings(vocab_size=300, pattern=r"\w{3}"), str(tmp_path / "t"))


def test_a_name_that_promises_another_end_is_not_believed(tmp_path: Path) -> None:
    """Its end id would be the id of an ordinary token."""
    ranks = {bytes([n]): n for n in range(256)}
    ranks |= {bytes([a, b]): 256 + 256 * a + b for a in range(200) for b in range(256)}
    path = str(tmp_path / "my-r50k.tiktoken")
    dump_ranks(path, ranks)
    assert 50256 in ranks.values()
    tokenizer = load(Settings(tokenizer=path, pattern="gpt2"))
    assert tokenizer.end_id == max(ranks.values()) + 1
    with pytest.raises(RecipeError, match=r"tokenize\.pattern is not set"):
        load(Settings(tokenizer=path))


@pytest.mark.parametrize(
    "line",
    [
        b"QUI= -1",
        b"QUI= 1_0",
        b"QUI= +300",
        b"QUI= 4194304",
        b"QUI= 0x10",
        b"QUI=",
        b"= 300",
        b"QQ== 300",
    ],
)
def test_lines_that_are_no_rank_are_refused(tmp_path: Path, line: bytes) -> None:
    path = str(tmp_path / "mine.tiktoken")
    dump_ranks(path, {bytes([n]): n for n in range(256)})
    good = Path(path).read_bytes()
    Path(path).write_bytes(good + b"QUI= 4194303\n")
    assert load(Settings(tokenizer=path, pattern="gpt2", accelerator="off")).end_id == 1 << 22
    Path(path).write_bytes(good + line + b"\n")
    with pytest.raises(InputError, match=r"mine\.tiktoken:257"):
        load(Settings(tokenizer=path, pattern="gpt2"))


def test_an_accelerators_id_without_bytes_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    """A gap in the ranks decodes to nothing, so that a text's bytes are right with it too."""
    from corpusforge.tokenize import engines

    ranks = {bytes([n]): n for n in range(256)} | {b"ab": 300}
    path = str(tmp_path / "mine.tiktoken")
    dump_ranks(path, ranks)
    fast = lambda texts: (np.array([97, 280, 98], np.uint32), np.array([0, 3]))  # noqa: E731
    monkeypatch.setattr(engines, "_gigatoken", lambda ranks, pattern: fast)
    tokenizer = load(
        Settings(tokenizer=path, pattern="gpt2", accelerator="gigatoken", check_share=1e-9)
    )
    assert encoded(tokenizer, ["ab"]) == [[300]]
    assert tokenizer.refused == 1
