"""A call carried out: its tool, told by name, and a result in one line; nothing but Python runs anything."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from corpusforge.instruct.cot.runner import Limits, run_tests
from corpusforge.instruct.ground.passages import Document
from corpusforge.instruct.tools.calculator import calculate
from corpusforge.instruct.tools.conversion import convert
from corpusforge.instruct.tools.dates import calendar
from corpusforge.instruct.tools.errors import ToolError
from corpusforge.instruct.tools.search import Search
from corpusforge.instruct.tools.settings import Settings

__all__ = ["Execute", "open_tools", "run_python"]

Execute = Callable[[str, str, str, str], str]
"""From tool, argument, language and the id of the text's document to a result. Raises ToolError."""

_LIMITS = Limits(cpu_seconds=2, wall_seconds=6.0, memory=1 << 29)
_RESULT = 300  # characters of a result
_QUIET = (
    "import warnings; warnings.simplefilter('ignore')"  # else they stand before what is printed
)


def open_tools(settings: Settings, documents: Sequence[Document]) -> Execute:
    """Return what carries out calls; indexes the documents where they are searched. Raises InputError."""
    search = Search(documents) if "search" in settings.tools else None
    tools: Mapping[str, Callable[[str, str, str], str]] = {
        "calculator": lambda argument, _, __: calculate(argument),
        "calendar": lambda argument, language, _: calendar(argument, language, settings.today),
        "convert": lambda argument, _, __: convert(argument),
        "search": lambda argument, _, document: search.find(argument, document) if search else "",
        "python": lambda argument, _, __: run_python(argument),
    }

    def execute(tool: str, argument: str, language: str, document: str) -> str:
        result = " ".join(tools[tool](argument, language, document).split())
        if not result or len(result) > _RESULT:
            raise ToolError(f"a result has 1 to {_RESULT} characters, this one {len(result)}")
        return result

    return execute


def run_python(code: str) -> str:
    """Return what code prints, or the value of its last expression. Raises ToolError."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ToolError("not Python") from error
    if not tree.body:
        raise ToolError("no code")
    last = tree.body[-1]
    prints = isinstance(last, ast.Expr) and "print(" not in code
    if prints and isinstance(last, ast.Expr):
        call = ast.Call(ast.Name("print", ast.Load()), [last.value], [])
        last.value = call
        code = ast.unparse(ast.fix_missing_locations(tree))
    outcome = run_tests(_QUIET, code, _LIMITS)
    if not outcome.passed:
        raise ToolError(f"the code did not run ({outcome.reason}): {outcome.detail[:100]}")
    return outcome.printed
