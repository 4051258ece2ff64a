"""What is trained: one folder a classifier, each with its recipe, floors and command lines."""

from corpusforge.program import start_module

start_module(__name__)
