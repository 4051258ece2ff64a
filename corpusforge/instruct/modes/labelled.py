"""Labelled sets and the templates that turn them into tasks, from a TOML file.

A template is text in Jinja's syntax with `|||` before the answer, as PromptSource writes them (Bach et al.
2022, the templates of T0); without `|||` the answer is `answer`, the label's word. It is run in Jinja's
safe environment, and what a row holds is never taken for a template. Sets that name a `form` need no
template of their own: `forms.toml` has several for each, English and Chinese. Limit: a set is held in
memory.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from corpusforge.errors import InputError, RecipeError, nearest
from corpusforge.fields import build
from corpusforge.io import files, layouts
from corpusforge.io.decoding import DecodingError, decode_toml

__all__ = ["FORMS", "Example", "LabelledSet", "Template", "check_template", "load_sets", "render"]

FORMS: dict[str, tuple[str, ...]] = {
    "classification": ("text", "label"),
    "entailment": ("premise", "hypothesis", "label"),
    "similarity": ("first", "second", "label"),
    "choices": ("question", "options", "label"),
}
"""The columns of each form; `options` is a list, or several columns."""

_PART = "|||"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template; it is for a `set`, or for all sets of a `form`."""

    name: str
    language: str
    text: str
    set: str = ""
    form: str = ""
    translated: bool = False
    """Whether a machine translated it."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled example; `answers` and `choices` are by the language of a prompt, "" being any."""

    id: str
    values: Mapping[str, Any]
    label: str
    answers: Mapping[str, str]
    choices: Mapping[str, tuple[str, ...]]
    place: int = -1
    """Place of the answer among the choices, -1 where it is none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """A set as its file describes it, with its examples and templates once it is read."""

    name: str
    data: str
    language: str
    family: str = ""
    """What is warned of where it takes over; the form, else the name, where empty."""
    form: str = ""
    columns: dict[str, Any] = field(default_factory=dict)
    """The form's column → the file's (a list of columns, for options)."""
    labels: dict[str, Any] = field(default_factory=dict)
    """Value of the label → its word, or its words by language."""
    first: int = 0
    """choices: the number that stands for the first option."""
    source: str = ""
    licence: str = ""
    examples: tuple[Example, ...] = ()
    templates: tuple[Template, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    sets: tuple[LabelledSet, ...] = ()
    templates: tuple[Template, ...] = ()


def load_sets(paths: Sequence[str], languages: Sequence[str]) -> list[LabelledSet]:
    """Return the sets of these files whose answers are in one of the languages, read and checked.

    Raises RecipeError for a file that says what cannot be, InputError for rows that lack a column.
    """
    made: dict[tuple[str, str], LabelledSet] = {}
    for path in paths:
        table = _read(path)
        for one in table.sets:
            if (one.name, one.language) in made:
                raise RecipeError(f"{path}: the set {one.name!r} in {one.language!r} comes twice.")
            _check(one, path)
            if one.language in languages:
                made[one.name, one.language] = _filled(one, table.templates, path)
    if not made:
        raise RecipeError(f"--sets {', '.join(paths)}: no set in {', '.join(languages)}.")
    return list(made.values())


def _read(path: str) -> _File:
    if not files.exists(path):
        raise RecipeError(f"--sets {path!r} does not exist.")
    try:
        return build(_File, decode_toml(files.read_bytes(path).decode()), path)
    except (DecodingError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not TOML: {error}.") from error


def _check(one: LabelledSet, path: str) -> None:
    where = f"{path}: set {one.name!r}"
    if one.examples or one.templates:
        raise RecipeError(
            f"{where}: templates are tables of their own, [[templates]] with set = NAME."
        )
    if one.form and one.form not in FORMS:
        raise RecipeError(f"{where}: no form {one.form!r}.{nearest(one.form, FORMS)}")
    known = FORMS.get(one.form, ("label",))
    if wrong := [name for name in one.columns if name not in known]:
        raise RecipeError(f"{where}: columns.{wrong[0]} is none of {', '.join(known)}.")


@functools.cache
def _built_in() -> tuple[Template, ...]:
    text = resources.files("corpusforge.instruct.modes").joinpath("forms.toml").read_text("utf-8")
    return build(_File, decode_toml(text), "forms.toml").templates


def _filled(one: LabelledSet, templates: Sequence[Template], path: str) -> LabelledSet:
    own = [template for template in templates if template.set == one.name]
    own = own or [item for item in (*templates, *_built_in()) if one.form and item.form == one.form]
    if not own:
        raise RecipeError(
            f"{path}: set {one.name!r} has no template. Write [[templates]] with set = {one.name!r}, or "
            f"give it a form ({', '.join(FORMS)})."
        )
    folder = path.rpartition("/")[0] if "/" in path else "."
    data = files.join(folder, one.data) if _relative(one.data) else one.data
    if not files.exists(data):
        raise InputError(f"{path}: set {one.name!r}: {data!r} does not exist.")
    examples = [
        _example(one, row, f"{data}: row {n}", f"{one.name}.{one.language}#{n}")
        for n, row in enumerate(layouts.objects(data), 1)
    ]
    if not examples:
        raise InputError(f"{data}: no row for the set {one.name!r}.")
    for template in own:
        check_template(template, examples, f"{path}: template {template.name!r}")
    made = {name: getattr(one, name) for name in one.__slots__}
    made |= {"examples": tuple(examples), "templates": tuple(own)}
    return LabelledSet(**{**made, "family": one.family or one.form or one.name})


def _relative(path: str) -> bool:
    return not path.startswith("/") and not files.is_remote(path)


def _example(one: LabelledSet, row: Mapping[str, Any], where: str, name: str) -> Example:
    values = dict(row)
    for column in FORMS.get(one.form, ("label",)):
        source = one.columns.get(column, column)
        names = source if isinstance(source, list) else [source]
        if missing := [key for key in names if key not in row]:
            if column == "label" and not one.form:
                continue
            raise InputError(
                f"{where}: no column {missing[0]!r} for {column}; it has {', '.join(row)}. Say which by "
                f"columns = {{ {column} = … }}."
            )
        values[column] = [row[key] for key in names] if isinstance(source, list) else row[source]
    if values.get("label") is None:  # an unlabelled row has no answer, not one that reads "None"
        values.pop("label", None)
    if one.form == "choices":
        return _choice(one, values, where, name)
    label = _key(values.get("label"))
    if one.labels and label not in one.labels:
        raise InputError(f"{where}: the label {label!r} is none of {', '.join(one.labels)}.")
    words = {key: _words(one.labels.get(key, key)) for key in (one.labels or {label: label})}
    tongues = {tongue for found in words.values() for tongue in found}
    return Example(
        name, values, label, words.get(label, {}),
        {tongue: tuple(_word(found, tongue) for found in words.values()) for tongue in tongues},
        list(words).index(label),
    )  # fmt: skip


def _choice(one: LabelledSet, values: dict[str, Any], where: str, name: str) -> Example:
    options = values["options"]
    if not isinstance(options, list) or len(options) < 2:
        raise InputError(
            f"{where}: options are {str(options)[:60]!r}; expected a list of two or more."
        )
    texts, label = tuple(str(option) for option in options), _key(values.get("label"))
    place = texts.index(label) if label in texts else _place(label, one.first)
    if not 0 <= place < len(texts):
        raise InputError(
            f"{where}: the answer {label!r} names none of {len(texts)} options, which count from {one.first} "
            "or A. Set `first`, or give the option's text."
        )
    values["options"] = list(texts)
    return Example(name, values, label, {"": texts[place]}, {"": texts}, place)


def _place(label: str, first: int) -> int:
    if len(label) == 1 and label.upper() in "ABCDEFGHIJ":
        return ord(label.upper()) - ord("A")
    return int(label) - first if label.isascii() and label.isdigit() else -1


def _key(value: Any) -> str:
    """A label as TOML can name it: true, not True; 1, not 1.0, which tables make of whole numbers."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _words(value: Any) -> dict[str, str]:
    return (
        {str(k): str(v) for k, v in value.items()}
        if isinstance(value, Mapping)
        else {"": str(value)}
    )


def _word(found: Mapping[str, str], language: str) -> str:
    """The word in a language, else the one of any."""
    return found.get(language) or found.get("") or next(iter(found.values()), "")


def check_template(template: Template, examples: Sequence[Example], where: str) -> None:
    """Raise RecipeError or InputError, beginning with `where`, for a template that cannot be filled."""
    from jinja2 import meta

    if template.text.count(_PART) > 1:
        raise RecipeError(f"{where}: {_PART} stands more than once.")
    needed = set[str]() if _PART in template.text else {"answer"}
    for part in template.text.split(_PART):
        _compiled(part, where)
        needed |= meta.find_undeclared_variables(_environment().parse(part))
    for example in examples:
        given = {"answer", "choices"} if "label" in example.values else set()
        if missing := sorted(needed - {*example.values, *given}):
            raise InputError(
                f"{where} needs {missing[0]!r}; {example.id} has {', '.join(example.values)}."
            )
    render(
        template, examples[0]
    )  # what only shows when it is filled is told before anything is made


@functools.cache
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)


@functools.lru_cache(4096)
def _compiled(text: str, where: str) -> Any:
    from jinja2 import TemplateSyntaxError

    try:
        return _environment().from_string(text)
    except TemplateSyntaxError as error:
        raise RecipeError(f"{where}: {error} (Jinja's syntax).") from error


def render(template: Template, example: Example) -> tuple[str, str]:
    """Return (prompt, answer) of an example. Raises InputError where the template cannot be filled."""
    from jinja2 import TemplateError

    values = {
        **example.values, "answer": _word(example.answers, template.language),
        "choices": example.choices.get(template.language) or example.choices.get("")
        or next(iter(example.choices.values()), ()),
    }  # fmt: skip
    asked, parted, answer = template.text.partition(_PART)
    where = f"template {template.name!r}"
    try:
        found = [
            _compiled(part, where).render(values)
            for part in (asked, answer if parted else "{{answer}}")
        ]
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{where}: {example.id}: {type(error).__name__}: {error}") from error
    return found[0].strip(), found[1].strip()
