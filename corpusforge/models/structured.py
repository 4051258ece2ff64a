"""Replies with fixed fields: a step names them once, and JSON Schema, wording and parser follow.

As in libraries of structured output (outlines, vLLM, llama.cpp), whose servers hold a model to a JSON
Schema; where a server refuses one, the request's own sentence still asks for the object. The keys are
the words by which the prompt names its parts, so that prompts need no second text. Limits: an object
in single quotes is no JSON and is not read; an object that was cut is none; `minLength` is unknown to
some servers, which then get no schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from corpusforge.io.decoding import DecodingError, decode_json_at
from corpusforge.models.records import Message, Request

__all__ = ["SENTENCES", "Field", "Form", "object_schema"]

SENTENCES: dict[str, tuple[str, str]] = {
    "en": (
        "Write the reply as one JSON object with these keys, and nothing before or after it:",
        "Write the reply as one JSON object with a list of at most {most} such objects, and nothing "
        "before or after it:",
    ),
    "zh": (
        "请把回复写成一个带有以下键的 JSON 对象，前后不写任何其他内容：",
        "请把回复写成一个 JSON 对象，其中是最多 {most} 个这样的对象组成的列表，前后不写任何其他内容：",
    ),
}
"""What asks for an object, and for an object with a list of objects, by language."""

_OR = {"en": " or ", "zh": " 或 "}

Words = Mapping[str, tuple[str, ...]]
"""Words by language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One part of a reply.

    `words` are its names by language: the first is the prompt's own and the JSON key, the others are
    read, too. `choices` (text) are the values allowed, by language; `low` and `high` bound an integer,
    both included; `most` bounds a text's length in characters (0: no bound); `pattern` is a regular
    expression that the whole text follows.
    """

    name: str
    words: Words
    kind: Literal["text", "integer"] = "text"
    choices: Words = field(default_factory=dict)
    low: int = 0
    high: int = 0
    most: int = 0
    pattern: str = ""

    def key(self, language: str) -> str:
        """Return the JSON key in a language."""
        return self.words[language][0]

    def schema(self, language: str) -> dict[str, Any]:
        """Return the field's JSON Schema."""
        if self.kind == "integer":
            return {"type": "integer", "minimum": self.low, "maximum": self.high}
        if self.choices:
            return {"type": "string", "enum": list(self.choices[language])}
        if self.pattern:
            return {"type": "string", "pattern": f"^{self.pattern}$"}
        return {"type": "string", "minLength": 1, **({"maxLength": self.most} if self.most else {})}

    def shown(self, language: str) -> str:
        """Return the field as the sentence shows it."""
        values = [f'"{one}"' for one in self.choices.get(language, ("…",))]
        value = "…" if self.kind == "integer" else _OR[language].join(values)
        return f'"{self.key(language)}": {value}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of a reply in their order; `many` names the list where a reply holds several."""

    fields: tuple[Field, ...]
    many: Words = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The words of each field in all languages: what stands before it in a reply of plain text."""
        return {
            one.name: tuple(word for words in one.words.values() for word in words)
            for one in self.fields
        }

    def asked(self, request: Request, language: str, most: int = 0) -> Request:
        """Return the request with the sentence behind its last turn and the schema beside it.

        `most` bounds the list of a form with many; servers keep the order of the properties.
        """
        *before, last = request.messages
        turn = Message(last.role, f"{last.content}\n\n{self.sentence(language, most)}")
        return replace(request, messages=(*before, turn), json_schema=self.schema(language, most))

    def schema(self, language: str, most: int = 0) -> str:
        """Return the JSON Schema of a reply, as text."""
        one = object_schema({part.key(language): part.schema(language) for part in self.fields})
        if self.many:
            listed = {"type": "array", "items": one, "minItems": 1, "maxItems": most}
            one = object_schema({self.many[language][0]: listed})
        return json.dumps(one, ensure_ascii=False)

    def sentence(self, language: str, most: int = 0) -> str:
        """Return the sentence that asks for the object."""
        shown = "{" + ", ".join(part.shown(language) for part in self.fields) + "}"
        single, several = SENTENCES[language]
        if not self.many:
            return f"{single} {shown}"
        return f'{several.format(most=most)} {{"{self.many[language][0]}": [{shown}]}}'

    def read(self, text: str) -> list[dict[str, str]] | None:
        """Return the fields of each object of a reply; None where there is no JSON with one of them.

        Fences and text around the object are passed over; so are keys that are not ours. An empty
        field, or one that is no text or number, is left out.
        """
        made: list[dict[str, str]] = []
        for found in _objects(text):
            made += self._blocks(found)
            if made and not self.many:  # the objects of a list that was cut stand one by one
                break
        return made or None

    def _blocks(self, found: Any) -> list[dict[str, str]]:
        if self.many and isinstance(found, dict):
            keys = {_folded(word) for words in self.many.values() for word in words}
            listed = next((v for k, v in found.items() if _folded(k) in keys), None)
            found = listed if isinstance(listed, list) else found
        several = found if isinstance(found, list) else [found]
        made = [self._values(one) for one in several if isinstance(one, dict)]
        return [one for one in made if one]

    def _values(self, found: dict[str, Any]) -> dict[str, str]:
        names = {_folded(word): name for name, words in self.labels.items() for word in words}
        values: dict[str, str] = {}
        for key, value in found.items():
            name = names.get(_folded(key), "")
            if name and isinstance(value, str | int | float) and not isinstance(value, bool):
                text = str(value).strip()
                if text:
                    values.setdefault(name, text)
        return values


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _folded(word: str) -> str:
    """A key without case, spaces and underscores: "wrong_answer" is "Wrong answer"."""
    return "".join(word.split()).replace("_", "").casefold()


def _objects(text: str) -> Iterator[Any]:
    """Each JSON object or list in a text, from its first bracket on; none inside of another."""
    place = 0
    while (start := min(filter(lambda k: k >= 0, (text.find("{", place), text.find("[", place))),
                        default=-1)) >= 0:  # fmt: skip
        try:
            found, place = decode_json_at(text, start)
        except DecodingError:
            place = start + 1
            continue
        yield found
