"""The last word on finished rows: their language, personal data, and evaluation text.

These cost more than the rules of `rules.settle`, so they see only what those let through. Limits:
those of language identification, of the redaction patterns, and of the evaluation index given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_language, check_personal
from corpusforge.io import files

__all__ = ["RowCheck", "open_check"]


@dataclass(frozen=True, slots=True)
class RowCheck:
    """Judges rows one after another, and all of them at once against the evaluation index."""

    allow: tuple[str, ...]
    scan: Callable[[Sequence[str]], Sequence[Finding | None]]
    evaluation: str = ""
    """sha256 of the evaluation index; "" without one."""

    def __call__(self, rows: Sequence[Row]) -> list[Finding | None]:
        """Return one finding or None a row."""
        texts = ["\n\n".join((row.instruction, row.input, row.output)) for row in rows]
        found = self.scan(texts) if rows else ()
        return [self._one(row) or other for row, other in zip(rows, found, strict=True)]

    def _one(self, row: Row) -> Finding | None:
        finding = None
        if "language" not in self.allow:
            finding = check_language(row.instruction, row.input, row.output, row.language)
        if finding is None and "personal_data" not in self.allow:
            finding = check_personal(row.instruction, row.input, row.output)
        return finding


def open_check(evaluation: str = "", allow: tuple[str, ...] = ()) -> RowCheck:
    """Return the check without the rules in `allow`; loads the evaluation index. Raises InputError."""
    if not evaluation:
        return RowCheck(allow, lambda texts: [None] * len(texts))
    from corpusforge.decontaminate import EvalIndex
    from corpusforge.decontaminate import Settings as Rules
    from corpusforge.decontaminate.scan import Scanner
    from corpusforge.instruct.limits import contaminated

    scanner = Scanner(EvalIndex.load(evaluation), Rules().rules)
    digest = files.sha256(evaluation)
    return RowCheck(allow, lambda texts: contaminated(texts, scanner), digest)
