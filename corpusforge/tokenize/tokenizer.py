"""A tokenizer as the run sees it: ids for batches, the ids that delimit documents, a fingerprint.

It is one of four things: a tiktoken encoding by name, a ranks file, a `tokenizer.json`, or the BPE
that the run trained. It pickles as the arguments it was loaded with, so workers load it themselves.
Limit: a tiktoken name needs tiktoken's cache or a network once; the other three are offline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError, RecipeError, nearest
from corpusforge.io import files
from corpusforge.io.decoding import decode_json
from corpusforge.tokenize.controls import ENDS, STARTS, Vocabulary
from corpusforge.tokenize.engines import Accelerated, Engine, Ids, Tiktoken, accelerate
from corpusforge.tokenize.huggingface import HuggingFace, opened
from corpusforge.tokenize.patterns import (
    END_OF_TEXT,
    KNOWN_RANKS,
    START_OF_TEXT,
    Known,
    known_by_name,
)
from corpusforge.tokenize.ranks import parse_ranks
from corpusforge.tokenize.settings import Settings

__all__ = ["Tokenizer", "load"]

LARGEST_UINT16_VOCABULARY = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizer:
    """Texts to ids. `start_id` is None where documents begin without one."""

    settings: Settings
    trained: str | None
    name: str
    vocab_size: int
    end_id: int
    start_id: int | None
    fingerprint: str
    engine: Engine

    @property
    def dtype(self) -> np.dtype[Any]:
        """Little-endian uint16 where every id fits, else uint32."""
        return np.dtype("<u2" if self.vocab_size <= LARGEST_UINT16_VOCABULARY else "<u4")

    @property
    def refused(self) -> int:
        """Accelerated batches that did not agree with tiktoken (0 without an accelerator)."""
        return self.engine.refused if isinstance(self.engine, Accelerated) else 0

    def encode(self, texts: pa.Array) -> Ids:
        """Return (ids, offsets) of a string array: uint32 flat, int64 [n + 1]; no end ids."""
        return self.engine.encode(texts)

    def counted(
        self, texts: pa.Array
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
        """Return ids and offsets as `encode` does, and each text's characters that have no id.

        `texts` are strings [texts]; uint32 [tokens], int64 [texts + 1], int64 [texts].
        """
        return self.engine.counted(texts)

    def decode(self, ids: Sequence[int] | NDArray[Any]) -> str:
        """Return the text of ids; a cut character becomes U+FFFD. `ids` are integers [tokens]."""
        return self.engine.decode([int(number) for number in ids])

    def __reduce__(self) -> tuple[Callable[..., Tokenizer], tuple[Settings, str | None]]:
        return load, (self.settings, self.trained)


def load(settings: Settings, trained: str | None = None) -> Tokenizer:
    """Return the tokenizer that the settings name; `trained` is the ranks file that `train` wrote.

    Raises InputError for a missing or damaged file, an unknown name, or a name that cannot be
    fetched without a network.
    """
    choice = settings.tokenizer
    if choice == "train":
        if trained is None:
            raise InputError(
                "tokenize.tokenizer is 'train', and no trained ranks file was given; "
                "train one first."
            )
        return _from_ranks(settings, trained, trained=trained)
    if choice.endswith(".json"):
        return _from_json(settings)
    if choice.endswith((".tiktoken", ".bpe", ".model")) or "/" in choice:
        return _from_ranks(settings, choice, trained=None)
    return _from_name(settings)


def _fingerprint(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _read(path: str) -> bytes:
    if not files.exists(path):
        raise InputError(f"tokenize.tokenizer: {path!r} does not exist. Give the path of a file.")
    return files.read_bytes(path)


def _of_ranks(
    settings: Settings,
    ranks: Mapping[bytes, int],
    pattern: str,
    specials: dict[str, int],
    reference: Tiktoken,
    names: tuple[str, str | None],
) -> Tokenizer:
    name, trained = names
    end = specials[END_OF_TEXT]
    start = specials.get(START_OF_TEXT, end) if settings.start_token else None
    engine = accelerate(settings.accelerator, reference, ranks, pattern, settings.check_share)
    ordered = sorted(ranks.items(), key=lambda item: item[1])
    content = b"".join(len(token).to_bytes(4, "little") + token for token, _ in ordered)
    return Tokenizer(
        settings=settings,
        trained=trained,
        name=name,
        vocab_size=max(*ranks.values(), *specials.values()) + 1,
        end_id=end,
        start_id=start,
        fingerprint=_fingerprint(pattern, content, ordered[-1][1], sorted(specials.items()), start),
        engine=engine,
    )


def _from_ranks(settings: Settings, path: str, trained: str | None) -> Tokenizer:
    data = _read(path)
    ranks = parse_ranks(data, path)
    name = PurePath(path).name
    known = None
    if trained is None:
        known = KNOWN_RANKS.get(hashlib.sha256(data).hexdigest()) or _by_name(name, ranks)
    pattern = settings.pattern or (known.pattern if known else "gpt2" if trained else "")
    if not pattern:
        raise RecipeError(
            f"tokenize.pattern is not set, and {path!r} is no published ranks file: a ranks file "
            "does not say how text is cut. Set it to gpt2, cl100k, o200k or a regular expression."
        )
    end = known.end_id if known else max(ranks.values()) + 1
    specials = {END_OF_TEXT: end}
    if settings.start_token and known is None:
        specials[START_OF_TEXT] = end + 1
    shown = known.name if known else "trained" if trained else name
    reference = Tiktoken.of_ranks(ranks, pattern, specials)
    return _of_ranks(settings, ranks, pattern, specials, reference, (shown, trained))


def _by_name(name: str, ranks: Mapping[bytes, int]) -> Known | None:
    """Return the published encoding of a file's name, unless its end id is another token there."""
    known = known_by_name(name)
    return None if known is None or known.end_id in ranks.values() else known


def _encoding_name(name: str) -> str:
    """Return the tiktoken encoding of a name: its own, or that of the model of this name."""
    import tiktoken

    known = tiktoken.list_encoding_names()
    if name in known:
        return name
    with suppress(KeyError):
        return tiktoken.encoding_name_for_model(name)
    raise RecipeError(
        f"tokenize.tokenizer {name!r} is neither 'train', a path, a tiktoken encoding, nor a model that "
        f"tiktoken knows.{nearest(name, known)}"
    )


def _from_name(settings: Settings) -> Tokenizer:
    import tiktoken

    name = _encoding_name(settings.tokenizer)
    try:
        encoding = tiktoken.get_encoding(name)
    except Exception as error:  # requests, DNS, proxies, hashes: all mean the ranks are not here
        model = f" (of model {settings.tokenizer!r})" if name != settings.tokenizer else ""
        raise InputError(
            f"tokenize.tokenizer {name!r}{model} is not in tiktoken's cache and could not be downloaded "
            f"({type(error).__name__}). Offline, give the path of its ranks file (*.tiktoken), or "
            "set TIKTOKEN_CACHE_DIR to a directory that holds it."
        ) from error
    # tiktoken offers no public way to the ranks and the pattern of an encoding.
    ranks, pattern = encoding._mergeable_ranks, encoding._pat_str
    published = known_by_name(name)
    known = published.pattern if published else pattern
    reference = Tiktoken(encoding)
    end = {END_OF_TEXT: int(encoding.eot_token)}
    return _of_ranks(settings, ranks, known, end, reference, (name, None))


def _from_json(settings: Settings) -> Tokenizer:
    path = settings.tokenizer
    data = _read(path)
    loaded = opened(data, path)
    if settings.accelerator == "gigatoken":
        raise RecipeError(
            "tokenize.accelerator works with tiktoken names, ranks files and trained tokenizers; "
            "set it to 'auto' for a tokenizer.json."
        )
    end, start = _delimiters(settings, loaded, Vocabulary.of(decode_json(data)))
    end_id, start_id = loaded.token_to_id(end), loaded.token_to_id(start)
    vocabulary = loaded.get_vocab(with_added_tokens=True)
    return Tokenizer(
        settings=settings,
        trained=None,
        name=PurePath(path).name,
        vocab_size=max(vocabulary.values()) + 1,
        end_id=end_id,
        start_id=start_id if settings.start_token else None,
        fingerprint=_fingerprint(data, end_id, start_id if settings.start_token else None),
        engine=HuggingFace(data, path, (end, start) if settings.start_token else (end,)),
    )


def _delimiters(settings: Settings, loaded: Any, vocabulary: Vocabulary) -> tuple[str, str]:
    """Return the tokens that end and begin a document: the end where there is no start."""
    ends = (settings.end_token,) if settings.end_token else ENDS
    there = [token for token in ends if loaded.token_to_id(token) is not None]
    if not there:
        raise RecipeError(
            f"tokenize.end_token: {settings.tokenizer!r} has none of {', '.join(ends)}. "
            "Name the token that ends a document."
        )
    end = next((token for token in there if not vocabulary.is_text(token)), None)
    if end is None:
        raise RecipeError(
            f"tokenize.end_token: {there[0]!r} of {settings.tokenizer!r} is a token of ordinary text, which "
            "cannot tell where a document ends. Name another, or add one to the file."
        )
    starts = (t for t in STARTS if loaded.token_to_id(t) is not None and not vocabulary.is_text(t))
    return end, next(starts, end)
