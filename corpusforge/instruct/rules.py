"""Quality rules for one example and for the examples of one task, English and Chinese.

The paper's own instance rules (Wang et al. 2023, read from their code: empty output, output equal to
input, text that ends with a colon, one input with two outputs) and ours: cut replies, leaked template
marks, evasions, loops, language, personal data. Every refusal is (rule, value, bound). Bounds that are
ours were set on the answers of six models to 252 expert tasks, with the experts' answers as the
control (`docs/instruct_novelty.md`). Limits: phrases are lists, so an evasion in new words passes;
nothing here knows whether an answer is true.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from corpusforge.filter.redact import redact
from corpusforge.hashing import id_keys, uniform
from corpusforge.instruct import echo
from corpusforge.instruct.constraints import missed
from corpusforge.instruct.intent import asks_for_code
from corpusforge.instruct.material import announced
from corpusforge.instruct.phrases import EVASIONS, LANGUAGES_NAMED, LEAKS, PLACEHOLDERS
from corpusforge.instruct.profile import Finding, han_share, profile
from corpusforge.instruct.records import Instance
from corpusforge.instruct.results import result_of, same
from corpusforge.instruct.tokens import unicode_tokens

__all__ = [
    "RULES",
    "Settled",
    "check_instance",
    "check_language",
    "check_personal",
    "check_text",
    "distinct_grams",
    "settle",
]

_GRAM = 4
_LEAST_GRAMS = 20  # shorter answers repeat words for good reasons (dice rolls, lines of a song)
_DISTINCT = 0.4  # the least of 143 expert answers that long is 0.53; what lies below here are loops
_LEAST_SCRIPT = 20  # tokens below which the script of an answer says nothing about its language
_LEAST_BYTES = (
    400  # lists of names and dishes below this length are taken for their origin's language
)


def check_instance(
    instruction: str,
    input: str,  # noqa: A002  the field's name in every format of the field
    output: str,
    language: str = "en",
    finish_reason: str = "stop",
    allow: Collection[str] = (),
) -> Finding | None:
    """Return (rule, value, bound) of the first rule of `RULES` that an example breaks, or None.

    `allow` names rules to leave out, such as "evasion" for rows that refuse on purpose. Language and
    personal data cost more and have functions of their own.
    """
    given, answer = input.strip(), output.strip()
    enders = profile(language).enders
    checks: dict[str, Finding | None] = {
        "cut": _when(finish_reason == "length", finish_reason, "a finished reply"),
        "empty_output": _when(not answer, "0", "> 0"),
        "copy_of_input": _when(answer == given, answer[:80], "output differs from input"),
        "copy_of_instruction": _when(
            answer == instruction.strip(), answer[:80], "output differs from instruction"
        ),
        "ends_with_colon": _colon(given, answer, enders),
        "missing_material": _missing(instruction, given),
        "no_code": _when(
            asks_for_code(instruction) and not _is_code(answer), answer[:40], "the code asked for"
        ),
    }
    for rule, found in checks.items():
        if found and rule not in allow:
            return (rule, found[1], found[2])
    return (
        _first((given, answer), answer, allow)
        or _echo(instruction, given, answer, language, allow)
        or _constraint(instruction, answer, allow)
    )


def _constraint(instruction: str, answer: str, allow: Collection[str]) -> Finding | None:
    found = None if "constraint" in allow else missed(instruction, answer)
    return found and ("constraint", *found)


def _echo(
    instruction: str, given: str, answer: str, language: str, allow: Collection[str]
) -> Finding | None:
    if "copied_prompt" in allow:
        return None
    return echo.copied(given, language, instruction) or echo.copied(
        answer, language, f"{instruction}\n{given}"
    )


def check_text(text: str, allow: Collection[str] = ()) -> Finding | None:
    """Return the first finding of the rules that look at one text alone, such as an answer's."""
    return _first((text,), text, allow)


def _first(marked: Sequence[str], answer: str, allow: Collection[str]) -> Finding | None:
    for rule in ("placeholder", "leaked_mark", "evasion", "cut_table", "cut_code", "repetition"):
        if rule in allow:
            continue
        texts = marked if rule == "leaked_mark" else (answer,)
        for text in texts:
            found = _TEXT_RULES[rule](text)
            if found:
                return (rule, *found)
    return None


def _when(broken: bool, value: str, bound: str) -> Finding | None:
    return ("", value, bound) if broken else None


def _colon(given: str, answer: str, enders: tuple[str, ...]) -> Finding | None:
    ended = next((text for text in (given, answer) if text.endswith(enders)), "")
    return _when(bool(ended), ended[-20:], "no colon at the end")


def _missing(instruction: str, given: str) -> Finding | None:
    pointed = "" if given else announced(instruction)
    return _when(bool(pointed), pointed[:80], "an input, or the material in the task")


def _placeholder(text: str) -> tuple[str, str] | None:
    bare = text.strip().strip(".。!！").lower()
    return (bare, "an answer") if bare in PLACEHOLDERS else None


def _leak(text: str) -> tuple[str, str] | None:
    match = LEAKS.search(text)
    return (match[0].strip(), "none") if match else None


def _evasion(text: str) -> tuple[str, str] | None:
    match = EVASIONS.search(text)
    return (match[0].strip(), "none") if match else None


def _cut_table(text: str) -> tuple[str, str] | None:
    """Find a Markdown table whose last row has fewer cells than its head, at the end of the text."""
    lines = text.rstrip().split("\n")
    rows = 0
    while rows < len(lines) and lines[-1 - rows].lstrip().startswith("|"):
        rows += 1
    if rows < 3:  # head, rule, and the row that may be cut
        return None
    head, last = lines[-rows].count("|"), lines[-1].count("|")
    return (str(last - 1), f"{head - 1} cells") if last < head else None


def _cut_code(text: str) -> tuple[str, str] | None:
    fences = len(re.findall(r"^[^\S\n]*+```", text, re.MULTILINE))
    return (str(fences), "an even number of code fences") if fences % 2 else None


def distinct_grams(text: str) -> tuple[int, int]:
    """Return (distinct, all) runs of 4 tokens in `text`."""
    tokens = unicode_tokens(text)
    grams = [tuple(tokens[k : k + _GRAM]) for k in range(len(tokens) - _GRAM + 1)]
    return len(set(grams)), len(grams)


def _repetition(text: str) -> tuple[str, str] | None:
    distinct, total = distinct_grams(text)
    if total < _LEAST_GRAMS or distinct >= _DISTINCT * total:
        return None
    return f"{distinct / total:.3f}", f">= {_DISTINCT} distinct"


_TEXT_RULES = {
    "placeholder": _placeholder,
    "leaked_mark": _leak,
    "evasion": _evasion,
    "cut_table": _cut_table,
    "cut_code": _cut_code,
    "repetition": _repetition,
}

RULES: dict[str, str] = {
    **echo.RULES,
    "cut": "the reply ended at the token limit",
    "empty_output": "no output",
    "copy_of_input": "output and input are the same",
    "copy_of_instruction": "output and instruction are the same",
    "ends_with_colon": "input or output announces something that does not come",
    "missing_material": "the task announces a text or a list that neither it nor the input holds",
    "no_code": "the task asks for a function, a program or a query, and the output has no code",
    "constraint": "the output misses a count that the instruction names (items, words, sentences, lines)",
    "placeholder": "the output stands for nothing (N/A, 无, <nooutput>)",
    "leaked_mark": "marks of a chat template or of the prompt's own format",
    "evasion": "the model speaks of itself instead of answering",
    "cut_table": "a table ends inside a row",
    "cut_code": "a code block is not closed",
    "repetition": "fewer than 4 in 10 of the output's runs of 4 tokens are distinct",
    "contradicting_outputs": "one input has two outputs: the task falls; for a task without input, two "
    "results (numbers, verdicts, names)",
    "one_answer": "a task without input has one answer: the first",
    "duplicate": "an equal instance came before",
    "surplus": "more instances than a task may have",
    "language": "the output is in another language than asked for",
    "personal_data": "personal data or a secret",
    "contaminated": "evaluation text",
    "unsearched": "the search for evaluation text took too many steps",
    "task_cap": "the task has rows enough",
    "task_language_cap": "the task has rows enough in this language",
}
"""Every rule of this module and of `limits`, with what it means; the name stands in `Reject.rule`."""


def check_language(instruction: str, input: str, output: str, language: str) -> Finding | None:  # noqa: A002
    """Return a finding when an output is surely in another language than the row's.

    From 20 tokens on the share of Han characters decides between Chinese and the rest; from 400 bytes
    on `corpusforge.identify` is asked. Rows that name a language or speak of translating may answer
    in any; an input in the output's language makes it fitting; code and notation have none.
    """
    if LANGUAGES_NAMED.search(instruction) or LANGUAGES_NAMED.search(input[:200]):
        return None
    if _is_code(output):
        return None
    if len(unicode_tokens(output)) >= _LEAST_SCRIPT:
        share = han_share(output)
        given = han_share(input) if input.strip() else float(language == "zh")
        if language == "zh" and share < 0.2 <= given:
            return "language", f"{share:.2f} Han", ">= 0.2"
        if language != "zh" and given <= 0.6 < share:
            return "language", f"{share:.2f} Han", "<= 0.6"
    if len(output.encode("utf-8", "surrogatepass")) < _LEAST_BYTES:
        return None
    import pyarrow as pa

    from corpusforge.identify import UNKNOWN, Settings, identify

    texts = pa.array([output, input], type=pa.large_string())
    labels, scores = identify(texts, Settings(engine="pycld2"))
    if labels[0] in (UNKNOWN, language, labels[1]) or scores[0] < 0.65:
        return None
    return "language", labels[0], language


def _is_code(text: str) -> bool:
    """Whether a text is code or notation: fenced, or 1 in 20 characters is a mark of code."""
    return "```" in text or 20 * sum(map(text.count, "{}[]();=<>_|\\/*+")) > len(text)


def check_personal(instruction: str, input: str, output: str) -> Finding | None:  # noqa: A002
    """Return a finding when redaction would replace something in the example."""
    counts = redact("\n\n".join((instruction, input, output))).counts
    if not counts:
        return None
    return "personal_data", ", ".join(f"{label} {n}" for label, n in counts.items()), "none"


@dataclass(frozen=True, slots=True)
class Settled:
    """The instances of a task that stay, in order, and each refused one with its finding."""

    kept: tuple[Instance, ...]
    refused: tuple[tuple[Instance, Finding], ...]


def settle(
    task: str,
    instruction: str,
    instances: Sequence[Instance],
    language: str = "en",
    finish_reason: str = "stop",
    most: int = 5,
    seed: int = 0,
    allow: Collection[str] = (),
) -> Settled:
    """Apply the rules to all instances of a task; at most `most` stay, drawn by seed and place.

    A reply cut by its token limit costs the last instance only, as in the paper. Two outputs of one
    input cost the task all its instances, as there; for the empty input only where they are two
    results, else the first stays (there all stay: 182 of 308 rows of a real run were later answers).
    """
    kept: list[Instance] = []
    refused: list[tuple[Instance, Finding]] = []
    for place, item in enumerate(instances):
        last = finish_reason if place == len(instances) - 1 else "stop"
        found = check_instance(instruction, item.input, item.output, language, last, allow)
        if found is None and item in kept:
            found = ("duplicate", item.output[:80], "distinct instances")
        if found:
            refused.append((item, found))
        else:
            kept.append(item)
    outputs: dict[str, str] = {}
    for item in kept:
        if item.input.strip() and outputs.setdefault(item.input, item.output) != item.output:
            return _fallen(kept, refused, item.input[:80], "one output an input")
    if "one_answer" not in allow:
        alone = [item for item in kept if not item.input.strip()]
        if unlike := _unlike(instruction, [item.output for item in alone]):
            return _fallen(kept, refused, unlike, "one result of a task without input")
        refused += [(item, ("one_answer", item.output[:80], "one answer of a task without input"))
                    for item in alone[1:]]  # fmt: skip
        kept = [item for item in kept if item not in alone[1:]]
    return _drawn(task, kept, refused, most, seed)


def _fallen(
    kept: Sequence[Instance], refused: Sequence[tuple[Instance, Finding]], value: str, bound: str
) -> Settled:
    broken = ("contradicting_outputs", value, bound)
    return Settled((), (*refused, *((other, broken) for other in kept)))


def _unlike(instruction: str, outputs: Sequence[str]) -> str:
    """The first two results that differ among answers to one question, "" where none can be seen to."""
    results = [result_of(instruction, "", output) for output in outputs]
    for other in results[1:]:
        first = results[0]
        if first and other and first.kind == other.kind and not same(first, other):
            return f"{first.text[:40]} / {other.text[:40]}"
    return ""


def _drawn(
    task: str,
    kept: list[Instance],
    refused: list[tuple[Instance, Finding]],
    most: int,
    seed: int,
) -> Settled:
    keys = id_keys(f"{task}/{place}" for place in range(len(kept)))
    chosen = set(np.argsort(uniform(keys, seed, "instances"), kind="stable")[:most].tolist())
    surplus = ("surplus", str(len(kept)), f"<= {most}")
    refused = [*refused, *((item, surplus) for k, item in enumerate(kept) if k not in chosen)]
    return Settled(tuple(item for k, item in enumerate(kept) if k in chosen), tuple(refused))
