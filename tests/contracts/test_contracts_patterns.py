"""No pattern of the package takes more than linear time, whatever text it is given.

Every compiled pattern is found by itself: in modules, in what their containers, records and classes
hold, in the answers of cached functions, and, by the source, where functions give `re` a pattern.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from pattern_steps import Steps, TooManySteps, attacks, has_repeat, heaviest, text_of, worst

import classifiers
import corpusforge
import pipelines
import schemas
from corpusforge.filter.line_patterns import MARKS

_CALLS = frozenset(
    {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
)
_AT_START = frozenset({"match", "fullmatch"})


def modules() -> Iterator[ModuleType]:
    """Every module of the project, imported."""
    for package in (corpusforge, classifiers, pipelines, schemas):
        yield package
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


def held(value: Any, seen: set[int]) -> Iterator[re.Pattern[Any]]:
    """Every pattern that a value is or holds."""
    if id(value) in seen:
        return
    seen.add(id(value))
    inner: Any = ()
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict) or type(value).__name__ == "mappingproxy":
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = value
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        inner = [getattr(value, name, None) for name in value.__dataclass_fields__]
    elif isinstance(value, type) and value.__module__.split(".")[0] in _OWN:
        inner = list(vars(value).values())
    elif hasattr(value, "cache_info"):
        inner = [value()] if _makes_patterns(value) else []
    elif isinstance(value, FunctionType) and value.__module__.split(".")[0] in _OWN:
        inner = [
            *(value.__defaults__ or ()),
            *(cell.cell_contents for cell in value.__closure__ or ()),
        ]
    for each in inner:
        yield from held(each, seen)


def _makes_patterns(function: Any) -> bool:
    source = inspect.getsource(function)
    return not inspect.signature(function).parameters and bool(re.search(r"\bre\.|Pattern", source))


_OWN = ("corpusforge", "classifiers", "pipelines", "schemas")


class _Unknown(dict[str, Any]):
    """Names of a module; others, which only a running function knows, stand for a word."""

    def __missing__(self, name: str) -> Any:
        if (
            name in vars(__builtins__)
            if isinstance(__builtins__, ModuleType)
            else name in __builtins__
        ):
            raise KeyError(name)
        return "word"


def written(module: ModuleType) -> Iterator[tuple[int, str, re.Pattern[Any] | str]]:
    """Every pattern that the module's source gives to `re`: line, function, pattern or why unknown."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re"):
            continue
        name = node.func.attr
        if name not in _CALLS:
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        place = {"sub": 4, "subn": 4, "split": 3, "compile": 1}.get(name, 2)
        flags = given.get("flags", node.args[place] if len(node.args) > place else None)
        try:
            names = _Unknown(vars(module))
            value, own = (
                eval(compile(ast.Expression(part), "", "eval"), names) if part else 0
                for part in (node.args[0], flags)
            )
            yield (
                node.lineno,
                name,
                value if isinstance(value, re.Pattern) else re.compile(value, own),
            )
        except Exception as error:
            yield node.lineno, name, f"{type(error).__name__}: {error}"


@cache
def imported_from(module: ModuleType) -> dict[str, tuple[str, str]]:
    """Name in a module → (module, name) that it was imported from."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def only_at_start(loaded: list[ModuleType]) -> set[tuple[str, str]]:
    """(module, name) of the patterns that are only ever tried at one place: by match or fullmatch."""
    at_start: set[tuple[str, str]] = set()
    elsewhere: set[tuple[str, str]] = set()
    for module in loaded:
        tree = ast.parse(inspect.getsource(module))
        home = imported_from(module)
        good = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in _AT_START
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                own = home.get(node.id, (module.__name__, node.id))
                (at_start if id(node) in good else elsewhere).add(own)
    return at_start - elsewhere


@dataclass(frozen=True)
class Found:
    """A pattern, where it stands, and whether it is tried at one place only."""

    module: str
    place: str
    pattern: re.Pattern[Any]
    at_start: bool


def every() -> tuple[list[Found], list[str]]:
    """The patterns of the project, each once, and the places whose pattern is not known."""
    loaded = list(modules())
    anchored = only_at_start(loaded)
    found: dict[tuple[Any, int], Found] = {}
    strange = []

    def note(item: Found) -> None:
        key = (item.pattern.pattern, item.pattern.flags)
        if key not in found or (found[key].at_start and not item.at_start):
            found[key] = item

    for module in loaded:
        name = module.__name__
        visited = {id(value) for value in vars(module).values() if isinstance(value, ModuleType)}
        for own, value in list(vars(module).items()):
            if own.startswith("__"):
                continue
            for pattern in held(value, visited):
                home = imported_from(module).get(own, (name, own))
                note(Found(*home, pattern, home in anchored and pattern is value))
        for line, call, pattern in written(module):
            if isinstance(pattern, str):
                strange.append(f"{name}:{line}: {pattern}")
            elif call != "compile" or (pattern.pattern, pattern.flags) not in found:
                note(Found(name, f"line {line}", pattern, call in _AT_START))
    return list(found.values()), strange


LIMITED = {
    ("corpusforge.filter.pii", "_DOMAIN"): 255,
    ("corpusforge.filter.secrets", "_URL_START"): 128,
    ("corpusforge.filter.secrets", "_NAME"): 56,
    ("corpusforge.filter.secrets", "_ASSIGNED"): 48,
    ("corpusforge.ingest.languages", "_MODELINE"): 300,
    ("corpusforge.instruct.cot.questions", "_HASHES"): 500,
}
"""Patterns that see no more than so many characters of a text: the code that uses them cuts it."""
_MOST = 400_000  # steps, some milliseconds, of a pattern that a limit bounds


def limit_of(found: Found) -> tuple[int | None, bool]:
    """The most characters that a pattern sees, and whether it is tried at one place only."""
    if (found.module, found.place) == ("corpusforge.filter.line_patterns", "MARKS"):
        return {mark.pattern: mark.longest for mark in MARKS}[found.pattern], True
    return LIMITED.get((found.module, found.place)), found.at_start


@pytest.fixture(scope="module")
def found() -> tuple[list[Found], list[str]]:
    return every()


def test_every_pattern_that_the_source_names_is_known(found) -> None:
    patterns, strange = found
    assert strange == []
    assert len(patterns) > 300
    places = {(each.module, each.place) for each in patterns}
    assert places >= LIMITED.keys(), "a limit for a pattern that is no longer there"
    for module, place in (
        ("corpusforge.ingest.languages", "_TELLING"),  # in a dict of tuples
        ("corpusforge.filter.line_patterns", "MARKS"),  # in records
        ("corpusforge.ingest.licences", "_NOTICES"),
        ("corpusforge.instruct.cot.answers", "_LETTER"),
    ):
        assert (module, place) in places
    assert any(place.startswith("line ") for _, place in places), "given to re in a function"


PACKAGES = sorted(
    {
        f"corpusforge.{path.name}"
        for path in Path(corpusforge.__path__[0]).iterdir()
        if path.is_dir()
    }
    - {"corpusforge.__pycache__"}
)


@pytest.mark.parametrize("package", [*PACKAGES, ""])
def test_no_pattern_takes_more_than_linear_time(package: str, found) -> None:
    guilty = {}
    for each in found[0]:
        own = ".".join(each.module.split(".")[:2])
        if (own if own in PACKAGES else "") != package:
            continue
        steps = Steps(each.pattern)
        limit, at_start = limit_of(each)
        if limit is not None:
            if heaviest(steps, limit, at_start=at_start) > _MOST:
                guilty[f"{each.module}.{each.place} on {limit} characters"] = each.pattern.pattern
        elif has_repeat(steps.tree) and (text := worst(steps, at_start=at_start)):
            guilty[f"{each.module}.{each.place} on {text}"] = each.pattern.pattern
    assert guilty == {}


QUADRATIC = {
    "an external link's two repeats": r"\[(?:https?:|(?=//))(?://)?[^\s\[\]<>]+([^\[\]\n]*)\]",
    "a word in a table's cell": r"^[^|\[\]{}]*?[\w-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s|\"']+)[^|\[\]{}]*\|",
    "white space over lines": r"(?m)^\s*license\s*=\s*[\"']?([^\"'\n]+?)[\"']?\s*,?\s*$",
    "an end that is tried from each place": rb"\r*\n\r*\n",
    "a class that holds its own beginning": rb"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.eyJ",
    "a comment without an end": r"<!--.*?-->",
    "a bound of thousands": r"<[^>]{1,5000}>",
    "two ways to read a line": r"---\n(?:[ ]*[\w.-]+:.*\n|[ ]+\S.*\n){1,80}?---",
    "a repeat of a repeat": r"(a+)+$",
    "back references": r"(\w+)\s\1",
    "a repeat behind a look": r"(?=\s*x)",
}
LINEAR = {
    "possessive": r"(?<!\s)\s*+x",
    "atomic": r"---\n(?>[ ]*[\w.-]+:.*\n|[ ]+\S.*\n){1,20}?---",
    "a small bound": r"<[^>]{1,100}>",
    "a class without its own beginning": r"<[^<>]*>",
    "no repeat": r"abc|abd",
    "from line to line": r"(?m)^[^\S\n]*+license",
}


@pytest.mark.parametrize("pattern", QUADRATIC.values(), ids=QUADRATIC)
def test_patterns_known_to_be_slow_are_caught(pattern: str | bytes) -> None:
    assert worst(Steps(re.compile(pattern))) != ""


@pytest.mark.parametrize("pattern", LINEAR.values(), ids=LINEAR)
def test_patterns_known_to_be_linear_pass(pattern: str) -> None:
    assert worst(Steps(re.compile(pattern))) == ""


def test_the_counted_search_finds_what_re_finds(found) -> None:
    for pattern in [*(each.pattern for each in found[0]), *map(re.compile, QUADRATIC.values())]:
        steps = Steps(pattern, most=200_000)
        for attack in itertools.islice(attacks(steps), 0, 400, 50):
            text = text_of(attack, 60)
            try:
                spans = steps.scan(text)[1]
            except TooManySteps:
                continue
            assert spans == [match.span() for match in pattern.finditer(text)], (pattern, text)
