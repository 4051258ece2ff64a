"""Any `tokenizer.json`, by Hugging Face `tokenizers`: raw text in, no control id out, losses counted.

Texts are encoded by a copy in which no text spells a control token (`controls`); for every other text its
ids are those of the library. Ids are decoded by the file as it is. Limit: what a file's normalizer takes
from a text, and its decoder does not give back, is the file's own business.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError, RecipeError
from corpusforge.io.decoding import decode_json
from corpusforge.tokenize.controls import Vocabulary, guarded

__all__ = ["HuggingFace", "opened"]

I64 = NDArray[np.int64]


def opened(data: bytes, path: str) -> Any:
    """Return the library's tokenizer; raises InputError for what is no `tokenizer.json`."""
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_buffer(data)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # bare Exception for a damaged file, a panic for an odd one
        raise InputError(f"{path!r} is no tokenizer.json: {error}.") from error


class HuggingFace:
    """The engine of a `tokenizer.json`; `delimiters` are the tokens that begin and end documents."""

    def __init__(self, data: bytes, path: str, delimiters: Sequence[str] = ()) -> None:
        spec = decode_json(data)
        vocabulary = Vocabulary.of(spec)
        self.tokenizer = opened(data, path)
        self.controls = vocabulary.controls(delimiters)
        made, probe = guarded(spec, vocabulary, self.controls)
        self._encoder = opened(json.dumps(made, ensure_ascii=False).encode(), path)
        self._encoder.encode_special_tokens = True
        self._probe = self._encoder.token_to_id(probe) if probe else -1
        known = vocabulary.unknown if vocabulary.unknown in vocabulary.words else None
        self._unknown = self._probe if known is None else self.tokenizer.token_to_id(known)
        self._moved = self._moves(vocabulary) if probe else {}

    def _moves(self, vocabulary: Vocabulary) -> dict[int, int]:
        """Return where ids of added tokens differ, of which one more token in the model moves some."""
        kept = [token for token in vocabulary.added if self._encoder.token_to_id(token) is not None]
        moved = {self._encoder.token_to_id(t): self.tokenizer.token_to_id(t) for t in kept}
        moved = {here: there for here, there in moved.items() if here != there}
        clash = {self.tokenizer.token_to_id(word) for word in vocabulary.words} & moved.keys()
        if clash:
            raise RecipeError(
                f"tokenize.tokenizer: ids of added tokens and of the model's overlap (id {min(clash)}); "
                "give the model an unk_token."
            )
        return moved

    def encode(self, texts: pa.Array) -> tuple[NDArray[np.uint32], I64]:
        """Return flat ids and offsets.

        `texts` are strings [texts]; ids are uint32 [tokens], offsets int64 [texts + 1].
        """
        ids, offsets, _ = self.counted(texts)
        return ids, offsets

    def counted(self, texts: pa.Array) -> tuple[NDArray[np.uint32], I64, I64]:
        """Return flat ids, offsets, and how many characters of each text have no id of their own.

        `texts` are strings [texts]; uint32 [tokens], int64 [texts + 1], int64 [texts].
        """
        plain = [text or "" for text in texts.to_pylist()]
        offsets = np.zeros(len(plain) + 1, dtype=np.int64)
        lost = np.zeros(len(plain), dtype=np.int64)
        pieces: list[NDArray[np.uint32]] = [np.zeros(0, dtype=np.uint32)]
        for number, row in enumerate(
            self._encoder.encode_batch_fast(plain, add_special_tokens=False)
        ):
            ids = np.array(row.ids, dtype=np.uint32)
            if self._unknown >= 0 and (ids == self._unknown).any():
                lost[number] = self._lost(plain[number])
                ids = ids[ids != self._probe] if self._probe >= 0 else ids
            if self._moved:
                ids = np.array([self._moved.get(n, n) for n in ids.tolist()], dtype=np.uint32)
            pieces.append(ids)
            offsets[number + 1] = offsets[number] + len(ids)
        return np.concatenate(pieces), offsets, lost

    def _lost(self, text: str) -> int:
        """Return how many characters stand under the id of what is unknown."""
        row = self._encoder.encode(text, add_special_tokens=False)
        found, end = 0, 0
        for token, (first, last) in sorted(
            zip(row.ids, row.offsets, strict=True), key=lambda x: x[1]
        ):
            if token == self._unknown and last > end:
                found += last - max(first, end)
                end = last
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))
