"""Rows in which an assistant asks back, owns an error, challenges, refuses or does not know."""

from corpusforge.instruct.kinds.checks import KINDS, RULES, check_answer, check_request
from corpusforge.instruct.kinds.make import make_kind, prompt_names
from corpusforge.instruct.kinds.seeds import KindSeed, kind_seeds

__all__ = [
    "KINDS",
    "RULES",
    "KindSeed",
    "check_answer",
    "check_request",
    "kind_seeds",
    "make_kind",
    "prompt_names",
]
