"""Examples that run: the embedded sample corpus."""

from corpusforge.program import start_module

start_module(__name__)
