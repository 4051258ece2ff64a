"""Eight bytes of a text as one number: what kernels compare and class at once.

The first byte is the lowest eight bits (x86-64 and arm64 are little-endian). Method of `between`: sums that
carry into the top bit of each byte (Lamport 1975, "Multiple byte processing with full-word instructions").
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.jit import Intrinsic, inline

__all__ = ["ASCII", "between", "head", "high_zeros", "load64", "low_zeros"]

U8 = NDArray[np.uint8]

ASCII = np.uint64(0x8080808080808080)
"""The bits that are set where a byte is not ASCII."""

_ONES = 0x0101010101010101


def _load64(context: Any, data: Any, at: Any) -> Any:
    from llvmlite import ir
    from numba.core import types

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        word = builder.bitcast(place, ir.IntType(64).as_pointer())
        return builder.load(word, align=1)

    return types.uint64(data, types.intp), build


def _low_zeros(context: Any, word: Any) -> Any:
    from llvmlite import ir
    from numba.core import types

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


def _high_zeros(context: Any, word: Any) -> Any:
    from llvmlite import ir
    from numba.core import types

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


load64 = cast("Callable[[U8, int], np.uint64]", Intrinsic(_load64))
"""The eight bytes of an array that begin at a place, as uint64. All must lie in it: nothing is checked."""

low_zeros = cast("Callable[[np.uint64], int]", Intrinsic(_low_zeros))
"""How many of the lowest bits of a uint64 are 0 before the first 1; 64 where none is 1."""

high_zeros = cast("Callable[[np.uint64], int]", Intrinsic(_high_zeros))
"""How many of the highest bits of a uint64 are 0 before the first 1; 64 where none is 1."""


@inline
def between(word: np.uint64, lowest: int, highest: int) -> np.uint64:
    """Return the top bit of each byte of `word` that lies between two ASCII characters, them included."""
    low = word & ~ASCII
    from_ = low + np.uint64((0x80 - lowest) * _ONES)
    above = low + np.uint64((0x7F - highest) * _ONES)
    return from_ & ~above & ~word & ASCII


@inline
def head(data: U8, at: int, stop: int) -> np.uint64:
    """Return the bytes from `at` to `stop`, the first eight of them, as one number; zeros above fewer.

    `data` is uint8 [bytes].
    """
    count = stop - at
    if at + 8 <= len(data):
        word = load64(data, at)
        return (
            word if count >= 8 else word & ((np.uint64(1) << np.uint64(8 * count)) - np.uint64(1))
        )
    word = np.uint64(0)
    for place in range(min(count, 8)):
        word |= np.uint64(data[at + place]) << np.uint64(8 * place)
    return word
