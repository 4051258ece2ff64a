"""Ids, and every random choice, by hashing: a choice is a function of (seed, purpose, id).

No generator holds state anywhere in corpusforge, so a choice does not depend on the order of
documents, the number of workers or how often a run was killed. Method: the id's 64-bit key is
added to a key of (seed, purpose, copy) and finished by splitmix64 (Steele, Lea, Flood 2014).
Limit: 64 bits; two ids collide with probability n^2 / 2^65.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["id_key", "id_keys", "make_id", "mix64", "uniform", "word64"]

U64 = NDArray[np.uint64]


def make_id(source: str, locator: str) -> str:
    """Return the 32-hex-digit id of the document at `locator` inside `source`."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(source.encode("utf-8", "surrogatepass"))
    digest.update(b"\x00")
    digest.update(locator.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def word64(*parts: object) -> int:
    """Return a 64-bit key of the parts, for use as a seed."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def id_key(name: str) -> int:
    """Return the key of one document id, as `id_keys` gives it."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def id_keys(ids: Iterable[str]) -> U64:
    """Return one uint64 per document id; any string is accepted. The result is [ids]."""
    digests = b"".join(
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for name in ids
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def mix64(values: U64) -> U64:
    """Return splitmix64's finisher of each value; shape unchanged.

    Values and result are uint64, as [n] or of any other shape.
    """
    z = np.asarray(values, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(keys: U64, seed: int, purpose: str, copy: int = 0) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each key of `id_keys`: the same for ever for the same arguments.

    `keys` are uint64 [n] and the result float64 [n].
    """
    salt = np.array([word64(seed, purpose, copy)], dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = mix64(mix64(np.asarray(keys, dtype=np.uint64) + salt))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
