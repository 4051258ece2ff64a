"""Where Beam is: runner choice, the transform that makes parts, remote file systems.

This is the only package that imports apache_beam.
"""

import logging as _logging
import sys as _sys

from corpusforge.program import start_module as _start_module

_start_module("corpusforge.beam.pool", "corpusforge.beam.assemble", "corpusforge.beam.flink_jar")

# Beam loads these for data frames and MongoDB, which nothing here uses: a third of its import's time.
_unused = [name for name in ("pandas", "pymongo") if name not in _sys.modules]
_sys.modules.update(dict.fromkeys(_unused))  # type: ignore[arg-type]  # None: "not importable"

# Beam warns at import that Google's client is absent; it is an extra here, and its lack is told when used.
_level = _logging.root.manager.disable
_logging.disable(_logging.WARNING)
import apache_beam.io.filesystems  # noqa: E402, F401

_logging.disable(_level)
for _name in _unused:
    del _sys.modules[_name]
