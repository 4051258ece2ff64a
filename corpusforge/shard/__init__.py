"""The stream in files: raw ids with two indexes, a reader for training, and a check of both."""

from corpusforge.shard.export import FORMS, card, export
from corpusforge.shard.formats import INDEX, read_idx
from corpusforge.shard.pack import PACKINGS, pack_shard
from corpusforge.shard.reader import Place, TokenStream
from corpusforge.shard.settings import Settings
from corpusforge.shard.shuffle import gather, pieces, scatter
from corpusforge.shard.verify import verify
from corpusforge.shard.writer import (
    ShardReceipt,
    shard_bounds,
    shard_name,
    write_pieces,
    write_shard,
)

__all__ = [
    "FORMS",
    "INDEX",
    "PACKINGS",
    "Place",
    "Settings",
    "ShardReceipt",
    "TokenStream",
    "card",
    "export",
    "gather",
    "pack_shard",
    "pieces",
    "read_idx",
    "scatter",
    "shard_bounds",
    "shard_name",
    "verify",
    "write_pieces",
    "write_shard",
]
