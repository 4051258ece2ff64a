"""The mixture: a plan in tokens, a draw that delivers it exactly, and the receipt of both."""

from corpusforge.mix.estimate import Head, head, scaled_tokens
from corpusforge.mix.hierarchy import check, leaf_paths
from corpusforge.mix.inventory import Supplies, supplies
from corpusforge.mix.plan import PhasePlan, Plan, Share, plan, plan_validation
from corpusforge.mix.receipt import Delivered, Report, delivered, diversity, receipt
from corpusforge.mix.repetition import repetition_ledger
from corpusforge.mix.sample import Draws, Supply, held_out
from corpusforge.mix.settings import Settings
from corpusforge.mix.stream import stream

__all__ = [
    "Delivered",
    "Draws",
    "Head",
    "PhasePlan",
    "Plan",
    "Report",
    "Settings",
    "Share",
    "Supplies",
    "Supply",
    "check",
    "delivered",
    "diversity",
    "head",
    "held_out",
    "leaf_paths",
    "plan",
    "plan_validation",
    "receipt",
    "repetition_ledger",
    "scaled_tokens",
    "stream",
    "supplies",
]
