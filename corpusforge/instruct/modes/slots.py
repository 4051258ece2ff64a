"""New sentences for a table of slots: values recombined, a sentence asked for each, labels by construction.

After a table of language understanding for cars in the seed notes: columns text, domain, and a map of slots
(`type：value，type：value`, or an object). Every value must occur in the sentence, of the table's as of the
model's, and no other that the table has for the same slot. Limits: a sentence may hold a value in another
sense, or one that the table does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge.errors import InputError
from corpusforge.hashing import make_id, word64
from corpusforge.instruct.accounts import CHUNK, Check, Made, checked
from corpusforge.instruct.echo import copied
from corpusforge.instruct.modes.asking import Draft, Maker
from corpusforge.instruct.modes.ready import drawn
from corpusforge.instruct.profile import Finding, language_of
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_text
from corpusforge.io import files, layouts

__all__ = ["Utterance", "make_slots", "table_of"]

_SHOWN = 3
_ASK = {
    "en": "Find the values of these slots in the text: {}. Write one line for each, slot, colon, value.",
    "zh": "找出文字中以下槽位的值：{}。每个槽位写一行，先写槽位，再写冒号和值。",
}
_JOIN = {"en": (", ", ": "), "zh": ("、", "：")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A row of the table; `slots` are (type, value) in order."""

    id: str
    text: str
    domain: str
    language: str
    slots: tuple[tuple[str, str], ...]


def table_of(path: str, languages: Sequence[str]) -> dict[str, list[Utterance]]:
    """Return the rows of a table by language. Raises InputError naming the row that does not fit."""
    if not files.exists(path):
        raise InputError(f"--table {path!r} does not exist.")
    found: dict[str, list[Utterance]] = {language: [] for language in languages}
    for number, row in enumerate(layouts.objects(path), 1):
        text = row.get("text")
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{path}: row {number}: `text` is {text!r}; expected a sentence.")
        language = str(row.get("language") or language_of(text))
        if language in found:
            slots = _slots(row.get("entities"), f"{path}: row {number}")
            found[language].append(
                Utterance(
                    id=make_id("slots", f"{number}\x00{text}")[:12], text=text.strip(), slots=slots,
                    domain=str(row.get("domain") or ""), language=language,
                )
            )  # fmt: skip
    if empty := next((one for one, rows in found.items() if not any(map(_fit, rows))), ""):
        raise InputError(f"{path}: no row in {empty!r} with slots whose values stand in its text.")
    return found


def _slots(value: Any, where: str) -> tuple[tuple[str, str], ...]:
    """The slots of a map, or of text `type：value，type：value`; a map that was cut off has none.

    An object's empty values say that the sentence lacks the slot.
    """
    if isinstance(value, Mapping):
        found = ((str(key), str(one).strip()) for key, one in value.items() if one is not None)
        return tuple((key, one) for key, one in found if one)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{where}: `entities` is {value!r}; expected an object, or type：value，…")
    parts = [part for part in re.split("[,，;；]", value or "") if part.strip()]
    pairs = [tuple(one.strip() for one in re.split("[:：]", part, maxsplit=1)) for part in parts]
    return (
        tuple((pair[0], pair[-1]) for pair in pairs)
        if all(len(p) == 2 and all(p) for p in pairs)
        else ()
    )


def _missing(text: str, slots: Sequence[tuple[str, str]]) -> str:
    """The first value that does not stand in a text, white space and case aside; "" where all do."""
    folded = _folded(text)
    return next((value for _, value in slots if _folded(value) not in folded), "")


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()


def _other(text: str, slots: Sequence[tuple[str, str]], alike: Sequence[Utterance]) -> str:
    """The first value that the table has for one of the slots and the text holds beside the one wanted."""
    left = _folded(text)
    for _, value in slots:
        left = left.replace(_folded(value), "\x00")
    others = (value for slot, _ in slots for value in _values(alike, slot))
    return next((value for value in others if _folded(value) in left), "")


def _fit(row: Utterance) -> bool:
    return bool(row.slots) and not _missing(row.text, row.slots)


def make_slots(maker: Maker, table: Sequence[Utterance], check: Check) -> Iterator[Made]:
    """Yield the rows of one language in parts; table rows that cannot be shown are refused in the first."""
    first = Made()
    for row in table:
        lost = _missing(row.text, row.slots) or "no slots"
        finding = None if _fit(row) else ("slot_missing", lost, "values that stand in the text")
        if first.decide(maker.language, "slots.table", row.text, finding, key=f":{row.id}"):
            maker.gate.add(row.id, row.text)
    yield first
    rows = [row for row in table if _fit(row)]
    order = drawn([row.id for row in rows], 0, maker.settings.seed, "slots")
    for start in range(0, maker.settings.each, CHUNK):
        numbers = range(start, min(start + CHUNK, maker.settings.each))
        drafts = [
            _draft(maker, rows, rows[order[number % len(rows)]], number) for number in numbers
        ]
        yield _part(maker, rows, drafts, check)


def _draft(maker: Maker, rows: Sequence[Utterance], base: Utterance, number: int) -> Draft:
    """A base row's slots, each with a value drawn from the same slot in the same domain."""
    alike = [row for row in rows if row.domain == base.domain]
    texts = {"domain": base.domain}
    for slot, _ in base.slots:
        values = _values(alike, slot)
        draw = word64(maker.settings.seed, "slots", maker.language, number, slot)
        texts[f"slot {slot}"] = values[draw % len(values)]
    places = drawn([row.id for row in alike], _SHOWN, maker.settings.seed, f"shown {number}")
    return Draft(
        key=str(number), seeds=tuple(alike[place].id for place in places), texts=texts,
        flags=(f"domain_{base.domain}",) if base.domain else (),
    )  # fmt: skip


def _values(rows: Sequence[Utterance], slot: str) -> list[str]:
    return sorted({value for row in rows for name, value in row.slots if name == slot})


def _filled(draft: Draft) -> list[tuple[str, str]]:
    return [(k.removeprefix("slot "), v) for k, v in draft.texts.items() if k.startswith("slot ")]


def _part(maker: Maker, rows: Sequence[Utterance], drafts: Sequence[Draft], check: Check) -> Made:
    made, texts = Made(), {row.id: row.text for row in rows}
    _, colon = _JOIN[maker.language]
    drafts = maker.step(
        "write", drafts, "slots_write",
        lambda draft: {
            "domain": draft.texts["domain"] or "-",
            "slots": [f"{slot}{colon}{value}" for slot, value in _filled(draft)],
            "examples": [texts[name] for name in draft.seeds],
        },
        lambda draft: _judge(maker, draft, [row for row in rows if row.domain == draft.texts["domain"]]),
        made,
    )  # fmt: skip
    checked(made, [_row(maker, draft) for draft in drafts], check, "slots.row")
    return made


def _judge(maker: Maker, draft: Draft, alike: Sequence[Utterance]) -> tuple[Finding | None, str]:
    text = draft.texts["reply"]
    if not text or "\n" in text:
        return ("several_lines" if text else "empty", text[:40], "one sentence"), ""
    if value := _missing(text, _filled(draft)):
        return ("slot_missing", value, "in the text"), ""
    if value := _other(text, _filled(draft), alike):
        return ("other_value", value, "no other value of a slot"), ""
    if language_of(text) != maker.language:
        return ("language", language_of(text), maker.language), ""
    finding = check_text(text, maker.settings.allow) or copied(text, maker.language)
    if finding:
        return finding, ""
    verdict = maker.gate.admit(draft.trail[-1][0], text)
    if verdict.accepted:
        return None, ""
    return ("near_copy", verdict.nearest[0].fraction, "<= 0.7"), verdict.nearest[0].id


def _row(maker: Maker, draft: Draft) -> Row:
    comma, colon = _JOIN[maker.language]
    slots = _filled(draft)
    asked = _ASK[maker.language].format(comma.join(slot for slot, _ in slots))
    told = draft.with_texts(
        task=asked, input=draft.texts["reply"],
        reply="\n".join(f"{slot}{colon}{value}" for slot, value in slots),
    )  # fmt: skip
    return maker.row(told, f"slots.{draft.texts['domain'] or 'table'}")
