"""What the names in a source stand for: by them the contract tests see a thing however it was imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping


def imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Every name that statements import and, dotted, what it stands for; relative imports are not seen."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def dotted(node: ast.AST, names: Mapping[str, str]) -> str:
    """The dotted name of `csv.writer` or `os.environ["X"]`, "" for what no import of `names` gave."""
    parts: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in names:
        return ".".join([names[node.id], *reversed(parts)])
    return ""
