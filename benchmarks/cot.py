"""What answer extraction and the rules of chain of thought make of reasoning that people wrote.

    python -m benchmarks.cot [--data DIR]

1. Each set's rationale is searched for the gold answer: found, another found, none found.
2. Each rationale, with its answer in words after it, goes through the run as a model's only reply:
   a refusal here is a false alarm, or a fault of the row. CPU seconds of one process, file writing
   and export included.
3. The GSM8K test set is asked with its own evaluation index: every question must be refused.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import harness
from corpusforge.decontaminate import EvalIndex, read_items
from corpusforge.instruct.cot.answers import match, read
from corpusforge.instruct.cot.extract import find
from corpusforge.instruct.cot.questions import load
from corpusforge.instruct.cot.records import Question
from corpusforge.instruct.cot.run import job
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.session import run
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Request

SETS = (
    "decontam/gsm8k_test.jsonl.gz",
    "selfinstruct/cot/gsm8k_train.jsonl.gz",
    "selfinstruct/cot/gsm8k_train.tsv.gz",
    "selfinstruct/cot/aqua_train.tsv.gz",
    "selfinstruct/cot/qasc_train.tsv.gz",
    "selfinstruct/cot/strategyqa_train.tsv.gz",
)


class Written:
    """An engine that answers each question with its own rationale and answer."""

    name = "written"
    model = "written"
    context = 0

    def __init__(self, questions: Sequence[Question]) -> None:
        self._known = {one.question: one for one in questions}

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield the rationale of each request's question."""
        for request in requests:
            asked = request.messages[-1].content.split("<data>\n")[1].split("\n</data>")[0]
            one = self._known[asked]
            text = f"{one.rationale}\nThe answer is {one.answer}."
            yield Completion(key=request.key, text=text, finish_reason="stop", model=self.model)


def extraction(questions: Sequence[Question]) -> Counter[str]:
    """How many rationales state the gold answer, another, or none."""
    counts: Counter[str] = Counter()
    for one in questions:
        answer = find(one.rationale, one.kind, one.choices).answer
        gold = read(one.answer, one.kind, one.choices)
        counts["none" if answer is None else "gold" if match(answer, gold) else "other"] += 1
    return counts


def refused(path: str, questions: Sequence[Question], evaluation: str = "") -> tuple[str, float]:
    """Play the set with its own rationales; return the funnel in words, and CPU seconds."""
    settings = Settings(questions=(path,), samples=1, temperatures=(0.0,), hints=0, batch=512,
                        evaluation=evaluation)  # fmt: skip
    clock = harness.Clock()
    with tempfile.TemporaryDirectory() as output, Client(Written(questions)) as client:
        done = run(job(settings), output, client, formats=("messages",))
    parts = []
    for step, account in done.report.steps.items():
        rules = ", ".join(f"{count} {rule}" for rule, count in sorted(account.rejected.items()))
        parts.append(f"{step} {account.accepted}/{account.seen}" + (f" ({rules})" if rules else ""))
    return "; ".join(parts), clock.cpu()


def main() -> None:
    """Print the three tables."""
    data = harness.arguments(__doc__, data=True).parse_args().data
    loaded = {name: load(str(data / name)) for name in SETS}
    harness.heads("set", "rows", "questions", "gold answer found", "another", "none")
    for name, (questions, rejects) in loaded.items():
        counts = extraction(questions)
        rows, share = len(questions) + len(rejects), counts["gold"] / len(questions)
        gold = f"{counts['gold']} ({share:.1%})"
        harness.row(name, rows, len(questions), gold, counts["other"], counts["none"])
    print()
    harness.heads("set", "accepted of seen, refused by rule", "CPU s")
    for name, (questions, _) in loaded.items():
        funnel, seconds = refused(str(data / name), questions)
        harness.row(name, funnel, f"{seconds:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        index = str(Path(folder) / "eval.index")
        EvalIndex.build(read_items("gsm8k", str(data / SETS[0]), ("question",))).save(index)
        for name in SETS[:2]:
            funnel, seconds = refused(str(data / name), loaded[name][0], index)
            harness.row(f"{name} with the index of GSM8K test", funnel, f"{seconds:.1f}")


if __name__ == "__main__":
    main()
