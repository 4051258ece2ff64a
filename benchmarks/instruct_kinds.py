"""How well the rules of `pipelines.kinds` tell kinds of answers apart: `python -m benchmarks.instruct_kinds`.

Answers of hand-written examples of each kind under the rules of every kind (rules and examples have
one author, so the diagonal says little, the rest more). Ordinary answers: those of the built-in seed
tasks, which are of no kind, so what a rule accepts there it accepts wrongly. With `--hh FILE` (a file
of Anthropic's HH): what the rules for turns find in its `chosen` dialogues, and how many are cut at
1,000 characters.
"""

from __future__ import annotations

import re
from collections import Counter

from benchmarks import harness
from corpusforge.instruct.dialogue import check_turns, cut_turns, measure_by
from corpusforge.instruct.kinds import KINDS, check_answer, kind_seeds
from corpusforge.instruct.seeds import BUILTIN, load
from corpusforge.io.jsonl import read_jsonl


def hh(path: str) -> None:
    """Print what the rules for turns find in a file of HH."""
    found: Counter[str] = Counter()
    for row in read_jsonl(path):
        pieces = re.split(r"\n\n(Human|Assistant): ?", row["chosen"])[1:]
        roles = {"Human": "user", "Assistant": "assistant"}
        turns = [
            (roles[role], text.strip())
            for role, text in zip(pieces[::2], pieces[1::2], strict=True)
        ]
        broken = check_turns(turns)
        cuts = None if broken else cut_turns(turns, 1000, measure_by("characters"))
        found[broken[0] if broken else "kept"] += 1
        found["cut"] += cuts is not None and len(cuts) > 1
        found["one exchange too long"] += broken is None and cuts is None
    print()
    harness.heads(*found)
    harness.row(*found.values())


def main() -> None:
    """Print the tables."""
    options = harness.arguments(__doc__)
    options.add_argument("--hh", default="", metavar="FILE")
    path = options.parse_args().hh
    harness.heads("rules of", *KINDS, *(f"ordinary {one}" for one in BUILTIN))
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
        harness.row(kind, *cells)
    if path:
        hh(path)


if __name__ == "__main__":
    main()
