"""What the instruction filter and the quality rules refuse of real tasks and answers.

    python -m benchmarks.instruct_rules [--data DIR] [--show]

The 175 seed tasks and 252 expert tasks of Self-Instruct with their human answers, and the answers of
six models to the expert tasks. `--show` prints every refusal, to be judged by reading.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks import harness
from corpusforge.instruct.echo import copied
from corpusforge.instruct.profile import Finding, profile
from corpusforge.instruct.rules import (
    check_instance,
    check_language,
    check_personal,
    distinct_grams,
)
from corpusforge.instruct.verb_noun import verb_object

Answer = tuple[str, str, str]


def human(path: Path) -> Iterator[Answer]:
    for line in path.read_text().splitlines():
        task = json.loads(line)
        for item in task["instances"]:
            yield task["instruction"], item["input"], item["output"]


def model(path: Path) -> Iterator[Answer]:
    for line in gzip.decompress(path.read_bytes()).splitlines():
        row = json.loads(line)
        text = row["response"] or ""
        if isinstance(text, dict):
            text = text["choices"][0]["text"]
        yield row["instruction"], row["input"], text


def findings(answer: Answer) -> Iterator[Finding]:
    found = check_instance(*answer) or check_language(*answer, "en")
    if found:
        yield found
    yield from filter(None, (copied(text, "en") for text in answer))
    personal = check_personal(*answer)
    if personal:
        yield personal


def report(name: str, answers: list[Answer], show: bool) -> None:
    counts: Counter[str] = Counter()
    for answer in answers:
        for found in findings(answer):
            counts[found[0]] += 1
            if show:
                print(f"    {found} {answer[0][:60]!r} {answer[2][:90]!r}")
    listed = ", ".join(f"{rule} {count}" for rule, count in counts.most_common()) or "none"
    grams = [distinct_grams(answer[2]) for answer in answers]
    shares = sorted(distinct / total for distinct, total in grams if total >= 20)
    harness.row(name, len(answers), listed, f"{shares[0]:.2f} ({len(shares)})")


def main() -> None:
    parser = harness.arguments(__doc__, data=True)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    english = profile("en")
    share = "least share of distinct 4-grams (n with 20 or more)"
    harness.heads("answers", "n", "refused by rule", share)
    folder = options.data / "selfinstruct"
    for name in ("seed_tasks", "user_oriented_instructions"):
        answers = list(human(folder / f"{name}.jsonl"))
        report(name, answers, options.show)
    for path in sorted((options.data / "preference/self-instruct-predictions").glob("*.jsonl.gz")):
        report(path.name.removesuffix(".jsonl.gz"), list(model(path)), options.show)
    print()
    harness.heads("instructions", "n", "refused by the filter", "with a verb", "with an object")
    for name in ("seed_tasks", "user_oriented_instructions"):
        texts = list(dict.fromkeys(text for text, _, _ in human(folder / f"{name}.jsonl")))
        rules = Counter(found[0] for text in texts if (found := english.check_instruction(text)))
        pairs = [verb_object(text, "en") for text in texts]
        verbs, objects = sum(bool(v) for v, _ in pairs), sum(bool(o) for _, o in pairs)
        refused = ", ".join(f"{rule} {count}" for rule, count in sorted(rules.items())) or "none"
        harness.row(name, len(texts), refused, verbs, objects)


if __name__ == "__main__":
    main()
