"""Labelled sets as tasks in words: several templates for each set, in the language that xP3 asks for.

Methods: FLAN (Wei et al. 2022: one of ten templates drawn for each example, a cap for each set), T0 (Sanh
et al. 2022: all templates), xP3 and xP3mt (Muennighoff et al. 2023: English, native, and machine-translated
prompts over data of another language; the last are flagged). Limit: a translated template is checked for
its holes and its script, not for its meaning.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from corpusforge.errors import InputError, RecipeError
from corpusforge.hashing import make_id
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import (
    Ask,
    Check,
    Made,
    Origin,
    Question,
    asked,
    lineage,
    sampling_text,
    seeded,
    unanswered,
)
from corpusforge.instruct.modes.labelled import (
    Example,
    LabelledSet,
    Template,
    check_template,
    render,
)
from corpusforge.instruct.modes.ready import MODEL_FREE, drawn, settled
from corpusforge.instruct.modes.records import TaskNote
from corpusforge.instruct.modes.sequences import sequence_of
from corpusforge.instruct.modes.settings import Settings
from corpusforge.instruct.profile import Finding, han_share
from corpusforge.instruct.records import Lineage, Row
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Request

__all__ = ["check_sets", "make_templated", "variant"]

_HOLE = re.compile(r"\{\{[^{}]*+\}\}|\{%[^{}]*+\}|\|\|\|")
SHOWN = ("missing_material",)
"""Rules that these rows may break: a template puts the material into the instruction."""


_UNMADE = Lineage(engine=MODEL_FREE)


@dataclass(frozen=True, slots=True)
class _Used:
    """A template as it is used: what is said of it in a row, and who translated it."""

    template: Template
    variant: str = ""
    made: Lineage = _UNMADE


def variant(template: Template, language: str) -> str:
    """Return what a template's language is to data of `language`; "" where it does not go with it."""
    if template.translated:
        return "translated" if template.language == language else ""
    if template.language == "en":
        return "english"
    return "native" if template.language == language else ""


def make_templated(
    mode: str, sets: Sequence[LabelledSet], settings: Settings, ask: Ask, origin: Origin, check: Check
) -> Iterator[Made]:  # fmt: skip
    """Yield the rows of labelled sets, those of one name and all its languages as one part."""
    wanted = settings.prompts if mode == "xp3" else ()
    for name in dict.fromkeys(one.name for one in sets):
        made, rows, sources = Made(), list[Row](), dict[str, tuple[LabelledSet, Example]]()
        for one in (item for item in sets if item.name == name):
            used = _usable(one, wanted)
            if mode == "xp3" and settings.translates and one.language != "en":
                used += _translated(one, settings, ask, origin, made)
            order = drawn([e.id for e in one.examples], settings.each, settings.seed, "examples")
            made.tables.setdefault("tasks.jsonl", []).append(_note(mode, one, len(order)))
            for example in (one.examples[place] for place in order):
                for row in _rows(mode, one, example, used, settings):
                    rows.append(row)
                    sources[row.id] = one, example
        kept = settled(made, rows, mode, settings, check, SHOWN)
        made.tables.setdefault("sequences.jsonl", []).extend(
            _sequences(kept, sources) if mode == "templates" else ()
        )
        yield made


def check_sets(mode: str, sets: Sequence[LabelledSet], settings: Settings) -> None:
    """Raise RecipeError where a set has no template in a language that is wanted."""
    for one in sets:
        wanted = settings.prompts if mode == "xp3" else ()
        made = mode == "xp3" and settings.translates and one.language != "en"
        if not _usable(one, wanted) and not made:
            asked_for = " or ".join(wanted) if mode == "xp3" else one.language
            raise RecipeError(
                f"[modes] {mode}: the set {one.name!r} in {one.language!r} has no template ({asked_for}). "
                "Write one, name other --prompts, or leave the language out."
            )


def _usable(one: LabelledSet, wanted: Sequence[str]) -> list[_Used]:
    if not wanted:
        return [_Used(t) for t in one.templates if t.language == one.language and not t.translated]
    found = [_Used(template, variant(template, one.language)) for template in one.templates]
    return [used for used in found if used.variant in wanted]


def _note(mode: str, one: LabelledSet, count: int) -> TaskNote:
    return TaskNote(
        task=one.name, mode=mode, family=one.family, language=one.language, source=one.source,
        licence=one.licence, examples=len(one.examples), drawn=count,
    )  # fmt: skip


def _rows(
    mode: str, one: LabelledSet, example: Example, used: Sequence[_Used], settings: Settings
) -> Iterator[Row]:
    """The rows of one example: templates are drawn for it, of each variant apart."""
    for name in dict.fromkeys(item.variant for item in used):
        fit = [item for item in used if item.variant == name]
        ids = [f"{item.template.language}.{item.template.name}" for item in fit]
        order = drawn(ids, settings.each_template, settings.seed, f"templates {example.id}")
        for place in order:
            item, template = fit[place], fit[place].template
            asked_for, answer = render(template, example)
            flags = (f"template_{template.name}", *([f"prompt_{name}"] if name else []))
            yield Row(
                id=make_id(f"instruct.{mode}", "\x00".join((one.name, *flags, asked_for, answer))),
                task=one.name, instruction=asked_for, input="", output=answer, language=one.language,
                kind=mode, is_classification=bool(one.labels), group=one.name, flags=flags,
                lineage=replace(item.made, parents=(example.id,)),
            )  # fmt: skip


def _sequences(
    rows: Sequence[Row], sources: Mapping[str, tuple[LabelledSet, Example]]
) -> Iterator[object]:
    made: dict[str, list[str]] = {}
    for row in rows:
        made.setdefault(sources[row.id][1].id, []).append(row.id)
    by_id = {example.id: (one, example) for one, example in sources.values()}
    for name, ids in made.items():
        one, example = by_id[name]
        if one.form:
            yield sequence_of(one, example, tuple(ids))


def _translated(
    one: LabelledSet, settings: Settings, ask: Ask, origin: Origin, made: Made
) -> list[_Used]:
    """The set's English templates in its own language, by the model; those that lost a hole are refused."""
    text = prompt("xp3_translate", one.language)
    questions = []
    for template in one.templates:
        if template.language == "en" and not template.translated:
            sampling = seeded(settings.answer, settings.seed, "xp3", one.language, template.name)
            request = Request(
                messages=text.render(template=template.text), sampling=sampling,
                purpose="instruct.xp3.translate",
            )  # fmt: skip
            questions.append(Question(request, text.version, template))
    found = []
    for question, reply in asked(ask, questions):
        template, words = question.subject, parse.answer(reply.text).strip()
        own = replace(template, language=one.language, text=words, translated=True)
        finding = unanswered(reply) or _lost(template.text, own, one)
        if made.decide(
            one.language, "xp3.translate", words, finding, key=reply.key, nearest=template.name
        ):
            source = lineage(
                ((reply.key, question.prompt_version),), origin,
                (sampling_text("translate", settings.answer, reply.left_out),), (), (), reply.model,
            )  # fmt: skip
            found.append(_Used(own, "translated", source))
    return found


def _lost(before: str, after: Template, one: LabelledSet) -> Finding | None:
    """What a translation lost: a hole, its place in Jinja's syntax, or the language asked for."""
    wanted, found = (
        Counter("".join(hole.split()) for hole in _HOLE.findall(text))
        for text in (before, after.text)
    )
    bound = "the holes of the template, each as often"
    if wanted != found:
        return "lost_hole", next(iter((wanted - found) + (found - wanted))), bound
    try:
        check_template(after, one.examples, "the translation")
    except (InputError, RecipeError) as error:
        return "lost_hole", str(error)[:120], bound
    share = han_share(_HOLE.sub(" ", after.text))
    if after.language == "zh" and share < 0.2:
        return "language", f"{share:.2f} Han", ">= 0.2"
    return None
