"""Measurements, `python -m benchmarks.NAME --help`; shared parts are in `harness`, results in `results.d`."""
