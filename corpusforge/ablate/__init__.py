"""Does the data make a better model? One small decoder trained on each of several runs, and compared.

`run.ablate` is the whole experiment; `model`, `train` and `measure` are its steps; `ngram` is a proxy
that takes seconds; `huggingface` hands a trained model to other tools. torch is imported inside
(extra `local`).
"""
