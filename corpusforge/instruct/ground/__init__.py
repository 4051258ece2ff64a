"""Question–answer pairs about passages of documents, each with a quote that is looked up."""

from corpusforge.instruct.ground.make import RULES, Ground, make_grounded
from corpusforge.instruct.ground.passages import Passage, cut_passages, draw_passages
from corpusforge.instruct.ground.quotes import find_quote, normal

__all__ = [
    "RULES",
    "Ground",
    "Passage",
    "cut_passages",
    "draw_passages",
    "find_quote",
    "make_grounded",
    "normal",
]
