"""Prompts for labelling, read from rows of many shapes: labelers', users', an instruct run's.

Every message is redacted before it is kept, users become pseudonyms, and each row is either a
`Prompt` or a `DroppedPrompt` with its rule. Usage logs need a consent field (InstructGPT used only
data whose users had been told). Limits: one language a prompt; use cases by keyword are a guess.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from corpusforge.annotate.records import Prompt
from corpusforge.annotate.understand import RULES, NotUnderstood, asked, opening, requested
from corpusforge.annotate.usecases import use_case
from corpusforge.errors import InputError, nearest
from corpusforge.filter.redact import redact
from corpusforge.identify import UNKNOWN, identify
from corpusforge.identify import Settings as Languages
from corpusforge.io import layouts
from corpusforge.io.jsonl import Bad
from corpusforge.models.records import Message

__all__ = [
    "ORIGINS",
    "Collected",
    "DroppedPrompt",
    "collect",
    "names",
    "prompt_id",
    "prompt_text",
    "pseudonym",
    "row_messages",
]

ORIGINS = ("labeler", "user", "instruct")
_IDS = ("id", "question_id", "custom_id", "uid", "uuid")
"""Fields by which a row's answers elsewhere name it."""
_YES = ("true", "yes", "1", "y", "granted", "同意", "是")
_BATCH = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedPrompt:
    """A row that is in no pool: where it stood, the rule, value against bound, and the prompt left.

    `nearest` is the id of the prompt kept instead. `prompt` is redacted; None where there was none.
    """

    locator: str
    rule: str
    value: str = ""
    bound: str = ""
    nearest: str = ""
    prompt: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """Prompts of some files, what was dropped, placeholders put, row ids to prompt ids, and how many
    later user turns were left out of the prompts (`understand.opening`)."""

    prompts: tuple[Prompt, ...]
    dropped: tuple[DroppedPrompt, ...]
    redacted: dict[str, int]
    aliases: dict[str, str]
    later_turns: int = 0

    @property
    def seen(self) -> int:
        """Rows read."""
        return len(self.prompts) + len(self.dropped)


def pseudonym(kind: str, name: str, salt: str) -> str:
    """Return `kind` ("u", "r") and 12 hex digits of a hash keyed with the job's secret salt."""
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), key=key, digest_size=6)
    return f"{kind}_{digest.hexdigest()}"


def prompt_id(messages: Iterable[Message]) -> str:
    """Return "p_" and 16 hex digits of a hash of the messages."""
    text = "\x1e".join(f"{message.role}\x1f{message.content}" for message in messages)
    return "p_" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def prompt_text(prompt: Prompt) -> str:
    """Return all that the messages say, one after the other."""
    return "\n\n".join(message.content for message in prompt.messages)


def row_messages(row: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the messages a row asks with; empty where it has none or is not understood whole."""
    try:
        return asked(row)
    except NotUnderstood:
        return ()


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\x00", "").strip()


def collect(
    paths: Iterable[tuple[str, str]],
    salt: str,
    rules: tuple[str, ...],
    *,
    logs: Iterable[str] = (),
) -> Collected:
    """Read (origin, path) pairs of rows; `logs` are usage logs, kept only with consent.

    Files are JSON (lines or array) or Parquet, packed or not. A row's own `origin` wins over the pair's.
    Raises InputError for an unknown origin, or a file that cannot be read to its end.
    """
    prompts: list[Prompt] = []
    dropped: list[DroppedPrompt] = []
    redacted: Counter[str] = Counter()
    aliases: dict[str, str] = {}
    later: list[int] = []
    sources = [(origin, path, False) for origin, path in paths]
    for origin, path, is_log in sources + [("user", path, True) for path in logs]:
        if origin not in ORIGINS:
            raise InputError(f"origin {origin!r} of {path!r} is unknown.{nearest(origin, ORIGINS)}")
        for found in _read(path, origin, salt, rules, is_log, redacted, aliases, later):
            if isinstance(found, Prompt):
                prompts.append(found)
            else:
                dropped.append(found)
    kept = tuple(_labelled(prompts))
    return Collected(kept, tuple(dropped), dict(redacted), aliases, sum(later))


def names(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (field, value) of the fields by which a row is named."""
    return [(key, str(row[key])) for key in _IDS if row.get(key) is not None]


def _read(
    path: str,
    origin: str,
    salt: str,
    rules: tuple[str, ...],
    is_log: bool,
    redacted: Counter[str],
    aliases: dict[str, str],
    later: list[int],
) -> Iterator[Prompt | DroppedPrompt]:
    for read in layouts.values(path):
        locator = f"{path.rsplit('/', 1)[-1]}:{read.number}"
        if isinstance(read, Bad):
            yield DroppedPrompt(locator=locator, rule="not_json", value=read.error[:200])
            continue
        row, left = opening(requested(read.value) if isinstance(read.value, dict) else {})
        try:
            messages = asked(row)
        except NotUnderstood as error:
            yield DroppedPrompt(
                locator=locator, rule=error.rule, value=error.value, bound=RULES[error.rule]
            )
            continue
        prompt = _prompt(row, messages, origin, salt, rules, redacted)
        aliases.setdefault(prompt_id(messages), prompt.id)
        for key, value in names(row):
            aliases[f"{key}={value}"] = prompt.id
            aliases.setdefault(value, prompt.id)
        if is_log and str(prompt.consent).lower() not in _YES:
            yield DroppedPrompt(locator=locator, rule="no_consent", value=prompt.consent[:80])
            continue
        later.append(left)
        yield prompt


def _prompt(
    row: Mapping[str, Any],
    messages: tuple[Message, ...],
    origin: str,
    salt: str,
    rules: tuple[str, ...],
    redacted: Counter[str],
) -> Prompt:
    if rules:
        found = [redact(message.content, rules) for message in messages]
        for item in found:
            redacted.update(item.counts)
        messages = tuple(
            replace(message, content=item.text)
            for message, item in zip(messages, found, strict=True)
        )
    own = str(row.get("origin", ""))
    origin = own if own in ORIGINS else origin
    name = row.get("user", row.get("user_id", row.get("labeler", row.get("author", ""))))
    return Prompt(
        id=prompt_id(messages),
        messages=messages,
        origin=origin,
        user=pseudonym("u", str(name), salt) if name not in ("", None) else "",
        language=_clean(str(row.get("language", row.get("lang", "")) or "")),
        use_case=_clean(str(row.get("use_case", row.get("category", "")) or "")),
        consent=_clean(str(row.get("consent", "") or "")),
    )


def _labelled(prompts: list[Prompt]) -> Iterator[Prompt]:
    """Fill in the languages and use cases that the rows did not give."""
    for first in range(0, len(prompts), _BATCH):
        some = prompts[first : first + _BATCH]
        last = [prompt.messages[-1].content for prompt in some]
        labels, _ = identify(pa.array(last, pa.large_string()), Languages(engine="pycld2"))
        for prompt, label, text in zip(some, labels, last, strict=True):
            yield replace(
                prompt,
                language=prompt.language or (_by_script(text) if label == UNKNOWN else label),
                use_case=prompt.use_case or use_case(prompt),
            )


def _by_script(text: str) -> str:
    """Return "zh" for a text of Han characters without kana, too short for the identifier."""
    han = sum("\u4e00" <= character <= "\u9fff" for character in text)
    kana = any("\u3040" <= character <= "\u30ff" for character in text)
    return "zh" if han and not kana and 2 * han >= len(text.split()) else UNKNOWN
