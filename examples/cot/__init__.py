"""The offline demonstration of `python -m pipelines.bootstrap_cot`."""
