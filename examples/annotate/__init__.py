"""Prompts out to four labelling tools and rankings back in, offline: `python -m examples.annotate`."""
