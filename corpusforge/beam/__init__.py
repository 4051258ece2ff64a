"""Where Beam is: runner choice, the transform that makes parts, remote file systems.

This is the only package that imports apache_beam.
"""
