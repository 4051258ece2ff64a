"""Consecutive parts as the work of one task, where a stage looks at narrow rows of all documents."""

from __future__ import annotations

from itertools import pairwise

from corpusforge.manifest import part_name
from corpusforge.run.context import Context

__all__ = ["documents_of", "few_groups", "groups", "is_large"]

_FEW = 256
"""Tasks whose receipts the driver reads whole: of each it learns kilobytes."""


def is_large(context: Context, stage: str) -> bool:
    """Whether a stage's documents are more than one task of the mixture may hold."""
    return documents_of(context, stage) > context.recipe.mix.range_documents


def documents_of(context: Context, stage: str) -> int:
    """Return the documents that a stage wrote."""
    return sum(rows for rows, _ in _sizes(context, stage))


def groups(context: Context, stage: str) -> list[tuple[int, int, int]]:
    """Return the parts [first, stop) of each group and their bytes.

    A group has up to `mix.range_documents` of the documents that `stage` wrote, and at least a part.
    """
    found: list[tuple[int, int, int]] = []
    first = documents = size = 0
    for number, (rows, own) in enumerate(_sizes(context, stage)):
        if documents and documents + rows > context.recipe.mix.range_documents:
            found.append((first, number, size))
            first, documents, size = number, 0, 0
        documents, size = documents + rows, size + own
    return [*found, (first, context.part_count, size)]


def few_groups(context: Context) -> list[tuple[int, int, int]]:
    """Return the parts [first, stop) of up to 256 groups of about equally many, and their bytes."""
    count = context.part_count
    width = -(-count // _FEW)
    cuts = [*range(0, count, width), count]
    return [
        (first, stop, sum(context.part_size(index) for index in range(first, stop)))
        for first, stop in pairwise(cuts)
    ]


def _sizes(context: Context, stage: str) -> list[tuple[int, int]]:
    """Documents and bytes of each part."""
    outputs = {output.path: output for output in context.manifests[stage].outputs}
    parts = [outputs[f"{stage}/{part_name(n)}.parquet"] for n in range(context.part_count)]
    return [(part.rows, part.bytes) for part in parts]
