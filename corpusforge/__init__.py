"""corpusforge makes the data that language models are trained on.

The path of a document, one package a verb:

    ingest → extract → identify → filter → score → dedup → decontaminate → tokenize → mix → shard → report

Importing this package loads neither Beam nor torch nor openai.
"""

__all__ = ["__version__"]
__version__ = "0.1.0.dev0"
