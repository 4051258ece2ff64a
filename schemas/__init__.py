"""One JSON Schema per record written or read; the version is in the name."""

from corpusforge.program import start_module

start_module(__name__)
