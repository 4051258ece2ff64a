r"""Answers judged equal or not, ours beside Math-Verify (Hugging Face, Apache-2.0), on labelled pairs.

    pip install math-verify            # in an environment of its own
    python -m benchmarks.answers_peer [--data ../shared/data] [--peer PYTHON] [--gsm8k N] [--show]

Labels come of construction, never of a judge, and were committed before either was run:
1. GSM8K's 1,319 test answers, each in eight forms of the same number and eight of another;
2. answers as MATH has them (fractions, decimals, percentages, surds, sets, tuples, intervals, units,
   angles, powers, expressions), written from grids of small numbers by the transformations below;
   and a held-out family, written after ours was mended on the others;
3. AQuA's options: letter, letter in brackets, letter with text, of the right option or of the next;
4. the 436 hand-labelled pairs of `tests/instruct/cot_pairs.jsonl`.
A miss is an equal pair that is judged different; a false right the other way round. Math-Verify is
asked twice: with LaTeX alone between dollars and other texts as they are (plain), and with every text
between dollars, so that it is read as LaTeX; default extraction, for options its string extraction.
What it cannot parse is different. `--peer` names the Python that has it.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A gold answer, a reply's answer, and whether they are equal by construction."""

    family: str
    gold: str
    reply: str
    equal: bool
    choices: tuple[str, ...] = ()
    kind: str = ""


def gsm8k(data: Path, most: int) -> Iterator[Pair]:
    """Each gold number in forms of the same and of another number."""
    with gzip.open(data / "decontam" / "gsm8k_test.jsonl.gz", "rt", encoding="utf-8") as lines:
        golds = [json.loads(line)["answer"].rsplit("####", 1)[1].strip() for line in lines]
    for gold in golds[:most]:
        number = int(gold.replace(",", ""))
        same = [f"{number}", f"{number:,}", f"{number}.0", f"${number}", rf"\boxed{{{number}}}",
                f"**{number}**.", rf"\frac{{{2 * number}}}{{2}}", f"x = {number}"]  # fmt: skip
        other = [f"{number + 1}", f"{number}.5", f"{number}x", f"{number} or {number + 2}",
                 rf"\frac{{{number}}}{{3}}" if number else "3", f"{10 * number + 7}",
                 f"-{number + 4}", f"x > {number}"]  # fmt: skip
        yield from (Pair("gsm8k", gold, one, True) for one in same)
        yield from (Pair("gsm8k", gold, one, False) for one in other)


def mathematics() -> Iterator[Pair]:
    """Answers in the manner of MATH, by family."""
    families = {
        "fraction": fractions, "percent": percentages, "surd": surds, "set": sets,
        "tuple and interval": intervals, "unit": units, "expression": expressions, "power": powers,
        "held out": held_out,
    }  # fmt: skip
    for name, made in families.items():
        yield from (Pair(name, *one) for one in made())


Made = Iterator[tuple[str, str, bool]]


def fractions() -> Made:
    """Reduced or not, in LaTeX or not, mixed, as a decimal where it ends."""
    for above, below in itertools.product((1, 3, 7, 11), (2, 4, 5, 8)):
        gold = rf"\frac{{{above}}}{{{below}}}"
        yield gold, f"{above}/{below}", True
        yield gold, rf"\dfrac{{{above}}}{{{below}}}", True
        yield gold, rf"\frac{{{3 * above}}}{{{3 * below}}}", True
        yield gold, str(float(Fraction(above, below))), True
        yield gold, rf"\frac{above}{below}" if above < 10 else f"{above} / {below}", True
        if above > below:
            yield gold, f"{above // below} {above % below}/{below}", True
            yield gold, rf"{above // below}\frac{{{above % below}}}{{{below}}}", True
        yield gold, f"{below}/{above}", above == below
        yield gold, f"-{above}/{below}", False
        yield gold, rf"\frac{{{above + 1}}}{{{below + 1}}}", False
        yield gold, str(round(float(Fraction(above, below)) + 0.1, 4)), False
        yield gold, rf"\frac{{{above}x}}{{{below}}}", False
    for above in (1, 2, 4, 5, 7):
        yield rf"\frac{{{above}}}{{3}}", f"{above / 3:.2f}", False
        yield rf"-\frac{{{above}}}{{3}}", rf"\frac{{-{above}}}{{3}}", True
        yield rf"-\frac{{{above}}}{{3}}", rf"\frac{{{above}}}{{-3}}", True


def percentages() -> Made:
    """A hundredth is a hundredth."""
    for share in (5, 12, 25, 40, 75, 150):
        gold = rf"{share}\%"
        yield gold, f"{share}%", True
        yield gold, f"{share} percent", True
        yield gold, rf"\frac{{{share}}}{{100}}", True
        yield gold, f"{share}.0\\%", True
        yield gold, f"{share / 1000:g}", False
        yield gold, f"{share * 10}%", False
        yield gold, f"{share + 1} percent", False


def surds() -> Made:
    """Roots drawn out, brought under one root, or made rational below the line."""
    for factor, radicand in itertools.product((2, 3, 5), (2, 3, 5, 7)):
        gold = rf"{factor}\sqrt{{{radicand}}}"
        yield gold, rf"\sqrt{{{factor * factor * radicand}}}", True
        yield gold, f"{factor}*sqrt({radicand})", True
        yield gold, rf"{factor} \sqrt {radicand}", True
        yield gold, rf"\sqrt{{{radicand}}}\cdot {factor}", True
        yield rf"\frac{{{factor}}}{{\sqrt{{{radicand}}}}}", (
            rf"\frac{{{factor}\sqrt{{{radicand}}}}}{{{radicand}}}"), True  # fmt: skip
        yield gold, rf"{radicand}\sqrt{{{factor}}}", factor == radicand
        yield gold, rf"\sqrt{{{factor * radicand}}}", False
        yield gold, rf"{factor}+\sqrt{{{radicand}}}", False
        yield gold, rf"-{factor}\sqrt{{{radicand}}}", False
        yield rf"{factor}+\sqrt{{{radicand}}}", rf"\sqrt{{{radicand}}}+{factor}", True
        yield rf"{factor}+\sqrt{{{radicand}}}", rf"{factor}-\sqrt{{{radicand}}}", False


def sets() -> Made:
    """Order and repetition say nothing in a set."""
    for a, b, c in ((1, 2, 3), (-1, 0, 4), (2, 5, 9), (-3, -2, 7)):
        gold = rf"\{{{a}, {b}, {c}\}}"
        yield gold, rf"\{{{c}, {a}, {b}\}}", True
        yield gold, rf"\left\{{{b}, {c}, {a}\right\}}", True
        yield f"{a}, {b}, {c}", f"{c}, {b}, {a}", True
        yield gold, rf"\{{{a}, {b}\}}", False
        yield gold, rf"\{{{a}, {b}, {c + 1}\}}", False
        yield f"{a}, {b}, {c}", f"{a}, {b}", False
        yield f"{a}, {b}, {c}", f"{c}", False
    for a in (2, 3, 6):
        yield rf"\pm {a}", f"{a}, -{a}", True
        yield rf"\pm {a}", f"{a}", False
        yield f"x = {a} or x = -{a}", f"{a}, -{a}", True


def intervals() -> Made:
    """Order and brackets count."""
    for low, high in ((0, 1), (-2, 3), (1, 5), (-7, -4)):
        for opening, closing in ("()", "[]", "[)", "(]"):
            gold = f"{opening}{low}, {high}{closing}"
            yield gold, rf"\left{opening}{low},{high}\right{closing}", True
            yield gold, f"{opening}{2 * low}/2, {high}.0{closing}", True
            yield gold, f"{opening}{high}, {low}{closing}", False
            yield gold, f"{opening}{low}, {high + 1}{closing}", False
            other = {"(": "[", "[": "("}[opening]
            yield gold, f"{other}{low}, {high}{closing}", False
    yield r"(-\infty, 3]", r"\left(-\infty,3\right]", True
    yield r"(-\infty, 3]", r"(-\infty, 3)", False
    yield r"(-\infty, 3)\cup(5,\infty)", r"\left(-\infty,3\right)\cup\left(5,\infty\right)", True
    yield r"(-\infty, 3)\cup(5,\infty)", r"(-\infty,3)", False
    yield "(1, 2, 3)", "(1,2,3)", True
    yield "(1, 2, 3)", "(3, 2, 1)", False


def units() -> Made:
    """Conversions that are exact; another unit with the same figure is another answer."""
    equal = (("{} km", "{}000 m"), ("{} hours", "{0}*60 minutes"), ("{} kg", "{}000 g"),
             ("{} m", "{}00 cm"), (r"{}\text{{ cm}}", "{} cm"), (r"{}\text{{ inches}}", "{} inches"),
             (r"\${}", "{} dollars"), (r"{}^\circ", "{} degrees"),
             (r"{}\text{{ square units}}", "{}"))  # fmt: skip
    unequal = (("{} km", "{} m"), ("{} hours", "{} minutes"), (r"\${}", "{} cents"),
               (r"{}\text{{ cm}}", "{}0 cm"), (r"{}^\circ", "{}5 degrees"), ("{} kg", "{} g"))  # fmt: skip
    for number in (2, 7, 12, 45):
        for gold, reply in equal:
            text = reply.format(number)
            if "*60" in text:
                text = f"{number * 60} minutes"
            yield gold.format(number), text, True
        for gold, reply in unequal:
            yield gold.format(number), reply.format(number), False


def expressions() -> Made:
    """Sums in another order, brackets multiplied out, names for angles."""
    for a, b in ((1, 2), (2, 3), (3, 5), (4, 7)):
        yield f"{a}x+{b}" if a > 1 else f"x+{b}", f"{b}+{a}x" if a > 1 else f"{b}+x", True
        yield f"x^2+{a + b}x+{a * b}", f"(x+{a})(x+{b})", True
        yield f"{b}x^2", rf"{b} \cdot x^2", True
        yield rf"\frac{{\pi}}{{{b}}}", rf"\pi/{b}", True
        yield rf"{b}\pi", rf"\pi \cdot {b}", True
        yield f"{a}+{b}i", f"{b}i+{a}", True
        yield f"y={b}x+{a}", f"y = {a} + {b}x", True
        yield f"x = {b}", f"{b}", True
        yield f"x^2+{a + b}x+{a * b}", f"(x-{a})(x-{b})", False
        yield f"{a + 10}x+{b}", f"{b}x+{a + 10}", False
        yield rf"\frac{{\pi}}{{{b}}}", f"{3.14 / b:.4f}", False
        yield f"{a}+{b}i", f"{a}-{b}i", False
        yield f"x = {b}", f"y = {b}", False
        yield f"{b}", f"{b}x", False
        yield f"{b}x^2", f"{b}x^3", False
        yield f"{b}\\pi", f"{b}", False


def powers() -> Made:
    """Powers, factorials, scientific form, groups of three digits."""
    for base, exponent in ((2, 5), (3, 4), (10, 3), (7, 2)):
        gold = str(base**exponent)
        yield gold, f"{base}^{exponent}", True
        yield gold, rf"{base}^{{{exponent}}}", True
        yield gold, f"{exponent}^{base}", base**exponent == exponent**base
        yield gold, f"{base}^{exponent + 1}", False
        yield gold, f"{base * exponent}", base * exponent == base**exponent
    for mantissa, power in ((12, 3), (35, 5), (47, 4)):
        value = mantissa * 10 ** (power - 1)
        yield f"{value:,}", str(value), True
        yield f"{value:,}", rf"{mantissa / 10} \times 10^{{{power}}}", True
        yield f"{value:,}".replace(",", r",\! "), str(value), True
        yield str(value), rf"{mantissa / 10} \times 10^{{{power + 1}}}", False
    yield "120", "5!", True
    yield "120", "5", False


def held_out() -> Made:
    """Written after ours was mended on the other families, and run once."""
    equal = [
        (r"\frac{x^2-1}{x-1}", "x+1"), (r"\sqrt{\frac{3}{4}}", r"\frac{\sqrt{3}}{2}"), (r"\log_2 8", "3"),
        ("x<5", "5>x"), (r"2^{-3}", r"\frac{1}{8}"), ("(x-1)^2", "x^2-2x+1"),
        (r"\frac{1}{1+\sqrt{2}}", r"\sqrt{2}-1"), (r"\binom{5}{2}", "10"), (r"e^{2x}\cdot e^{x}", "e^{3x}"),
        (r"\cos(0)", "1"), (r"\sqrt[3]{8}", "2"), (r"1+\frac{1}{2}", r"\frac{3}{2}"), (r"3\cdot 5", "15"),
        (r"x \in [1,2]", "[1,2]"), (r"\frac{a+b}{2}", r"\frac{b+a}{2}"), (r"\frac{2x}{4}", r"\frac{x}{2}"),
        (r"-(x-3)", "3-x"), (r"\sin^2 x", r"(\sin x)^2"), (r"\sqrt{50}-\sqrt{8}", r"3\sqrt{2}"),
        (r"\frac{\sqrt{6}}{\sqrt{2}}", r"\sqrt{3}"), ("2(l+w)", "2l+2w"), (r"4\pi r^2", r"4 r^2 \pi"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        (r"\frac{3}{x+1}", r"\frac{3}{1+x}"), (r"\{x, y\}", r"\{y, x\}"), ("0.125", r"\frac{1}{8}"),
    ]  # fmt: skip
    different = [
        (r"\frac{x^2-1}{x-1}", "x-1"), (r"\sqrt{\frac{3}{4}}", r"\frac{3}{4}"), (r"\log_2 8", "4"),
        ("x<5", "x>5"), ("x<5", r"x \le 5"), (r"2^{-3}", "-8"), ("(x-1)^2", "x^2-1"), (r"\binom{5}{2}", "20"),
        (r"e^{2x}", "e^{x}"), (r"\cos(x)", r"\sin(x)"), (r"\sqrt[3]{8}", r"\sqrt{8}"), (r"3\cdot 5", "35"),
        (r"x \in [1,2]", "(1,2)"), (r"\frac{a+b}{2}", r"a+\frac{b}{2}"), (r"-(x-3)", "x-3"),
        (r"\sqrt{50}-\sqrt{8}", r"\sqrt{42}"), (r"\frac{\sqrt{6}}{\sqrt{2}}", "3"), ("2(l+w)", "2l+w"),
        (r"4\pi r^2", r"4\pi r^3"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}"),
        (r"\frac{3}{x+1}", r"\frac{3}{x}+1"), (r"\{x, y\}", "(x, y)"), ("10-7", "3:0"),
    ]  # fmt: skip
    yield from ((gold, reply, True) for gold, reply in equal)
    yield from ((gold, reply, False) for gold, reply in different)


def aqua(data: Path, most: int = 200) -> Iterator[Pair]:
    """The first questions of AQuA with five different options: letter and text of the right one, or
    of the next."""
    seen = 0
    with gzip.open(
        data / "selfinstruct" / "cot" / "aqua_train.tsv.gz", "rt", encoding="utf-8"
    ) as lines:
        for line in lines:
            question, gold = line.rstrip("\n").split("\t")[:2]
            options = [
                one.split(") ", 1)[1].strip()
                for one in question.split("\\n")
                if one.startswith("(") and ") " in one
            ]
            letter = gold.strip("() ")
            if len(set(options)) != 5 or letter not in "ABCDE" or seen == most:
                continue
            seen += 1
            place = ord(letter) - ord("A")
            other = (place + 1) % 5
            for at, equal in ((place, True), (other, False)):
                name, text = "ABCDE"[at], options[at]
                for reply in (name, f"({name})", f"{name}) {text}", f"({name}) {text}"):
                    yield Pair("options", letter, reply, equal, tuple(options), "choice")


def labelled() -> Iterator[Pair]:
    """The hand-labelled pairs of the tests."""
    path = Path(__file__).parents[1] / "tests" / "instruct" / "cot_pairs.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        family = "by hand, Chinese" if row["language"] == "zh" else "by hand, English"
        yield Pair(family, row["right"], row["left"], row["equal"],
                   tuple(row.get("choices", ())), row["kind"])  # fmt: skip


def pairs(data: Path, most: int = 1319) -> list[Pair]:
    """Return all pairs; those of GSM8K and AQuA from the data directory."""
    return [*gsm8k(data, most), *mathematics(), *aqua(data), *labelled()]


def ours(made: list[Pair]) -> list[bool]:
    """What this project's equality says of each pair, read in the kind of its gold answer."""
    from corpusforge.instruct.cot.answers import equal, kind_of, match, read

    found = []
    for one in made:
        if one.kind == "auto":
            found.append(equal(one.gold, one.reply))
            continue
        kind = one.kind or kind_of(one.gold)
        found.append(match(read(one.gold, kind, one.choices), read(one.reply, kind, one.choices)))
    return found


PEER = r"""
import json, sys
LETTERS = tuple("ABCDEFGHIJ")
from math_verify import parse, verify
from math_verify.parser import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig
def read(text, choice):
    if choice:
        return parse(text, [StringExtractionConfig(strings=LETTERS)], parsing_timeout=None)
    latex = any(sign in text for sign in "\\^{}") or sys.argv[1] == "dollars"
    if latex and "boxed" not in text and "$" not in text.replace("\\$", ""):
        text = "$" + text + "$"
    return parse(text, [LatexExtractionConfig(), ExprExtractionConfig()], parsing_timeout=None)
for line in sys.stdin:
    one = json.loads(line)
    try:
        gold, reply = (read(one[name], one["kind"] == "choice") for name in ("gold", "reply"))
        print(int(bool(gold and reply and verify(gold, reply, timeout_seconds=None))), flush=True)
    except Exception:
        print(0, flush=True)
"""


def peer(python: str, made: list[Pair], texts: str) -> list[bool]:
    """What Math-Verify says, in the environment of another Python; `texts`: plain or dollars."""
    lines = "".join(json.dumps(asdict(one)) + "\n" for one in made)
    done = subprocess.run(
        [python, "-c", PEER, texts], input=lines, capture_output=True, text=True, check=True
    )
    return [line == "1" for line in done.stdout.split()]


def main() -> None:
    """Print false rights and misses by family, and with --show each of ours."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--peer", default=sys.executable, metavar="PYTHON")
    options.add_argument("--gsm8k", type=int, default=1319, metavar="N", help="answers taken")
    options.add_argument("--no-peer", action="store_true")
    options.add_argument("--show", action="store_true")
    given = options.parse_args()
    made = pairs(given.data, given.gsm8k)
    judged = {"ours": ours(made)}
    if not given.no_peer:
        judged["Math-Verify, plain"] = peer(given.peer, made, "plain")
        judged["Math-Verify, dollars"] = peer(given.peer, made, "dollars")
    names = [f"{name}: {kind}" for name in judged for kind in ("false rights", "misses")]
    print(f"| pairs | equal | different | {' | '.join(names)} |\n|{'---|' * (3 + len(names))}")
    for family in [*dict.fromkeys(one.family for one in made), "all"]:
        places = [k for k, one in enumerate(made) if family in (one.family, "all")]
        total = Counter(made[k].equal for k in places)
        cells = []
        for found in judged.values():
            cells += [sum(found[k] and not made[k].equal for k in places),
                      sum(made[k].equal and not found[k] for k in places)]  # fmt: skip
        print(f"| {family} | {total[True]} | {total[False]} | {' | '.join(map(str, cells))} |")
    if given.show:
        for name, found in judged.items():
            for one, said in zip(made, found, strict=True):
                if said != one.equal:
                    what = "miss" if one.equal else "FALSE RIGHT"
                    print(f"{name} {what} [{one.family}] {one.gold!r} {one.reply!r}")


if __name__ == "__main__":
    main()
