"""The bound on CPU time under the name it had while extraction alone was bounded."""

from corpusforge.cputime import OverTimeError, within

__all__ = ["OverTimeError", "within"]
