"""Where Beam runs: runner choice, the transform that makes parts, forked workers, clusters.

Beam is imported here, and in `corpusforge.io.remote` for object stores; nowhere else.
"""

from corpusforge.program import start_module as _start_module
from corpusforge.startup import without_unused as _without_unused

_start_module("corpusforge.beam.pool", "corpusforge.beam.assemble", "corpusforge.beam.flink_jar")

with _without_unused("pandas", "pymongo"):
    import apache_beam.io.filesystems  # noqa: F401
