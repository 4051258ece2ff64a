"""A reply's parts: the words before its first block of code, and the blocks; and what a test suite holds."""

from __future__ import annotations

import ast

__all__ = ["asserts", "blocks_of", "defined", "stub"]

_FENCE = "```"


def blocks_of(text: str) -> tuple[str, list[str]]:
    """Return the words before the first fenced block, and the code of each block that is closed."""
    words: list[str] = []
    blocks: list[str] = []
    held: list[str] | None = None
    for line in text.splitlines():
        if line.strip().startswith(_FENCE):
            if held is None:
                held = []
            else:
                blocks.append("\n".join(held).strip("\n") + "\n")
                held = None
        elif held is not None:
            held.append(line)
        elif not blocks:
            words.append(line)
    return "\n".join(words).strip(), blocks


def _tree(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def defined(code: str) -> tuple[str, ...]:
    """Return the names of the functions and classes at the top of code; none where it is no Python."""
    tree = _tree(code)
    found = tree.body if tree else []
    return tuple(one.name for one in found if isinstance(one, (ast.FunctionDef, ast.ClassDef)))


def asserts(tests: str, names: tuple[str, ...]) -> int:
    """Return how many assertions of a test suite name one of `names`; 0 where it is no Python."""
    tree = _tree(tests)
    if tree is None:
        return 0
    return sum(
        any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
    )


def stub(code: str) -> str:
    """Return the code with every function emptied: tests that such code passes test nothing."""
    tree = _tree(code) or ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [ast.Return(ast.Constant(None))]
    return ast.unparse(ast.fix_missing_locations(tree))
