"""Where Beam is: runner choice, the transform that makes parts, remote file systems.

This is the only package that imports apache_beam.
"""

import logging as _logging

# Beam warns at import that Google's client is absent; it is an extra here, and its lack is told when used.
_level = _logging.root.manager.disable
_logging.disable(_logging.WARNING)
import apache_beam.io.filesystems  # noqa: E402, F401

_logging.disable(_level)
