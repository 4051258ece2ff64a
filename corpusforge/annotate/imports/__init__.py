"""Rankings come in: readers of labelling exports and of public preference files, and the state.

`answers` judges one row, `stream` cuts files into rows, `run` merges imports, `sources` reads
preference files that were made elsewhere. Formats of each tool stand in `corpusforge.annotate.targets`.
"""
