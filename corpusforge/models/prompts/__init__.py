"""Prompts as versioned files: a text with placeholders, demonstrations as data beside it.

`prompts/NAME.LANG.vN.txt` holds the turns, each begun by a line `[system]`, `[user]` or
`[assistant]`; `prompts/NAME.LANG.vN.jsonl`, where there is one, holds few-shot demonstrations
(`values` for the user turn, the `reply` to it). The steps are those of Self-Instruct (Wang et al.
2023); every sentence was written for this project.

Text from a seed, a pool or a corpus is data. It is put between `<data>` and `</data>`, or
`<data-1>` and so on where the text itself holds such a tag; markers of chat templates in it are
broken up by a space, since tokenizers would read them as turns. Limits: the markers are those of
the public model families named here, and a model may still choose to obey what it reads: no
delimiter can prevent that.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, cast

from corpusforge.errors import InputError, nearest
from corpusforge.io.decoding import decode_json
from corpusforge.models.records import Message, Role
from corpusforge.text.edits import one_line

__all__ = ["Prompt", "Value", "as_data", "defuse", "own_prompt", "prompt", "prompt_names"]

Value = str | int | Sequence[str]
"""A number goes in as its digits, a string as a block of data, a sequence as a numbered list."""

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_FILE = re.compile(r"(?P<name>\w+)\.(?P<language>\w+)\.v(?P<version>\d+)\.txt")
_TURN = re.compile(r"^\[(system|user|assistant)\]\n", re.MULTILINE)

_MARKERS = re.compile(
    r"(?P<head><(?=[|｜][^<>\n]{1,60}[|｜]>)"  # <|im_end|>, <|eot_id|>, <｜User｜>
    r"|<(?=/?(?:s|bos|eos|pad|unk|sop|eop|mask|sep|cls|think|tool_call|tool_response"
    r"|(?:start|end)_of_(?:turn|role|image)|n?user|assistant|human|bot|system"
    r"|fim_(?:prefix|middle|suffix)|seed:\w+|reserved_\d+|extra_id_\d+|unused\d+|\|?end_?of_?text\|?)>)"
    r"|<(?=</?SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|gMASK|sMASK)\]))",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def defuse(text: str) -> str:
    """Break up chat-template markers by one space; control characters become U+FFFD."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("\ufffd", text)
    return _MARKERS.sub(lambda found: found["head"] + " ", text)


def _tag(texts: Sequence[str]) -> str:
    """Return `data`, or the first of `data-1`, `data-2` … that no text can close."""
    folded = [_folded(text) for text in texts]
    names = itertools.chain(["data"], (f"data-{number}" for number in itertools.count(1)))
    return next(name for name in names if not any(name + ">" in text for text in folded))


@functools.lru_cache(4096)  # a pool's and the demonstrations' texts come again and again
def _folded(text: str) -> str:
    """Return the text as a hasty reader sees it: no case, width, spaces or invisible characters."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in plain if not c.isspace() and unicodedata.category(c) != "Cf")


def as_data(value: Value, tag: str) -> str:
    """Return the value as it stands in a prompt; the tag must occur in no value of the prompt."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return f"<{tag}>\n{defuse(value)}\n</{tag}>"
    lines = [f"{number}. {one_line(defuse(text))}" for number, text in enumerate(value, 1)]
    return "\n".join([f"<{tag}>", *lines, f"</{tag}>"])


def _texts(values: Mapping[str, Value]) -> Iterator[str]:
    for value in values.values():
        if isinstance(value, str):
            yield value
        elif not isinstance(value, int):
            yield from value


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """A worked example: the values of a user turn and the reply that it should get."""

    values: dict[str, str | int | list[str]]
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt in one language. `version` is "name.vN@" and 8 hex digits of its files' bytes."""

    name: str
    language: str
    version: str
    turns: tuple[tuple[Role, str], ...]
    demonstrations: tuple[Demonstration, ...] = ()

    @property
    def placeholders(self) -> frozenset[str]:
        """Names that `render` needs; `tag` is filled by `render` itself."""
        found = (name for _, text in self.turns for name in _PLACEHOLDER.findall(text))
        return frozenset(found) - {"tag"}

    def render(self, **values: Value) -> tuple[Message, ...]:
        """Return the chat: the turns, with the demonstrations before the last user turn.

        Raises InputError where a placeholder has no value or a value no placeholder.
        """
        self._check(values)
        given = [*_texts(values)]
        for shown in self.demonstrations:
            given += _texts(shown.values)
        tag = _tag(given)
        *before, (last_role, last) = self.turns
        messages = [Message(role, _fill(text, values, tag)) for role, text in before]
        for shown in self.demonstrations:
            messages.append(Message(last_role, _fill(last, shown.values, tag)))
            messages.append(Message("assistant", shown.reply))
        return (*messages, Message(last_role, _fill(last, values, tag)))

    def _check(self, values: Mapping[str, Value]) -> None:
        if values.keys() != self.placeholders:
            given, needed = ", ".join(sorted(values)), ", ".join(sorted(self.placeholders))
            raise InputError(
                f"prompt {self.version} ({self.language}) got values [{given}]; it needs [{needed}]"
            )


def _fill(text: str, values: Mapping[str, Value], tag: str) -> str:
    """Replace the placeholders in one pass, so that a value is never searched for placeholders."""
    return _PLACEHOLDER.sub(
        lambda found: tag if found[1] == "tag" else as_data(values[found[1]], tag), text
    )


@functools.cache
def _versions() -> dict[tuple[str, str], int]:
    """Return the newest version of each (name, language) among the package's files."""
    newest: dict[tuple[str, str], int] = {}
    for entry in files("corpusforge.models").joinpath("prompts").iterdir():
        if found := _FILE.fullmatch(entry.name):
            key = (found["name"], found["language"])
            newest[key] = max(newest.get(key, 0), int(found["version"]))
    return newest


def prompt_names() -> tuple[tuple[str, str], ...]:
    """Return every (name, language) that `prompt` knows, sorted."""
    return tuple(sorted(_versions()))


@functools.cache
def prompt(name: str, language: str) -> Prompt:
    """Return the newest version of a prompt. Raises InputError for an unknown name or language."""
    version = _versions().get((name, language))
    if version is None:
        known = [f"{one} ({other})" for one, other in prompt_names()]
        raise InputError(
            f"no prompt {name!r} in {language!r}.{nearest(f'{name} ({language})', known)}"
        )
    folder = files("corpusforge.models").joinpath("prompts")
    return _read(folder, name, language, version)


def own_prompt(path: str) -> Prompt:
    """Return the prompt of a user's file NAME.LANGUAGE.vN.txt. Raises InputError."""
    file = Path(path)
    found = _FILE.fullmatch(file.name)
    if not found or not file.is_file():
        raise InputError(f"prompt {path!r}: expected a file that is named NAME.LANGUAGE.vN.txt.")
    try:
        return _read(file.parent, found["name"], found["language"], int(found["version"]))
    except UnicodeDecodeError as error:
        raise InputError(f"prompt {path!r} is not UTF-8 (byte {error.start}).") from error


def _read(folder: Traversable, name: str, language: str, version: int) -> Prompt:
    stem = f"{name}.{language}.v{version}"
    text = folder.joinpath(f"{stem}.txt").read_bytes()
    demos = folder.joinpath(f"{stem}.jsonl")
    lines = demos.read_bytes() if demos.is_file() else b""
    digest = hashlib.blake2b(text + b"\x00" + lines, digest_size=4).hexdigest()
    return Prompt(
        name=name,
        language=language,
        version=f"{name}.v{version}@{digest}",
        turns=_turns(text.decode("utf-8"), stem),
        demonstrations=tuple(decode_json(one, Demonstration) for one in lines.splitlines()),
    )


def _turns(text: str, stem: str) -> tuple[tuple[Role, str], ...]:
    pieces: list[Any] = _TURN.split(text)
    roles, texts = pieces[1::2], pieces[2::2]
    if pieces[0].strip() or not roles or roles[-1] != "user":
        raise InputError(
            f"prompt file {stem}.txt must be turns begun by [system] and [user], a user's last"
        )
    return tuple((cast(Role, role), body.strip()) for role, body in zip(roles, texts, strict=True))
