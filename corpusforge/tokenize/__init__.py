"""Documents to token ids: tiktoken, `tokenizer.json`, or a BPE trained in the run; parts of ids."""

from corpusforge.tokenize.part import INDEX, PartReceipt, Tally, open_part, write_part
from corpusforge.tokenize.settings import Settings
from corpusforge.tokenize.tokenizer import Tokenizer, load
from corpusforge.tokenize.train import Trained, sample, train

__all__ = [
    "INDEX",
    "PartReceipt",
    "Settings",
    "Tally",
    "Tokenizer",
    "Trained",
    "load",
    "open_part",
    "sample",
    "train",
    "write_part",
]
