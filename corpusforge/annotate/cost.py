"""What a job will take, before it is sent: hours and money, by assumptions that are settings.

Minutes of a task are reading (the prompt once, every answer once) plus deciding, or writing.
Limit: an estimate from reading speeds; run a pilot and set your own figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from corpusforge.annotate.prompts import prompt_text
from corpusforge.annotate.records import Task
from corpusforge.annotate.settings import CostSettings
from corpusforge.text.classes import is_unspaced

__all__ = ["Estimate", "reading_minutes"]

_WRITTEN = ("demonstration", "dialogue", "red_team")


def reading_minutes(text: str, settings: CostSettings) -> float:
    """Return the minutes of reading: characters of unspaced scripts, and words of the others."""
    if text.isascii():
        return len(text.split()) / settings.words_per_minute
    unspaced = sum(is_unspaced(character) for character in text)
    spaced = "".join(" " if is_unspaced(character) else character for character in text)
    words = sum(any(c.isalnum() for c in word) for word in spaced.split())
    return unspaced / settings.characters_per_minute + words / settings.words_per_minute


@dataclass(slots=True)
class Estimate:
    """Sums over tasks as they stream by; `scales` is how many scales each answer is rated on."""

    settings: CostSettings
    scales: int = 0
    tasks: int = 0
    minutes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _prompt: tuple[str, float] = ("", 0.0)

    def count(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Yield the tasks, adding up what each takes its rater."""
        for task in tasks:
            self.tasks += 1
            self.minutes[task.rater] += self.of(task)
            yield task

    def of(self, task: Task) -> float:
        """Return the minutes of one task."""
        key = f"{task.prompt.id} {' '.join(sorted(c.id for c in task.candidates))}"
        if self._prompt[0] != key:
            texts = [prompt_text(task.prompt), *(c.text for c in task.candidates)]
            self._prompt = key, sum(reading_minutes(text, self.settings) for text in texts)
        acts = len(task.candidates) * (1 + self.scales) * self.settings.decide_minutes
        written = self.settings.write_minutes if task.kind in _WRITTEN else 0.0
        return self._prompt[1] + acts + written

    @property
    def hours(self) -> float:
        """Paid hours of all raters."""
        return sum(self.minutes.values()) / 60

    @property
    def cost(self) -> float:
        """Wages and platform fee."""
        return self.hours * self.settings.wage * (1 + self.settings.fee_ratio)

    def describe(self) -> str:
        """Return the estimate and its assumptions for a person."""
        s, raters = self.settings, len(self.minutes)
        longest = max(self.minutes.values(), default=0.0) / 60
        each = sum(self.minutes.values()) / max(self.tasks, 1)
        return (
            f"cost estimate: {self.tasks} tasks x {each:.1f} minutes = {self.hours:.1f} hours of "
            f"{raters} rater(s), at most {longest:.1f} hours one; "
            f"{self.hours:.1f} x {s.wage:g} {s.currency} + {s.fee_ratio:.0%} fee = "
            f"{self.cost:.2f} {s.currency}\n"
            f"  assumes: {s.words_per_minute:g} words or {s.characters_per_minute:g} characters a "
            f"minute read, {s.decide_minutes:g} minutes a decision, {s.write_minutes:g} minutes to "
            "write; none of it measured, set your own (--wage, --decide-minutes …)"
        )
