"""Ranks files (tiktoken's format) and the `tokenizer.json` that means the same.

A ranks file has one token a line: its bytes in base64, a space, its id; a lower id is merged first.
A `tokenizer.json` wants explicit merges: every way to cut a token into two tokens becomes one, in
the order of ids, so that the two engines choose the same merges. Limit: where overlapping merges
make the same token, an engine may break the tie otherwise; `train` compares both and would say so.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

import msgspec

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.tokenize.patterns import byte_letters

__all__ = ["dump_ranks", "parse_ranks", "tokenizer_json"]

HIGHEST = 1 << 22
"""No id is as high: the largest vocabularies have a million, and tables are as long as the highest id."""
_RANK = re.compile(rb"[0-9]{1,7}\s*")


def parse_ranks(data: bytes, path: str) -> dict[bytes, int]:
    """Return token bytes to id; raises InputError naming the line that does not fit."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line:
            continue
        token, _, rank = line.partition(b" ")
        try:
            piece = base64.b64decode(token, validate=True)
        except binascii.Error:
            piece = b""
        if not piece or not _RANK.fullmatch(rank) or int(rank) >= HIGHEST:
            raise InputError(
                f"{path}:{number}: {line[:40]!r} is no line of a ranks file; expected base64, a space "
                f"and an id below {HIGHEST:,}."
            )
        if piece in ranks:
            raise InputError(f"{path}:{number}: the token {piece!r} stands there twice.")
        ranks[piece] = int(rank)
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of the 256 single bytes have no id (first: "
            f"{missing[0]:#04x}); a byte-level ranks file holds them all."
        )
    if len(set(ranks.values())) != len(ranks):
        raise InputError(f"{path}: two tokens have the same id.")
    return ranks


def dump_ranks(path: str, ranks: Mapping[bytes, int]) -> None:
    """Write a ranks file, by id."""
    ordered = sorted(ranks.items(), key=lambda item: item[1])
    lines = [base64.b64encode(token) + b" %d\n" % rank for token, rank in ordered]
    files.write_bytes(path, b"".join(lines))


def _written(token: bytes, letters: list[str]) -> str:
    return "".join(letters[byte] for byte in token)


def _merges(ranks: Mapping[bytes, int]) -> list[tuple[bytes, bytes]]:
    merges: list[tuple[int, int, int, bytes, bytes]] = []
    for token, rank in ranks.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in ranks and right in ranks:
                merges.append((rank, ranks[left], ranks[right], left, right))
    return [(left, right) for *_, left, right in sorted(merges)]


def tokenizer_json(ranks: Mapping[bytes, int], pattern: str, specials: Mapping[str, int]) -> bytes:
    """Return the `tokenizer.json` of a byte-level BPE, as `tokenizers` and `transformers` open it.

    Its ids are those that the ranks give.
    """
    letters = byte_letters()
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    cut = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    ordered = sorted(ranks.items(), key=lambda item: item[1])
    table = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": number, "content": name, **flags, "special": True}
            for name, number in sorted(specials.items(), key=lambda item: item[1])
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [cut, {**byte_level, "use_regex": False}],
        },
        "post_processor": None,
        "decoder": {**byte_level, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {_written(token, letters): rank for token, rank in ordered},
            "merges": [
                [_written(left, letters), _written(right, letters)]
                for left, right in _merges(ranks)
            ],
        },
    }
    return msgspec.json.format(msgspec.json.encode(table), indent=1) + b"\n"
