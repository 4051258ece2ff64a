"""What a person is told when a step fails whole: the rule or the token limit, and the option that helps.

Limit: says what was lost most, not why the model did it; `rejects.jsonl` has every candidate.
"""

from __future__ import annotations

from corpusforge.instruct.accounts import Made
from corpusforge.instruct.rules import RULES
from corpusforge.losses import losses
from corpusforge.models.budget import Usages

__all__ = ["ADVICE", "LIMITS", "notices"]

_LOOK = "look at them in rejects.jsonl"
_FORM = (
    "the model does not follow the form; `python -m corpusforge.models doctor` says which it can do, a "
    "larger instruction-tuned model helps"
)
ADVICE = {
    "cut": "raise --max-tokens (--instance-tokens for instances of self_instruct)",
    "no_list": f"{_FORM}; try --form plain or --form json",
    "no_instance": f"{_FORM}; try --form json",
    "no_fields": _FORM,
    "no_verdict": _FORM,
    "no_answer": f"{_FORM}; where answers are cut, raise --max-tokens",
    "only_reasoning": "the server puts the whole reply into its thought; start it without a reasoning "
    "parser, or raise --max-tokens",
    "request_failed": "the engine did not answer; failures.jsonl says why",
    "content_filter": "the server filters these answers; ask another model",
    "near_copy": "the model repeats what it was shown; raise --temperature, or give more --seeds",
    "duplicate": "the model writes the same again; raise --temperature, or lower --max-instances",
    "inconsistent": "the model does not repeat its results; take a larger one, or lower --least-agreement",
    "low_score": "the judge gives few points; read some, and lower --least-score where it is too strict",
    "missing_material": f"tasks announce a text that their rows lack; {_LOOK}, or take a larger model",
    "copied_prompt": "the model repeats the prompt; take a larger model",
    "repetition": "the model runs in loops; raise --temperature or --presence-penalty, or take a "
    "larger model",
    "copy_of_input": "the model repeats its input; take a larger model",
    "copy_of_instruction": "the model repeats its instruction; take a larger model",
    "language": "the model writes another language than --language",
    "contaminated": "rows hold text of the evaluation set; look at --evaluation",
}
"""What helps where a rule takes more than half of a step."""
LIMITS = {"instruct.instance": "--instance-tokens"}
"""The option that raises the token limit of a purpose, where it is not --max-tokens."""


def notices(made: Made, usage: Usages) -> list[str]:
    """Return one line for each step of which a rule took more than half, and for each kind of request of
    which more than half of the answers ended at their token limit."""
    allowed = {rule: f"{_LOOK}; --allow {rule} keeps such rows" for rule in RULES}
    lines = usage.cut_lines(LIMITS)
    told = {"cut"} if lines else set()  # with the limit that was reached
    for (language, step), account in sorted(made.steps.items()):
        name = f"{language} {step}".strip()
        refused = {rule: count for rule, count in account.rejected.items() if rule not in told}
        lines += losses(name, account.seen, refused, {**allowed, **ADVICE}, _LOOK)
    return lines
