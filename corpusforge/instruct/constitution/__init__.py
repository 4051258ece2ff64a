"""Answers criticised and revised by written principles; every step kept, revisions preferred."""

from corpusforge.instruct.constitution.make import RULES, Step, make_revisions
from corpusforge.instruct.constitution.principles import Constitution, Principle, constitution

__all__ = ["RULES", "Constitution", "Principle", "Step", "constitution", "make_revisions"]
