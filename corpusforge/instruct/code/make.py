"""Problems written, checked by their own tests, solved anew, and made into rows.

As in the seed notes on Codex's second stage (problems with unit tests, pass@k) and OSS-Instruct's kin:
one reply holds a problem, a solution and tests. The solution must pass the tests and emptied functions
must fail them; then the model solves the problem alone, `samples` times, and pass@k is stored. Limit:
tests and solution are one model's, so a misread problem may pass its own tests; samples that pass tell
that others read it alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from corpusforge.hashing import make_id
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import (
    CHUNK,
    Ask,
    Check,
    Made,
    Origin,
    Question,
    Trail,
    asked,
    checked,
    lineage,
    sampling_text,
    seeded,
    unanswered,
)
from corpusforge.instruct.code.parts import asserts, blocks_of, defined, stub
from corpusforge.instruct.code.passes import pass_at
from corpusforge.instruct.code.settings import Settings
from corpusforge.instruct.cot.runner import Outcome
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Completion, Request

__all__ = ["PROBLEMS", "TOPICS", "Problem", "make_problems"]

PROBLEMS = "problems.jsonl"
"""The table of problems whose own solution passes, with tests, passes and pass@k."""

RunTests = Callable[[str, str], Outcome]

_ENGLISH = """counting words in a text|dates and weekdays|merging two sorted lists|balanced brackets
a shopping basket with discounts|Roman numerals|run-length coding|a matrix turned by 90 degrees
prime factors|reading key=value lines|overlapping intervals|anagrams|a queue of patients|change in coins
temperatures over a month|paths in a grid|palindromes|seats in a theatre|grouping pupils by year
binary numbers|a small stack machine|the longest common prefix"""
_CHINESE = """统计文本里的词|日期与星期|合并两个有序列表|括号配对|带折扣的购物篮|罗马数字|游程编码
矩阵旋转九十度|质因数分解|读取 key=value 的行|重叠的区间|变位词|病人排队|找零钱|一个月的气温
网格里的路径|回文|剧院座位
按年级给学生分组|二进制数|小型栈机器|最长公共前缀"""
TOPICS = {
    language: tuple(topics.replace("\n", "|").split("|"))
    for language, topics in (("en", _ENGLISH), ("zh", _CHINESE))
}
"""What problems are about, in turn; a topic's later rounds are other samples of its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem with a solution that passes its tests. `passed` of `samples` new solutions pass, too."""

    id: str
    language: str
    topic: str
    problem: str
    solution: str
    tests: str
    samples: int = 0
    passed: int = 0
    pass_at: dict[str, float]
    """pass@k by k (Chen et al. 2021); empty without samples."""
    row: str = ""
    request: str = ""
    prompt_version: str = ""


def make_problems(
    language: str, settings: Settings, run: RunTests, ask: Ask, origin: Origin, check: Check
) -> Iterator[Made]:
    """Yield the rows of one language in parts, one row at most of each problem."""
    maker = _Maker(language, settings, run, origin)
    for start in range(0, settings.each, CHUNK):
        yield maker.part(range(start, min(start + CHUNK, settings.each)), ask, check)


class _Maker:
    """One language's problems."""

    def __init__(self, language: str, settings: Settings, run: RunTests, origin: Origin) -> None:
        self.language, self.settings, self.run, self.origin = language, settings, run, origin
        self.seen: set[str] = set()

    def part(self, numbers: Sequence[int], ask: Ask, check: Check) -> Made:
        made = Made()
        problems = self._written(numbers, ask, made)
        rows: dict[str, Row] = {}
        solved = self._solved(problems, ask, made) if self.settings.samples else problems
        for problem in solved:
            if problem.solution:
                rows[problem.id] = self._row(problem)
        checked(made, list(rows.values()), check)
        good = {row.id for row in made.rows}
        first = {problem.id: problem for problem in problems}
        made.tables[PROBLEMS] = [
            replace(
                one, solution=first[one.id].solution,
                row=rows[one.id].id if one.id in rows and rows[one.id].id in good else "",
            )
            for one in solved
        ]  # fmt: skip
        return made

    def _written(self, numbers: Sequence[int], ask: Ask, made: Made) -> list[Problem]:
        questions = []
        for number in numbers:
            topics = TOPICS[self.language]
            topic, turn = topics[number % len(topics)], number // len(topics)
            made_of = prompt("code_problem", self.language)
            request = Request(
                messages=made_of.render(topic=topic), repeat=turn, purpose="code_tests.write",
                sampling=seeded(self.settings.write, self.settings.seed, "write", topic),
            )  # fmt: skip
            questions.append(Question(request, made_of.version, topic))
        found = []
        for question, reply in asked(ask, questions):
            problem, finding = self._problem(question, reply)
            text = parse.answer(reply.text)
            if made.decide(
                self.language, "write", text, finding, key=f"{reply.key}:{question.subject}"
            ):
                self.seen.add(problem.id)
                found.append(problem)
        return found

    def _problem(
        self, question: Question[str], reply: Completion
    ) -> tuple[Problem, Finding | None]:
        """A problem out of a reply, and why it is refused."""
        words, blocks = blocks_of(parse.answer(reply.text))
        solution, tests = (*blocks, "", "")[:2]
        words = words.removeprefix("Problem:").removeprefix("问题：").strip()
        problem = Problem(
            id=make_id("code_tests", f"{words}\x00{tests}"), language=self.language, pass_at={},
            topic=question.subject, problem=words, solution=solution, tests=tests,
            request=reply.key, prompt_version=question.prompt_version,
        )  # fmt: skip
        return problem, unanswered(reply) or self._fault(problem)

    def _fault(self, problem: Problem) -> Finding | None:
        names = defined(problem.solution)
        if not problem.problem or not problem.tests or not names:
            return "no_parts", ", ".join(names), "a problem, a solution with a function, and tests"
        if problem.id in self.seen:
            return "duplicate", problem.id, "another problem"
        count = asserts(problem.tests, names)
        if count < self.settings.asserts:
            return (
                "few_asserts",
                str(count),
                f">= {self.settings.asserts} that call {', '.join(names)}",
            )
        outcome = self.run(problem.solution, problem.tests)
        if not outcome.passed:
            return (
                "own_tests",
                f"{outcome.reason}: {outcome.detail}",
                "the solution passes its tests",
            )
        if self.run(stub(problem.solution), problem.tests).passed:
            return "weak_tests", "emptied functions pass", "tests that fail without a solution"
        return None

    def _solved(self, problems: Sequence[Problem], ask: Ask, made: Made) -> list[Problem]:
        """The problems with their passes; `solution` is the first that passed, "" where too few did."""
        made_of = prompt("code_solve", self.language)
        questions = [
            Question(
                Request(
                    messages=made_of.render(problem=one.problem), repeat=number, purpose="code_tests.solve",
                    sampling=seeded(self.settings.solve, self.settings.seed, "solve", one.id),
                ),
                made_of.version, one,
            )
            for one in problems for number in range(self.settings.samples)
        ]  # fmt: skip
        passed: dict[str, list[str]] = {one.id: [] for one in problems}
        for question, reply in asked(ask, questions):
            problem, text = question.subject, parse.answer(reply.text)
            _, blocks = blocks_of(text)
            finding = unanswered(reply) or (None if blocks else ("no_code", "", "a block of code"))
            if finding is None:
                outcome = self.run(blocks[0], problem.tests)
                if not outcome.passed:
                    finding = "wrong", f"{outcome.reason}: {outcome.detail}", "the tests pass"
            if made.decide(self.language, "solve", text, finding, key=f"{reply.key}:{problem.id}"):
                passed[problem.id].append(blocks[0])
        return [self._with_passes(one, passed[one.id], made) for one in problems]

    def _with_passes(self, problem: Problem, right: Sequence[str], made: Made) -> Problem:
        samples, count = self.settings.samples, len(right)
        finding: Finding | None = None
        if count < self.settings.least_passes:
            finding = "few_passes", f"{count} of {samples}", f">= {self.settings.least_passes}"
        kept = made.decide(
            self.language,
            "problem",
            problem.problem,
            finding,
            key=f"{problem.request}:{problem.id}",
        )
        rates = {k: round(pass_at(samples, count, int(k)), 6)
                 for k in self.settings.pass_at if int(k) <= samples}  # fmt: skip
        solution = (right[0] if right else problem.solution) if kept else ""
        return replace(problem, samples=samples, passed=count, pass_at=rates, solution=solution)

    def _row(self, problem: Problem) -> Row:
        steps = [sampling_text("write", self.settings.write)]
        steps += [sampling_text("solve", self.settings.solve)] if self.settings.samples else []
        trail: Trail = ((problem.request, problem.prompt_version),)
        return Row(
            id=make_id("instruct.code", f"{problem.id}\x00{problem.solution}"), task=f"code.{problem.id}",
            kind="code", instruction=problem.problem, input="", language=self.language, group=problem.id,
            output=f"```python\n{problem.solution}```", pass_rate=(problem.passed, problem.samples),
            lineage=lineage(trail, self.origin, steps, ()),
        )  # fmt: skip
