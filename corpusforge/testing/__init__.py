"""The test kit: small stages whose work is importable on any worker."""
