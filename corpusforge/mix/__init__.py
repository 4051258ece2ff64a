"""The mixture: a plan in tokens, a draw that delivers it exactly, and the receipt of both."""

from corpusforge.mix.estimate import choose, estimated_tokens, scaled_tokens
from corpusforge.mix.leaves import check, leaf_paths
from corpusforge.mix.plan import PhasePlan, Plan, Share, plan, plan_validation
from corpusforge.mix.receipt import (
    Report,
    diversity,
    receipt,
    repetition_ledger,
    repetitions,
    repetitions_table,
    tokens_by,
)
from corpusforge.mix.sample import Draws, Supply, held_out, stream
from corpusforge.mix.settings import Settings
from corpusforge.mix.supply import Supplies, supplies

__all__ = [
    "Draws",
    "PhasePlan",
    "Plan",
    "Report",
    "Settings",
    "Share",
    "Supplies",
    "Supply",
    "check",
    "choose",
    "diversity",
    "estimated_tokens",
    "held_out",
    "leaf_paths",
    "plan",
    "plan_validation",
    "receipt",
    "repetition_ledger",
    "repetitions",
    "repetitions_table",
    "scaled_tokens",
    "stream",
    "supplies",
    "tokens_by",
]
