"""A public function that takes or returns arrays says their shapes in brackets: `uint32 [texts, slots]`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "corpusforge"
OTHERS = ("instruct", "models", "annotate", "testing")
"""Rooms that this does not look into (yet)."""
MODULES = sorted(
    path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in OTHERS
)

ARRAY = re.compile(
    r"\b(NDArray|np\.ndarray|[UIF](8|16|32|64)|pa\.(Chunked|(Large)?(String|List|U?Int\d+))?Array)\b"
)
"""Annotations of numpy's and Arrow's arrays, and our short names of them; batches and tables have a schema
instead."""
SHAPE = re.compile(r"\[\w[\w ]*(?:[-+*/] ?\w[\w ]*)*(?:, \w[\w ]*(?:[-+*/] ?\w[\w ]*)*)*\]")
"""`[documents]`, `[documents + 1]`, `[rows, 2]`: an axis is named after what it counts."""


def annotations(node: ast.FunctionDef) -> str:
    """All annotations of a function's arguments and result."""
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    given = [item.annotation for item in arguments] + [node.returns]
    return " ".join(ast.unparse(item) for item in given if item is not None)


def functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    """Public functions and methods, each with what says its shapes: its own docstring and its class's."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            fields = [
                item.value.value
                for item in node.body
                if isinstance(item, ast.Expr)
                and isinstance(item.value, ast.Constant)
                and isinstance(item.value.value, str)
            ]
            for item in node.body:
                if isinstance(item, ast.FunctionDef):
                    yield item, "\n".join([ast.get_docstring(item) or "", *fields])


def shapeless(source: str) -> Iterator[str]:
    """The functions whose arrays have no shape."""
    for node, said in functions(ast.parse(source)):
        public = not node.name.startswith("_")
        kernel = any("jit" in ast.unparse(item) for item in node.decorator_list)
        if public and not kernel and ARRAY.search(annotations(node)) and not SHAPE.search(said):
            yield f"{node.name}:{node.lineno}"


def test_functions_of_arrays_say_their_shapes() -> None:
    guilty = {
        path.relative_to(ROOT).as_posix(): found
        for path in MODULES
        if (found := [*shapeless(path.read_text("utf-8"))])
    }
    assert guilty == {}


@pytest.mark.parametrize(
    "docstring",
    ["Return the lengths.", "Return the lengths of `texts`.", "Return lengths (int64)."],
)
def test_a_function_without_shapes_is_seen(docstring: str) -> None:
    source = f'def lengths(x: pa.Array) -> NDArray[np.int64]:\n    """{docstring}"""'
    assert list(shapeless(source)) == ["lengths:1"]


@pytest.mark.parametrize("shape", ["[n]", "[documents + 1]", "[rows, 2]", "[spans, flags + 1]"])
def test_a_shape_is_read(shape: str) -> None:
    source = f'def lengths() -> NDArray[np.int64]:\n    """Return the lengths, int64 {shape}."""'
    assert list(shapeless(source)) == []
