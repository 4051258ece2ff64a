"""One JSON Schema per record written or read; the version is in the name."""
