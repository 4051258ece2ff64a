"""Command lines without guesses: what every command's options have in common.

`Parser` is argparse that takes no prefix for an option, refuses empty values, and answers an unknown
option with the nearest known one. Numbers are whole and finite; bounds of their own are in each verb's
settings. `add_settings` makes one option for each setting of a class, with its description.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn, Self, TypeVar

from corpusforge.errors import InputError, closest
from corpusforge.fields import descriptions
from corpusforge.printing import say

__all__ = [
    "Parser",
    "above_zero",
    "add_settings",
    "at_least",
    "named",
    "names",
    "numbers",
    "settings_of",
    "share",
    "unknown",
]

T = TypeVar("T")

_WHOLE = re.compile(r"[+-]?\d[\d_]*", re.ASCII)
_LARGEST = 2**63 - 1


class Parser(argparse.ArgumentParser):
    """argparse without its guesses; its subcommands are of the same kind."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})
        self.register("type", int, _whole)
        self.register("type", float, _number)

    @classmethod
    def of(cls, pipeline: str, description: str | None) -> Self:
        """Return the parser of `python -m pipelines.PIPELINE`, described as it is written."""
        raw = argparse.RawDescriptionHelpFormatter
        return cls(
            prog=f"python -m pipelines.{pipeline}", description=description, formatter_class=raw
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but unknown arguments are an error here, where the known ones are known."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(unknown(rest, self.known()))
        return found, rest

    def parse_with_rest(
        self, argv: Sequence[str] | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Return the options, and every argument that is not one of them, in order."""
        return super().parse_known_args(argv)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """As argparse's, for values that were given, not for defaults: an empty one is an error."""
        if (
            "" in arg_strings and action.nargs != argparse.PARSER
        ):  # a subcommand's are looked at there
            text = "the value is empty; give one, or leave the option out"
            raise argparse.ArgumentError(action, text)
        return super()._get_values(action, arg_strings)

    def known(self) -> list[str]:
        """Return the names of the options."""
        return list(self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with code 2."""
        say(f"error: {message} (`{self.prog} --help` lists the options)", error=True)
        self.exit(2)


def unknown(arguments: Sequence[str], known: Iterable[str]) -> str:
    """Return the message about arguments that no option takes, each with the nearest known name."""
    flags = [word.partition("=")[0] for word in arguments if word.startswith("-") and word != "--"]
    if not flags:
        return f"unexpected argument {arguments[0]!r}; options are written --NAME VALUE."
    names = [name for name in known if name.startswith("--")]
    messages = []
    for flag in dict.fromkeys(flags):
        prefixed = (name for name in names if name.startswith(flag))  # argparse's usual guess
        close = next(prefixed, "") or closest(flag, names)
        messages.append(f"unknown option {flag}." + (f" Did you mean {close}?" if close else ""))
    return " ".join(messages)


def _whole(value: str) -> int:
    if not _WHOLE.fullmatch(value.strip()) or len(value) > 40 or abs(int(value)) > _LARGEST:
        raise argparse.ArgumentTypeError(f"{value[:60]!r} is not a whole number (up to 2^63)")
    return int(value)


def _number(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{value[:60]!r} is not a number")
    return number


def at_least(least: int, most: int = _LARGEST) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`, for an option's `type`."""

    def read(value: str) -> int:
        number = _whole(value)
        if not least <= number <= most:
            bounds = f"at least {least}" if most == _LARGEST else f"{least} to {most:,}"
            raise argparse.ArgumentTypeError(f"{value} is out of bounds; expected {bounds}")
        return number

    return read


def above_zero(value: str) -> float:
    """Return a number above 0; for an option's `type`."""
    number = _number(value)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{value!r} is not above 0")
    return number


def share(value: str) -> float:
    """Return a share above 0, at most 1; for an option's `type`."""
    number = _number(value)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(
            f"{value} is out of bounds; expected a share above 0, at most 1"
        )
    return number


def names(value: str) -> tuple[str, ...]:
    """Return the names of "a, b,c"; for an option's `type`."""
    found = tuple(name.strip() for name in value.split(",") if name.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"{value!r} names nothing; expected NAME,NAME…")
    return found


def named(given: Iterable[str], option: str) -> dict[str, str]:
    """Return name → value of NAME=VALUE options, each name once and fit for a folder's. Raises InputError."""
    found: dict[str, str] = {}
    for text in given:
        name, _, value = text.partition("=")
        plain = name.strip() and not set("/\\:") & set(name) and not name.startswith(".")
        if not plain or not value or name in found:
            raise InputError(
                f"{option} {text!r}: expected NAME=VALUE, each name once, a plain one: it is a folder's."
            )
        found[name] = value
    return found


def numbers(value: str) -> tuple[float, ...]:
    """Return the numbers of "0.5,0.7"; for an option's `type`."""
    return tuple(_number(part) for part in names(value))


def add_settings(
    parser: argparse.ArgumentParser,
    cls: type[Any],
    title: str,
    *,
    skip: Collection[str] = (),
    rename: Mapping[str, str] | None = None,
    prefix: str = "",
    default: Any = None,
) -> None:
    """Add a group with an option for each setting of a frozen dataclass, described as the class does.

    `skip` names settings that the command sets otherwise, `rename` gives a setting another option name;
    `prefix` keeps destinations of two classes apart. `default` is the object whose values are shown as
    defaults (`cls()` without it). Only options that are given are remembered: see `settings_of`. Settings
    that are tables or settings themselves have no option.
    """
    group = parser.add_argument_group(title)
    default, described = default or cls(), descriptions(cls)  # type: ignore[arg-type]  # classes hash
    hints = typing.get_type_hints(cls)
    for item in dataclasses.fields(cls):
        if item.name in skip or (how := _how(hints[item.name])) is None:
            continue
        value = getattr(default, item.name)
        shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        shown = (
            f"{value:g}"
            if isinstance(value, float)
            else shown
            if shown.isprintable()
            else repr(value)
        )
        off = shown in ("", "None", "False")
        text = described.get(item.name, "").rstrip(".") + ("" if off else f" (default: {shown})")
        flag = (rename or {}).get(item.name, item.name).replace("_", "-")
        group.add_argument(
            f"--{flag}",
            dest=f"{prefix}{item.name}",
            default=argparse.SUPPRESS,
            help=text.replace("%", "%%"),
            **how,
        )


def settings_of(
    namespace: argparse.Namespace,
    cls: type[T],
    *,
    prefix: str = "",
    default: T | None = None,
    **more: Any,
) -> T:
    """Return the settings that a command line gave, over `default` (`cls()` without it); `more` wins.

    Raises RecipeError, as the class does, for values out of bounds.
    """
    known = {f"{prefix}{item.name}": item.name for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    given = {known[key]: value for key, value in vars(namespace).items() if key in known}
    return dataclasses.replace(default or cls(), **{**given, **more})  # type: ignore[type-var]


def _how(hint: Any) -> dict[str, Any] | None:
    """Return argparse's type and metavar for a setting's annotation; None where no option can say it."""
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    if typing.get_origin(hint) is typing.Literal:
        return {"choices": typing.get_args(hint)}
    if typing.get_origin(hint) is tuple:
        reader = {str: names, float: numbers}.get(typing.get_args(hint)[0])
        return {"type": reader, "metavar": "A,B"} if reader else None
    plain: dict[Any, dict[str, Any]] = {
        bool: {"action": argparse.BooleanOptionalAction},
        int: {"type": int, "metavar": "N"},
        float: {"type": float, "metavar": "X"},
        str: {"metavar": "TEXT"},
    }
    return plain.get(hint)
