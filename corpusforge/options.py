"""Command lines without guesses: what every command's options have in common.

`Parser` is argparse that takes no prefix for an option, refuses empty values, and answers an unknown
option with the nearest known one. Numbers are whole and finite; bounds of their own are in each verb's
settings.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from corpusforge.errors import closest
from corpusforge.printing import say

__all__ = ["Parser", "above_zero", "at_least", "names", "numbers", "share", "unknown"]

_WHOLE = re.compile(r"[+-]?\d[\d_]*", re.ASCII)
_LARGEST = 2**63 - 1


class Parser(argparse.ArgumentParser):
    """argparse without its guesses; its subcommands are of the same kind."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})
        self.register("type", int, _whole)
        self.register("type", float, _number)

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
    told = []
    for flag in dict.fromkeys(flags):
        prefixed = (name for name in names if name.startswith(flag))  # argparse's usual guess
        close = next(prefixed, "") or closest(flag, names)
        told.append(f"unknown option {flag}." + (f" Did you mean {close}?" if close else ""))
    return " ".join(told)


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


def numbers(value: str) -> tuple[float, ...]:
    """Return the numbers of "0.5,0.7"; for an option's `type`."""
    return tuple(_number(part) for part in names(value))
