"""Dialogues: roles checked, follow-ups and distractor exchanges added, long ones cut in pieces."""

from corpusforge.instruct.dialogue.make import make_dialogues
from corpusforge.instruct.dialogue.sessions import Piece, cut_turns, measure_by
from corpusforge.instruct.dialogue.turns import RULES, check_turns

__all__ = ["RULES", "Piece", "check_turns", "cut_turns", "make_dialogues", "measure_by"]
