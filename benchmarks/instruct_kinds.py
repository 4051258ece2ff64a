"""How well the rules of `pipelines.kinds` tell kinds of answers apart: `python -m benchmarks.instruct_kinds`.

Two tables. Answers of hand-written examples of each kind under the rules of every kind (rules and
examples have one author, so the diagonal says little, the rest more). Ordinary answers: those of the
built-in seed tasks, which are of no kind, so what a rule accepts there it accepts wrongly.
"""

from __future__ import annotations

from corpusforge.instruct.kinds import KINDS, check_answer, kind_seeds
from corpusforge.instruct.seeds import BUILTIN, load


def main() -> None:
    """Print both tables."""
    heads = ["rules of", *KINDS, *(f"ordinary {one}" for one in BUILTIN)]
    print("| " + " | ".join(heads) + " |")
    print("|---|" + "---:|" * (len(heads) - 1))
    ordinary = {
        name: [one.output for task in load(name) for one in task.instances] for name in BUILTIN
    }
    for kind in KINDS:
        cells = []
        for other in KINDS:
            seeds = [seed for name in BUILTIN for seed in kind_seeds(other, name)]
            passed = sum(
                check_answer(kind, one.output, one.wrong, one.language) is None for one in seeds
            )
            cells.append(f"{passed} of {len(seeds)}")
        for name, texts in ordinary.items():
            passed = sum(check_answer(kind, text, "", name) is None for text in texts)
            cells.append(f"{passed} of {len(texts)}")
        print(f"| {kind} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
