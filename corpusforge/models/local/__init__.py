"""The engine `local`: torch and transformers, rows that join and leave one running batch."""

from corpusforge.models.local.engine import LocalEngine

__all__ = ["LocalEngine"]
