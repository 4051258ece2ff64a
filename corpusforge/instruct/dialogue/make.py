"""Dialogues from rows: a row is the first exchange, and what a person might say next is written.

For each new exchange a request writes the user's turn, of a drawn sort, and the model then answers
the conversation as it stands, as a chat without any other prompt. A drawn share of the exchanges are
another row's, off the subject ("distractors"), with no request at all; the next user turn comes back.
Ours. Limits: the first answer is the row's, right or wrong; a user played by a model is politer and
more coherent than people are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from corpusforge.hashing import make_id, word64
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
from corpusforge.instruct.chat import chat, transcript
from corpusforge.instruct.dialogue.sessions import Piece, cut_turns, measure_by
from corpusforge.instruct.dialogue.turns import check_turns
from corpusforge.instruct.echo import copied
from corpusforge.instruct.export import shapes
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_text
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Completion, Request

__all__ = ["MOVES", "make_dialogues"]

MOVES = 6
"""Sorts of user turns that the prompt `dialogue_user` knows by number."""

CUTS = "cuts.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A dialogue on its way; `wanted` exchanges are still to come."""

    parent: Row
    turns: tuple[tuple[str, str], ...]
    wanted: int
    parents: tuple[str, ...]
    flags: tuple[str, ...] = ()
    trail: Trail = ()
    model: str = ""
    left_out: tuple[str, str] = ("", "")
    """What the server refused of the requests that wrote, and of those that answered; the last one's."""


def make_dialogues(
    language: str, rows: Sequence[Row], settings: Settings, ask: Ask, origin: Origin, check: Check
) -> Iterator[Made]:
    """Yield dialogues in parts; distractors are drawn from the single-turn rows among all `rows`."""
    others = [row for row in rows if not row.turns]
    for start in range(0, len(rows), CHUNK):
        maker = _Maker(language, others, settings, origin)
        yield maker.part(rows[start : start + CHUNK], ask, check)


class _Maker:
    """One part of the dialogues of a language."""

    def __init__(
        self, language: str, others: Sequence[Row], settings: Settings, origin: Origin
    ) -> None:
        self.language, self.others, self.settings, self.origin = language, others, settings, origin
        self.measure = measure_by(settings.unit)
        self.made = Made()

    def part(self, rows: Sequence[Row], ask: Ask, check: Check) -> Made:
        drafts = [self._draft(row) for row in rows]
        done = [draft for draft in drafts if not draft.wanted]
        going = [draft for draft in drafts if draft.wanted]
        while going:
            going = [self._distracted(draft) for draft in going]
            questions = [self._user(draft) for draft in going]
            going = [kept for question, reply in asked(ask, questions)
                     if (kept := self._said(question, reply))]  # fmt: skip
            questions = [self._assistant(draft) for draft in going]
            going = [kept for question, reply in asked(ask, questions)
                     if (kept := self._answered(question, reply))]  # fmt: skip
            done += [draft for draft in going if not draft.wanted]
            going = [draft for draft in going if draft.wanted]
        pieces = [row for draft in done for row in self._pieces(draft)]
        checked(self.made, pieces, check, "dialogue.row")
        self._account_cuts()
        return self.made

    def _draft(self, row: Row) -> _Draft:
        first = (("user", shapes.prompt(row)), ("assistant", row.output))
        turns = row.turns or first
        if row.system and turns[0][0] != "system":
            turns = (("system", row.system), *turns)
        drawn = word64("follow-ups", self.settings.seed, row.id)
        wanted = 1 + drawn % self.settings.follow_ups if self.settings.follow_ups else 0
        return _Draft(parent=row, turns=turns, wanted=wanted, parents=(row.id,))

    def _distracted(self, draft: _Draft) -> _Draft:
        """The draft with another row's exchange before the next one, where the draw says so."""
        key = ("distractor", self.settings.seed, draft.parent.id, draft.wanted)
        if word64(*key) >= self.settings.distractors * 2.0**64:
            return draft
        fit = [row for row in self.others if row.task != draft.parent.task
               and row.id not in draft.parents]  # fmt: skip
        if not fit:
            return draft
        row = fit[word64("which", *key) % len(fit)]
        number = len(draft.turns) + 1
        turns = (*draft.turns, ("user", shapes.prompt(row)), ("assistant", row.output))
        return replace(
            draft, turns=turns, parents=(*draft.parents, row.id),
            flags=(*draft.flags, f"distractor_turn_{number}"),
        )  # fmt: skip

    def _user(self, draft: _Draft) -> Question[_Draft]:
        key = (self.settings.seed, "dialogue", draft.parent.id, draft.wanted)
        made = prompt("dialogue_user", self.language)
        move = 1 + word64("move", *key) % MOVES
        request = Request(
            messages=made.render(conversation=transcript(draft.turns), move=move),
            sampling=seeded(self.settings.write, "user", *key), purpose="instruct.dialogue.user",
        )  # fmt: skip
        return Question(request, made.version, draft)

    def _assistant(self, draft: _Draft) -> Question[_Draft]:
        key = (self.settings.seed, "dialogue", draft.parent.id, draft.wanted)
        request = Request(
            messages=chat(draft.turns), sampling=seeded(self.settings.answer, "answer", *key),
            purpose="instruct.dialogue.answer",
        )  # fmt: skip
        return Question(request, "chat", draft)

    def _said(self, question: Question[_Draft], reply: Completion) -> _Draft | None:
        return self._next(question, reply, "user")

    def _answered(self, question: Question[_Draft], reply: Completion) -> _Draft | None:
        draft = self._next(question, reply, "assistant")
        return replace(draft, wanted=draft.wanted - 1) if draft else None

    def _next(self, question: Question[_Draft], reply: Completion, role: str) -> _Draft | None:
        """The draft with the reply as its next turn, or None and a reject."""
        draft, step = question.subject, "dialogue.user" if role == "user" else "dialogue.answer"
        text = parse.answer(reply.text).strip()
        turns = (*draft.turns, (role, text))
        finding = unanswered(reply) or check_text(text, self.settings.allow)
        finding = finding or copied(text, self.language, "\n".join(one for _, one in draft.turns))
        finding = finding or check_turns(turns if role == "assistant" else (*turns, _PENDING))
        if not self.made.decide(self.language, step, text, finding, key=reply.key):
            return None
        trail = (*draft.trail, (reply.key, question.prompt_version))
        wrote, answered = draft.left_out
        left_out = (reply.left_out, answered) if role == "user" else (wrote, reply.left_out)
        return replace(draft, turns=turns, trail=trail, model=reply.model, left_out=left_out)

    def _pieces(self, draft: _Draft) -> list[Row]:
        """The rows of a finished dialogue: one, or as many as it is cut into."""
        step, settings = "dialogue.cut", self.settings
        finding: Finding | None = check_turns(draft.turns)
        cuts = None if finding else cut_turns(draft.turns, settings.most, self.measure)
        if cuts is None and finding is None:
            finding = "too_long", "one exchange", f"<= {settings.most} {settings.unit}"
        key = f"{draft.trail[-1][0] if draft.trail else ''}:{draft.parent.id}"
        text = transcript(draft.turns)
        if not self.made.decide(self.language, step, text, finding, key=key) or cuts is None:
            return []
        rows = [self._row(draft, cut, place, len(cuts)) for place, cut in enumerate(cuts)]
        self.made.tables.setdefault(CUTS, []).extend(
            Piece(row=row.id, dialogue=draft.parent.id, piece=place, pieces=len(cuts), first=first,
                  last=last, size=size, most=settings.most, unit=settings.unit)
            for place, (row, (first, last, size)) in enumerate(zip(rows, cuts, strict=True), 1)
        )  # fmt: skip
        return rows

    def _row(self, draft: _Draft, cut: tuple[int, int, int], place: int, pieces: int) -> Row:
        parent, (first, last, _) = draft.parent, cut
        head = draft.turns[:1] if draft.turns[0][0] == "system" else ()
        spoken = draft.turns[len(head) :][first:last]
        flags = draft.flags + ((f"piece_{place + 1}_of_{pieces}",) if pieces > 1 else ())
        steps = (
            sampling_text("write", self.settings.write, draft.left_out[0]),
            sampling_text("answer", self.settings.answer, draft.left_out[1]),
        )
        said = "\x00".join(text for _, text in draft.turns)
        made = lineage(draft.trail, self.origin, steps, draft.parents, (), draft.model)
        return Row(
            id=make_id("instruct.dialogue", f"{parent.id}\x00{place}\x00{said}"), task=parent.task,
            instruction=spoken[0][1], input="", output=spoken[-1][1], language=self.language,
            kind="dialogue", turns=(*head, *spoken), flags=flags,
            system=head[0][1] if head else "", group=parent.group or parent.task,
            lineage=made if draft.trail else replace(parent.lineage, parents=draft.parents),
        )  # fmt: skip

    def _account_cuts(self) -> None:
        """Keep the records of those pieces that became rows."""
        kept = {row.id for row in self.made.rows}
        cuts = self.made.tables.get(CUTS, [])
        self.made.tables[CUTS] = [one for one in cuts if one.row in kept and one.pieces > 1]


_PENDING = ("assistant", "…")
"""Stands for the answer that is not there yet, so that a user's turn can be checked like others."""
