"""The one error of a tool: what is wrong with a call, in words that go into its reject."""

from __future__ import annotations

from corpusforge.errors import CorpusforgeError

__all__ = ["ToolError"]


class ToolError(CorpusforgeError):
    """A call that a tool does not carry out."""
