"""Runnable entry points: options and wiring, nothing else."""

from corpusforge.program import start_module

start_module(__name__)
